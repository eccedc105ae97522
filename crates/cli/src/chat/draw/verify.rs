//! Who somebody is: the safety number in digits and as a QR code, and what a changed key means.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use sprag_client::Trust;
use sprag_protocol::SafetyNumber;
use sprag_protocol::fingerprint::Comparison;

use super::{field, put, say};
use crate::chat::app::App;
use crate::chat::input::Identity;
use crate::chat::signs::{self, Signs};
use crate::chat::text::{width, wrap};
use crate::chat::verify::{Verdict, Verify};
use crate::display;
use crate::verify::payload;

/// Groups of digits in a row.
const GROUPS: usize = 4;
/// Columns of so many groups, with what is before and between them.
const GRID: usize = 2 + GROUPS * 7 - 2;
/// The narrowest text beside a code.
const BESIDE: u16 = 32;

/// A QR code in rows.
struct Code {
    rows: Vec<String>,
    width: u16,
    height: u16,
}

pub(super) fn draw(
    app: &App,
    verify: &Verify,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let code = verify.number().filter(|_| !app.signs.ascii).and_then(|number| Code::of(&number));
    if verify.only_qr {
        alone(app, code.as_ref(), area, buffer);
        return None;
    }
    let mut text = area;
    let fits = |code: &Code| code.width + BESIDE < area.width && code.height <= area.height;
    if let Some(code) = code.filter(fits) {
        text.width = area.width - code.width - 1;
        let place = Rect { x: area.right() - code.width, width: code.width, ..area };
        code.draw(app, place, buffer);
    }
    let mut cursor = None;
    if let Some(pasted) = &verify.field {
        text.height = text.height.saturating_sub(1);
        let below = Rect { y: text.bottom(), height: 1, ..text };
        cursor = field(buffer, below, "Their code: ", pasted);
    }
    let rows = rows(app, verify, text.width.into());
    let most = rows.len().saturating_sub(text.height.into());
    for ((row, style), area) in rows.iter().skip(verify.scroll.min(most)).zip(text.rows()) {
        put(buffer, area, row, *style);
    }
    cursor
}

/// How far down the text may begin at most, on a screen like this.
pub(in crate::chat) fn furthest(app: &App, verify: &Verify) -> usize {
    let area = app.layout().page;
    // Beside a code the text is narrower, and there may be more rows.
    let rows = [area.width, area.width.saturating_sub(42)]
        .map(|width| rows(app, verify, usize::from(width).max(8)).len());
    rows[0].max(rows[1]).saturating_sub(area.height.into())
}

fn alone(app: &App, code: Option<&Code>, area: Rect, buffer: &mut Buffer) {
    let words = match code {
        Some(code) if code.width <= area.width && code.height <= area.height => {
            return code.draw(app, Rect { width: code.width, ..area }, buffer);
        }
        Some(Code { width, height, .. }) => format!(
            "The QR code needs {width} columns and {height} rows here; make the window larger."
        ),
        None => "This terminal cannot draw a QR code; compare the digits.".into(),
    };
    say(buffer, area, &words, Style::new());
}

impl Code {
    fn of(number: &SafetyNumber) -> Option<Self> {
        let rows = display::qr(&number.qr())?;
        let width = u16::try_from(width(rows.first()?)).ok()?;
        let height = u16::try_from(rows.len()).ok()?;
        Some(Self { rows, width, height })
    }

    fn draw(&self, app: &App, area: Rect, buffer: &mut Buffer) {
        for (row, area) in self.rows.iter().zip(area.rows()) {
            put(buffer, area, row, app.signs.paper());
        }
    }
}

/// Text in rows.
struct Page {
    rows: Vec<(String, Style)>,
    room: usize,
}

impl Page {
    fn say(&mut self, text: &str, style: Style) {
        self.rows.extend(wrap(text, self.room).into_iter().map(|row| (row, style)));
    }

    /// Twelve groups, four in a row; fewer where there is no room.
    fn digits(&mut self, number: &SafetyNumber, style: Style) {
        let groups = number.groups().map(|group| format!("{group:05}"));
        let fit = if self.room >= GRID { GROUPS } else { 2 };
        for row in groups.chunks(fit) {
            self.rows.push((format!("  {}", row.join("  ")), style));
        }
    }
}

