//! Accounts: registering, looking up, changing the device list, removing.

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use sprag_api::base64::Base64;
use sprag_api::device_list::{Device, DeviceList};
use sprag_api::directory::{Account, PutDevices, Register, Session};
use sprag_api::name::Address;
use sprag_api::problem::{Code, Problem};
use sprag_api::signature::VerifyKey;

use crate::app::{App, Shared};
use crate::auth::{self, Anyone, AuthedDevice, Caller, Token};
use crate::config::Registration;
use crate::error::Failure;
use crate::extract::{Json, NameInPath};
use crate::hub::Notice;
use crate::openapi::{AnyCall, WithBody, WithPath, WithToken};
use crate::storage::{Hash, NewAccount, RegisterRefusal, VersionConflict};
use crate::{keys, sessions, task};

/// Register an account with its first device.
///
/// Answers with a token for that device. The checks come in this order: whether registration is open,
/// how many came from this address, the body, the account key, the device list, the prekeys, the login,
/// the name and the invitation.
#[utoipa::path(
    post,
    path = "/v1/accounts",
    tag = "accounts",
    request_body = Register,
    responses(
        (status = 201, description = "Registered; the device is logged in", body = Session),
        (status = 403, description = "`registration-closed`, `invitation-invalid`, `bad-signature`, \
            `other-origin`, `clock-skew`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`name-taken`", body = Problem,
            content_type = "application/problem+json"),
        AnyCall, WithBody,
    ),
)]
pub(crate) async fn register(
    State(app): State<Shared>,
    _: Newcomer,
    Json(request): Json<Register>,
) -> Result<(StatusCode, Json<Session>), Failure> {
    let invitation = invitation(&app, request.invitation.as_deref())?;
    let now = app.clock.now();
    let key = account_key(&request.account_key)?;
    let list = DeviceList::verify(&request.device_list.0, &key)?;
    let device = first_device(&request, &list)?;
    let address = Address { account: request.name, device: device.id };
    if request.keys.signed.is_none() || request.keys.last_resort.is_none() {
        return Err(Failure::malformed("registering takes the keys `signed` and `last_resort`"));
    }
    let keys = keys::checked(request.keys, device.identity_key).await?;
    let nonce = sessions::verified(&app, &request.login, &address, &device.identity_key)?;
    let token = Token::random()?;
    let session = sessions::new(&token, nonce, now);
    let account =
        NewAccount { key: *key.as_bytes(), device_list: list, keys, invitation, session, now };
    match app.storage.register(account).await? {
        Ok(_) => {
            let token = token.into_base64();
            let session = Session { token, expires: session.expires, mark: 0 };
            Ok((StatusCode::CREATED, Json(session)))
        }
        Err(RegisterRefusal::NameTaken) => {
            Err(Failure::new(Code::NameTaken, "there is an account of this name: take another"))
        }
        Err(RegisterRefusal::InvitationInvalid) => Err(not_invited()),
    }
}

/// Somebody who may try to register, which is limited before anything of the body is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newcomer;

impl FromRequestParts<Shared> for Newcomer {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Failure> {
        let Anyone { from } = Anyone::from_request_parts(parts, app).await?;
        match app.config.registration {
            Registration::Open | Registration::Invitation => {
                app.limits.registration(from.0, app.clock.now())?;
                Ok(Self)
            }
            Registration::Closed => {
                Err(Failure::new(Code::RegistrationClosed, "nobody can register at this relay"))
            }
        }
    }
}

/// The hash of the invitation's code, where one is asked for.
fn invitation(app: &App, code: Option<&str>) -> Result<Option<Hash>, Failure> {
    match app.config.registration {
        Registration::Open | Registration::Closed => Ok(None),
        Registration::Invitation => {
            let code = code.ok_or_else(not_invited)?;
            Ok(Some(auth::hash(code.as_bytes())))
        }
    }
}

fn not_invited() -> Failure {
    Failure::new(
        Code::InvitationInvalid,
        "registering takes an invitation that is not used up and has not expired",
    )
}

fn account_key(key: &Base64) -> Result<VerifyKey, Failure> {
    let key = key.array().and_then(|key| VerifyKey::from_bytes(&key).ok());
    key.ok_or_else(|| {
        Failure::malformed("`account_key` is no Ed25519 public key (PROTOCOL.md, M-KEY-3)")
    })
}

/// The one device of an account's first list.
fn first_device(request: &Register, list: &DeviceList) -> Result<Device, Failure> {
    if list.account != request.name {
        return Err(Failure::malformed("the device list is of an account of another name"));
    }
    match list.devices.as_slice() {
        [device] if list.version == 1 => Ok(*device),
        _ => Err(Failure::malformed("the first device list has version 1 and one device")),
    }
}

