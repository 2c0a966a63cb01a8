//! Mail: reading marks as delivered, waiting blocks on a bell, sending goes through the rules.

use super::{denial, outcome, page};
use crate::domain::actor::Actor;
use crate::domain::command::Act;
use crate::domain::entry::Entry;
use crate::domain::event::Event;
use crate::domain::failure::Failure;
use crate::domain::message::{self, Draft, Letter};
use crate::domain::name::Digest;
use crate::domain::planted;
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::ledger::Ledger;
use crate::supervisor::protocol::{Request, Response, recipient};
use crate::supervisor::yard::Yard;
use crate::view::answer::Sent;
use crate::view::{self, MailLine};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The longest wait for mail; whoever wants longer asks again.
const LONGEST_WAIT: u32 = 3600;

pub async fn answer(yard: &Arc<Yard>, actor: Actor, request: Request) -> Response {
    match request {
        Request::Inbox { all } => page(inbox(yard, &actor, all).await),
        Request::MailWait { seconds } => page(wait(yard, &actor, seconds.min(LONGEST_WAIT)).await),
        Request::MailRead { id } => read(yard, &actor, &id).await,
        Request::MailAck { id } => acknowledge(yard, actor, &id).await,
        Request::MailSend { from, to, subject, body, priority, task } => {
            let parties = match everyone_or(yard, &actor, &to).await {
                Ok(parties) => parties,
                Err(response) => return response,
            };
            let draft = Draft { claimed: from, to: parties, subject, body, priority, task };
            match yard.ask(actor, Act::Send { draft }).await {
                Ok(entries) => registered(&entries),
                Err(denied) => denial(denied),
            }
        }
        _ => Response::Bug("BUG: no mail request".to_owned()),
    }
}

fn registered(entries: &[Entry]) -> Response {
    let sent = entries.iter().find_map(|entry| match &entry.event {
        Event::Message(message::Event::Sent { id, statement }) => {
            Some(Sent { id: id.clone(), to: message::letter(statement).map_or(0, |letter| letter.to.len()) })
        }
        _ => None,
    });
    sent.map_or_else(|| Response::Bug("BUG: a message left no entry".to_owned()), |sent| page(Ok(sent)))
}

async fn everyone_or(yard: &Yard, actor: &Actor, to: &[String]) -> Result<Vec<crate::domain::actor::Party>, Response> {
    if to.len() == 1 && to[0] == "all" {
        let asker = actor.clone();
        let all = yard.see(move |state, _| message::everyone(state, &asker)).await.map_err(Response::Failed)?;
        return match all {
            Ok(parties) => Ok(parties),
            Err(refusal) => Err(refused(yard, actor, refusal).await),
        };
    }
    match to.iter().map(|name| recipient(name)).collect::<Result<_, _>>() {
        Ok(parties) => Ok(parties),
        Err(refusal) => Err(refused(yard, actor, refusal).await),
    }
}

async fn refused(yard: &Yard, actor: &Actor, refusal: Refusal) -> Response {
    outcome(yard.ask(actor.clone(), Act::Trespass { verb: "send".to_owned(), refusal }).await)
}

/// The lines of an inbox, marked as delivered.
async fn inbox(yard: &Yard, actor: &Actor, all: bool) -> Result<Vec<MailLine>, Failure> {
    let asker = actor.clone();
    let look = move |state: &State, _: &dyn Ledger| if all { everything(state, &asker) } else { first(state, &asker) };
    let (lines, ids) = yard.see(look).await?;
    shown(yard, actor, lines, ids).await
}

/// Nothing is shown before it is recorded as delivered.
async fn shown(yard: &Yard, actor: &Actor, lines: Vec<MailLine>, ids: Vec<Digest>) -> Result<Vec<MailLine>, Failure> {
    if !ids.is_empty() {
        deliver(yard, actor, ids).await?;
    }
    Ok(lines)
}

async fn deliver(yard: &Yard, actor: &Actor, ids: Vec<Digest>) -> Result<(), Failure> {
    match yard.ask(actor.clone(), Act::Deliver { ids }).await {
        Ok(_) => Ok(()),
        Err(super::Denied::Failed(failure)) => Err(failure),
        Err(super::Denied::Refused(refusal)) => Err(Failure::new("cannot mark mail as delivered", refusal)),
    }
}

/// Blocks until there is something undelivered to read, or the time is over.
async fn wait(yard: &Yard, actor: &Actor, seconds: u32) -> Result<Vec<MailLine>, Failure> {
    let mut bell = yard.bell(&actor.party());
    let mut stop = yard.stop.subscribe();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(seconds.into());
    loop {
        bell.borrow_and_update();
        let asker = actor.clone();
        let look = move |state: &State, _: &dyn Ledger| {
            let (ids, more) = message::batch(state, &asker.party(), message::BATCH, message::BATCH_BYTES);
            (!ids.is_empty()).then(|| (view::mails(state, &asker, &ids, more), ids))
        };
        if let Some((lines, ids)) = yard.see(look).await? {
            return shown(yard, actor, lines, ids).await;
        }
        let rung = tokio::select! {
            rung = tokio::time::timeout_at(deadline, bell.changed()) => rung.is_ok(),
            _ = stop.changed() => false,
        };
        if !rung {
            return Ok(Vec::new());
        }
    }
}

