use super::desk::Desk;
use super::gate;
use super::paint::Paint;
use super::task::confirm;
use crate::domain::name::TaskId;
use crate::interface::exit::{Exit, Trouble};
use crate::interface::web::{self, Told};
use crate::supervisor::protocol::Request;
use crate::view::{GatePage, TaskPage};
use serde_json::json;
use std::net::SocketAddr;

/// Watch the whole workshop in a browser, while this command runs.
///
/// Prints an address of this machine's own with a key in it: whoever has it can look, freeze and veto. What needs the one-time code (thaw, confirm) asks for it there. Ctrl-C closes
/// the page; the workshop goes on. From another machine: ssh -L 8300:127.0.0.1:8300 HOST.
///
/// Example: orchestrate web --listen 127.0.0.1:8300
#[derive(Debug, clap::Args)]
pub struct Web {
    /// Where to listen: loopback only; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

impl Web {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let asker = desk.clone();
        let tell = move |task: &TaskId| told(&asker, task);
        web::run(desk.client()?, self.listen, Box::new(tell), |address| match desk.json {
            true => desk.say_json(&json!({"done": {"address": address}})),
            false => desk.say(&format!(
                "the workshop's page, for you alone, while this runs:\n\n  {address}\n\nCtrl-C closes it; the workshop goes on.\n"
            )),
        })
    }
}

/// A task as `gate show` tells it; where it waits for the owner, all that `task confirm` shows.
fn told(desk: &Desk, task: &TaskId) -> Result<Told, Trouble> {
    let paint = Paint { colour: false, unicode: true, width: 96 };
    let page: TaskPage = desk.read(&Request::TaskShow { task: task.clone() })?;
    if page.confirm.is_some() {
        let (text, digest) = confirm::told(desk, task, &paint)?;
        return Ok(Told { text, confirm: Some(digest) });
    }
    let gate: GatePage = desk.read(&Request::GateShow { task: task.clone() })?;
    Ok(Told { text: gate::show::page(&gate, &paint), confirm: None })
}
