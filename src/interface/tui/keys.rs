//! What each key does.

use super::board::{Board, Mode, Wish};
use crate::interface::rows::{Panel, Tone};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Rows that a page key moves by.
const PAGE: isize = 10;
/// The longest reason and the longest search.
const LONGEST: usize = 200;

/// The keys for the help page.
pub const HELP: &[(&str, &str)] = &[
    ("Tab, Shift-Tab", "the next panel, the one before; 1 to 6 goes to one"),
    ("j k, arrows", "down and up; Ctrl-d, Ctrl-u by ten; g, G to the ends"),
    ("Enter", "attach to a seat's pane; C-b d comes back; else: in full"),
    ("/", "show only what holds a text, everywhere; Esc shows all"),
    ("F", "freeze the workshop: asks why, then whether you mean it"),
    ("?", "this page"),
    ("Esc", "back"),
    ("q, Ctrl-c", "leave; the workshop goes on"),
];

/// Does what the key asks for on the screen; gives what it asks for beyond it.
pub fn press(board: &mut Board, key: KeyEvent) -> Wish {
    board.said = None;
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    if control && key.code == KeyCode::Char('c') {
        return Wish::Quit;
    }
    match std::mem::replace(&mut board.mode, Mode::Browse) {
        Mode::Browse => browse(board, key.code, control),
        Mode::Search => search(board, key.code),
        Mode::Help | Mode::Detail(..) if key.code == KeyCode::Char('q') => Wish::Quit,
        Mode::Help | Mode::Detail(..) => Wish::Nothing,
        Mode::Reason(text) => reason(board, text, key.code),
        Mode::Sure(text) => sure(board, text, key.code),
    }
}

fn browse(board: &mut Board, code: KeyCode, control: bool) -> Wish {
    match code {
        KeyCode::Char('q') => return Wish::Quit,
        KeyCode::Char('d') if control => board.step(PAGE),
        KeyCode::Char('u') if control => board.step(-PAGE),
        KeyCode::Char('j') | KeyCode::Down => board.step(1),
        KeyCode::Char('k') | KeyCode::Up => board.step(-1),
        KeyCode::PageDown => board.step(PAGE),
        KeyCode::PageUp => board.step(-PAGE),
        KeyCode::Char('g') | KeyCode::Home => board.step(isize::MIN),
        KeyCode::Char('G') | KeyCode::End => board.step(isize::MAX),
        KeyCode::Tab | KeyCode::Char('l') | KeyCode::Right => board.turn(1),
        KeyCode::BackTab | KeyCode::Char('h') | KeyCode::Left => board.turn(Panel::ALL.len() - 1),
        KeyCode::Char(digit @ '1'..='6') => board.focus = Panel::ALL[digit as usize - '1' as usize],
        KeyCode::Char('/') => board.mode = Mode::Search,
        KeyCode::Char('?') => board.mode = Mode::Help,
        KeyCode::Char('F') if board.frozen() => {
            board.said = Some((Tone::Bad, "it is frozen already; the owner thaws it: orchestrate thaw".to_owned()))
        }
        KeyCode::Char('F') => board.mode = Mode::Reason(String::new()),
        KeyCode::Esc => board.query.clear(),
        KeyCode::Enter => return open(board),
        _ => {}
    }
    Wish::Nothing
}

fn open(board: &mut Board) -> Wish {
    let Some(row) = board.chosen() else { return Wish::Nothing };
    if let Some(seat) = row.seat.filter(|_| board.focus == Panel::Seats) {
        return Wish::Attach(seat);
    }
    board.mode = Mode::Detail(row.key, row.told);
    Wish::Nothing
}

fn search(board: &mut Board, code: KeyCode) -> Wish {
    match code {
        KeyCode::Esc => board.query.clear(),
        KeyCode::Enter => {}
        other => {
            edit(&mut board.query, other);
            board.mode = Mode::Search;
        }
    }
    Wish::Nothing
}

fn reason(board: &mut Board, mut text: String, code: KeyCode) -> Wish {
    match code {
        KeyCode::Esc => {}
        KeyCode::Enter if text.trim().is_empty() => {
            board.said = Some((Tone::Bad, "a freeze needs a reason; everybody is shown it".to_owned()));
            board.mode = Mode::Reason(text);
        }
        KeyCode::Enter => board.mode = Mode::Sure(text.trim().to_owned()),
        other => {
            edit(&mut text, other);
            board.mode = Mode::Reason(text);
        }
    }
    Wish::Nothing
}

/// Only a plain yes freezes; whatever else is pressed does not.
fn sure(board: &mut Board, text: String, code: KeyCode) -> Wish {
    if matches!(code, KeyCode::Char('y' | 'Y')) {
        return Wish::Freeze(text);
    }
    board.said = Some((Tone::Plain, "not frozen".to_owned()));
    Wish::Nothing
}

fn edit(text: &mut String, code: KeyCode) {
    match code {
        KeyCode::Backspace => drop(text.pop()),
        KeyCode::Char(typed) if text.chars().count() < LONGEST => text.push(typed),
        _ => {}
    }
}
