//! What whoever holds a state reads of what its owner *sends*, for walkthroughs and tests of a theft.
//! What is sent to the owner, a thief reads with the state as it is.

use alloc::collections::VecDeque;

use super::chain::{Chain, ReceivingChain};
use super::suite::{HeaderSecret, Suite};
use super::{Ratchet, Sending};
use crate::kdf::{ChainKey, RootKey};

impl<S: Suite> Ratchet<S> {
    /// A ratchet that receives on our sending chain, if one is open, and has the header key of the
    /// chain after it. It goes no further: our next ratchet key is not in the state.
    #[must_use]
    pub fn turned_around(&self) -> Self {
        let mut receiving = VecDeque::new();
        let theirs = match &self.sending {
            Sending::Waiting { pair } => pair.public(),
            Sending::Due { theirs, .. } => *theirs,
            Sending::Open(sending) => {
                let Chain { step, n, .. } = sending.chain;
                let key = ChainKey::copy_of(sending.chain.key.expose());
                let theirs = sending.pair.public();
                let header_key = copy(&sending.header_key);
                let open = Some(Chain { step, key, n });
                let kept = VecDeque::new();
                receiving.push_front(ReceivingChain { step, theirs, header_key, open, kept });
                theirs
            }
        };
        Self {
            step: self.step,
            root: RootKey::copy_of(self.root.expose()),
            sending: Sending::Due { theirs, previous: 0 },
            receiving,
            next_sending: copy(&self.next_receiving),
            next_receiving: copy(&self.next_sending),
        }
    }

    /// Whether one of the header keys opens the header of this message; nothing changes.
    #[must_use]
    pub fn opens_header(&self, message: &[u8]) -> bool {
        self.locate(message).is_some()
    }
}

fn copy<H: HeaderSecret>(key: &H) -> H {
    // A key has bytes exactly where `restore` asks for them.
    static NO_BYTES: [u8; 32] = [0; 32];
    let Ok(copy) =
        H::restore(|| Ok::<_, core::convert::Infallible>(key.expose().unwrap_or(&NO_BYTES)));
    copy
}
