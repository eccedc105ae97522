//! Files that came with messages, saved; and bars that show how far a file is.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sprag_client::{Attachment, Client, Error, Existing, Progress};

use crate::display;
use crate::out::Out;

/// How many names are tried for a file whose name is taken.
const TRIES: u32 = 1000;

/// Saves a file in a folder under its name, or one like it where that is taken.
pub(super) async fn save(
    client: &Client,
    file: &Attachment,
    folder: &Path,
    out: Out,
) -> Result<PathBuf> {
    fs::create_dir_all(folder)
        .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let bar = bar(out, "saving");
    let saved = attempt(client, file, folder, &bar).await;
    bar.finish_and_clear();
    saved
}

async fn attempt(
    client: &Client,
    file: &Attachment,
    folder: &Path,
    bar: &ProgressBar,
) -> Result<PathBuf> {
    for number in 1..=TRIES {
        let path = folder.join(name(file, number));
        match client.save_file(file, &path, Existing::Keep, |progress| show(bar, progress)).await {
            Ok(()) => return Ok(path),
            Err(Error::FileExists) => {}
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        }
    }
    Err(Error::FileExists).with_context(|| folder.display().to_string())
}

/// The name under which a file is saved at this attempt.
fn name(file: &Attachment, number: u32) -> String {
    // No folders are in it; nothing that a terminal would obey is to come from a listing either.
    let name = display::line(&file.name).replace(['/', '\\'], "_");
    let name = name.trim().trim_start_matches('.');
    let name = if name.is_empty() { "file" } else { name };
    match (number, name.rsplit_once('.')) {
        (1, _) => name.to_owned(),
        (_, Some((stem, end))) if !stem.is_empty() => format!("{stem} ({number}).{end}"),
        _ => format!("{name} ({number})"),
    }
}

/// A bar on standard error, where somebody watches.
pub(super) fn bar(out: Out, what: &'static str) -> ProgressBar {
    let target =
        if out.shows_progress() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target).with_message(what);
    let template = "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}";
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("##-")),
        Err(_) => bar,
    }
}

/// Shows how far it is.
pub(super) fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.total);
    bar.set_position(progress.done);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(name: &str) -> Attachment {
        Attachment {
            blob: [0; 16],
            key: [0; 32].into(),
            length: 1,
            name: name.into(),
            media_type: String::new(),
            caption: String::new(),
        }
    }

    #[test]
    fn a_name_is_one_file_in_the_folder() {
        for (given, first, second) in [
            ("photo.jpg", "photo.jpg", "photo (2).jpg"),
            ("notes", "notes", "notes (2)"),
            ("", "file", "file (2)"),
            ("..", "file", "file (2)"),
            (".bashrc", "bashrc", "bashrc (2)"),
            ("../../etc/passwd", "_.._etc_passwd", "_. (2)._etc_passwd"),
            ("a\\b\u{1b}[31m.txt", "a_b.txt", "a_b (2).txt"),
            ("tar.tar.gz", "tar.tar.gz", "tar.tar (2).gz"),
        ] {
            assert_eq!(name(&called(given), 1), first);
            assert_eq!(name(&called(given), 2), second);
        }
    }
}
