//! What a relay's disk and logs hold of what people said to each other, and of who they are: the first
//! nothing, the second not in the logs.

use std::fs;
use std::path::Path;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use memchr::memmem;
use sprag_api::directory::Claimed;
use sprag_api::frame::{Part, Send};
use sprag_protocol::{Env, PreKeyBundle, Sessions, Timestamp};

use crate::process::{GENEROUS, Process, alone, folder};
use crate::support::device::Device;
use crate::support::socket::Socket;

/// How many texts are planted.
const PLANTED: u64 = 20;
/// From where the clients come, so that their address can be told from the relay's.
const FROM: [u8; 4] = [127, 83, 71, 59];

/// Texts that nothing else contains.
fn planted(number: u64) -> String {
    format!("the-{number}th-secret-is-quinquagenarian-{}", number * 7_919)
}

/// A device that holds real sessions.
struct Talker {
    device: Device,
    sessions: Sessions,
    socket: Socket,
}

impl Talker {
    /// Encrypts and submits; the relay stores it.
    async fn say(&mut self, to: &str, plaintext: &[u8]) {
        let now = Timestamp::from_seconds(self.device.place.now());
        let mut env = Env::new(now, &mut self.device.rng);
        let ciphertext = self.sessions.encrypt(plaintext, &mut env).unwrap();
        let parts = vec![Part { device: 1, ciphertext: ciphertext.into() }];
        let number = self.device.next();
        let fates = self.socket.send(vec![Send { number, to: to.into(), parts }]).await.unwrap();
        assert!(!fates[0].accepted().duplicate);
    }

    /// Receives and decrypts one message; leaves it in the mailbox.
    async fn hear(&mut self) -> Vec<u8> {
        let envelope = self.socket.receive(1).await.unwrap().remove(0);
        let now = Timestamp::from_seconds(self.device.place.now());
        let mut env = Env::new(now, &mut self.device.rng);
        let received =
            self.sessions.decrypt(&mut self.device.local, &envelope.ciphertext, &mut env);
        received.unwrap().plaintext
    }
}

/// Two people who talk; half of what they say is acknowledged, half stays.
async fn conversation(process: &Process, names: [&str; 2]) -> Vec<String> {
    let place = process.place.seen_from(FROM);
    let mut alice = Device::register(&place, names[0]).await;
    let mut bob = Device::register(&place, names[1]).await;
    let keys = bob.one_time_keys();
    bob.publish(&keys).await;
    let claimed: Claimed = alice.claim(names[1]).await;
    let bundle = PreKeyBundle::from_bytes(&claimed.bundles[0].bundle.0).unwrap().verify().unwrap();
    let mut with_bob = Sessions::with(bob.local.public().clone());
    let mut env = Env::new(Timestamp::from_seconds(place.now()), &mut alice.rng);
    with_bob.initiate(&alice.local, bundle, &mut env).unwrap();
    let with_alice = Sessions::with(alice.local.public().clone());
    let (of_alice, of_bob) = (alice.socket().await.0, bob.socket().await.0);
    let mut alice = Talker { device: alice, sessions: with_bob, socket: of_alice };
    let mut bob = Talker { device: bob, sessions: with_alice, socket: of_bob };
    for number in 1..=PLANTED {
        let text = planted(number);
        alice.say(names[1], text.as_bytes()).await;
        assert_eq!(bob.hear().await, text.as_bytes());
        bob.say(names[0], text.as_bytes()).await;
        assert_eq!(alice.hear().await, text.as_bytes());
        if number == PLANTED / 2 {
            bob.socket.confirm(number).await.unwrap();
        }
    }
    // Things that go wrong are logged, too: refused calls, a connection that ends without a word.
    alice.device.try_claim("nobody-there").await.unwrap().problem();
    let wrong = alice.device.sign_login_for("https://other.example", place.now());
    alice.device.try_login(wrong).await.unwrap().problem();
    alice.device.put("/v1/keys", &names).await.unwrap().problem();
    vec![alice.device.token.clone(), bob.device.token.clone()]
}

/// Every form in which these bytes could be in a file: as they are, in hexadecimal, in base64 at any of
/// its three alignments.
fn forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![bytes.to_vec(), HEXLOWER.encode(bytes).into_bytes()];
    for encoding in [BASE64, BASE64URL_NOPAD] {
        for skipped in 0..3 {
            let whole = &bytes[skipped..];
            forms.push(encoding.encode(&whole[..whole.len() / 3 * 3]).into_bytes());
        }
    }
    forms
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    memmem::find(haystack, needle).is_some()
}

/// All files of a folder, with their names.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    files.map(|file| (file.path().display().to_string(), fs::read(file.path()).unwrap())).collect()
}

/// Runs a relay at this log level through a conversation; gives what its disk and its log hold after.
async fn traces(
    flags: &[&str],
    names: [&str; 2],
) -> (Vec<(String, Vec<u8>)>, Vec<u8>, Vec<String>) {
    let _alone = alone().await;
    let folder = folder();
    let data = folder.path().join("data");
    let process = Process::start(&data, &[GENEROUS, flags].concat()).await;
    let tokens = conversation(&process, names).await;
    // As it is while it runs, with its write-ahead log, and as it is afterwards.
    let mut disk = files(&data);
    let log_file = process.log_file();
    assert!(process.terminate().await.success());
    disk.extend(files(&data));
    let stored = disk.iter().any(|(_, bytes)| holds(bytes, names[0].as_bytes()));
    assert!(stored, "the search finds what is there: the names of accounts");
    let log = fs::read(log_file).unwrap();
    (disk, log, tokens)
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_disk_nor_log_holds_what_was_said() {
    for flags in [[].as_slice(), &["--log=trace"], &["--log=trace", "--log-format=json"]] {
        let (disk, log, tokens) = traces(flags, ["rosalind", "thaddeus"]).await;
        assert_eq!(holds(&log, b"TRACE"), !flags.is_empty());
        for (place, bytes) in disk.iter().chain([&("the log".to_owned(), log)]) {
            for number in 1..=PLANTED {
                for form in forms(planted(number).as_bytes()) {
                    assert!(!holds(bytes, &form), "text {number} is in {place} {flags:?}");
                }
            }
            // Nor what would open a mailbox.
            for token in &tokens {
                let secret = BASE64URL_NOPAD.decode(token.as_bytes()).unwrap();
                for form in forms(&secret) {
                    assert!(!holds(bytes, &form), "a token is in {place} {flags:?}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_at_its_default_level_says_nothing_of_who_is_there() {
    for flags in [[].as_slice(), &["--log-format=json"]] {
        let (_, log, _) = traces(flags, ["rosalind", "thaddeus"]).await;
        let log = String::from_utf8(log).unwrap();
        assert!(!log.is_empty());
        let address = FROM.map(|byte| byte.to_string()).join(".");
        for secret in ["rosalind", "thaddeus", "nobody-there", &address] {
            assert!(!log.contains(secret), "{secret} in {log}");
        }
    }
}
