//! Making a client: out of a profile, an empty store, a backup, or as a new device of an account.

use std::collections::VecDeque;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use chacha20::ChaCha20Rng;
use sprag_api::name::Origin;
use sprag_protocol::AccountName;
use sprag_protocol::secret::Secret;
use sprag_store::{
    Collection, Lock, Profile, Sqlite, Store, StoreError, Unlock, Wrapping, create_key_file,
    read_key_file,
};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc, oneshot};
use zeroize::Zeroizing;

use super::config::{Config, Place, Protection, Storage};
use super::desk::{self, Desk, ORDERS, Order, Outlets, Parts, Rows, Stage};
use super::events::Connection;
use super::http::Http;
use super::line::{Line, alarm};
use super::net::{Net, kept_token};
use super::{Client, Error, Inner, clock, files};
use crate::effects::Effects;
use crate::engine::Engine;
use crate::exchange::forget_drivers;
use crate::input::Command;
use crate::view::LinkCode;

/// What a client is made for.
enum Purpose {
    /// To go on, or to register.
    Open,
    /// To register.
    Register,
    /// To be signed into an account that exists.
    Link,
    /// To go on from a backup.
    Restore(PathBuf, Zeroizing<String>),
}

/// What came of opening a profile.
struct Opened {
    account: AccountName,
    origin: Origin,
    net: Arc<Net>,
    outlets: Arc<Outlets>,
    /// Whether the account was made just now, and whether the profile was made for it.
    fresh: bool,
    made: bool,
}

/// A new device of an account, which waits until another one signs it in.
#[derive(Debug)]
pub struct Linking {
    client: Client,
    code: LinkCode,
}

impl Client {
    /// Goes on with the profile in the store; where there is none, registers the account, and returns once
    /// the relay has taken it. With a profile it does not wait for the relay.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::Origin`], [`Error::Certificate`]; [`Error::Store`], such as
    /// [`InUse`](StoreError::InUse); [`Error::Profile`], [`Error::OtherAccount`], [`Error::OtherRelay`],
    /// [`Error::NoProfile`]; where it registers: [`Error::NameTaken`], [`Error::Unreachable`] and what
    /// else the relay may say. Then there is no profile, but where the relay may have taken it: the next
    /// attempt finds out.
    pub async fn open(config: Config) -> Result<Self, Error> {
        Self::begin(config, Purpose::Open).await
    }

    /// Registers the account. Goes on with a registration that was cut off.
    ///
    /// # Errors
    /// [`Error::Registered`] where there is a profile, or as [`open`](Self::open).
    pub async fn register(config: Config) -> Result<Self, Error> {
        Self::begin(config, Purpose::Register).await
    }

    /// Makes a new device of an account that exists: it shows a code, and waits to be signed in
    /// ([`Client::link`]) by a device that is. Goes on with one that still waits.
    ///
    /// # Errors
    /// [`Error::Registered`] where there is a profile that does not wait, or as [`open`](Self::open).
    pub async fn link_new_device(config: Config) -> Result<Linking, Error> {
        let client = Self::begin(config, Purpose::Link).await?;
        let code = client.inner.ask(|desk| desk.engine().link_code()).await?;
        match code {
            Some(code) => Ok(Linking { client, code }),
            None => Err(Error::Registered),
        }
    }

    /// Makes a profile out of a backup. All sessions start afresh, so that no key is used twice. Whatever
    /// still runs from the profile that the backup was made of is to be ended for good.
    ///
    /// # Errors
    /// [`Error::Store`], such as [`WrongKey`](StoreError::WrongKey), [`Damaged`](StoreError::Damaged),
    /// [`Exists`](StoreError::Exists): there is no new profile then. [`Error::File`], or as
    /// [`open`](Self::open).
    pub async fn restore_backup(
        config: Config,
        backup: impl AsRef<Path>,
        passphrase: impl Into<String>,
    ) -> Result<Self, Error> {
        let passphrase = Zeroizing::new(passphrase.into());
        Self::begin(config, Purpose::Restore(backup.as_ref().to_path_buf(), passphrase)).await
    }

