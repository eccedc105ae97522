//! Sequences of keys and of what happens, and what comes of them.

use sprag_client::effects::Lie;
use sprag_client::{Connection, Error, Happening, MessageState, Refusal, Trust};
use sprag_protocol::Timestamp;

use crate::chat::input::{Action, Input, Outcome, Terminal};
use crate::chat::world::{COLORS, NOW, World, device, id, identity, message, name, number};

mod history;

fn world() -> World {
    World::new((80, 24), COLORS)
}

fn marks(world: &World) -> Vec<u64> {
    let marked = |action: &Action| {
        if let Action::MarkRead(_, through) = action { Some(*through) } else { None }
    };
    world.wanted.iter().filter_map(marked).collect()
}

fn quits(world: &World) -> bool {
    world.wanted.iter().any(|action| matches!(action, Action::Terminal(Terminal::Quit)))
}

#[test]
fn opening_marks_what_is_seen_as_read() {
    let mut world = world();
    assert!(world.shows("(2)"));
    assert!(marks(&world).is_empty());
    world.press("<Enter>");
    assert_eq!(marks(&world), [6]);
    assert!(!world.shows("(2)"));
    assert!(world.shows("── new ─"), "{}", world.screen());
    world.receive("bob", "And tea?");
    assert_eq!(marks(&world), [6, 7]);
}

#[test]
fn nothing_is_read_that_nobody_sees() {
    let mut world = world();
    world.tell(Input::Focus(false));
    world.press("<Enter>");
    assert!(marks(&world).is_empty());
    world.tell(Input::Focus(true));
    assert_eq!(marks(&world), [6]);
    // Another screen is in front.
    world.press("<F1>");
    world.receive("bob", "one");
    assert_eq!(marks(&world), [6]);
    world.press("<Esc>");
    assert_eq!(marks(&world), [6, 7]);
    // There is no room.
    world.resize(15, 3);
    world.receive("bob", "two");
    assert_eq!(marks(&world), [6, 7]);
    world.resize(80, 24);
    assert_eq!(marks(&world), [6, 7, 8]);
    // Older messages are looked at.
    world.resize(80, 8);
    world.press("<PgUp>");
    world.receive("bob", "three");
    assert_eq!(marks(&world), [6, 7, 8]);
    world.press("<C-End>");
    assert_eq!(marks(&world), [6, 7, 8, 9]);
    // Somebody else's message is not this conversation's.
    world.receive("carol", "hey");
    assert_eq!(marks(&world), [6, 7, 8, 9]);
}

#[test]
fn messages_are_written_and_sent() {
    let mut world = world();
    world.press("<Enter>Hello<A-Enter>again<C-j>and<S-Enter>again<Enter>");
    assert_eq!(world.last("bob"), "Hello\nagain\nand\nagain");
    assert!(world.shows("↑ sending"));
    assert!(!world.shows("── new ─"));
    world.press("  <Enter>");
    assert_eq!(world.last("bob"), "Hello\nagain\nand\nagain");
    world.tell(Input::Paste("one\r\ntwo\u{1b}[31m".into()));
    world.press("<Enter>");
    assert_eq!(world.last("bob"), "  one\ntwo");
}

#[test]
fn states_are_told_by_shape_and_word() {
    let mut world = world();
    world.press("<Enter>Hi<Enter>");
    for (state, shown) in [
        (MessageState::Queued, "· queued"),
        (MessageState::Sent, "✓ sent"),
        (MessageState::Delivered, "✓✓ delivered"),
        (MessageState::Read, "✓✓ read"),
    ] {
        let happening = Happening::State { with: name("bob"), id: id(7), state };
        world.tell(Input::Happened(happening));
        assert!(world.shows(shown), "{}", world.screen());
    }
}

#[test]
fn a_state_that_was_told_before_its_message_was_loaded_counts() {
    let mut world = world();
    world.press("<Enter>");
    let state = MessageState::Delivered;
    world.tell(Input::Happened(Happening::State { with: name("bob"), id: id(7), state }));
    // The page that is loaded was read before that.
    world.press("Hi<Enter>");
    assert!(world.shows("✓✓ delivered"), "{}", world.screen());
    assert!(!world.shows("sending"));
}

