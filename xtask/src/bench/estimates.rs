//! Criterion's figures on disk: `GROUP/FUNCTION/new/sample.json`. Of the samples the fastest counts:
//! what else a machine does only ever adds time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The time of a piece of work, done one way.
pub(super) struct Figure {
    /// The work.
    pub(super) group: String,
    /// The way: `sprag`, `peer` or `floor`.
    pub(super) function: String,
    pub(super) nanoseconds: f64,
}

/// For each sample, how often the work was done, and how long that took in nanoseconds.
#[derive(Deserialize)]
struct Samples {
    iters: Vec<f64>,
    times: Vec<f64>,
}

impl Samples {
    fn fastest(&self) -> Option<f64> {
        let each = self.times.iter().zip(&self.iters).map(|(time, count)| time / count);
        each.min_by(f64::total_cmp)
    }
}

/// Each file of figures, and when it was written.
pub(super) type Stamps = BTreeMap<PathBuf, SystemTime>;

/// Looks at what is there.
pub(super) fn stamps(folder: &Path) -> Result<Stamps> {
    let mut stamps = Stamps::new();
    for group in folders(folder)? {
        for function in folders(&group)? {
            let file = function.join("new").join("sample.json");
            if let Ok(about) = fs::metadata(&file) {
                stamps.insert(file, about.modified()?);
            }
        }
    }
    Ok(stamps)
}

/// Reads what was written since.
pub(super) fn changed(folder: &Path, before: &Stamps) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (file, stamp) in stamps(folder)? {
        if before.get(&file) != Some(&stamp) {
            let text = fs::read_to_string(&file)?;
            figures.extend(figure(&file, &text)?);
        }
    }
    Ok(figures)
}

fn figure(file: &Path, text: &str) -> Result<Option<Figure>> {
    let name = |above: usize| {
        let folder = file.ancestors().nth(above).and_then(Path::file_name);
        folder.map(|name| name.to_string_lossy().into_owned())
    };
    let (Some(group), Some(function)) = (name(3), name(2)) else { return Ok(None) };
    let samples: Samples =
        serde_json::from_str(text).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(samples.fastest().map(|nanoseconds| Figure { group, function, nanoseconds }))
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
        let file = Path::new("/t/criterion/encrypt_256/sprag/new/sample.json");
        let text = r#"{"sampling_mode":"Linear","iters":[2,4,6],"times":[4.0,6.0,12.0]}"#;
        let figure = figure(file, text).unwrap().unwrap();
        assert_eq!(figure.group, "encrypt_256");
        assert_eq!(figure.function, "sprag");
        assert!((figure.nanoseconds - 1.5).abs() < f64::EPSILON);
    }

    #[test]
    fn a_broken_file_is_named() {
        let error = figure(Path::new("/c/g/f/new/sample.json"), "{}").err().unwrap();
        assert!(error.to_string().contains("/c/g/f/new/sample.json"));
    }
}