/// All that is kept at hand for the recipient, and what of it was not shown yet.
fn everything(state: &State, actor: &Actor) -> (Vec<MailLine>, Vec<Digest>) {
    (view::inbox(state, actor, true), message::batch(state, &actor.party(), usize::MAX, usize::MAX).0)
}

/// A page of what is not acknowledged: what was not shown yet, then the oldest of the rest.
fn first(state: &State, actor: &Actor) -> (Vec<MailLine>, Vec<Digest>) {
    let party = actor.party();
    let (ids, _) = message::batch(state, &party, message::PAGE, usize::MAX);
    let inbox = state.post.boxes.get(&party);
    let chosen: BTreeSet<&Digest> = ids.iter().collect();
    let before = inbox.into_iter().flat_map(BTreeMap::values).filter(|id| !chosen.contains(id)).take(message::PAGE - ids.len());
    let mut page: Vec<Digest> = before.chain(&ids).cloned().collect();
    page.sort_by_key(|id| state.post.mail.get(id).map(|mail| mail.seq));
    let more = inbox.map_or(0, BTreeMap::len) - page.len();
    (view::mails(state, actor, &page, more), ids)
}

/// Finds the message a recipient or sender means by an id's beginning.
fn find(state: &State, actor: &Actor, id: &str) -> Result<(Digest, u64), Refusal> {
    let party = actor.party();
    let mine = |mail: &message::Mail| mail.to.contains_key(&party) || mail.from == party || *actor == Actor::Owner || planted::out("mail-addressee");
    // The ids are in order: those that begin so stand together.
    let from = Digest::new(format!("{id:0<64}")).ok();
    let after = from.into_iter().flat_map(|from| state.post.mail.range(from..));
    let hits: Vec<(&Digest, &message::Mail)> = after.take_while(|(full, _)| full.as_str().starts_with(id)).filter(|(_, mail)| mine(mail)).collect();
    match hits.as_slice() {
        [(full, mail)] if id.len() >= 6 => Ok(((*full).clone(), mail.seq)),
        [_, _, ..] | [_] => Err(Refusal::new("ambiguous", format!("{id} is the beginning of {} messages, or too short", hits.len()), "orchestrate mail inbox")),
        [] => Err(Refusal::new("not-your-mail", format!("{actor} has no message {}", id.escape_default()), "orchestrate mail inbox --all")),
    }
}

fn letter(ledger: &dyn Ledger, seq: u64) -> Result<Letter, Refusal> {
    let record = ledger.read(seq, 1).ok().and_then(|mut records| records.pop());
    let found = match record.and_then(|record| Entry::parse(&record.bytes).ok()).map(|entry| entry.event) {
        Some(Event::Message(message::Event::Sent { statement, .. })) => message::letter(&statement),
        Some(Event::Message(message::Event::Sealed { .. })) => return Err(put_away(seq)),
        _ => None,
    };
    found.ok_or_else(|| Refusal::new("unreadable", "the message cannot be read back", "orchestrate ledger verify"))
}

pub(super) fn put_away(seq: u64) -> Refusal {
    Refusal::new("put-away", format!("the body of entry {seq} is in an archive of the owner's"), "orchestrate ledger unseal ARCHIVE")
}

async fn read(yard: &Yard, actor: &Actor, id: &str) -> Response {
    let (asker, wanted) = (actor.clone(), id.to_owned());
    let found = yard
        .see(move |state, ledger| {
            let (id, seq) = find(state, &asker, &wanted)?;
            let letter = letter(ledger, seq)?;
            Ok((view::mail(&letter, &id, state), id))
        })
        .await;
    match found {
        Ok(Ok((mail, id))) => match deliver(yard, actor, vec![id]).await {
            Ok(()) => page(Ok(mail)),
            Err(failure) => Response::Failed(failure),
        },
        Ok(Err(refusal)) => outcome(yard.ask(actor.clone(), Act::Trespass { verb: "read".to_owned(), refusal }).await),
        Err(failure) => Response::Failed(failure),
    }
}

async fn acknowledge(yard: &Yard, actor: Actor, id: &str) -> Response {
    let (asker, wanted) = (actor.clone(), id.to_owned());
    match yard.see(move |state, _| find(state, &asker, &wanted)).await {
        Ok(Ok((id, _))) => outcome(yard.ask(actor, Act::Acknowledge { id }).await),
        Ok(Err(refusal)) => outcome(yard.ask(actor, Act::Trespass { verb: "acknowledge".to_owned(), refusal }).await),
        Err(failure) => Response::Failed(failure),
    }
}
