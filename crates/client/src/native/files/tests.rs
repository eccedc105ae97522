//! Of files.

use super::*;
use crate::content::MAX_FILE_LEN;
use crate::transfer::Layout;

#[test]
fn the_longest_file_fits_a_blob() {
    for length in [MAX_FILE_LEN, MAX_FILE_LEN - 1, 99 * 1024 * 1024 + 1] {
        let layout = Layout::of(length).unwrap();
        assert!(layout.padded >= length);
        assert!(layout.sealed() <= sprag_api::limit::BLOB_LEN, "{length}");
    }
    assert!(Layout::of(MAX_FILE_LEN + 1).is_none());
    assert!(Layout::of(0).is_none());
}

#[test]
fn chunks_lie_one_behind_the_other() {
    let layout = Layout::of(200_000).unwrap();
    assert!((200_000..=224_000).contains(&layout.padded), "{}", layout.padded);
    assert_eq!(layout.chunks(), 4);
    for index in 0..layout.chunks() {
        assert_eq!(Layout::chunk_at(Layout::begin(index)), (index, 0));
        assert_eq!(Layout::chunk_at(Layout::begin(index) + 7), (index, 7));
    }
    let end = layout.progress(layout.chunks());
    assert_eq!(end, Progress { done: 200_000, total: 200_000 });
    assert_eq!(layout.progress(1).done, 65_536);
}

#[test]
fn a_file_takes_no_others_place_unless_told() {
    let folder = tempfile::tempdir().unwrap();
    let (part, path) = (folder.path().join("part"), folder.path().join("path"));
    fs::write(&part, "new").unwrap();
    fs::write(&path, "old").unwrap();
    assert_eq!(put_in_place(&part, &path, Existing::Keep), Err(Error::FileExists));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    put_in_place(&part, &path, Existing::Replace).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert!(!part.exists());
    fs::write(&part, "newer").unwrap();
    put_in_place(&part, &folder.path().join("elsewhere"), Existing::Keep).unwrap();
    assert!(!part.exists());
}
