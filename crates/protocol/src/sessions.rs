//! All sessions with one device (Sesame, revision 2): one active, a few archived.

use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;

use crate::address::DeviceIdentity;
use crate::codec::{Damaged, Reader, Writer};
use crate::device::LocalDevice;
use crate::env::Env;
use crate::message::{FIRST_MESSAGE_PREFIX_LEN, Handshake, Incoming};
use crate::prekeys::{Unavailable, VerifiedBundle};
use crate::ratchet::{OpenError, SealError};
use crate::session::{InitiateError, Session, SessionId};
use crate::time::Timestamp;
use crate::trace::Observer;
use crate::x25519::InvalidKey;

/// The most sessions kept beside the active one; the one unused for longest goes first.
pub const MAX_ARCHIVED: usize = 5;

/// The sessions of our device with one other device. Sending uses the active one; a message that
/// opens on an archived one makes that one active, so two sides that start at once end up on the
/// same session.
pub struct Sessions {
    peer: DeviceIdentity,
    /// The active one first, then the archived ones, last active first.
    sessions: Vec<Session>,
}

/// Why nothing was sealed; the state is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncryptError {
    /// There is no session: fetch a bundle and [`initiate`](Sessions::initiate).
    #[error("there is no session with this device yet")]
    NoSession,
    /// Nobody has answered the session for 30 days: fetch a bundle and initiate a new one.
    #[error("the session has not been answered for 30 days")]
    Unanswered,
    /// The plaintext is longer than [`MAX_PLAINTEXT_LEN`](crate::MAX_PLAINTEXT_LEN).
    #[error("the plaintext is longer than 64 KiB")]
    TooLong,
    /// The session cannot go on: fetch a bundle and initiate a new one.
    #[error("the session has ended")]
    SessionEnded,
}

/// Why a message was not opened. The sessions and the device are bit for bit as they were, and none
/// of this is told to the sender (M-SES-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecryptError {
    /// No sender of this version makes such bytes.
    #[error("not a message of this version")]
    Malformed,
    /// No key we hold opens it: forged, damaged, or from a session that is gone. So is a message that
    /// was read before, if it comes again after its chain is gone: whoever receives messages at least
    /// once should drop those that it has processed, by their ids, before this is asked.
    #[error("unreadable")]
    Unreadable,
    /// It was read before, or its key was dropped by a limit.
    #[error("already read, or kept for too long")]
    Duplicate,
    /// It would skip more than [`MAX_SKIP`](crate::ratchet::MAX_SKIP) messages. Unless some of them
    /// arrive, the peer's messages on this session stay too far ahead; a new session is due.
    #[error("too many messages are missing before it")]
    TooFarAhead,
    /// It starts a session with a prekey that we do not have (any more); also where it was read before
    /// and its session is gone.
    #[error("it uses a prekey that is gone")]
    UnknownPreKey,
    /// It starts a session without a one-time prekey, and there have been too many of those on this
    /// signed prekey. It stays unread; a new handshake by the next signed prekey, or with a one-time
    /// prekey, works.
    #[error("too many sessions were started without a one-time prekey")]
    TooManyLastResort,
}

impl From<OpenError> for DecryptError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Unreadable => Self::Unreadable,
            OpenError::Duplicate => Self::Duplicate,
            OpenError::TooFarAhead => Self::TooFarAhead,
        }
    }
}

impl From<Unavailable> for DecryptError {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::UnknownPreKey => Self::UnknownPreKey,
            Unavailable::Replayed => Self::Duplicate,
            Unavailable::MemoryFull => Self::TooManyLastResort,
            Unavailable::Unreadable => Self::Unreadable,
        }
    }
}

/// An opened message. Its `Debug` shows no text.
pub struct Received {
    /// What the sender sealed.
    pub plaintext: Vec<u8>,
    /// The session that it came on, which is the active one now.
    pub session: SessionId,
    /// Set where the message began the session.
    pub started: Option<Started>,
}

impl fmt::Debug for Received {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plaintext, session, started } = self;
        write!(formatter, "Received({} bytes on {session:?}, {started:?})", plaintext.len())
    }
}

/// A session began with the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// It used an OPK, which is erased now.
    pub one_time: bool,
    /// It used a one-time KEM prekey, which is erased now.
    pub one_time_kem: bool,
}

impl Sessions {
    /// No sessions yet. `peer` must come from a verified device list; once the list does not
    /// [vouch](crate::PinnedAccount::vouches_for) for it any more, the sessions must not be used.
    #[must_use]
    pub fn with(peer: DeviceIdentity) -> Self {
        Self { peer, sessions: Vec::new() }
    }

    /// The device that the sessions are with.
    #[must_use]
    pub fn peer(&self) -> &DeviceIdentity {
        &self.peer
    }

    /// The session that is used for sending.
    #[must_use]
    pub fn active(&self) -> Option<&Session> {
        self.sessions.first()
    }

    /// Whether there is a session to send on now: one that has been answered, or began less than 30 days
    /// ago (M-SES-6).
    #[must_use]
    pub fn can_send(&self, now: Timestamp) -> bool {
        self.active().is_some_and(|active| !active.is_stale(now))
    }

    /// The sessions kept besides the active one, last active first.
    #[must_use]
    pub fn archived(&self) -> &[Session] {
        self.sessions.get(1..).unwrap_or_default()
    }

