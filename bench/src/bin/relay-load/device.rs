//! Accounts with real keys, registered as any client registers.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use sprag_api::base64::Base64;
use sprag_api::directory::{Claimed, PublishKeys, Register, Session};
use sprag_api::login::Login;
use sprag_api::{limit, name};
use sprag_protocol::{
    AccountKeyPair, AccountName, Address, Device, DeviceId, DeviceList, Env, Left, LocalDevice,
    Purpose, Timestamp,
};

use crate::clock::seconds;
use crate::http::{Callers, Request};

/// How many registrations are on their way at once.
const AT_ONCE: usize = 64;

/// An account with its one device, logged in.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    token: String,
}

impl Account {
    /// An account of a server that knows none: the name is the token.
    pub(crate) fn unregistered(name: &str) -> Self {
        Self { name: name.to_owned(), token: name.to_owned() }
    }

    /// The subprotocols that carry the token.
    pub(crate) fn protocols(&self) -> String {
        format!("sprag.v1, token.{}", self.token)
    }

    /// The token, for a call.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }
}

/// Registers so many accounts, named by what they are for; with one-time prekeys or without.
pub(crate) fn register(
    address: SocketAddr,
    purpose: &str,
    count: usize,
    one_time: bool,
) -> Result<Vec<Account>> {
    let origin = name::Origin::new(format!("http://{address}"))?;
    // Reproducible: whoever could guess these keys finds nothing behind them.
    let mut rng = ChaCha20Rng::from_seed([7; 32]);
    let names: Vec<String> = (0..count).map(|index| format!("{purpose}-{index}")).collect();
    let requests = names.iter().map(|name| {
        let body = registration(name, &origin, one_time, &mut rng)?;
        Request::post(address, "/v1/accounts", None, Some(&body))
    });
    let requests = requests.collect::<Result<_>>()?;
    let mut callers = Callers::connect(address, AT_ONCE.min(count))?;
    let (sessions, _) = callers.call::<Session>(requests)?;
    let account =
        |(name, session): (String, Session)| Account { name, token: session.token.to_string() };
    Ok(names.into_iter().zip(sessions).map(account).collect())
}

fn registration(
    name: &str,
    origin: &name::Origin,
    one_time: bool,
    rng: &mut ChaCha20Rng,
) -> Result<Register> {
    let now = Timestamp::from_seconds(seconds());
    let account = AccountName::new(name)?;
    let account_key = AccountKeyPair::generate(rng);
    let address = Address { account: account.clone(), device: DeviceId::FIRST };
    let mut env = Env::new(now, rng);
    let mut device = LocalDevice::generate(address, account_key.public(), &mut env);
    let identity_key = device.identity().public();
    let listed = Device { id: DeviceId::FIRST, identity_key, created: now };
    let list = DeviceList::new(1, account, vec![listed])?.sign(&account_key);
    let mut keys = PublishKeys {
        signed: Some(device.signed_prekey().to_bytes().into()),
        last_resort: Some(device.last_resort().to_bytes().into()),
        ..PublishKeys::default()
    };
    if one_time {
        let more = device.replenish(Left { one_time: 0, kem: 0 }, &mut env)?;
        keys.one_time = more.one_time.iter().map(|prekey| prekey.to_bytes().into()).collect();
        keys.one_time_kem = more.kem.iter().map(|prekey| prekey.to_bytes().into()).collect();
    }
    let login = login(&device, name, origin, env.rng)?;
    Ok(Register {
        name: name::AccountName::new(name)?,
        account_key: account_key.public().as_bytes().to_vec().into(),
        device_list: list.to_bytes().into(),
        keys,
        login,
        invitation: None,
    })
}

fn login(
    device: &LocalDevice,
    name: &str,
    origin: &name::Origin,
    rng: &mut ChaCha20Rng,
) -> Result<Login> {
    let id = name::DeviceId::new(1).context("1 is a device")?;
    let address = name::Address { account: name::AccountName::new(name)?, device: id };
    let time = seconds();
    let mut nonce = [0; 16];
    rng.fill_bytes(&mut nonce);
    let body = Login::body(&address, origin, time, &nonce);
    let signature = device.identity().sign(Purpose::Login, &body);
    Ok(Login {
        origin: origin.clone(),
        time,
        nonce: nonce.to_vec().into(),
        signature: signature.0.to_vec().into(),
    })
}

/// How many one-time prekeys of each kind a registered account has published.
pub(crate) const ONE_TIME: usize = sprag_protocol::REFILL_TO;

/// The ids of the one-time prekeys in a claim's only bundle: X25519, then ML-KEM.
pub(crate) fn claimed(claimed: &Claimed) -> Result<[u32; 2]> {
    let [claimed] = claimed.bundles.as_slice() else {
        anyhow::bail!("a claim gives {} bundles", claimed.bundles.len());
    };
    ensure!(claimed.one_time && claimed.one_time_kem, "a claim gives no one-time prekeys");
    let Base64(bytes) = &claimed.bundle;
    let bundle = sprag_protocol::PreKeyBundle::from_bytes(bytes)?.verify()?;
    let one_time =
        bundle.get().one_time.as_ref().context("a bundle lacks what it is said to have")?;
    Ok([one_time.id.get(), bundle.get().kem.id])
}

/// The most prekeys of a kind that fit into a registration.
const _: () = assert!(ONE_TIME <= limit::PREKEYS_PER_UPLOAD);
