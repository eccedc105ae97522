//! `cargo xtask web`: the rooms of a browser build for WebAssembly, where there is no operating system; the last of them
//! becomes two modules in `web/sdk/wasm`, which the npm package is made from.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result};

use crate::project::{Project, output, say, succeed};

/// What is built, and how, beside the module itself.
const ROOMS: [&[&str]; 2] =
    [&["-p", "sprag-protocol"], &["-p", "sprag-store", "--no-default-features"]];

const TARGET: &str = "wasm32-unknown-unknown";

/// SHA-2 as loops: 4 KB less than written out, and no slower where everything else takes its time too.
const COMPACT: &str = r#"--cfg=sha2_backend_soft="compact""#;

/// The modules' name, as cargo has it.
const MODULE: &str = "sprag_wasm";

/// The walkthrough's module: cargo's name, the page's name for it, and its place in the web app.
const WALKTHROUGH: &str = "sprag_learn_wasm";
const WALKTHROUGH_OUT: &str = "sprag_learn";
const WALKTHROUGH_FOLDER: &str = "web/app/src/learn/module";

/// What is built of the module.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What the npm package's client loads.
    Client,
    /// What its entry `core` loads: the protocol alone.
    Core,
    /// With scripts in place of randomness, for the test vectors.
    Vectors,
}

impl Kind {
    /// What its files are called, for whoever loads it.
    fn name(self) -> &'static str {
        match self {
            Self::Client => "sprag",
            Self::Core => "sprag_core",
            Self::Vectors => "sprag_wasm",
        }
    }

    fn features(self) -> &'static [&'static str] {
        match self {
            Self::Client => &["--no-default-features", "--features", "client"],
            Self::Core => &["--no-default-features", "--features", "core"],
            Self::Vectors => &["--features", "vectors"],
        }
    }
}

/// Builds every room, and the modules.
pub(crate) fn run(project: &Project) -> Result<()> {
    let toolchain = toolchain(project)?;
    for room in ROOMS {
        project.step(&format!("build for {TARGET}: {}", room.join(" ")));
        succeed(toolchain.build(project).arg("--release").args(room))?;
    }
    walkthrough(project, &toolchain)?;
    for kind in [Kind::Client, Kind::Core] {
        let module = bind(project, &toolchain, kind)?.join(format!("{}_bg.wasm.gz", kind.name()));
        let length = fs::metadata(&module).with_context(|| module.display().to_string())?.len();
        say(&format!("{}: {length} bytes", module.display()))?;
    }
    Ok(())
}

/// Builds the module; gives the folder that it is in.
pub(crate) fn module(project: &Project, kind: Kind) -> Result<PathBuf> {
    bind(project, &toolchain(project)?, kind)
}

/// A toolchain that builds for WebAssembly.
struct Toolchain {
    /// `+NAME`, or nothing where it is the one of the checkout.
    other: String,
    /// What the compiler is told, with the separator that cargo wants.
    flags: String,
}

impl Toolchain {
    fn build(&self, project: &Project) -> std::process::Command {
        let mut build = project.command("cargo");
        if self.other.is_empty() {
            build.arg("build");
        } else {
            build.args([self.other.as_str(), "build", "--ignore-rust-version"]);
        }
        build.args(["--locked", "--target", TARGET]).env("CARGO_ENCODED_RUSTFLAGS", &self.flags);
        build
    }
}

fn toolchain(project: &Project) -> Result<Toolchain> {
    project.step("find a toolchain for WebAssembly");
    let mut script = project.command("bash");
    let cargo = output(script.arg(project.root().join("xtask/wasm-toolchain.sh")))?;
    // The script answers `cargo`, or `cargo +NAME` for a toolchain of its own making. That one
    // may be older than the workspace's `rust-version`; whether it can build, the build tells.
    let other = cargo.trim().strip_prefix("cargo").unwrap_or_default().trim_start().to_owned();
    let mut flags = nameless(project)?;
    flags.push(COMPACT.to_owned());
    Ok(Toolchain { other, flags: flags.join("\x1f") })
}

/// Lets the places of sources be named without the folders of this machine: they are nobody's business, and bytes.
fn nameless(project: &Project) -> Result<Vec<String>> {
    let home = |variable, folder| {
        let named = env::var_os(variable).map(PathBuf::from);
        named.or_else(|| env::home_dir().map(|home| home.join(folder)))
    };
    let mut folders = vec![project.root().to_path_buf()];
    // The standard library's own sources, where a toolchain has them.
    folders.extend(home("RUSTUP_HOME", ".rustup"));
    let registries = home("CARGO_HOME", ".cargo").map(|home| home.join("registry/src"));
    let registries = registries.filter(|folder| folder.is_dir());
    if let Some(registries) = registries {
        for registry in fs::read_dir(&registries).context("the sources of the registry")? {
            folders.push(registry.context("the sources of the registry")?.path());
        }
    }
    let nameless = folders.iter().map(|at| format!("--remap-path-prefix={}=.", at.display()));
    Ok(nameless.collect())
}

/// Builds the module and what JavaScript needs to call it. The types are written by hand.
fn bind(project: &Project, toolchain: &Toolchain, kind: Kind) -> Result<PathBuf> {
    let features = kind.features();
    project.step(&format!("build for {TARGET}: -p sprag-wasm {}", features.join(" ")));
    let mut build = toolchain.build(project);
    succeed(build.args(["--profile", "web", "-p", "sprag-wasm"]).args(features))?;
    let folder = match kind {
        Kind::Client | Kind::Core => project.root().join("web/sdk/wasm"),
        Kind::Vectors => project.metadata()?.target_directory.join("wasm-vectors"),
    };
    let types = project.root().join("crates/wasm/types.d.ts");
    write(project, (MODULE, kind.name(), &["gzip"]), &folder, &types)?;
    Ok(folder)
}

/// Builds the module of the page `/learn`, a small one of its own.
fn walkthrough(project: &Project, toolchain: &Toolchain) -> Result<()> {
    project.step(&format!("build for {TARGET}: -p sprag-learn-wasm"));
    succeed(toolchain.build(project).args(["--profile", "web", "-p", "sprag-learn-wasm"]))?;
    let folder = project.root().join(WALKTHROUGH_FOLDER);
    let types = project.root().join("crates/learn-wasm/types.d.ts");
    write(project, (WALKTHROUGH, WALKTHROUGH_OUT, &[]), &folder, &types)
}

/// Writes a built module (`built` is cargo's name of it), and what JavaScript needs to call it, into a folder; packed
/// too, where `gzip` says so.
fn write(
    project: &Project,
    (built, name, gzip): (&str, &str, &[&str]),
    folder: &Path,
    types: &Path,
) -> Result<()> {
    project.step("bind it to JavaScript");
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let module = project.metadata()?.target_directory.join(format!("{TARGET}/web/{built}.wasm"));
    let mut bind = project.cargo(["run", "--quiet", "--locked", "--package", "xtask-bind", "--"]);
    succeed(bind.arg(&module).arg(folder).arg(name).args(gzip))?;
    let copied = fs::copy(types, folder.join(format!("{name}.d.ts")));
    copied.with_context(|| types.display().to_string())?;
    Ok(())
}
