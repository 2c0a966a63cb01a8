use super::super::desk::{Desk, complain};
use super::super::paint::Paint;
use super::super::task::code_taken;
use super::show;
use crate::domain::name::{Digest, TaskId};
use crate::domain::refusal::Refusal;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::{DeployWord, Request};
use crate::view::DeployPage;

/// Confirm exactly the list that is shown, as the owner.
///
/// Shows what would be transferred and the digest that binds it, then asks for a one-time code, or, where the policy wants none, for the first eight
/// digits of the digest. The list is made anew right before the run; where it differs, nothing runs.
///
/// Example: orchestrate deploy confirm T1
#[derive(Debug, clap::Args)]
pub struct Confirm {
    task: TaskId,
}

impl Confirm {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let page: DeployPage = desk.read(&Request::DeployShow { task: Some(self.task.clone()) })?;
        let hint = || format!("orchestrate deploy show {}", self.task);
        let waits = || Refusal::new("deploy-waits", format!("the deployment of {} does not wait for a confirmation", self.task), hint());
        let digest = page.digest.clone().ok_or_else(waits)?;
        if page.text.is_empty() {
            return Err(Refusal::new("other-digest", format!("the list of {} is not there as it was made", self.task), hint()).into());
        }
        // What is shown goes where the question goes, so that a pipe on standard output cannot hide it.
        complain(&show::page(&page, &Paint { colour: false, ..desk.paint }));
        let code = self.word(desk, &page, &digest)?;
        let request = Request::Deploy { task: self.task.clone(), word: DeployWord::Confirm { shown: digest, code } };
        code_taken(desk, &request, &format!("the list of {} is confirmed", self.task))
    }

    fn word(&self, desk: &Desk, page: &DeployPage, digest: &Digest) -> Result<String, Trouble> {
        let short = &digest.as_str()[..8];
        if page.code {
            return desk.code(&format!("One-time code to deploy {} ({short}): ", self.task));
        }
        let typed = desk.code(&format!("The first eight digits of the digest, to deploy {}: ", self.task))?;
        let other = || Refusal::new("other-digest", "these are not the digits of the digest that was shown", format!("orchestrate deploy confirm {}", self.task));
        if typed.trim() == short { Ok(String::new()) } else { Err(other().into()) }
    }
}
