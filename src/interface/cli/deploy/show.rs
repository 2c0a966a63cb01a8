use super::super::desk::Desk;
use super::super::paint::Paint;
use crate::domain::name::TaskId;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::{DeployPage, Deployments};

/// Show what is being deployed, or one with list and steps.
///
/// Example: orchestrate deploy show T1
#[derive(Debug, clap::Args)]
pub struct Show {
    task: Option<TaskId>,
}

impl Show {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let request = Request::DeployShow { task: self.task.clone() };
        match self.task {
            Some(_) => desk.show(&request, page),
            None => desk.show(&request, all),
        }
    }
}

fn all(page: &Deployments, paint: &Paint) -> String {
    let rows = super::rows(page);
    if rows.is_empty() { "nothing is on its way out\n".to_owned() } else { paint.table(&rows) }
}

pub fn page(page: &DeployPage, paint: &Paint) -> String {
    let line = &page.line;
    let head = paint.title(&format!("deployment of {}: {}", line.task, crate::view::text::one_line(&page.title)));
    let done: String = page.done.iter().map(|step| paint.wrapped(step, 2)).collect();
    let list = page.list.as_ref().map(|digest| format!("\n{}{}", paint.title(&format!("list {digest}")), crate::view::text::lines(&page.text)));
    let bound = page.digest.as_ref().map(|digest| format!("\n\n{}  merge  {}\n  tree   {}\n  policy {}\n  digest {digest}\n", paint.title("a confirmation is bound to"), line.merge, page.tree, page.policy));
    let next = format!("what commands said: {}\n", page.folder);
    let how = if line.next.is_empty() { String::new() } else { format!("next: {}, or deploy retry, rollback, refuse\n", line.next) };
    format!("{head}{}{done}{}{}\n{next}{how}", paint.wrapped(&line.stands, 2), list.unwrap_or_default(), bound.unwrap_or_default())
}
