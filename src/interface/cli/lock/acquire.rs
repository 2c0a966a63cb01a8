use super::super::desk::Desk;
use super::super::paint::{Look, Paint};
use super::place::from_root;
use super::row;
use crate::domain::lock::LONGEST_WAIT;
use crate::domain::message::Priority;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::Locked;

/// Lock paths: all of them or none.
///
/// What you hold already is renewed. With --wait it waits for its turn: the more urgent first, then who came first; it
/// ends with 3 when the turn did not come in time. A critical need ends others' locks after five minutes, a high one
/// those of low priority after fifteen; critical ones count as critical decisions, of which there are few.
///
/// Example: orchestrate lock acquire src/parser/ docs/parser.md --wait
#[derive(Debug, clap::Args)]
pub struct Acquire {
    /// Files, folders, or patterns such as 'src/*.rs'.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
    /// How urgent it is.
    #[arg(long, value_name = "PRIORITY", default_value = "normal", value_parser = ["low", "normal", "high", "critical"])]
    priority: String,
    /// Wait where it cannot be had at once.
    #[arg(long)]
    wait: bool,
    /// How long to wait at most.
    #[arg(long, value_name = "SECONDS", default_value_t = 1200, value_parser = clap::value_parser!(u32).range(1..=i64::from(LONGEST_WAIT)))]
    seconds: u32,
}

impl Acquire {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let priority: Priority =
            serde_json::from_value(self.priority.clone().into()).map_err(|why| Trouble::usage(why.to_string(), "--priority high"))?;
        let wait = self.wait.then_some(self.seconds);
        let value = desk.ask(&Request::LockAcquire { paths: from_root(&self.paths), priority, wait })?;
        let granted = value.get("granted").and_then(serde_json::Value::as_bool).unwrap_or(false);
        desk.print(value, page)?;
        Ok(if granted { Exit::Done } else { Exit::Waiting })
    }
}

pub fn page(locked: &Locked, paint: &Paint) -> String {
    let rows: Vec<_> = locked.locks.iter().map(|line| row(line, locked.now)).collect();
    if locked.granted {
        format!("{}\n{}", paint.with(Look::Good, "locked"), paint.table(&rows))
    } else {
        "not locked: its turn did not come\n".to_owned()
    }
}
