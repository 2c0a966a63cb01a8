//! The owner's requests about deployments.

use super::owner::{coded, fraud};
use super::{outcome, page};
use crate::domain::actor::Actor;
use crate::domain::command::Act;
use crate::domain::deploy::Word;
use crate::domain::name::TaskId;
use crate::supervisor::deploy::{folder, list};
use crate::supervisor::protocol::{DeployWord, FRAUD, Response};
use crate::supervisor::yard::Yard;
use crate::view;
use std::sync::Arc;

/// One deployment with its list, or all that are under way.
pub async fn show(yard: &Arc<Yard>, task: Option<TaskId>) -> Response {
    let Some(task) = task else { return page(yard.see(|state, _| view::deployments(state)).await) };
    let wanted = task.clone();
    match yard.see(move |state, _| view::deployment(state, &wanted)).await {
        Ok(Some(mut found)) => {
            found.text = found.list.as_ref().and_then(|digest| list(yard, &task, digest)).unwrap_or_default();
            found.folder = folder(yard, &task).display().to_string();
            page(Ok(found))
        }
        Ok(None) => Response::Refused(crate::domain::deploy::none(&task)),
        Err(failure) => Response::Failed(failure),
    }
}

pub async fn say(yard: &Arc<Yard>, task: TaskId, word: DeployWord) -> Response {
    let deploy = |word| Act::Deploy { task: task.clone(), word };
    match word {
        DeployWord::Confirm { code, .. } if code.trim().eq_ignore_ascii_case(FRAUD) => fraud(yard, task).await,
        DeployWord::Confirm { shown, code } => coded(yard, &code, |code| deploy(Word::Confirm { shown, code })).await,
        DeployWord::Refuse { reason } => outcome(yard.ask(Actor::Owner, deploy(Word::Refuse { reason })).await),
        DeployWord::Retry => outcome(yard.ask(Actor::Owner, deploy(Word::Retry)).await),
        DeployWord::Rollback => outcome(yard.ask(Actor::Owner, deploy(Word::Rollback)).await),
    }
}
