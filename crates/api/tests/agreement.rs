//! The relay checks device lists, prekeys and bundles without the ratchet's code. Here both read the
//! same bytes: what one takes the other takes, and what one refuses the other refuses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use sprag_api::device_list::DeviceList;
use sprag_api::prekey::{self, OneTimePreKey, SignedPreKey};
use sprag_api::signature::{Purpose, VerifyKey};
use sprag_protocol::secret::Secret;
use sprag_protocol::{
    AccountKey, AccountKeyPair, AccountName, Address, Device, DeviceId, Env, IdentityKeyPair, Left,
    LocalDevice, PinnedAccount, PreKeyBundle, Signature, SignedDeviceList, Timestamp,
};

/// What a signature is for, in the words of both.
const PURPOSES: &[(sprag_protocol::Purpose, Purpose)] = &[
    (sprag_protocol::Purpose::DeviceList, Purpose::DeviceList),
    (sprag_protocol::Purpose::SignedPreKey, Purpose::SignedPreKey),
    (sprag_protocol::Purpose::KemPreKey, Purpose::KemPreKey),
    (sprag_protocol::Purpose::Login, Purpose::Login),
];

/// What happens to bytes on their way.
#[derive(Clone, Debug)]
enum Change {
    Nothing,
    Byte(Index, u8),
    Bit(Index),
    Cut(Index),
    Append(u8),
    /// A part is written over another.
    Copy(Index, Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        1 => Just(Change::Nothing),
        3 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        3 => any::<Index>().prop_map(Change::Bit),
        1 => any::<Index>().prop_map(Change::Cut),
        1 => any::<u8>().prop_map(Change::Append),
        1 => (any::<Index>(), any::<Index>(), 1..48_usize)
            .prop_map(|(from, to, len)| Change::Copy(from, to, len)),
    ]
}

impl Change {
    fn apply(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Nothing => {}
            Self::Byte(at, byte) => *at.get_mut(&mut bytes) = *byte,
            Self::Bit(at) => {
                let bit = at.index(bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Self::Append(byte) => bytes.push(*byte),
            Self::Copy(from, to, len) => {
                let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
                let len = (*len).min(bytes.len() - from).min(bytes.len() - to);
                bytes.copy_within(from..from + len, to);
            }
        }
        bytes
    }
}

/// A number about as large as an X25519 key or a y coordinate may be.
fn edge() -> impl Strategy<Value = [u8; 32]> {
    (0xE0..=0xFF_u8, prop_oneof![Just(0x7F_u8), Just(0xFF)]).prop_map(|(first, last)| {
        let mut bytes = [0xFF; 32];
        (bytes[0], bytes[31]) = (first, last);
        bytes
    })
}

fn account() -> AccountKeyPair {
    AccountKeyPair::from_seed(Secret::copy_of(&[1; 32]))
}

/// Signs the body of a list anew, so that it is refused, if at all, for what it says.
fn sign_list(mut body: Vec<u8>) -> Vec<u8> {
    let signature = account().sign(sprag_protocol::Purpose::DeviceList, &body);
    body.extend_from_slice(&signature.0);
    body
}

/// What the protocol makes of a signed list: its bytes, if it is one and the account key signed it.
fn list_by_protocol(bytes: &[u8]) -> Option<Vec<u8>> {
    let list = SignedDeviceList::from_bytes(bytes).ok()?;
    // The list's own name is taken for the one asked for; the relay compares it with the account's.
    let name_len = usize::from(*bytes.get(8)?);
    let name = AccountName::new(str::from_utf8(bytes.get(9..9 + name_len)?).ok()?).ok()?;
    PinnedAccount::first_use(&name, account().public(), list.clone()).ok()?;
    Some(list.to_bytes())
}

fn list_by_api(bytes: &[u8]) -> Option<Vec<u8>> {
    let key = VerifyKey::from_bytes(account().public().as_bytes()).unwrap();
    DeviceList::verify(bytes, &key).ok().map(|list| list.signed)
}

fn device(name: &str, seed: u64) -> (LocalDevice, ChaCha20Rng) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let address = Address { account: AccountName::new(name).unwrap(), device: DeviceId::FIRST };
    let mut env = Env::new(Timestamp::from_seconds(rng.next_u64()), &mut rng);
    (LocalDevice::generate(address, account().public(), &mut env), rng)
}

