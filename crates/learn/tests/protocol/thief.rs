//! A thief who tries everything: each message alone, all of them in many orders and again, the
//! victim's own chain turned around, the prekeys alone.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use sprag_learn::Party;
use sprag_protocol::trace::Silent;
use sprag_protocol::{Env, FIRST_MESSAGE_PREFIX_LEN, LocalDevice, Sessions};

use crate::twin::{NOW, Sent};

/// How many random orders he tries.
const ORDERS: usize = 6;

pub(crate) struct Thief {
    victim: Party,
    device: Vec<u8>,
    sessions: Vec<u8>,
}

impl Thief {
    pub(crate) fn new(victim: Party, device: Vec<u8>, sessions: Vec<u8>) -> Self {
        Self { victim, device, sessions }
    }

    pub(crate) fn len(&self) -> usize {
        self.device.len() + self.sessions.len()
    }

    pub(crate) fn reads(&self, sent: &[Sent]) -> Vec<bool> {
        let mut reads = vec![false; sent.len()];
        let mut rng = ChaCha20Rng::seed_from_u64(self.len() as u64);
        let mut orders: Vec<Vec<usize>> = (0..sent.len()).map(|alone| vec![alone]).collect();
        orders.push((0..sent.len()).collect());
        orders.push((0..sent.len()).rev().collect());
        for _ in 0..ORDERS {
            let mut order: Vec<usize> = (0..sent.len()).collect();
            for at in (1..order.len()).rev() {
                order.swap(at, rng.next_u32() as usize % (at + 1));
            }
            orders.push(order);
        }
        for order in orders {
            self.as_the_victim(sent, &order, &mut reads);
            self.along_the_sending_chain(sent, &order, &mut reads);
        }
        reads
    }

    /// As the phone would read, with its sessions and with its prekeys alone; again and again, until
    /// nothing more opens.
    fn as_the_victim(&self, sent: &[Sent], order: &[usize], reads: &mut [bool]) {
        let with_sessions = Sessions::from_bytes(&self.sessions).unwrap();
        let peer = with_sessions.peer().clone();
        let mut starts = vec![with_sessions];
        // Only a phone without a session has something to start from prekeys.
        if order.len() == 1 || starts[0].active().is_none() {
            starts.push(Sessions::with(peer));
        }
        for mut sessions in starts {
            let mut device = LocalDevice::from_bytes(&self.device).unwrap();
            let mut rng = ChaCha20Rng::from_seed([9; 32]);
            loop {
                let mut opened = false;
                for &at in order {
                    let mut env = Env::new(NOW, &mut rng);
                    if sessions.decrypt(&mut device, &sent[at].bytes, &mut env).is_ok() {
                        (reads[at], opened) = (true, true);
                    }
                }
                if !opened {
                    break;
                }
            }
        }
    }

    /// What the victim sends, with the chain key that was on the phone.
    fn along_the_sending_chain(&self, sent: &[Sent], order: &[usize], reads: &mut [bool]) {
        let sessions = Sessions::from_bytes(&self.sessions).unwrap();
        let Some(session) = sessions.active() else { return };
        let mut ratchet = session.ratchet().turned_around();
        for &at in order.iter().filter(|at| sent[**at].label.from == self.victim) {
            let bytes = &sent[at].bytes;
            let start = if bytes[1] == 1 { FIRST_MESSAGE_PREFIX_LEN } else { 0 };
            let context = session.associated_data();
            if ratchet.decrypt(&bytes[start..], context, NOW, &mut Silent).is_ok() {
                reads[at] = true;
            }
        }
    }
}
