//! A profile keeps its records; it opens, and becomes another, under its lock only.

use std::io::Cursor;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use sprag_protocol::secret::Secret;

use super::*;
use crate::lock::Unlock;
use crate::memory::{Disk, Memory};
use crate::record::Value;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(9)
}

fn cheap() -> Cost {
    Cost::new(8, 1, 1).unwrap()
}

fn lock() -> Lock<'static> {
    Lock::Passphrase("correct", cheap())
}

fn history(name: &str) -> Collection {
    Collection::of("history", name)
}

/// So many records each, in two collections.
fn filled(disk: &Disk, records: u64) -> Profile<Memory> {
    let mut profile = Profile::create(disk.open().unwrap(), &lock(), &mut rng()).unwrap();
    let mut batch = Batch::new();
    for position in 0..records {
        batch.put(history("bob").at(position), position.to_be_bytes().to_vec());
        batch.put(history("carol").at(u64::MAX - position), vec![1; 3000]);
    }
    profile.commit(&batch, &mut rng()).unwrap();
    profile
}

fn all<S: Store>(profile: &mut Profile<S>) -> Vec<(u64, Value)> {
    let pages = [history("bob"), history("carol")].map(|of| profile.range(&of, Page::ALL).unwrap());
    pages.into_iter().flatten().collect()
}

#[test]
fn records_come_back_in_their_order_after_reopening() {
    let disk = Disk::new();
    drop(filled(&disk, 5));
    let unlock = lock().unlock();
    let mut profile = Profile::open(disk.open().unwrap(), &unlock).unwrap();
    let newest = profile.range(&history("bob"), Page::newest(2)).unwrap();
    let expected = [4_u64, 3].map(|at| (at, Value::new(at.to_be_bytes().to_vec())));
    assert_eq!(newest, expected);
    let oldest = profile.range(&history("bob"), Page { from: 1, ..Page::oldest(1) }).unwrap();
    assert_eq!(oldest[0].0, 1);

    let mut batch = Batch::new();
    batch.remove_range(history("bob"), 1, 3);
    let mut more = Batch::new();
    more.remove(history("carol").at(u64::MAX));
    more.put(history("bob").at(4), b"new".to_vec());
    batch.append(more);
    assert!(batch.len() == 3 && batch.changes().len() == 3 && !batch.is_empty());
    profile.commit(&batch, &mut rng()).unwrap();
    let left = profile.range(&history("bob"), Page::ALL).unwrap();
    assert_eq!(left.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 4]);
    assert_eq!(profile.read(&history("bob").at(4)).unwrap().unwrap().as_slice(), b"new");
    assert_eq!(profile.read(&history("carol").at(u64::MAX)), Ok(None));
    assert_eq!(profile.read(&history("dora").at(0)), Ok(None));
}

#[test]
fn a_profile_is_made_once_and_opens_with_its_secret() {
    let disk = Disk::new();
    let missing = Profile::open(disk.open().unwrap(), &lock().unlock()).err();
    assert_eq!(missing, Some(StoreError::Missing));
    drop(filled(&disk, 1));
    let exists = Profile::create(disk.open().unwrap(), &lock(), &mut rng()).err();
    assert_eq!(exists, Some(StoreError::Exists));
    let wrong = Profile::open(disk.open().unwrap(), &Unlock::Passphrase("wrong")).err();
    assert_eq!(wrong, Some(StoreError::WrongKey));
    let mut profile = Profile::open(disk.open().unwrap(), &lock().unlock()).unwrap();
    assert_eq!(disk.open().err(), Some(StoreError::InUse { pid: None }));
    assert_eq!(all(&mut profile).len(), 2);
}

#[test]
fn another_lock_keeps_the_records() {
    let disk = Disk::new();
    let mut profile = filled(&disk, 3);
    let before = all(&mut profile);
    let key = Secret::copy_of(&[8; 32]);
    profile.change_lock(&Lock::External(&key), &mut rng()).unwrap();
    assert!(all(&mut profile) == before);
    let store = profile.into_store();
    let old = Profile::open(store, &lock().unlock()).err();
    assert_eq!(old, Some(StoreError::OtherLock(crate::Wrapping::External)));
    let mut profile = Profile::open(disk.open().unwrap(), &Unlock::External(&key)).unwrap();
    assert!(all(&mut profile) == before);
}

