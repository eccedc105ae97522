//! The DH ratchet: every change of speaker brings new keys.

use crate::error::Result;
use sprag_protocol::trace::Place;

use super::{message, opening_of, sealing};
use crate::conversation::Conversation;
use crate::record::Party;
use crate::story::steps::Step;

/// Step 7.
pub(super) fn dh_steps(talk: &mut Conversation) -> Result<Step> {
    let mut step = Step::new(7, "Bob answers: the DH ratchet");
    step.text(
        "Chains alone never heal: who has a chain key has all that follows. So each answer brings \
         a new ratchet key, and with it randomness that no earlier key tells anything about. Bob \
         makes his pair only now, when he sends. DH(his new key, Alice's) and root key 1 give root \
         key 2 and chain 2.",
    );
    let (index, sealed) = talk.seal(Party::Bob, "Here I am!")?;
    step.events(sealing(message(talk, index)?), sealed);
    step.text(
        "Alice finds his new key in the header and computes the same. Then her own private ratchet \
         key, derived in step 3, has served: it is erased together with the chain that she sent on.",
    );
    let opened = talk.deliver(index)?;
    step.events(opening_of(message(talk, index)?), opened);
    step.text(
        "Now it goes back and forth. When Alice sends, she makes a new pair (chain 3); her header \
         says how many messages chain 1 had (PN), so that Bob knows what he missed. He then closes \
         chain 1, but for the key of A7.",
    );
    let exchange = talk.exchange(Party::Alice, "At last! Did you get the tickets?")?;
    step.exchange(talk, exchange)?;
    talk.exchange(Party::Bob, "Yes, both of them.")?;
    step.text(
        "Bob answers again (chain 4), not shown in full. The root keys so far, on both sides; each \
         is erased when the next one comes:",
    );
    for root in 1..=4 {
        step.both(talk, Place::Root { step: root })?;
    }
    Ok(step)
}
