//! Files: great ones, and ones that are cut off.

use std::sync::Mutex;

use sprag_client::{Attached, Error, Existing, Progress, Refusal};
use tokio::sync::Notify;

use crate::world::{World, next, noise, soon};

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_great_file_arrives() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    let mut bob = world.client("bob").await;
    let content = noise(50 * MIB + 1);
    let file = world.file("holiday.mov");
    std::fs::write(&file, &content).unwrap();
    let mut up = Vec::new();
    let what =
        Attached { caption: "look".into(), name: None, media_type: "video/quicktime".into() };
    let sending = alice.send_file("bob", &file, what, |progress| up.push(progress));
    let sent = sending.await.unwrap();
    rises(&up, content.len());

    let message = next(&mut bob).await;
    assert_eq!((message.id, message.text()), (sent.id(), "look"));
    let attachment = message.file().unwrap();
    assert_eq!(
        (attachment.name.as_str(), attachment.length),
        ("holiday.mov", content.len() as u64)
    );
    let saved = world.file("saved.mov");
    let mut down = Vec::new();
    bob.save_file(attachment, &saved, Existing::Keep, |progress| down.push(progress))
        .await
        .unwrap();
    rises(&down, content.len());
    assert!(std::fs::read(&saved).unwrap() == content);
    let left: Vec<_> = std::fs::read_dir(world.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "part"))
        .collect();
    assert!(left.is_empty(), "{left:?}");

    let again = bob.save_file(attachment, &saved, Existing::Keep, |_| {}).await;
    assert_eq!(again, Err(Error::FileExists));
    std::fs::write(&saved, "something else").unwrap();
    bob.save_file(attachment, &saved, Existing::Replace, |_| {}).await.unwrap();
    assert!(std::fs::read(&saved).unwrap() == content);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_every_length_arrive() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    let mut bob = world.client("bob").await;
    for len in [1, 159, 160, 65_535, 65_536, 65_537, 983_040, 983_041, 2 * MIB] {
        let (file, saved) = (world.file("file"), world.file(&format!("saved-{len}")));
        let content = noise(len);
        std::fs::write(&file, &content).unwrap();
        alice.send_file("bob", &file, Attached::default(), |_| {}).await.unwrap();
        let message = next(&mut bob).await;
        bob.save_file(message.file().unwrap(), &saved, Existing::Keep, |_| {}).await.unwrap();
        assert!(std::fs::read(&saved).unwrap() == content, "{len}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_after_a_restart() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    let mut bob = world.client("bob").await;
    let content = noise(8 * MIB);
    let file = world.file("file");
    std::fs::write(&file, &content).unwrap();
    let half = Notify::new();
    let sending = alice.send_file("bob", &file, Attached::default(), |progress| {
        if progress.done > 4 * MIB as u64 {
            half.notify_one();
        }
    });
    tokio::select! {
        outcome = sending => panic!("{outcome:?}"),
        () = half.notified() => {}
    }
    alice.close().await;

    let alice = world.client("alice").await;
    let before = world.wire.bytes();
    let first = Mutex::new(None);
    let sending = alice.send_file("bob", &file, Attached::default(), |progress: Progress| {
        first.lock().unwrap().get_or_insert(progress.done);
    });
    sending.await.unwrap();
    assert!(first.lock().unwrap().unwrap() > 3 * MIB as u64);
    assert!(world.wire.bytes() - before < 5 * MIB as u64);
    let message = next(&mut bob).await;
    let saved = world.file("saved");
    bob.save_file(message.file().unwrap(), &saved, Existing::Keep, |_| {}).await.unwrap();
    assert!(std::fs::read(&saved).unwrap() == content);
    // Sent again, it is another file to the relay, and another message.
    let first = Mutex::new(None);
    let sending = alice.send_file("bob", &file, Attached::default(), |progress: Progress| {
        first.lock().unwrap().get_or_insert(progress.done);
    });
    sending.await.unwrap();
    assert_eq!(*first.lock().unwrap(), Some(0));
    let second = next(&mut bob).await;
    assert_ne!(second.file().unwrap().key, message.file().unwrap().key);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_wire_costs_a_part_and_not_the_file() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    let mut bob = world.client("bob").await;
    let content = noise(8 * MIB);
    let file = world.file("file");
    std::fs::write(&file, &content).unwrap();
    let before = world.wire.bytes();
    world.wire.cut_after(5 * MIB as u64 + 300_000);
    alice.send_file("bob", &file, Attached::default(), |_| {}).await.unwrap();
    assert!(world.wire.was_cut());
    assert!(world.wire.bytes() - before < 11 * MIB as u64);

    let message = next(&mut bob).await;
    let before = world.wire.bytes();
    world.wire.cut_after(5 * MIB as u64 + 300_000);
    let saved = world.file("saved");
    bob.save_file(message.file().unwrap(), &saved, Existing::Keep, |_| {}).await.unwrap();
    assert!(world.wire.was_cut());
    assert!(world.wire.bytes() - before < 10 * MIB as u64);
    assert!(std::fs::read(&saved).unwrap() == content);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_after_a_restart() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    let mut bob = world.client("bob").await;
    let content = noise(8 * MIB);
    let file = world.file("file");
    std::fs::write(&file, &content).unwrap();
    alice.send_file("bob", &file, Attached::default(), |_| {}).await.unwrap();
    let message = next(&mut bob).await;
    let attachment = message.file().unwrap();
    let saved = world.file("saved");
    let half = Notify::new();
    let saving = bob.save_file(attachment, &saved, Existing::Keep, |progress| {
        if progress.done > 4 * MIB as u64 {
            half.notify_one();
        }
    });
    tokio::select! {
        outcome = saving => panic!("{outcome:?}"),
        () = half.notified() => {}
    }
    assert!(!saved.exists());
    bob.close().await;
    let bob = world.client("bob").await;
    let first = Mutex::new(None);
    let saving = bob.save_file(attachment, &saved, Existing::Keep, |progress: Progress| {
        first.lock().unwrap().get_or_insert(progress.done);
    });
    soon(saving).await.unwrap();
    assert!(first.lock().unwrap().unwrap() >= 4 * MIB as u64);
    assert!(std::fs::read(&saved).unwrap() == content);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_file_to_send_and_what_is_gone() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    let mut bob = world.client("bob").await;
    let send = async |name: &str| {
        alice.send_file("bob", world.file(name), Attached::default(), |_| {}).await.err()
    };
    assert_eq!(send("none").await, Some(Error::File(std::io::ErrorKind::NotFound)));
    std::fs::write(world.file("empty"), "").unwrap();
    assert_eq!(send("empty").await, Some(Error::FileLength));
    assert_eq!(send("relay").await, Some(Error::FileLength));
    std::fs::File::create(world.file("long")).unwrap().set_len(100 * MIB as u64 + 1).unwrap();
    assert_eq!(send("long").await, Some(Error::FileLength));
    std::fs::write(world.file("file"), "content").unwrap();
    let nobody = alice.send_file("nobody", world.file("file"), Attached::default(), |_| {}).await;
    assert_eq!(nobody.err(), Some(Error::Refused(Refusal::NoSuchAccount)));

    alice.send_file("bob", world.file("file"), Attached::default(), |_| {}).await.unwrap();
    let message = next(&mut bob).await;
    let mut other = message.file().unwrap().clone();
    other.key = [9; 32].into();
    let saved = world.file("saved");
    let damaged = bob.save_file(&other, &saved, Existing::Keep, |_| {}).await;
    assert_eq!(damaged, Err(Error::FileDamaged));
    other.blob = [9; 16];
    let gone = bob.save_file(&other, &saved, Existing::Keep, |_| {}).await;
    assert_eq!(gone, Err(Error::FileGone));
    assert!(!saved.exists());
}

/// It begins, never goes back, and ends at the length.
fn rises(progress: &[Progress], len: usize) {
    assert!(progress.len() > 10);
    assert!(progress.is_sorted_by_key(|progress| progress.done));
    assert!(progress.iter().all(|progress| progress.total == len as u64));
    assert_eq!(progress.last().map(|progress| progress.done), Some(len as u64));
}
