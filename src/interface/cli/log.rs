use super::desk::Desk;
use crate::domain::entry::Entry;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view;
use crate::view::answer::Entries;
use crate::view::text::{clip, one_line};

/// Most entries asked for at once.
const PAGE: u32 = 500;
/// How long one question waits for the next entry.
const PATIENCE: u32 = 30;

/// Show what happened, one line per entry of the ledger.
///
/// With --json the entries as they were written, one per line.
///
/// Example: orchestrate log -f -n 50
#[derive(Debug, clap::Args)]
pub struct Log {
    /// Go on with each new entry, until interrupted.
    #[arg(short, long)]
    follow: bool,
    /// How many of the newest entries to begin with; 0 for all.
    #[arg(short = 'n', long, default_value_t = 30, value_name = "COUNT")]
    number: u64,
}

impl Log {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let begin = match self.number {
            0 => 0,
            number => length(desk)?.saturating_sub(number),
        };
        let next = pages(desk, begin, |entry| desk.say(&shown(entry, desk.json)))?;
        if self.follow { follow(desk, next) } else { Ok(Exit::Done) }
    }
}

pub fn length(desk: &Desk) -> Result<u64, Trouble> {
    let none: Entries = desk.read(&Request::Ledger { from: u64::MAX, most: 1, wait: 0 })?;
    Ok(none.len)
}

/// Hands over each entry that is there now, from a position on; gives the position after the last.
pub fn pages(desk: &Desk, from: u64, mut each: impl FnMut(&str)) -> Result<u64, Trouble> {
    let mut next = from;
    loop {
        let page: Entries = desk.read(&Request::Ledger { from: next, most: PAGE, wait: 0 })?;
        page.entries.iter().for_each(|entry| each(entry));
        next += page.entries.len() as u64;
        if page.entries.is_empty() || next >= page.len {
            return Ok(next);
        }
    }
}

fn follow(desk: &Desk, mut next: u64) -> Result<Exit, Trouble> {
    loop {
        let page: Entries = desk.read(&Request::Ledger { from: next, most: PAGE, wait: PATIENCE })?;
        page.entries.iter().for_each(|entry| desk.say(&shown(entry, desk.json)));
        next += page.entries.len() as u64;
    }
}

fn shown(text: &str, json: bool) -> String {
    if json {
        return format!("{text}\n");
    }
    match Entry::parse(text.as_bytes()) {
        Ok(entry) => format!("{}\n", view::line(&entry)),
        Err(why) => format!("unreadable entry ({why}): {}\n", clip(&one_line(text), 200)),
    }
}
