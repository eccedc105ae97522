//! A device of an account, for JavaScript.

use sprag_client::driver::{self, Driver, Outgoing, Wish};
use sprag_client::history::Search;
use sprag_client::{Engine, Error, LinkCode, MessageId, Refusal};
use sprag_protocol::{AccountName, DeviceId, Timestamp};
use sprag_store::StoreError;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use zeroize::Zeroizing;

use sprag_client::input::Ticket;

use crate::fault::{Fault, bad_argument};
use crate::plain::{self, Plain, count, list, moment, name, octets, string};
use crate::randomness::{Randomness, randomness};
use crate::read::{counted, flag, get, items, limit, lowercase, number, text};
use crate::step;
use crate::vault::Vault;
use crate::view;

/// A device of an account, and what drives it.
#[wasm_bindgen]
pub struct Client {
    driver: Driver,
    rng: Randomness,
}

type Names = (sprag_api::name::Origin, AccountName);

fn names(names: &JsValue) -> Result<Names, Fault> {
    Ok(driver::names(&text(names, "relay")?, &text(names, "account")?)?)
}

fn device(number: u32) -> Result<DeviceId, Fault> {
    DeviceId::new(number).ok_or_else(|| Error::from(Refusal::NoSuchDevice).into())
}

fn message(id: &JsValue) -> Result<MessageId, Fault> {
    MessageId::parse(&string(id)?).ok_or_else(|| Error::NoSuchMessage.into())
}

/// An id that the caller has drawn.
fn chosen(id: &JsValue) -> Result<Option<MessageId>, Fault> {
    if id.is_undefined() {
        return Ok(None);
    }
    MessageId::parse(&string(id)?).map(Some).ok_or_else(bad_argument)
}

fn store_error(code: &JsValue) -> StoreError {
    match code.as_string().as_deref() {
        Some("disk-full") => StoreError::Full,
        Some("store-damaged") => StoreError::Damaged,
        _ => StoreError::Io(std::io::ErrorKind::Other),
    }
}

#[wasm_bindgen]
impl Client {
    /// A new account. The methods are described in `types.d.ts`, with their faults.
    ///
    /// # Errors
    /// A fault, here and below.
    pub fn register(
        vault: &Vault,
        who: &JsValue,
        options: &JsValue,
        now: f64,
    ) -> Result<Self, Fault> {
        let mut rng = randomness()?;
        let options = (get(options, "invitation").as_string(), flag(options, "offline"));
        let (key, now) = (&vault.key, moment(now));
        let driver = Driver::register(key, names(who)?, options, now, &mut rng);
        Ok(Self { driver, rng })
    }

    /// A new device of an account that exists.
    ///
    /// # Errors
    /// A fault.
    pub fn link(vault: &Vault, who: &JsValue, options: &JsValue, now: f64) -> Result<Self, Fault> {
        let mut rng = randomness()?;
        let offline = flag(options, "offline");
        let driver = Driver::link(&vault.key, names(who)?, offline, moment(now), &mut rng);
        Ok(Self { driver, rng })
    }

    /// What the rows hold.
    ///
    /// # Errors
    /// A fault.
    pub fn open(vault: &Vault, who: &JsValue, options: &JsValue) -> Result<Self, Fault> {
        let who = if who.is_null() || who.is_undefined() { None } else { Some(names(who)?) };
        let driver = Driver::open(&vault.key, who, flag(options, "offline"));
        Ok(Self { driver, rng: randomness()? })
    }

    /// What to do next.
    pub fn poll(&mut self, now: f64) -> JsValue {
        step::step(self.driver.poll(moment(now), &mut self.rng))
    }

    /// The commit is durable.
    pub fn committed(&mut self) {
        self.driver.committed();
    }

    /// The commit could not be made.
    #[wasm_bindgen(js_name = commitFailed)]
    pub fn commit_failed(&mut self, code: &JsValue) {
        self.driver.commit_failed(store_error(code));
    }

    /// What was read.
    ///
    /// # Errors
    /// A fault.
    pub fn loaded(&mut self, rows: &JsValue) -> Result<(), Fault> {
        let rows = step::rows(rows)?;
        self.driver.loaded(rows).map_err(|_| bad_argument())
    }