/// Look up an account: its key and its signed device list.
///
/// Uses up nothing. A token is not needed; with one, the call counts for its account and not for the
/// address that it comes from.
#[utoipa::path(
    get,
    path = "/v1/accounts/{name}",
    tag = "accounts",
    params(("name" = sprag_api::name::AccountName, Path, description = "The account's name")),
    responses(
        (status = 200, description = "The account", body = Account),
        (status = 404, description = "`not-found`: no such account", body = Problem,
            content_type = "application/problem+json"),
        AnyCall, WithPath, WithToken,
    ),
    security((), ("token" = [])),
)]
pub(crate) async fn look_up(
    State(app): State<Shared>,
    _: Caller,
    NameInPath(name): NameInPath,
) -> Result<Json<Account>, Failure> {
    let record = app.storage.account(name.clone()).await?.ok_or_else(unknown)?;
    let account_key = Base64::from(record.key);
    Ok(Json(Account { name, account_key, device_list: Base64(record.device_list) }))
}

/// There is no such account.
pub(crate) fn unknown() -> Failure {
    Failure::new(Code::NotFound, "there is no account of this name")
}

/// Replace the own account's device list.
///
/// The new list is signed by the account key and its version is one above the current one. A device that
/// is not on it loses its mailbox, its keys and its tokens; the others are told over their sockets.
#[utoipa::path(
    put,
    path = "/v1/accounts/{name}/devices",
    tag = "accounts",
    params(("name" = sprag_api::name::AccountName, Path, description = "The own account's name")),
    request_body = PutDevices,
    responses(
        (status = 204, description = "Replaced"),
        (status = 403, description = "`forbidden`: another account's; `bad-signature`",
            body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`version-conflict`, with the current `device_list`",
            body = Problem, content_type = "application/problem+json"),
        AnyCall, WithBody, WithToken,
    ),
    security(("token" = [])),
)]
pub(crate) async fn replace_devices(
    State(app): State<Shared>,
    caller: AuthedDevice,
    NameInPath(name): NameInPath,
    Json(request): Json<PutDevices>,
) -> Result<StatusCode, Failure> {
    let address = &caller.bearer.device.address;
    if address.account != name {
        return Err(other_account());
    }
    let record = app.storage.account(name).await?.ok_or_else(Failure::unauthenticated)?;
    let key = VerifyKey::from_bytes(&record.key).map_err(|_| {
        tracing::error!("the storage holds an account key that is none");
        Failure::internal()
    })?;
    let list = DeviceList::verify(&request.device_list.0, &key)?;
    if list.account != address.account {
        return Err(Failure::malformed("the device list is of an account of another name"));
    }
    // Who is connected must hear of it, also where the caller does not wait for the answer.
    task::detached(async move {
        let signed = list.signed.clone();
        match app.storage.replace_devices(caller.bearer.device.account, list).await? {
            Ok(replaced) => {
                for device in replaced.removed {
                    app.hub.tell(device, Notice::Removed);
                }
                for device in replaced.kept {
                    app.hub.tell(device, Notice::DevicesChanged(signed.clone()));
                }
                Ok(StatusCode::NO_CONTENT)
            }
            Err(conflict) => Err(conflicts(conflict)),
        }
    })
    .await
}

fn conflicts(VersionConflict { current }: VersionConflict) -> Failure {
    let mut problem = Problem::new(
        Code::VersionConflict,
        "the version must be one above that of the current list, which comes with this",
    );
    problem.device_list = Some(Base64(current));
    problem.into()
}

fn other_account() -> Failure {
    Failure::new(Code::Forbidden, "a device changes its own account only")
}

/// Remove the own account, with its devices, keys, tokens, messages and blobs.
#[utoipa::path(
    delete,
    path = "/v1/accounts/{name}",
    tag = "accounts",
    params(("name" = sprag_api::name::AccountName, Path, description = "The own account's name")),
    responses(
        (status = 204, description = "Removed"),
        (status = 403, description = "`forbidden`: another account's", body = Problem,
            content_type = "application/problem+json"),
        AnyCall, WithPath, WithToken,
    ),
    security(("token" = [])),
)]
pub(crate) async fn remove(
    State(app): State<Shared>,
    caller: AuthedDevice,
    NameInPath(name): NameInPath,
) -> Result<StatusCode, Failure> {
    if caller.bearer.device.address.account != name {
        return Err(other_account());
    }
    task::detached(async move {
        for device in app.storage.remove_account(caller.bearer.device.account).await? {
            app.hub.tell(device, Notice::Removed);
        }
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
