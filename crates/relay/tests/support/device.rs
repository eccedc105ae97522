//! A device with its keys, as it registers, logs in, publishes and claims.

use std::sync::atomic::{AtomicU64, Ordering};

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use hyper::Method;
use serde::Serialize;
use sprag_api::base64::Base64;
use sprag_api::directory::{Claimed, KeyCounts, OpenSession, PublishKeys, Register, Session};
use sprag_api::frame::{Hello, Welcome};
use sprag_api::login::Login;
use sprag_api::mailbox::{MessagePart, SendMessage, Waiting};
use sprag_api::name;
use sprag_protocol::{
    AccountKeyPair, AccountName, Address, Device as Listed, DeviceId, DeviceList, Env, Left,
    LocalDevice, OneTimeUpload, Purpose, Timestamp,
};

use super::http::{Answer, Body, Http};
use super::socket::Socket;
use super::{Lost, Place};

/// An account: its name, and the key that signs its device list.
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) keys: AccountKeyPair,
}

impl Account {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.into(), keys: AccountKeyPair::generate(&mut rng()) }
    }

    /// Its signed list of these devices.
    pub(crate) fn list(&self, version: u64, devices: &[&LocalDevice]) -> Base64 {
        let listed = devices.iter().map(|device| Listed {
            id: device.public().address.device,
            identity_key: device.public().identity_key,
            created: Timestamp::from_seconds(1_800_000_000),
        });
        let name = AccountName::new(&self.name).unwrap();
        let list = DeviceList::new(version, name, listed.collect()).unwrap();
        list.sign(&self.keys).to_bytes().into()
    }

    /// A new device of it, which no relay knows.
    pub(crate) fn device(&self, place: &Place, id: u32) -> Device {
        let mut rng = rng();
        let address = Address {
            account: AccountName::new(&self.name).unwrap(),
            device: DeviceId::new(id).unwrap(),
        };
        let mut env = Env::new(Timestamp::from_seconds(place.now()), &mut rng);
        let local = LocalDevice::generate(address, self.keys.public(), &mut env);
        Device {
            place: place.clone(),
            local,
            rng,
            http: Http::to(place),
            token: String::new(),
            login: None,
            number: 0,
        }
    }
}

