//! `sprag list`: conversations, or what was said in one.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use sprag_client::{Body, Client, Conversation, Event, Trust};

use super::{entry, entry_line, save, trust};
use crate::display;
use crate::out::{DIM, Out};
use crate::running::{Manner, Place, Reach};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Print what was said with this account
    pub(crate) with: Option<String>,

    /// At most so many of the last entries
    #[arg(long, value_name = "N", default_value_t = 50, requires = "with")]
    pub(crate) limit: usize,

    /// Only entries before this position
    #[arg(long, value_name = "N", requires = "with")]
    pub(crate) before: Option<u64>,

    /// Save the files among them in this folder
    #[arg(long, value_name = "FOLDER", requires = "with")]
    pub(crate) save_files: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) manner: Manner,
}

/// Lists.
pub(crate) async fn run(options: &Options, place: &Place) -> Result<()> {
    let reach = if options.save_files.is_some() { Reach::Relay } else { Reach::Here };
    place
        .with_client(reach, async |client| match &options.with {
            Some(with) => Box::pin(history(options, with, client, place.out)).await,
            None => conversations(client, place.out).await,
        })
        .await
}

async fn conversations(client: &Client, out: Out) -> Result<()> {
    let talks = client.conversations().await?;
    if talks.is_empty() && !out.is_json() {
        out.say("No conversations yet. Begin one: sprag send NAME \"Hello\"");
    }
    let width = talks.iter().map(|talk| talk.with.as_str().len()).max().unwrap_or_default();
    for talk in &talks {
        let value = json!({
            "with": talk.with.as_str(),
            "entries": talk.entries,
            "unread": talk.unread,
            "queued": talk.waiting,
            "trust": trust(talk.trust),
            "active": talk.active.seconds(),
        });
        out.data(&value, &conversation(talk, width))?;
    }
    Ok(())
}

fn conversation(talk: &Conversation, width: usize) -> String {
    let time = display::time(talk.active);
    let mut line = format!("{DIM}{time}{DIM:#} {:<width$}", talk.with.as_str());
    let mut note = |note: &str| {
        line.push_str("  ");
        line.push_str(note);
    };
    if talk.unread > 0 {
        note(&format!("{} unread", talk.unread));
    }
    if talk.waiting > 0 {
        note(&format!("{} queued", talk.waiting));
    }
    match talk.trust {
        Trust::Verified => note("verified"),
        Trust::KeyChanged { .. } => note("KEY CHANGED: sprag verify"),
        Trust::Unknown | Trust::FirstUse => {}
    }
    line
}

async fn history(options: &Options, with: &str, client: &Client, out: Out) -> Result<()> {
    let entries = client.history(with, options.before, options.limit).await?;
    for one in &entries {
        let mut value = entry(with, one);
        let mut text = entry_line(one);
        if let (Event::Message { body: Body::File(file), .. }, Some(folder)) =
            (&one.event, &options.save_files)
        {
            let path = save::save(client, file, folder, out).await?;
            text = format!("{text} -> {}", path.display());
            if let Some(file) = value.get_mut("file").and_then(|file| file.as_object_mut()) {
                file.insert("saved".into(), json!(path));
            }
        }
        out.data(&value, &text)?;
    }
    if entries.is_empty() && !out.is_json() {
        out.say(&format!("Nothing was said with {} yet.", display::line(with)));
    }
    Ok(())
}
