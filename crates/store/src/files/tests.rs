//! One owner at a time, whose number the others learn.

use super::*;

#[test]
fn the_second_one_learns_who_is_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    // The number of a process that is long gone, and longer than this one's.
    std::fs::write(beside(&path, ".lock"), "4294967295").unwrap();
    let first = Exclusive::take(&path).unwrap();
    let pid = Some(std::process::id());
    for _ in 0..2 {
        assert_eq!(Exclusive::take(&path).err(), Some(StoreError::InUse { pid }));
    }
    drop(first);
    let next = Exclusive::take(&path).unwrap();
    assert_eq!(Exclusive::take(&path).err(), Some(StoreError::InUse { pid }));
    std::fs::write(beside(&path, ".lock"), "no number").unwrap();
    assert_eq!(Exclusive::take(&path).err(), Some(StoreError::InUse { pid: None }));
    drop(next);
}

#[test]
fn a_path_without_a_folder_is_in_this_one() {
    assert_eq!(folder(Path::new("store")), None);
    assert_eq!(folder(Path::new("a/store")), Some(Path::new("a")));
    assert!(sync_folder(Path::new("store")).is_ok());
}
