//! What was measured, side by side: ours, the bare limit, the peer; and which targets are reached.

use anyhow::{Context, Result};
use serde::Serialize;

use crate::environment::Environment;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// More is better.
    PerSecond,
    /// Less is better.
    Seconds,
    /// Less is better.
    Bytes,
    /// Of one core.
    Share,
    /// Neither is better.
    Count,
}

/// What we want to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// At least this many times the peer's figure.
    OfPeer(f64),
    /// At most this.
    AtMost(f64),
}

/// One work, measured on up to three servers.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    work: String,
    unit: Unit,
    sprag: Option<f64>,
    limit: Option<f64>,
    sprag_to_limit: Option<f64>,
    peer: Option<f64>,
    sprag_to_peer: Option<f64>,
    target: Option<String>,
    reached: Option<bool>,
}

impl Row {
    /// A row: our figure, that of the bare limit, the peer's.
    pub(crate) fn new(work: &str, unit: Unit, figures: [Option<f64>; 3]) -> Self {
        let [sprag, limit, peer] = figures;
        // How busy the generator was says nothing about the servers.
        let ratio = |to: Option<f64>| Some(sprag? / to?).filter(|_| unit != Unit::Share);
        Self {
            work: work.to_owned(),
            unit,
            sprag,
            limit,
            sprag_to_limit: ratio(limit),
            peer,
            sprag_to_peer: ratio(peer),
            target: None,
            reached: None,
        }
    }

    /// The same, with a target.
    pub(crate) fn aims(mut self, target: Target) -> Self {
        self.reached = match target {
            Target::OfPeer(least) => self.sprag_to_peer.map(|ratio| ratio >= least),
            Target::AtMost(most) => self.sprag.map(|figure| figure <= most),
        };
        self.target = Some(match target {
            Target::OfPeer(least) => format!(">= {least:.1}x of the peer"),
            Target::AtMost(most) => format!("<= {}", shown(self.unit, most)),
        });
        self
    }
}

/// Everything that one run measured.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) environment: Environment,
    pub(crate) rows: Vec<Row>,
}

impl Report {
    /// For a program: plain numbers; seconds, bytes, per second.
    pub(crate) fn json(&self) -> Result<String> {
        serde_json::to_string_pretty(self).context("cannot write JSON")
    }

    /// For a person.
    pub(crate) fn text(&self) -> String {
        format!("{}\n\n{}", self.environment.text(), table(&self.rows))
    }
}

const HEAD: [&str; 7] = ["work", "sprag", "limit", "of limit", "redis", "of redis", "target"];

fn table(rows: &[Row]) -> String {
    let mut cells = vec![HEAD.map(str::to_owned)];
    cells.extend(rows.iter().map(|row| {
        let figure = |figure: Option<f64>| or_dash(figure, |figure| shown(row.unit, figure));
        let ratio = |ratio| or_dash(ratio, |ratio| format!("{ratio:.2}x"));
        [
            row.work.clone(),
            figure(row.sprag),
            figure(row.limit),
            ratio(row.sprag_to_limit),
            figure(row.peer),
            ratio(row.sprag_to_peer),
            target(row),
        ]
    }));
    aligned(&cells)
}

/// Rows of cells as columns: the first one to the left, as is the last one where it is text (a target); figures
/// between them to the right.
pub(crate) fn aligned(cells: &[impl AsRef<[String]>]) -> String {
    let columns = cells.iter().map(|row| row.as_ref().len()).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = cells.iter().filter_map(|row| row.as_ref().get(column));
        cells.map(String::len).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &[String]| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column == 0 || HEAD.get(column) == Some(&"target") && columns == HEAD.len() {
                format!("{cell:width$}")
            } else {
                format!("{cell:>width$}")
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    cells.iter().map(|row| line(row.as_ref())).collect::<Vec<_>>().join("\n")
}

fn target(row: &Row) -> String {
    let outcome = match row.reached {
        Some(true) => "reached",
        Some(false) => "MISSED",
        None => "not measured",
    };
    row.target.as_ref().map_or_else(String::new, |target| format!("{target}: {outcome}"))
}

fn or_dash(figure: Option<f64>, shown: impl Fn(f64) -> String) -> String {
    figure.map_or_else(|| "-".to_owned(), shown)
}

/// A figure with its unit.
pub(crate) fn shown(unit: Unit, figure: f64) -> String {
    match unit {
        Unit::Count => format!("{figure:.1}"),
        Unit::PerSecond => format!("{}/s", thousands(figure)),
        Unit::Seconds if figure >= 1.0 => format!("{figure:.2} s"),
        Unit::Seconds if figure >= 1e-3 => format!("{:.2} ms", figure * 1e3),
        Unit::Seconds => format!("{:.1} us", figure * 1e6),
        Unit::Bytes => format!("{:.1} KiB", figure / 1024.0),
        Unit::Share => format!("{:.0} %", figure * 100.0),
    }
}

/// A whole number with its thousands apart.
fn thousands(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
