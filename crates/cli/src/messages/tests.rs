//! How messages look.

use sprag_client::MessageId;
use sprag_protocol::{AccountName, DeviceId, Timestamp};

use super::*;

fn message(body: Body) -> Message {
    Message {
        from: AccountName::new("alice").unwrap(),
        device: DeviceId::FIRST,
        id: MessageId([0xab; 16]),
        position: 7,
        written: Timestamp::from_seconds(1_800_000_000),
        received: Timestamp::from_seconds(1_800_000_001),
        body,
    }
}

fn attachment(name: &str, caption: &str) -> Body {
    Body::File(Attachment {
        blob: [1; 16],
        key: [2; 32].into(),
        length: 2048,
        name: name.into(),
        media_type: "text/plain".into(),
        caption: caption.into(),
    })
}

#[test]
fn a_text_is_a_field_and_a_file_tells_nothing_that_opens_it() {
    let text = received(&message(Body::Text("hello".into())));
    assert_eq!(text["text"], "hello");
    assert!(text.get("file").is_none());
    let file = received(&message(attachment("a.txt", "look")));
    assert!(file.get("text").is_none());
    let fields: Vec<_> = file["file"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["caption", "length", "media_type", "name"]);
}

#[test]
fn a_line_of_a_text_is_not_taken_for_a_message() {
    assert_eq!(words(&Body::Text("one\nbob: two\r\nthree".into())), "one\n    bob: two\n    three");
    assert_eq!(words(&attachment("a\nbob: b.txt", "look\nhere")), "[a bob: b.txt, 2.0 KiB] look\n    here");
    assert_eq!(words(&attachment("", "")), "[a file, 2.0 KiB]");
}

#[test]
fn an_entry_tells_what_became_of_it() {
    let body = Body::Text("hello".into());
    let (id, written) = (MessageId([1; 16]), Timestamp::from_seconds(1));
    let mut own = Entry {
        position: 1,
        from: AccountName::new("alice").unwrap(),
        device: DeviceId::FIRST,
        own: true,
        received: written,
        event: Event::Message { id, written, body },
        state: Some(MessageState::Failed(Failed::NoSuchAccount)),
    };
    let value = entry("bob", &own);
    assert_eq!((&value["state"], &value["why"]), (&json!("failed"), &json!("no-such-account")));
    assert!(entry_line(&own).contains("hello"));
    assert!(entry_line(&own).contains("(failed)"));
    own.event = Event::KeyChanged;
    own.state = None;
    assert_eq!(entry("bob", &own)["event"], "key-changed");
}
