//! Doing what the chat wants done, beside drawing: nothing here makes it wait.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sprag_client::{Attached, Client, Connection, Error, Existing, Progress};
use sprag_protocol::AccountName;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};
use tokio::time::timeout;

use super::input::{Action, Identity, Outcome, Transfer};
use super::search::HITS;
use super::talk::Part;

/// How long the end waits for texts that are being written down.
const END_WITHIN: Duration = Duration::from_secs(5);

/// What is being done.
pub(super) struct Work {
    client: Client,
    done: UnboundedSender<Outcome>,
    /// Texts to send, one after the other: in the order in which they were written.
    texts: UnboundedSender<(AccountName, String)>,
    sending: JoinHandle<()>,
    tasks: JoinSet<()>,
    search: Option<AbortHandle>,
}

impl Work {
    pub(super) fn new(client: &Client) -> (Self, UnboundedReceiver<Outcome>) {
        let (done, outcomes) = unbounded_channel();
        let (texts, waiting) = unbounded_channel();
        let sending = tokio::spawn(send(client.clone(), waiting, done.clone()));
        let client = client.clone();
        let tasks = JoinSet::new();
        (Self { client, done, texts, sending, tasks, search: None }, outcomes)
    }

    /// Begins an action; those of the terminal and the end are not among them.
    pub(super) fn begin(&mut self, action: Action) {
        while self.tasks.try_join_next().is_some() {}
        let (client, done) = (self.client.clone(), self.done.clone());
        match action {
            Action::Send(with, text) => {
                // It ends only with this.
                let _ = self.texts.send((with, text));
            }
            Action::Reconnect => client.reconnect(),
            Action::Search(serial, words) => {
                if let Some(before) = self.search.take() {
                    before.abort();
                }
                let search = async move {
                    let found = client.search(&words, HITS).await;
                    let _ = done.send(Outcome::Found(serial, found));
                };
                self.search = Some(self.tasks.spawn(search));
            }
            Action::Peek(names) => {
                self.tasks.spawn(peek(client, names, done));
            }
            Action::Identity(with) => {
                self.tasks.spawn(identity(client, with, done));
            }
            Action::Upload { transfer, to, path, caption } => {
                self.tasks.spawn(async move {
                    let progress = progress(transfer, &done);
                    let result = upload(&client, &to, path, caption, progress).await;
                    let _ = done.send(Outcome::Uploaded(transfer, to, result));
                });
            }
            Action::Save { transfer, file, path } => {
                self.tasks.spawn(async move {
                    let (path, progress) = (at_home(path), progress(transfer, &done));
                    let result = client.save_file(&file, &path, Existing::Keep, progress).await;
                    let _ = done.send(Outcome::Saved(transfer, result));
                });
            }
            Action::Terminal(_) => {}
            simple @ (Action::Conversations
            | Action::History(..)
            | Action::Retry(..)
            | Action::MarkRead(..)
            | Action::Meet(_)
            | Action::Verify(..)
            | Action::Accept(_)
            | Action::Devices
            | Action::Link(..)
            | Action::Remove(_)
            | Action::Status) => {
                self.tasks.spawn(async move {
                    if let Some(outcome) = act(&client, simple).await {
                        let _ = done.send(outcome);
                    }
                });
            }
        }
    }

    /// Ends: what was written is kept, the rest is left.
    pub(super) async fn end(self) {
        let Self { texts, sending, mut tasks, .. } = self;
        drop(texts);
        tasks.abort_all();
        let _ = timeout(END_WITHIN, sending).await;
    }
}

