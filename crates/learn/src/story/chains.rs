//! One chain: messages in order, out of order, and never.

use std::time::Duration;

use crate::error::{Error, Result};
use sprag_protocol::ratchet::{MAX_KEPT_AGE, MAX_KEPT_KEYS, MAX_SKIP};
use sprag_protocol::{Env, Timestamp};

use super::{message, opening_of, sealing};
use crate::conversation::{Conversation, Side};
use crate::record::{Party, Record};
use crate::story::steps::Step;

const DAY: Duration = Duration::from_hours(24);

/// Step 4.
pub(super) fn in_order(talk: &mut Conversation) -> Result<Step> {
    let mut step = Step::new(4, "Messages in order: the chain advances");
    step.text(
        "Bob has not answered yet, so Alice stays on chain 1. Each message takes the chain one step \
         further, on both sides. A stolen chain key opens what follows on its chain, never what \
         came before: that is forward secrecy.",
    );
    for text in ["Are you there?", "I bought the tickets."] {
        let exchange = talk.exchange(Party::Alice, text)?;
        step.exchange(talk, exchange)?;
    }
    Ok(step)
}

/// Step 5.
pub(super) fn out_of_order(talk: &mut Conversation) -> Result<Step> {
    let mut step = Step::new(5, "Out of order: skipped message keys");
    let (fourth, _) = talk.seal(Party::Alice, "The train leaves at nine.")?;
    let (fifth, _) = talk.seal(Party::Alice, "Platform four.")?;
    let (sixth, _) = talk.seal(Party::Alice, "Bring a coat.")?;
    step.text(
        "Alice sends A4, A5 and A6, but A6 arrives first. Its header says that it is message 5 of \
         the chain. Bob walks the chain there, and keeps the message keys that he passes: those of \
         A4 and A5, which are still on their way. The specification calls them skipped.",
    );
    let records = talk.deliver(sixth)?;
    step.events(opening_of(message(talk, sixth)?), records);
    step.text("A4 and A5 come in late. Each opens with its kept key, which is then erased.");
    for index in [fourth, fifth] {
        let records = talk.deliver(index)?;
        step.events(opening_of(message(talk, index)?), records);
    }
    step.check("Bob keeps no message key now", talk.bob.ratchet()?.kept_keys() == 0);
    Ok(step)
}

/// Step 6.
pub(super) fn lost(talk: &mut Conversation) -> Result<Step> {
    let mut step = Step::new(6, "A lost message: its key stays, for a while");
    let (lost, records) = talk.seal(Party::Alice, "Delete the photo.")?;
    step.text("A7 gets lost on the way. Bob learns of it when A8 comes.");
    step.events(sealing(message(talk, lost)?), records);
    let exchange = talk.exchange(Party::Alice, "See you at the station.")?;
    step.events(opening_of(message(talk, exchange.index)?), exchange.opened);
    let kept = talk.bob.ratchet()?.kept_keys();
    let days = MAX_KEPT_AGE.as_secs() / DAY.as_secs();
    step.text(format!(
        "Bob cannot know that A7 will never come. So its message key stays, and whoever steals it \
         can open A7. That must end: after {days} days a kept key opens nothing. A timer erases it \
         then, or else the next message that Bob opens. When there are more than {MAX_KEPT_KEYS}, \
         the oldest go too. And no message may skip more than {MAX_SKIP} others.",
    ));
    step.check(format!("Bob keeps {kept} message key"), kept == 1);
    let (records, refusal) = days_later(talk, lost)?;
    step.events(
        format!("In a copy of this moment, {days} days later, Bob's timer goes off"),
        records,
    );
    step.text(format!("Then A7 arrives there after all. The core answers: \"{refusal}\"."));
    Ok(step)
}

/// What happens in a copy of Bob's phone once a kept key has become too old.
fn days_later(talk: &mut Conversation, lost: usize) -> Result<(Vec<Record>, String)> {
    let Side { mut device, mut sessions } = talk.bob.copy()?;
    let later = Timestamp::from_seconds(talk.now.seconds() + MAX_KEPT_AGE.as_secs());
    let mut env = Env::observed(later, &mut talk.rng, talk.recorder.watch(Party::Bob));
    sessions.expire(&mut env);
    let records = talk.recorder.take();
    let bytes = &message(talk, lost)?.bytes.clone();
    let mut env = Env::new(later, &mut talk.rng);
    match sessions.decrypt(&mut device, bytes, &mut env) {
        Ok(_) => Err(Error::Contradiction),
        Err(refusal) => Ok((records, refusal.to_string())),
    }
}
