//! Criterion's figures on disk: `GROUP/FUNCTION/new/estimates.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The median time of a piece of work, done one way.
pub(super) struct Median {
    /// The work.
    pub(super) group: String,
    /// The way: `sprag`, `peer` or `floor`.
    pub(super) function: String,
    pub(super) nanoseconds: f64,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// Each file of figures, and when it was written.
pub(super) type Stamps = BTreeMap<PathBuf, SystemTime>;

/// Looks at what is there.
pub(super) fn stamps(folder: &Path) -> Result<Stamps> {
    let mut stamps = Stamps::new();
    for group in folders(folder)? {
        for function in folders(&group)? {
            let file = function.join("new").join("estimates.json");
            if let Ok(about) = fs::metadata(&file) {
                stamps.insert(file, about.modified()?);
            }
        }
    }
    Ok(stamps)
}

/// Reads what was written since.
pub(super) fn changed(folder: &Path, before: &Stamps) -> Result<Vec<Median>> {
    let mut medians = Vec::new();
    for (file, stamp) in stamps(folder)? {
        if before.get(&file) != Some(&stamp) {
            let text = fs::read_to_string(&file)?;
            medians.extend(median(&file, &text)?);
        }
    }
    Ok(medians)
}

fn median(file: &Path, text: &str) -> Result<Option<Median>> {
    let name = |above: usize| {
        let folder = file.ancestors().nth(above).and_then(Path::file_name);
        folder.map(|name| name.to_string_lossy().into_owned())
    };
    let (Some(group), Some(function)) = (name(3), name(2)) else { return Ok(None) };
    let estimates: Estimates =
        serde_json::from_str(text).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Some(Median { group, function, nanoseconds: estimates.median.point_estimate }))
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_figures_is_read() {
        let file = Path::new("/t/criterion/encrypt_256/sprag/new/estimates.json");
        let text = r#"{"mean":{"point_estimate":2.5},"median":{"point_estimate":1.5,"x":[]}}"#;
        let median = median(file, text).unwrap().unwrap();
        assert_eq!(median.group, "encrypt_256");
        assert_eq!(median.function, "sprag");
        assert!((median.nanoseconds - 1.5).abs() < f64::EPSILON);
    }

    #[test]
    fn a_broken_file_is_named() {
        let error = median(Path::new("/c/g/f/new/estimates.json"), "{}").err().unwrap();
        assert!(error.to_string().contains("/c/g/f/new/estimates.json"));
    }
}
