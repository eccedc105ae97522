//! Engines in virtual time: at least four accounts and eight devices, and a relay and a network that drop,
//! duplicate, delay, reorder and restart, held against a small reference model of what each person
//! should read.
//!
//! `SPRAG_SIMULATION_SEEDS` and `SPRAG_SIMULATION_SEED` say how many seeds are run and which is the first.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]
#![expect(clippy::result_large_err, reason = "a problem that is passed on costs a test nothing")]

mod check;
mod ciphers;
mod device;
mod honest;
mod ledger;
mod records;
mod relay;
mod scenarios;
mod seeds;
mod world;

use sprag_client::Notice;

/// What is not announced while everybody is honest and nothing is lost.
fn is_alarm(notice: &Notice) -> bool {
    matches!(
        notice,
        Notice::KeyChanged(_)
            | Notice::Unreadable { .. }
            | Notice::RelayLies { .. }
            | Notice::NoSuchAccount(_)
            | Notice::Removed
            | Notice::StartedAfresh
            | Notice::Cloned
    )
}
