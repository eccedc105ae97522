//! Prekeys: publishing, counting, claiming.

use axum::extract::State;
use sprag_api::base64::Base64;
use sprag_api::directory::{Claimed, ClaimedBundle, KeyCounts, PublishKeys};
use sprag_api::limit;
use sprag_api::name::{AccountName, Address};
use sprag_api::prekey::{self, OneTimePreKey, SignedPreKey};
use sprag_api::problem::{Code, Problem};
use sprag_api::signature::VerifyKey;

use crate::app::Shared;
use crate::auth::AuthedDevice;
use crate::error::Failure;
use crate::extract::{Json, NameInPath};
use crate::hub::Notice;
use crate::openapi::{AnyCall, WithBody, WithPath, WithToken};
use crate::storage::{Claim, ClaimedKeys, Keys};
use crate::{accounts, metrics, task};

/// Below how many one-time prekeys of a kind their owner is told.
const LOW_WATER: u32 = 25;

/// Publish prekeys of the own device.
///
/// What is left out stays as it is. One-time prekeys are added: at most 200 of a kind in one call, at most
/// 1,000 of a kind are held. Those whose ids are not above all published before are passed over.
#[utoipa::path(
    put,
    path = "/v1/keys",
    tag = "keys",
    request_body = PublishKeys,
    responses(
        (status = 200, description = "Published; how many one-time prekeys there are now",
            body = KeyCounts),
        (status = 403, description = "`bad-signature`: not signed by this device", body = Problem,
            content_type = "application/problem+json"),
        AnyCall, WithBody, WithToken,
    ),
    security(("token" = [])),
)]
pub(crate) async fn publish(
    State(app): State<Shared>,
    caller: AuthedDevice,
    Json(keys): Json<PublishKeys>,
) -> Result<Json<KeyCounts>, Failure> {
    let keys = checked(keys, caller.bearer.device.identity_key).await?;
    let counts = app.storage.publish(caller.bearer.device.mailbox, keys).await?;
    counts.map(Json).ok_or_else(Failure::unauthenticated)
}

/// Takes apart the prekeys of a device, and checks its signatures.
pub(crate) async fn checked(keys: PublishKeys, owner: VerifyKey) -> Result<Keys, Failure> {
    for kind in [&keys.one_time, &keys.one_time_kem] {
        if kind.len() > limit::PREKEYS_PER_UPLOAD {
            let detail = format!(
                "at most {} one-time prekeys of a kind in one call: publish the others in another",
                limit::PREKEYS_PER_UPLOAD
            );
            return Err(Failure::new(Code::TooLarge, detail));
        }
    }
    // Two hundred signatures take some milliseconds.
    task::computed(move || {
        let x25519 = |key: &Base64| SignedPreKey::x25519(&key.0, &owner);
        let kem = |key: &Base64| SignedPreKey::kem(&key.0, &owner);
        let one_time = |key: &Base64| OneTimePreKey::from_bytes(&key.0);
        Ok(Keys {
            signed: keys.signed.as_ref().map(x25519).transpose()?,
            last_resort: keys.last_resort.as_ref().map(kem).transpose()?,
            one_time: keys.one_time.iter().map(one_time).collect::<Result<_, _>>()?,
            one_time_kem: keys.one_time_kem.iter().map(kem).collect::<Result<_, _>>()?,
        })
    })
    .await
}

/// How many one-time prekeys of the own device are left.
#[utoipa::path(
    get,
    path = "/v1/keys",
    tag = "keys",
    responses(
        (status = 200, description = "How many are left", body = KeyCounts),
        AnyCall, WithToken,
    ),
    security(("token" = [])),
)]
pub(crate) async fn count(
    State(app): State<Shared>,
    caller: AuthedDevice,
) -> Result<Json<KeyCounts>, Failure> {
    Ok(Json(app.storage.key_counts(caller.bearer.device.mailbox).await?))
}

/// Claim a bundle for each device of an account.
///
/// Each one-time prekey is handed out once. Where one kind has run out, or where the account's keys are
/// claimed too fast, the last-resort KEM prekey serves and the X25519 one is left out; each bundle says
/// so. The own device is left out, as are devices that have not published keys.
#[utoipa::path(
    post,
    path = "/v1/keys/{name}/claim",
    tag = "keys",
    params(("name" = AccountName, Path, description = "Whose keys")),
    responses(
        (status = 200, description = "The bundles", body = Claimed),
        (status = 404, description = "`not-found`: no such account", body = Problem,
            content_type = "application/problem+json"),
        AnyCall, WithPath, WithToken,
    ),
    security(("token" = [])),
)]
pub(crate) async fn claim(
    State(app): State<Shared>,
    caller: AuthedDevice,
    NameInPath(name): NameInPath,
) -> Result<Json<Claimed>, Failure> {
    let now = app.clock.now();
    app.limits.pair_claim(caller.bearer.device.account, &name, now)?;
    let one_time = app.limits.target_claim(&name, now).is_ok();
    // The owners must hear of it, also where the caller does not wait for the answer.
    task::detached(async move {
        let claim = app.storage.claim(caller.bearer.device.mailbox, name.clone(), one_time).await?;
        let claim = claim.ok_or_else(accounts::unknown)?;
        for device in &claim.devices {
            metrics::claimed(device.kem_is_one_time);
            if device.left.one_time < LOW_WATER || device.left.one_time_kem < LOW_WATER {
                app.hub.tell(device.mailbox, Notice::PreKeysLow(device.left));
            }
        }
        Ok(Json(claimed(&name, claim)))
    })
    .await
}

/// What the claimant gets to see.
fn claimed(name: &AccountName, claim: Claim) -> Claimed {
    let key = claim.account.key;
    Claimed {
        account_key: Base64::from(key),
        device_list: Base64(claim.account.device_list),
        bundles: claim.devices.iter().map(|keys| bundle(name, &key, keys)).collect(),
    }
}

fn bundle(name: &AccountName, account_key: &[u8; 32], keys: &ClaimedKeys) -> ClaimedBundle {
    let address = Address { account: name.clone(), device: keys.device };
    let owner = (&address, account_key, &keys.identity_key);
    let one_time = keys.one_time.as_deref();
    ClaimedBundle {
        device: keys.device,
        bundle: Base64(prekey::bundle(owner, &keys.signed, &keys.kem, one_time)),
        one_time: one_time.is_some(),
        one_time_kem: keys.kem_is_one_time,
    }
}
