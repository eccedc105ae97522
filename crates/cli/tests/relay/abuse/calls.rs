//! Calls over HTTP that must not succeed, or not so often.

use hyper::Method;
use sprag_api::base64::Base64;
use sprag_api::directory::{KeyCounts, PutDevices};
use sprag_api::limit;
use sprag_api::name::Origin;

use super::{Abuser, Tally};
use crate::process::ORIGIN;
use crate::support::device::{Account, Device};
use crate::support::http::{Answer, Body, Http};

/// What an answer says, in one word.
fn word(answer: &Answer) -> String {
    if answer.status.is_success() {
        answer.status.as_str().into()
    } else {
        answer.problem().code.as_str().into()
    }
}

/// Bodies that are too long, of another type, no JSON; paths and methods that there are not; guessed
/// tokens.
pub(super) async fn malformed_calls(mut abuser: Abuser) -> Tally {
    let mut mallory = Device::register(&abuser.place, "prober").await;
    let token = mallory.token.clone();
    let mut tally = Tally::default();
    for round in 0_u32.. {
        if !abuser.goes_on().await && round >= 300 {
            break;
        }
        if round % 6 == 1 {
            // The connection ends with the body that was too long.
            mallory.http = Http::to(&abuser.place);
        }
        let guess = Base64::from([u8::try_from(round % 251).unwrap(); 32]).to_string();
        let (method, path, token, body, documented) = match round % 6 {
            0 => (
                Method::POST,
                "/v1/messages/prober",
                &token,
                Body::Json(vec![b' '; limit::FRAME_LEN + 1]),
                "too-large",
            ),
            1 => (
                Method::PUT,
                "/v1/keys",
                &token,
                Body::Json(b"{\"one_time\":".to_vec()),
                "malformed",
            ),
            2 => (
                Method::PUT,
                "/v1/keys",
                &token,
                Body::Octets(b"{}".as_slice().into()),
                "unsupported-media-type",
            ),
            3 => (Method::GET, "/v1/../../etc/passwd", &token, Body::None, "not-found"),
            4 => (Method::DELETE, "/v1/keys", &token, Body::None, "method-not-allowed"),
            _ => (Method::GET, "/v1/messages", &guess, Body::None, "unauthenticated"),
        };
        match mallory.http.call(method, path, Some(token), body).await {
            Ok(answer) => tally.count(&word(&answer), &[documented, "rate-limited"]),
            // The relay does not read to the end what is too long.
            Err(lost) => {
                assert_eq!(documented, "too-large", "{lost}");
                tally.count("closed", &["closed"]);
            }
        }
    }
    tally
}

/// All prekeys of somebody, by several accounts.
pub(super) async fn drained_prekeys(mut abuser: Abuser) -> Tally {
    let mut victim = Device::register(&abuser.place, "victim").await;
    for _ in 0..2 {
        let keys = victim.one_time_keys();
        victim.publish(&keys).await;
    }
    let mut tally = Tally::default();
    let mut drainers = Vec::new();
    for number in 0..9 {
        let mut drainer = Device::register(&abuser.place, &format!("drainer-{number}")).await;
        let claimed = drainer.claim("alice").await;
        assert_eq!(claimed.bundles.len(), 1, "others' keys are not held back");
        drainers.push(drainer);
    }
    for round in 0.. {
        if !abuser.goes_on().await && round >= 40 {
            break;
        }
        for drainer in &mut drainers {
            let answer = drainer.try_claim("victim").await.unwrap();
            tally.count(&word(&answer), &["200", "rate-limited"]);
        }
    }
    let left: KeyCounts = victim.get("/v1/keys").await.unwrap().json();
    assert!(tally.of("rate-limited") > 0 && left.one_time >= 100, "{tally:?} {left:?}");
    tally
}

/// Logins and tokens of another relay, and logins that were seen before.
pub(super) async fn wrong_logins(mut abuser: Abuser) -> Tally {
    let place = abuser.place.clone();
    let mut eve = Device::register(&place, "eve").await;
    let mut tally = Tally::default();
    let seen = eve.login.clone().unwrap();
    for round in 0_u32.. {
        if !abuser.goes_on().await && round >= 100 {
            break;
        }
        let (login, documented) = match round % 4 {
            0 => (eve.sign_login_for("https://other.example", place.now()), "other-origin"),
            1 => {
                // One that was signed for another relay, renamed.
                let mut login = eve.sign_login_for("https://other.example", place.now());
                login.origin = Origin::new(ORIGIN).unwrap();
                (login, "bad-signature")
            }
            2 => (seen.clone(), "login-replayed"),
            _ => (eve.sign_login_for(ORIGIN, place.now() - 301), "clock-skew"),
        };
        let answer = eve.try_login(login).await.unwrap();
        tally.count(&word(&answer), &[documented, "rate-limited"]);
        let token = Base64::from([u8::try_from(round % 251).unwrap(); 32]).to_string();
        let answer = eve.http.call(Method::GET, "/v1/keys", Some(&token), Body::None).await;
        tally.count(&word(&answer.unwrap()), &["unauthenticated", "rate-limited"]);
    }
    // The token that the relay gave goes on.
    eve.get("/v1/keys").await.unwrap().yes();
    tally
}

/// Device lists of lower versions, and such as the account key did not sign.
pub(super) async fn wrong_lists(mut abuser: Abuser) -> Tally {
    let account = Account::new("oscar");
    let mut oscar = account.device(&abuser.place, 1);
    oscar.join(&account).await;
    let path = "/v1/accounts/oscar/devices";
    for version in 2..=3 {
        let put = PutDevices { device_list: account.list(version, &[&oscar.local]) };
        oscar.put(path, &put).await.unwrap().yes();
    }
    let foreign = Account::new("oscar");
    let mut tally = Tally::default();
    for round in 0.. {
        if !abuser.goes_on().await && round >= 150 {
            break;
        }
        let (device_list, documented) = match round % 3 {
            0 => (account.list(1 + round % 2, &[&oscar.local]), "version-conflict"),
            1 => (foreign.list(4, &[&oscar.local]), "bad-signature"),
            _ => (account.list(3, &[&oscar.local]), "version-conflict"),
        };
        let answer = oscar.put(path, &PutDevices { device_list }).await.unwrap();
        tally.count(&word(&answer), &[documented, "rate-limited"]);
    }
    tally
}
