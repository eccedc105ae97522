//! Ratchet states put together from their bytes at rest, for what no session does: the plain mode,
//! and a stolen sending chain that is turned around so that it reads.

use anyhow::{Context, Result, ensure};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use sprag_protocol::ratchet::{HeaderEncrypted, Plain, Ratchet};
use sprag_protocol::secret::Secret;
use sprag_protocol::{FIRST_MESSAGE_PREFIX_LEN, KeyPair, STATE_VERSION};

/// The kinds of state that are put together here.
const HEADER_ENCRYPTED: u8 = 0x05;
const PLAIN: u8 = 0x06;
/// What the sending side of a ratchet is marked with.
const WAITING: u8 = 0;
const OPEN: u8 = 1;
const DUE: u8 = 2;

/// `version || kind || body || checksum`.
fn seal(kind: u8, body: &[&[u8]]) -> Vec<u8> {
    let mut state = vec![STATE_VERSION, kind];
    for part in body {
        state.extend_from_slice(part);
    }
    let checksum = Sha256::digest(&state);
    state.extend(checksum.iter().take(8));
    state
}

/// Two ends of a conversation in the plain mode: the initiator's, then the responder's.
pub(super) fn plain_pair<R: CryptoRng>(
    root: &[u8; 32],
    rng: &mut R,
) -> Result<(Ratchet<Plain>, Ratchet<Plain>)> {
    let secret = Secret::<32>::random(rng);
    let public = KeyPair::from_secret(Secret::copy_of(secret.expose())).public();
    let step = 0_u64.to_be_bytes();
    let none = 0_u32.to_be_bytes();
    let no_chains = 0_u16.to_be_bytes();
    let initiator = seal(PLAIN, &[&step, root, &[DUE], public.as_bytes(), &none, &no_chains]);
    let responder = seal(PLAIN, &[&step, root, &[WAITING], secret.expose(), &no_chains]);
    Ok((Ratchet::<Plain>::from_bytes(&initiator)?, Ratchet::<Plain>::from_bytes(&responder)?))
}

/// The sending chain of stolen sessions.
pub(super) struct SendingChain {
    /// AD of the session.
    pub(super) associated_data: [u8; 32],
    /// A ratchet that receives on the chain.
    state: Vec<u8>,
}

impl SendingChain {
    /// Takes it out of the bytes of the sessions; `None` where no sending chain is open.
    pub(super) fn of(sessions: &[u8]) -> Result<Option<Self>> {
        let mut bytes = Cut(sessions);
        // Version and kind; the peer: its name, its device, its account key and IK; the count.
        bytes.take(2)?;
        let name = usize::from(bytes.array::<1>()?[0]);
        bytes.take(name + 4 + 32 + 32)?;
        let [high, low] = bytes.array()?;
        if u16::from_be_bytes([high, low]) == 0 {
            return Ok(None);
        }
        // The active session: id, created, AD, the prefix until there is an answer.
        bytes.take(32 + 8)?;
        let associated_data = bytes.array()?;
        if bytes.array()? == [1] {
            bytes.take(FIRST_MESSAGE_PREFIX_LEN)?;
        }
        // The ratchet: step, RK, and the sending side.
        bytes.take(8 + 32)?;
        if bytes.array()? != [OPEN] {
            return Ok(None);
        }
        let pair = KeyPair::from_secret(Secret::copy_of(&bytes.array()?));
        let step: [u8; 8] = bytes.array()?;
        let chain: [u8; 36] = bytes.array()?;
        let header_key: [u8; 32] = bytes.array()?;
        Ok(Some(Self { associated_data, state: turned(&pair, step, &chain, &header_key) }))
    }

    /// A fresh ratchet that receives on the chain.
    pub(super) fn load(&self) -> Result<Ratchet<HeaderEncrypted>> {
        Ratchet::<HeaderEncrypted>::from_bytes(&self.state).context("the turned state loads")
    }
}

/// NHKs and NHKr of the last session in the bytes of sessions: they stand before the checksum.
pub(super) fn next_header_keys(sessions: &[u8]) -> Result<[[u8; 32]; 2]> {
    let start = sessions.len().checked_sub(2 * 32 + 8).context("the state is too short")?;
    let mut bytes = Cut(sessions);
    bytes.take(start)?;
    Ok([bytes.array()?, bytes.array()?])
}

/// A ratchet whose only receiving chain is what was a sending chain. The keys that would lead
/// beyond the chain are zero: they are not in the stolen bytes.
fn turned(pair: &KeyPair, step: [u8; 8], chain: &[u8; 36], header_key: &[u8; 32]) -> Vec<u8> {
    let public = pair.public();
    let (zero, none) = ([0; 32], 0_u32.to_be_bytes());
    let one_chain = 1_u16.to_be_bytes();
    let nothing_kept = 0_u16.to_be_bytes();
    let sending: [&[u8]; 3] = [&[DUE], public.as_bytes(), &none];
    let receiving: [&[u8]; 7] =
        [&one_chain, &step, public.as_bytes(), header_key, &[1], chain, &nothing_kept];
    let body = [&[&step, zero.as_slice()], &sending[..], &receiving, &[&zero, &zero]].concat();
    seal(HEADER_ENCRYPTED, &body)
}

/// Bytes that are cut from the front.
struct Cut<'a>(&'a [u8]);

impl<'a> Cut<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        ensure!(len <= self.0.len(), "the state is shorter than its layout");
        let (head, rest) = self.0.split_at(len);
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.take(N)?.try_into()?)
    }
}
