//! Pictures of every screen, and what holds for all of them. `INSTA_UPDATE=always cargo test` draws them anew.

use insta::assert_snapshot;
use ratatui::style::Color;
use sprag_client::{Connection, Error, Happening, MessageState, Trust};

use crate::chat::input::{Input, Outcome};
use crate::chat::signs::Signs;
use crate::chat::world::{COLORS, PLAIN, World, conversation, device, id, identity, message, name};

/// Every screen of the chat, by a name.
fn screens(size: (u16, u16), signs: Signs) -> Vec<(&'static str, World)> {
    let world = || World::new(size, signs);
    let after = |keys: &str| {
        let mut world = world();
        world.press(keys);
        world
    };
    let mut verify = after("v");
    verify.done(Outcome::Identity(name("bob"), Ok(Box::new(identity(Trust::FirstUse)))));
    let mut changed = after("v");
    let trust = Trust::KeyChanged { was_verified: true };
    changed.done(Outcome::Identity(name("bob"), Ok(Box::new(identity(trust)))));
    let mut search = after("/lunch");
    let hit = search.histories[&name("bob")][4].clone();
    search.done(Outcome::Found(
        4,
        Ok(vec![(name("bob"), hit), (name("carol"), message(0, "carol", "Lunch?"))]),
    ));
    let mut devices = after("d");
    devices.done(Outcome::Devices(Ok(vec![device(1, true), device(2, false)])));
    let mut busy = after("<Enter>");
    let taken = Connection::Ended(Error::TakenOver);
    busy.tell(Input::Happened(Happening::Connection(taken)));
    busy.press("Two lines<A-Enter>of a draft");
    vec![
        ("empty", World::empty(size, signs)),
        ("list", world()),
        ("conversation", after("<Enter>")),
        ("messages", after("<Enter><Up><Up><Up>")),
        ("blocked", after("<Down><Down><Enter>")),
        ("busy", busy),
        ("question", after("nnobody!<Enter>")),
        ("quit", after("<Enter>text<C-c>")),
        ("search", search),
        ("verify", verify),
        ("changed", changed),
        ("devices", devices),
        ("help", after("?")),
        ("notices", after("m")),
    ]
}

#[test]
fn pictures() {
    for size in [(80, 24), (40, 10), (120, 50)] {
        for (name, world) in screens(size, COLORS) {
            assert_snapshot!(format!("{name}-{}x{}", size.0, size.1), world.screen());
        }
    }
}

#[test]
fn pictures_without_colors() {
    for (name, world) in screens((80, 24), PLAIN) {
        assert_snapshot!(format!("{name}-plain"), world.screen());
    }
}

#[test]
fn the_qr_code_alone() {
    let mut world = World::new((60, 24), COLORS);
    world.press("v");
    world.done(Outcome::Identity(name("bob"), Ok(Box::new(identity(Trust::FirstUse)))));
    world.press("o");
    assert_snapshot!("qr-60x24", world.screen());
    world.resize(40, 20);
    assert!(world.shows("The QR code needs 41 columns and 21 rows"), "{}", world.screen());
}

#[test]
fn without_colors_there_are_none() {
    for ascii in [false, true] {
        for (name, world) in screens((80, 24), Signs { color: false, ascii }) {
            for cell in &world.terminal().backend().buffer().content {
                assert!((cell.fg, cell.bg) == (Color::Reset, Color::Reset), "{name}");
                assert!(
                    !ascii || cell.symbol().is_ascii() || is_text(cell.symbol()),
                    "{name} {cell:?}"
                );
            }
        }
    }
}

/// What others wrote is not ours to change.
fn is_text(symbol: &str) -> bool {
    conversation().iter().any(|entry| {
        let sprag_client::Event::Message { body: sprag_client::Body::Text(text), .. } =
            &entry.event
        else {
            return false;
        };
        text.contains(symbol)
    })
}

/// On light and on dark terminals the same: no colour is set that only one of them can show, but for a QR
/// code, which brings both.
#[test]
fn colors_suit_light_and_dark() {
    let suits = [Color::Reset, Color::Cyan, Color::Magenta, Color::Green, Color::Red];
    for (name, world) in screens((120, 50), COLORS) {
        for cell in &world.terminal().backend().buffer().content {
            let is_code = (cell.fg, cell.bg) == (Color::White, Color::Black);
            assert!(is_code || (suits.contains(&cell.fg) && cell.bg == Color::Reset), "{name}");
        }
    }
}

#[test]
fn what_a_color_says_a_word_says_too() {
    let world = |state| {
        let mut world = World::new((80, 24), PLAIN);
        world.press("<Enter>");
        let happening = Happening::State { with: name("bob"), id: id(3), state };
        world.tell(Input::Happened(happening));
        world.screen()
    };
    let states = [
        MessageState::Queued,
        MessageState::Sending,
        MessageState::Sent,
        MessageState::Delivered,
        MessageState::Read,
    ];
    let screens: Vec<_> = states.into_iter().map(world).collect();
    for (place, screen) in screens.iter().enumerate() {
        assert!(screens.iter().skip(place + 1).all(|other| other != screen), "{screen}");
    }
}

#[test]
fn nothing_from_others_reaches_the_terminal_as_control() {
    for (name, world) in screens((80, 24), COLORS) {
        for cell in &world.terminal().backend().buffer().content {
            let bad =
                |letter: char| letter.is_control() || ('\u{202a}'..='\u{202e}').contains(&letter);
            assert!(!cell.symbol().chars().any(bad), "{name} {cell:?}");
        }
    }
}

#[test]
fn every_screen_at_every_size() {
    for (_, mut world) in screens((80, 24), COLORS) {
        for width in (1..=90).step_by(8) {
            for height in (1..=26).step_by(3) {
                world.resize(width, height);
                let screen = world.screen();
                let is_small = width < 20 || height < 5;
                assert!(!is_small || screen.contains("Too") || width < 3, "{screen}");
            }
        }
    }
}
