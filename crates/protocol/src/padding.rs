//! Padding, so that a ciphertext's length tells little about the text: `0x80 00*` up to the Padmé
//! length, at least 160 bytes in all.

/// The shortest padded plaintext, in bytes.
pub const MIN_PADDED_LEN: usize = 160;

const MARK: u8 = 0x80;

/// The `Padmé` length (PURBs, PoPETs 2019/4, algorithm 1): the smallest length at or above `len` whose
/// lowest bits are zero, as many as keep the overhead below 12 %.
fn padme(len: usize) -> usize {
    let exponent = len.checked_ilog2().unwrap_or(0);
    let significant = exponent.checked_ilog2().map_or(0, |bits| bits.saturating_add(1));
    let mask =
        1_usize.checked_shl(exponent.saturating_sub(significant)).unwrap_or(1).saturating_sub(1);
    len.saturating_add(mask) & !mask
}

/// How many bytes a plaintext of `len` bytes takes once padded.
#[must_use]
pub fn padded_len(len: usize) -> usize {
    padme(len.saturating_add(1).max(MIN_PADDED_LEN))
}

/// Whether a padded plaintext can have this length.
#[must_use]
pub(crate) fn is_padded_len(len: usize) -> bool {
    len >= MIN_PADDED_LEN && padme(len) == len
}

/// What follows the plaintext: the mark, then zeros up to the padded length.
pub(crate) fn pad(buffer: &mut alloc::vec::Vec<u8>, plaintext: &[u8]) {
    let end = buffer.len().saturating_add(padded_len(plaintext.len()));
    buffer.extend_from_slice(plaintext);
    buffer.push(MARK);
    buffer.resize(end, 0);
}

/// The length of the plaintext inside; `None` where the padding is not exactly what [`pad`] adds
/// (M-WIRE-2).
#[must_use]
pub(crate) fn unpadded_len(padded: &[u8]) -> Option<usize> {
    let end = padded.iter().rposition(|&byte| byte != 0)?;
    let marked = padded.get(end) == Some(&MARK);
    (marked && padded_len(end) == padded.len()).then_some(end)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn padme_lengths_are_the_papers() {
        for (len, padded) in [
            (0, 160),
            (159, 160),
            (160, 176),
            (175, 176),
            (176, 192),
            (255, 256),
            (256, 272),
            (1000, 1024),
            (1023, 1024),
            (1024, 1088),
            (65_535, 65_536),
            (65_536, 67_584),
        ] {
            assert_eq!(padded_len(len), padded, "{len}");
            assert!(is_padded_len(padded), "{len}");
        }
    }

    #[test]
    fn every_length_comes_back_and_costs_less_than_an_eighth() {
        for len in 0..5000 {
            let plaintext: Vec<u8> =
                (0..len).map(|index| if index % 3 == 0 { MARK } else { 0 }).collect();
            let mut padded = Vec::new();
            pad(&mut padded, &plaintext);
            assert_eq!(padded.len(), padded_len(len));
            assert_eq!(unpadded_len(&padded), Some(len));
            assert!(len < MIN_PADDED_LEN || padded.len() * 8 <= (len + 1) * 9, "{len}");
        }
    }

    // M-WIRE-2
    #[test]
    fn padding_that_pad_does_not_make_is_refused() {
        for (content, len) in [(0, 160), (100, 176), (300, 300)] {
            let mut padded = alloc::vec![1; content];
            padded.push(MARK);
            padded.resize(len, 0);
            assert_eq!(unpadded_len(&padded), (len == 160).then_some(content), "{len}");
        }
        assert_eq!(unpadded_len(&[0; 160]), None, "no mark");
        assert_eq!(unpadded_len(&[1; 160]), None, "no mark at the end");
        assert_eq!(unpadded_len(&[]), None);
    }
}
