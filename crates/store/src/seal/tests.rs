//! A row opens in its place and nowhere else.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;

use super::*;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

fn sealed(sealer: &Sealer, key: &Key, value: &[u8]) -> Vec<u8> {
    let mut batch = Batch::new();
    batch.put(key.clone(), value.to_vec());
    let RowChange::Put { value, .. } = sealer.seal(&batch, &mut rng()).unwrap().0.remove(0) else {
        panic!("a value was put")
    };
    value
}

#[test]
fn a_row_opens_in_its_place_only() {
    let sealer = Sealer::new(&StoreKey::random(&mut rng()));
    let key = Collection::of("history", "bob").at(7);
    for value in [b"".as_slice(), b"a", &[9; 5000]] {
        let row = sealed(&sealer, &key, value);
        assert_eq!(row.len(), value.len() + key.collection.name().len() + ROW_OVERHEAD);
        assert_eq!(sealer.open(&key, &row).unwrap().as_slice(), value);
        assert!(sealer.open_row(&sealer.row(&key), &row).unwrap().0 == key);
        for other in [
            Collection::of("history", "bob").at(8),
            Collection::of("history", "bob").at(7 << 56),
            Collection::of("history", "bo").at(7),
            Collection::new("history").at(7),
        ] {
            assert_eq!(sealer.open(&other, &row).err(), Some(StoreError::Damaged));
        }
        let stranger = Sealer::new(&StoreKey(Secret::copy_of(&[1; 32])));
        assert_eq!(stranger.open(&key, &row).err(), Some(StoreError::Damaged));
    }
}

#[test]
fn every_damage_of_a_row_is_found() {
    let sealer = Sealer::new(&StoreKey::random(&mut rng()));
    let key = Collection::new("sessions").at(0);
    let row = sealed(&sealer, &key, b"a secret");
    for bit in 0..row.len() * 8 {
        let mut damaged = row.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(sealer.open(&key, &damaged).err(), Some(StoreError::Damaged), "bit {bit}");
    }
    for len in 0..row.len() {
        assert_eq!(sealer.open(&key, &row[..len]).err(), Some(StoreError::Damaged), "{len}");
    }
    assert_eq!(sealer.open(&key, &[&row[..], &[0]].concat()).err(), Some(StoreError::Damaged));
}

/// Who has the key and writes a row of another name into this place is found out too.
#[test]
fn a_sealed_name_that_is_not_the_places_is_damage() {
    let sealer = Sealer::new(&StoreKey::random(&mut rng()));
    let (here, there) = (Collection::new("a").at(1), Collection::new("b").at(1));
    let row = sealer.row(&here);
    let value = sealer.seal_value(&row, &there, b"value", &mut rng()).unwrap();
    assert_eq!(sealer.open_row(&row, &value).err(), Some(StoreError::Damaged));
}

#[test]
fn the_same_value_is_sealed_differently_each_time() {
    let sealer = Sealer::new(&StoreKey::random(&mut rng()));
    let mut batch = Batch::new();
    let key = Collection::new("sessions").at(0);
    batch.put(key.clone(), b"value".to_vec());
    batch.put(key, b"value".to_vec());
    let rows = sealer.seal(&batch, &mut rng()).unwrap();
    assert_ne!(rows.0[0], rows.0[1]);
}

#[test]
fn both_sides_of_the_limits() {
    let sealer = Sealer::new(&StoreKey::random(&mut rng()));
    let commit = |name: usize, value: usize| {
        let mut batch = Batch::new();
        batch.put(Collection::new(vec![b'n'; name]).at(0), vec![1; value]);
        sealer.seal(&batch, &mut rng()).map(drop)
    };
    assert_eq!(commit(MAX_NAME_LEN, 1), Ok(()));
    assert_eq!(commit(MAX_NAME_LEN + 1, 1), Err(StoreError::TooLarge));
    assert_eq!(commit(1, MAX_VALUE_LEN), Ok(()));
    assert_eq!(commit(1, MAX_VALUE_LEN + 1), Err(StoreError::TooLarge));
}

#[test]
fn names_of_collections_are_told_apart() {
    let names = [
        Collection::new("history"),
        Collection::of("history", ""),
        Collection::of("history", "bob"),
        Collection::of("history", "bob/1"),
        Collection::of("histor", "y/bob"),
    ];
    let sealer = Sealer::new(&StoreKey::random(&mut rng()));
    let other = Sealer::new(&StoreKey(Secret::copy_of(&[1; 32])));
    let mut ids: Vec<_> = names.iter().map(|name| sealer.collection(name)).collect();
    assert!(names.iter().all(|name| sealer.collection(name) != other.collection(name)));
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), names.len());
    assert_eq!(names[2].member_of("history"), Some(b"bob".as_slice()));
    assert_eq!(names[3].member_of("history"), Some(b"bob/1".as_slice()));
    assert_eq!(names[0].member_of("history"), None);
    assert_eq!(names[4].member_of("history"), None);
}

#[test]
fn what_can_be_printed_shows_no_name_and_no_value() {
    let mut batch = Batch::new();
    batch.put(Collection::of("history", "bob").at(4), b"secret".to_vec());
    let key = Collection::of("history", "bob").at(4);
    let shown = format!("{batch:?} {key:?}");
    assert!(!shown.contains("bob") && !shown.contains("secret") && !shown.contains("115"));
    static_assertions::assert_not_impl_any!(StoreKey: core::fmt::Debug, Clone);
    static_assertions::assert_not_impl_any!(Sealer: core::fmt::Debug, Clone);
    static_assertions::assert_not_impl_any!(Change: core::fmt::Debug, Clone);
}
