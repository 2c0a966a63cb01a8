//! The terminal: taken over, and given back as it was, also after a panic.

use crate::domain::failure::{Doing as _, Failure};
use ratatui::Frame;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use std::io::{Stdout, Write as _, stdout};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the terminal is ours at present; giving it back twice would undo what another program did since.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The terminal while it is ours; leaving the scope gives it back.
pub struct Screen {
    terminal: ratatui::Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    pub fn enter() -> Result<Self, Failure> {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                before(panic);
            }));
        });
        take()?;
        let terminal = ratatui::Terminal::new(CrosstermBackend::new(stdout())).doing("cannot draw on the terminal")?;
        Ok(Self { terminal })
    }

    /// Takes the terminal again after another program had it.
    pub fn enter_again(&mut self) -> Result<(), Failure> {
        take()?;
        self.terminal.clear().doing("cannot clear the terminal")
    }

    pub fn leave(&mut self) {
        give_back();
    }

    pub fn draw(&mut self, paint: impl FnOnce(&mut Frame)) -> Result<(), Failure> {
        self.terminal.draw(paint).map(drop).doing("cannot draw on the terminal")
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> Result<(), Failure> {
    enable_raw_mode().doing("cannot take over the terminal")?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(stdout(), EnterAlternateScreen, Hide).doing("cannot take over the terminal")
}

/// Undoes what `take` did. A terminal that is gone cannot be given back, and nobody is left to tell.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let shown = execute!(stdout(), LeaveAlternateScreen, Show).and_then(|()| stdout().flush());
        drop((shown, disable_raw_mode()));
    }
}
