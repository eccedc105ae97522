//! The own devices.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use sprag_client::OwnDevice;

use super::put;
use crate::chat::app::App;
use crate::chat::signs::Signs;
use crate::chat::text::{cut, wrap};

pub(super) fn draw(
    app: &App,
    list: Option<&[OwnDevice]>,
    chosen: usize,
    area: Rect,
    buffer: &mut Buffer,
) {
    let mut rows = area.rows();
    let mut line = |text: &str, style: Style| {
        if let Some(row) = rows.next() {
            put(buffer, row, &cut(text, row.width.into(), app.signs.more()), style);
        }
    };
    line(&format!("Devices of {} on {}", app.who, app.relay), Signs::strong());
    let fit = usize::from(area.height).saturating_sub(2).max(1);
    let top = (chosen + 1).saturating_sub(fit);
    match list {
        None => line("Loading.", Signs::quiet()),
        Some(list) => {
            for (place, device) in list.iter().enumerate().skip(top) {
                let mark = if place == chosen { ">" } else { " " };
                let this = if device.this { " (this one)" } else { "" };
                let added = app.clock.day_name(device.created);
                let text = format!("{mark} Device {}{this}, added: {added}", device.id.get());
                line(&text, if place == chosen { Signs::chosen() } else { Style::new() });
            }
        }
    }
    for text in wrap(&words(app), area.width.into()) {
        line(&text, Signs::quiet());
    }
}

fn words(app: &App) -> String {
    let key = match app.status.as_ref().map(|status| status.account_key) {
        Some(true) => "This device holds the account key: it can link and remove others.\n",
        Some(false) => "This device does not hold the account key: use one that does.\n",
        None => "",
    };
    format!(
        "\n{key}To link: on the new machine run `sprag devices new {}`, press l here and paste the code \
         that it shows. Show that code to nobody else.",
        app.who
    )
}
