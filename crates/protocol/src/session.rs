//! One session between two devices: a handshake, then a Double Ratchet with header encryption.

use alloc::vec::Vec;
use core::time::Duration;

use rand_core::CryptoRng;

use crate::address::DeviceIdentity;
use crate::codec::{Damaged, Reader, Writer};
use crate::device::LocalDevice;
use crate::env::Env;
use crate::kdf;
use crate::message::{FIRST_MESSAGE_PREFIX_LEN, Handshake};
use crate::pqxdh::{self, Agreed};
use crate::prekeys::{Unavailable, VerifiedBundle};
use crate::ratchet::{HeaderEncrypted, OpenError, Ratchet, SealError};
use crate::time::{Timestamp, days};
use crate::trace::Observer;
use crate::x25519::InvalidKey;

/// How long a session that nobody answers is used for sending.
pub const MAX_UNANSWERED_AGE: Duration = days(30);

/// A session's name: SHA-256 over the prefix of its first message. Both sides know it; it is no
/// secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub [u8; 32]);

impl SessionId {
    pub(crate) fn of(prefix: &[u8]) -> Self {
        Self(kdf::sha256(&[prefix]))
    }
}

/// A session with one device.
pub struct Session {
    id: SessionId,
    created: Timestamp,
    associated_data: [u8; 32],
    /// What goes before every message until the responder answers.
    unanswered: Option<Vec<u8>>,
    ratchet: Ratchet<HeaderEncrypted>,
}

/// Why a session did not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InitiateError {
    /// The bundle is not of the device that the sessions are with.
    #[error("the bundle belongs to another device")]
    OtherDevice,
    /// A key of the bundle agrees with nobody.
    #[error("the bundle contains an unacceptable key")]
    InvalidKey,
}

impl Session {
    /// Starts a session from a bundle. Draws 32 bytes of randomness for EK, 32 for the KEM, 32 for
    /// the first ratchet key.
    pub(crate) fn initiate<R: CryptoRng, O: Observer>(
        us: &LocalDevice,
        bundle: VerifiedBundle,
        env: &mut Env<'_, R, O>,
    ) -> Result<Self, InvalidKey> {
        let theirs = bundle.get().signed.key;
        let (handshake, agreed) = pqxdh::initiate(us.public(), us.identity(), bundle, env)?;
        let prefix = handshake.to_bytes();
        let Agreed { root, initiator_header, responder_header, associated_data } = agreed;
        let header_keys = (initiator_header, responder_header);
        let ratchet = Ratchet::initiator(root, header_keys, theirs, env.rng, &mut env.observer)?;
        let id = SessionId::of(&prefix);
        Ok(Self { id, created: env.now, associated_data, unanswered: Some(prefix), ratchet })
    }

    /// The session that a first message would start, ready to open it. Changes nothing of ours.
    pub(crate) fn respond<R, O: Observer>(
        us: &LocalDevice,
        them: &DeviceIdentity,
        (id, handshake): (SessionId, &Handshake),
        env: &mut Env<'_, R, O>,
    ) -> Result<Self, Unavailable> {
        let chosen = us.prekeys().choose(handshake)?;
        let both = (them, us.public());
        let agreed = pqxdh::respond(both, us.identity(), &chosen, handshake, &mut env.observer)
            .map_err(|InvalidKey| Unavailable::Unreadable)?;
        let Agreed { root, initiator_header, responder_header, associated_data } = agreed;
        let header_keys = (initiator_header, responder_header);
        let ratchet = Ratchet::responder(root, header_keys, chosen.signed);
        Ok(Self { id, created: env.now, associated_data, unanswered: None, ratchet })
    }

    /// The session's name.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Whether we started it and have not had an answer.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        self.unanswered.is_some()
    }

    /// Whether it has waited for an answer so long that a new handshake is due (M-SES-6).
    pub(crate) fn is_stale(&self, now: Timestamp) -> bool {
        self.is_unanswered() && self.created.is_older_than(MAX_UNANSWERED_AGE, now)
    }

    /// AD: what every message of the session is bound to; no secret.
    #[must_use]
    pub fn associated_data(&self) -> &[u8; 32] {
        &self.associated_data
    }

    /// The ratchet, to look at.
    #[must_use]
    pub fn ratchet(&self) -> &Ratchet<HeaderEncrypted> {
        &self.ratchet
    }

    pub(crate) fn encrypt<R: CryptoRng, O: Observer>(
        &mut self,
        plaintext: &[u8],
        env: &mut Env<'_, R, O>,
    ) -> Result<Vec<u8>, SealError> {
        let context = &self.associated_data;
        let message = self.ratchet.encrypt(plaintext, context, env.rng, &mut env.observer)?;
        // A clock that was once ahead must not keep an unanswered session in use.
        self.created = self.created.min(env.now);
        // M-SES-1
        Ok(match &self.unanswered {
            Some(prefix) => [prefix.as_slice(), &message].concat(),
            None => message,
        })
    }

    pub(crate) fn expire<R, O: Observer>(&mut self, env: &mut Env<'_, R, O>) {
        self.ratchet.expire(env.now, &mut env.observer);
    }

    /// `None` where the message is not of this session.
    pub(crate) fn decrypt<R, O: Observer>(
        &mut self,
        message: &[u8],
        env: &mut Env<'_, R, O>,
    ) -> Option<Result<Vec<u8>, OpenError>> {
        let context = &self.associated_data;
        let opened = self.ratchet.try_decrypt(message, context, env.now, &mut env.observer)?;
        if opened.is_ok() {
            self.unanswered = None;
        }
        Some(opened)
    }

    pub(crate) fn written_len(&self) -> usize {
        let prefix = self.unanswered.as_ref().map_or(0, Vec::len);
        self.ratchet.written_len().saturating_add(prefix).saturating_add(96)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.put(&self.id.0);
        writer.u64(self.created.seconds());
        writer.put(&self.associated_data);
        writer.option(self.unanswered.as_ref(), |writer, prefix| writer.put(prefix));
        self.ratchet.write(writer);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        let session = Self {
            id: SessionId(*reader.array()?),
            created: Timestamp::from_seconds(reader.u64()?),
            associated_data: *reader.array()?,
            unanswered: reader
                .option(|reader| Ok(reader.slice(FIRST_MESSAGE_PREFIX_LEN)?.to_vec()))?,
            ratchet: Ratchet::read(reader)?,
        };
        let named = session.unanswered.as_deref().map(SessionId::of);
        if named.is_none_or(|id| id == session.id) { Ok(session) } else { Err(Damaged) }
    }
}
