//! The terminal, taken over and given back: on every way out, a panic too.

use std::io::{self, Stdout, Write};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange,
    KeyboardEnhancementFlags, PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags,
};
use crossterm::terminal::{self, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;

/// Whether the terminal is taken over now.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The terminal, while it is taken over.
pub(super) struct Taken {
    pub(super) terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Taken {
    /// Takes it over; with colours, also where the library below would leave them out by itself.
    pub(super) fn over(color: bool) -> io::Result<Self> {
        crossterm::style::force_color_output(color);
        HOOK.call_once(|| {
            let told = panic::take_hook();
            panic::set_hook(Box::new(move |why| {
                give_back();
                told(why);
            }));
        });
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        let mut taken = Self { terminal };
        taken.again()?;
        Ok(taken)
    }

    /// Takes it over again.
    pub(super) fn again(&mut self) -> io::Result<()> {
        // First, so that whatever fails below is undone.
        TAKEN.store(true, Ordering::SeqCst);
        terminal::enable_raw_mode()?;
        execute!(
            io::stdout(),
            EnterAlternateScreen,
            EnableBracketedPaste,
            EnableFocusChange,
            // Shift-Enter, where a terminal can tell it; others do not know this and do nothing.
            PushKeyboardEnhancementFlags(KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES)
        )?;
        self.anew()
    }

    /// Draws everything anew the next time. The terminal's own `clear` asks the terminal where the cursor
    /// is, and waits for an answer that not every terminal gives.
    pub(super) fn anew(&mut self) -> io::Result<()> {
        let (width, height) = terminal::size()?;
        self.terminal.resize(Rect::new(0, 0, width, height))
    }

    /// Whether it was not given back behind one's back: by a panic elsewhere.
    pub(super) fn is_taken() -> bool {
        TAKEN.load(Ordering::SeqCst)
    }

    /// Columns and rows.
    pub(super) fn size() -> io::Result<(u16, u16)> {
        terminal::size()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        give_back();
    }
}

/// Leaves it as it was found. Where it is gone, there is nothing to be done about it.
pub(super) fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut stdout = io::stdout();
    let _ = queue!(
        stdout,
        PopKeyboardEnhancementFlags,
        DisableFocusChange,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let _ = stdout.flush();
    let _ = terminal::disable_raw_mode();
}
