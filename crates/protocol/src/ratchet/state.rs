//! A ratchet at rest.

use alloc::collections::VecDeque;

use super::chain::{Chain, KeptKey, MAX_KEPT_CHAINS, MAX_KEPT_KEYS, ReceivingChain};
use super::suite::{self, HeaderSecret, Suite};
use super::{Ratchet, Sending, SendingChain};
use crate::codec::{Damaged, Reader, Writer};
use crate::kdf::{ChainKey, MessageKey, RootKey};
use crate::time::Timestamp;
use crate::x25519::{KeyPair, PublicKey};

/// Bytes of a kept key: its number, since when it is kept, the key.
const KEPT_KEY_LEN: usize = 4 + 8 + 32;

impl<S: Suite> Ratchet<S> {
    /// About how many bytes [`write`](Self::write) writes, and not fewer.
    pub(crate) fn written_len(&self) -> usize {
        let chains = self.receiving.len().saturating_mul(128);
        let keys = self.kept_keys().saturating_mul(KEPT_KEY_LEN);
        chains.saturating_add(keys).saturating_add(256)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.u64(self.step);
        writer.put(self.root.expose());
        match &self.sending {
            Sending::Waiting { pair } => {
                writer.u8(0);
                pair.write(writer);
            }
            Sending::Open(sending) => {
                writer.u8(1);
                sending.write(writer);
            }
            Sending::Due { theirs, previous } => {
                writer.u8(2);
                writer.put(theirs.as_bytes());
                writer.u32(*previous);
            }
        }
        writer.list(self.receiving.iter(), |writer, chain| chain.write(writer));
        write_header_key(&self.next_sending, writer);
        write_header_key(&self.next_receiving, writer);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        let step = reader.u64()?;
        let root = RootKey::copy_of(reader.array()?);
        let sending = match reader.u8()? {
            0 => Sending::Waiting { pair: KeyPair::read(reader)? },
            1 => Sending::Open(SendingChain::read(reader)?),
            2 => Sending::Due { theirs: PublicKey::read(reader)?, previous: reader.u32()? },
            _ => return Err(Damaged),
        };
        let chains = MAX_KEPT_CHAINS.saturating_add(S::OPEN_CHAINS);
        let receiving = reader.list(chains, ReceivingChain::read)?;
        let ratchet = Self {
            step,
            root,
            sending,
            receiving: VecDeque::from(receiving),
            next_sending: suite::read(reader)?,
            next_receiving: suite::read(reader)?,
        };
        let closed =
            ratchet.receiving.iter().skip(S::OPEN_CHAINS).all(|chain| chain.open.is_none());
        if closed && ratchet.kept_keys() <= MAX_KEPT_KEYS { Ok(ratchet) } else { Err(Damaged) }
    }
}

impl<S: Suite> SendingChain<S> {
    fn write(&self, writer: &mut Writer) {
        self.pair.write(writer);
        writer.u64(self.chain.step);
        self.chain.write(writer);
        write_header_key(&self.header_key, writer);
        writer.u32(self.previous);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        let pair = KeyPair::read(reader)?;
        let step = reader.u64()?;
        Ok(Self {
            pair,
            chain: Chain::read(step, reader)?,
            header_key: suite::read(reader)?,
            previous: reader.u32()?,
        })
    }
}

impl<S: Suite> ReceivingChain<S> {
    fn write(&self, writer: &mut Writer) {
        writer.u64(self.step);
        writer.put(self.theirs.as_bytes());
        write_header_key(&self.header_key, writer);
        writer.option(self.open.as_ref(), |writer, chain| chain.write(writer));
        writer.list(self.kept.iter(), |writer, kept| {
            writer.u32(kept.n);
            writer.u64(kept.since.seconds());
            writer.put(kept.key.expose());
        });
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        let step = reader.u64()?;
        let theirs = PublicKey::read(reader)?;
        let header_key = suite::read(reader)?;
        let open = reader.option(|reader| Chain::read(step, reader))?;
        let kept = reader.list(MAX_KEPT_KEYS, |reader| {
            Ok(KeptKey {
                n: reader.u32()?,
                since: Timestamp::from_seconds(reader.u64()?),
                key: MessageKey::copy_of(reader.array()?),
            })
        })?;
        let rising = kept.is_sorted_by(|one, next| one.n < next.n);
        let passed = match (&open, kept.last()) {
            (Some(open), Some(last)) => last.n < open.n,
            _ => true,
        };
        if rising && passed {
            Ok(Self { step, theirs, header_key, open, kept: VecDeque::from(kept) })
        } else {
            Err(Damaged)
        }
    }
}

impl Chain {
    fn write(&self, writer: &mut Writer) {
        writer.put(self.key.expose());
        writer.u32(self.n);
    }

    fn read(step: u64, reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self { step, key: ChainKey::copy_of(reader.array()?), n: reader.u32()? })
    }
}

fn write_header_key<H: HeaderSecret>(key: &H, writer: &mut Writer) {
    if let Some(key) = key.expose() {
        writer.put(key);
    }
}
