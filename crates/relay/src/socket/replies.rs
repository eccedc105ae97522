//! Frames that answer.

use std::sync::Arc;

use sprag_api::directory::KeyCounts;
use sprag_api::frame::from_relay::Frame;
use sprag_api::frame::{Closing, Deliver, Envelope, PreKeysLow, Receipt, Refused};
use sprag_api::problem::Problem;

use crate::storage::{self, Stored};

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

pub(super) fn deliver(envelopes: &[Arc<storage::Envelope>]) -> Frame {
    let envelopes = envelopes
        .iter()
        .map(|envelope| Envelope {
            seq: envelope.seq,
            sender: envelope.sender.account.as_str().into(),
            sender_device: envelope.sender.device.get(),
            number: envelope.number,
            received: envelope.received,
            ciphertext: envelope.ciphertext.clone(),
        })
        .collect();
    Frame::Deliver(Deliver { envelopes })
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
