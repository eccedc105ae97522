//! Accounts, logins and prekeys (docs/API.md, sections 3 to 5).

use sprag_api::base64::Base64;
use sprag_api::device_list::{DeviceList, InvalidList};
use sprag_api::directory::{self, Claimed, ClaimedBundle, KeyCounts, PublishKeys};
use sprag_api::frame::{self, from_relay::Frame};
use sprag_api::limit;
use sprag_api::login::{Login, LoginRefusal};
use sprag_api::name::{AccountName, Address, DeviceId};
use sprag_api::prekey::{self, OneTimePreKey, SignedPreKey};
use sprag_api::problem::{Code, Problem};
use sprag_api::signature::VerifyKey;
use sprag_client::{Answer, Call};

use super::{Account, Mailbox, Relay, Token, Who, problem};

impl Relay {
    pub(crate) fn register(
        &mut self,
        request: &directory::Register,
        now: u64,
    ) -> Result<Token, Problem> {
        let key = request.account_key.array().ok_or_else(|| problem(Code::Malformed))?;
        let list = verified(&request.device_list.0, &key)?;
        let [device] = list.devices[..] else { return Err(problem(Code::Malformed)) };
        if list.version != 1 || list.account != request.name {
            return Err(problem(Code::Malformed));
        }
        let mut mailbox = Mailbox::new(*device.identity_key.as_bytes());
        publish(&mut mailbox, &request.keys)?;
        if !mailbox.takes_part() {
            return Err(problem(Code::Malformed));
        }
        let address = Address { account: request.name.clone(), device: device.id };
        self.verify_login(&request.login, &address, &device.identity_key, now)?;
        let name = request.name.as_str().to_owned();
        if self.accounts.contains_key(&name) {
            return Err(problem(Code::NameTaken));
        }
        let token = Token {
            who: (name.clone(), device.id.get()),
            identity: mailbox.identity,
            expires: now + limit::TOKEN_LIFETIME,
        };
        let account = Account {
            key,
            list: list.signed,
            version: 1,
            devices: [(device.id.get(), mailbox)].into(),
        };
        self.accounts.insert(name, account);
        Ok(token)
    }

    pub(crate) fn login(
        &mut self,
        request: &directory::OpenSession,
        now: u64,
    ) -> Result<Token, Problem> {
        let who = (request.name.as_str().to_owned(), request.device.get());
        let identity = self.mailbox(&who).ok_or_else(|| problem(Code::BadSignature))?.identity;
        let key = VerifyKey::from_bytes(&identity).unwrap();
        let address = Address { account: request.name.clone(), device: request.device };
        self.verify_login(&request.login, &address, &key, now)?;
        Ok(Token { who, identity, expires: now + limit::TOKEN_LIFETIME })
    }

    fn verify_login(
        &self,
        login: &Login,
        address: &Address,
        key: &VerifyKey,
        now: u64,
    ) -> Result<(), Problem> {
        let refusal = match login.verify(address, key, &self.origin, now) {
            Ok(_nonce) => return Ok(()),
            Err(refusal) => refusal,
        };
        Err(problem(match refusal {
            LoginRefusal::Malformed => Code::Malformed,
            LoginRefusal::OtherOrigin => Code::OtherOrigin,
            LoginRefusal::ClockSkew => Code::ClockSkew,
            LoginRefusal::BadSignature => Code::BadSignature,
        }))
    }

    /// A call over HTTP; only a lookup may come without a token.
    pub(crate) fn call(
        &mut self,
        token: Option<&Token>,
        call: &Call,
        now: u64,
    ) -> Result<Answer, Problem> {
        if let Call::Lookup(name) = call {
            return self.look_up(name.as_str()).map(Answer::Account);
        }
        let token = token.ok_or_else(|| problem(Code::Unauthenticated))?;
        self.check(token, now)?;
        match call {
            Call::Lookup(_) => Err(problem(Code::Internal)),
            Call::Claim(name) => self.claim(name.as_str(), &token.who).map(Answer::Claimed),
            Call::Publish(keys) => {
                let mailbox = self.mailbox(&token.who).unwrap();
                publish(mailbox, keys)?;
                Ok(Answer::Counts(mailbox.counts()))
            }
            Call::CountKeys => Ok(Answer::Counts(self.mailbox(&token.who).unwrap().counts())),
            Call::PutDevices(put) => {
                self.put_devices(&token.who.0, &put.device_list.0).map(|()| Answer::Done)
            }
        }
    }

    fn shown(&self, name: &str) -> Result<(Base64, Base64), Problem> {
        if let Some((key, list)) = self.hostile.shows.get(name) {
            return Ok((key.clone().into(), list.clone().into()));
        }
        let account = self.accounts.get(name).ok_or_else(|| problem(Code::NotFound))?;
        Ok((account.key.to_vec().into(), account.list.clone().into()))
    }

    pub(crate) fn look_up(&self, name: &str) -> Result<directory::Account, Problem> {
        let (account_key, device_list) = self.shown(name)?;
        Ok(directory::Account { name: AccountName::new(name).unwrap(), account_key, device_list })
    }

