//! Chunks open in their place, streams are whole or refused.

use super::*;

fn key() -> ChunkKey {
    ChunkKey::new(&Secret::copy_of(&[3; 32]), b"bound")
}

fn content(len: usize) -> Vec<u8> {
    (0..=250).cycle().take(len).collect()
}

fn written(content: &[u8]) -> Vec<u8> {
    let mut writer = SealingWriter::new(key(), Vec::new());
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

fn read(stream: &[u8]) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    OpeningReader::new(key(), stream).read_to_end(&mut content)?;
    Ok(content)
}

fn refused(stream: &[u8]) {
    assert_eq!(read(stream).unwrap_err().kind(), ErrorKind::InvalidData);
}

const FULL: usize = CHUNK_LEN + CHUNK_OVERHEAD;

#[test]
fn every_length_comes_back() {
    for len in [0, 1, CHUNK_LEN - 1, CHUNK_LEN, CHUNK_LEN + 1, 2 * CHUNK_LEN, 3 * CHUNK_LEN + 7] {
        let content = content(len);
        let stream = written(&content);
        let chunks = len.div_ceil(CHUNK_LEN).max(1);
        assert_eq!(stream.len(), len + chunks * CHUNK_OVERHEAD);
        assert_eq!(read(&stream).unwrap(), content);
        // Chunk by chunk, as an attachment is read: the same bytes.
        for index in 0..chunks {
            let (place, held) = Place::of(u32::try_from(index).unwrap(), len as u64).unwrap();
            let part = &content[index * CHUNK_LEN..][..held];
            let sealed = key().seal(place, part).unwrap();
            assert_eq!(sealed, stream[index * FULL..][..held + CHUNK_OVERHEAD]);
            assert_eq!(key().open(place, &sealed).unwrap().as_slice(), part);
        }
        assert_eq!(Place::of(u32::try_from(chunks).unwrap(), len as u64), None);
    }
}

#[test]
fn small_writes_make_the_same_stream() {
    let content = content(2 * CHUNK_LEN + 5);
    let mut writer = SealingWriter::new(key(), Vec::new());
    for part in content.chunks(999) {
        writer.write_all(part).unwrap();
        writer.flush().unwrap();
    }
    assert_eq!(writer.finish().unwrap(), written(&content));
}

#[test]
fn a_stream_that_is_cut_off_is_refused() {
    let stream = written(&content(2 * CHUNK_LEN + 5));
    for len in [0, 1, 15, 16, FULL - 1, FULL, FULL + 1, FULL + 16, 2 * FULL, stream.len() - 1] {
        refused(&stream[..len]);
    }
    refused(&[&stream[..], &[0]].concat());
}

#[test]
fn chunks_that_are_moved_repeated_or_altered_are_refused() {
    let stream = written(&content(3 * CHUNK_LEN));
    let chunks: Vec<&[u8]> = stream.chunks(FULL).collect();
    refused(&[chunks[1], chunks[0], chunks[2]].concat());
    refused(&[chunks[0], chunks[0], chunks[2]].concat());
    refused(&[chunks[0], chunks[2]].concat());
    refused(&[chunks[0], chunks[1], chunks[2], chunks[2]].concat());
    for at in [0, CHUNK_LEN, FULL, stream.len() - 1] {
        let mut altered = stream.clone();
        altered[at] ^= 0x80;
        refused(&altered);
    }
}

#[test]
fn a_chunk_opens_in_its_place_under_its_key_only() {
    let place = Place { index: 5, last: true };
    let chunk = key().seal(place, b"content").unwrap();
    assert_eq!(key().open(place, &chunk).unwrap().as_slice(), b"content");
    let damaged = Some(ChunkError::Damaged);
    assert_eq!(key().open(Place { index: 4, last: true }, &chunk).err(), damaged);
    assert_eq!(key().open(Place { index: 5, last: false }, &chunk).err(), Some(ChunkError::Length));
    let other = ChunkKey::new(&Secret::copy_of(&[4; 32]), b"bound");
    assert_eq!(other.open(place, &chunk).err(), damaged);
    let unbound = ChunkKey::new(&Secret::copy_of(&[3; 32]), b"");
    assert_eq!(unbound.open(place, &chunk).err(), damaged);
}

#[test]
fn no_other_lengths_are_chunks() {
    let full = content(CHUNK_LEN);
    for (index, last, len, fits) in [
        (0, true, 0, true),
        (1, true, 0, false),
        (1, true, 1, true),
        (0, false, CHUNK_LEN, true),
        (0, false, CHUNK_LEN - 1, false),
        (0, true, CHUNK_LEN, true),
    ] {
        let sealed = key().seal(Place { index, last }, &full[..len]);
        assert_eq!(sealed.is_ok(), fits, "{index} {last} {len}");
    }
    let place = Place { index: 0, last: true };
    assert_eq!(key().seal(place, &content(CHUNK_LEN + 1)).err(), Some(ChunkError::Length));
    assert_eq!(key().open(place, &[0; 15]).err(), Some(ChunkError::Length));
    assert_eq!(key().open(place, &vec![0; FULL + 1]).err(), Some(ChunkError::Length));
}

/// The nonce as the documents have it: 7 zeros, the index, the flag.
#[test]
fn chunks_are_sealed_under_the_nonce_that_stream_be32_defines() {
    use aes_gcm_siv::{AeadInOut, Nonce};
    for (index, last, nonce) in [
        (0, true, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        (0x0102_0304, true, [0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 1]),
    ] {
        let mut plain = b"content".to_vec();
        Aes256GcmSiv::new(&[3; 32].into())
            .encrypt_in_place(&Nonce::from(nonce), b"bound", &mut plain)
            .unwrap();
        assert_eq!(key().seal(Place { index, last }, b"content").unwrap(), plain);
    }
}
