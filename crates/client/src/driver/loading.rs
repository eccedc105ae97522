//! Making a driver, and making its engine anew where the store failed.

use std::mem;

use rand_core::CryptoRng;
use sprag_api::name::Origin;
use sprag_protocol::AccountName;
use sprag_store::{StoreError, StoreKey};

use super::action::{Action, Rows, Step};
use super::rows::{Cache, Wanted};
use super::{Awaiting, Driver, Life, millis, seconds};
use crate::effects::Effects;
use crate::engine::{Engine, LoadError};
use crate::error::Error;
use crate::exchange::Token;
use crate::sorted::Set;

/// How long a store that failed is left alone.
const REST: std::time::Duration = std::time::Duration::from_secs(5);

/// A relay and an account, as a person gave them.
///
/// # Errors
/// [`Error::Origin`], [`Error::Name`].
pub fn names(relay: &str, account: &str) -> Result<(Origin, AccountName), Error> {
    let relay = relay.strip_suffix('/').unwrap_or(relay);
    let origin = Origin::new(relay).map_err(|_| Error::Origin)?;
    let account = AccountName::new(account).map_err(|_| Error::Name)?;
    Ok((origin, account))
}

impl Driver {
    /// A new account; the rows are empty.
    pub fn register<R: CryptoRng>(
        key: &StoreKey,
        names: (Origin, AccountName),
        (invitation, offline): (Option<String>, bool),
        now: u64,
        rng: &mut R,
    ) -> Self {
        let (engine, effects) = Engine::register(names, invitation, seconds(now), rng);
        Self::new(key, offline, engine, effects)
    }

    /// A new device of an account that exists; the rows are empty.
    pub fn link<R: CryptoRng>(
        key: &StoreKey,
        (origin, account): (Origin, AccountName),
        offline: bool,
        now: u64,
        rng: &mut R,
    ) -> Self {
        let (engine, effects) = Engine::link(origin, account, seconds(now), rng);
        Self::new(key, offline, engine, effects)
    }

    fn new(key: &StoreKey, offline: bool, engine: Engine, effects: Effects) -> Self {
        let mut driver = Self::of(key, offline);
        driver.fresh = true;
        driver.registering = engine.device().is_some();
        driver.engine = Some(engine);
        driver.gather(effects);
        driver.inputs.push_back(crate::Input::Tick);
        driver.told.push(Action::Opened);
        driver
    }

    /// What the rows hold. Where names are given, they must be those of the profile.
    #[must_use]
    pub fn open(key: &StoreKey, names: Option<(Origin, AccountName)>, offline: bool) -> Self {
        let mut driver = Self::of(key, offline);
        driver.names = names;
        driver.life = Life::Loading { again: false, after: 0 };
        driver
    }

    pub(super) fn load(&mut self) -> Step {
        let mut wanted: Vec<_> = Engine::COLLECTIONS.into_iter().map(Wanted::all).collect();
        wanted.push(Wanted::Record(Token::place()));
        let reads = wanted.iter().map(|wanted| wanted.sealed(&self.sealer)).collect();
        self.awaiting = Some(Awaiting::Load(wanted));
        Step::Read(reads)
    }

    pub(super) fn take_profile(
        &mut self,
        wanted: &[Wanted],
        answers: Vec<Rows>,
    ) -> Result<(), StoreError> {
        let again = matches!(self.life, Life::Loading { again: true, .. });
        let mut records = Vec::new();
        for (wanted, rows) in wanted.iter().zip(answers) {
            records.extend(wanted.open(&self.sealer, rows)?);
        }
        let place = Token::place();
        if let Some((_, value)) = records.iter().find(|(key, _)| *key == place) {
            // One that cannot be read is got anew.
            self.calls.token = prost::Message::decode(&value[..]).ok();
        }
        match Engine::load(records).map_err(Error::from).and_then(|engine| self.suits(engine)) {
            Ok(engine) => {
                self.registering = !engine.is_ready()
                    && engine.device().is_some()
                    && engine.link_code().is_none()
                    && !engine.is_removed();
                self.engine = Some(engine);
                self.life = Life::Running;
                if !again {
                    self.inputs.push_back(crate::Input::Tick);
                    self.told.push(Action::Opened);
                }
            }
            Err(error) => self.fail(error),
        }
        Ok(())
    }

    /// Whether a profile is the one that was asked for.
    fn suits(&self, engine: Engine) -> Result<Engine, Error> {
        match &self.names {
            Some((_, account)) if account != engine.account() => Err(Error::OtherAccount),
            Some((origin, _)) if origin != engine.origin() => Err(Error::OtherRelay),
            _ => Ok(engine),
        }
    }

    fn fail(&mut self, error: Error) {
        self.refuse_all(&error);
        self.actions.push(Action::Failed(error));
        self.life = Life::Ended;
    }

    /// The changes could not be made; none of them is.
    pub fn commit_failed(&mut self, error: StoreError) {
        if matches!(self.awaiting, Some(Awaiting::Commit)) {
            self.awaiting = None;
            self.ill = Some(error);
        }
    }

    /// What was asked for cannot be read.
    pub fn load_failed(&mut self, error: StoreError) {
        match self.awaiting.take() {
            Some(Awaiting::Commit) => self.awaiting = Some(Awaiting::Commit),
            None => {}
            Some(Awaiting::Question(_) | Awaiting::Walk) => self.question_failed(error),
            Some(Awaiting::Load(_) | Awaiting::Fetch(_)) => self.ill = Some(error),
        }
    }

    /// The store failed: what it did not take has not happened, and the engine is read again.
    pub(super) fn start_over<R: CryptoRng>(&mut self, error: StoreError, now: u64, rng: &mut R) {
        let again = match self.life {
            Life::Loading { again: false, .. } => return self.fail(error.into()),
            Life::Ended => return,
            Life::Loading { again: true, .. } => true,
            Life::Running => false,
        };
        self.cache = Cache::default();
        self.effects = Effects::default();
        self.inputs.clear();
        self.generation = self.generation.wrapping_add(1);
        // What it was told no longer counts: there is none to tell that the connection is gone.
        self.engine = None;
        if !again {
            self.told.push(Action::StoreFailed(error));
            self.broken(Error::Store(error).into(), now, rng);
        }
        self.calls.clear();
        self.refuse_all(&Error::Store(error));
        self.actions.append(&mut self.told);
        let rest = if again { millis(REST) } else { 0 };
        self.wake_at = Some(seconds(now.saturating_add(millis(REST))));
        self.life = Life::Loading { again: true, after: now.saturating_add(rest) };
    }

    /// Nothing that is wished for comes about any more.
    pub(super) fn refuse_all(&mut self, error: &Error) {
        let tickets = mem::take(&mut self.tickets).into_keys();
        let parked = mem::take(&mut self.parked).into_iter().map(|parked| parked.ticket);
        let questions = mem::take(&mut self.questions).into_iter().map(|(ticket, _)| ticket);
        let files = mem::take(&mut self.transfers).into_values().map(|transfer| transfer.ticket);
        let all: Set<_> = tickets.chain(parked).chain(questions).chain(files).collect();
        for ticket in all {
            self.actions.push(Action::Answer { ticket, result: Box::new(Err(error.clone())) });
        }
    }
}

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Empty => Self::NoProfile,
            LoadError::Newer => Self::NewerProfile,
            LoadError::Damaged => Self::Profile,
        }
    }
}
