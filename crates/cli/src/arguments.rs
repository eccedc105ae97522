//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use sprag_learn::{Design, Schedule};

use crate::learn::Steal;
use crate::messages::{list, recv, search, send};
use crate::pages::{CompletionsOptions, ManOptions};
use crate::serve::amount::{Count, Span};
use crate::serve::settings::{Kept, OpsAddress, Settings};
use crate::{backup, chat, devices, doctor, register, settings, verify};

/// End-to-end encrypted messages, and a relay to host yourself
#[derive(Debug, Parser)]
#[command(name = "sprag", version, max_term_width = 100)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Use this profile: one device of one account [default: default]
    #[arg(short, long, env = "SPRAG_PROFILE", value_name = "NAME")]
    pub(crate) profile: Option<String>,

    #[arg(
        long,
        help = "When to use colour; with auto, NO_COLOR turns it off",
        global = true,
        display_order = 900,
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub(crate) color: Color,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an account, and a profile for it on this machine
    #[command(after_long_help = MAKES)]
    Register(register::Options),
    /// Write to somebody: text, files
    #[command(after_long_help = SENDS)]
    Send(send::Options),
    /// Read what is unread, once or for as long as it runs
    #[command(after_long_help = RECEIVES)]
    Recv(recv::Options),
    /// Talk in this terminal: conversations, search, safety numbers, devices
    #[command(after_long_help = CHATS)]
    Chat(chat::Options),
    /// List conversations, or what was said in one
    #[command(after_long_help = LISTS)]
    List(list::Options),
    /// Find words in what was said
    #[command(after_long_help = LISTS)]
    Search(search::Options),
    /// Make sure of who somebody is: safety number, QR code, changed keys
    #[command(after_long_help = VERIFIES)]
    Verify(verify::Options),
    /// The devices of the account: link a new one, remove one
    #[command(after_long_help = DEVICES)]
    Devices(devices::Options),
    /// Put the whole profile into one file, or make a profile of one
    #[command(after_long_help = BACKS_UP)]
    Backup(backup::Options),
    /// What the profile does by itself
    Settings(settings::Options),
    /// Look at everything that can be wrong, and say what to do
    #[command(after_long_help = EXAMINES)]
    Doctor(doctor::Options),
    /// Run a relay: a key directory and mailboxes
    #[command(long_about = SERVE, after_long_help = SERVE_MORE)]
    Serve(Box<ServeOptions>),
    /// Look after a relay's data, also while it runs
    #[command(after_long_help = ADMIN_JSON)]
    Admin(AdminOptions),
    /// Walk through the Double Ratchet, step by step, with real keys
    #[command(long_about = LEARN, after_long_help = JSON)]
    Learn(LearnOptions),
    /// Print what makes a shell complete this command
    Completions(CompletionsOptions),
    /// Print the manual page
    Man(ManOptions),
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

#[derive(Args, Clone, Debug)]
pub(crate) struct LearnOptions {
    /// Draw every key from this number, so that the run can be repeated byte for byte
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Start at this step, 1 to 9
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=i64::from(sprag_learn::story::LAST_STEP)))]
    pub(crate) step: u8,

    /// Play this instead of the walkthrough: A and B write, dA1 delivers A1, xA1 loses it
    #[arg(long, value_name = "A.dA1.B", conflicts_with = "step")]
    pub(crate) schedule: Option<Schedule>,

    /// Steal a phone in the play after so many actions
    #[arg(long, value_name = "bob@2", requires = "schedule")]
    pub(crate) steal: Option<Steal>,

    /// Play it with a design for comparison: single-ratchet or static-key
    #[arg(
        long,
        value_name = "DESIGN",
        requires = "schedule",
        default_value_t,
        hide_default_value = true
    )]
    pub(crate) design: Design,

    /// Print one JSON document instead of text
    #[arg(long)]
    pub(crate) json: bool,

    /// Do not pause between the steps
    #[arg(long)]
    pub(crate) no_input: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ServeOptions {
    #[command(flatten)]
    pub(crate) settings: Settings,

    /// Read what is not set here from this TOML file
    #[arg(long, env = "SPRAG_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// When ready, print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct AdminOptions {
    #[command(flatten)]
    pub(crate) place: Place,

    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: AdminCommand,
}