fn rows(app: &App, verify: &Verify, room: usize) -> Vec<(String, Style)> {
    let mut page = Page { rows: Vec::new(), room };
    let with = verify.with.as_str();
    match &verify.identity {
        None => page.say(&format!("Asking who {with} is."), Signs::quiet()),
        Some(Err(why)) => {
            page.say(with, Signs::strong());
            page.say(&format!("{why}."), app.signs.bad());
        }
        Some(Ok(identity)) => {
            let trust = verify.trust();
            let sign = app.signs.trust(trust).trim();
            let words = format!("{sign} {}", signs::trust(trust));
            page.say(&format!("{with}: {}", words.trim()), app.signs.of_trust(trust).bold());
            verdict(app, verify, &mut page);
            match identity.offered {
                Some(offered) => changed(app, verify, identity, &offered, &mut page),
                None => known(verify, identity, &mut page),
            }
        }
    }
    page.rows
}

fn known(verify: &Verify, identity: &Identity, page: &mut Page) {
    let with = verify.with.as_str();
    let Some(number) = identity.number else {
        return page.say("Nothing is known of this account yet; write to it first.", Style::new());
    };
    page.digits(&number, Signs::strong());
    let what = if verify.trust() == Trust::Verified {
        format!("You have compared this number with {with}. u takes that back.")
    } else {
        format!(
            "In a call or face to face, compare it with the number that {with} sees for you. If it is \
             the same, nobody sits between you: m marks {with} as verified."
        )
    };
    page.say(&what, Style::new());
    let how =
        format!("c compares for you: paste the code or the digits that {with} sends. Your code:");
    page.say(&how, Signs::quiet());
    page.say(&payload(&number), Signs::quiet());
}

fn changed(
    app: &App,
    verify: &Verify,
    identity: &Identity,
    offered: &SafetyNumber,
    page: &mut Page,
) {
    let with = verify.with.as_str();
    let was_verified = matches!(verify.trust(), Trust::KeyChanged { was_verified: true });
    let before = if was_verified { " You had verified the old one." } else { "" };
    page.say(
        &format!(
            "What changed: the relay offers another key for {with} than before.{before} Nothing is \
             sent until you decide."
        ),
        app.signs.bad(),
    );
    page.say(
        &format!(
            "The usual cause: {with} set Sprag up anew, on a new machine or without a backup. The other \
             cause: somebody sits between you."
        ),
        Style::new(),
    );
    page.say(
        &format!(
            "What to do: call {with}, and compare the new number. The same: a accepts it. Another one, \
             or in doubt: Esc, and it stays blocked."
        ),
        Style::new(),
    );
    page.say("New number:", Signs::strong());
    page.digits(offered, Signs::strong());
    if let Some(old) = identity.number {
        page.say("Old number:", Signs::quiet());
        page.digits(&old, Signs::quiet());
    }
    page.say("Your code for the new number:", Signs::quiet());
    page.say(&payload(offered), Signs::quiet());
}

fn verdict(app: &App, verify: &Verify, page: &mut Page) {
    let Some(verdict) = verify.verdict else { return };
    let with = verify.with.as_str();
    let is_offered = verify.known().is_some_and(|known| known.offered.is_some());
    let good = match verdict {
        Verdict::Same { new } => new || !is_offered,
        Verdict::Differs(_) | Verdict::NotACode => false,
    };
    let text = match verdict {
        Verdict::Same { new: true } => {
            format!("SAME: the new key is what {with} has. a accepts it.")
        }
        Verdict::Same { new: false } if is_offered => {
            format!("NOT THE SAME: {with} has the old key, and the new one is not theirs.")
        }
        Verdict::Same { new: false } if verify.trust() == Trust::Verified => {
            format!("SAME: {with} sees this number too.")
        }
        Verdict::Same { new: false } => format!("SAME: m marks {with} as verified."),
        Verdict::Differs(Comparison::OursDiffers) => {
            format!("NOT THE SAME: {with} has another key for you. Do not mark.")
        }
        Verdict::Differs(Comparison::TheirsDiffers) => {
            format!("NOT THE SAME: {with} has another key than you see. Do not mark.")
        }
        Verdict::Differs(Comparison::BothDiffer | Comparison::Match) => {
            "NOT THE SAME: is it the code of this conversation? If it is, do not mark.".into()
        }
        Verdict::NotACode => "This is neither a code (sprag-safety:) nor sixty digits.".into(),
    };
    page.say(&text, if good { app.signs.good().bold() } else { app.signs.bad() });
}
