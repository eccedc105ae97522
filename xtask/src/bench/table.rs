//! The table of figures: one row for a piece of work, side by side the ways to do it.

use anyhow::{Context, Result};
use serde::Serialize;

use super::estimates::Figure;

/// One piece of work. Times are the fastest samples, in nanoseconds.
#[derive(Default, Serialize)]
pub(super) struct Row {
    work: String,
    sprag: Option<f64>,
    peer: Option<f64>,
    /// How many times as long the peer takes.
    peer_to_sprag: Option<f64>,
    floor: Option<f64>,
    /// How many times as long we take as the bare primitives.
    sprag_to_floor: Option<f64>,
}

/// Puts the figures side by side, ordered by the names of the work.
pub(super) fn rows(figures: &[Figure]) -> Vec<Row> {
    let mut names: Vec<&str> = figures.iter().map(|figure| figure.group.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|work| row(work, figures)).collect()
}

fn row(work: &str, figures: &[Figure]) -> Row {
    let time = |function: &str| {
        let mut all = figures.iter();
        all.find(|figure| figure.group == work && figure.function == function)
            .map(|figure| figure.nanoseconds)
    };
    let (sprag, peer, floor) = (time("sprag"), time("peer"), time("floor"));
    let ratio = |of: Option<f64>, to: Option<f64>| Some(of? / to?);
    Row {
        work: work.to_owned(),
        sprag,
        peer,
        peer_to_sprag: ratio(peer, sprag),
        floor,
        sprag_to_floor: ratio(sprag, floor),
    }
}

/// The rows for a program.
pub(super) fn json(rows: &[Row]) -> Result<String> {
    serde_json::to_string_pretty(rows).context("cannot write JSON")
}

/// The rows for a person.
pub(super) fn text(rows: &[Row]) -> String {
    let head = ["work", "sprag", "peer", "sprag to peer", "floor", "sprag to floor"];
    let mut cells = vec![head.map(str::to_owned)];
    cells.extend(rows.iter().map(|row| {
        [
            row.work.clone(),
            or_dash(row.sprag, time),
            or_dash(row.peer, time),
            or_dash(row.peer_to_sprag, speed),
            or_dash(row.floor, time),
            or_dash(row.sprag_to_floor, |ratio| format!("{ratio:.2}x the time")),
        ]
    }));
    let mut widths = [0; 6];
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.len().max(*width);
        }
    }
    let lines: Vec<String> = cells.iter().map(|row| line(row, &widths)).collect();
    lines.join("\n")
}

fn line(row: &[String; 6], widths: &[usize; 6]) -> String {
    let [work, figures @ ..] = row;
    let [first, others @ ..] = widths;
    let figures = figures.iter().zip(others).map(|(figure, width)| format!("  {figure:>width$}"));
    format!("{work:first$}") + &figures.collect::<String>()
}

fn or_dash(figure: Option<f64>, shown: impl Fn(f64) -> String) -> String {
    figure.map_or_else(|| "-".to_owned(), shown)
}

/// Three digits and a unit.
fn time(nanoseconds: f64) -> String {
    let units = [(1e9, "s"), (1e6, "ms"), (1e3, "us")];
    let unit = units.into_iter().find(|(size, _)| nanoseconds >= *size);
    let (size, name) = unit.unwrap_or((1.0, "ns"));
    let figure = nanoseconds / size;
    let decimals = if figure >= 100.0 {
        0
    } else if figure >= 10.0 {
        1
    } else {
        2
    };
    format!("{figure:.decimals$} {name}")
}

fn speed(peer_to_sprag: f64) -> String {
    if peer_to_sprag >= 1.0 {
        format!("{peer_to_sprag:.2}x faster")
    } else {
        format!("{:.2}x slower", 1.0 / peer_to_sprag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(group: &str, function: &str, nanoseconds: f64) -> Figure {
        Figure { group: group.to_owned(), function: function.to_owned(), nanoseconds }
    }

    fn measured() -> Vec<Row> {
        rows(&[
            figure("handshake", "sprag", 400_000.0),
            figure("handshake", "peer", 200_000.0),
            figure("encrypt_256", "floor", 1500.0),
            figure("encrypt_256", "sprag", 1800.0),
            figure("encrypt_256", "peer", 4500.0),
            figure("open", "peer", 12.0),
        ])
    }

    #[test]
    fn times_have_three_digits_and_a_unit() {
        let times = [0.5, 812.4, 1234.0, 98_760.0, 4_560_000.0, 2.5e9].map(time);
        assert_eq!(times, ["0.50 ns", "812 ns", "1.23 us", "98.8 us", "4.56 ms", "2.50 s"]);
    }

    #[test]
    fn the_table_shows_what_there_is() {
        let expected = "\
work           sprag     peer  sprag to peer    floor  sprag to floor
encrypt_256  1.80 us  4.50 us   2.50x faster  1.50 us  1.20x the time
handshake     400 us   200 us   2.00x slower        -               -
open               -  12.0 ns              -        -               -";
        assert_eq!(text(&measured()), expected);
    }

    #[test]
    fn json_holds_the_bare_figures() {
        let text = json(&measured()).unwrap();
        let rows: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(rows[0]["work"], "encrypt_256");
        assert_eq!(rows[0]["peer_to_sprag"], 2.5);
        assert!(rows[1]["floor"].is_null());
    }
}
