//! `sprag verify`: whether somebody is who one thinks, by numbers or by a QR code.

use std::io::{self, BufRead, Write};

use anyhow::{Result, anyhow};
use clap::Args;
use data_encoding::BASE64URL_NOPAD;
use serde_json::json;
use sprag_client::{Client, Error, PeerView, Refusal, Trust};
use sprag_protocol::SafetyNumber;
use sprag_protocol::fingerprint::Comparison;

use crate::display;
use crate::failure::{Untrusted, usage};
use crate::messages::trust;
use crate::out::{BOLD, Out};
use crate::running::{self, Manner, Place, Reach};

/// What the text of a QR code's content begins with.
const PREFIX: &str = "sprag-safety:";

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The account
    pub(crate) with: String,

    /// Compare with the text that the other side shows below its QR code
    #[arg(long, value_name = "TEXT")]
    pub(crate) compare: Option<String>,

    /// You have compared, and it is the same; with --compare, only if it is
    #[arg(long, conflicts_with_all = ["unconfirm", "accept_new_key"])]
    pub(crate) confirm: bool,

    /// You are not sure any more
    #[arg(long, conflicts_with_all = ["compare", "accept_new_key"])]
    pub(crate) unconfirm: bool,

    /// Accept the new key that the relay offers for this account
    #[arg(long, conflicts_with = "compare")]
    pub(crate) accept_new_key: bool,

    /// Do not ask whether the new key is to be accepted
    #[arg(long, requires = "accept_new_key")]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) manner: Manner,
}

/// Shows the safety number, compares it, or keeps what a person decides.
pub(crate) async fn run(options: &Options, place: &Place) -> Result<()> {
    place.with_client(Reach::Relay, async |client| verify(options, place, client).await).await
}

async fn verify(options: &Options, place: &Place, client: &Client) -> Result<()> {
    let with = options.with.as_str();
    if options.accept_new_key {
        return accept(options, place, client).await;
    }
    let peer = known(client, with).await?;
    if let Some(text) = &options.compare {
        compare(client, with, text, place.out).await?;
    }
    if options.confirm || options.unconfirm {
        client.mark_verified(with, options.confirm).await?;
        let name = &peer.name;
        let word = if options.confirm { "verified" } else { "not verified" };
        let value = json!({ "with": with, "trust": if options.confirm { "verified" } else { "first-use" } });
        return place.out.data(&value, &format!("{name} is {word}."));
    }
    if options.compare.is_some() {
        let command = place.profile.command();
        place.out.say(&format!("To keep that: {command} verify {with} --confirm"));
        return Ok(());
    }
    show(&peer, client, place).await
}

/// An account that is known, or gets known now.
async fn known(client: &Client, with: &str) -> Result<PeerView, Error> {
    if let Some(peer) = client.peer(with).await? {
        return Ok(peer);
    }
    running::connected(client).await?;
    client.meet(with).await
}

async fn show(peer: &PeerView, client: &Client, place: &Place) -> Result<()> {
    let (with, out) = (peer.name.as_str(), place.out);
    let number = client.safety_number(with).await?;
    let payload = payload(&number);
    let value = json!({
        "with": with,
        "trust": trust(peer.trust),
        "safety_number": number.to_string(),
        "payload": payload,
        "offered": client.offered_safety_number(with).await?.map(|offered| offered.to_string()),
    });
    if out.is_json() {
        return out.data(&value, "");
    }
    out.text(&format!("Your safety number with {BOLD}{with}{BOLD:#}:\n\n{}\n", grid(&number)))?;
    for line in display::qr(&number.qr()).into_iter().flatten() {
        out.text(&on_dark(&line))?;
    }
    out.text(&format!("\n{payload}\n"))?;
    let command = place.profile.command();
    out.say(&advice(peer, &command));
    Ok(())
}

/// What to do with it.
fn advice(peer: &PeerView, command: &str) -> String {
    let with = &peer.name;
    match peer.trust {
        Trust::KeyChanged { .. } => format!(
            "CAUTION: the relay offers another key for {with} than the one above. Most often somebody has \
             set up a new phone or computer; it can also be somebody in between. Nothing is sent until \
             you decide. Ask {with} by another way, then: {command} verify {with} --accept-new-key"
        ),
        Trust::Verified => format!("You have verified {with}."),
        Trust::Unknown | Trust::FirstUse => format!(
            "Ask {with} for theirs, face to face or in a call: the digits must be the same on both \
             sides. Then: {command} verify {with} --confirm\nOr compare the text that they see below \
             their QR code: {command} verify {with} --compare TEXT"
        ),
    }
}

