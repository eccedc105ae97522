//! Long histories: pages, places, and that nothing is left out.

use std::collections::BTreeSet;

use sprag_client::{Happening, Trust};

use crate::chat::input::{Action, Input, Outcome};
use crate::chat::world::{COLORS, World, message, name};

const MANY: u64 = 10_000;

fn long(size: (u16, u16), unread: u64) -> World {
    let mut world = World::empty(size, COLORS);
    let text = |place: u64| format!("number {place} {}", "words ".repeat((place % 12) as usize));
    let from = |place: u64| if place.is_multiple_of(3) { "alice" } else { "bob" };
    let history: Vec<_> =
        (0..MANY).map(|place| message(place, from(place), &text(place))).collect();
    world.meet("bob", Trust::FirstUse, unread, &history);
    world.refresh();
    world.press("<Enter>");
    world
}

/// The numbers of the messages that begin on the screen.
fn numbers(world: &World) -> BTreeSet<u64> {
    let screen = world.screen();
    let numbers = screen.split("number ").skip(1);
    numbers.filter_map(|rest| rest.split(' ').next()?.parse().ok()).collect()
}

#[test]
fn scrolling_meets_every_message() {
    let mut world = long((60, 20), 0);
    let mut seen = numbers(&world);
    assert!(seen.contains(&(MANY - 1)));
    let mut pages = 0;
    while !seen.contains(&0) {
        world.press("<PgUp>");
        seen.extend(numbers(&world));
        pages += 1;
        assert!(pages < 10_000, "{} seen", seen.len());
    }
    assert_eq!(seen.len() as u64, MANY);
    // At the top it stays full.
    world.press("<PgUp><PgUp><PgUp>");
    assert!(world.shows("number 0 ") && numbers(&world).len() > 3, "{}", world.screen());
    let mut down = BTreeSet::new();
    for _ in 0..pages + 5 {
        down.extend(numbers(&world));
        world.press("<PgDn>");
    }
    assert_eq!(down.len() as u64, MANY);
    world.receive("bob", "the newest");
    assert!(world.shows("the newest"));
}

#[test]
fn a_place_far_up_is_shown_and_left_again() {
    let mut world = long((60, 20), 0);
    world.press("<C-f>number 4321");
    let Some(Action::Search(serial, _)) = world.wanted.last() else { panic!("no search") };
    let hit = world.histories[&name("bob")][4321].clone();
    world.done(Outcome::Found(*serial, Ok(vec![(name("bob"), hit)])));
    world.press("<Enter>");
    assert!(numbers(&world).contains(&4321), "{}", world.screen());
    // What comes in now has no place in what is loaded.
    world.receive("bob", "the newest");
    assert!(!world.shows("the newest"));
    let mut seen = BTreeSet::new();
    for _ in 0..200 {
        world.press("<PgDn>");
        seen.extend(numbers(&world));
    }
    let (first, last) = (*seen.first().unwrap(), *seen.last().unwrap());
    assert!(last > 4600 && seen.len() as u64 == last - first + 1, "{first} to {last}");
    world.press("<End>");
    assert!(world.shows("the newest"), "{}", world.screen());
    world.press("sent<Enter>");
    assert_eq!(world.last("bob"), "sent");
    assert!(world.shows("sent"));
}

#[test]
fn messages_are_chosen_one_after_the_other() {
    let mut world = long((60, 12), 0);
    world.press("<Up>");
    for place in (MANY - 300..MANY).rev() {
        let chosen = world.app.talk.as_ref().unwrap().chosen;
        assert_eq!(chosen, Some(place));
        assert!(world.screen().contains(">  ") || world.screen().contains("> "));
        let is_shown = numbers(&world).contains(&place);
        assert!(is_shown, "{place}\n{}", world.screen());
        world.press("<Up>");
    }
    world.press("<Esc>");
    assert!(numbers(&world).contains(&(MANY - 1)));
}

#[test]
fn what_was_missed_is_looked_at_anew() {
    let mut world = long((80, 24), 0);
    // So many came that not even the loaded piece joins the newest page any more.
    let history = world.histories.get_mut(&name("bob")).unwrap();
    for place in MANY..MANY + 500 {
        history.push(message(place, "bob", &format!("number {place} late")));
    }
    world.talks[0].entries += 500;
    world.tell(Input::Happened(Happening::Missed(500)));
    assert!(numbers(&world).contains(&(MANY + 499)), "{}", world.screen());
    let mut seen = numbers(&world);
    for _ in 0..60 {
        world.press("<PgUp>");
        seen.extend(numbers(&world));
    }
    assert!((MANY..MANY + 500).all(|place| seen.contains(&place)));
}

#[test]
fn what_is_unread_begins_below_a_line() {
    let mut world = long((80, 40), 3);
    let screen = world.screen();
    let (before, after) = screen.split_once("── new ─").unwrap();
    assert!(before.contains(&format!("number {} ", MANY - 4)));
    assert!(after.contains(&format!("number {} ", MANY - 3)));
    // It stays where it is until something is written.
    world.receive("bob", "more");
    assert!(world.shows("── new ─"));
    world.press("answer<Enter>");
    assert!(!world.shows("── new ─"));
}

#[test]
fn any_size_at_any_time() {
    let mut world = long((80, 24), 0);
    world.press("<PgUp><PgUp>");
    for step in 0..600_u32 {
        // Sizes in no order, from 1 x 1 on.
        let width = 1 + (step * 7919) % 130;
        let height = 1 + (step * 104_729) % 50;
        world.resize(width.try_into().unwrap(), height.try_into().unwrap());
        world.terminal();
        if step % 50 == 0 {
            world.press(
                ["<PgUp>", "<Up>", "<PgDn>", "<Esc>", "<Tab>", "a"][(step / 50 % 6) as usize],
            );
        }
    }
}

#[test]
fn much_that_is_unread_is_read_from_its_beginning() {
    for unread in [20, 80, 95, 500, MANY] {
        let mut world = long((80, 24), unread);
        assert!(numbers(&world).contains(&(MANY - unread)), "{unread} {}", world.screen());
        assert!(world.shows("── new ─"));
        let marked = |world: &World| {
            world.wanted.iter().filter(|action| matches!(action, Action::MarkRead(..))).count()
        };
        assert_eq!(marked(&world), 0, "{unread}");
        world.press("<C-End>");
        assert!(numbers(&world).contains(&(MANY - 1)), "{unread} {}", world.screen());
        assert_eq!(marked(&world), 1, "{unread}");
    }
}