    async fn begin(config: Config, purpose: Purpose) -> Result<Self, Error> {
        let (offline, read_receipts) = (config.offline, config.read_receipts);
        let registers = matches!(purpose, Purpose::Open | Purpose::Register);
        let file = match &config.storage.place {
            Place::File(path) => Some(path.clone()),
            Place::Given(_) => None,
        };
        let (orders, queue) = mpsc::channel(ORDERS);
        let (opened, waiting) = oneshot::channel();
        let runtime = Handle::current();
        let weak = orders.downgrade();
        let work = move || work(config, &purpose, (runtime, weak, queue), opened);
        let thread = thread::Builder::new().name("sprag-engine".into());
        thread.spawn(work).map_err(|_| Error::System)?;
        let opened = waiting.await.map_err(|_| Error::System)??;
        let Opened { account, origin, net, outlets, fresh, made } = opened;

        let mut tasks = vec![tokio::spawn(alarm(Arc::clone(&outlets), orders.downgrade()))];
        if !offline {
            let (net, outlets) = (Arc::clone(&net), Arc::clone(&outlets));
            let line = Line { net, outlets, orders: orders.downgrade(), rng: clock::randomness()? };
            tasks.push(tokio::spawn(line.run()));
        }
        let tasks = Mutex::new(tasks);
        let inner = Inner { account, origin, orders, outlets, net, tasks, file };
        let client = Self { inner: Arc::new(inner), cursor: None, ahead: VecDeque::new() };
        if registers {
            client.registered(fresh, made).await?;
        }
        if let Some(tell) = read_receipts {
            client.command(Command::SetReadReceipts(tell)).await?;
        }
        Ok(client)
    }

    /// Waits until the relay has the account, where it has not; where it will not, the profile goes.
    async fn registered(&self, fresh: bool, made: bool) -> Result<(), Error> {
        let outlets = &self.inner.outlets;
        let mut stage = outlets.stage.subscribe();
        let mut connection = outlets.connection.subscribe();
        let beginning = *stage.borrow_and_update() == Stage::Beginning;
        if !beginning || self.inner.ask(is_joining).await? {
            return Ok(());
        }
        let decided =
            |now: &Connection| !matches!(now, Connection::Connecting | Connection::Online);
        let why = tokio::select! {
            biased;
            ready = stage.wait_for(|stage| *stage != Stage::Beginning) => match ready {
                Ok(_) => return Ok(()),
                Err(_) => Error::Closed,
            },
            now = connection.wait_for(decided) => match now.as_deref() {
                Ok(Connection::Waiting { why, .. } | Connection::Ended(why)) => why.clone(),
                Ok(_) => Error::Offline,
                Err(_) => Error::Closed,
            },
        };
        let useless = why == Error::NameTaken;
        if useless || fresh && !outlets.unsure.load(Ordering::Relaxed) {
            let (done, gone) = oneshot::channel::<()>();
            let file = self.inner.file.clone().filter(|_| made);
            self.inner.ask(move |desk| desk.abandon(file.as_deref(), done)).await?;
            // Ends without a word when the store is closed.
            let _ = gone.await;
        }
        self.inner.close().await;
        Err(why)
    }
}

/// Whether this device is signed in and waits to hear by whom: there is nothing to register.
fn is_joining(desk: &mut Desk) -> bool {
    desk.engine().link_code().is_some()
}

impl Linking {
    /// What the other device is to be given, as text or as a QR code; by nobody else.
    #[must_use]
    pub fn code(&self) -> &LinkCode {
        &self.code
    }

    /// A handle to the client that waits, to hear what happens.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Waits until this device has been signed in.
    ///
    /// # Errors
    /// [`Error::Closed`], or what ended the connection for good. While the relay cannot be reached, it
    /// goes on waiting.
    pub async fn linked(self) -> Result<Client, Error> {
        let outlets = Arc::clone(&self.client.inner.outlets);
        let mut stage = outlets.stage.subscribe();
        let mut connection = outlets.connection.subscribe();
        let ended = |now: &Connection| matches!(now, Connection::Ended(_));
        tokio::select! {
            biased;
            ready = stage.wait_for(|stage| *stage == Stage::Ready) => match ready {
                Ok(_) => {}
                Err(_) => return Err(Error::Closed),
            },
            now = connection.wait_for(ended) => match now.as_deref() {
                Ok(Connection::Ended(why)) => return Err(why.clone()),
                _ => return Err(Error::Closed),
            },
        }
        Ok(self.client)
    }
}

