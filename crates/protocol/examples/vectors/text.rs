//! The text format of the vectors: `name = value` lines, `#` comments, an empty line between blocks.

use std::fmt::{Display, Write};

/// A vector file in the making.
pub(crate) struct Text(String);

impl Text {
    pub(crate) fn new(title: &str) -> Self {
        Self(format!("# {title}\n"))
    }

    /// Begins a block.
    pub(crate) fn block(&mut self, comment: &str) {
        self.put(format_args!("\n# {comment}\n"));
    }

    pub(crate) fn hex(&mut self, name: &str, bytes: impl AsRef<[u8]>) {
        let hex =
            bytes.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        self.value(name, hex);
    }

    pub(crate) fn value(&mut self, name: &str, value: impl Display) {
        let line = format!("{name} = {value}");
        self.put(format_args!("{}\n", line.trim_end()));
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }

    fn put(&mut self, what: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.0.write_fmt(what);
    }
}
