//! Where things are on the screen.

use ratatui::layout::Rect;

/// The smallest screen that anything can be done on.
pub(super) const SMALLEST: (u16, u16) = (20, 5);
/// From how many columns on the list and a conversation are beside each other.
const WIDE: u16 = 72;
/// From how many rows on there is room for lines that only separate.
const TALL: u16 = 10;

/// The parts of the screen; those without room are empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The list of conversations.
    pub(super) list: Rect,
    /// Between it and the conversation.
    pub(super) border: Rect,
    /// Who the conversation is with.
    pub(super) title: Rect,
    /// What stands above the history: a changed key.
    pub(super) banner: Rect,
    /// The messages.
    pub(super) history: Rect,
    /// Between the messages and what is written.
    pub(super) rule: Rect,
    /// What is written.
    pub(super) input: Rect,
    /// All of it above the lowest rows, for screens of their own.
    pub(super) page: Rect,
    /// What there is to tell, or to answer.
    pub(super) notice: Rect,
    /// The connection, who one is, what can be done.
    pub(super) status: Rect,
}

/// What the parts are for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needs {
    /// The list has the person's attention: it is what is shown where there is room for one.
    pub(super) list: bool,
    /// Rows of what is written.
    pub(super) input: usize,
    /// Whether a changed key has to be told.
    pub(super) banner: bool,
    /// Rows of notices and questions.
    pub(super) notice: usize,
}

impl Layout {
    pub(super) fn of(size: (u16, u16), needs: Needs) -> Self {
        let (width, height) = size;
        let empty = Rect::default();
        let status = Rect::new(0, height.saturating_sub(1), width, height.min(1));
        let notice = u16::try_from(needs.notice).unwrap_or(u16::MAX).min(height.saturating_sub(3));
        let body = height.saturating_sub(1 + notice);
        let notice = Rect::new(0, body, width, notice);
        let page = Rect::new(0, 0, width, body);
        let mut layout = Self {
            list: empty,
            border: empty,
            title: empty,
            banner: empty,
            history: empty,
            rule: empty,
            input: empty,
            page,
            notice,
            status,
        };
        let is_wide = width >= WIDE;
        let list = if is_wide { (width / 4).clamp(24, 34) } else { width };
        if is_wide || needs.list {
            layout.list = Rect::new(0, 0, list, body);
        }
        if is_wide {
            layout.border = Rect::new(list, 0, 1, body);
            layout.talk(Rect::new(list + 1, 0, width - list - 1, body), needs);
        } else if !needs.list {
            layout.talk(page, needs);
        }
        layout
    }

    fn talk(&mut self, area: Rect, needs: Needs) {
        let Rect { x, y, width, height } = area;
        let title = height.min(1);
        let banner = u16::from(needs.banner && height > 3);
        let rule = u16::from(height >= TALL);
        let room = height.saturating_sub(title + banner + rule);
        let most = (room / 3).max(1);
        let input = u16::try_from(needs.input).unwrap_or(u16::MAX).clamp(1, most).min(room);
        let history = room - input;
        let mut top = y;
        let mut take = |rows: u16| {
            let part = Rect::new(x, top, width, rows);
            top += rows;
            part
        };
        self.title = take(title);
        self.banner = take(banner);
        self.history = take(history);
        self.rule = take(rule);
        self.input = take(input);
    }
}

#[cfg(test)]
mod tests;
