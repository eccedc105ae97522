//! `sprag settings`: what a profile does by itself.

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use crate::running::{Manner, Place, Reach};

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) manner: Manner,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Whether others are told what you have read
    ReadReceipts {
        /// Whether
        tell: Switch,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

/// Changes a setting, and prints them all.
pub(crate) async fn run(options: &Options, place: &Place) -> Result<()> {
    place
        .with_client(Reach::Here, async |client| {
            if let Some(Command::ReadReceipts { tell }) = &options.command {
                client.set_read_receipts(*tell == Switch::On).await?;
            }
            let tell = client.status().await?.read_receipts;
            let text = format!("read-receipts {}", if tell { "on" } else { "off" });
            place.out.data(&json!({ "read_receipts": tell }), &text)
        })
        .await
}
