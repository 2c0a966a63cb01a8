use super::super::desk::{Desk, complain};
use super::super::paint::Paint;
use super::super::review::show::files;
use super::{code_taken, show};
use crate::domain::name::{Digest, TaskId};
use crate::domain::refusal::Refusal;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::{FRAUD, Request};
use crate::view::{Confirmable, ReviewPage, TaskPage};

/// Confirm a task as the owner, with a one-time code.
///
/// The code is bound to exactly what is shown. Shows the task, the changed files and the digest, then asks for the code: typed without echo, or read from
/// standard input; it is never an argument. If anything changes in between, the code is not used. If you were asked for something that you never wished for,
/// type `fraud` instead of a code: the whole workshop freezes.
///
/// Example: orchestrate task confirm T1
#[derive(Debug, clap::Args)]
pub struct Confirm {
    task: TaskId,
}

impl Confirm {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let (text, digest) = told(desk, &self.task, &Paint { colour: false, ..desk.paint })?;
        // What is shown goes where the question goes, so that a pipe on standard output cannot hide it.
        complain(&text);
        let code =
            desk.code(&format!("One-time code to confirm {} ({}), or the word fraud to freeze everything: ", self.task, digest.short()))?;
        let fraud = code.trim().eq_ignore_ascii_case(FRAUD);
        let request = Request::TaskConfirm { task: self.task.clone(), shown: digest, code };
        if fraud {
            return desk.order(&request);
        }
        code_taken(desk, &request, &format!("{} is confirmed", self.task))
    }
}

/// What a code is asked for, in full, and the digest that it is bound to.
pub fn told(desk: &Desk, id: &TaskId, paint: &Paint) -> Result<(String, Digest), Trouble> {
    let task: TaskPage = desk.read(&Request::TaskShow { task: id.clone() })?;
    let bundle: ReviewPage = desk.read(&Request::ReviewShow { task: id.clone() })?;
    let confirm = task.confirm.as_ref().ok_or_else(|| not_here(id))?;
    if (&bundle.candidate, &bundle.tree, &bundle.base) != (&confirm.commit, &confirm.tree, &confirm.base) {
        let hint = format!("orchestrate task confirm {id}");
        return Err(Refusal::new("other-digest", format!("{id} changed while it was read"), hint).into());
    }
    Ok((shown(&task, &bundle, confirm, paint), confirm.digest.clone()))
}

fn not_here(task: &TaskId) -> Trouble {
    Refusal::new("not-at-deploy", format!("{task} does not wait for a confirmation"), format!("orchestrate gate show {task}")).into()
}

fn shown(task: &TaskPage, bundle: &ReviewPage, confirm: &Confirmable, paint: &Paint) -> String {
    let bound = format!(
        "  commit {}\n  tree   {}\n  base   {}\n  policy {}\n  digest {}\n",
        confirm.commit, confirm.tree, confirm.base, confirm.policy, confirm.digest
    );
    let unasked = if confirm.needed { "" } else { "  The policy does not ask for this confirmation.\n" };
    let files = format!("{}{}", paint.title("files"), files(&bundle.files, paint));
    format!(
        "{}\n{files}\n{}{bound}{unasked}  the difference: orchestrate review show {}\n",
        show::page(task, paint),
        paint.title("the code is bound to"),
        task.task
    )
}
