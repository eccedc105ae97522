//! What a file is, by the ending of its name.

/// A kind of file that pages are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind(&'static str);

const KINDS: [(&str, Kind); 9] = [
    ("css", Kind("text/css; charset=utf-8")),
    ("html", Kind("text/html; charset=utf-8")),
    ("ico", Kind("image/x-icon")),
    ("js", Kind("text/javascript; charset=utf-8")),
    ("json", Kind("application/json")),
    ("png", Kind("image/png")),
    ("svg", Kind("image/svg+xml")),
    ("wasm", Kind("application/wasm")),
    ("webmanifest", Kind("application/manifest+json")),
];

impl Kind {
    /// What a file of this name is, where it is anything that a page is made of.
    pub(super) fn of(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        KINDS.iter().find(|(known, _)| *known == ending).map(|(_, kind)| *kind)
    }

    pub(super) fn media_type(self) -> &'static str {
        self.0
    }
}
