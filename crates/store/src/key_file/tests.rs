//! Key files come back, are their owner's alone, and are never overwritten.

use std::fs;
use std::io::ErrorKind;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;

use super::*;

#[test]
fn a_key_file_comes_back_and_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let key = create_key_file(&path, &mut rng).unwrap();
    assert_eq!(read_key_file(&path).unwrap().expose(), key.expose());
    let again = create_key_file(&path, &mut rng).err();
    assert_eq!(again, Some(StoreError::Io(ErrorKind::AlreadyExists)));
    assert_eq!(fs::read(&path).unwrap(), key.expose());
    let none = read_key_file(&folder.path().join("none")).err();
    assert_eq!(none, Some(StoreError::Io(ErrorKind::NotFound)));
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    create_key_file(&path, &mut ChaCha20Rng::seed_from_u64(5)).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for (mode, refusal) in [
        (0o400, None),
        (0o700, None),
        (0o640, Some(StoreError::Exposed)),
        (0o604, Some(StoreError::Exposed)),
        (0o620, Some(StoreError::Exposed)),
    ] {
        fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        assert_eq!(read_key_file(&path).err(), refusal, "{mode:o}");
    }
}

#[test]
fn a_key_file_of_another_length_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for len in [0, 31, 33] {
        let path = folder.path().join(len.to_string());
        create_key_file(&path, &mut ChaCha20Rng::seed_from_u64(5)).unwrap();
        fs::write(&path, vec![1; len]).unwrap();
        assert_eq!(read_key_file(&path).err(), Some(StoreError::Damaged));
    }
}
