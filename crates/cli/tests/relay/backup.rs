//! A backup taken under load, restored: every mailbox as it was at one moment, every device with its keys.

use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sprag_api::directory::{Account, Claimed};
use sprag_protocol::PreKeyBundle;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::ledger::{Received, text};
use crate::process::{GENEROUS, Process, alone, folder, sprag};
use crate::support::device::Device;
use crate::support::socket::message;

/// `sprag admin` with a backup's folder and a relay's.
async fn admin(what: &str, copy: &Path, data: &Path) -> ExitStatus {
    let mut admin = sprag();
    admin.args(["admin", what]).arg(copy).arg("--data").arg(data);
    spawn_blocking(move || admin.status()).await.unwrap().unwrap()
}

/// The keys that stay: signed, and the KEM one where it is the last resort.
async fn standing(claimant: &mut Device, whose: &str) -> (Vec<u8>, bool) {
    let claimed: Claimed = claimant.claim(whose).await;
    let bundle = PreKeyBundle::from_bytes(&claimed.bundles[0].bundle.0).unwrap().verify().unwrap();
    (bundle.get().signed.to_bytes(), claimed.bundles[0].one_time)
}

/// Devices that send to Bob until they are told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    accepted: Vec<Arc<AtomicU64>>,
    tasks: Vec<JoinHandle<Device>>,
}

impl Load {
    fn start(senders: Vec<Device>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let accepted: Vec<_> = senders.iter().map(|_| Arc::new(AtomicU64::new(0))).collect();
        let tasks = senders.into_iter().zip(&accepted).map(|(device, accepted)| {
            let (stop, accepted) = (Arc::clone(&stop), Arc::clone(accepted));
            tokio::spawn(async move {
                let mut socket = device.send_only().await;
                while !stop.load(Ordering::Relaxed) {
                    let number = accepted.load(Ordering::Relaxed) + 1;
                    let one = message(number, "bob", &[1], text(device.name(), number));
                    assert!(!socket.send(vec![one]).await.unwrap()[0].accepted().duplicate);
                    accepted.store(number, Ordering::Release);
                }
                device
            })
        });
        let tasks = tasks.collect();
        Self { stop, accepted, tasks }
    }

    /// How many messages of each were accepted so far.
    fn counts(&self) -> Vec<u64> {
        self.accepted.iter().map(|count| count.load(Ordering::Acquire)).collect()
    }

    async fn stop(self) -> Vec<Device> {
        self.stop.store(true, Ordering::Relaxed);
        let mut devices = Vec::new();
        for task in self.tasks {
            devices.push(task.await.unwrap());
        }
        devices
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_restores_what_there_was() {
    let _alone = alone().await;
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let process = Process::start(&path("data"), GENEROUS).await;
    let place = &process.place;
    let mut senders = Vec::new();
    for name in ["alice", "carol", "dave"] {
        senders.push(Device::register(place, name).await);
    }
    let mut bob = Device::register(place, "bob").await;
    let keys = bob.one_time_keys();
    bob.publish(&keys).await;
    let (before, one_time) = standing(&mut senders[0], "bob").await;
    assert!(one_time);

    let load = Load::start(senders);
    while load.counts().iter().any(|count| *count < 50) {
        tokio::task::yield_now().await;
    }
    let least = load.counts();
    assert!(admin("backup", &path("copy"), &path("data")).await.success());
    let most = load.counts();
    let senders = load.stop().await;
    // A backup is not written over.
    assert!(!admin("backup", &path("copy"), &path("data")).await.success());
    assert!(process.terminate().await.success());

    assert!(admin("restore", &path("copy"), &path("new")).await.success());
    assert!(!admin("restore", &path("copy"), &path("new")).await.success(), "there is one already");
    let process = Process::start(&path("new"), GENEROUS).await;
    restored(&process, bob, senders, (&least, &most), &before).await;
}

/// Everything is there as it was at one moment between `least` and `most`.
async fn restored(
    process: &Process,
    mut bob: Device,
    mut senders: Vec<Device>,
    (least, most): (&[u64], &[u64]),
    before: &[u8],
) {
    bob.move_to(&process.place);
    bob.login().await;
    let (mut socket, _) = bob.socket().await;
    let mut received = Received::default();
    let envelopes = socket.drain_acknowledging().await.unwrap();
    received.take(&envelopes);
    for ((sender, least), most) in senders.iter_mut().zip(least).zip(most) {
        sender.move_to(&process.place);
        // One that had no answer yet when the backup ended may be in it.
        let mark = sender.login().await;
        assert!((*least..=*most + 1).contains(&mark), "{mark} {least} {most}");
        received.has_all(sender.name(), mark);
        // It goes on where the backup ends.
        let mut socket = sender.send_only().await;
        let one = message(mark + 1, "bob", &[1], text(sender.name(), mark + 1));
        assert!(!socket.send(vec![one]).await.unwrap()[0].accepted().duplicate);
        assert!(
            socket.send(vec![message(mark, "bob", &[1], "again")]).await.unwrap()[0]
                .accepted()
                .duplicate
        );
    }
    // Signed prekeys are the same; one-time ones may have been handed out since, so there are none.
    let (signed, one_time) = standing(&mut senders[0], "bob").await;
    assert_eq!((signed.as_slice(), one_time), (before, false));
    let shown: Account = senders[0].get("/v1/accounts/bob").await.unwrap().json();
    assert_eq!(shown.account_key.0, bob.local.public().account_key.as_bytes());
}
