use super::super::desk::Desk;
use super::super::paint::{Cell, Paint};
use super::{row, wish};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::LockPage;

/// List the locks and who waits for them.
///
/// A lapsed lock keeps nobody away: it is its holder's only until somebody else wants it.
///
/// Example: orchestrate lock list
#[derive(Debug, clap::Args)]
pub struct List {}

impl List {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.show(&Request::LockList, page)
    }
}

pub fn page(page: &LockPage, paint: &Paint) -> String {
    let rows = rows(page);
    if rows.is_empty() { "no locks\n".to_owned() } else { paint.table(&rows) }
}

/// Locks first, then those who wait, in their order.
pub fn rows(page: &LockPage) -> Vec<Vec<Cell>> {
    let locks = page.locks.iter().map(|line| row(line, page.now));
    locks.chain(page.waiting.iter().map(|line| wish(line, page.now))).collect()
}
