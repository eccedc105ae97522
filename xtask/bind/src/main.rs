//! Writes the JavaScript around a WebAssembly module, and beside it the module as gzip has it: `xtask-bind MODULE.wasm
//! FOLDER NAME [gzip]`. A program of its own, so that the chores which do not need it are built without it.

use std::path::Path;
use std::{env, fs};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

mod order;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [module, folder, name, gzip @ ..] = arguments.as_slice() else {
        anyhow::bail!("usage: xtask-bind MODULE.wasm FOLDER NAME [gzip]");
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).out_name(name).typescript(false);
    // Without a default path nothing guesses where the module is: bundlers would look for it.
    bindgen.web(true)?.omit_default_module_path(true);
    // Not by the linker: it would strip which features the module has, and with them what makes the JavaScript short.
    bindgen.remove_name_section(true).remove_producers_section(true);
    bindgen.generate(folder).with_context(|| format!("cannot bind {module}"))?;
    let module = Path::new(folder).join(format!("{name}_bg.wasm"));
    let bytes = fs::read(&module).with_context(|| module.display().to_string())?;
    // gzip makes 6 % less of it so.
    let bytes = order::by_likeness(&bytes)?;
    fs::write(&module, &bytes).with_context(|| module.display().to_string())?;
    if gzip.is_empty() { Ok(()) } else { pack(&bytes, &module.with_extension("wasm.gz")) }
}

/// Zopfli looks for the shortest gzip that there is: seconds here, 6 % for everybody who loads it.
fn pack(module: &[u8], to: &Path) -> Result<()> {
    let mut packed = Vec::new();
    zopfli::compress(zopfli::Options::default(), zopfli::Format::Gzip, module, &mut packed)?;
    fs::write(to, packed).with_context(|| to.display().to_string())
}