/// What is asked once and answered once.
async fn act(client: &Client, action: Action) -> Option<Outcome> {
    Some(match action {
        Action::Conversations => Outcome::Conversations(client.conversations().await),
        Action::History(with, part) => {
            let page = history(client, &with, part).await;
            Outcome::History(with, part, page)
        }
        Action::Retry(with, id) => {
            let result = client.retry(with.as_str(), id).await.map(drop);
            Outcome::Changed(with, result)
        }
        Action::MarkRead(with, through) => {
            let result = client.mark_read(&with, through).await;
            Outcome::Marked(with, result)
        }
        Action::Meet(with) => {
            let result = client.meet(with.as_str()).await.map(drop);
            Outcome::Met(with, result)
        }
        Action::Verify(with, verified) => {
            let result = client.mark_verified(with.as_str(), verified).await;
            Outcome::Changed(with, result)
        }
        Action::Accept(with) => {
            let result = client.accept_key(with.as_str()).await;
            Outcome::Changed(with, result)
        }
        Action::Devices => Outcome::Devices(client.devices().await),
        Action::Link(code, what) => Outcome::Linked(client.link(code, what).await),
        Action::Remove(device) => Outcome::Removed(device, client.remove_device(device).await),
        Action::Status => Outcome::Status(Box::new(client.status().await.ok()?)),
        Action::Peek(_)
        | Action::Send(..)
        | Action::Identity(_)
        | Action::Search(..)
        | Action::Reconnect
        | Action::Upload { .. }
        | Action::Save { .. }
        | Action::Terminal(_) => return None,
    })
}

async fn history(
    client: &Client,
    with: &AccountName,
    part: Part,
) -> Result<Vec<sprag_client::Entry>, Error> {
    let (before, limit) = part.range();
    client.history(with.as_str(), before, limit).await
}

async fn send(
    client: Client,
    mut texts: UnboundedReceiver<(AccountName, String)>,
    done: UnboundedSender<Outcome>,
) {
    while let Some((with, text)) = texts.recv().await {
        let result = client.send(with.as_str(), text.clone()).await;
        let result = result.map(drop).map_err(|error| (text, error));
        let _ = done.send(Outcome::Sent(with, result));
    }
}

async fn peek(client: Client, names: Vec<AccountName>, done: UnboundedSender<Outcome>) {
    for name in names {
        let last = client.history(name.as_str(), None, 1).await;
        if let Some(last) = last.ok().and_then(|mut page| page.pop()) {
            let _ = done.send(Outcome::Peeked(name, Box::new(last)));
        }
    }
}

/// What is known at once, and then what the relay says now.
async fn identity(client: Client, with: AccountName, done: UnboundedSender<Outcome>) {
    let name = with.as_str();
    let is_online = client.connection() == Connection::Online;
    let is_known = matches!(client.peer(name).await, Ok(Some(_)));
    if is_known {
        let known = known(&client, name).await;
        let _ = done.send(Outcome::Identity(with.clone(), known));
    }
    if is_known && !is_online {
        return;
    }
    let asked =
        if is_known { client.refresh(name).await } else { client.meet(name).await }.map(drop);
    let identity = match asked {
        Ok(()) => known(&client, name).await,
        // What is known stays on the screen.
        Err(_) if is_known => return,
        Err(error) => Err(error),
    };
    let _ = done.send(Outcome::Identity(with, identity));
}

async fn known(client: &Client, name: &str) -> Result<Box<Identity>, Error> {
    Ok(Box::new(Identity {
        peer: client.peer(name).await?,
        number: Some(client.safety_number(name).await?),
        offered: client.offered_safety_number(name).await?,
    }))
}

async fn upload(
    client: &Client,
    to: &AccountName,
    path: PathBuf,
    caption: String,
    progress: impl FnMut(Progress) + Send,
) -> Result<(), Error> {
    let attached = Attached { caption, ..Attached::default() };
    client.send_file(to.as_str(), &at_home(path), attached, progress).await.map(drop)
}

/// Tells how far a file has come, each time that is another percent.
fn progress(
    transfer: Transfer,
    done: &UnboundedSender<Outcome>,
) -> impl FnMut(Progress) + Send + use<> {
    let done = done.clone();
    let mut last = None;
    move |progress| {
        let percent = progress.done.saturating_mul(100).checked_div(progress.total);
        if percent != last {
            last = percent;
            let _ = done.send(Outcome::Progress(transfer, progress));
        }
    }
}

/// `~/` is the person's home.
fn at_home(path: PathBuf) -> PathBuf {
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) if path != Path::new("~") => home.join(rest),
        _ => path,
    }
}
