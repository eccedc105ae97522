//! What the module for browsers answers, by native code: a request on each line of the input, a line of
//! JSON for each on the output, holding the answer. The web's tests hold the two against each other.

use std::io::{self, BufRead, Write};

use serde_json::{Value, json};

fn main() -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let answer = match sprag_learn_wasm::play(&line?) {
            Ok(document) => json!({ "document": document }),
            Err(problem) => json!({ "problem": Value::String(problem) }),
        };
        writeln!(stdout, "{answer}")?;
    }
    Ok(())
}
