//! A relay of a test's own, with a clock that the test turns.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sprag_api::name::Origin;
use sprag_relay::Relay;
use sprag_relay::clock::Clock;
use sprag_relay::config::{Config, Limits, Rate};
use tempfile::TempDir;

use crate::support::Place;
use crate::support::device::Device;
use crate::support::store::store;

/// When every test begins.
pub(crate) const START: u64 = 1_800_000_000;
/// How clients reach it, wherever it listens.
pub(crate) const ORIGIN: &str = "https://relay.example";

/// A clock that stands still until it is turned.
pub(crate) struct Hands(AtomicU64);

impl Clock for Hands {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A folder on a disk, gone with the test.
fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// A relay that runs, and what it runs on.
pub(crate) struct Here {
    relay: Relay,
    clock: Arc<Hands>,
    config: Config,
    folder: TempDir,
    pub(crate) place: Place,
}

/// So much that a test which is about something else never meets a limit.
pub(crate) const PLENTY: Rate = Rate { burst: 1_000_000, per_hour: 1_000_000 };

impl Here {
    /// A relay with these limits.
    pub(crate) async fn start(limit: impl FnOnce(&mut Limits)) -> Self {
        let mut config = Config::new("");
        config.store = store();
        let limits = &mut config.limits;
        for rate in [
            &mut limits.registrations_per_address,
            &mut limits.calls_per_address,
            &mut limits.calls_per_account,
            &mut limits.sends_per_account,
            &mut limits.claims_per_pair,
            &mut limits.claims_per_target,
        ] {
            *rate = PLENTY;
        }
        limit(limits);
        Self::with(config, folder(), Arc::new(Hands(AtomicU64::new(START)))).await
    }

    /// A relay as it is set up by nobody.
    pub(crate) async fn plain() -> Self {
        Self::start(|_| {}).await
    }

    /// The same with something changed besides the limits.
    pub(crate) async fn configured(change: impl FnOnce(&mut Config)) -> Self {
        let mut here = Self::plain().await;
        change(&mut here.config);
        here.restart().await
    }

    async fn with(mut config: Config, folder: TempDir, clock: Arc<Hands>) -> Self {
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.data = folder.path().into();
        config.origin = Some(Origin::new(ORIGIN).unwrap());
        let told: Arc<dyn Clock> = Arc::<Hands>::clone(&clock);
        let relay = Relay::start(config.clone(), Arc::clone(&told)).await.unwrap();
        let from = Ipv4Addr::LOCALHOST.into();
        let place = Place { address: relay.address(), origin: ORIGIN.into(), clock: told, from };
        Self { relay, clock, config, folder, place }
    }

    /// Stops the relay and starts it on the same data.
    pub(crate) async fn restart(self) -> Self {
        let Self { relay, clock, config, folder, .. } = self;
        relay.stop().await;
        Self::with(config, folder, clock).await
    }

    /// Another relay, on a copy of the files as they are at this moment, while this one runs.
    pub(crate) async fn copy(&self) -> Self {
        let copy = folder();
        // The log after the database: what moved from one to the other meanwhile is in both.
        for name in ["relay.sqlite", "relay.sqlite-wal", "blobs.sqlite", "blobs.sqlite-wal"] {
            let file = self.folder.path().join(name);
            if file.exists() {
                fs::copy(file, copy.path().join(name)).unwrap();
            }
        }
        Self::with(self.config.clone(), copy, Arc::clone(&self.clock)).await
    }

    /// The clock stands so many seconds after the start.
    pub(crate) fn set_clock(&self, seconds: u64) {
        self.clock.0.store(START + seconds, Ordering::Relaxed);
    }

    /// A new account with one device.
    pub(crate) async fn device(&self, name: &str) -> Device {
        Device::register(&self.place, name).await
    }

    /// Two of them.
    pub(crate) async fn two(&self) -> (Device, Device) {
        (self.device("alice").await, self.device("bob").await)
    }
}