#[test]
fn drafts_stay_with_their_conversations() {
    let mut world = world();
    world.press("<Enter>for bob<C-n>for carol");
    assert!(world.shows("for carol") && !world.shows("for bob"));
    assert!(world.shows("(not sent yet)"));
    world.press("<C-p>");
    assert!(world.shows("for bob"));
    world.press("<Enter>");
    assert_eq!(world.last("bob"), "for bob");
    world.press("<C-n><Enter>");
    assert_eq!(world.last("carol"), "for carol");
}

#[test]
fn what_is_not_sent_is_asked_about() {
    let mut world = world();
    world.press("<Enter>text<C-c>");
    assert!(!quits(&world) && world.shows("What you wrote to bob is not sent."));
    world.press("n");
    assert!(!quits(&world) && world.shows("> text"));
    world.press("<C-q>");
    assert!(!quits(&world));
    world.press("y");
    assert!(quits(&world));

    let mut twice = self::world();
    twice.press("<Enter>text<C-c><C-c>");
    assert!(quits(&twice));
    let mut nothing = self::world();
    nothing.press("<Enter> <C-c>");
    assert!(quits(&nothing));
}

#[test]
fn a_text_that_is_refused_comes_back() {
    let mut world = world();
    world.refuses = Some(Error::Refused(Refusal::KeyChanged));
    world.press("<Enter>secret<Enter>");
    assert!(world.shows("> secret") && world.shows("The key of bob has changed"));
    world.refuses = None;
    world.press("<Esc><Enter>");
    assert_eq!(world.last("bob"), "secret");
}

#[test]
fn a_text_that_is_too_long_is_not_sent() {
    let mut world = world();
    world.press("<Enter>");
    world.tell(Input::Paste("x".repeat(60_001)));
    world.press("<Enter>");
    assert!(world.shows("send it as a file"), "{}", world.screen());
    assert_eq!(world.last("bob"), "Yes");
}

#[test]
fn a_failed_message_is_tried_again() {
    let mut world = world();
    world.press("<Enter><Up>");
    world.press("r");
    assert!(world.shows("Only a message that failed"));
    world.press("<Up><Up>r");
    let retried = world.wanted.iter().any(|action| matches!(action, Action::Retry(..)));
    assert!(retried, "{}", world.screen());
    assert!(!world.shows("failed:"));
}

#[test]
fn searching_goes_to_the_place() {
    let mut world = world();
    world.press("/lu");
    let serial = |world: &World| {
        let Some(Action::Search(serial, words)) = world.wanted.last() else { panic!("no search") };
        (*serial, words.clone())
    };
    let (first, _) = serial(&world);
    world.press("nch");
    let (last, words) = serial(&world);
    assert_eq!(words, "lunch");
    // The answer to an older search comes too late.
    world.done(Outcome::Found(first, Ok(vec![(name("carol"), message(0, "carol", "too late"))])));
    assert!(!world.shows("too late") && world.shows("Searching."));
    let hit = world.histories[&name("bob")][4].clone();
    world.done(Outcome::Found(last, Ok(vec![(name("bob"), hit)])));
    assert!(world.shows("Found once.") && world.shows("you to bob"));
    world.press("<Enter>");
    assert!(world.shows(">  What about") || world.shows("> What about"), "{}", world.screen());
    world.press("<Esc>");
    assert!(world.shows("Write a message"));
}

#[test]
fn a_new_conversation() {
    let mut world = world();
    world.press("nErin?<Enter>");
    assert!(world.shows("an account name is 1 to 64"), "{}", world.screen());
    world.press("<Esc>nalice<Enter>");
    assert!(world.shows("your own account"));
    world.press("<Esc>nErin<Enter>");
    assert!(matches!(world.wanted.last(), Some(Action::Meet(with)) if *with == name("erin")));
    let nobody = Err(Error::Refused(Refusal::NoSuchAccount));
    world.done(Outcome::Met(name("erin"), nobody));
    assert!(world.shows("the relay has no account of this name"));
    world.press("<Enter>");
    world.done(Outcome::Met(name("erin"), Ok(())));
    assert!(world.shows("Nothing was said yet. What you write, only you and erin"));
    world.press("<Esc>nfrank<Enter>");
    world.done(Outcome::Met(name("frank"), Err(Error::Unreachable)));
    world.press("later<Enter>");
    assert_eq!(world.last("frank"), "later");
}

