//! Builds the command again when the web chat that it carries was built again.

use std::path::Path;

const WEB: &str = "../../web/app";

fn main() {
    // Cargo takes a missing folder for a changed one, every time: until it is there, what it would lie in
    // is watched.
    let built = format!("{WEB}/dist");
    println!("cargo::rerun-if-changed={}", if Path::new(&built).is_dir() { &built } else { WEB });
}
