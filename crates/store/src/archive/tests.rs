//! Backups come back whole, or are refused by a name.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;

use super::*;
use crate::stream::{CHUNK_LEN, CHUNK_OVERHEAD};

fn cheap() -> Cost {
    Cost::new(8, 1, 1).unwrap()
}

fn written(records: &[(Key, Value)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let records = records.iter().map(|(key, value)| Ok((key.clone(), value.clone())));
    write_archive(records, "correct", cheap(), &mut bytes, &mut ChaCha20Rng::seed_from_u64(6))
        .unwrap();
    bytes
}

fn read(bytes: &[u8], passphrase: &str) -> Result<Vec<(Key, Value)>, StoreError> {
    read_archive(bytes, passphrase)?.collect()
}

/// Three chunks.
fn records() -> Vec<(Key, Value)> {
    let lens = [0, 1, 1000, CHUNK_LEN, 70_000, 3];
    let record = |(position, len): (u64, usize)| {
        (Collection::of("history", "bob").at(u64::MAX - position), vec![1; len].into())
    };
    (0..).zip(lens).map(record).collect()
}

#[test]
fn a_backup_comes_back() {
    for records in [records(), Vec::new()] {
        assert!(read(&written(&records), "correct") == Ok(records));
    }
}

#[test]
fn a_wrong_passphrase_is_told_from_damage() {
    let backup = written(&records());
    assert_eq!(read(&backup, "wrong").err(), Some(StoreError::WrongKey));
    assert_eq!(read(&backup, "").err(), Some(StoreError::WrongKey));
    for at in 0..backup.len() {
        // Every byte of the lock, and some of each chunk.
        if at < LOCK_LEN + 40 || at.is_multiple_of(9973) {
            let mut damaged = backup.clone();
            damaged[at] ^= 0x40;
            let expected = match at {
                0..12 => StoreError::Foreign,
                12 => StoreError::Newer { found: 0x41, known: 1 },
                _ => StoreError::Damaged,
            };
            assert_eq!(read(&damaged, "correct").err(), Some(expected), "{at}");
        }
    }
}

#[test]
fn a_backup_that_is_cut_off_or_lengthened_is_damaged() {
    let backup = written(&records());
    let chunk = CHUNK_LEN + CHUNK_OVERHEAD;
    let cuts = [0, 1, 16, 17, chunk, chunk + 1, 2 * chunk].map(|len| LOCK_LEN + len);
    for len in (0..LOCK_LEN).chain(cuts).chain([backup.len() - 1]) {
        let expected = if len < 12 { StoreError::Foreign } else { StoreError::Damaged };
        assert_eq!(read(&backup[..len], "correct").err(), Some(expected), "{len}");
    }
    let longer = [&backup[..], &[0]].concat();
    assert_eq!(read(&longer, "correct").err(), Some(StoreError::Damaged));
}

#[test]
fn chunks_of_a_backup_do_not_move_nor_come_from_another() {
    let backup = written(&records());
    let chunk = CHUNK_LEN + CHUNK_OVERHEAD;
    let (lock, chunks) = backup.split_at(LOCK_LEN);
    let chunks: Vec<&[u8]> = chunks.chunks(chunk).collect();
    for order in [[1, 0, 2].as_slice(), &[0, 2], &[0, 0, 2], &[2], &[0, 1, 2, 2]] {
        let moved: Vec<&[u8]> = order.iter().map(|index| chunks[*index]).collect();
        let moved = [lock, &moved.concat()].concat();
        assert_eq!(read(&moved, "correct").err(), Some(StoreError::Damaged), "{order:?}");
    }
    let mut other = Vec::new();
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let same = records().into_iter().map(Ok);
    write_archive(same, "correct", cheap(), &mut other, &mut rng).unwrap();
    let mixed = [&backup[..LOCK_LEN], &other[LOCK_LEN..]].concat();
    assert_eq!(read(&mixed, "correct").err(), Some(StoreError::Damaged));
}

/// Sealed as it must be, but nothing that a backup holds.
#[test]
fn what_is_no_sequence_of_records_is_damaged() {
    let lock = Lock::Passphrase("correct", cheap());
    let sealed = |content: &[u8]| {
        let mut rng = ChaCha20Rng::seed_from_u64(6);
        let (lock, key) = lock::close(MAGIC, &lock, &mut rng).unwrap();
        let mut writer = SealingWriter::new(ChunkKey::new(&key, &lock), lock.clone());
        writer.write_all(content).unwrap();
        writer.finish().unwrap()
    };
    let record = [&[0, 1, b'n'][..], &[0; 8], &[0, 0, 0, 2], b"ab"].concat();
    assert_eq!(read(&sealed(&record), "correct").unwrap().len(), 1);
    for len in 1..record.len() {
        let found = read(&sealed(&record[..len]), "correct").err();
        assert_eq!(found, Some(StoreError::Damaged), "{len}");
    }
    let name = [0x04, 0x01].iter().chain(&[b'n'; 2000]).copied().collect::<Vec<_>>();
    assert_eq!(read(&sealed(&name), "correct").err(), Some(StoreError::Damaged));
    let value = [&[0, 1, b'n'][..], &[0; 8], &[0xFF; 4], &[0; 100]].concat();
    assert_eq!(read(&sealed(&value), "correct").err(), Some(StoreError::Damaged));
}

#[test]
fn an_error_of_either_side_ends_a_backup() {
    /// Takes so many bytes.
    struct Small(usize);
    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let full =
        write_archive(records().into_iter().map(Ok), "correct", cheap(), Small(100_000), &mut rng);
    assert_eq!(full, Err(StoreError::Full));
    let damaged = [Err(StoreError::Damaged)];
    let outcome = write_archive(damaged, "correct", cheap(), Vec::new(), &mut rng);
    assert_eq!(outcome, Err(StoreError::Damaged));
    // An archive that was given up has no end, and is no archive.
}

#[test]
fn after_an_error_comes_nothing_more() {
    let backup = written(&records());
    let mut records = read_archive(&backup[..backup.len() - 1], "correct").unwrap();
    assert_eq!(records.by_ref().filter(Result::is_err).count(), 1);
    assert!(records.next().is_none());
}