    /// Starts a new session, which becomes the active one. The bundle is used up: its one-time prekeys
    /// serve one session. Draws 32 bytes of randomness for EK, 32 for the KEM and 32 for the first
    /// ratchet key.
    ///
    /// # Errors
    /// Every [`InitiateError`]; then nothing changed.
    pub fn initiate<R: CryptoRng, O: Observer>(
        &mut self,
        us: &LocalDevice,
        bundle: VerifiedBundle,
        env: &mut Env<'_, R, O>,
    ) -> Result<SessionId, InitiateError> {
        // M-PRE-2
        if bundle.get().owner != self.peer {
            return Err(InitiateError::OtherDevice);
        }
        let session =
            Session::initiate(us, bundle, env).map_err(|InvalidKey| InitiateError::InvalidKey)?;
        let id = session.id();
        self.activate(session);
        Ok(id)
    }

    /// Seals `plaintext` on the active session. The new state must be durable before the result
    /// leaves the device.
    ///
    /// # Errors
    /// Every [`EncryptError`]; then nothing changed.
    pub fn encrypt<R: CryptoRng, O: Observer>(
        &mut self,
        plaintext: &[u8],
        env: &mut Env<'_, R, O>,
    ) -> Result<Vec<u8>, EncryptError> {
        let active = self.sessions.first_mut().ok_or(EncryptError::NoSession)?;
        if active.is_stale(env.now) {
            return Err(EncryptError::Unanswered);
        }
        active.encrypt(plaintext, env).map_err(|error| match error {
            SealError::TooLong => EncryptError::TooLong,
            SealError::NothingReceived | SealError::ChainEnded => EncryptError::SessionEnded,
        })
    }

    /// Opens a message of the peer. The new state of the sessions and of `us` must be durable, in one
    /// commit, before the message is acknowledged; `us` has changed only where the message
    /// [started](Received::started) a session.
    ///
    /// # Errors
    /// Every [`DecryptError`]; then nothing changed.
    pub fn decrypt<R, O: Observer>(
        &mut self,
        us: &mut LocalDevice,
        message: &[u8],
        env: &mut Env<'_, R, O>,
    ) -> Result<Received, DecryptError> {
        match Incoming::parse(message).ok_or(DecryptError::Malformed)? {
            Incoming::Ratchet(message) => self.decrypt_on_any(message, env),
            Incoming::First { prefix, message } => {
                // M-SES-2
                let id = SessionId::of(prefix);
                match self.sessions.iter().position(|session| session.id() == id) {
                    Some(index) => self.decrypt_on(index, message, env).unwrap_or(UNREADABLE),
                    None => self.decrypt_first(us, (id, prefix), message, env),
                }
            }
        }
    }

    /// Erases kept message keys that are too old, for a timer; opening a message does so by itself.
    /// [`LocalDevice::rotate`] does the same for prekeys.
    pub fn expire<R, O: Observer>(&mut self, env: &mut Env<'_, R, O>) {
        for session in &mut self.sessions {
            session.expire(env);
        }
    }

    /// Tries the sessions, the active one first (M-SES-3).
    fn decrypt_on_any<R, O: Observer>(
        &mut self,
        message: &[u8],
        env: &mut Env<'_, R, O>,
    ) -> Result<Received, DecryptError> {
        (0..self.sessions.len())
            .find_map(|index| self.decrypt_on(index, message, env))
            .unwrap_or(UNREADABLE)
    }

    /// `None` where the message is not of this session.
    fn decrypt_on<R, O: Observer>(
        &mut self,
        index: usize,
        message: &[u8],
        env: &mut Env<'_, R, O>,
    ) -> Option<Result<Received, DecryptError>> {
        let session = self.sessions.get_mut(index)?;
        let id = session.id();
        let opened = session.decrypt(message, env)?;
        Some(opened.map_err(DecryptError::from).map(|plaintext| {
            // M-SES-4
            if let Some(used) = self.sessions.get_mut(..=index) {
                used.rotate_right(1);
            }
            Received { plaintext, session: id, started: None }
        }))
    }

    /// A first message of a session that we do not have: agrees, opens, and only then takes the
    /// session over and erases the one-time prekeys (M-HS-3).
    fn decrypt_first<R, O: Observer>(
        &mut self,
        us: &mut LocalDevice,
        (id, prefix): (SessionId, &[u8; FIRST_MESSAGE_PREFIX_LEN]),
        message: &[u8],
        env: &mut Env<'_, R, O>,
    ) -> Result<Received, DecryptError> {
        let handshake =
            Handshake::parse(prefix, &self.peer.identity_key).ok_or(DecryptError::Unreadable)?;
        let mut session = Session::respond(us, &self.peer, (id, &handshake), env)?;
        let plaintext = session.decrypt(message, env).unwrap_or(Err(OpenError::Unreadable))?;
        let started = us.prekeys_mut().consume(&handshake, &mut env.observer);
        self.activate(session);
        Ok(Received { plaintext, session: id, started: Some(started) })
    }

    /// A new session comes first; the one unused for longest makes room (M-SES-4, M-SES-5).
    fn activate(&mut self, session: Session) {
        self.sessions.insert(0, session);
        self.sessions.truncate(MAX_ARCHIVED.saturating_add(1));
    }

    /// About how many bytes [`write`](Self::write) writes, and not fewer.
    pub(crate) fn written_len(&self) -> usize {
        let sessions = self.sessions.iter().map(Session::written_len);
        sessions.fold(256, usize::saturating_add)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        self.peer.write(writer);
        writer.list(self.sessions.iter(), |writer, session| session.write(writer));
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        let peer = DeviceIdentity::read(reader)?;
        let sessions = reader.list(MAX_ARCHIVED.saturating_add(1), Session::read)?;
        let ids = || sessions.iter().map(Session::id);
        let distinct = ids().enumerate().all(|(at, id)| !ids().take(at).any(|other| other == id));
        if distinct { Ok(Self { peer, sessions }) } else { Err(Damaged) }
    }
}

const UNREADABLE: Result<Received, DecryptError> = Err(DecryptError::Unreadable);

#[cfg(test)]
mod tests;
