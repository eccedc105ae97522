//! Frames that answer.

use bytes::{Bytes, BytesMut};
use prost::encoding::{WireType, encode_key, encode_varint};
use sprag_api::directory::KeyCounts;
use sprag_api::frame::from_relay::Frame;
use sprag_api::frame::{Closing, PreKeysLow, Receipt, Refused};
use sprag_api::problem::Problem;

use crate::storage::Stored;

pub(super) fn receipt(number: u64, stored: Stored) -> Receipt {
    let left_out = stored.left_out.into_iter().map(Into::into).collect();
    Receipt { number, duplicate: stored.duplicate, left_out }
}

pub(super) fn refused(number: u64, problem: Problem) -> Frame {
    Frame::Refused(Refused {
        number,
        code: problem.code.as_str().into(),
        detail: problem.detail,
        retry_after: problem.retry_after.unwrap_or_default(),
        device_list: problem.device_list.map(|list| list.0.into()).unwrap_or_default(),
        devices: problem.devices.unwrap_or_default().into_iter().map(Into::into).collect(),
    })
}

/// A frame that delivers segments, without decoding them: the field's key and length, then what is
/// stored.
pub(super) fn deliver(segments: &[Bytes]) -> Bytes {
    const FIELD: u32 = 4;
    let len: usize = segments.iter().map(Bytes::len).sum();
    let mut frame = BytesMut::with_capacity(len + 16);
    encode_key(FIELD, WireType::LengthDelimited, &mut frame);
    encode_varint(len as u64, &mut frame);
    for segment in segments {
        frame.extend_from_slice(segment);
    }
    frame.freeze()
}

pub(super) fn prekeys_low(counts: KeyCounts) -> Frame {
    Frame::PrekeysLow(PreKeysLow { one_time: counts.one_time, kem: counts.one_time_kem })
}

pub(super) fn closing(problem: Problem) -> Frame {
    Frame::Closing(Closing {
        code: problem.code.as_str().into(),
        detail: problem.detail,
        retry_after: problem.retry_after.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests;