#[test]
fn comparing_safety_numbers() {
    let mut world = world();
    world.press("v");
    assert!(matches!(world.wanted.last(), Some(Action::Identity(with)) if *with == name("bob")));
    let known = Box::new(identity(Trust::FirstUse));
    world.done(Outcome::Identity(name("bob"), Ok(known)));
    let digits = number(1, 2).to_string();
    assert!(world.shows(&digits[..5]) && world.shows("not verified"));
    for (pasted, shown) in [
        ("nonsense".to_owned(), "neither a code"),
        (crate::verify::payload(&number(2, 1)), "NOT THE SAME"),
        (theirs(), "SAME: m marks bob"),
        (number(1, 3).to_string(), "NOT THE SAME"),
        (digits, "SAME: m marks bob"),
    ] {
        world.tell(Input::Paste(pasted));
        assert!(world.shows(shown), "{}", world.screen());
    }
    world.press("cnothing<Enter>");
    assert!(world.shows("neither a code"));
    world.press("m");
    assert!(matches!(world.wanted.last(), Some(Action::Verify(_, true))));
    world.press("u");
    assert!(matches!(world.wanted.last(), Some(Action::Verify(_, false))));
}

/// What bob shows for alice.
fn theirs() -> String {
    let ours = number(1, 2).qr();
    let turned = [&ours[..2], &ours[34..], &ours[2..34]].concat();
    let code = data_encoding::BASE64URL_NOPAD.encode(&turned);
    format!("sprag-safety:{code}")
}

#[test]
fn a_changed_key_is_explained_and_decided() {
    let mut world = World::new((120, 40), COLORS);
    world.press("<Down><Down>");
    world.press("<Enter>");
    assert!(world.shows("! The key of dave has changed"), "{}", world.screen());
    world.press("<F2>");
    let mut changed = identity(Trust::KeyChanged { was_verified: true });
    changed.peer.as_mut().unwrap().name = name("dave");
    world.done(Outcome::Identity(name("dave"), Ok(Box::new(changed))));
    for words in ["What changed", "the old one", "usual cause", "What to do", "New number"] {
        assert!(world.shows(words), "{words} {}", world.screen());
    }
    world.press("m");
    assert!(world.shows("First decide"));
    world.press("an");
    assert!(!world.wanted.iter().any(|action| matches!(action, Action::Accept(_))));
    world.press("ay");
    assert!(matches!(world.wanted.last(), Some(Action::Accept(with)) if *with == name("dave")));
}

#[test]
fn devices_are_linked_and_removed() {
    let mut world = world();
    world.press("d");
    world.done(Outcome::Devices(Ok(vec![device(1, true), device(2, false)])));
    world.press("x");
    assert!(world.shows("This is the device you use"));
    world.press("<Down>x");
    assert!(world.shows("Remove device 2?"));
    world.press("y");
    assert!(matches!(world.wanted.last(), Some(Action::Remove(device)) if device.get() == 2));
    world.press("lnonsense<Enter>");
    assert!(world.shows("this is not a link code"), "{}", world.screen());
    world.press("<Esc>");
    let code = data_encoding::BASE64URL_NOPAD.encode(&[1; 49]);
    world.tell(Input::Paste(format!("sprag-link:{code}\n")));
    world.press("<Enter>");
    assert!(world.shows("account key"));
    world.press("yn");
    let Some(Action::Link(_, what)) = world.wanted.last() else { panic!("{:?}", world.wanted) };
    assert!(what.account_key && !what.history);
}

