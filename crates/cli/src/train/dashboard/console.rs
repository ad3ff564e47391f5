//! The screen of the terminal: taken, drawn on, given back.

use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use std::io::{self, BufWriter, Stdout, stdout};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the screen is taken.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The screen of the terminal. While it is taken, keys come unbuffered, and nothing else may be printed.
pub(super) struct Console {
    terminal: ratatui::Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Console {
    /// Takes the screen. A panic gives it back before it prints its message.
    pub(super) fn take() -> io::Result<Console> {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            leave();
            print(info);
        }));
        enable_raw_mode()?;
        IS_TAKEN.store(true, Ordering::SeqCst);
        let terminal = execute!(stdout(), EnterAlternateScreen, Hide)
            // One write for a frame.
            .and_then(|()| {
                ratatui::Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(1 << 17, stdout())))
            });
        terminal.map(|terminal| Console { terminal }).inspect_err(|_| leave())
    }

    /// Draws a frame, in the size that the terminal has now.
    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        if !IS_TAKEN.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.terminal.draw(|frame| draw(frame.buffer_mut())).map(|_| ())
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        leave();
    }
}

/// Gives the screen back: what stood there before, the cursor, and keys as they were. It does nothing if the screen isn't taken.
pub(crate) fn leave() {
    if IS_TAKEN.swap(false, Ordering::SeqCst) {
        // Nobody can be told of a terminal that has gone.
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}
