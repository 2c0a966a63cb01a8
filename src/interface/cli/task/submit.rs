use super::super::desk::Desk;
use super::super::gate::show::{ended, gates, turn};
use super::super::paint::Paint;
use crate::domain::name::{Oid, TaskId};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::GatePage;
use crate::view::turn::Whose;
use serde_json::Value;

/// How long one question waits for the task to move.
const PATIENCE: u32 = 10;

/// Hand a pushed commit to the gates.
///
/// Everything that was said about an earlier one no longer counts. Without --commit the branch refs/heads/<you>/<task> is meant, in lower case: refs/heads/dev-a/t1.
/// With --wait the gates are shown as they are passed, until somebody else has to move: ends with 0 when it is
/// merged, 1 when it came back, 3 when it waits for somebody, 4 when the workshop is frozen.
///
/// Example: orchestrate task submit T1 --wait
#[derive(Debug, clap::Args)]
pub struct Submit {
    task: TaskId,
    /// The full id of a commit that stands on one of your branches in the gate.
    #[arg(long, value_name = "OID")]
    commit: Option<Oid>,
    /// Follow it through the gates until somebody else has to move.
    #[arg(long)]
    wait: bool,
}

impl Submit {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let request = Request::TaskSubmit { task: self.task.clone(), commit: self.commit };
        let value = desk.ask(&request)?;
        if self.wait {
            return follow(desk, &self.task);
        }
        let task = self.task;
        desk.print(value, |_: &Value, _| format!("{task} is submitted\nfollow it: orchestrate gate show {task} --wait 600\n"))
    }
}

/// Prints what changed each time, until the supervisor has nothing more to do by itself.
fn follow(desk: &Desk, task: &TaskId) -> Result<Exit, Trouble> {
    let mut shown = String::new();
    let mut request = Request::GateShow { task: task.clone() };
    loop {
        let value = desk.ask(&request)?;
        let page: GatePage = serde_json::from_value(value.clone()).map_err(|why| Trouble::Bug(format!("no gate page: {why}")))?;
        let moves = page.turn.whose == Whose::Supervisor;
        if !desk.json {
            let text = told(&page, &desk.paint);
            let news: String = text.lines().filter(|line| !shown.lines().any(|old| old == *line)).map(|line| format!("{line}\n")).collect();
            desk.say(&news);
            shown = text;
        }
        if !moves {
            if desk.json {
                desk.print(value, |_: &Value, _| String::new())?;
            }
            return Ok(ended(&page));
        }
        request = Request::GateWait { task: task.clone(), seconds: PATIENCE };
    }
}

fn told(page: &GatePage, paint: &Paint) -> String {
    format!("{}{}", gates(&page.gates, paint), turn(&page.turn, paint))
}