/// Which relay.
#[derive(Args, Debug)]
pub(crate) struct Place {
    /// The relay's data folder [default: sprag/relay in the XDG data folder]
    #[arg(long, env = "SPRAG_DATA", value_name = "FOLDER", global = true)]
    data: Option<PathBuf>,

    /// The relay's database, if it is no folder: `postgres://USER@HOST/DATABASE`
    #[arg(
        long,
        env = "SPRAG_STORE",
        value_name = "ADDRESS",
        global = true,
        hide_env_values = true
    )]
    store: Option<Kept>,

    /// The relay's operations port [default: 127.0.0.1:7475]
    #[arg(long, env = "SPRAG_OPS_LISTEN", value_name = "ADDRESS:PORT", global = true)]
    ops_listen: Option<OpsAddress>,

    /// Read what is not set here from this TOML file, as the relay does
    #[arg(long, env = "SPRAG_CONFIG", value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

impl Place {
    /// The settings that tell where a relay is.
    pub(crate) fn settings(self) -> anyhow::Result<Settings> {
        let Self { data, store, ops_listen, config } = self;
        Settings::of(data, store, ops_listen).completed(config.as_deref())
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Make an invitation, and print its code: this once, for the relay keeps only a hash
    Invite {
        /// How many accounts it registers
        #[arg(long, value_name = "N", default_value = "1")]
        uses: Count,

        /// How long it can be used
        #[arg(long, value_name = "TIME", default_value = "7d")]
        expires: Span,
    },
    /// Print how much the relay stores
    Stats,
    /// Write a consistent copy into a new folder
    Backup {
        /// The new folder
        folder: PathBuf,
    },
    /// Make a backup the data of a relay that does not run and has none
    Restore {
        /// The backup's folder
        folder: PathBuf,
    },
    /// Say that PostgreSQL's own tools have restored the database: nothing of before is used again
    Restored,
    /// Move everything to another storage, from a data folder to PostgreSQL or back; no relay may run
    #[command(after_long_help = MIGRATES)]
    Migrate {
        /// Where to: `postgres://USER@HOST/DATABASE`, or `sqlite` for the data folder
        #[arg(long, env = "SPRAG_MIGRATE_TO", value_name = "ADDRESS", hide_env_values = true)]
        to: Kept,
    },
    /// Remove an account with its devices, keys, mailboxes and blobs
    RemoveAccount {
        /// The account's name
        name: String,
    },
    /// Ask the relay's operations port whether it is ready
    Health,
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

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 wrong usage, 2 something unexpected, 3 relay or network, 4 a changed or wrong \
identity, 5 too much in too short a time.";

const MAKES: &str = "\
Where the answer of the relay gets lost, run the same command again: it goes on.

The JSON object: account, relay, profile, folder, lock.";

const SENDS: &str = "\
Where the relay cannot be reached, the message stays queued (exit code 3), and goes with the next \
command that connects.

A JSON object for each message: id, to, state (queued, sending, sent, delivered, read or failed).";

const CHATS: &str = "\
F1, or ? in the list of conversations, shows what the keys do. Colours are off with NO_COLOR or \
--color never; everything is told by shapes and words too. It needs a terminal of 20 columns and 5 \
rows at least. A message counts as read once it was on the screen while the terminal had your \
attention, where the terminal tells that.";

const RECEIVES: &str = "\
A message counts as read once it was written out: what is interrupted loses nothing.

A JSON object for each message:
  from      the account that wrote it; device: its device
  id        what both sides call it; position: its place in the conversation
  written   seconds since 1970 by the writer's clock; received: by this one
  text      what it says; or instead
  file      name, length, media_type, caption, and with --save-files saved: its path";

const LISTS: &str = "\
A JSON object for each conversation:
  with, entries, unread, queued, trust, active (seconds since 1970)
  trust     unknown, first-use, verified or key-changed
and for each entry of one: with, position, from, own, device, received, and
  id, written, and text or file, as in recv; or event: key-changed
  state     of an own message: queued, sending, sent, delivered, read or
            failed; then why: no-such-account or refused";

const VERIFIES: &str = "\
The JSON object: with, trust, safety_number, payload (what the QR code holds, as text), offered (the \
safety number with the new key that the relay offers, or null).
With --compare: with, comparison: match; what does not match is an error (exit code 4).
With --confirm and --unconfirm: with, trust. With --accept-new-key: with, accepted, safety_number.";

const DEVICES: &str = "\
On the new machine:   sprag devices new NAME      shows a code, and waits
On one that has it:   sprag devices link CODE

The JSON objects: device, created (seconds since 1970), this; with link: linked; with remove: \
removed; with new: code, and when it is linked account, device, profile, folder, lock.";

const BACKS_UP: &str = "\
A backup has a passphrase of its own. After a restoration every session starts afresh, so that no \
key is used twice; the old copy of the profile must not be used any more.

The JSON object: backup: the file; with restore: restored, account, relay, profile, folder, lock.";

const EXAMINES: &str = "\
A JSON object for each check: check, result (ok, warn or fail), what, remedy (or null).
Where something fails, the exit code is 3 if it is the relay or the network, else 2.";

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
           headers: messages whose header he reads, but not the text

With --schedule it is the play's, as the page /learn exports it:
  format   \"sprag-learn-play\"
  version  1; raised when a field changes its meaning or goes away
  seed, schedule, design, theft: { victim, after, .. }: what it was made from
  steps    [{ number, action, kind, party, message, title, text, refusal,
           events, alice, bob, on_their_way }]; alice and bob are what each
           holds: { keys: [{ place, name, hex, kept }], ratchet_key, theirs,
           stored }
  messages [{ message, from, text, chain, n, sealed, opened, lost, hex,
           fields }]";

const SERVE: &str = "\
Run a relay: a key directory, and mailboxes that cannot read what they hold.

Without anything said it listens on http://127.0.0.1:7474 and keeps its data in the XDG data \
folder. With a DOMAIN that leads to this machine it listens for HTTPS on port 443 and gets its \
certificate by itself (ACME, tls-alpn-01).

Every setting is a flag, a variable, and a key of the file that --config names (the flag's name \
without the dashes; DOMAIN is the key domain). A flag goes before a variable, a variable before \
the file.";

const SERVE_MORE: &str = "\
When it is ready it prints one line: listening on URL. With --json it prints
  listening  the URL
  origin     what logins name
  ops        the URL of the operations port, or null

Signals: SIGTERM and SIGINT stop it within 10 seconds, a second one at once;
SIGHUP reads the certificate files again.";

const MIGRATES: &str = "\
What --store and --data name is moved; --to takes what --store takes. The target must be empty. \
Accounts, devices, keys, messages, blobs and tokens stay as they are: clients notice nothing. Where \
the move fails, the target is empty and the source as it was; where it is done, no relay starts on \
the source any more.

  sprag admin migrate --data /var/lib/sprag --to postgres://sprag@db/sprag
  sprag admin migrate --store postgres://sprag@db/sprag --data /var/lib/sprag --to sqlite

A password is seen by others on a command line, and not in SPRAG_STORE and SPRAG_MIGRATE_TO.";

const ADMIN_JSON: &str = "\
The JSON object:
  invite          code, uses, expires (seconds since 1970)
  stats           accounts, devices, envelopes, envelope_bytes, blobs,
                  blob_bytes, tokens
  backup          backup: the folder
  restore         restored: the data folder
  restored        restored: true
  migrate         moved: how many rows of each kind
  remove-account  removed: the name
  health          ready: true; where it is not, the exit code is 3";