/// A bundle of a device, with one-time prekeys.
fn bundle(name: &str, seed: u64) -> (LocalDevice, PreKeyBundle) {
    let (mut device, mut rng) = device(name, seed);
    let mut env = Env::new(Timestamp::from_seconds(1), &mut rng);
    let upload = device.replenish(Left { one_time: 24, kem: 24 }, &mut env).unwrap();
    let mut bundle = device.last_resort_bundle();
    bundle.one_time = upload.one_time.into_iter().next();
    bundle.kem = upload.kem.into_iter().next().unwrap();
    (device, bundle)
}

fn address_by_api(address: &Address) -> sprag_api::name::Address {
    sprag_api::name::Address {
        account: sprag_api::name::AccountName::new(address.account.as_str()).unwrap(),
        device: sprag_api::name::DeviceId::new(address.device.get()).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn names_are_the_same(name in "[a-zA-Z0-9._ -]{0,66}|\\PC{0,8}") {
        let by_api = sprag_api::name::AccountName::new(name.as_str()).is_ok();
        prop_assert_eq!(AccountName::new(&name).is_ok(), by_api);
    }

    #[test]
    fn keys_are_the_same(any: [u8; 32], edge in option::of(edge())) {
        let bytes = edge.unwrap_or(any);
        let both = (AccountKey::from_bytes(&bytes).is_ok(), VerifyKey::from_bytes(&bytes).is_ok());
        prop_assert_eq!(both.0, both.1);
    }

    #[test]
    fn device_lists_are_the_same(
        version in prop_oneof![0..3_u64, any::<u64>()],
        name in "[a-z0-9][a-z0-9._-]{0,63}",
        devices in vec((prop_oneof![0..12_u32, any::<u32>()], 0..12_u8), 0..10),
        in_order: bool,
        changes in vec(change(), 0..3),
        sign_again: bool,
    ) {
        let mut devices = devices;
        if in_order {
            devices.sort_unstable();
        }
        let mut body = version.to_be_bytes().to_vec();
        body.push(u8::try_from(name.len()).unwrap());
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(&u16::try_from(devices.len()).unwrap().to_be_bytes());
        for (id, seed) in devices {
            let pair = IdentityKeyPair::from_seed(Secret::copy_of(&[seed; 32]));
            body.extend_from_slice(&id.to_be_bytes());
            body.extend_from_slice(pair.public().as_bytes());
            body.extend_from_slice(&u64::from(id).to_be_bytes());
        }
        let altered = |bytes: Vec<u8>| {
            changes.iter().fold(bytes, |bytes, change| {
                if bytes.is_empty() { bytes } else { change.apply(bytes) }
            })
        };
        let bytes = if sign_again { sign_list(altered(body)) } else { altered(sign_list(body)) };
        prop_assert_eq!(list_by_protocol(&bytes), list_by_api(&bytes));
    }

    #[test]
    fn lists_of_the_protocol_are_taken(version in 1..u64::MAX, count in 1..=8_u8) {
        let devices = (1..=count).map(|n| Device {
            id: DeviceId::new(n.into()).unwrap(),
            identity_key: IdentityKeyPair::from_seed(Secret::copy_of(&[n; 32])).public(),
            created: Timestamp::from_seconds(n.into()),
        });
        let name = AccountName::new("alice").unwrap();
        let list = sprag_protocol::DeviceList::new(version, name, devices.collect()).unwrap();
        let bytes = list.sign(&account()).to_bytes();
        prop_assert_eq!(list_by_api(&bytes), Some(bytes));
    }

    #[test]
    fn bundles_and_their_prekeys_are_the_same(
        seed: u64,
        name in "[a-z0-9][a-z0-9._-]{0,63}",
        has_one_time: bool,
    ) {
        let (device, mut whole) = bundle(&name, seed);
        if !has_one_time {
            whole.one_time = None;
        }
        let owner = VerifyKey::from_bytes(device.public().identity_key.as_bytes()).unwrap();
        let signed = SignedPreKey::x25519(&whole.signed.to_bytes(), &owner).unwrap();
        let kem = SignedPreKey::kem(&whole.kem.to_bytes(), &owner).unwrap();
        let one_time = whole.one_time.as_ref().map(|prekey| {
            let taken = OneTimePreKey::from_bytes(&prekey.to_bytes()).unwrap();
            assert_eq!(taken.id, prekey.id.get());
            taken.bytes
        });
        prop_assert_eq!((signed.id, kem.id), (whole.signed.id, whole.kem.id));
        let address = address_by_api(&device.public().address);
        let keys = (&address, device.public().account_key.as_bytes(), owner.as_bytes());
        let bytes = prekey::bundle(keys, &signed.bytes, &kem.bytes, one_time.as_deref());
        let taken = PreKeyBundle::from_bytes(&bytes);
        prop_assert_eq!(taken.as_ref(), Ok(&whole));
        prop_assert!(taken.is_ok_and(|bundle| bundle.verify().is_ok()));
    }

    /// The relay has taken each prekey apart; the sender takes the bundle that holds them.
    #[test]
    fn altered_prekeys_are_refused_by_both(
        seed in 0..4_u64,
        signed in change(),
        kem in change(),
        one_time in change(),
        edges in (option::of(edge()), option::of(edge())),
        sign_again: bool,
    ) {
        let (device, whole) = bundle("alice", seed);
        let owner = VerifyKey::from_bytes(device.public().identity_key.as_bytes()).unwrap();
        let (mut spk, mut opk) = (whole.signed.to_bytes(), whole.one_time.unwrap().to_bytes());
        edges.0.inspect(|edge| spk[12..44].copy_from_slice(edge));
        edges.1.inspect(|edge| opk[4..].copy_from_slice(edge));
        let mut parts =
            [signed.apply(spk), kem.apply(whole.kem.to_bytes()), one_time.apply(opk)];
        if sign_again {
            sign_prekey(&device, sprag_protocol::Purpose::SignedPreKey, &mut parts[0]);
            sign_prekey(&device, sprag_protocol::Purpose::KemPreKey, &mut parts[1]);
        }
        let by_api = SignedPreKey::x25519(&parts[0], &owner).is_ok()
            && SignedPreKey::kem(&parts[1], &owner).is_ok()
            && OneTimePreKey::from_bytes(&parts[2]).is_ok();
        let address = address_by_api(&device.public().address);
        let keys = (&address, device.public().account_key.as_bytes(), owner.as_bytes());
        let bytes = prekey::bundle(keys, &parts[0], &parts[1], Some(&parts[2]));
        let by_protocol = PreKeyBundle::from_bytes(&bytes).and_then(PreKeyBundle::verify).is_ok();
        prop_assert_eq!(by_protocol, by_api);
    }

    #[test]
    fn signatures_are_the_same(
        body: Vec<u8>,
        signed_for in select(PURPOSES),
        taken_for in select(PURPOSES),
        change in change(),
    ) {
        let pair = IdentityKeyPair::from_seed(Secret::copy_of(&[2; 32]));
        let signature = change.apply(pair.sign(signed_for.0, &body).0.to_vec());
        if let Ok(signature) = <[u8; 64]>::try_from(signature) {
            let by_protocol = pair.public().verify(taken_for.0, &body, &Signature(signature));
            let key = VerifyKey::from_bytes(pair.public().as_bytes()).unwrap();
            let by_api = key.verify(taken_for.1, &body, &signature);
            prop_assert_eq!(by_protocol.is_ok(), by_api.is_ok());
        }
    }
}

/// Signs a prekey anew, where there is room for a signature.
fn sign_prekey(device: &LocalDevice, purpose: sprag_protocol::Purpose, prekey: &mut [u8]) {
    if let Some((body, signature)) = prekey.split_last_chunk_mut::<64>() {
        *signature = device.identity().sign(purpose, body).0;
    }
}
