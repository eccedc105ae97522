//! Writes `vectors/`, or with `--check` says whether it is what this code writes.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

mod cases;
mod refused;
mod text;

fn main() -> io::Result<ExitCode> {
    let check = env::args().any(|argument| argument == "--check");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors");
    let mut stale = Vec::new();
    for (name, text) in cases::all() {
        let path = root.join(name);
        if check {
            if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
                stale.push(name);
            }
        } else {
            fs::create_dir_all(path.parent().unwrap_or(&root))?;
            fs::write(&path, text)?;
        }
    }
    if stale.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    io::Write::write_all(
        &mut io::stderr(),
        format!("not what this code writes: {}\nrun `cargo xtask vectors`\n", stale.join(", "))
            .as_bytes(),
    )?;
    Ok(ExitCode::FAILURE)
}
