//! Passphrases: from a file, from standard input, from whoever sits at the terminal; never from the
//! command line, which others can read.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use crate::failure::{Interrupted, usage};
use crate::out::Out;
use crate::signals::Stop;

/// The longest file that is taken for one with a passphrase, in bytes.
const MAX_LEN: u64 = 4096;
/// The shortest new passphrase, in characters.
const MIN_NEW: usize = 8;

/// A passphrase that is needed, and where it may come from.
pub(crate) struct Asked<'a> {
    /// What it is for, as in "the passphrase of the profile".
    pub(crate) of: &'a str,
    /// The flag that names a file with it.
    pub(crate) flag: &'static str,
    /// The file that was named; `-` is standard input.
    pub(crate) file: Option<&'a Path>,
    /// Whether and where to ask.
    pub(crate) out: Out,
    /// What ends the asking.
    pub(crate) stop: &'a Stop,
}

impl Asked<'_> {
    /// The passphrase of something that there is.
    pub(crate) async fn known(&self) -> Result<Zeroizing<String>> {
        match self.file {
            Some(file) => read(file).map_err(usage),
            None => self.prompt("").await,
        }
    }

    /// A passphrase for something new: asked for twice.
    pub(crate) async fn new(&self) -> Result<Zeroizing<String>> {
        let passphrase = match self.file {
            Some(file) => read(file).map_err(usage)?,
            None => {
                let passphrase = self.prompt("New ").await?;
                if *self.prompt("Again: ").await? != *passphrase {
                    return Err(usage(anyhow!("the two are not the same; nothing was done")));
                }
                passphrase
            }
        };
        if passphrase.chars().count() < MIN_NEW {
            let error = anyhow!("a passphrase of less than {MIN_NEW} characters is soon guessed");
            return Err(usage(error));
        }
        Ok(passphrase)
    }

    async fn prompt(&self, before: &str) -> Result<Zeroizing<String>> {
        let Self { of, flag, .. } = self;
        if !self.out.asks() {
            let error = anyhow!("{of} is needed: name a file with it by {flag} (- is standard input)");
            return Err(usage(error));
        }
        let prompt = format!("{before}{of}: ");
        let echo = Echo::now();
        let typed = spawn_blocking(move || rpassword::prompt_password(prompt).map(Zeroizing::new));
        tokio::select! {
            typed = typed => typed.context("the prompt failed")?.context("the terminal cannot be read"),
            () = self.stop.asked() => {
                echo.restore();
                Err(Interrupted.into())
            }
        }
    }
}

/// The first line of a file.
fn read(file: &Path) -> Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = if file == Path::new("-") {
        io::stdin().lock().take(MAX_LEN + 1).read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|file| file.take(MAX_LEN + 1).read_to_end(&mut bytes))
    };
    let shown = file.display();
    read.with_context(|| format!("the passphrase file {shown} cannot be read"))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_LEN) {
        bail!("the passphrase file {shown} is longer than {MAX_LEN} bytes: is it the right one?");
    }
    let text = std::str::from_utf8(&bytes).ok();
    let text = text.with_context(|| format!("the passphrase file {shown} is not UTF-8 text"))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Zeroizing::new(line.to_owned())),
        _ => bail!("the passphrase file {shown} has nothing on its first line"),
    }
}

/// How the terminal was before a passphrase was asked for: what is typed is seen.
struct Echo {
    #[cfg(unix)]
    before: Option<(File, rustix::termios::Termios)>,
}

#[cfg(unix)]
impl Echo {
    fn now() -> Self {
        let terminal = File::open("/dev/tty").ok();
        let before = terminal.and_then(|terminal| {
            let attributes = rustix::termios::tcgetattr(&terminal).ok()?;
            Some((terminal, attributes))
        });
        Self { before }
    }

    fn restore(self) {
        if let Some((terminal, attributes)) = self.before {
            // Where this fails there is no terminal any more.
            let now = rustix::termios::OptionalActions::Now;
            let _ = rustix::termios::tcsetattr(&terminal, now, &attributes);
        }
    }
}

#[cfg(not(unix))]
impl Echo {
    fn now() -> Self {
        Self {}
    }

    fn restore(self) {}
}
