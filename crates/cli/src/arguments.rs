//! What can be said on the command line.

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::learn::LAST_STEP;

/// End-to-end encryption to learn from
#[derive(Debug, Parser)]
#[command(name = "sprag", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 wrong usage, 2 something unexpected.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[arg(
        long,
        help = "When to use colour; with auto, NO_COLOR turns it off",
        global = true,
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub(crate) color: Color,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Walk through the Double Ratchet, step by step, with real keys
    #[command(long_about = LEARN, after_long_help = JSON)]
    Learn(LearnOptions),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal
    Auto,
    /// Even into a file or a pipe
    Always,
    /// Not at all
    Never,
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct LearnOptions {
    /// Draw every key from this number, so that the run can be repeated byte for byte
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Start at this step, 1 to 9
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=i64::from(LAST_STEP)))]
    pub(crate) step: u8,

    /// Print one JSON document instead of text
    #[arg(long)]
    pub(crate) json: bool,

    /// Do not pause between the steps
    #[arg(long)]
    pub(crate) no_input: bool,
}

impl From<Color> for anstream::ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

const LEARN: &str = "\
Walk through the Double Ratchet, step by step, with real keys.

Alice and Bob agree on keys, talk, lose and reorder messages; then Bob's phone is stolen, and the \
thief tries every message. Both run the code that real conversations run on, and every byte that \
is shown is theirs. On a terminal the walkthrough pauses after each step; elsewhere it prints all \
of them.

The steps: 1 keys and bundle, 2 handshake, 3 first message, 4 messages in order, 5 messages out \
of order, 6 a lost message, 7 the DH ratchet, 8 header encryption, 9 theft and healing.";

const JSON: &str = "\
The JSON document:
  format   \"sprag-learn\"
  version  1; raised when a field changes its meaning or goes away
  seed     the seed, as a string
  steps    [{ number, title, parts }]

Each part has a type:
  text     text
  value    party, name, hex
  events   title, events: [{ kind, place, party, hex }]
           kind:  derived, used, kept, erased or dh-step
           place: key (agreement, ephemeral, one-time-prekey,
                  one-time-kem-prekey, ratchet-key, shared-secret, root,
                  header, chain or message) and, where it has them, input,
                  id, step, n
           hex:   the key; null for a prekey, of which only the end is told
           A dh-step has the public ratchet keys ours, theirs, and no hex.
  both     place, alice, bob, equal: what the two sides derived
  wire     message, from, hex, fields: [{ name, meaning, length }]
  check    what, holds
  seen     message, mode, ratchet_key, previous, n: what an eavesdropper
           reads of a header; null where he reads nothing
  cost     mode, outcome, dh, chain_steps, header_trials, unchanged: what
           a forged message made its receiver do
  theft    stolen: bytes in all
           rows: [{ message, from, text, chain, n, sent, bob, readable,
           with, refusal }]
           healed: the message from which on the thief reads no text
           headers: messages whose header he reads, but not the text";