#[test]
fn a_row_that_somebody_moved_is_damage() {
    let disk = Disk::new();
    let mut profile = filled(&disk, 2);
    let sealer = Sealer::new(&profile.key);
    let [first, second] = [0, 1].map(|at| sealer.row(&history("bob").at(at)));
    let value = profile.store.read(&first).unwrap().unwrap();
    profile.store.commit(&SealedBatch(vec![RowChange::Put { row: second, value }])).unwrap();
    assert_eq!(profile.read(&history("bob").at(1)).err(), Some(StoreError::Damaged));
    assert_eq!(profile.range(&history("bob"), Page::ALL).err(), Some(StoreError::Damaged));
    assert!(profile.read(&history("bob").at(0)).is_ok());
    let mut backup = Vec::new();
    let outcome = profile.export("backup", cheap(), &mut backup, &mut rng());
    assert_eq!(outcome, Err(StoreError::Damaged));
}

#[test]
fn a_full_disk_leaves_the_records_as_they_were() {
    let disk = Disk::new();
    let mut profile = filled(&disk, 3);
    let before = all(&mut profile);
    disk.set_capacity(Some(20_000));
    let mut batch = Batch::new();
    batch.remove(history("bob").at(0));
    batch.put(history("bob").at(1), vec![0; 20_000]);
    for _ in 0..2 {
        assert_eq!(profile.commit(&batch, &mut rng()), Err(StoreError::Full));
        assert!(all(&mut profile) == before);
    }
    disk.set_capacity(None);
    profile.commit(&batch, &mut rng()).unwrap();
    assert_eq!(all(&mut profile).len(), before.len() - 1);
}

fn backup(profile: &mut Profile<Memory>) -> Vec<u8> {
    let mut backup = Vec::new();
    profile.export("backup", cheap(), &mut backup, &mut rng()).unwrap();
    backup
}

#[test]
fn a_backup_becomes_the_same_profile_under_another_key() {
    // More than one commit of the import.
    for records in [0, 1, 700] {
        let mut profile = filled(&Disk::new(), records);
        let backup = backup(&mut profile);
        let disk = Disk::new();
        let key = Secret::copy_of(&[8; 32]);
        let new = Lock::KeyFile(&key);
        let from = Cursor::new(&backup);
        let restored =
            Profile::import(disk.open().unwrap(), &new, from, "backup", &mut rng()).unwrap();
        drop(restored);
        let mut restored = Profile::open(disk.open().unwrap(), &new.unlock()).unwrap();
        assert!(all(&mut restored) == all(&mut profile));
    }
}

#[test]
fn a_backup_that_does_not_open_changes_nothing() {
    let mut profile = filled(&Disk::new(), 100);
    let whole = backup(&mut profile);
    let import = |backup: &[u8], passphrase: &str| {
        let disk = Disk::new();
        let store = disk.open().unwrap();
        let error =
            Profile::import(store, &lock(), Cursor::new(backup), passphrase, &mut rng()).err();
        let mut store = disk.open().unwrap();
        assert!(store.header().unwrap().is_none() && store.walk(None, 1).unwrap().is_empty());
        error
    };
    assert_eq!(import(&whole, "wrong"), Some(StoreError::WrongKey));
    assert_eq!(import(b"no backup", "backup"), Some(StoreError::Foreign));
    // The end is missing: all that comes before is right, and is not imported either.
    assert_eq!(import(&whole[..whole.len() - 1], "backup"), Some(StoreError::Damaged));
    let mut damaged = whole;
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(import(&damaged, "backup"), Some(StoreError::Damaged));
}

#[test]
fn an_import_that_is_cut_off_leaves_no_profile_and_can_be_made_again() {
    let mut profile = filled(&Disk::new(), 700);
    let backup = backup(&mut profile);
    let disk = Disk::new();
    disk.set_capacity(Some(1_500_000));
    let import = || {
        let from = Cursor::new(&backup);
        Profile::import(disk.open().unwrap(), &lock(), from, "backup", &mut rng())
    };
    assert_eq!(import().err(), Some(StoreError::Full));
    assert!(!disk.open().unwrap().walk(None, 1).unwrap().is_empty(), "it had begun");
    let missing = Profile::open(disk.open().unwrap(), &lock().unlock()).err();
    assert_eq!(missing, Some(StoreError::Missing));

    disk.set_capacity(None);
    let mut again = import().unwrap();
    assert!(all(&mut again) == all(&mut profile));
    let rows = again.into_store().walk(None, usize::MAX).unwrap().len();
    assert_eq!(rows, 1400, "nothing is left of the first");
    assert_eq!(import().err(), Some(StoreError::Exists));
}
