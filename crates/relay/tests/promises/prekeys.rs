//! Prekeys: each one-time prekey is handed out once, ever; draining them is held up, and is said.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sprag_api::base64::Base64;
use sprag_api::directory::{Claimed, PublishKeys, PutDevices};
use sprag_api::frame::PreKeysLow;
use sprag_api::frame::from_relay::Frame;
use sprag_api::limit;
use sprag_api::problem::Code;
use sprag_protocol::{AccountName, PinnedAccount, PreKeyBundle, SignedDeviceList};
use sprag_relay::config::Rate;

use crate::here::Here;
use crate::support::device::{Account, Device};

/// What a client finds in a claimed bundle.
struct Ids {
    device: u32,
    kem: u32,
    one_time: Option<u32>,
    kem_is_one_time: bool,
}

/// Checks everything that a client checks.
fn verified(name: &str, claimed: &Claimed) -> Vec<Ids> {
    let account = AccountName::new(name).unwrap();
    let key =
        sprag_protocol::AccountKey::from_bytes(&claimed.account_key.array().unwrap()).unwrap();
    let list = SignedDeviceList::from_bytes(&claimed.device_list.0).unwrap();
    let pinned = PinnedAccount::first_use(&account, key, list).unwrap();
    claimed
        .bundles
        .iter()
        .map(|claimed| {
            let bundle = PreKeyBundle::from_bytes(&claimed.bundle.0).unwrap().verify().unwrap();
            let bundle = bundle.get();
            assert_eq!(bundle.owner.address.device.get(), claimed.device.get());
            assert!(pinned.vouches_for(&bundle.owner));
            assert_eq!(bundle.one_time.is_some(), claimed.one_time);
            Ids {
                device: claimed.device.get(),
                kem: bundle.kem.id,
                one_time: bundle.one_time.as_ref().map(|key| key.id.get()),
                kem_is_one_time: claimed.one_time_kem,
            }
        })
        .collect()
}

