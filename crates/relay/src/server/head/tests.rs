//! Both times, and when the one changes to the other, in virtual time.

use hyper::rt::Timer as _;
use tokio::time::{Instant, advance};

use super::*;

const HEAD: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Not yet.
const ALMOST_HEAD: Duration = Duration::from_secs(9);
const ALMOST_KEEP_ALIVE: Duration = Duration::from_secs(74);

fn timer() -> (HeadTimer, Arc<Arrival>) {
    let arrival = Arc::<Arrival>::default();
    (HeadTimer::new(Arc::clone(&arrival), HEAD, KEEP_ALIVE), arrival)
}

/// What hyper waits for from the end of a request on.
fn next(timer: &HeadTimer) -> Pin<Box<dyn rt::Sleep>> {
    timer.sleep_until(Instant::now().into_std())
}

async fn lasts(sleep: Pin<Box<dyn rt::Sleep>>) -> Duration {
    let began = Instant::now();
    sleep.await;
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn the_first_head_has_its_time_from_the_start() {
    let (timer, arrival) = timer();
    let mut first = next(&timer);
    advance(ALMOST_HEAD).await;
    assert!(futures_util::poll!(first.as_mut()).is_pending());
    // Bytes change nothing: the time does not begin anew.
    arrival.notice();
    assert!(lasts(first).await <= Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_later_one_may_be_waited_for() {
    let (timer, _) = timer();
    drop(next(&timer));
    let took = lasts(next(&timer)).await;
    assert!(took >= KEEP_ALIVE && took < KEEP_ALIVE + Duration::from_secs(1), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn once_it_begins_it_has_the_time_of_a_head() {
    let (timer, arrival) = timer();
    drop(next(&timer));
    // What came before belongs to the request before.
    arrival.notice();
    let mut later = next(&timer);
    advance(ALMOST_KEEP_ALIVE).await;
    assert!(futures_util::poll!(later.as_mut()).is_pending());
    arrival.notice();
    assert!(futures_util::poll!(later.as_mut()).is_pending());
    let took = lasts(later).await;
    assert!(took >= HEAD && took < HEAD + Duration::from_secs(1), "{took:?}");
}
