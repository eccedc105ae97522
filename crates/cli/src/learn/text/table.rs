//! The table of what the thief reads.

use super::{BAD, GOOD, QUIET, Styled, TITLE};
use crate::learn::theft::{Row, Stand, Theft, When, With};

/// The whole table, with the moments of theft and healing between its rows.
pub(super) fn theft(theft: &Theft) -> String {
    let head = format!("{:<5}{:<7}{:<19}the thief", "", "chain", "for Bob, then");
    let mut out = format!("  {}\n", Styled(TITLE, head));
    let mut stolen = false;
    for row in &theft.rows {
        if row.sent == When::After && !stolen {
            stolen = true;
            out += &rule(&format!("THEFT: {} bytes are copied", theft.stolen));
        }
        if theft.healed.as_ref() == Some(&row.message) {
            out += &rule("HEALED: the thief reads no text from here on");
        }
        out += &line(row);
    }
    out
}

fn rule(text: &str) -> String {
    format!("  {}\n", Styled(TITLE, format!("--- {text} ---")))
}

fn line(row: &Row) -> String {
    let stand = match row.bob {
        Stand::Read => "read",
        Stand::Sent => "sent",
        Stand::OnItsWay => "on its way or lost",
        Stand::Future => "not written yet",
    };
    let number = format!("{}/{}", row.chain, row.n);
    let verdict = if row.readable { Styled(BAD, "READS it ") } else { Styled(GOOD, "cannot   ") };
    let why = match row.with {
        Some(with) => by(with),
        None => row.refusal.as_deref().unwrap_or_default(),
    };
    let why = Styled(QUIET, why);
    format!("  {:<5}{number:<7}{stand:<19}{verdict} {why}\n", row.message)
}

fn by(with: With) -> &'static str {
    match with {
        With::KeptKey => "with its kept message key",
        With::ReceivingChain => "with the receiving chain key",
        With::RatchetKey => "with Bob's ratchet key",
        With::SendingChain => "with the sending chain key",
        With::Handshake => "with the prekeys",
    }
}
