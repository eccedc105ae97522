//! Reads the test vectors (`vectors/README.md`), for the tests of this room.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use data_encoding::HEXLOWER;

/// Lines that belong together.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// What stands above them.
    pub(crate) comment: String,
    lines: BTreeMap<String, String>,
}

impl Block {
    /// The value of this name, where the block has one.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.lines.get(name).map(String::as_str)
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.find(name).unwrap()
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        HEXLOWER.decode(self.text(name).as_bytes()).unwrap()
    }

    pub(crate) fn array<const N: usize>(&self, name: &str) -> [u8; N] {
        self.bytes(name).try_into().unwrap()
    }
}

/// The blocks of a file.
pub(crate) fn blocks(file: &str) -> Vec<Block> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors").join(file);
    let mut blocks: Vec<Block> = Vec::new();
    for line in fs::read_to_string(path).unwrap().lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            blocks.push(Block { comment: comment.into(), ..Block::default() });
        } else if let Some((name, value)) = line.split_once(" =") {
            let block = blocks.last_mut().unwrap();
            block.lines.insert(name.into(), value.trim_start().into());
        }
    }
    blocks
}

/// What of `vectors/refused.txt` is of this kind, with the requirements that refuse it.
pub(crate) fn refused(kind: &str) -> Vec<Block> {
    let found: Vec<_> =
        blocks("refused.txt").into_iter().filter(|block| block.find(kind).is_some()).collect();
    assert!(!found.is_empty(), "{kind}");
    found
}

/// The same bytes with one bit flipped.
pub(crate) fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}
