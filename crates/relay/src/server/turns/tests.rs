//! Rounds, with a hundred strangers.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A hundred who want a turn each; counts those who had theirs.
fn strangers(turns: &Turns) -> (Arc<AtomicUsize>, Vec<tokio::task::JoinHandle<()>>) {
    let had = Arc::new(AtomicUsize::new(0));
    let tasks = (0..100)
        .map(|_| {
            let (turns, had) = (turns.clone(), Arc::clone(&had));
            tokio::spawn(async move {
                turns.paced(async { had.fetch_add(1, Ordering::Relaxed) }).await;
            })
        })
        .collect();
    (had, tasks)
}

#[tokio::test]
async fn whoever_is_let_in_waits_for_one_round() {
    let turns = Turns::start();
    let (had, tasks) = strangers(&turns);
    let of_strangers = Arc::clone(&had);
    let message = tokio::spawn(async move { of_strangers.load(Ordering::Relaxed) });
    assert_eq!(message.await.unwrap(), ROUND);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(had.load(Ordering::Relaxed), 100);
}

#[tokio::test]
async fn a_long_wait_is_broken_by_everything_else() {
    let turns = Turns::start();
    let (had, _tasks) = strangers(&turns);
    let mut before = 0;
    while had.load(Ordering::Relaxed) < 100 {
        yield_now().await;
        let now = had.load(Ordering::Relaxed);
        assert!(now - before <= ROUND, "{before} {now}");
        before = now;
    }
}

#[tokio::test]
async fn whoever_gives_up_takes_nobody_elses_turn() {
    let turns = Turns::start();
    let (had, tasks) = strangers(&turns);
    yield_now().await;
    for task in &tasks[..90] {
        task.abort();
    }
    for task in tasks {
        let _ = task.await;
    }
    assert!((10..100).contains(&had.load(Ordering::Relaxed)));
    let (had, tasks) = strangers(&turns);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(had.load(Ordering::Relaxed), 100);
}

#[tokio::test]
async fn the_task_ends_with_the_last_turn() {
    let turns = Turns::start();
    let over = Arc::downgrade(&turns.0.over);
    turns.paced(async {}).await;
    yield_now().await;
    drop(turns);
    while over.strong_count() > 0 {
        yield_now().await;
    }
}
