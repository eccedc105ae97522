//! What a relay does by itself: deletes what has expired, notices devices that another process removed,
//! counts what is stored.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::task::yield_now;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::Shared;
use crate::hub::Notice;
use crate::metrics;
use crate::storage::Unavailable;

/// How often expired things are deleted, and the stored ones counted.
const EXPIRE: Duration = Duration::from_mins(1);
/// How often removed devices are looked for: a command may have removed them beside this process.
const LOOK: Duration = Duration::from_secs(10);

/// Goes on until it is dropped. A failure was logged by the storage, and is tried again in time.
pub(crate) async fn run(app: Shared, recorder: Option<PrometheusHandle>) {
    let [mut expire, mut look] = [EXPIRE, LOOK].map(|every| {
        let mut interval = interval(every);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval
    });
    loop {
        tokio::select! {
            _ = expire.tick() => {
                let _ = delete_expired(&app).await;
                let _ = count(&app).await;
            }
            _ = look.tick() => {
                let _ = tell_removed(&app).await;
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

async fn tell_removed(app: &Shared) -> Result<(), Unavailable> {
    let connected = app.hub.connected();
    if connected.is_empty() {
        return Ok(());
    }
    for device in app.storage.gone(connected).await? {
        app.hub.tell(device, Notice::Removed);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
