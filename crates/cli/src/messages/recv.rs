//! `sprag recv`: what is unread, once or for as long as it runs.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use sprag_client::{Client, Connection, Conversation, Error, Happening, Message};
use sprag_protocol::AccountName;
use tokio::time::timeout;

use super::{line, received, save};
use crate::failure::usage;
use crate::out::Out;
use crate::running::{self, Manner, Place, Reach};

/// How many messages are written before they are marked as read together.
const TOGETHER: u64 = 64;
/// How long no message comes before those that did are marked as read.
const PAUSE: Duration = Duration::from_millis(200);
/// How long may pass from one message that waits at the relay to the next one.
const CATCH_UP_WITHIN: Duration = Duration::from_mins(10);

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Go on with what arrives, until Ctrl-C
    #[arg(short, long)]
    pub(crate) follow: bool,

    /// Only messages of this account
    #[arg(long, value_name = "NAME")]
    pub(crate) from: Option<String>,

    /// At most so many messages
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,

    /// Save files in this folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) save_files: Option<PathBuf>,

    /// Leave them unread
    #[arg(long)]
    pub(crate) no_mark_read: bool,

    #[command(flatten)]
    pub(crate) manner: Manner,
}

/// What is written, and what of it is not marked as read yet.
struct Written<'a> {
    client: &'a Client,
    options: &'a Options,
    out: Out,
    /// Up to where, by account.
    unmarked: BTreeMap<AccountName, u64>,
    waiting: u64,
    count: u64,
}

/// Receives.
pub(crate) async fn run(options: &Options, place: &Place) -> Result<()> {
    if let Some(name) = &options.from {
        AccountName::new(name).map_err(|_| usage(Error::Name.into()))?;
    }
    let act = async |client: &Client| {
        let written = Written {
            client,
            options,
            out: place.out,
            unmarked: BTreeMap::new(),
            waiting: 0,
            count: 0,
        };
        if options.follow { follow(written, place).await } else { once(written, place).await }
    };
    place.with_patient_client(Reach::Relay, act).await
}

/// What is unread here and what waits at the relay. Where the relay cannot be reached, the first all
/// the same.
async fn once(mut written: Written<'_>, place: &Place) -> Result<()> {
    let client = written.client;
    let all_here = place
        .unless_stopped(async {
            Ok(match running::connected(client).await {
                Ok(()) => client.caught_up(CATCH_UP_WITHIN).await,
                Err(error) => Err(error),
            })
        })
        .await?;
    let mut unread = Unread::of(client, written.options.from.as_deref()).await?;
    while let Some(message) = unread.next(client).await? {
        if written.is_enough() || place.stop.is_asked() {
            break;
        }
        written.write(&message).await?;
    }
    written.mark().await?;
    running::settle(client).await;
    Ok(all_here?)
}

/// What is unread, and what arrives.
async fn follow(mut written: Written<'_>, place: &Place) -> Result<()> {
    let mut client = written.client.clone();
    let telling = tell(written.client.clone(), place.out);
    tokio::pin!(telling);
    while !written.is_enough() {
        let next = timeout(PAUSE, client.next());
        let next = tokio::select! {
            biased;
            () = place.stop.asked() => break,
            () = &mut telling => break,
            next = next => next,
        };
        match next {
            Ok(Ok(Some(message))) => written.write(&message).await?,
            Ok(Ok(None)) => break,
            Ok(Err(error)) => {
                written.mark().await?;
                return Err(error.into());
            }
            Err(_) => written.mark().await?,
        }
    }
    written.mark().await?;
    running::settle(written.client).await;
    Ok(())
}

/// Tells how the connection is, until the client is closed.
#[expect(clippy::wildcard_enum_match_arm, reason = "the rest is for those who watch")]
async fn tell(client: Client, out: Out) {
    let mut events = client.events();
    let mut broken = false;
    while let Some(happening) = events.next().await {
        match happening {
            Happening::Connection(Connection::Waiting { why, .. }) if !broken => {
                broken = true;
                out.say(&format!("not connected: {why}; trying again"));
            }
            Happening::Connection(Connection::Online) if broken => {
                broken = false;
                out.say("connected again");
            }
            Happening::KeyChanged(name) => {
                out.say(&format!("the key of {name} has changed; see: sprag verify {name}"));
            }
            Happening::Unreadable { from, .. } => {
                out.say(&format!("a message of {from} could not be read; it was asked for again"));
            }
            _ => {}
        }
    }
}

