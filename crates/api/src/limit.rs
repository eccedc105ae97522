//! Limits of one request, the same on every relay. What a relay lets an account do in all is its own
//! configuration.

/// The longest account name, in bytes (M-LIST-1).
pub const NAME_LEN: usize = 64;
/// The most devices of an account (M-LIST-2).
pub const DEVICES: usize = 8;
/// The longest ciphertext of one device's part of a message, in bytes.
pub const CIPHERTEXT_LEN: usize = 96 * 1024;
/// The most messages in one [`Submit`](crate::frame::Submit).
pub const SENDS_PER_FRAME: usize = 256;
/// The longest frame of the socket and the longest JSON body, in bytes: a message of the greatest
/// length for all devices of an account fits, also in base64.
pub const FRAME_LEN: usize = 1024 * 1024 + 64 * 1024;
/// The most one-time prekeys of one kind in one upload.
pub const PREKEYS_PER_UPLOAD: usize = 200;
/// The most one-time prekeys of one kind that a relay keeps for a device.
pub const PREKEYS_HELD: usize = 1_000;
/// How far a client's clock may be from the relay's at login, in seconds.
pub const LOGIN_CLOCK_SKEW: u64 = 300;
/// How long a bearer token lasts, in seconds.
pub const TOKEN_LIFETIME: u64 = 24 * 60 * 60;
/// How far below the highest accepted number a send may still be numbered.
pub const NUMBER_WINDOW: u64 = 1024;
/// The highest number of a send: what a signed 64-bit integer holds.
pub const NUMBER_MAX: u64 = i64::MAX as u64;
/// The most envelopes in one answer of `GET /v1/messages`.
pub const ENVELOPES_PER_POLL: usize = 100;
/// The most seconds that `GET /v1/messages` waits for an envelope.
pub const POLL_WAIT: u64 = 60;
/// The longest blob, in bytes.
pub const BLOB_LEN: u64 = 101 * 1024 * 1024;
/// The longest part of a blob in one upload request, in bytes.
pub const BLOB_PART_LEN: usize = 1024 * 1024;
