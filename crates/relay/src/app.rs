//! What every handler works with.

use std::sync::Arc;

use sprag_api::name::Origin;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::clock::Clock;
use crate::config::Config;
use crate::hub::Hub;
use crate::limits::Limiters;
use crate::storage::{Storage, Unavailable};

/// One relay: its storage, who is connected, the time, and what it was told.
pub(crate) struct App {
    pub(crate) config: Config,
    /// How clients reach it, as logins name it.
    pub(crate) origin: Origin,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) intake: Intake,
    pub(crate) limits: Limiters,
    /// Turns true once, when the relay is being stopped: what would go on for long ends then.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// The memory for messages that were read from clients and are not stored yet, in all: beyond it
/// clients wait.
pub(crate) struct Intake(Arc<Semaphore>);

/// Bytes that one permit stands for.
const SHARE: usize = 1024;
const INTAKE: usize = 64 * 1024 * 1024;

impl Default for Intake {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(INTAKE / SHARE)))
    }
}

impl Intake {
    /// Waits until there is room for a request of so many bytes.
    pub(crate) async fn share(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Unavailable> {
        let permits = u32::try_from(bytes.clamp(SHARE, INTAKE) / SHARE).map_err(|_| Unavailable)?;
        Arc::clone(&self.0).acquire_many_owned(permits).await.map_err(|_| Unavailable)
    }
}

/// The state of the router.
pub(crate) type Shared = Arc<App>;