/// An account with this many devices, each with so many hundred one-time prekeys of each kind.
async fn stocked(here: &Here, name: &str, devices: u32, hundreds: usize) -> Vec<Device> {
    let account = Account::new(name);
    let mut all = vec![account.device(&here.place, 1)];
    all[0].join(&account).await;
    for id in 2..=devices {
        all.push(account.device(&here.place, id));
        let listed: Vec<_> = all.iter().map(|device| &device.local).collect();
        let put = PutDevices { device_list: account.list(id.into(), &listed) };
        all[0].put(&format!("/v1/accounts/{name}/devices"), &put).await.unwrap().yes();
    }
    for device in &mut all {
        device.login().await;
        let keys = device.standing_keys();
        device.publish(&keys).await;
        for _ in 0..hundreds {
            let keys = device.one_time_keys();
            device.publish(&keys).await;
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_clients_claim_from_one_pool_of_a_thousand() {
    let here = Here::plain().await;
    let _bob = stocked(&here, "bob", 1, 10).await;
    let mut claimants = Vec::new();
    for number in 0..64 {
        claimants.push(here.device(&format!("claimant-{number}")).await);
    }
    // A thousand claims empty the pool; as many as there are claimants find nothing more.
    let left = Arc::new(AtomicUsize::new(1_000 + 64));
    let tasks: Vec<_> = claimants
        .into_iter()
        .map(|mut claimant| {
            let left = Arc::clone(&left);
            tokio::spawn(async move {
                let mut claims = Vec::new();
                let take = |left: usize| left.checked_sub(1);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                    claims.push(claimant.claim("bob").await);
                }
                claims
            })
        })
        .collect();
    let mut ids = Vec::new();
    for task in tasks {
        let claims = task.await.unwrap();
        ids.extend(claims.iter().flat_map(|claimed| verified("bob", claimed)));
    }
    assert_eq!(ids.len(), 1_064);
    let one_time: Vec<_> = ids.iter().filter_map(|ids| ids.one_time).collect();
    let kem: Vec<_> = ids.iter().filter(|ids| ids.kem_is_one_time).map(|ids| ids.kem).collect();
    for handed_out in [one_time, kem] {
        assert_eq!(handed_out.len(), 1_000);
        assert_eq!(handed_out.into_iter().collect::<BTreeSet<_>>().len(), 1_000);
    }
    // The rest are flagged: no X25519 one, and the KEM one is the last resort, which has the id 2.
    let last: Vec<_> = ids.iter().filter(|ids| !ids.kem_is_one_time).collect();
    assert_eq!(last.len(), 64);
    assert!(last.iter().all(|ids| ids.one_time.is_none() && ids.kem == 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_time_prekey_is_handed_out_once_also_when_it_is_published_again() {
    let mut here = Here::plain().await;
    let (mut alice, mut bob) = here.two().await;
    let mut keys = bob.one_time_keys();
    keys.one_time.truncate(3);
    keys.one_time_kem.truncate(3);
    let counts = bob.publish(&keys).await;
    assert_eq!((counts.one_time, counts.one_time_kem), (3, 3));
    let mut seen = BTreeSet::new();
    let mut claim = async |alice: &mut Device| {
        let ids = verified("bob", &alice.claim("bob").await).remove(0);
        (
            ids.one_time.is_some_and(|id| seen.insert(id)),
            ids.kem_is_one_time && seen.insert(ids.kem),
        )
    };
    assert_eq!(claim(&mut alice).await, (true, true));
    // Published again, the one that is gone does not come back.
    let counts = bob.publish(&keys).await;
    assert_eq!((counts.one_time, counts.one_time_kem), (2, 2));
    assert_eq!(claim(&mut alice).await, (true, true));
    here = here.restart().await;
    for device in [&mut alice, &mut bob] {
        device.move_to(&here.place);
    }
    assert_eq!(claim(&mut alice).await, (true, true));
    assert_eq!(claim(&mut alice).await, (false, false), "there were three");
    let counts = bob.publish(&keys).await;
    assert_eq!((counts.one_time, counts.one_time_kem), (0, 0));
    assert_eq!(claim(&mut alice).await, (false, false), "published once more");
    // New ones are above all before.
    let more = bob.one_time_keys();
    let counts = bob.publish(&more).await;
    assert_eq!((counts.one_time, counts.one_time_kem), (100, 100));
    assert_eq!(claim(&mut alice).await, (true, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_holds_a_thousand_of_a_kind_and_drops_the_oldest() {
    let here = Here::plain().await;
    let (mut alice, mut bob) = here.two().await;
    let mut all = PublishKeys::default();
    for _ in 0..11 {
        let keys = bob.one_time_keys();
        all.one_time.extend(keys.one_time);
        all.one_time_kem.extend(keys.one_time_kem);
    }
    let x25519 =
        |keys: &[Base64]| PublishKeys { one_time: keys.to_vec(), ..PublishKeys::default() };
    let kem =
        |keys: &[Base64]| PublishKeys { one_time_kem: keys.to_vec(), ..PublishKeys::default() };
    for too_many in [x25519(&all.one_time[..201]), kem(&all.one_time_kem[..201])] {
        bob.put("/v1/keys", &too_many).await.unwrap().refuses(Code::TooLarge);
    }
    for hundreds in 1..=5 {
        let (from, to) = ((hundreds - 1) * 200, hundreds * 200);
        let counts = bob.publish(&x25519(&all.one_time[from..to])).await;
        assert_eq!(counts.one_time as usize, to);
        let counts = bob.publish(&kem(&all.one_time_kem[from..to])).await;
        assert_eq!(counts.one_time_kem as usize, to);
    }
    assert_eq!(limit::PREKEYS_HELD, 1_000);
    assert_eq!(bob.publish(&x25519(&all.one_time[1_000..1_001])).await.one_time, 1_000);
    assert_eq!(bob.publish(&kem(&all.one_time_kem[1_000..1_002])).await.one_time_kem, 1_000);
    // The oldest went: the next in line is handed out.
    let ids = verified("bob", &alice.claim("bob").await).remove(0);
    assert_eq!(ids.one_time, Some(id_of(&all.one_time[1])));
    assert_eq!(ids.kem, id_of(&all.one_time_kem[2]));
}

fn id_of(prekey: &Base64) -> u32 {
    u32::from_be_bytes(prekey.0[..4].try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_account_claims_so_often_from_another() {
    let rate = Rate { burst: 3, per_hour: 3 };
    let here = Here::start(|limits| limits.claims_per_pair = rate).await;
    let (mut alice, mut bob) = here.two().await;
    let mut carol = here.device("carol").await;
    let keys = bob.one_time_keys();
    bob.publish(&keys).await;
    for _ in 0..3 {
        assert!(verified("bob", &alice.claim("bob").await)[0].kem_is_one_time);
    }
    let refused = alice.try_claim("bob").await.unwrap().refuses(Code::RateLimited);
    assert_eq!(refused.retry_after, Some(1_200));
    // It uses up nothing, and holds up no other pair.
    assert_eq!(
        bob.get("/v1/keys").await.unwrap().json::<sprag_api::directory::KeyCounts>().one_time,
        97
    );
    assert_eq!(alice.claim("carol").await.bundles.len(), 1);
    assert_eq!(carol.claim("bob").await.bundles.len(), 1);
    here.set_clock(1_200);
    assert_eq!(alice.claim("bob").await.bundles.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_so_many_claims_of_one_account_the_last_resort_serves() {
    let rate = Rate { burst: 3, per_hour: 3 };
    let here = Here::start(|limits| limits.claims_per_target = rate).await;
    let (mut alice, mut bob) = here.two().await;
    let mut carol = here.device("carol").await;
    let keys = bob.one_time_keys();
    bob.publish(&keys).await;
    for claimant in [&mut alice, &mut carol] {
        assert!(verified("bob", &claimant.claim("bob").await)[0].one_time.is_some());
    }
    assert!(verified("bob", &alice.claim("bob").await)[0].kem_is_one_time);
    for claimant in [&mut carol, &mut alice] {
        let ids = verified("bob", &claimant.claim("bob").await).remove(0);
        assert_eq!((ids.one_time, ids.kem, ids.kem_is_one_time), (None, 2, false));
    }
    // The pool is not touched meanwhile.
    assert_eq!(
        bob.get("/v1/keys").await.unwrap().json::<sprag_api::directory::KeyCounts>().one_time,
        97
    );
    here.set_clock(1_200);
    assert!(verified("bob", &carol.claim("bob").await)[0].one_time.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_hears_that_one_time_prekeys_run_out() {
    let here = Here::plain().await;
    let (mut alice, mut bob) = here.two().await;
    let mut keys = bob.one_time_keys();
    keys.one_time.truncate(26);
    bob.publish(&keys).await;
    let (mut socket, _) = bob.socket().await;
    assert_eq!(socket.drain().await.unwrap(), []);
    let low = |frame: &Frame| match frame {
        Frame::PrekeysLow(low) => Some(*low),
        _ => None,
    };
    // Twenty-five are left, and that is enough; the next claim leaves twenty-four.
    alice.claim("bob").await;
    alice.claim("bob").await;
    let first = socket.find(low).await.unwrap();
    assert_eq!(first, PreKeysLow { one_time: 24, kem: 98 });
    // Again with each further claim, to the last.
    for _ in 0..26 {
        alice.claim("bob").await;
    }
    while socket.find(low).await.unwrap() != (PreKeysLow { one_time: 0, kem: 72 }) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_takes_only_what_it_is_asked_for() {
    let here = Here::plain().await;
    let mut bob = stocked(&here, "bob", 2, 2).await;
    let mut alice = here.device("alice").await;
    alice.try_claim("nobody").await.unwrap().refuses(Code::NotFound);
    let nobody = Device::register(&here.place, "carol").await;
    let mut stranger = nobody;
    stranger.token = "AAAA".into();
    stranger.try_claim("bob").await.unwrap().refuses(Code::Unauthenticated);
    // The own device is left out; looking up uses up nothing.
    let ids = verified("bob", &bob[0].claim("bob").await);
    assert_eq!(ids.iter().map(|ids| ids.device).collect::<Vec<_>>(), [2]);
    alice.get("/v1/accounts/bob").await.unwrap().yes();
    let counts: sprag_api::directory::KeyCounts = bob[0].get("/v1/keys").await.unwrap().json();
    assert_eq!((counts.one_time, counts.one_time_kem), (200, 200));
    // A prekey of another device, or with a damaged signature, is not taken.
    let foreign = bob[1].one_time_keys();
    let publish = PublishKeys { one_time_kem: foreign.one_time_kem, ..PublishKeys::default() };
    bob[0].put("/v1/keys", &publish).await.unwrap().refuses(Code::BadSignature);
    let mut keys = bob[0].standing_keys();
    if let Some(signed) = &mut keys.signed {
        signed.0[107] ^= 1;
    }
    bob[0].put("/v1/keys", &keys).await.unwrap().refuses(Code::BadSignature);
}
