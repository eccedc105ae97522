//! State to bytes and back.

use std::hint::black_box;

use criterion::Criterion;
use sprag_protocol::Sessions;
use vodozemac::olm::Session;

use crate::floor::{self, Pair};
use crate::{BATCH, Group, SKIPPED, peer, sprag};

pub(crate) fn all(criterion: &mut Criterion) {
    let (ours, theirs) = (sprag::established(1).0.sessions, peer::established().0);
    to_bytes(&mut criterion.benchmark_group("state_to_bytes"), &ours, &theirs);
    from_bytes(&mut criterion.benchmark_group("state_from_bytes"), &ours, &theirs);
    let (ours, theirs) = (sprag_after_gap(), peer_after_gap());
    to_bytes(&mut criterion.benchmark_group("state_to_bytes_1000_kept"), &ours, &theirs);
}

/// 1,000 kept keys.
pub(crate) fn sprag_after_gap() -> Sessions {
    let (mut alice, mut bob) = sprag::established(1);
    let ahead = (0..=SKIPPED).map(|_| alice.seal()).last().unwrap();
    bob.open(&ahead);
    bob.sessions
}

/// The same gap; of its keys the peer keeps 40.
pub(crate) fn peer_after_gap() -> Session {
    let (mut alice, mut bob) = peer::established();
    let ahead = (0..=SKIPPED).map(|_| peer::seal(&mut alice)).last().unwrap();
    peer::open(&mut bob, &ahead);
    bob
}

/// The peer writes JSON. The floor is a copy of the bytes and their checksum.
fn to_bytes(group: &mut Group<'_>, ours: &Sessions, theirs: &Session) {
    group.bench_function("sprag", |bencher| bencher.iter(|| ours.to_bytes()));
    group.bench_function("peer", |bencher| bencher.iter(|| peer::to_bytes(theirs)));
    let bytes = ours.to_bytes();
    group.bench_function("floor", |bencher| {
        bencher.iter(|| {
            let copy = black_box(bytes.expose()).to_vec();
            (floor::sha256(&copy), copy)
        });
    });
}

/// The floor is the checksum, and a key pair from its private half.
fn from_bytes(group: &mut Group<'_>, ours: &Sessions, theirs: &Session) {
    let bytes = ours.to_bytes();
    group.bench_function("sprag", |bencher| {
        bencher.iter_batched(|| (), |()| Sessions::from_bytes(bytes.expose()).unwrap(), BATCH);
    });
    let pickle = peer::to_bytes(theirs);
    group.bench_function("peer", |bencher| {
        bencher.iter_batched(|| (), |()| peer::from_bytes(&pickle), BATCH);
    });
    let secret = black_box([5; 32]);
    group.bench_function("floor", |bencher| {
        bencher.iter_batched(
            || (),
            |()| (floor::sha256(black_box(bytes.expose())), Pair::from_secret(&secret)),
            BATCH,
        );
    });
}
