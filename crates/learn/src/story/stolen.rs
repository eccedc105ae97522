//! The theft in the middle of the conversation, and the healing.

use crate::error::Result;

use crate::conversation::Conversation;
use crate::record::Party::{Alice, Bob};
use crate::story::steps::{Part, Step};
use crate::theft::{Loot, Theft, When};

/// Step 9.
pub(super) fn theft(talk: &mut Conversation) -> Result<Step> {
    let mut step = Step::new(9, "Theft: Bob's phone is copied");
    step.text(
        "The conversation goes on. Somewhere in it a thief copies everything that Bob's phone \
         holds, unseen, and gives the phone back. He also records every message, earlier and later \
         ones. Then he tries each of them with the real core, started from the stolen bytes: alone \
         and one after the other, with Bob's own sending chain, and with Bob's prekeys.",
    );
    let loot = until_the_theft(talk)?;
    after_the_theft(talk)?;
    let theft = loot.try_all(&talk.sent)?;
    let healed = theft.healed;
    let [before, after] = [When::Before, When::After].map(|when| headers(&theft, when));
    step.parts.push(Part::Theft(theft));
    step.text(
        "Before the theft: what Bob had read or sent cannot be read, because its keys were erased \
         (forward secrecy). What was still on its way can, and so can lost A7: its key was kept.",
    );
    step.text(
        "After the theft: the thief walks on along both open chains, and he opens Alice's next \
         chain with Bob's stolen ratchet key. But Bob's answer to that comes with a new ratchet \
         key, made after the theft, and the thief does not have it.",
    );
    step.text(format!(
        "Headers are protected less. A header key lives as long as its chain, and that of chain 1 \
         as long as the kept key of A7. So the thief also opens the headers of {before}, but not \
         their texts. And header keys are derived one chain ahead, so they heal one chain later: he \
         still opens those of {after}.",
    ));
    if let Some(healed) = healed {
        step.text(format!(
            "One full round trip has healed the conversation: from {healed} on he reads no text \
             (break-in recovery). He did not have to be noticed for that. This holds against a \
             thief who listens; one who writes in Bob's name must be found out by other means.",
        ));
    }
    Ok(step)
}

/// The messages of that time whose headers he reads, but not their texts: "A1, A2 and B1".
fn headers(theft: &Theft, when: When) -> String {
    let rows = theft.rows.iter().filter(|row| row.sent == when);
    let rows = rows.filter(|row| theft.opens_header(row.message));
    let names: Vec<_> = rows.map(|row| row.message.to_string()).collect();
    match names.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => names.concat(),
    }
}

fn until_the_theft(talk: &mut Conversation) -> Result<Loot> {
    talk.exchange(Alice, "Good. Which seats?")?;
    talk.seal(Bob, "Seventeen and eighteen.")?;
    talk.seal(Alice, "I like the window.")?;
    talk.exchange(Alice, "And coffee on the way?")?;
    Ok(Loot::of(talk, Bob))
}

fn after_the_theft(talk: &mut Conversation) -> Result<()> {
    let late = [talk.sent.len() - 3, talk.sent.len() - 2];
    let (coffee, _) = talk.seal(Bob, "Coffee, yes.")?;
    talk.exchange(Alice, "Two cups then.")?;
    // What was on its way at the moment of the theft arrives.
    for index in late.into_iter().chain([coffee]) {
        talk.deliver(index)?;
    }
    talk.exchange(Alice, "Seventeen is the window.")?;
    talk.exchange(Alice, "I am nearly there.")?;
    talk.exchange(Bob, "I see you!")?;
    talk.exchange(Alice, "Where?")?;
    talk.exchange(Bob, "Under the clock.")?;
    talk.exchange(Alice, "Found you.")?;
    Ok(())
}
