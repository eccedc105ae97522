//! `sprag backup`: the whole profile in one file, and back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::{Args, Subcommand};
use serde_json::json;
use sprag_client::{Client, Config, Error};
use sprag_store::StoreError;

use crate::failure::{Interrupted, usage};
use crate::passphrase::Asked;
use crate::profile::Lock;
use crate::running::{self, Manner, Place, Reach};

/// How long new prekeys may take to the relay.
const START_WITHIN: Duration = Duration::from_mins(1);

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Options {
    /// The new file
    #[arg(required = true)]
    pub(crate) file: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Read the backup's own passphrase from the first line of this file; - is standard input
    #[arg(long, env = "SPRAG_BACKUP_PASSPHRASE_FILE", value_name = "FILE", global = true)]
    pub(crate) backup_passphrase_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) manner: Manner,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a profile of a backup; whatever still runs from the old one is to be ended for good
    Restore {
        /// The backup
        file: PathBuf,

        /// What keeps the keys from whoever has the profile's files [default: key-file]
        #[arg(long, value_name = "HOW")]
        lock: Option<Lock>,
    },
}

/// Backs up, or restores.
pub(crate) async fn run(options: &Options, place: &Place) -> Result<()> {
    match (&options.command, &options.file) {
        (Some(Command::Restore { file, lock }), _) => restore(file, *lock, options, place).await,
        (None, Some(file)) => back_up(file, options, place).await,
        (None, None) => Err(usage(anyhow!("name the new file"))),
    }
}

fn asked<'a>(options: &'a Options, place: &'a Place) -> Asked<'a> {
    Asked {
        of: "the passphrase of the backup",
        flag: "--backup-passphrase-file",
        file: options.backup_passphrase_file.as_deref(),
        out: place.out,
        stop: &place.stop,
    }
}

async fn back_up(file: &Path, options: &Options, place: &Place) -> Result<()> {
    let shown = file.display();
    if file.exists() {
        return Err(Error::FileExists).with_context(|| shown.to_string());
    }
    place
        .with_client(Reach::Here, async |client| {
            let passphrase = asked(options, place).fresh().await?;
            let written = client.backup(file, passphrase.as_str()).await;
            written.with_context(|| format!("the backup {shown} cannot be written"))?;
            place.out.data(&json!({ "backup": file }), &format!("Backed up into {shown}."))?;
            place.out.say("Whoever has it and its passphrase is you: keep both well, and apart.");
            Ok(())
        })
        .await
}

async fn restore(file: &Path, lock: Option<Lock>, options: &Options, place: &Place) -> Result<()> {
    if place.profile.exists() {
        let why =
            format!("there is a profile {} already; choose another with -p", place.profile.name());
        return Err(anyhow::Error::new(StoreError::Exists).context(why));
    }
    let passphrase = asked(options, place).known().await?;
    let making = place.profile.make(lock, place.out, &place.stop).await?;
    let config = Config::existing().store(making.storage());
    let restored = tokio::select! {
        biased;
        restored = Client::restore_backup(config, file, passphrase.as_str()) => {
            restored.map_err(anyhow::Error::new)
        }
        () = place.stop.asked() => Err(Interrupted.into()),
    };
    let client = match restored {
        Ok(client) => client,
        Err(error) => {
            making.undo().await;
            return Err(error.context(format!("the backup {} cannot be restored", file.display())));
        }
    };
    let (account, relay) = (client.account().clone(), client.relay().to_owned());
    let fresh = place.unless_stopped(async { Ok(start_afresh(&client).await) }).await;
    client.close().await;
    let value = json!({
        "restored": file,
        "account": account.as_str(),
        "relay": relay,
        "profile": place.profile.name(),
        "folder": place.profile.folder(),
        "lock": making.lock().name(),
    });
    place
        .out
        .data(&value, &format!("Restored {account} into the profile {}.", place.profile.name()))?;
    place.out.say(&making.protection());
    place.out.say("Do not use the old copy of this profile any more.");
    if let Err(error) = fresh? {
        place.out.say(&format!("It starts afresh with the next command that connects ({error})."));
    }
    Ok(())
}

/// Tells the relay of new prekeys, so that it is done before the first message.
async fn start_afresh(client: &Client) -> Result<(), Error> {
    running::connected(client).await?;
    client.rest(START_WITHIN).await
}
