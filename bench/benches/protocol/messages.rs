//! Messages of an established session: in chain, turning at each, and after a gap.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};

use crate::floor::{self, Conversation, Key};
use crate::sprag::End;
use crate::{BATCH, Group, SKIPPED, peer, sprag};

pub(crate) fn all(criterion: &mut Criterion) {
    encrypt(&mut criterion.benchmark_group("encrypt_256"));
    decrypt(&mut criterion.benchmark_group("decrypt_256"));
    ping_pong(&mut criterion.benchmark_group("ping_pong_256_both_ways"));
    skipped(&mut criterion.benchmark_group("skipped_1000"));
}

/// The next message of an open chain.
fn encrypt(group: &mut Group<'_>) {
    let (mut alice, _) = sprag::established(1);
    group.bench_function("sprag", |bencher| bencher.iter(|| alice.seal()));

    let (mut alice, _) = peer::established();
    group.bench_function("peer", |bencher| bencher.iter(|| peer::seal(&mut alice)));

    let (mut chain, header_key) = ([1; 32], black_box([2; 32]));
    group.bench_function("floor", |bencher| {
        bencher.iter(|| {
            let (next, message_key) = floor::chain_step(&chain);
            chain = next;
            floor::seal_message(&header_key, &message_key)
        });
    });
}

/// The next message of an open chain, in order.
fn decrypt(group: &mut Group<'_>) {
    let (mut alice, mut bob) = sprag::established(1);
    group.bench_function("sprag", |bencher| {
        bencher.iter_batched(|| alice.seal(), |message| bob.open(&message), BATCH);
    });

    let (mut alice, mut bob) = peer::established();
    group.bench_function("peer", |bencher| {
        let seal = || peer::seal(&mut alice);
        bencher.iter_batched(seal, |message| peer::open(&mut bob, &message), BATCH);
    });

    let header_key = black_box([2; 32]);
    let (mut ours, mut theirs): (Key, Key) = ([1; 32], [1; 32]);
    group.bench_function("floor", |bencher| {
        let seal = || {
            let (next, message_key) = floor::chain_step(&ours);
            ours = next;
            floor::seal_message(&header_key, &message_key)
        };
        let open = |message: Vec<u8>| {
            let (next, message_key) = floor::chain_step(&theirs);
            theirs = next;
            floor::open_message(&header_key, &message_key, &message)
        };
        bencher.iter_batched(seal, open, BATCH);
    });
}

/// A message each way, each with a step of the DH ratchet on both sides. The time is that of two
/// messages; the throughput counts messages.
fn ping_pong(group: &mut Group<'_>) {
    group.throughput(Throughput::Elements(2));
    let (mut alice, mut bob) = sprag::established(1);
    group.bench_function("sprag", |bencher| {
        bencher.iter(|| (alice.open(&bob.seal()), bob.open(&alice.seal())));
    });

    let (mut alice, mut bob) = peer::established();
    group.bench_function("peer", |bencher| {
        bencher.iter(|| {
            let back = peer::seal(&mut bob);
            let opened = peer::open(&mut alice, &back);
            let forth = peer::seal(&mut alice);
            (opened, peer::open(&mut bob, &forth))
        });
    });

    let mut conversation = Conversation::new();
    group.bench_function("floor", |bencher| {
        bencher.iter(|| (conversation.message(), conversation.message()));
    });
}

/// A message of an open chain before which 1,000 are missing. The peer walks its chain as far but
/// keeps only the last 40 keys, and derives no others.
fn skipped(group: &mut Group<'_>) {
    let few = BatchSize::NumIterations(8);
    let (mut alice, bob) = sprag::established(1);
    let ahead = (0..=SKIPPED).map(|_| alice.seal()).last().unwrap();
    group.bench_function("sprag", |bencher| {
        bencher.iter_batched(|| bob.copy(), |mut bob: End| (bob.open(&ahead), bob), few);
    });

    let (mut alice, bob) = peer::established();
    let ahead = (0..=SKIPPED).map(|_| peer::seal(&mut alice)).last().unwrap();
    group.bench_function("peer", |bencher| {
        let open = |mut bob| (peer::open(&mut bob, &ahead), bob);
        bencher.iter_batched(|| peer::copy(&bob), open, few);
    });

    let header_key = black_box([2; 32]);
    let ahead = floor::seal_message(&header_key, &walk().last().unwrap().1);
    group.bench_function("floor", |bencher| {
        bencher.iter_batched(
            || (),
            |()| {
                let keys = walk();
                let (_, last) = keys.last().unwrap();
                (floor::open_message(&header_key, last, &ahead), keys)
            },
            few,
        );
    });
}

/// 1,001 steps of a chain: the chain key after each, and its message key.
fn walk() -> Vec<(Key, Key)> {
    let mut keys = Vec::with_capacity(SKIPPED + 1);
    let mut chain = black_box([1; 32]);
    for _ in 0..=SKIPPED {
        let (next, message_key) = floor::chain_step(&chain);
        keys.push((next, message_key));
        chain = next;
    }
    keys
}