/// Randomness that differs from device to device, and not from run to run of one test alone.
fn rng() -> ChaCha20Rng {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    ChaCha20Rng::seed_from_u64(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A device, and its connection to the relay.
pub(crate) struct Device {
    pub(crate) place: Place,
    pub(crate) local: LocalDevice,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) http: Http,
    pub(crate) token: String,
    /// The login that it signed last.
    pub(crate) login: Option<Login>,
    /// The highest number that it has given to a send.
    pub(crate) number: u64,
}

impl Device {
    /// A new account with this device, registered, with no one-time prekeys.
    pub(crate) async fn register(place: &Place, name: &str) -> Self {
        let account = Account::new(name);
        let mut device = account.device(place, 1);
        device.join(&account).await;
        device
    }

    /// Registers the account with this as its first device.
    pub(crate) async fn join(&mut self, account: &Account) {
        let answer = self.try_join(account, self.standing_keys(), None).await.unwrap();
        self.take(&answer.json());
    }

    pub(crate) async fn try_join(
        &mut self,
        account: &Account,
        keys: PublishKeys,
        invitation: Option<String>,
    ) -> Result<Answer, Lost> {
        let register = Register {
            name: name::AccountName::new(account.name.as_str())?,
            account_key: Base64::from(*account.keys.public().as_bytes()),
            device_list: account.list(1, &[&self.local]),
            keys,
            login: self.sign_login(),
            invitation,
        };
        self.http.call(Method::POST, "/v1/accounts", None, Body::json(&register)).await
    }

    pub(crate) fn name(&self) -> &str {
        self.local.public().address.account.as_str()
    }

    pub(crate) fn id(&self) -> u32 {
        self.local.public().address.device.get()
    }

    pub(crate) fn address(&self) -> name::Address {
        name::Address {
            account: name::AccountName::new(self.name()).unwrap(),
            device: name::DeviceId::new(self.id()).unwrap(),
        }
    }

    /// A login for the relay that this device knows, now.
    pub(crate) fn sign_login(&mut self) -> Login {
        self.sign_login_for(&self.place.origin.clone(), self.place.now())
    }

    pub(crate) fn sign_login_for(&mut self, origin: &str, time: u64) -> Login {
        let origin = name::Origin::new(origin).unwrap();
        let mut nonce = [0; 16];
        self.rng.fill_bytes(&mut nonce);
        let body = Login::body(&self.address(), &origin, time, &nonce);
        let signature = self.local.identity().sign(Purpose::Login, &body);
        let login = Login { origin, time, nonce: nonce.into(), signature: signature.0.into() };
        self.login.insert(login).clone()
    }

    /// Logs in; gives the mark.
    pub(crate) async fn login(&mut self) -> u64 {
        let login = self.sign_login();
        let session: Session = self.try_login(login).await.unwrap().json();
        self.take(&session);
        session.mark
    }

    pub(crate) async fn try_login(&mut self, login: Login) -> Result<Answer, Lost> {
        let name::Address { account, device } = self.address();
        let request = OpenSession { name: account, device, login };
        self.http.call(Method::POST, "/v1/sessions", None, Body::json(&request)).await
    }

    fn take(&mut self, session: &Session) {
        self.token = session.token.to_string();
    }

    /// A call with this device's token.
    pub(crate) async fn call(
        &mut self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Answer, Lost> {
        self.http.call(method, path, Some(&self.token), body).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Answer, Lost> {
        self.call(Method::GET, path, Body::None).await
    }

    pub(crate) async fn put(&mut self, path: &str, body: &impl Serialize) -> Result<Answer, Lost> {
        self.call(Method::PUT, path, Body::json(body)).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &impl Serialize) -> Result<Answer, Lost> {
        self.call(Method::POST, path, Body::json(body)).await
    }

    /// The signed and the last-resort prekey.
    pub(crate) fn standing_keys(&self) -> PublishKeys {
        PublishKeys {
            signed: Some(self.local.signed_prekey().to_bytes().into()),
            last_resort: Some(self.local.last_resort().to_bytes().into()),
            ..PublishKeys::default()
        }
    }

    /// One hundred new one-time prekeys of each kind.
    pub(crate) fn one_time_keys(&mut self) -> PublishKeys {
        let mut env = Env::new(Timestamp::from_seconds(self.place.now()), &mut self.rng);
        let none = Left { one_time: 0, kem: 0 };
        let OneTimeUpload { one_time, kem } = self.local.replenish(none, &mut env).unwrap();
        PublishKeys {
            one_time: one_time.iter().map(|key| key.to_bytes().into()).collect(),
            one_time_kem: kem.iter().map(|key| key.to_bytes().into()).collect(),
            ..PublishKeys::default()
        }
    }

    pub(crate) async fn publish(&mut self, keys: &PublishKeys) -> KeyCounts {
        self.put("/v1/keys", keys).await.unwrap().json()
    }

    pub(crate) async fn claim(&mut self, whose: &str) -> Claimed {
        self.try_claim(whose).await.unwrap().json()
    }

    pub(crate) async fn try_claim(&mut self, whose: &str) -> Result<Answer, Lost> {
        self.call(Method::POST, &format!("/v1/keys/{whose}/claim"), Body::None).await
    }

    /// Goes on at the relay as it is after a restart.
    pub(crate) fn move_to(&mut self, place: &Place) {
        self.place = place.clone();
        self.http = Http::to(place);
    }

    /// The next number for a send.
    pub(crate) fn next(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// Sends over plain HTTP, the same bytes to each of these devices.
    pub(crate) async fn post_message(
        &mut self,
        number: u64,
        to: &str,
        devices: &[u32],
        text: &[u8],
    ) -> Result<Answer, Lost> {
        let part = |device: &u32| MessagePart {
            device: name::DeviceId::new(*device).unwrap(),
            ciphertext: text.into(),
        };
        let message = SendMessage { number, parts: devices.iter().map(part).collect() };
        self.post(&format!("/v1/messages/{to}"), &message).await
    }

    /// What waits in the own mailbox.
    pub(crate) async fn waiting(&mut self) -> Waiting {
        self.get("/v1/messages").await.unwrap().json()
    }

    /// A connection that receives.
    pub(crate) async fn socket(&self) -> (Socket, Welcome) {
        self.hello(Hello { counter: self.number, send_only: false }).await.unwrap()
    }

    /// A connection that only sends.
    pub(crate) async fn send_only(&self) -> Socket {
        self.send_only_or_lost().await.unwrap()
    }

    pub(crate) async fn send_only_or_lost(&self) -> Result<Socket, Lost> {
        let hello = Hello { counter: self.number, send_only: true };
        self.hello(hello).await.map(|(socket, _)| socket)
    }

    pub(crate) async fn hello(&self, hello: Hello) -> Result<(Socket, Welcome), Lost> {
        Socket::open(&self.place, &self.token, hello).await
    }
}
