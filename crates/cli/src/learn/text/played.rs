//! A play as text.

use sprag_learn::explain;
use sprag_learn::play::{Play, Request};

use super::{Screen, Styled, TITLE, event, paragraph, table};

/// The pages of each step; the theft, if there is one, is the last.
pub(in crate::learn) fn play(play: &Play, screen: Screen) -> Vec<Vec<String>> {
    let Play { request, steps, messages, theft } = play;
    let last = steps.len().saturating_sub(1);
    let mut pages = Vec::with_capacity(steps.len() + 1);
    for (number, step) in steps.iter().enumerate() {
        let text = messages.iter().find(|message| Some(message.label) == step.what.message());
        let title = explain::title(&step.what, text.map(|message| message.text.as_str()));
        let mut page =
            format!("\n{}\n\n", Styled(TITLE, format!("Step {number} of {last}: {title}")));
        let text = explain::text(&step.what, &step.records, request.design);
        paragraph(&mut page, &text, screen.width);
        if !step.records.is_empty() {
            page.push('\n');
        }
        page.extend(step.records.iter().map(event));
        pages.push(super::cut(&page, screen.page));
    }
    if let Some((theft, (victim, after))) = theft.as_ref().zip(request.theft) {
        let title = format!("{victim}'s phone is stolen after step {after}");
        let page = format!("\n{}\n\n{}", Styled(TITLE, title), table::theft(theft, victim));
        pages.push(super::cut(&page, screen.page));
    }
    pages
}

/// What goes after a play.
pub(in crate::learn) fn again(request: &Request) -> String {
    let Request { seed, schedule, design, theft } = request;
    let real = *design == sprag_learn::Design::default();
    let design = if real { String::new() } else { format!(" --design {design}") };
    let steal = theft.map(|(victim, after)| format!(" --steal {victim}@{after}").to_lowercase());
    let steal = steal.unwrap_or_default();
    format!(
        "\nThe same again, byte for byte: \
         sprag learn --seed {seed} --schedule {schedule}{design}{steal}\n"
    )
}
