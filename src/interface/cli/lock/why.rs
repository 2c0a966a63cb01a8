use super::super::desk::Desk;
use super::super::paint::{Look, Paint};
use super::list::rows;
use super::place::from_root;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::{LockPage, LockWhy};

/// Say what stands between you and a path.
///
/// Who holds it, who waits for it, and what the gate would answer to your push of it now.
///
/// Example: orchestrate lock why src/parser/mod.rs
#[derive(Debug, clap::Args)]
pub struct Why {
    /// A file or folder.
    #[arg(value_name = "PATH")]
    path: String,
}

impl Why {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let path = from_root(&[self.path]).pop().unwrap_or_default();
        desk.show(&Request::LockWhy { path: path.trim_end_matches('/').to_owned() }, page)
    }
}

pub fn page(why: &LockWhy, paint: &Paint) -> String {
    let rows = rows(&LockPage { now: why.now, locks: why.locks.clone(), waiting: why.waiting.clone() });
    let table = if rows.is_empty() { format!("nobody holds {}\n", crate::view::text::lines(&why.path)) } else { paint.table(&rows) };
    let push = match &why.refused {
        None => format!("{}\n", paint.with(Look::Good, "a push of it would not be refused for a lock")),
        Some(refusal) => {
            let why = paint.with(Look::Bad, &paint.wrapped(&format!("a push of it would be refused: {refusal}"), 0));
            format!("{why}{}", paint.wrapped(&format!("hint: {}", refusal.hint), 0))
        }
    };
    format!("{table}{push}")
}