impl Written<'_> {
    fn is_enough(&self) -> bool {
        self.options.limit.is_some_and(|limit| self.count >= limit)
    }

    /// Writes a message out. Only when that has succeeded does it count as read.
    async fn write(&mut self, message: &Message) -> Result<()> {
        if self.options.from.as_deref().is_some_and(|name| name != message.from.as_str()) {
            return Ok(());
        }
        let mut value = received(message);
        let mut text = line(message);
        if let (Some(file), Some(folder)) = (message.file(), &self.options.save_files) {
            match save::save(self.client, file, folder, self.out).await {
                Ok(path) => {
                    text = format!("{text} -> {}", path.display());
                    if let Some(file) = value.get_mut("file").and_then(|file| file.as_object_mut())
                    {
                        file.insert("saved".into(), json!(path));
                    }
                }
                Err(error) if is_gone(&error) => self.out.say(&format!("sprag: {error:#}")),
                // It stays unread, and comes again with the next attempt.
                Err(error) => {
                    self.mark().await?;
                    return Err(error);
                }
            }
        }
        self.out.data(&value, &text)?;
        self.unmarked.insert(message.from.clone(), message.position);
        (self.waiting, self.count) = (self.waiting + 1, self.count + 1);
        if self.waiting >= TOGETHER { self.mark().await } else { Ok(()) }
    }

    /// Marks what was written as read.
    async fn mark(&mut self) -> Result<()> {
        self.waiting = 0;
        for (from, through) in std::mem::take(&mut self.unmarked) {
            if !self.options.no_mark_read {
                self.client.mark_read(&from, through).await?;
            }
        }
        Ok(())
    }
}

/// Whether a file is lost for good.
fn is_gone(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Error::FileGone | Error::FileDamaged))
}

/// What was unread at one moment, by the time of its arrival.
struct Unread(Vec<Rest>);

/// What is left of one conversation.
struct Rest {
    with: AccountName,
    from: u64,
    /// Where it ends.
    to: u64,
    ahead: VecDeque<Message>,
}

impl Unread {
    /// How many entries are taken from the store at once.
    const STEP: usize = 256;

    async fn of(client: &Client, from: Option<&str>) -> Result<Self, Error> {
        let wanted = |talk: &Conversation| {
            talk.unread > 0 && from.is_none_or(|name| name == talk.with.as_str())
        };
        let talks = client.conversations().await?.into_iter().filter(wanted);
        let rest = |talk: Conversation| Rest {
            with: talk.with,
            from: talk.read_below,
            to: talk.entries,
            ahead: VecDeque::new(),
        };
        Ok(Self(talks.map(rest).collect()))
    }

    async fn next(&mut self, client: &Client) -> Result<Option<Message>, Error> {
        for rest in &mut self.0 {
            rest.fill(client).await?;
        }
        let first = |rest: &&mut Rest| rest.ahead.front().map(|message| message.received);
        let rests = self.0.iter_mut().filter(|rest| !rest.ahead.is_empty());
        Ok(rests.min_by_key(first).and_then(|rest| rest.ahead.pop_front()))
    }
}

impl Rest {
    async fn fill(&mut self, client: &Client) -> Result<(), Error> {
        let step = u64::try_from(Unread::STEP).unwrap_or(u64::MAX);
        while self.ahead.is_empty() && self.from < self.to {
            let before = self.from.saturating_add(step).min(self.to);
            let entries = client.history(self.with.as_str(), Some(before), Unread::STEP).await?;
            let new = entries.into_iter().filter(|entry| entry.position >= self.from);
            self.ahead.extend(new.filter_map(Message::of));
            self.from = before;
        }
        Ok(())
    }
}
