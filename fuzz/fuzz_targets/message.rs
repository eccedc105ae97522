//! Any bytes as a message: refused, and nothing changes. The first byte chooses between raw bytes and
//! a true message of which the rest overwrites a part.

#![no_main]

use std::cell::RefCell;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use libfuzzer_sys::fuzz_target;
use sprag_protocol::{
    AccountKeyPair, AccountName, Address, DeviceId, Env, LocalDevice, Sessions, Timestamp,
};

struct Scene {
    bob: LocalDevice,
    with_alice: Sessions,
    /// A first message, and one of an answered session, that Bob has not seen.
    messages: [Vec<u8>; 2],
}

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn scene() -> Option<Scene> {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut env = Env::new(NOW, &mut rng);
    let mut device = |name| {
        let account = AccountKeyPair::generate(env.rng).public();
        let address = Address { account: AccountName::new(name).ok()?, device: DeviceId::FIRST };
        Some(LocalDevice::generate(address, account, &mut env))
    };
    let (mut alice, mut bob) = (device("alice")?, device("bob")?);
    let mut with_bob = Sessions::with(bob.public().clone());
    let mut with_alice = Sessions::with(alice.public().clone());
    with_bob.initiate(&alice, bob.last_resort_bundle().verify().ok()?, &mut env).ok()?;
    let first = with_bob.encrypt(b"text", &mut env).ok()?;
    with_alice.decrypt(&mut bob, &first, &mut env).ok()?;
    let answer = with_alice.encrypt(b"text", &mut env).ok()?;
    with_bob.decrypt(&mut alice, &answer, &mut env).ok()?;
    let message = with_bob.encrypt(b"text", &mut env).ok()?;
    with_bob.initiate(&alice, bob.last_resort_bundle().verify().ok()?, &mut env).ok()?;
    let first = with_bob.encrypt(b"text", &mut env).ok()?;
    Some(Scene { bob, with_alice, messages: [first, message] })
}

thread_local! {
    static SCENE: RefCell<Option<Scene>> = RefCell::new(scene());
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&[choice, low, high], rest)) = bytes.split_first_chunk() else { return };
    SCENE.with_borrow_mut(|scene| {
        let Some(scene) = scene else { return };
        let mut message = rest.to_vec();
        if let Some(genuine) = scene.messages.get(usize::from(choice)) {
            message = genuine.clone();
            let at = usize::from(u16::from_le_bytes([low, high])) % message.len();
            message.iter_mut().skip(at).zip(rest).for_each(|(to, from)| *to = *from);
            if message == *genuine {
                return;
            }
        }
        let before = (scene.bob.to_bytes(), scene.with_alice.to_bytes());
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let opened =
            scene.with_alice.decrypt(&mut scene.bob, &message, &mut Env::new(NOW, &mut rng));
        assert!(opened.is_err());
        assert!(before.0.expose() == scene.bob.to_bytes().expose());
        assert!(before.1.expose() == scene.with_alice.to_bytes().expose());
    });
});