#[test]
fn files_are_sent_and_saved() {
    let mut world = world();
    world.press("<Enter><C-o>");
    world.tell(Input::Paste("'/tmp/a file.png'\n".into()));
    world.press("<Enter>look<Enter>");
    let Some(Action::Upload { transfer, path, caption, .. }) = world.wanted.last() else {
        panic!("{:?}", world.wanted)
    };
    assert_eq!((path.to_str().unwrap(), caption.as_str()), ("/tmp/a file.png", "look"));
    let transfer = *transfer;
    let progress = sprag_client::Progress { done: 42, total: 100 };
    world.done(Outcome::Progress(transfer, progress));
    assert!(world.shows("sending a file.png:  42 %"), "{}", world.screen());
    world.press("<C-c>");
    assert!(world.shows("A file is still on its way."));
    world.press("n");
    world.done(Outcome::Uploaded(transfer, name("bob"), Err(Error::FileLength)));
    assert!(world.shows("The file was not sent"));
    world.press("<Esc><Up>s");
    assert!(world.shows("There is no file in this message."));
}

#[test]
fn a_file_is_saved_where_nothing_is_lost() {
    let mut world = world();
    let mut entry = message(7, "bob", "");
    let sprag_client::Event::Message { body, .. } = &mut entry.event else { panic!("no message") };
    *body = sprag_client::Body::File(sprag_client::Attachment {
        blob: [0; 16],
        key: zeroize::Zeroizing::new([0; 32]),
        length: 1_234_567,
        name: "../photo.png".into(),
        media_type: String::new(),
        caption: "us".into(),
    });
    world.histories.get_mut(&name("bob")).unwrap().push(entry);
    world.press("<Enter>");
    assert!(world.shows("[file ../photo.png, 1.1 MiB]"), "{}", world.screen());
    world.press("<Up>s");
    assert!(world.shows("Save as: _photo.png"), "{}", world.screen());
    world.press("<Enter>");
    let Some(Action::Save { transfer, path, .. }) = world.wanted.last() else {
        panic!("{:?}", world.wanted)
    };
    assert_eq!(path.to_str(), Some("_photo.png"));
    world.done(Outcome::Saved(*transfer, Err(Error::FileExists)));
    assert!(world.shows("choose another one"), "{}", world.screen());
    world.press("2<Enter>");
    let Some(Action::Save { transfer, path, .. }) = world.wanted.last() else {
        panic!("{:?}", world.wanted)
    };
    assert_eq!(path.to_str(), Some("_photo.png2"));
    world.done(Outcome::Saved(*transfer, Ok(())));
    assert!(world.shows("Saved: _photo.png2."));
}

#[test]
fn what_matters_is_told_until_it_was_seen() {
    let mut world = world();
    let taken = Connection::Ended(Error::TakenOver);
    world.tell(Input::Happened(Happening::Connection(taken)));
    assert!(world.shows("took over") && world.shows("offline, Ctrl-R"));
    world.tell(Input::Tick(Timestamp::from_seconds(NOW + 1000)));
    assert!(world.shows("took over"));
    world.press("<C-r>");
    assert!(matches!(world.wanted.last(), Some(Action::Reconnect)));
    world.press("<Esc>");
    assert!(!world.shows("took over"));
    let account = name("bob");
    let lie = Happening::RelayLies { account, why: Lie::OlderList };
    for happening in [lie, Happening::StartedAfresh, Happening::Cloned, Happening::Removed] {
        world.tell(Input::Happened(happening));
    }
    world.press("m");
    for words in ["an old device list", "older copy", "Another copy", "removed from its account"] {
        assert!(world.shows(words), "{words} {}", world.screen());
    }
    // What asks for nothing goes by itself.
    world.press("<Esc>");
    let from = name("bob");
    let unreadable = Happening::Unreadable { from, device: sprag_protocol::DeviceId::FIRST };
    world.tell(Input::Happened(unreadable.clone()));
    world.tell(Input::Happened(unreadable));
    assert!(world.shows("asked for again. (2 times)"), "{}", world.screen());
    world.tell(Input::Tick(Timestamp::from_seconds(NOW + 2000)));
    assert!(!world.shows("asked for again"));
}

#[test]
fn the_next_attempt_is_counted_down() {
    let mut world = world();
    let retry_in = std::time::Duration::from_secs(30);
    let waiting = Connection::Waiting { why: Error::Unreachable, retry_in };
    world.tell(Input::Happened(Happening::Connection(waiting)));
    assert!(world.shows("again in 30 s"));
    world.tell(Input::Tick(Timestamp::from_seconds(NOW + 18)));
    assert!(world.shows("again in 12 s"));
}
