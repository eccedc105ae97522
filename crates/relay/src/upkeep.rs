//! What a relay does by itself: deletes what has expired, notices devices that another process removed,
//! counts what is stored.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::task::yield_now;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::Shared;
use crate::metrics;
use crate::storage::Unavailable;

/// How often expired things are deleted, and the stored ones counted.
const EXPIRE: Duration = Duration::from_mins(1);
/// How often it is looked where connected devices stand: a command may have removed them beside this
/// process.
const LOOK: Duration = Duration::from_secs(10);
/// The same among several nodes, where a signal may have been lost.
const LOOK_AMONG_OTHERS: Duration = Duration::from_secs(3);

/// How often the limits of several nodes are evened out.
const EVEN_OUT: Duration = Duration::from_secs(1);

/// Goes on until it is dropped. A failure was logged by the storage, and is tried again in time.
pub(crate) async fn run(app: Shared, recorder: Option<PrometheusHandle>) {
    let look_every = if app.hub.is_among_others() { LOOK_AMONG_OTHERS } else { LOOK };
    let [mut expiry, mut looks, mut limits] = [EXPIRE, look_every, EVEN_OUT].map(|every| {
        let mut interval = interval(every);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval
    });
    loop {
        tokio::select! {
            _ = expiry.tick() => {
                let _ = delete_expired(&app).await;
                let _ = count(&app).await;
            }
            _ = limits.tick(), if app.hub.is_among_others() => {
                let _ = app.limits.even_out(app.storage.as_ref(), app.clock.now()).await;
            }
            _ = looks.tick() => {
                let _ = look(&app).await;
                // The recorder keeps every sample until it is told to sum them up.
                if let Some(recorder) = &recorder {
                    recorder.run_upkeep();
                }
            }
        }
    }
}

/// In slices, so that messages need not wait for long.
async fn delete_expired(app: &Shared) -> Result<(), Unavailable> {
    loop {
        let now = app.clock.now();
        let oldest = now.saturating_sub(app.config.limits.envelope_lifetime.as_secs());
        let expired = app.storage.expire(now, oldest).await?;
        metrics::expired(expired);
        if !expired.more {
            return Ok(());
        }
        yield_now().await;
    }
}

async fn count(app: &Shared) -> Result<(), Unavailable> {
    metrics::stored(app.storage.statistics(app.clock.now()).await?);
    Ok(())
}

/// Compares where the devices that are here stand with what the storage says.
pub(crate) async fn look(app: &Shared) -> Result<(), Unavailable> {
    let present = app.hub.present();
    if present.is_empty() {
        return Ok(());
    }
    for (device, position) in app.storage.positions(present).await? {
        app.hub.compare(device, position);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
