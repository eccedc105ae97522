//! What a relay does by itself: deletes what has expired, notices devices that another process removed,
//! counts what is stored.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::task::yield_now;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep};

use crate::app::Shared;
use crate::metrics;
use crate::storage::Unavailable;

/// How often expired things are deleted, and the stored ones counted, at most.
const EXPIRE: Duration = Duration::from_mins(1);
/// How often it is looked where connected devices stand: a command may have removed them beside this
/// process.
const LOOK: Duration = Duration::from_secs(10);
/// The same among several nodes, where a signal may have been lost.
const LOOK_AMONG_OTHERS: Duration = Duration::from_secs(3);

/// How often the limits of several nodes are evened out.
const EVEN_OUT: Duration = Duration::from_secs(1);

/// Counting takes as long as there is much. It is done for at most one part of the time in so many.
const COUNTED_OF: u32 = 100;

/// Goes on until it is dropped, each at its own pace: what takes long holds up nothing else. A failure was logged by the
/// storage, and is tried again in time.
pub(crate) async fn run(app: Shared, recorder: Option<PrometheusHandle>) {
    let among_others = app.hub.is_among_others();
    let expiring = async {
        let mut turns = turns(EXPIRE);
        loop {
            turns.tick().await;
            let _ = delete_expired(&app).await;
        }
    };
    let counting = async {
        loop {
            let began = Instant::now();
            let _ = count(&app).await;
            sleep(rest(began.elapsed())).await;
        }
    };
    let looking = async {
        let mut turns = turns(if among_others { LOOK_AMONG_OTHERS } else { LOOK });
        loop {
            turns.tick().await;
            let _ = look(&app).await;
            // The recorder keeps every sample until it is told to sum them up.
            if let Some(recorder) = &recorder {
                recorder.run_upkeep();
            }
        }
    };
    let evening_out = async {
        if !among_others {
            return;
        }
        let mut turns = turns(EVEN_OUT);
        loop {
            turns.tick().await;
            let _ = app.limits.even_out(app.storage.as_ref(), app.clock.now()).await;
        }
    };
    tokio::join!(expiring, counting, looking, evening_out);
}

fn turns(every: Duration) -> Interval {
    let mut turns = interval(every);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    turns
}

/// How long it is until the next count after one that took so long.
fn rest(took: Duration) -> Duration {
    EXPIRE.max(took.saturating_mul(COUNTED_OF))
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
