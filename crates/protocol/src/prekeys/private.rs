//! The private halves of a device's prekeys, and the memory that refuses replayed first messages.

use alloc::vec::Vec;
use core::mem;
use core::num::NonZeroU32;
use core::ops::Range;
use core::time::Duration;

use rand_core::CryptoRng;

use super::by_id::ById;
use super::{KemPreKey, OneTimePreKey, SignedPreKey, sign};
use crate::codec::{Damaged, Reader, Writer};
use crate::kem::KemKeyPair;
use crate::keys::IdentityKeyPair;
use crate::message::Handshake;
use crate::secret::Secret;
use crate::sessions::Started;
use crate::time::{Timestamp, days};
use crate::trace::{Event, Observer, Place};
use crate::x25519::KeyPair;

/// How long the signed prekey and the last-resort KEM prekey serve before they are rotated.
pub const PREKEY_LIFETIME: Duration = days(7);
/// How long their private halves are kept after that.
pub const PREKEY_GRACE: Duration = days(30);
/// How many one-time prekeys of each kind a refill brings the directory to.
pub const REFILL_TO: usize = 100;
/// Below how many in the directory a refill is due.
pub const REFILL_BELOW: usize = 25;
/// The most one-time private halves of each kind that are held; the oldest go first.
pub const MAX_ONE_TIME_HELD: usize = 1000;
/// The most first messages without a one-time prekey that are remembered per signed prekey.
pub const MAX_REPLAY_MEMORY: usize = 4096;
/// The most of them by one device, so that no single one fills the memory.
pub const MAX_REPLAY_MEMORY_PER_DEVICE: usize = 64;

/// How far ids leap where an older copy of the state starts afresh: more than it can have used since.
const AFRESH: u32 = 1 << 24;

/// The most retired generations in a state: rotations are 7 days apart and kept for 30, so 5.
const MAX_RETIRED: usize = 5;

/// All 2^32 - 1 prekey ids have been used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the device has used up its prekey ids; replace the device")]
pub struct IdsUsedUp;

/// How many one-time prekeys the directory still has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// OPKs.
    pub one_time: usize,
    /// One-time KEM prekeys.
    pub kem: usize,
}

/// New one-time prekeys for the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimeUpload {
    /// OPKs.
    pub one_time: Vec<OneTimePreKey>,
    /// One-time KEM prekeys.
    pub kem: Vec<KemPreKey>,
}

/// A signed prekey and a last-resort KEM prekey, made and retired together.
struct Generation {
    created: Timestamp,
    signed_id: u32,
    signed: Secret<32>,
    kem_id: u32,
    kem: KemKeyPair,
    /// IK, KEM prekey id and EK of each first message that used this SPK and no one-time prekey; in order.
    seen: Vec<Seen>,
}

/// A generation that others may still use, until its time of grace is over.
struct Retired {
    since: Timestamp,
    generation: Generation,
}

/// The private halves of a device's prekeys.
pub struct PreKeys {
    current: Generation,
    /// Oldest first.
    retired: Vec<Retired>,
    one_time: ById<Secret<32>>,
    one_time_kem: ById<KemKeyPair>,
    /// The next id, for every kind of prekey.
    next_id: u32,
}

/// Why a first message is not even tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// It names a prekey that this device does not have (any more).
    UnknownPreKey,
    /// It used no one-time prekey and came before.
    Replayed,
    /// A key in it agrees with nobody.
    Unreadable,
    /// It used no one-time prekey, and the memory of those is full until the next rotation.
    MemoryFull,
}

/// The private halves that a first message names.
pub(crate) struct Chosen<'a> {
    pub(crate) signed: KeyPair,
    pub(crate) kem: &'a KemKeyPair,
    pub(crate) one_time: Option<KeyPair>,
}

impl PreKeys {
    /// Makes the first signed prekey (32 bytes of `rng`) and last-resort KEM prekey (64 bytes).
    pub(crate) fn generate<R: CryptoRng>(now: Timestamp, rng: &mut R) -> Self {
        Self {
            current: Generation::generate((1, 2), now, rng),
            retired: Vec::new(),
            one_time: ById::new(),
            one_time_kem: ById::new(),
            next_id: 3,
        }
    }

