//! What every handler works with.

use std::sync::Arc;

use sprag_api::name::Origin;

use crate::clock::Clock;
use crate::config::Config;
use crate::hub::Hub;
use crate::storage::Storage;

/// One relay: its storage, who is connected, the time, and what it was told.
pub(crate) struct App {
    pub(crate) config: Config,
    /// How clients reach it, as logins name it.
    pub(crate) origin: Origin,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) hub: Arc<Hub>,
}

/// The state of the router.
pub(crate) type Shared = Arc<App>;
