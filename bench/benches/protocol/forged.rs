//! A forged message of the right length, offered to every session: nobody's header key opens it. The
//! peer's names a ratchet key, so each of its sessions must agree with that first.

use std::hint::black_box;

use criterion::Criterion;
use vodozemac::olm::Session;

use crate::floor::{self, Key, random};
use crate::{Group, peer, sprag};

pub(crate) fn all(criterion: &mut Criterion) {
    one_of(&mut criterion.benchmark_group("forged_1_session"), 1);
    one_of(&mut criterion.benchmark_group("forged_40_sessions"), 40);
}

/// One message, offered to so many sessions in turn.
fn one_of(group: &mut Group<'_>, sessions: u8) {
    let mut rng = floor::rng();
    let mut forged: [u8; floor::MESSAGE] = random(&mut rng);
    forged[..2].copy_from_slice(&[1, 2]);
    let mut ours: Vec<_> = (0..sessions).map(|seed| sprag::established(seed).0).collect();
    group.bench_function("sprag", |bencher| {
        bencher.iter(|| {
            let refused: u8 = ours.iter_mut().map(|end| u8::from(end.refuses(&forged))).sum();
            assert_eq!(refused, sessions, "it is forged");
        });
    });

    // Established sessions try two header keys: of the open chain, and of the one after it.
    let keys: Vec<[Key; 2]> = (0..sessions).map(|_| [random(&mut rng), random(&mut rng)]).collect();
    let message = peer::forged(random(&mut rng), &random(&mut rng), random(&mut rng));
    let mut theirs: Vec<_> = (0..sessions).map(|_| peer::established().0).collect();
    group.bench_function("peer", |bencher| {
        bencher.iter(|| {
            let message = peer::parse(&message);
            let refuses = |session: &mut Session| u8::from(session.decrypt(&message).is_err());
            assert_eq!(theirs.iter_mut().map(refuses).sum::<u8>(), sessions, "it is forged");
        });
    });

    group.bench_function("floor", |bencher| {
        bencher.iter(|| {
            let tried = keys.as_flattened().iter();
            tried.filter(|key| floor::open_header(key, black_box(&forged))).count()
        });
    });
}
