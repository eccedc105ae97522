//! The table of what the thief reads.

use sprag_learn::Party;
use sprag_learn::theft::{Row, Stand, Theft, When, With};

use super::{BAD, GOOD, QUIET, Styled, TITLE};
/// The whole table, with the moments of theft and healing between its rows.
pub(super) fn theft(theft: &Theft, victim: Party) -> String {
    let then = format!("for {victim}, then");
    let head = format!("{:<5}{:<7}{then:<19}the thief", "", "chain");
    let mut out = format!("  {}\n", Styled(TITLE, head));
    let mut stolen = false;
    for row in &theft.rows {
        if row.sent == When::After && !stolen {
            stolen = true;
            out += &rule(&format!("THEFT: {} bytes are copied", theft.stolen));
        }
        if theft.healed == Some(row.message) {
            out += &rule("HEALED: the thief reads no text from here on");
        }
        out += &line(row, victim);
    }
    out
}

fn rule(text: &str) -> String {
    format!("  {}\n", Styled(TITLE, format!("--- {text} ---")))
}

fn line(row: &Row, victim: Party) -> String {
    let stand = match row.stand {
        Stand::Read => "read",
        Stand::Sent => "sent",
        Stand::OnItsWay => "on its way or lost",
        Stand::Future => "not written yet",
    };
    let number = format!("{}/{}", row.chain, row.n);
    let verdict = if row.readable { Styled(BAD, "READS it ") } else { Styled(GOOD, "cannot   ") };
    let why = match row.with {
        Some(with) => by(with, victim),
        None => row.refusal.clone().unwrap_or_default(),
    };
    let why = Styled(QUIET, why);
    format!("  {:<5}{number:<7}{stand:<19}{verdict} {why}\n", row.message)
}

fn by(with: With, victim: Party) -> String {
    match with {
        With::KeptKey => "with its kept message key",
        With::ReceivingChain => "with the receiving chain key",
        With::RatchetKey => return format!("with {victim}'s ratchet key"),
        With::SendingChain => "with the sending chain key",
        With::Handshake => "with the prekeys",
        With::StaticKey => "with the one key",
    }
    .into()
}
