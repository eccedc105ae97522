//! Writes the JavaScript around a WebAssembly module: `xtask-bind MODULE.wasm FOLDER NAME`. A program of its
//! own, so that the chores which do not need it are built without it.

use std::env;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [module, folder, name] = arguments.as_slice() else {
        anyhow::bail!("usage: xtask-bind MODULE.wasm FOLDER NAME");
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).out_name(name).typescript(false);
    // Without a default path nothing guesses where the module is: bundlers would look for it.
    bindgen.web(true)?.omit_default_module_path(true).remove_producers_section(true);
    bindgen.generate(folder).with_context(|| format!("cannot bind {module}"))
}
