//! Accounts: who may register, what is taken, what a device list must be to replace another.

use hyper::Method;
use sprag_api::base64::Base64;
use sprag_api::directory::{Account as Shown, PublishKeys, PutDevices, Register};
use sprag_api::name::AccountName;
use sprag_api::problem::Code;
use sprag_relay::config::Registration;

use crate::here::Here;
use crate::mailboxes::with_two_devices;
use crate::support::device::{Account, Device};
use crate::support::http::{Answer, Body};

async fn register(device: &mut Device, request: &Register) -> Answer {
    device.http.call(Method::POST, "/v1/accounts", None, Body::json(request)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_taken_once() {
    let here = Here::plain().await;
    let mut alice = here.device("alice").await;
    let shown: Shown = alice.get("/v1/accounts/alice").await.unwrap().json();
    let account = Account::new("alice");
    let mut other = account.device(&here.place, 1);
    let answer = other.try_join(&account, other.standing_keys(), None).await.unwrap();
    answer.refuses(Code::NameTaken);
    assert_eq!(alice.get("/v1/accounts/alice").await.unwrap().json::<Shown>(), shown);
    alice.get("/v1/accounts/nobody").await.unwrap().refuses(Code::NotFound);
    alice.get("/v1/accounts/No%20body").await.unwrap().refuses(Code::Malformed);
    // Without a token, too.
    let answer = alice.http.call(Method::GET, "/v1/accounts/alice", None, Body::None).await;
    assert_eq!(answer.unwrap().json::<Shown>(), shown);
}

type Alter<'a> = Box<dyn Fn(&mut Register, &mut Device) + 'a>;

/// What is wrong with a registration of `account`, and the code that says so.
fn wrong<'a>(account: &'a Account, other: &'a Device) -> Vec<(Code, Alter<'a>)> {
    let foreign = Account::new("alice");
    vec![
        (Code::Malformed, Box::new(|r, _| r.account_key.0.truncate(31))),
        (Code::Malformed, Box::new(|r, _| r.account_key = Base64::from([0; 32]))),
        (Code::Malformed, Box::new(|r, _| r.name = AccountName::new("bob").unwrap())),
        (Code::Malformed, Box::new(|r, _| r.device_list.0.truncate(100))),
        (Code::Malformed, Box::new(|r, d| r.device_list = account.list(2, &[&d.local]))),
        (
            Code::Malformed,
            Box::new(|r, d| r.device_list = account.list(1, &[&d.local, &other.local])),
        ),
        (Code::BadSignature, Box::new(move |r, d| r.device_list = foreign.list(1, &[&d.local]))),
        (Code::Malformed, Box::new(|r, _| r.keys.signed = None)),
        (Code::Malformed, Box::new(|r, _| r.keys.last_resort = None)),
        (Code::Malformed, Box::new(|r, _| r.keys = PublishKeys::default())),
        (Code::BadSignature, Box::new(|r, _| r.keys = other.standing_keys())),
        (Code::BadSignature, Box::new(|r, _| r.login.nonce.0[0] ^= 1)),
        (
            Code::OtherOrigin,
            Box::new(|r, d| r.login = d.sign_login_for("https://other.example", d.place.now())),
        ),
        (
            Code::ClockSkew,
            Box::new(|r, d| {
                r.login = d.sign_login_for(&d.place.origin.clone(), d.place.now() + 301);
            }),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_is_all_of_one_piece() {
    let here = Here::plain().await;
    let account = Account::new("alice");
    let mut device = account.device(&here.place, 1);
    let other = account.device(&here.place, 2);
    let right = |device: &mut Device| Register {
        name: AccountName::new("alice").unwrap(),
        account_key: Base64::from(*account.keys.public().as_bytes()),
        device_list: account.list(1, &[&device.local]),
        keys: device.standing_keys(),
        login: device.sign_login(),
        invitation: None,
    };
    for (number, (code, alter)) in wrong(&account, &other).iter().enumerate() {
        let mut request = right(&mut device);
        alter(&mut request, &mut device);
        let problem = register(&mut device, &request).await.problem();
        assert_eq!(problem.code, *code, "number {number}: {problem:?}");
    }
    let answer = device.http.call(Method::GET, "/v1/accounts/alice", None, Body::None).await;
    answer.unwrap().refuses(Code::NotFound);
    let request = right(&mut device);
    register(&mut device, &request).await.yes();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_relay_registers_nobody() {
    let here = Here::configured(|config| config.registration = Registration::Closed).await;
    let account = Account::new("alice");
    let mut device = account.device(&here.place, 1);
    let answer = device.try_join(&account, device.standing_keys(), None).await.unwrap();
    answer.refuses(Code::RegistrationClosed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_by_invitation_registers_nobody_without() {
    let here = Here::configured(|config| config.registration = Registration::Invitation).await;
    let account = Account::new("alice");
    let mut device = account.device(&here.place, 1);
    for invitation in [None, Some(String::new()), Some("guess".into())] {
        let answer = device.try_join(&account, device.standing_keys(), invitation).await.unwrap();
        answer.refuses(Code::InvitationInvalid);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_list_is_replaced_by_the_next_that_the_account_key_signed() {
    let here = Here::plain().await;
    let (account, mut first, second, current) = with_two_devices(&here, "bob").await;
    let mut alice = here.device("alice").await;
    let path = "/v1/accounts/bob/devices";
    let put = |list: Base64| PutDevices { device_list: list };
    let both = [&first.local, &second.local];
    let mut damaged = account.list(3, &both);
    damaged.0[8] ^= 1;
    let mut unsigned = account.list(3, &both);
    *unsigned.0.last_mut().unwrap() ^= 1;
    let foreign = Account::new("bob").list(3, &both);
    let of_another = Account { name: "carol".into(), ..account }.list(3, &[&second.local]);
    for (list, code) in [
        (damaged, Code::Malformed),
        (unsigned, Code::BadSignature),
        (foreign, Code::BadSignature),
        (of_another, Code::Malformed),
    ] {
        first.put(path, &put(list)).await.unwrap().refuses(code);
    }
    alice.put(path, &put(Base64(current.clone()))).await.unwrap().refuses(Code::Forbidden);
    alice.put("/v1/accounts/alice/devices", &put(Base64(current))).await.unwrap().problem();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_one_higher() {
    let here = Here::plain().await;
    let (account, mut first, second, current) = with_two_devices(&here, "bob").await;
    let path = "/v1/accounts/bob/devices";
    let both = [&first.local, &second.local];
    // Lower, the same, one too high.
    let lists: Vec<_> = [1, 2, 4].map(|version| account.list(version, &both)).into();
    let next = account.list(3, &both);
    for list in lists {
        let answer = first.put(path, &PutDevices { device_list: list }).await.unwrap();
        let problem = answer.refuses(Code::VersionConflict);
        assert_eq!(problem.device_list, Some(Base64(current.clone())));
    }
    first.put(path, &PutDevices { device_list: next.clone() }).await.unwrap().yes();
    let shown: Shown = first.get("/v1/accounts/bob").await.unwrap().json();
    assert_eq!(shown.device_list, next);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_removed_leaves_nothing() {
    let here = Here::plain().await;
    let (mut alice, mut bob) = here.two().await;
    let keys = bob.one_time_keys();
    bob.publish(&keys).await;
    alice.post_message(1, "bob", &[1], b"gone").await.unwrap().yes();
    let (mut socket, _) = bob.socket().await;
    assert_eq!(socket.drain().await.unwrap().len(), 1);
    alice
        .call(Method::DELETE, "/v1/accounts/bob", Body::None)
        .await
        .unwrap()
        .refuses(Code::Forbidden);
    bob.call(Method::DELETE, "/v1/accounts/bob", Body::None).await.unwrap().yes();
    assert_eq!(socket.closing().await.unwrap().code, Code::Unauthenticated.as_str());
    bob.get("/v1/keys").await.unwrap().refuses(Code::Unauthenticated);
    alice.get("/v1/accounts/bob").await.unwrap().refuses(Code::NotFound);
    alice.try_claim("bob").await.unwrap().refuses(Code::NotFound);
    alice.post_message(2, "bob", &[1], b"no").await.unwrap().refuses(Code::NotFound);
    // Whoever takes the name gets nothing of what was there.
    let mut newcomer = here.device("bob").await;
    assert_eq!(newcomer.waiting().await.envelopes, []);
    let counts: sprag_api::directory::KeyCounts = newcomer.get("/v1/keys").await.unwrap().json();
    assert_eq!((counts.one_time, counts.one_time_kem), (0, 0));
    let bundles = alice.claim("bob").await.bundles;
    assert!(bundles.iter().all(|bundle| !bundle.one_time && !bundle.one_time_kem));
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_methods_that_do_not_exist_are_problems_too() {
    let here = Here::plain().await;
    let mut alice = here.device("alice").await;
    alice.get("/v1/nothing").await.unwrap().refuses(Code::NotFound);
    alice.get("/v2/keys").await.unwrap().refuses(Code::NotFound);
    let answer = alice.call(Method::PATCH, "/v1/keys", Body::None).await.unwrap();
    answer.refuses(Code::MethodNotAllowed);
    assert!(answer.headers.contains_key("Allow"));
    let answer = alice.call(Method::PUT, "/v1/keys", Body::Octets("{}".into())).await.unwrap();
    answer.refuses(Code::UnsupportedMediaType);
    for json in ["", "{", "[]", "null", "{\"unknown\": 1}", "{\"one_time\": [1]}", "{} {}"] {
        let answer = alice.call(Method::PUT, "/v1/keys", Body::Json(json.into())).await.unwrap();
        answer.refuses(Code::Malformed);
    }
}
