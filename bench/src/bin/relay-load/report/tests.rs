//! The table and its targets.

use super::*;

fn rows() -> Vec<Row> {
    vec![
        Row::new("messages", Unit::PerSecond, [Some(90_000.0), Some(180_000.0), Some(100_000.0)])
            .aims(Target::OfPeer(0.8)),
        Row::new("drain", Unit::Seconds, [Some(0.25), None, Some(0.1)]).aims(Target::AtMost(0.2)),
        Row::new("idle", Unit::Bytes, [None, Some(2048.0), None]).aims(Target::AtMost(12_288.0)),
        Row::new("generator", Unit::Share, [Some(0.5), None, None]),
    ]
}

#[test]
fn the_table_shows_ratios_and_whether_targets_are_reached() {
    let expected = "\
work           sprag      limit  of limit      redis  of redis  target
messages    90,000/s  180,000/s     0.50x  100,000/s     0.90x  >= 0.8x of the peer: reached
drain      250.00 ms          -         -  100.00 ms     2.50x  <= 200.00 ms: MISSED
idle               -    2.0 KiB         -          -         -  <= 12.0 KiB: not measured
generator       50 %          -         -          -         -";
    assert_eq!(table(&rows()), expected);
}

#[test]
fn a_target_is_reached_at_its_bound() {
    let aims = |figure| {
        Row::new("w", Unit::Seconds, [Some(figure), None, None]).aims(Target::AtMost(0.2)).reached
    };
    assert_eq!((aims(0.2), aims(0.201)), (Some(true), Some(false)));
    let aims = |figure, peer| {
        let row = Row::new("w", Unit::PerSecond, [Some(figure), None, peer]);
        row.aims(Target::OfPeer(1.0)).reached
    };
    assert_eq!(
        (aims(2.0, Some(2.0)), aims(1.9, Some(2.0)), aims(2.0, None)),
        (Some(true), Some(false), None)
    );
}

#[test]
fn figures_have_units() {
    let texts = [
        shown(Unit::PerSecond, 999.6),
        shown(Unit::PerSecond, 1_234_567.0),
        shown(Unit::Seconds, 1.5),
        shown(Unit::Seconds, 0.0042),
        shown(Unit::Seconds, 12.34e-6),
        shown(Unit::Bytes, 1536.0),
        shown(Unit::Share, 0.995),
    ];
    assert_eq!(
        texts,
        ["1,000/s", "1,234,567/s", "1.50 s", "4.20 ms", "12.3 us", "1.5 KiB", "100 %"]
    );
}

#[test]
fn json_holds_the_bare_figures() {
    let rows = serde_json::to_value(rows()).unwrap();
    assert_eq!(rows[0]["sprag"], 90_000.0);
    assert_eq!(rows[0]["sprag_to_peer"], 0.9);
    assert_eq!(rows[0]["unit"], "per_second");
    assert_eq!(rows[1]["reached"], false);
    assert!(rows[2]["sprag"].is_null());
}