    fn claim(&mut self, name: &str, by: &Who) -> Result<Claimed, Problem> {
        let (account_key, device_list) = self.shown(name)?;
        let keep = self.hostile.reuses_prekeys;
        let account = self.accounts.get_mut(name).ok_or_else(|| problem(Code::NotFound))?;
        let key = account.key;
        let mut bundles = Vec::new();
        let mut low = Vec::new();
        for (device, mailbox) in &mut account.devices {
            if !mailbox.takes_part() || (name, *device) == (by.0.as_str(), by.1) {
                continue;
            }
            let address = Address {
                account: AccountName::new(name).unwrap(),
                device: DeviceId::new(*device).unwrap(),
            };
            bundles.push(mailbox.bundle(&address, &key, keep));
            let counts = mailbox.counts();
            if counts.one_time < 25 || counts.one_time_kem < 25 {
                low.push(((name.to_owned(), *device), counts));
            }
        }
        for (who, counts) in low {
            if let Some(id) = self.receiving(&who) {
                let (one_time, kem) = (counts.one_time, counts.one_time_kem);
                self.out.push_back((id, Frame::PrekeysLow(frame::PreKeysLow { one_time, kem })));
            }
        }
        Ok(Claimed { account_key, device_list, bundles })
    }

    /// Replaces a device list. Who is not on it any more is gone with all that was his.
    pub(crate) fn put_devices(&mut self, name: &str, signed: &[u8]) -> Result<(), Problem> {
        let account = self.accounts.get_mut(name).ok_or_else(|| problem(Code::NotFound))?;
        let list = verified(signed, &account.key)?;
        if list.account.as_str() != name {
            return Err(problem(Code::Malformed));
        }
        if list.version != account.version + 1 {
            let mut problem = problem(Code::VersionConflict);
            problem.device_list = Some(account.list.clone().into());
            return Err(problem);
        }
        let mut before = std::mem::take(&mut account.devices);
        for device in &list.devices {
            let identity = *device.identity_key.as_bytes();
            let kept = before.remove(&device.id.get()).filter(|kept| kept.identity == identity);
            account.devices.insert(device.id.get(), kept.unwrap_or_else(|| Mailbox::new(identity)));
        }
        (account.version, account.list) = (list.version, list.signed);
        self.tell_devices(name);
        Ok(())
    }

    /// The account goes with everything that was its own.
    pub(crate) fn remove_account(&mut self, name: &str) {
        self.accounts.remove(name);
        self.tell_devices(name);
    }

    fn tell_devices(&mut self, name: &str) {
        let of_account = self.connections.iter().filter(|(_, c)| c.token.who.0 == name);
        let ids: Vec<u64> = of_account.map(|(id, _)| *id).collect();
        for id in ids {
            let Some(connection) = self.connections.get(&id) else { continue };
            let account = self.accounts.get(name);
            let device = account.and_then(|a| a.devices.get(&connection.token.who.1));
            match (account, device) {
                (Some(account), Some(device)) if device.identity == connection.token.identity => {
                    let device_list = account.list.clone().into();
                    let changed = frame::DevicesChanged { device_list };
                    self.out.push_back((id, Frame::DevicesChanged(changed)));
                }
                _ => self.dismiss(id, Code::Unauthenticated),
            }
        }
    }
}

impl Mailbox {
    fn counts(&self) -> KeyCounts {
        let count = |keys: &super::OneTime| keys.keys.len().try_into().unwrap();
        KeyCounts { one_time: count(&self.one_time), one_time_kem: count(&self.one_time_kem) }
    }

    fn bundle(&mut self, address: &Address, account_key: &[u8; 32], keep: bool) -> ClaimedBundle {
        let one_time = self.one_time.hand_out(keep);
        let kem = self.one_time_kem.hand_out(keep);
        let one_time_kem = kem.is_some();
        let signed = self.signed.clone().unwrap();
        let kem = kem.or_else(|| self.last_resort.clone()).unwrap();
        let owner = (address, account_key, &self.identity);
        let bundle = prekey::bundle(owner, &signed, &kem, one_time.as_deref());
        ClaimedBundle {
            device: address.device,
            bundle: bundle.into(),
            one_time: one_time.is_some(),
            one_time_kem,
        }
    }
}

fn verified(signed: &[u8], key: &[u8; 32]) -> Result<DeviceList, Problem> {
    let key = VerifyKey::from_bytes(key).map_err(|_| problem(Code::Malformed))?;
    DeviceList::verify(signed, &key).map_err(|invalid| match invalid {
        InvalidList::Malformed => problem(Code::Malformed),
        InvalidList::BadSignature => problem(Code::BadSignature),
    })
}

/// One-time KEM prekeys are taken unverified: what is checked there is the real relay's own business,
/// and costs much time here.
fn publish(mailbox: &mut Mailbox, keys: &PublishKeys) -> Result<(), Problem> {
    let owner = VerifyKey::from_bytes(&mailbox.identity).unwrap();
    let bad = |_| problem(Code::BadSignature);
    if keys.one_time.len().max(keys.one_time_kem.len()) > limit::PREKEYS_PER_UPLOAD {
        return Err(problem(Code::TooLarge));
    }
    if let Some(signed) = &keys.signed {
        mailbox.signed = Some(SignedPreKey::x25519(&signed.0, &owner).map_err(bad)?.bytes);
    }
    if let Some(kem) = &keys.last_resort {
        mailbox.last_resort = Some(SignedPreKey::kem(&kem.0, &owner).map_err(bad)?.bytes);
    }
    let one_time = keys.one_time.iter().map(|key| OneTimePreKey::from_bytes(&key.0));
    let one_time: Vec<_> = one_time
        .map(|key| key.map(|key| (key.id, key.bytes)))
        .collect::<Result<_, _>>()
        .map_err(bad)?;
    mailbox.one_time.publish(&one_time);
    let id = |key: &Base64| Some((u32::from_be_bytes(*key.0.first_chunk()?), key.0.clone()));
    let kem: Option<Vec<_>> = keys.one_time_kem.iter().map(id).collect();
    mailbox.one_time_kem.publish(&kem.ok_or_else(|| problem(Code::Malformed))?);
    Ok(())
}
