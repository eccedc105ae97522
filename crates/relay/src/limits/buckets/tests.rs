//! Buckets on both sides of their limits, in a time that the tests set.

use super::*;

const NOW: u64 = 1_800_000_000;

fn buckets(burst: u32, per_hour: u32) -> Buckets<u32> {
    Buckets::new(Rate { burst, per_hour })
}

fn wait(outcome: Result<(), Exhausted>) -> Option<u32> {
    outcome.err().map(|exhausted| exhausted.retry_after)
}

#[test]
fn a_burst_and_no_more() {
    let buckets = buckets(3, 60);
    for _ in 0..3 {
        assert_eq!(buckets.take(1, NOW), Ok(()));
    }
    assert_eq!(wait(buckets.take(1, NOW)), Some(60));
    assert_eq!(buckets.take(2, NOW), Ok(()), "another key has another bucket");
}

#[test]
fn what_was_taken_comes_back_to_the_second() {
    let buckets = buckets(2, 60);
    buckets.take(1, NOW).unwrap();
    buckets.take(1, NOW).unwrap();
    assert_eq!(wait(buckets.take(1, NOW + 1)), Some(59));
    assert_eq!(wait(buckets.take(1, NOW + 59)), Some(1));
    assert_eq!(buckets.take(1, NOW + 60), Ok(()));
    assert_eq!(wait(buckets.take(1, NOW + 60)), Some(60));
}

#[test]
fn fractions_add_up_exactly() {
    // Seven in an hour: one in 514 and 2/7 seconds. In 7 hours, asked each second, 2 + 49 pass.
    let buckets = buckets(2, 7);
    let passed = (0..=7 * 3600).filter(|at| buckets.take(1, NOW + at).is_ok()).count();
    assert_eq!(passed, 51);
}

#[test]
fn a_full_bucket_does_not_overflow() {
    let buckets = buckets(2, 60);
    buckets.take(1, NOW).unwrap();
    let later = NOW + 1_000_000;
    assert_eq!(buckets.take(1, later), Ok(()));
    assert_eq!(buckets.take(1, later), Ok(()));
    assert_eq!(wait(buckets.take(1, later)), Some(60));
}

#[test]
fn a_clock_that_was_set_back_opens_and_locks_nothing() {
    let buckets = buckets(2, 60);
    buckets.take(1, NOW).unwrap();
    assert_eq!(buckets.take(1, NOW - 100_000), Ok(()));
    assert_eq!(wait(buckets.take(1, NOW - 100_000)), Some(60));
    assert_eq!(buckets.take(1, NOW - 100_000 + 60), Ok(()));
}

#[test]
fn nothing_at_all_is_a_limit_too() {
    assert_eq!(wait(buckets(0, 60).take(1, NOW)), Some(60));
    let once = buckets(1, 0);
    once.take(1, NOW).unwrap();
    assert_eq!(wait(once.take(1, NOW)), Some(3600));
    assert_eq!(wait(once.take(1, NOW + 3600)), Some(3600));
}

#[test]
fn full_buckets_are_forgotten() {
    let buckets = buckets(10, 3600);
    for key in 0..10_000 {
        // Each is full again after a second.
        buckets.take(key, NOW + u64::from(key)).unwrap();
    }
    assert!(lock(&buckets.table).debts.len() <= SWEEP);
}

#[test]
fn under_a_flood_of_keys_those_who_owe_least_are_forgotten() {
    let buckets = Buckets::remembering(Rate { burst: 5, per_hour: 1 }, 2_000);
    for _ in 0..5 {
        buckets.take(u32::MAX, NOW).unwrap();
    }
    for key in 0..100_000 {
        buckets.take(key, NOW).unwrap();
        assert!(lock(&buckets.table).debts.len() <= 2_000);
    }
    assert!(buckets.take(u32::MAX, NOW).is_err(), "who owes much is remembered");
}

#[test]
fn what_other_nodes_took_counts_and_what_was_not_told_is_kept() {
    let buckets = Buckets::new(Rate { burst: 10, per_hour: 3600 }).among_others();
    for _ in 0..3 {
        buckets.take("a", 100).unwrap();
    }
    let told = buckets.tell();
    assert_eq!(told, [("a", 3 * CALL)]);
    assert_eq!(buckets.tell(), []);
    buckets.keep(told);
    assert_eq!(buckets.tell(), [("a", 3 * CALL)]);
    // While the others are asked, one more is taken; with the four of another node that makes eight.
    buckets.take("a", 100).unwrap();
    buckets.even_out("a", 7 * CALL, 100);
    buckets.take("a", 100).unwrap();
    buckets.take("a", 100).unwrap();
    assert!(buckets.take("a", 100).is_err());
    assert_eq!(buckets.tell(), [("a", 3 * CALL)]);
}

#[test]
fn a_node_that_is_alone_remembers_nothing_to_tell() {
    let buckets = Buckets::new(Rate { burst: 10, per_hour: 3600 });
    buckets.take("a", 100).unwrap();
    assert_eq!(buckets.tell(), []);
}
