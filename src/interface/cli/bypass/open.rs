use super::super::desk::{Desk, complain};
use super::super::paint::Paint;
use super::super::review::show::files;
use super::super::task::code_taken;
use crate::domain::name::TaskId;
use crate::domain::refusal::Refusal;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::{BypassPage, ReviewPage};

/// Open a bypass as the owner, with a one-time code.
///
/// Shows the candidate, its files and the digest that the code is bound to. Nothing enters before the librarian has signed, too.
///
/// Example: orchestrate bypass open T1 --reason 'the site is down'
#[derive(Debug, clap::Args)]
pub struct Open {
    task: TaskId,
    /// Why it cannot wait, in one line.
    #[arg(long)]
    reason: String,
}

impl Open {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let page: BypassPage = desk.read(&Request::BypassShow { task: self.task.clone() })?;
        let bundle: ReviewPage = desk.read(&Request::ReviewShow { task: self.task.clone() })?;
        if (&bundle.candidate, &bundle.tree, &bundle.base) != (&page.commit, &page.tree, &page.base) {
            let hint = format!("orchestrate bypass open {} --reason '…'", self.task);
            return Err(Refusal::new("other-digest", format!("{} changed while it was read", self.task), hint).into());
        }
        complain(&shown(&page, &bundle, &Paint { colour: false, ..desk.paint }));
        let code = desk.code(&format!("One-time code to let {} round its gates ({}): ", self.task, page.digest.short()))?;
        let request = Request::BypassOpen { task: self.task.clone(), shown: page.digest.clone(), reason: self.reason, code };
        code_taken(desk, &request, &format!("the bypass of {} is open; the librarian has to sign: orchestrate bypass sign {}", self.task, self.task))
    }
}

fn shown(page: &BypassPage, bundle: &ReviewPage, paint: &Paint) -> String {
    let head = paint.title(&format!("{}: {}", page.task, crate::view::text::one_line(&page.title)));
    let bound = format!("  commit {}\n  tree   {}\n  base   {}\n  policy {}\n  digest {}\n", page.commit, page.tree, page.base, page.policy, page.digest);
    let no = if page.why_not.is_empty() { String::new() } else { paint.wrapped(&format!("It will be refused: {}", page.why_not), 2) };
    let size = format!("  {} lines, {} files\n", page.lines, page.files);
    format!("{head}{size}{no}{}{}\n{}{bound}  the difference: orchestrate review show {}\n", paint.title("files"), files(&bundle.files, paint), paint.title("the code is bound to"), page.task)
}
