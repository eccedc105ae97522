//! Many messages wait: all come, once, in order. `SPRAG_WAITING=10000` makes them that many.

use sprag_client::{Client, Config, Protection, Storage};

use crate::world::{World, texts};

#[test]
fn many_messages_wait_and_come_in_order() {
    let count = std::env::var("SPRAG_WAITING").ok().and_then(|count| count.parse().ok());
    let count: usize = count.unwrap_or(300);
    let world = World::new();
    world.register(&["alice", "bob"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = world.profile("alice");
    runtime.block_on(async {
        let protection = Protection::KeyFile(folder.join("profile.key"));
        let storage = Storage::file(folder.join("profile.db")).protect(protection);
        let alice = Client::open(Config::existing().store(storage)).await.unwrap();
        for number in 0..count {
            alice.send("bob", format!("message {number}")).await.unwrap();
        }
        alice.settle(std::time::Duration::from_mins(10)).await.unwrap();
        alice.close().await;
    });
    let received = world.json("bob", &["recv"]);
    let expected: Vec<_> = (0..count).map(|number| format!("message {number}")).collect();
    assert!(texts(&received) == expected, "{} of {count}", received.len());
    assert_eq!(world.texts("bob"), [""; 0]);
}