    /// Rotates the signed prekey and the last-resort KEM prekey if they have served
    /// [`PREKEY_LIFETIME`], and erases what retired [`PREKEY_GRACE`] ago (M-PRE-3). True where there is
    /// something new to publish.
    ///
    /// # Errors
    /// [`IdsUsedUp`]; then nothing changed.
    pub(crate) fn rotate<R: CryptoRng>(
        &mut self,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<bool, IdsUsedUp> {
        let created = self.current.created;
        // A clock that was far ahead when it was made must not keep it for longer.
        let ahead = created > now.after(PREKEY_LIFETIME);
        let due = ahead || created.is_older_than(PREKEY_LIFETIME, now);
        if due {
            let signed_id = self.next_id;
            let kem_id = signed_id.checked_add(1).ok_or(IdsUsedUp)?;
            self.next_id = kem_id.checked_add(1).ok_or(IdsUsedUp)?;
            let next = Generation::generate((signed_id, kem_id), now, rng);
            let generation = mem::replace(&mut self.current, next);
            self.retired.push(Retired { since: now, generation });
        }
        for retired in &mut self.retired {
            retired.since = retired.since.min(now);
        }
        self.retired.retain(|retired| !retired.since.is_older_than(PREKEY_GRACE, now));
        // More than these there are only where the clock went to and fro.
        self.retired.drain(..self.retired.len().saturating_sub(MAX_RETIRED));
        Ok(due)
    }

    /// When [`PreKeys::rotate`] has something to do next.
    pub(crate) fn rotation_due(&self) -> Timestamp {
        let rotation = self.current.created.after(PREKEY_LIFETIME);
        let erasures = self.retired.iter().map(|retired| retired.since.after(PREKEY_GRACE));
        erasures.fold(rotation, Timestamp::min)
    }

    /// Makes one-time prekeys if the directory has fewer than [`REFILL_BELOW`] of a kind: so many
    /// that it has [`REFILL_TO`] (M-PRE-4). Draws 32 bytes of `rng` for each OPK, then 64 for each KEM
    /// prekey.
    ///
    /// # Errors
    /// [`IdsUsedUp`]; then nothing changed.
    pub(crate) fn replenish<R: CryptoRng>(
        &mut self,
        left: Left,
        identity: &IdentityKeyPair,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<OneTimeUpload, IdsUsedUp> {
        let missing = |left| if left < REFILL_BELOW { REFILL_TO.saturating_sub(left) } else { 0 };
        let ids = self.take_ids(missing(left.one_time), missing(left.kem))?;
        Ok(self.make_one_time(ids, identity, now, rng))
    }

    /// Replaces everything by new prekeys: [`MAX_ONE_TIME_HELD`] one-time ones of each kind, which drive
    /// all others out of the directory, with ids [`AFRESH`] higher, so that none is one which a newer copy
    /// of this state has used (M-PRE-1, M-PRE-6).
    ///
    /// # Errors
    /// [`IdsUsedUp`]; then nothing changed.
    pub(crate) fn start_afresh<R: CryptoRng>(
        &mut self,
        identity: &IdentityKeyPair,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<OneTimeUpload, IdsUsedUp> {
        let signed_id = self.next_id.checked_add(AFRESH).ok_or(IdsUsedUp)?;
        let kem_id = signed_id.checked_add(1).ok_or(IdsUsedUp)?;
        let next_id = kem_id.checked_add(1).ok_or(IdsUsedUp)?;
        let mut afresh = Self {
            current: Generation::generate((signed_id, kem_id), now, rng),
            retired: Vec::new(),
            one_time: ById::new(),
            one_time_kem: ById::new(),
            next_id,
        };
        let ids = afresh.take_ids(MAX_ONE_TIME_HELD, MAX_ONE_TIME_HELD)?;
        let upload = afresh.make_one_time(ids, identity, now, rng);
        *self = afresh;
        Ok(upload)
    }

    fn make_one_time<R: CryptoRng>(
        &mut self,
        ids: (Ids, Ids),
        identity: &IdentityKeyPair,
        now: Timestamp,
        rng: &mut R,
    ) -> OneTimeUpload {
        let mut upload = OneTimeUpload { one_time: Vec::new(), kem: Vec::new() };
        for id in ids.0 {
            let pair = KeyPair::generate(rng);
            upload.one_time.push(OneTimePreKey { id, key: pair.public() });
            self.one_time.push(id.get(), pair.into_secret());
        }
        for id in ids.1 {
            let pair = KemKeyPair::generate(rng);
            upload.kem.push(sign(identity, id.get(), now, pair.public()));
            self.one_time_kem.push(id.get(), pair);
        }
        self.one_time.keep_newest(MAX_ONE_TIME_HELD);
        self.one_time_kem.keep_newest(MAX_ONE_TIME_HELD);
        upload
    }

    /// The current signed prekey, to be published.
    #[must_use]
    pub(crate) fn signed_prekey(&self, identity: &IdentityKeyPair) -> SignedPreKey {
        let Generation { signed_id, signed, created, .. } = &self.current;
        let pair = KeyPair::from_secret(Secret::copy_of(signed.expose()));
        sign(identity, *signed_id, *created, pair.public())
    }

    /// The current last-resort KEM prekey, to be published.
    #[must_use]
    pub(crate) fn last_resort(&self, identity: &IdentityKeyPair) -> KemPreKey {
        let Generation { kem_id, kem, created, .. } = &self.current;
        sign(identity, *kem_id, *created, kem.public())
    }

    #[cfg(test)]
    pub(super) fn set_next_id(&mut self, next_id: u32) {
        self.next_id = next_id;
    }

    /// How many one-time private halves are held: OPKs, KEM prekeys.
    #[must_use]
    pub fn held(&self) -> Left {
        Left { one_time: self.one_time.len(), kem: self.one_time_kem.len() }
    }

    /// The private halves that a first message names (M-HS-2, M-HS-4). Changes nothing.
    pub(crate) fn choose(&self, handshake: &Handshake) -> Result<Chosen<'_>, Unavailable> {
        let unknown = Unavailable::UnknownPreKey;
        let is_signed = |g: &&Generation| g.signed_id == handshake.signed_prekey;
        let is_kem = |g: &&Generation| g.kem_id == handshake.kem_prekey;
        let signing = self.generations().find(is_signed).ok_or(unknown)?;
        let one_time = match handshake.one_time_prekey {
            None => None,
            Some(id) => Some(self.one_time.get(id.get()).ok_or(unknown)?),
        };
        let one_time_kem = self.one_time_kem.get(handshake.kem_prekey);
        let last_resort = || self.generations().find(is_kem).map(|generation| &generation.kem);
        let kem = one_time_kem.or_else(last_resort).ok_or(unknown)?;
        if one_time.is_none() && one_time_kem.is_none() {
            if signing.seen.binary_search(&seen(handshake)).is_ok() {
                return Err(Unavailable::Replayed);
            }
            if signing.is_full_for(handshake) {
                return Err(Unavailable::MemoryFull);
            }
        }
        let pair = |secret: &Secret<32>| KeyPair::from_secret(Secret::copy_of(secret.expose()));
        Ok(Chosen { signed: pair(&signing.signed), kem, one_time: one_time.map(pair) })
    }

    /// The first message authenticated: erases the one-time private halves that it used, or
    /// remembers it where it used none (M-HS-3, M-HS-4).
    pub(crate) fn consume<O: Observer>(
        &mut self,
        handshake: &Handshake,
        observer: &mut O,
    ) -> Started {
        let mut erased = |place| observer.observe(Event::Erased { place });
        let one_time = handshake.one_time_prekey.filter(|id| self.one_time.remove(id.get()));
        if let Some(id) = one_time {
            erased(Place::OneTimePreKey { id: id.get() });
        }
        let one_time_kem = self.one_time_kem.remove(handshake.kem_prekey);
        if one_time_kem {
            erased(Place::OneTimeKemPreKey { id: handshake.kem_prekey });
        }
        let used = Started { one_time: one_time.is_some(), one_time_kem };
        if !used.one_time && !used.one_time_kem {
            let retired = self.retired.iter_mut().map(|retired| &mut retired.generation);
            retired
                .chain([&mut self.current])
                .filter(|generation| generation.signed_id == handshake.signed_prekey)
                .for_each(|generation| {
                    let seen = seen(handshake);
                    if let Err(at) = generation.seen.binary_search(&seen) {
                        generation.seen.insert(at, seen);
                    }
                });
        }
        used
    }

    fn generations(&self) -> impl Iterator<Item = &Generation> {
        self.retired.iter().map(|retired| &retired.generation).chain([&self.current])
    }

    /// Ids for so many OPKs and KEM prekeys (M-PRE-1).
    fn take_ids(&mut self, one_time: usize, kem: usize) -> Result<(Ids, Ids), IdsUsedUp> {
        let first = self.next_id;
        let end =
            |count: usize| u32::try_from(count).ok().and_then(|count| first.checked_add(count));
        let middle = end(one_time).ok_or(IdsUsedUp)?;
        let following = end(one_time.saturating_add(kem)).ok_or(IdsUsedUp)?;
        self.next_id = following;
        let ids = |range: Range<u32>| range.filter_map(NonZeroU32::new).collect();
        Ok((ids(first..middle), ids(middle..following)))
    }

    /// About how many bytes [`write`](Self::write) writes, and not fewer.
    pub(crate) fn written_len(&self) -> usize {
        let seen = self.generations().map(|g| g.seen.len().saturating_mul(68).saturating_add(192));
        let one_time = self.one_time.len().saturating_mul(36);
        let kem = self.one_time_kem.len().saturating_mul(68);
        seen.fold(one_time.saturating_add(kem).saturating_add(16), usize::saturating_add)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.u32(self.next_id);
        self.current.write(writer);
        writer.list(self.retired.iter(), |writer, retired| {
            writer.u64(retired.since.seconds());
            retired.generation.write(writer);
        });
        writer.list(self.one_time.iter(), |writer, (id, secret)| {
            writer.u32(*id);
            writer.put(secret.expose());
        });
        writer.list(self.one_time_kem.iter(), |writer, (id, pair)| {
            writer.u32(*id);
            pair.write(writer);
        });
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        let next_id = reader.u32()?;
        let current = Generation::read(reader)?;
        let retired = reader.list(MAX_RETIRED, |reader| {
            let since = Timestamp::from_seconds(reader.u64()?);
            Ok(Retired { since, generation: Generation::read(reader)? })
        })?;
        let one_time = reader.list(MAX_ONE_TIME_HELD, |reader| {
            let id = NonZeroU32::new(reader.u32()?).ok_or(Damaged)?;
            Ok((id.get(), Secret::copy_of(reader.array()?)))
        })?;
        let one_time_kem = reader
            .list(MAX_ONE_TIME_HELD, |reader| Ok((reader.u32()?, KemKeyPair::read(reader)?)))?;
        let (one_time, one_time_kem) = (ById::of(one_time)?, ById::of(one_time_kem)?);
        let prekeys = Self { current, retired, one_time, one_time_kem, next_id };
        if prekeys.ids().all(|id| id < next_id) { Ok(prekeys) } else { Err(Damaged) }
    }

    fn ids(&self) -> impl Iterator<Item = u32> {
        let generations = self.generations().flat_map(|g| [g.signed_id, g.kem_id]);
        generations.chain(self.one_time.ids()).chain(self.one_time_kem.ids())
    }
}

type Ids = Vec<NonZeroU32>;

/// IK, KEM prekey id, EK.
type Seen = ([u8; 32], u32, [u8; 32]);

fn seen(handshake: &Handshake) -> Seen {
    let Handshake { identity_key, kem_prekey, ephemeral_key, .. } = handshake;
    (*identity_key.as_bytes(), *kem_prekey, *ephemeral_key.as_bytes())
}

impl Generation {
    fn generate<R: CryptoRng>(ids: (u32, u32), created: Timestamp, rng: &mut R) -> Self {
        Self {
            created,
            signed_id: ids.0,
            signed: Secret::random(rng),
            kem_id: ids.1,
            kem: KemKeyPair::generate(rng),
            seen: Vec::new(),
        }
    }

    /// Whether the memory has no room for another first message of this device.
    fn is_full_for(&self, handshake: &Handshake) -> bool {
        let identity = handshake.identity_key.as_bytes();
        let by_device = self.seen.iter().filter(|(seen, ..)| seen == identity).count();
        self.seen.len() >= MAX_REPLAY_MEMORY || by_device >= MAX_REPLAY_MEMORY_PER_DEVICE
    }

    fn write(&self, writer: &mut Writer) {
        writer.u64(self.created.seconds());
        writer.u32(self.signed_id);
        writer.put(self.signed.expose());
        writer.u32(self.kem_id);
        self.kem.write(writer);
        writer.list(self.seen.iter(), |writer, (identity, kem_id, ephemeral)| {
            writer.put(identity);
            writer.u32(*kem_id);
            writer.put(ephemeral);
        });
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        let generation = Self {
            created: Timestamp::from_seconds(reader.u64()?),
            signed_id: reader.u32()?,
            signed: Secret::copy_of(reader.array()?),
            kem_id: reader.u32()?,
            kem: KemKeyPair::read(reader)?,
            seen: reader.list(MAX_REPLAY_MEMORY, |reader| {
                Ok((*reader.array()?, reader.u32()?, *reader.array()?))
            })?,
        };
        let is_in_order = generation.seen.is_sorted_by(|one, next| one < next);
        if is_in_order { Ok(generation) } else { Err(Damaged) }
    }
}
