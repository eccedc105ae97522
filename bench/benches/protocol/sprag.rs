//! Our side: devices, sessions, and where a conversation stands.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use sprag_protocol::{
    AccountKeyPair, AccountName, Address, DeviceId, DeviceIdentity, Env, Left, LocalDevice,
    PreKeyBundle, Sessions, Timestamp, VerifiedBundle,
};

use crate::PLAINTEXT;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// A device, its sessions with the other, its randomness.
pub(crate) struct End {
    pub(crate) device: LocalDevice,
    pub(crate) sessions: Sessions,
    rng: ChaCha20Rng,
}

impl End {
    pub(crate) fn new(device: LocalDevice, with: DeviceIdentity) -> Self {
        Self { device, sessions: Sessions::with(with), rng: ChaCha20Rng::from_seed([2; 32]) }
    }

    /// The same end at the same point, with randomness of its own.
    pub(crate) fn copy(&self) -> Self {
        Self {
            device: LocalDevice::from_bytes(self.device.to_bytes().expose()).unwrap(),
            sessions: Sessions::from_bytes(self.sessions.to_bytes().expose()).unwrap(),
            rng: ChaCha20Rng::from_seed([3; 32]),
        }
    }

    pub(crate) fn initiate(&mut self, bundle: VerifiedBundle) {
        let mut env = Env::new(NOW, &mut self.rng);
        self.sessions.initiate(&self.device, bundle, &mut env).unwrap();
    }

    pub(crate) fn seal(&mut self) -> Vec<u8> {
        self.sessions.encrypt(&PLAINTEXT, &mut Env::new(NOW, &mut self.rng)).unwrap()
    }

    pub(crate) fn open(&mut self, message: &[u8]) -> Vec<u8> {
        let mut env = Env::new(NOW, &mut self.rng);
        self.sessions.decrypt(&mut self.device, message, &mut env).unwrap().plaintext
    }

    /// Whether the message is refused.
    pub(crate) fn refuses(&mut self, message: &[u8]) -> bool {
        let mut env = Env::new(NOW, &mut self.rng);
        self.sessions.decrypt(&mut self.device, message, &mut env).is_err()
    }
}

/// Two ends that have not met, and what the responder left in the directory.
pub(crate) struct Strangers {
    pub(crate) initiator: End,
    pub(crate) responder: End,
    /// With an OPK and a one-time KEM prekey.
    pub(crate) bundle: PreKeyBundle,
}

impl Strangers {
    pub(crate) fn new(seed: u8) -> Self {
        let mut rng = ChaCha20Rng::from_seed([seed; 32]);
        let mut env = Env::new(NOW, &mut rng);
        let device = |name, env: &mut Env<'_, _>| {
            let account = AccountKeyPair::generate(env.rng).public();
            let account_name = AccountName::new(name).unwrap();
            let address = Address { account: account_name, device: DeviceId::FIRST };
            LocalDevice::generate(address, account, env)
        };
        let alice = device("alice", &mut env);
        let mut bob = device("bob", &mut env);
        let upload = bob.replenish(Left { one_time: 0, kem: 0 }, &mut env).unwrap();
        let bundle = PreKeyBundle {
            kem: upload.kem.into_iter().next().unwrap(),
            one_time: upload.one_time.into_iter().next(),
            ..bob.last_resort_bundle()
        };
        let (a, b) = (alice.public().clone(), bob.public().clone());
        Self { initiator: End::new(alice, b), responder: End::new(bob, a), bundle }
    }

    /// The first message.
    pub(crate) fn begin(&mut self) -> Vec<u8> {
        self.initiator.initiate(self.bundle.clone().verify().unwrap());
        self.initiator.seal()
    }
}

/// Two ends in mid-conversation: the first has a chain open for sending and one for receiving, and
/// the second has received the first message of that sending chain.
pub(crate) fn established(seed: u8) -> (End, End) {
    let mut strangers = Strangers::new(seed);
    let first = strangers.begin();
    let Strangers { initiator: mut alice, responder: mut bob, .. } = strangers;
    bob.open(&first);
    alice.open(&bob.seal());
    bob.open(&alice.seal());
    (alice, bob)
}