    /// It cannot be read.
    #[wasm_bindgen(js_name = loadFailed)]
    pub fn load_failed(&mut self, code: &JsValue) {
        self.driver.load_failed(store_error(code));
    }

    /// Ends everything.
    pub fn close(&mut self) {
        self.driver.close();
    }

    /// A call has an answer.
    ///
    /// # Errors
    /// A fault.
    pub fn answered(&mut self, request: f64, status: u16, body: &JsValue) -> Result<(), Fault> {
        self.driver.answered(count(request)?, status, octets(body)?);
        Ok(())
    }

    /// The socket is open.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = socketOpened)]
    pub fn socket_opened(&mut self, socket: f64) -> Result<(), Fault> {
        self.driver.opened(count(socket)?);
        Ok(())
    }

    /// It says something.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = socketMessage)]
    pub fn socket_message(&mut self, socket: f64, bytes: &JsValue) -> Result<(), Fault> {
        self.driver.said(count(socket)?, octets(bytes)?);
        Ok(())
    }

    /// It is closed.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = socketClosed)]
    pub fn socket_closed(&mut self, socket: f64) -> Result<(), Fault> {
        self.driver.closed(count(socket)?);
        Ok(())
    }

    /// Connect now.
    pub fn reconnect(&mut self) {
        self.driver.reconnect();
    }

    /// Say something.
    ///
    /// # Errors
    /// A fault.
    pub fn send(&mut self, to: &JsValue, text: &JsValue, id: &JsValue) -> Result<f64, Fault> {
        self.wish(Wish::Send { to: name(to)?, text: string(text)?, id: chosen(id)? })
    }

    /// Try again.
    ///
    /// # Errors
    /// A fault.
    pub fn retry(&mut self, with: &JsValue, id: &JsValue) -> Result<f64, Fault> {
        self.wish(Wish::Retry { with: name(with)?, id: message(id)? })
    }

    /// It was read.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = markRead)]
    pub fn mark_read(&mut self, with: &JsValue, through: f64) -> Result<f64, Fault> {
        self.wish(Wish::MarkRead { with: name(with)?, through: count(through)? })
    }

    /// Get to know an account.
    ///
    /// # Errors
    /// A fault.
    pub fn meet(&mut self, account: &JsValue) -> Result<f64, Fault> {
        self.wish(Wish::Meet(name(account)?))
    }

    /// Look at it anew.
    ///
    /// # Errors
    /// A fault.
    pub fn refresh(&mut self, account: &JsValue) -> Result<f64, Fault> {
        self.wish(Wish::Refresh(name(account)?))
    }

    /// What two people compare.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = safetyNumber)]
    pub fn safety_number(&mut self, account: &JsValue) -> Result<f64, Fault> {
        self.wish(Wish::SafetyNumber(name(account)?))
    }

    /// They have.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = setVerified)]
    pub fn set_verified(&mut self, account: &JsValue, verified: bool) -> Result<f64, Fault> {
        self.wish(Wish::SetVerified { with: name(account)?, verified })
    }

    /// The new key is right.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = acceptKey)]
    pub fn accept_key(&mut self, account: &JsValue) -> Result<f64, Fault> {
        self.wish(Wish::AcceptKey(name(account)?))
    }

    /// Whether others are told what was read.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = setReadReceipts)]
    pub fn set_read_receipts(&mut self, tell: bool) -> Result<f64, Fault> {
        self.wish(Wish::SetReadReceipts(tell))
    }

    /// Sign a device in.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = linkDevice)]
    pub fn link_device(&mut self, code: &JsValue, give: &JsValue) -> Result<f64, Fault> {
        let code = LinkCode::parse(&string(code)?).map_err(|_| Error::NotACode)?;
        let (account_key, history) = (flag(give, "accountKey"), flag(give, "history"));
        self.wish(Wish::LinkDevice { code, account_key, history })
    }

    /// Take one out.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = removeDevice)]
    pub fn remove_device(&mut self, number: u32) -> Result<f64, Fault> {
        self.wish(Wish::RemoveDevice(device(number)?))
    }

