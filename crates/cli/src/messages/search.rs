//! `sprag search`: words in everything that was said.

use anyhow::Result;
use clap::Args;

use super::{entry, entry_line};
use crate::running::{Manner, Place, Reach};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The words, as they stand; whatever their case
    #[arg(value_name = "WORDS", required = true, num_args = 1..)]
    pub(crate) words: Vec<String>,

    /// At most so many, the newest
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,

    #[command(flatten)]
    pub(crate) manner: Manner,
}

/// Searches.
pub(crate) async fn run(options: &Options, place: &Place) -> Result<()> {
    let words = options.words.join(" ");
    place
        .with_client(Reach::Here, async |client| {
            let found = client.search(&words, options.limit).await?;
            for (with, one) in &found {
                let text = format!("[{with}] {}", entry_line(one));
                place.out.data(&entry(with.as_str(), one), &text)?;
            }
            if found.is_empty() && !place.out.is_json() {
                place.out.say("Nothing found.");
            }
            Ok(())
        })
        .await
}
