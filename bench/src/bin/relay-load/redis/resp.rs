//! RESP2, as much of it as streams need.

use std::io::Write;

use anyhow::{Context, Result, bail};

/// Begins an array of so many items.
pub(super) fn array(out: &mut Vec<u8>, len: usize) {
    // A `Vec` takes everything.
    let _ = write!(out, "*{len}\r\n");
}

/// Writes a string.
pub(super) fn bulk(out: &mut Vec<u8>, text: &[u8]) {
    let _ = write!(out, "${}\r\n", text.len());
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
}

/// Reads one value after the other. Where a value is not complete it gives `None`, and stays.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes have been read.
    pub(super) fn used(&self) -> usize {
        self.at
    }

    /// A string, or a simple one.
    pub(super) fn string(&mut self) -> Result<Option<&'a [u8]>> {
        let begin = self.at;
        match self.line()? {
            None => Ok(None),
            Some((b'+', text)) => Ok(Some(text)),
            Some((b'$', len)) => {
                let len = number(len)?;
                let end = self.at + len;
                let text = self.bytes.get(self.at..end);
                // The line's end must be there too.
                if self.bytes.len() < end + 2 {
                    self.at = begin;
                    return Ok(None);
                }
                self.at = end + 2;
                Ok(text)
            }
            Some(other) => unexpected(other),
        }
    }

    /// An integer.
    pub(super) fn integer(&mut self) -> Result<Option<usize>> {
        match self.line()? {
            None => Ok(None),
            Some((b':', value)) => number(value).map(Some),
            Some(other) => unexpected(other),
        }
    }

    /// The head of an array: how many values follow.
    pub(super) fn array(&mut self) -> Result<Option<usize>> {
        match self.line()? {
            None => Ok(None),
            Some((b'*', len)) => number(len).map(Some),
            Some(other) => unexpected(other),
        }
    }

    /// Passes over a whole value; `None` where it is not complete.
    pub(super) fn skip(&mut self) -> Result<Option<()>> {
        let mut left = 1_usize;
        while left > 0 {
            left -= 1;
            match self.bytes.get(self.at) {
                None => return Ok(None),
                Some(b'*') => match self.array()? {
                    None => return Ok(None),
                    Some(len) => left += len,
                },
                Some(_) => {
                    if self.string()?.is_none() {
                        return Ok(None);
                    }
                }
            }
        }
        Ok(Some(()))
    }

    /// The kind and the rest of a line; an error of the server's is one here.
    fn line(&mut self) -> Result<Option<(u8, &'a [u8])>> {
        let left = self.bytes.get(self.at..).unwrap_or_default();
        let Some(len) = left.windows(2).position(|window| window == b"\r\n") else {
            return Ok(None);
        };
        let Some((kind, text)) = left.get(..len).and_then(<[u8]>::split_first) else {
            bail!("Redis answers with an empty line");
        };
        if *kind == b'-' {
            bail!("Redis refuses: {}", String::from_utf8_lossy(text));
        }
        self.at += len + 2;
        Ok(Some((*kind, text)))
    }
}

fn number(digits: &[u8]) -> Result<usize> {
    str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).context("not a number")
}

fn unexpected<T>((kind, text): (u8, &[u8])) -> Result<T> {
    bail!("Redis answers {}{}", char::from(kind), String::from_utf8_lossy(text))
}
