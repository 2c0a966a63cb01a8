mod confirm;
mod refuse;
mod retry;
mod rollback;
mod show;

use super::desk::Desk;
use super::paint::{Cell, cell};
use crate::interface::exit::{Exit, Trouble};
use crate::view;
use crate::view::text::time;

/// Deploy what was merged, step by step.
///
/// Where the policy says how, and not otherwise: the steps stand in the gate file 50-deploy.toml of your rules: checks, a list of exactly what is transferred, your confirmation, the run, a
/// health check, and the way back. One deployment at a time; nothing is run twice by itself.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate deploy confirm T1")]
pub enum Deploy {
    Show(show::Show),
    Confirm(confirm::Confirm),
    Refuse(refuse::Refuse),
    Retry(retry::Retry),
    Rollback(rollback::Rollback),
}

impl Deploy {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::Show(command) => command.run(desk),
            Self::Confirm(command) => command.run(desk),
            Self::Refuse(command) => command.run(desk),
            Self::Retry(command) => command.run(desk),
            Self::Rollback(command) => command.run(desk),
        }
    }
}

/// What is under way, what is out there, and how the last one ended.
pub fn rows(page: &view::Deployments) -> Vec<Vec<Cell>> {
    let lines = page.lines.iter().map(|line| vec![cell(line.task.as_str()), cell(line.merge.short()), cell(line.stands.as_str())]);
    let healthy = page.healthy.iter().map(|(task, merge, since)| vec![cell(task.as_str()), cell(merge.short()), cell(format!("out there and healthy since {}", time(*since)))]);
    let told = |task: &view::DeployLine, last: &crate::domain::name::TaskId| task.task == *last;
    let last = page.last.iter().filter(|(task, ..)| !page.lines.iter().any(|line| told(line, task)) && page.healthy.as_ref().is_none_or(|(healthy, ..)| healthy != task));
    let last = last.map(|(task, when, how)| vec![cell(task.as_str()), cell(time(*when)), cell(how.as_str())]);
    lines.chain(healthy).chain(last).collect()
}
