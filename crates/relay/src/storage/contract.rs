//! What every storage must do. Each check works on an empty storage and through its operations only.

use std::sync::Arc;

use bytes::Bytes;
use ed25519_dalek::{Signer, SigningKey};
use sprag_api::device_list::DeviceList;
use sprag_api::directory::KeyCounts;
use sprag_api::limit;
use sprag_api::name::{AccountName, Address, DeviceId};
use sprag_api::prekey::{OneTimePreKey, SignedPreKey};
use sprag_api::signature::{Purpose, VerifyKey};
use tokio::sync::Semaphore;

use super::{
    AccountId, Acknowledged, Batch, BlobRecord, DeviceRecord, Keys, MailboxId, NewAccount,
    NewSession, PartRefusal, RegisterRefusal, Replayed, SendRefusal, Storage, Stored, Submission,
};

/// Hands every check to a macro, which makes a test of each.
macro_rules! every_check {
    ($each:ident) => {
        $each! {
            a_name_is_taken_once,
            an_invitation_is_used_as_often_as_it_says,
            a_nonce_opens_one_session,
            a_device_has_sixteen_tokens,
            a_list_follows_the_one_before,
            a_prekey_is_handed_out_once,
            a_device_keeps_a_thousand_prekeys,
            a_message_is_stored_once,
            a_mailbox_keeps_its_order,
            a_full_mailbox_takes_no_more,
            a_send_names_just_the_devices,
            devices_stand_where_they_are,
            what_is_old_goes,
            a_blob_grows_to_its_length,
        }
    };
}
pub(crate) use every_check;

pub(crate) const NOW: u64 = 1_800_000_000;
/// The quota of the mailboxes that are checked.
pub(crate) const ENVELOPES: u32 = 20;
pub(crate) const BYTES: u64 = 10_000;

pub(crate) fn name(name: &str) -> AccountName {
    AccountName::new(name).unwrap()
}

fn device_id(id: u32) -> DeviceId {
    DeviceId::new(id).unwrap()
}