    /// Entries below a position.
    ///
    /// # Errors
    /// A fault.
    pub fn history(
        &mut self,
        with: &JsValue,
        before: Option<f64>,
        most: f64,
    ) -> Result<f64, Fault> {
        let before = before.map(count).transpose()?;
        self.wish(Wish::History { with: name(with)?, before, limit: limit(most)? })
    }

    /// Entries from a position on.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = historyFrom)]
    pub fn history_from(&mut self, with: &JsValue, from: f64, most: f64) -> Result<f64, Fault> {
        let (with, from) = (name(with)?, count(from)?);
        self.wish(Wish::HistoryFrom { with, from, limit: limit(most)? })
    }

    /// Entries with these words.
    ///
    /// # Errors
    /// A fault.
    pub fn search(&mut self, words: &JsValue, most: f64) -> Result<f64, Fault> {
        let words = Search::new(&string(words)?, lowercase);
        self.wish(Wish::Search { words, limit: limit(most)? })
    }

    /// How far a message has come.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = messageState)]
    pub fn message_state(&mut self, with: &JsValue, id: &JsValue) -> Result<f64, Fault> {
        self.wish(Wish::State { with: name(with)?, id: message(id)? })
    }

    /// What arrived beyond a cursor.
    ///
    /// # Errors
    /// A fault.
    pub fn incoming(&mut self, cursor: &JsValue) -> Result<f64, Fault> {
        if !cursor.is_object() {
            return self.wish(Wish::Incoming(None));
        }
        let place = |pair: &JsValue| {
            let pair = items(pair)?;
            let [with, below] = pair.as_slice() else { return Err(bad_argument()) };
            let with = name(with)?;
            Ok((with, count(below.as_f64().ok_or_else(bad_argument)?)?))
        };
        let pairs = js_sys::Object::entries(cursor.unchecked_ref());
        let cursor = items(&pairs)?.iter().map(place).collect::<Result<_, Fault>>()?;
        self.wish(Wish::Incoming(Some(cursor)))
    }

    /// Send a file.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = sendFile)]
    pub fn send_file(&mut self, to: &JsValue, file: &JsValue) -> Result<f64, Fault> {
        let file = Outgoing {
            name: text(file, "name")?,
            media_type: text(file, "mediaType")?,
            caption: text(file, "caption")?,
            length: counted(file, "length")?,
            modified: counted(file, "modified")?,
            id: chosen(&get(file, "id"))?,
        };
        self.wish(Wish::SendFile { to: name(to)?, file })
    }

    /// Bytes of it.
    ///
    /// # Errors
    /// A fault.
    pub fn sliced(&mut self, transfer: f64, bytes: &JsValue) -> Result<(), Fault> {
        self.driver.sliced(count(transfer)?, Some(octets(bytes)?.into()));
        Ok(())
    }

    /// They cannot be read.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = sliceFailed)]
    pub fn slice_failed(&mut self, transfer: f64) -> Result<(), Fault> {
        self.driver.sliced(count(transfer)?, None);
        Ok(())
    }

    /// Receive the file of an entry.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = receiveFile)]
    pub fn receive_file(&mut self, with: &JsValue, position: f64, from: f64) -> Result<f64, Fault> {
        let (position, from) = (count(position)?, count(from)?);
        self.wish(Wish::ReceiveFile { with: name(with)?, position, from })
    }

    /// Give something up.
    ///
    /// # Errors
    /// A fault.
    pub fn cancel(&mut self, ticket: f64) -> Result<(), Fault> {
        self.driver.cancel(Ticket(count(ticket)?));
        Ok(())
    }

    /// Take the account from the relay.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = deleteAccount)]
    pub fn delete_account(&mut self) -> Result<f64, Fault> {
        self.wish(Wish::DeleteAccount)
    }

    /// A backup of everything.
    ///
    /// # Errors
    /// A fault.
    pub fn backup(&mut self, passphrase: &JsValue) -> Result<f64, Fault> {
        self.wish(Wish::Backup(Zeroizing::new(string(passphrase)?)))
    }

    fn wish(&mut self, wish: Wish) -> Result<f64, Fault> {
        Ok(number(self.driver.wish(wish)?.0))
    }

    fn engine(&self) -> Result<&Engine, Fault> {
        self.driver.engine().ok_or_else(|| Error::from(Refusal::NotReady).into())
    }

