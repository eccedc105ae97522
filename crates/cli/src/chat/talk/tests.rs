//! The piece of the history that is loaded: it has no gaps, and the screen stays within it.

use jiff::tz::TimeZone;
use sprag_protocol::Timestamp;

use super::{PAGE, Part, Talk};
use crate::chat::clock::Clock;
use crate::chat::entry::View;
use crate::chat::world::{COLORS, NOW, message, name};

fn clock() -> Clock {
    Clock { now: Timestamp::from_seconds(NOW), zone: TimeZone::UTC }
}

fn view(clock: &Clock) -> View<'_> {
    View { width: 40, height: 10, clock, signs: COLORS, divider: None }
}

fn page(places: std::ops::Range<u64>) -> Vec<sprag_client::Entry> {
    places.map(|place| message(place, "bob", "text")).collect()
}

#[test]
fn an_answer_that_comes_too_late_is_left() {
    let clock = clock();
    let view = view(&clock);
    let mut talk = Talk::new(name("bob"), None);
    assert_eq!(talk.ask(Part::Newest), Some(Part::Newest));
    talk.load(Part::Newest, page(500..600), &view);
    talk.scroll_up(1000, &view);
    assert_eq!(talk.wanted(&view), Some(Part::Before(500)));
    assert_eq!(talk.wanted(&view), None);
    // The person went elsewhere meanwhile.
    talk.ask(Part::Around(100));
    talk.load(Part::Around(100), page(50..150), &view);
    talk.load(Part::Before(500), page(400..500), &view);
    assert!(talk.entry(100).is_some() && talk.entry(450).is_none() && talk.entry(550).is_none());
    assert_eq!(talk.newest_in_sight(), None);
}

#[test]
fn the_newest_joins_or_replaces() {
    let clock = clock();
    let view = view(&clock);
    let mut talk = Talk::new(name("bob"), None);
    talk.load(Part::Newest, page(0..100), &view);
    talk.load(Part::Newest, page(50..150), &view);
    assert!(talk.entry(0).is_some() && talk.entry(149).is_some());
    talk.load(Part::Newest, page(300..400), &view);
    assert!(talk.entry(149).is_none() && talk.entry(399).is_some());
    assert!(!talk.add(message(500, "bob", "gap")));
    assert!(talk.add(message(400, "bob", "next")));
    assert_eq!(talk.newest_in_sight(), Some(400));
    assert_eq!(PAGE, 100);
}

#[test]
fn scrolling_stays_within() {
    let clock = clock();
    let view = view(&clock);
    let mut talk = Talk::new(name("bob"), None);
    talk.scroll_up(5, &view);
    talk.scroll_down(5, &view);
    assert!(talk.rows(&view).is_empty());
    talk.load(Part::Newest, page(0..30), &view);
    for rows in [1, 2, 3, 7, 100, 1, 1000] {
        talk.scroll_up(rows, &view);
        assert_eq!(talk.rows(&view).len(), 10);
    }
    assert_eq!(talk.sight(&view).unwrap().0, 0);
    let top = talk.rows(&view);
    talk.scroll_up(1, &view);
    assert_eq!(talk.rows(&view), top);
    for rows in [1, 2, 3, 7, 1000] {
        talk.scroll_down(rows, &view);
        assert_eq!(talk.rows(&view).len(), 10);
    }
    assert_eq!(talk.newest_in_sight(), Some(29));
    // One row up and one down is the same picture, at every place.
    for _ in 0..20 {
        let before = talk.rows(&view);
        talk.scroll_up(1, &view);
        let above = talk.rows(&view);
        talk.scroll_down(1, &view);
        assert_eq!(talk.rows(&view), before);
        talk.scroll_up(1, &view);
        assert_eq!(talk.rows(&view), above);
    }
}

#[test]
fn what_is_unread_is_shown_from_its_beginning() {
    let clock = clock();
    let view = view(&clock);
    let mut talk = Talk::new(name("bob"), Some(50));
    talk.load(Part::Newest, page(0..100), &view);
    assert_eq!(talk.sight(&view).unwrap().0, 50);
    assert_eq!(talk.newest_in_sight(), None);
    talk.scroll_down(100, &view);
    assert_eq!(talk.newest_in_sight(), Some(99));
    // Where all of it has room, the newest is in sight at once.
    let mut few = Talk::new(name("bob"), Some(97));
    few.load(Part::Newest, page(0..100), &view);
    assert_eq!(few.newest_in_sight(), Some(99));
    // It is shown once, and does not come back with another page.
    few.scroll_up(30, &view);
    few.load(Part::Newest, page(50..150), &view);
    assert_ne!(few.sight(&view).unwrap().0, 97);
}
