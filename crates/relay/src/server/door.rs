//! How many connections there may be, in all and from one network.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::limits::group;
use crate::metrics;

/// Counts the connections that are open.
#[derive(Debug)]
pub(super) struct Door {
    /// What the port is called where connections are counted.
    port: &'static str,
    most: u32,
    most_per_network: u32,
    inside: Mutex<Inside>,
    empty: Notify,
}

#[derive(Debug, Default)]
struct Inside {
    total: u32,
    networks: HashMap<IpAddr, u32>,
}

/// One connection's place, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    door: Arc<Door>,
    network: IpAddr,
}

impl Door {
    pub(super) fn new(port: &'static str, most: u32, most_per_network: u32) -> Self {
        Self { port, most, most_per_network, inside: Mutex::default(), empty: Notify::new() }
    }

    /// A place for a connection from this address; `None` where there is no room.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let network = group(address);
        let refused = {
            let mut inside = self.lock();
            let of_network = inside.networks.get(&network).copied().unwrap_or_default();
            if inside.total >= self.most {
                Some("total")
            } else if of_network >= self.most_per_network {
                Some("address")
            } else {
                inside.networks.insert(network, of_network + 1);
                inside.total += 1;
                None
            }
        };
        if let Some(reason) = refused {
            ::metrics::counter!(metrics::CONNECTIONS_REFUSED, "port" => self.port, "reason" => reason).increment(1);
            return None;
        }
        ::metrics::gauge!(metrics::CONNECTIONS, "port" => self.port).increment(1.0);
        Some(Place { door: Arc::clone(self), network })
    }

    /// Returns once nobody is inside.
    pub(super) async fn empty(&self) {
        loop {
            // Asked for first, so that the last one cannot leave unnoticed in between.
            let left = self.empty.notified();
            if self.lock().total == 0 {
                return;
            }
            left.await;
        }
    }

    /// Counting cannot panic half-way.
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.door.lock();
        inside.total -= 1;
        if let Entry::Occupied(mut of_network) = inside.networks.entry(self.network) {
            *of_network.get_mut() -= 1;
            if *of_network.get() == 0 {
                of_network.remove();
            }
        }
        let empty = inside.total == 0;
        drop(inside);
        if empty {
            self.door.empty.notify_waiters();
        }
        ::metrics::gauge!(metrics::CONNECTIONS, "port" => self.door.port).decrement(1.0);
    }
}

#[cfg(test)]
mod tests;