    /// How everything is.
    ///
    /// # Errors
    /// A fault.
    pub fn status(&self, now: f64) -> Result<JsValue, Fault> {
        let engine = self.engine()?;
        let now = Timestamp::from_seconds(moment(now) / 1000);
        let stage = match engine.device() {
            _ if engine.is_removed() => "removed",
            None => "linking",
            Some(_) if engine.is_ready() => "ready",
            Some(_) => "beginning",
        };
        let prekeys = self
            .driver
            .prekeys()
            .map(|left| Plain::new().with("oneTime", left.one_time).with("kem", left.one_time_kem));
        let (queued, in_flight) = engine.unsettled();
        let length = |length: usize| number(u64::try_from(length).unwrap_or(u64::MAX));
        Ok(Plain::of("account", engine.account().as_str())
            .with("relay", engine.origin().as_str())
            .maybe("device", engine.device().map(DeviceId::get))
            .with("stage", stage)
            .with("connection", step::connection(self.driver.connection()))
            .with("accountKey", engine.has_account_key())
            .with("readReceipts", engine.read_receipts())
            .with("queued", length(queued))
            .with("inFlight", length(in_flight))
            .with("caughtUp", engine.caught_up())
            .with("settled", engine.is_settled(now))
            .with("atRest", engine.is_at_rest(now))
            .maybe("prekeys", prekeys)
            .with("useless", self.driver.is_useless())
            .into())
    }

    /// The conversations.
    ///
    /// # Errors
    /// A fault.
    pub fn conversations(&self) -> Result<JsValue, Fault> {
        Ok(list(self.engine()?.conversations().iter().map(view::conversation)))
    }

    /// An account, as it is known.
    ///
    /// # Errors
    /// A fault.
    pub fn peer(&self, account: &JsValue) -> Result<JsValue, Fault> {
        let peer = self.engine()?.peer(&name(account)?);
        Ok(peer.map_or(JsValue::UNDEFINED, |peer| view::peer(&peer)))
    }

    /// The own devices.
    ///
    /// # Errors
    /// A fault.
    pub fn devices(&self) -> Result<JsValue, Fault> {
        Ok(list(self.engine()?.devices().iter().map(view::device)))
    }

    /// What a new device shows.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = linkCode)]
    pub fn link_code(&self) -> Result<Option<String>, Fault> {
        Ok(self.engine()?.link_code().map(|code| code.to_string()))
    }

    /// What two people compare, where it is known.
    ///
    /// # Errors
    /// A fault.
    #[wasm_bindgen(js_name = safetyNumberNow)]
    pub fn safety_number_now(&self, account: &JsValue, offered: bool) -> Result<JsValue, Fault> {
        let number = self.engine()?.safety_number(&name(account)?, offered);
        Ok(number.map_or(JsValue::UNDEFINED, |number| plain::safety_number(&number)))
    }

    /// What a scanned code says.
    ///
    /// # Errors
    /// A fault.
    pub fn compare(&self, account: &JsValue, scanned: &JsValue) -> Result<String, Fault> {
        let number = self.engine()?.safety_number(&name(account)?, false);
        let number = number.ok_or(Error::Refused(Refusal::UnknownAccount))?;
        let comparison = number.compare(&octets(scanned)?).map_err(|_| Error::NotACode)?;
        Ok(view::comparison(comparison).to_owned())
    }
}

/// Whether this is an account's name.
///
/// # Errors
/// A fault.
#[wasm_bindgen(js_name = checkName)]
pub fn check_name(account: &JsValue) -> Result<(), Fault> {
    name(account).map(drop)
}

/// Whether this is a relay's address.
///
/// # Errors
/// A fault.
#[wasm_bindgen(js_name = checkOrigin)]
pub fn check_origin(relay: &JsValue) -> Result<(), Fault> {
    // The name is only there to be one.
    Ok(driver::names(&string(relay)?, "a").map(drop)?)
}

/// Whether this is a link code.
///
/// # Errors
/// A fault.
#[wasm_bindgen(js_name = checkLinkCode)]
pub fn check_link_code(code: &JsValue) -> Result<(), Fault> {
    Ok(LinkCode::parse(&string(code)?).map(drop).map_err(|_| Error::NotACode)?)
}
