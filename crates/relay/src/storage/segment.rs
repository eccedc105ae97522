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

/// A segment, without its envelopes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) bytes: u64,
}

impl Span {
    /// How many of its envelopes still wait where everything up to a place is acknowledged.
    pub(crate) fn waiting(self, acknowledged: u64) -> u64 {
        self.last.saturating_sub(acknowledged.max(self.first - 1))
    }
}

/// What an acknowledgement deletes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Release {
    /// The place up to which everything is acknowledged then.
    pub(crate) through: u64,
    pub(crate) envelopes: u64,
    /// Those of a segment count once it is acknowledged to its end.
    pub(crate) bytes: u64,
}

impl Release {
    /// Of the segments up to a place, and of the one that it is within; `None` where nothing waits there.
    pub(crate) fn of(
        acknowledged: u64,
        through: u64,
        (whole, begun): (&[Span], Option<Span>),
    ) -> Option<Self> {
        let end = whole.last().map_or(0, |span| span.last);
        // No further than what is there: places beyond it are of envelopes to come.
        let through = if begun.is_some() { through } else { end };
        if through <= acknowledged {
            return None;
        }
        let begun = begun.map_or(0, |span| Span { last: through, ..span }.waiting(acknowledged));
        Some(Self {
            through,
            envelopes: begun + whole.iter().map(|span| span.waiting(acknowledged)).sum::<u64>(),
            bytes: whole.iter().map(|span| span.bytes).sum(),
        })
    }
}

#[cfg(test)]
mod tests;