/// What the thread does: opens the profile, says what came of it, and serves.
fn work(
    config: Config,
    purpose: &Purpose,
    (runtime, orders, queue): (Handle, mpsc::WeakSender<Order>, mpsc::Receiver<Order>),
    opened: oneshot::Sender<Result<Opened, Error>>,
) {
    match prepare(config, purpose, (runtime, orders)) {
        Ok((desk, effects, outcome)) => {
            if opened.send(Ok(outcome)).is_ok() {
                desk.run(effects, queue);
            }
        }
        Err(error) => {
            // Where nobody waits for it any more, nobody wants to know.
            let _ = opened.send(Err(error));
        }
    }
}

fn prepare(
    config: Config,
    purpose: &Purpose,
    (runtime, orders): (Handle, mpsc::WeakSender<Order>),
) -> Result<(Desk, Effects, Opened), Error> {
    let names = config.names()?;
    let mut rng = clock::randomness()?;
    let may_make = names.is_some() && !config.offline;
    let (mut profile, made) = match purpose {
        Purpose::Restore(backup, passphrase) => {
            let backup = (backup.as_path(), passphrase.as_str());
            (restore(config.storage, backup, names.as_ref(), &mut rng)?, false)
        }
        Purpose::Open | Purpose::Register | Purpose::Link => {
            unlock(config.storage, may_make, config.offline && names.is_some(), &mut rng)?
        }
    };
    let found = desk::load(&mut profile)?;
    let fresh = found.is_none();
    let (engine, effects) = if let Some(engine) = found {
        suits(&engine, names.as_ref())?;
        serves(&engine, purpose, &mut rng)?;
        (engine, Effects::default())
    } else {
        let names = names.ok_or(Error::NoProfile)?;
        let (engine, effects) = begin(names, purpose, config.invitation, &mut rng)?;
        profile.commit(&effects.commit, &mut rng)?;
        (engine, effects)
    };
    let http = Http::to(engine.origin(), &config.trusted)?;
    let token = kept_token(&mut profile);
    let net = Arc::new(Net::new(http, config.offline, orders.clone(), token));
    let connection = if config.offline { Connection::Offline } else { Connection::Connecting };
    let outlets = Arc::new(Outlets::new(connection));
    let opened = Opened {
        account: engine.account().clone(),
        origin: engine.origin().clone(),
        net: Arc::clone(&net),
        outlets: Arc::clone(&outlets),
        fresh,
        made,
    };
    let mut desk = Desk::new(Parts { engine, profile, rng, outlets, net, runtime, orders });
    desk.show(false);
    Ok((desk, effects, opened))
}

/// Whether a profile is the one that was asked for.
fn suits(engine: &Engine, names: Option<&(Origin, AccountName)>) -> Result<(), Error> {
    match names {
        Some((_, account)) if account != engine.account() => Err(Error::OtherAccount),
        Some((origin, _)) if origin != engine.origin() => Err(Error::OtherRelay),
        _ => Ok(()),
    }
}

/// Whether a profile that is there can be used for this.
fn serves(engine: &Engine, purpose: &Purpose, rng: &mut ChaCha20Rng) -> Result<(), Error> {
    let can = match purpose {
        Purpose::Register => engine.registration(clock::now(), rng).is_some(),
        Purpose::Link => engine.link_code().is_some(),
        Purpose::Open | Purpose::Restore(..) => true,
    };
    if can { Ok(()) } else { Err(Error::Registered) }
}

fn begin(
    (origin, account): (Origin, AccountName),
    purpose: &Purpose,
    invitation: Option<String>,
    rng: &mut ChaCha20Rng,
) -> Result<(Engine, Effects), Error> {
    let now = clock::now();
    match purpose {
        Purpose::Open | Purpose::Register => {
            Ok(Engine::register((origin, account), invitation, now, rng))
        }
        Purpose::Link => Ok(Engine::link(origin, account, now, rng)),
        Purpose::Restore(..) => Err(Error::Profile),
    }
}

