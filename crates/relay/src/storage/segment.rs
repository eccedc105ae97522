//! Envelopes of one mailbox that are stored, read and delivered together.

use bytes::Bytes;
use sprag_api::frame::{Deliver, Envelope, Message as _};

/// The most envelopes, and about the most bytes, of one segment.
const LIMITS: (usize, usize) = (64, 128 * 1024);

/// Envelopes that follow each other in one mailbox, in the bytes in which they are delivered: they are
/// encoded once, when they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The place of the first.
    pub(crate) first: u64,
    /// The place of the last.
    pub(crate) last: u64,
    /// The bytes of their ciphertexts.
    pub(crate) bytes: u64,
    /// A [`Deliver`] message. Two of them, one after the other, are one of both (protobuf's rule for
    /// repeated fields).
    pub(crate) deliver: Bytes,
}

/// What is stored is no segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored segment is damaged")]
pub(crate) struct Damaged;

impl Segment {
    /// Cuts envelopes that follow each other into segments.
    pub(crate) fn cut(envelopes: Vec<Envelope>) -> Vec<Self> {
        let mut segments = Vec::with_capacity(1);
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for envelope in envelopes {
            let len = envelope.ciphertext.len();
            if batch.len() == LIMITS.0 || (bytes + len > LIMITS.1 && !batch.is_empty()) {
                segments.extend(Self::encode(std::mem::take(&mut batch)));
                bytes = 0;
            }
            bytes += len;
            batch.push(envelope);
        }
        segments.extend(Self::encode(batch));
        segments
    }

    fn encode(envelopes: Vec<Envelope>) -> Option<Self> {
        let (first, last) = (envelopes.first()?.seq, envelopes.last()?.seq);
        let bytes = envelopes.iter().map(|envelope| envelope.ciphertext.len() as u64).sum();
        Some(Self { first, last, bytes, deliver: Deliver { envelopes }.encode_to_vec().into() })
    }

    /// How many envelopes there are.
    pub(crate) fn count(&self) -> u64 {
        self.last - self.first + 1
    }

    /// The envelopes.
    pub(crate) fn envelopes(&self) -> Result<Vec<Envelope>, Damaged> {
        let deliver = Deliver::decode(self.deliver.clone()).map_err(|_| Damaged)?;
        Ok(deliver.envelopes)
    }

    /// Those after a place, at most so many; `None` where there are none.
    pub(crate) fn part(self, after: u64, most: u64) -> Result<Option<Self>, Damaged> {
        if after < self.first && self.count() <= most {
            return Ok(Some(self));
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let envelopes = self.envelopes()?.into_iter().filter(|envelope| envelope.seq > after);
        Ok(Self::encode(envelopes.take(most).collect()))
    }
}

#[cfg(test)]
mod tests;
