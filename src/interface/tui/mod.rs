//! The owner's dashboard: one screen over the whole workshop, drawn anew whenever the ledger grows.

mod board;
mod draw;
mod feed;
mod keys;
pub mod screen;

#[cfg(test)]
mod tests;

use crate::domain::failure::Failure;
use crate::domain::name::SeatName;
use crate::interface::client::Client;
use crate::interface::exit::{Exit, Trouble};
use crate::interface::rows::Skin;
use crate::supervisor::door;
use crate::supervisor::protocol::Request;
use crate::view::Dashboard;
use crate::view::answer;
use board::{Board, Wish};
use feed::{Feed, Heard};
use screen::Screen;
use std::io::IsTerminal as _;

/// Shows the dashboard until it is left.
pub fn run(client: &Client, skin: Skin) -> Result<Exit, Trouble> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(Trouble::usage("a dashboard needs a terminal to be shown on", "orchestrate status --json"));
    }
    let first: Dashboard = client.read(&Request::Dashboard { since: 0, wait: 0 })?;
    let mut board = Board::new(skin);
    let known = board.take(first);
    let feed = Feed::start(client, known)?;
    let mut screen = Screen::enter()?;
    let ended = watch(client, &mut board, &mut screen, &feed);
    screen.leave();
    ended
}

fn watch(client: &Client, board: &mut Board, screen: &mut Screen, feed: &Feed) -> Result<Exit, Trouble> {
    loop {
        screen.draw(|frame| draw::draw(frame, board))?;
        let heard = feed.next();
        let key = matches!(heard, Heard::Key(_));
        let wish = match heard {
            Heard::Page(page) => {
                board.take(*page);
                Wish::Nothing
            }
            Heard::Lost(why) => {
                board.lost = Some(why);
                Wish::Nothing
            }
            Heard::Key(key) => keys::press(board, key),
            Heard::Resized => Wish::Nothing,
            Heard::Signal => return Err(Trouble::Interrupted),
            Heard::Ended(what) => return Err(Trouble::Bug(format!("{what} ended"))),
        };
        match wish {
            Wish::Quit => return Ok(Exit::Done),
            Wish::Attach(seat) => board.say(attach(client, screen, seat)),
            Wish::Freeze(reason) => board.say(freeze(client, reason)),
            Wish::Nothing => {}
        }
        if key {
            feed.next_key();
        }
    }
}

/// Gives the terminal to tmux until the owner detaches from it.
fn attach(client: &Client, screen: &mut Screen, seat: SeatName) -> Result<String, Trouble> {
    let answer: answer::Attach = client.read(&Request::Attach { seat: Some(seat.clone()) })?;
    screen.leave();
    let shown: Result<(), Failure> = door::show_program(&answer.argv);
    screen.enter_again()?;
    shown?;
    Ok(format!("back from {seat}"))
}

fn freeze(client: &Client, reason: String) -> Result<String, Trouble> {
    let answer: answer::Outcome = client.read(&Request::Freeze { reason })?;
    Ok(format!("frozen: {}", answer.outcome))
}