/// The profile in a store, or a new one where there is none and one may be made; and whether it is new.
fn unlock(
    storage: Storage,
    may_make: bool,
    offline: bool,
    rng: &mut ChaCha20Rng,
) -> Result<(Profile<Rows>, bool), Error> {
    let Storage { place, protection, patience } = storage;
    let none = if offline { Error::Offline } else { Error::NoProfile };
    if let (Place::File(path), false) = (&place, may_make)
        && !path.exists()
    {
        return Err(none);
    }
    let mut store = rows(place, patience)?;
    match store.header()? {
        Some(header) => {
            let wrapping = Wrapping::of(&header)?;
            if wrapping != protection.wrapping() {
                return Err(StoreError::OtherLock(wrapping).into());
            }
            Ok((protection.open(|unlock| Profile::open(store, &unlock))?, false))
        }
        None if may_make => {
            Ok((protection.make(rng, |lock, rng| Profile::create(store, &lock, rng))?, true))
        }
        None => Err(none),
    }
}

fn rows(place: Place, patience: std::time::Duration) -> Result<Rows, StoreError> {
    Ok(Rows(match place {
        Place::File(path) => Box::new(Sqlite::open_waiting(&path, patience)?),
        Place::Given(store) => store,
    }))
}

/// A profile out of a backup, in which the engine knows that it comes from one.
fn restore(
    storage: Storage,
    (backup, passphrase): (&Path, &str),
    names: Option<&(Origin, AccountName)>,
    rng: &mut ChaCha20Rng,
) -> Result<Profile<Rows>, Error> {
    let file = File::open(backup).map_err(|error| files::of_file(&error))?;
    let Storage { place, protection, patience } = storage;
    let path = match &place {
        Place::File(path) => Some(path.clone()),
        Place::Given(_) => None,
    };
    let existed = path.as_ref().is_some_and(|path| path.exists());
    let restored = (|| {
        let store = rows(place, patience)?;
        let mut profile = protection.make(rng, |lock, rng| {
            Profile::import(store, &lock, BufReader::new(file), passphrase, rng)
        })?;
        let device = profile.read(&Collection::new("device").at(0))?.ok_or(Error::Profile)?;
        let mut batch = Engine::mark_restored(&device).map_err(|_| Error::Profile)?;
        forget_drivers(&mut batch);
        profile.commit(&batch, rng)?;
        let engine = desk::load(&mut profile)?.ok_or(Error::Profile)?;
        suits(&engine, names)?;
        Ok(profile)
    })();
    if let (Err(_), Some(path), false) = (&restored, path, existed) {
        // Nothing is left of a store that was made for this.
        let _ = std::fs::remove_file(path);
    }
    restored
}

impl Protection {
    fn wrapping(&self) -> Wrapping {
        match self {
            Self::Passphrase(..) => Wrapping::Passphrase,
            Self::KeyFile(_) => Wrapping::KeyFile,
            Self::Key(_) => Wrapping::External,
        }
    }

    fn open<T>(
        &self,
        open: impl FnOnce(Unlock<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Passphrase(passphrase, _) => open(Unlock::Passphrase(passphrase)),
            Self::KeyFile(path) => open(Unlock::KeyFile(&read_key_file(path)?)),
            Self::Key(key) => open(Unlock::External(key)),
        }
    }

    fn make<T>(
        &self,
        rng: &mut ChaCha20Rng,
        make: impl FnOnce(Lock<'_>, &mut ChaCha20Rng) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Passphrase(passphrase, cost) => make(Lock::Passphrase(passphrase, *cost), rng),
            Self::KeyFile(path) => {
                let key = key_file(path, rng)?;
                make(Lock::KeyFile(&key), rng)
            }
            Self::Key(key) => make(Lock::External(key), rng),
        }
    }
}

/// The key in a file, which is made where there is none.
fn key_file(path: &Path, rng: &mut ChaCha20Rng) -> Result<Secret<32>, StoreError> {
    match create_key_file(path, rng) {
        Err(StoreError::Io(std::io::ErrorKind::AlreadyExists)) => read_key_file(path),
        outcome => outcome,
    }
}