fn sign(key: &SigningKey, purpose: Purpose, body: Vec<u8>) -> Vec<u8> {
    let message = [purpose.label().as_bytes(), &[0], &body].concat();
    [body, key.sign(&message).to_bytes().to_vec()].concat()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// A list of devices, each a number and the seed of its key, signed by the account's key (seed 1).
pub(crate) fn list(account: &str, version: u64, devices: &[(u32, u8)]) -> DeviceList {
    let mut body = version.to_be_bytes().to_vec();
    body.push(u8::try_from(account.len()).unwrap());
    body.extend_from_slice(account.as_bytes());
    body.extend_from_slice(&u16::try_from(devices.len()).unwrap().to_be_bytes());
    for (id, seed) in devices {
        body.extend_from_slice(&id.to_be_bytes());
        body.extend_from_slice(key(*seed).verifying_key().as_bytes());
        body.extend_from_slice(&NOW.to_be_bytes());
    }
    let account_key = VerifyKey::from_bytes(key(1).verifying_key().as_bytes()).unwrap();
    DeviceList::verify(&sign(&key(1), Purpose::DeviceList, body), &account_key).unwrap()
}

fn signed_prekey(id: u32) -> SignedPreKey {
    SignedPreKey { id, bytes: [id.to_be_bytes().as_slice(), &[7; 104]].concat() }
}

fn one_time(ids: impl IntoIterator<Item = u32>) -> Vec<OneTimePreKey> {
    let key = |id: u32| OneTimePreKey { id, bytes: [&id.to_be_bytes()[..], &[3; 32]].concat() };
    ids.into_iter().map(key).collect()
}

fn keys(one_time_ids: impl IntoIterator<Item = u32>) -> Keys {
    Keys {
        signed: Some(signed_prekey(1)),
        last_resort: Some(signed_prekey(2)),
        one_time: one_time(one_time_ids),
        one_time_kem: Vec::new(),
    }
}

fn session(seed: u8) -> NewSession {
    NewSession { token: [seed; 32], nonce: [seed; 16], expires: NOW + 100 }
}

fn account(account: &str, seed: u8) -> NewAccount {
    NewAccount {
        key: [seed; 32],
        device_list: list(account, 1, &[(1, seed)]),
        keys: keys([]),
        invitation: None,
        session: session(seed),
        now: NOW,
    }
}

pub(crate) async fn register(storage: &dyn Storage, who: &str, seed: u8) -> DeviceRecord {
    storage.register(account(who, seed)).await.unwrap().unwrap()
}

fn submission(number: u64, to: &str, parts: &[(u32, &[u8])]) -> Submission {
    let parts =
        parts.iter().map(|(id, body)| (device_id(*id), Bytes::copy_from_slice(body))).collect();
    Submission { number, to: name(to), parts }
}

async fn accept(
    storage: &dyn Storage,
    from: &DeviceRecord,
    sends: Vec<Submission>,
) -> Vec<Result<Stored, SendRefusal>> {
    accept_at(storage, from, sends, NOW).await
}

async fn accept_at(
    storage: &dyn Storage,
    from: &DeviceRecord,
    sends: Vec<Submission>,
    now: u64,
) -> Vec<Result<Stored, SendRefusal>> {
    let share = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
    let sender = Arc::clone(&from.address);
    storage.accept(Batch { from: from.mailbox, sender, sends, now, _share: share }).await.unwrap()
}

/// Sends one message to device 1.
pub(crate) async fn send(
    storage: &dyn Storage,
    from: &DeviceRecord,
    to: &str,
    number: u64,
    body: &[u8],
) -> Result<Stored, SendRefusal> {
    accept(storage, from, vec![submission(number, to, &[(1, body)])]).await.remove(0)
}

/// Sends one message to just these devices.
pub(crate) async fn send_to(
    storage: &dyn Storage,
    from: &DeviceRecord,
    to: &str,
    number: u64,
    devices: &[u32],
) -> Result<Stored, SendRefusal> {
    let parts: Vec<_> = devices.iter().map(|id| (*id, b"x".as_slice())).collect();
    accept(storage, from, vec![submission(number, to, &parts)]).await.remove(0)
}

/// Whether a message to device 1 is stored now: the storage may be out of reach.
pub(crate) async fn tries_to_send(
    storage: &dyn Storage,
    from: &DeviceRecord,
    to: &str,
    number: u64,
) -> bool {
    let share = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
    let sends = vec![submission(number, to, &[(1, b"x")])];
    let sender = Arc::clone(&from.address);
    let batch = Batch { from: from.mailbox, sender, sends, now: NOW, _share: share };
    storage.accept(batch).await.is_ok_and(|outcomes| outcomes[0].is_ok())
}

/// Publishes keys of a device, and one-time prekeys with these ids; whether it is there.
pub(crate) async fn publish(
    storage: &dyn Storage,
    device: &DeviceRecord,
    one_time_ids: impl IntoIterator<Item = u32>,
) -> bool {
    storage.publish(device.mailbox, keys(one_time_ids)).await.unwrap().is_some()
}

pub(crate) fn address(account: &str, device: u32) -> Address {
    Address { account: name(account), device: device_id(device) }
}

/// The place, the number and the ciphertext of everything that waits.
pub(crate) async fn waiting(storage: &dyn Storage, mailbox: MailboxId) -> Vec<(u64, u64, Vec<u8>)> {
    let segments = storage.pending(mailbox, 0, (u64::MAX, usize::MAX)).await.unwrap();
    let envelopes = segments.iter().flat_map(|segment| segment.envelopes().unwrap());
    envelopes.map(|e| (e.seq, e.number, e.ciphertext.to_vec())).collect()
}

pub(crate) async fn acknowledge(
    storage: &dyn Storage,
    mailbox: MailboxId,
    through: u64,
) -> Acknowledged {
    storage.acknowledge(mailbox, through, None).await.unwrap()
}

pub(crate) const NEW: Result<Stored, SendRefusal> =
    Ok(Stored { duplicate: false, left_out: Vec::new() });
const AGAIN: Result<Stored, SendRefusal> = Ok(Stored { duplicate: true, left_out: Vec::new() });

pub(crate) async fn a_name_is_taken_once(storage: &dyn Storage) {
    let alice = register(storage, "alice", 10).await;
    assert_eq!((alice.address.account.as_str(), alice.address.device.get()), ("alice", 1));
    let refused = storage.register(account("alice", 11)).await.unwrap();
    assert_eq!(refused.unwrap_err(), RegisterRefusal::NameTaken);
    let found = storage.account(name("alice")).await.unwrap().unwrap();
    assert_eq!(found.key, [10; 32]);
    assert!(storage.account(name("bob")).await.unwrap().is_none());

    storage.remove_account(found.id).await.unwrap();
    let again = register(storage, "alice", 11).await;
    assert_ne!((again.account, again.mailbox), (alice.account, alice.mailbox));
}

pub(crate) async fn an_invitation_is_used_as_often_as_it_says(storage: &dyn Storage) {
    storage.invite([9; 32], 2, NOW + 50).await.unwrap();
    let mut seed = 20;
    let mut invited = async |who: &str, now: u64| {
        seed += 1;
        let new = NewAccount { invitation: Some([9; 32]), now, ..account(who, seed) };
        storage.register(new).await.unwrap().map(|_| ())
    };
    assert_eq!(invited("a", NOW + 50).await, Err(RegisterRefusal::InvitationInvalid));
    assert_eq!(invited("a", NOW + 49).await, Ok(()));
    // A name that is taken uses up nothing.
    assert_eq!(invited("a", NOW).await, Err(RegisterRefusal::NameTaken));
    assert_eq!(invited("b", NOW).await, Ok(()));
    assert_eq!(invited("c", NOW).await, Err(RegisterRefusal::InvitationInvalid));
}

pub(crate) async fn a_nonce_opens_one_session(storage: &dyn Storage) {
    let alice = register(storage, "alice", 10).await;
    let open = |seed, nonce: [u8; 16]| {
        storage.open_session(alice.mailbox, NewSession { nonce, ..session(seed) })
    };
    assert_eq!(open(30, [10; 16]).await.unwrap(), Err(Replayed));
    assert_eq!(open(31, [31; 16]).await.unwrap(), Ok(0));
    storage.close_session([31; 32]).await.unwrap();
    assert!(storage.bearer([31; 32], NOW).await.unwrap().is_none());
    assert_eq!(open(32, [31; 16]).await.unwrap(), Err(Replayed));
    assert!(storage.bearer([32; 32], NOW).await.unwrap().is_none());

    let bearer = storage.bearer([10; 32], NOW + 99).await.unwrap().unwrap();
    assert_eq!(bearer.device.mailbox, alice.mailbox);
    assert!(storage.bearer([10; 32], NOW + 100).await.unwrap().is_none());
}

pub(crate) async fn a_device_has_sixteen_tokens(storage: &dyn Storage) {
    let alice = register(storage, "alice", 10).await;
    for seed in 100..116 {
        let expires = NOW + 200 + u64::from(seed);
        let session = NewSession { expires, ..session(seed) };
        storage.open_session(alice.mailbox, session).await.unwrap().unwrap();
    }
    assert!(storage.bearer([10; 32], NOW).await.unwrap().is_none(), "the oldest is gone");
    for seed in 100..116 {
        assert!(storage.bearer([seed; 32], NOW).await.unwrap().is_some());
    }
}

pub(crate) async fn a_list_follows_the_one_before(storage: &dyn Storage) {
    let alice = register(storage, "alice", 10).await;
    let bob = register(storage, "bob", 20).await;
    let replace = |version, devices: &[(u32, u8)]| {
        storage.replace_devices(alice.account, list("alice", version, devices))
    };
    for version in [1, 3] {
        let conflict = replace(version, &[(1, 10)]).await.unwrap().unwrap_err();
        assert_eq!(conflict.current, list("alice", 1, &[(1, 10)]).signed);
    }
    let added = replace(2, &[(1, 10), (2, 11)]).await.unwrap().unwrap();
    assert_eq!((added.kept, added.removed), (vec![alice.mailbox], vec![]));
    let second =
        storage.device(Address { account: name("alice"), device: device_id(2) }).await.unwrap();
    let second = second.unwrap();

    // A device without keys gets no messages yet.
    assert_eq!(send(storage, &bob, "alice", 1, b"one").await, NEW);
    storage.publish(second.mailbox, keys([])).await.unwrap().unwrap();
    let refusal = send(storage, &bob, "alice", 2, b"two").await.unwrap_err();
    let device_list = list("alice", 2, &[(1, 10), (2, 11)]).signed;
    let devices = vec![device_id(1), device_id(2)];
    assert_eq!(refusal, SendRefusal::DevicesDiffer { device_list, devices });
    assert_eq!(waiting(storage, alice.mailbox).await.len(), 1, "nothing was stored");

    // The number 1 with another key is another device: the mailbox is not the old one.
    let changed = replace(3, &[(1, 12), (2, 11)]).await.unwrap().unwrap();
    assert_eq!((changed.kept, changed.removed), (vec![second.mailbox], vec![alice.mailbox]));
    assert!(storage.bearer([10; 32], NOW).await.unwrap().is_none());
    let positions = storage.positions(vec![alice.mailbox, bob.mailbox]).await.unwrap();
    let gone: Vec<_> = positions.iter().filter(|(_, position)| position.is_none()).collect();
    assert_eq!(gone, [&(alice.mailbox, None)]);
    let refused = accept(storage, &alice, vec![submission(1, "bob", &[(1, b"x")])]).await;
    assert_eq!(refused, [Err(SendRefusal::SenderGone)]);
    assert!(storage.publish(alice.mailbox, keys([])).await.unwrap().is_none());
}

pub(crate) async fn a_prekey_is_handed_out_once(storage: &dyn Storage) {
    let alice = register(storage, "alice", 10).await;
    let bob = register(storage, "bob", 20).await;
    storage.publish(alice.mailbox, keys([5, 3, 4])).await.unwrap();
    let claim = async |one_time| {
        let claim = storage.claim(bob.mailbox, name("alice"), one_time).await.unwrap().unwrap();
        assert_eq!(claim.devices.len(), 1);
        claim.devices.into_iter().next().unwrap()
    };
    let first = claim(true).await;
    assert_eq!(first.one_time, Some(one_time([3]).remove(0).bytes));
    assert_eq!(first.left, KeyCounts { one_time: 2, one_time_kem: 0 });
    assert!(!first.kem_is_one_time);
    assert_eq!(first.kem, signed_prekey(2).bytes);
    assert_eq!(claim(false).await.one_time, None);

    // The answer was lost, and the device publishes again.
    let counts = storage.publish(alice.mailbox, keys([3, 4, 5, 6])).await.unwrap().unwrap();
    assert_eq!(counts.one_time, 3);
    let mut claimed = Vec::new();
    for _ in 0..4 {
        claimed.push(claim(true).await.one_time);
    }
    let expected: Vec<_> =
        one_time([4, 5, 6]).into_iter().map(|key| Some(key.bytes)).chain([None]).collect();
    assert_eq!(claimed, expected);

    let own = storage.claim(alice.mailbox, name("alice"), true).await.unwrap().unwrap();
    assert!(own.devices.is_empty(), "the own device is left out");
    assert!(storage.claim(alice.mailbox, name("nobody"), true).await.unwrap().is_none());
}

pub(crate) async fn a_device_keeps_a_thousand_prekeys(storage: &dyn Storage) {
    let alice = register(storage, "alice", 10).await;
    let most = u32::try_from(limit::PREKEYS_HELD).unwrap();
    let counts = storage.publish(alice.mailbox, keys(1..=most)).await.unwrap().unwrap();
    assert_eq!(counts.one_time, most);
    let counts = storage.publish(alice.mailbox, keys([most + 1])).await.unwrap().unwrap();
    assert_eq!(counts.one_time, most);
    let claim = storage.claim(MailboxId(-1), name("alice"), true).await.unwrap().unwrap();
    let first = claim.devices.into_iter().next().unwrap().one_time;
    assert_eq!(first, Some(one_time([2]).remove(0).bytes), "the oldest is dropped");
}

pub(crate) async fn a_message_is_stored_once(storage: &dyn Storage) {
    let alice = register(storage, "alice", 10).await;
    let bob = register(storage, "bob", 20).await;
    assert_eq!(send(storage, &alice, "bob", 1, b"one").await, NEW);
    assert_eq!(send(storage, &alice, "bob", 1, b"one").await, AGAIN);
    assert_eq!(waiting(storage, bob.mailbox).await, [(1, 1, b"one".to_vec())]);
    assert_eq!(acknowledge(storage, bob.mailbox, 1).await, Acknowledged::Deleted);
    assert_eq!(acknowledge(storage, bob.mailbox, 1).await, Acknowledged::Nothing);
    assert_eq!(send(storage, &alice, "bob", 1, b"one").await, AGAIN);
    assert!(waiting(storage, bob.mailbox).await.is_empty());
    // Another device's number 1 is another message.
    assert_eq!(send(storage, &bob, "alice", 1, b"eins").await, NEW);
    assert_eq!(storage.mark(alice.mailbox).await.unwrap(), 1);

    assert_eq!(send(storage, &alice, "bob", 2_000, b"far").await, NEW);
    assert_eq!(send(storage, &alice, "bob", 977, b"near").await, NEW);
    assert_eq!(send(storage, &alice, "bob", 976, b"old").await, Err(SendRefusal::NumberTooOld));
    assert_eq!(storage.mark(alice.mailbox).await.unwrap(), 2_000);
}

pub(crate) async fn a_mailbox_keeps_its_order(storage: &dyn Storage) {
    let alice = register(storage, "alice", 10).await;
    let bob = register(storage, "bob", 20).await;
    // The answers are awaited last to first: the order is that of the calls.
    let sends = (1..=9).map(|number| {
        let share = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        storage.accept(Batch {
            from: alice.mailbox,
            sender: Arc::clone(&alice.address),
            sends: vec![submission(number, "bob", &[(1, &[0])])],
            now: NOW,
            _share: share,
        })
    });
    for answer in sends.collect::<Vec<_>>().into_iter().rev() {
        assert_eq!(answer.await.unwrap(), [NEW]);
    }
    let expected: Vec<_> = (1..=9).map(|n| (n, n, vec![0])).collect();
    assert_eq!(waiting(storage, bob.mailbox).await, expected);

    let page = async |after, most| {
        let segments = storage.pending(bob.mailbox, after, most).await.unwrap();
        let envelopes = segments.iter().flat_map(|segment| segment.envelopes().unwrap());
        envelopes.map(|envelope| envelope.seq).collect::<Vec<_>>()
    };
    assert_eq!(page(2, (3, usize::MAX)).await, [3, 4, 5]);
    assert!(page(2, (0, usize::MAX)).await.is_empty());
    assert_eq!(page(2, (2, 1)).await.first(), Some(&3), "at least one segment");
    // One that is acknowledged does not come again, also where it was stored with others.
    assert_eq!(acknowledge(storage, bob.mailbox, 4).await, Acknowledged::Deleted);
    assert_eq!(acknowledge(storage, bob.mailbox, 3).await, Acknowledged::Nothing);
    assert_eq!(page(0, (99, usize::MAX)).await, [5, 6, 7, 8, 9]);
    assert_eq!(storage.statistics(NOW).await.unwrap().envelopes, 5);
    // What is deleted leaves its place to nobody.
    acknowledge(storage, bob.mailbox, u64::MAX).await;
    assert_eq!(send(storage, &alice, "bob", 10, &[0]).await, NEW);
    assert_eq!(waiting(storage, bob.mailbox).await, [(10, 10, vec![0])]);
}

pub(crate) async fn a_full_mailbox_takes_no_more(storage: &dyn Storage) {
    let alice = register(storage, "alice", 10).await;
    let bob = register(storage, "bob", 20).await;
    for number in 1..=u64::from(ENVELOPES) {
        assert_eq!(send(storage, &alice, "bob", number, b"x").await, NEW);
    }
    let full = Err(SendRefusal::MailboxFull);
    assert_eq!(send(storage, &alice, "bob", 21, b"x").await, full);
    assert_eq!(send(storage, &bob, "alice", 1, b"x").await, NEW, "it hurts nobody else");
    acknowledge(storage, bob.mailbox, 1).await;
    assert_eq!(send(storage, &alice, "bob", 21, b"x").await, NEW, "refused is not accepted");
    acknowledge(storage, bob.mailbox, 21).await;

    let most = usize::try_from(BYTES).unwrap();
    assert_eq!(send(storage, &alice, "bob", 22, &vec![0; most + 1]).await, full);
    assert_eq!(send(storage, &alice, "bob", 23, &vec![0; most]).await, NEW);
    assert_eq!(send(storage, &alice, "bob", 24, &[0]).await, full);
    assert_eq!(send(storage, &alice, "bob", 25, &[]).await, NEW);

    // A second device with room gets what the full one does not.
    let devices = list("bob", 2, &[(1, 20), (2, 21)]);
    storage.replace_devices(bob.account, devices).await.unwrap().unwrap();
    let second = Address { account: name("bob"), device: device_id(2) };
    let second = storage.device(second).await.unwrap().unwrap();
    storage.publish(second.mailbox, keys([])).await.unwrap();
    let both = submission(26, "bob", &[(2, b"b"), (1, b"a")]);
    let stored = Stored { duplicate: false, left_out: vec![device_id(1)] };
    assert_eq!(accept(storage, &alice, vec![both]).await, [Ok(stored)]);
    assert_eq!(waiting(storage, second.mailbox).await, [(1, 26, b"b".to_vec())]);
    // To the own account: all devices but the sender's.
    assert_eq!(accept(storage, &second, vec![submission(1, "bob", &[(1, b"")])]).await, [NEW]);
}

pub(crate) async fn a_send_names_just_the_devices(storage: &dyn Storage) {
    let alice = register(storage, "alice", 10).await;
    let bob = register(storage, "bob", 20).await;
    let unknown = accept(storage, &alice, vec![submission(1, "carol", &[(1, b"x")])]).await;
    assert_eq!(unknown, [Err(SendRefusal::UnknownAccount)]);
    let differ = Err(SendRefusal::DevicesDiffer {
        device_list: list("bob", 1, &[(1, 20)]).signed,
        devices: vec![device_id(1)],
    });
    for parts in [&[(2, b"x".as_slice())][..], &[(1, b"x"), (2, b"x")], &[]] {
        let sends = vec![submission(1, "bob", parts)];
        assert_eq!(accept(storage, &alice, sends).await, std::slice::from_ref(&differ));
    }
    assert!(waiting(storage, bob.mailbox).await.is_empty());
    // One that is refused holds up none beside it.
    let sends = vec![submission(1, "carol", &[(1, b"x")]), submission(2, "bob", &[(1, b"y")])];
    assert_eq!(accept(storage, &alice, sends).await, [Err(SendRefusal::UnknownAccount), NEW]);
    assert_eq!(waiting(storage, bob.mailbox).await, [(1, 2, b"y".to_vec())]);
}

pub(crate) async fn devices_stand_where_they_are(storage: &dyn Storage) {
    let alice = register(storage, "alice", 10).await;
    let bob = register(storage, "bob", 20).await;
    let last = async || {
        let positions = storage.positions(vec![alice.mailbox, bob.mailbox, MailboxId(-1)]).await;
        let positions = positions.unwrap().into_iter();
        positions.map(|(_, position)| position.map(|at| at.last)).collect::<Vec<_>>()
    };
    assert_eq!(last().await, [Some(0), Some(0), None]);
    assert_eq!(send(storage, &alice, "bob", 1, b"x").await, NEW);
    assert_eq!(acknowledge(storage, bob.mailbox, 1).await, Acknowledged::Deleted);
    assert_eq!(last().await, [Some(0), Some(1), None]);

    let signed = list("bob", 1, &[(1, 20)]).signed;
    assert_eq!(storage.list_of(bob.mailbox).await.unwrap(), Some(signed));
    let changed = list("bob", 2, &[(1, 20), (2, 21)]);
    let signed = changed.signed.clone();
    storage.replace_devices(bob.account, changed).await.unwrap().unwrap();
    assert_eq!(storage.list_of(bob.mailbox).await.unwrap(), Some(signed));
    storage.remove_account(bob.account).await.unwrap();
    assert_eq!(storage.list_of(bob.mailbox).await.unwrap(), None);
    assert_eq!(last().await, [Some(0), None, None]);
}

pub(crate) async fn what_is_old_goes(storage: &dyn Storage) {
    let alice = register(storage, "alice", 10).await;
    let bob = register(storage, "bob", 20).await;
    for (number, now) in [(1, NOW), (2, NOW + 1)] {
        let sends = vec![submission(number, "bob", &[(1, &[0; 10])])];
        assert_eq!(accept_at(storage, &alice, sends, now).await, [NEW]);
    }
    assert_eq!(storage.expire(NOW, NOW).await.unwrap().envelopes, 0);
    assert_eq!(storage.expire(NOW, NOW + 1).await.unwrap().envelopes, 1);
    assert_eq!(waiting(storage, bob.mailbox).await, [(2, 2, vec![0; 10])]);
    let figures = storage.statistics(NOW).await.unwrap();
    assert_eq!((figures.envelopes, figures.envelope_bytes, figures.tokens), (1, 10, 2));
    assert_eq!(storage.expire(NOW + 99, NOW).await.unwrap().tokens, 0);
    assert_eq!(storage.expire(NOW + 100, NOW).await.unwrap().tokens, 2);

    // A removed account leaves nothing.
    storage.publish(bob.mailbox, keys(1..=600)).await.unwrap();
    storage.remove_account(bob.account).await.unwrap();
    while storage.expire(NOW, 0).await.unwrap().more {}
    assert!(storage.pending(bob.mailbox, 0, (9, 9)).await.unwrap().is_empty());
    assert_eq!(storage.key_counts(bob.mailbox).await.unwrap(), KeyCounts::default());
    assert_eq!(storage.statistics(NOW).await.unwrap().accounts, 1);
}

pub(crate) async fn a_blob_grows_to_its_length(storage: &dyn Storage) {
    let (owner, other) = (AccountId(1), AccountId(2));
    let blob = BlobRecord { owner, length: 300_000, offset: 0, expires: NOW + 10 };
    assert!(storage.create_blob([1; 16], blob.clone(), 300_000).await.unwrap());
    assert!(!storage.create_blob([2; 16], blob.clone(), 599_999).await.unwrap());
    let body: Vec<u8> = (0..300_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let (head, tail) = body.split_at(200_000);
    let append = |owner, offset, part: &[u8]| {
        storage.append_blob(owner, [1; 16], offset, Bytes::copy_from_slice(part))
    };
    assert_eq!(append(other, 0, head).await.unwrap(), Err(PartRefusal::NotFound));
    assert_eq!(append(owner, 0, head).await.unwrap(), Ok(200_000));
    assert_eq!(append(owner, 0, head).await.unwrap(), Err(PartRefusal::Offset(200_000)));
    let long = [tail, &[0]].concat();
    assert_eq!(append(owner, 200_000, &long).await.unwrap(), Err(PartRefusal::TooLong));
    assert_eq!(append(owner, 200_000, tail).await.unwrap(), Ok(300_000));
    assert_eq!(storage.blob([1; 16]).await.unwrap().unwrap().offset, 300_000);

    let mut read = Vec::new();
    while let Some(piece) = storage.read_blob([1; 16], read.len() as u64).await.unwrap() {
        read.extend_from_slice(&piece);
    }
    assert!(read == body);
    let piece = storage.read_blob([1; 16], 199_999).await.unwrap().unwrap();
    assert_eq!(piece.as_ref(), &body[199_999..200_000]);

    assert!(!storage.remove_blob(other, [1; 16]).await.unwrap());
    assert!(storage.remove_blob(owner, [1; 16]).await.unwrap());
    assert_eq!(storage.read_blob([1; 16], 0).await.unwrap(), None);
    assert!(storage.create_blob([3; 16], blob, 300_000).await.unwrap(), "the room is free again");
    assert_eq!(storage.expire(NOW + 9, 0).await.unwrap().blobs, 0);
    assert_eq!(storage.expire(NOW + 10, 0).await.unwrap().blobs, 1);
    while storage.expire(NOW, 0).await.unwrap().more {}
    assert!(storage.blob([3; 16]).await.unwrap().is_none());
}
