//! A play is a pure function, and the models show what they say.

use sprag_protocol::trace::Place;

use super::*;
use crate::record::Happening;
use crate::theft::{Stand, With};

fn played(schedule: &str, design: Design, theft: Option<(Party, usize)>) -> Play {
    play(Request { seed: 7, schedule: schedule.parse().unwrap(), design, theft }).unwrap()
}

fn readable(play: &Play) -> Vec<String> {
    let rows = &play.theft.as_ref().unwrap().rows;
    rows.iter().filter(|row| row.readable).map(|row| row.message.to_string()).collect()
}

#[test]
fn what_happens_is_said() {
    let play = played("A.A.dA2.xA1.dA2.B.dB1", Design::DoubleRatchet, None);
    let kinds: Vec<_> = play.steps.iter().map(|step| step.what.clone()).collect();
    let label = |from, number| Label { from, number };
    let (a1, a2, b1) = (label(Party::Alice, 1), label(Party::Alice, 2), label(Party::Bob, 1));
    let refused = What::Refused(a2, "already read, or kept for too long".into());
    let expected = [
        What::Begun,
        What::Sent(a1),
        What::Sent(a2),
        What::Opened(a2),
        What::Lost(a1),
        refused,
        What::Sent(b1),
        What::Opened(b1),
    ];
    assert_eq!(kinds, expected);
    // A refusal reports nothing and changes nothing; so does a loss.
    for step in [4, 5] {
        assert_eq!(play.steps[step].records, []);
        assert_eq!(play.steps[step].holdings, play.steps[3].holdings);
    }
    let kept: Vec<_> = play.steps[3].holdings[1].keys.iter().filter(|held| held.kept).collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].place, Place::Message { step: 1, n: 0 });
}

#[test]
fn a_theft_after_the_end_is_refused() {
    let request = |after| Request {
        schedule: "A".parse().unwrap(),
        theft: Some((Party::Bob, after)),
        ..Request::default()
    };
    assert!(play(request(1)).is_ok());
    assert_eq!(play(request(2)).err(), Some(Error::TheftTooLate));
}

#[test]
fn each_ratchet_buys_something() {
    let schedule = "A.dA1.B.dB1.A.dA2.B.dB2.A.dA3.B.dB3.A.dA4";
    let theft = Some((Party::Bob, 7));
    let real = played(schedule, Design::DoubleRatchet, theft);
    assert_eq!(readable(&real), ["A3".to_owned()]);
    assert_eq!(real.theft.unwrap().healed.map(|label| label.to_string()).as_deref(), Some("B3"));
    // The past stays closed, but nothing heals.
    let single = played(schedule, Design::SingleRatchet, theft);
    assert_eq!(readable(&single), ["A3", "B3", "A4"].map(String::from));
    assert_eq!(single.theft.unwrap().healed, None);
    // Nothing is closed, ever.
    let none = played(schedule, Design::StaticKey, theft);
    assert_eq!(readable(&none), ["A1", "B1", "A2", "B2", "A3", "B3", "A4"].map(String::from));
    assert!(none.theft.unwrap().rows.iter().all(|row| row.with == Some(With::StaticKey)));
}

#[test]
fn models_begin_with_the_real_handshake() {
    let real = played("A", Design::DoubleRatchet, None);
    let key = |play: &Play, place| {
        let mut records = play.steps.iter().flat_map(|step| &step.records);
        records.find(|record| record.happening == Happening::Derived(place)).unwrap().key.unwrap()
    };
    let root = Place::Root { step: 0 };
    let chain = Place::Chain { step: 1, n: 0 };
    let message = Place::Message { step: 1, n: 0 };
    let none = played("A", Design::StaticKey, None);
    assert_eq!(key(&none, root), key(&real, root));
    let single = played("A", Design::SingleRatchet, None);
    for place in [root, chain, message] {
        assert_eq!(key(&single, place), key(&real, place), "{place:?}");
    }
}

#[test]
fn models_meet_what_is_late_lost_and_repeated() {
    let schedule = "A.A.A.dA3.dA1.xA2.dA3.B.dB1";
    let theft = Some((Party::Bob, 5));
    let single = played(schedule, Design::SingleRatchet, theft);
    assert!(matches!(single.steps[7].what, What::Refused(..)));
    let rows = &single.theft.as_ref().unwrap().rows;
    assert_eq!(rows[1].with, Some(With::KeptKey));
    assert_eq!(rows[1].stand, Stand::OnItsWay);
    assert_eq!(readable(&single), ["A2", "B1"].map(String::from));
    // Without a ratchet nothing tells the second time from the first.
    let none = played(schedule, Design::StaticKey, theft);
    assert!(matches!(none.steps[7].what, What::Opened(_)));
}

#[test]
fn a_first_message_on_its_way_is_read_with_the_prekeys() {
    let play = played("A.A", Design::DoubleRatchet, Some((Party::Bob, 1)));
    let rows = play.theft.unwrap().rows;
    assert!(rows.iter().all(|row| row.with.is_some()), "{rows:?}");
    // Alice's phone has no key for what she sent, and one for what she sends next.
    let play = played("A.A", Design::DoubleRatchet, Some((Party::Alice, 1)));
    assert_eq!(readable(&play), ["A2".to_owned()]);
}