async fn compare(client: &Client, with: &str, text: &str, out: Out) -> Result<()> {
    let scanned = scanned(text).ok_or(Error::NotACode)?;
    let comparison = client.compare(with, &scanned).await?;
    let (code, what) = match comparison {
        Comparison::Match => ("match", "The safety numbers match: nobody is in between."),
        Comparison::OursDiffers => (
            "ours-differs",
            "they see another key of yours than you have: somebody may be in between, or they have not \
             accepted your new key yet; do not confirm",
        ),
        Comparison::TheirsDiffers => (
            "theirs-differs",
            "you see another key of theirs than they have: somebody may be in between; do not confirm",
        ),
        Comparison::BothDiffer => (
            "both-differ",
            "neither key is the same: is this the code of this conversation? If it is, somebody is in \
             between; do not confirm",
        ),
    };
    if comparison != Comparison::Match {
        return Err(Untrusted(what).into());
    }
    out.data(&json!({ "with": with, "comparison": code }), what)
}

async fn accept(options: &Options, place: &Place, client: &Client) -> Result<()> {
    let (with, out) = (options.with.as_str(), place.out);
    running::connected(client).await?;
    let peer = client.refresh(with).await?;
    let Some(new) = client.offered_safety_number(with).await? else {
        return Err(Error::Refused(Refusal::NothingOffered).into());
    };
    let old = client.safety_number(with).await?;
    if !out.is_json() {
        out.say(&format!("The safety number with {} was:\n\n{}\n", peer.name, grid(&old)));
        out.say(&format!("With the new key it is:\n\n{}\n", grid(&new)));
    }
    if !options.yes && !agreed(place, "Accept the new key?", "--yes").await? {
        out.say("Nothing was changed.");
        return Ok(());
    }
    client.accept_key(with).await?;
    running::settle(client).await;
    let value = json!({ "with": with, "accepted": true, "safety_number": new.to_string() });
    let text = format!("Accepted. {with} is not verified: compare the new safety number.");
    out.data(&value, &text)
}

/// Asks; where there is nobody to ask, the flag that answers is needed.
pub(crate) async fn agreed(place: &Place, question: &str, flag: &str) -> Result<bool> {
    if !place.out.asks() {
        return Err(usage(anyhow!("nobody can be asked here: say {flag} if that is what you want")));
    }
    let question = question.to_owned();
    let asking = tokio::task::spawn_blocking(move || {
        let mut stderr = anstream::stderr();
        write!(stderr, "{question} [y/N] ")?;
        stderr.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        let answer = answer.trim().to_ascii_lowercase();
        Ok::<_, io::Error>(answer == "y" || answer == "yes")
    });
    place.unless_stopped(async { Ok(asking.await??) }).await
}

/// What a QR code holds, as text.
pub(crate) fn payload(number: &SafetyNumber) -> String {
    format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&number.qr()))
}

/// Takes it apart again.
pub(crate) fn scanned(text: &str) -> Option<Vec<u8>> {
    let encoded = text.trim().strip_prefix(PREFIX)?;
    BASE64URL_NOPAD.decode(encoded.as_bytes()).ok()
}

/// Twelve groups of five digits, four in a line.
pub(crate) fn grid(number: &SafetyNumber) -> String {
    let groups = number.groups().map(|group| format!("{group:05}"));
    let lines: Vec<_> = groups.chunks(4).map(|line| format!("    {}", line.join("  "))).collect();
    lines.join("\n")
}

/// A line of a QR code, light on dark whatever the terminal's colours are; without colours it is as
/// it is.
pub(crate) fn on_dark(line: &str) -> String {
    let style = anstyle::Style::new()
        .fg_color(Some(anstyle::RgbColor(255, 255, 255).into()))
        .bg_color(Some(anstyle::RgbColor(0, 0, 0).into()));
    format!("{style}{line}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_shown_is_taken() {
        assert_eq!(scanned(" sprag-safety:AAEC\n"), Some(vec![0, 1, 2]));
        for text in ["", "AAEC", "sprag-safety:AAE=", "sprag-safety:A", "sprag-link:AAEC"] {
            assert_eq!(scanned(text), None, "{text}");
        }
    }
}
