use super::desk::Desk;
use super::paint::{Cell, Paint, cell};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view;
use crate::view::text::count;

/// Show who you are here and what you may do.
///
/// Seat, role, capabilities, where you may push, and what waits for you.
///
/// Example: orchestrate whoami --json
#[derive(Debug, clap::Args)]
pub struct Whoami {}

impl Whoami {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.show(&Request::Whoami, page)
    }
}

pub fn page(me: &view::Whoami, paint: &Paint) -> String {
    let role = me.role.as_ref().map(|role| format!(" ({role})")).unwrap_or_default();
    let tasks: Vec<&str> = me.tasks.iter().map(|task| task.as_str()).collect();
    let waits = format!("{}, {}", count(me.mail as u64, "message"), count(me.reviews as u64, "review"));
    let mut rows: Vec<Vec<Cell>> = vec![vec![cell("workshop"), cell(format!("{}, isolation {}", me.workshop, me.level))]];
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            rows.push(vec![cell(name), cell(value)]);
        }
    };
    add("email", me.email.clone().unwrap_or_default());
    add("key", me.fingerprint.as_ref().map(ToString::to_string).unwrap_or_default());
    add("push to", me.namespace.clone().unwrap_or_default());
    add("base on", me.upstream.clone());
    add("tasks", tasks.join(" "));
    add("waits", waits);
    add("frozen", if me.frozen { "yes: nothing moves until the owner thaws".to_owned() } else { String::new() });
    let may = if me.capabilities.is_empty() { String::new() } else { paint.wrapped(&format!("may: {}", me.capabilities.join(", ")), 2) };
    format!("{}{}{}{may}", paint.title(&format!("{}{role}", me.actor)), paint.wrapped(&me.about, 2), paint.told(&rows))
}
