//! Messages: registered before they are delivered, chained per sender, acknowledged or seen to expire.

use super::actor::{Actor, Party};
use super::budget;
use super::dsse::Envelope;
use super::entry::Millis;
use super::event::Event as Any;
use super::name::{Digest, SeatName, TaskId};
use super::policy::Act;
use super::refusal::Refusal;
use super::role::Capability;
use super::state::State;
use super::statement;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most recipients of one message, characters of a subject, and finished messages kept at hand.
pub const MOST_RECIPIENTS: usize = 64;
pub const MOST_SUBJECT: usize = 200;
pub const KEPT: usize = 500;

/// The canonical envelope; SHA-256 over its bytes as they stand in the statement's payload is the message's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Letter {
    pub workshop: String,
    pub from: Party,
    pub to: Vec<Party>,
    /// The sender's count, from 1, without gaps.
    pub number: u64,
    /// The id of the sender's message before this one.
    pub prev: Option<Digest>,
    pub sent: Millis,
    pub priority: Priority,
    pub task: Option<TaskId>,
    pub subject: String,
    pub body: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    Low,
    #[default]
    Normal,
    High,
    Critical,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Registered; `statement` holds the letter and its sender's signature.
    Sent {
        id: Digest,
        statement: Envelope,
    },
    Delivered {
        ids: Vec<Digest>,
        to: Party,
    },
    Acknowledged {
        id: Digest,
        by: Party,
    },
    Expired {
        ids: Vec<Digest>,
    },
    /// A new instance sits there: what the one before was shown and has not acknowledged counts as not shown.
    Returned {
        to: Party,
    },
    /// What stands in the place of `Sent` once the body was put away: the letter without it, under the leaf hash of the whole entry.
    /// Nobody appends it; an `Archived` entry vouches for it.
    Sealed {
        leaf: Digest,
        id: Digest,
        letter: Box<Letter>,
        /// How long the statement's payload was.
        bytes: usize,
    },
}

impl Event {
    pub fn statement(&mut self) -> Option<(Party, &mut Envelope)> {
        match self {
            Self::Sent { statement, .. } => {
                let from = letter(statement)?.from;
                Some((from, statement))
            }
            Self::Delivered { .. } | Self::Acknowledged { .. } | Self::Expired { .. } | Self::Returned { .. } | Self::Sealed { .. } => None,
        }
    }
}

/// Reads the letter out of its statement.
pub fn letter(envelope: &Envelope) -> Option<Letter> {
    serde_json::from_slice(&statement::payload(envelope)?).ok()
}

/// A message that somebody still has to acknowledge, or that ended lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The ledger position of its registration.
    pub seq: u64,
    pub from: Party,
    pub subject: String,
    pub priority: Priority,
    pub task: Option<TaskId>,
    pub sent: Millis,
    pub expires: Millis,
    pub bytes: usize,
    pub to: BTreeMap<Party, Delivery>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    Queued,
    Delivered,
    Acknowledged,
    Expired,
}

/// All messages that are under way, and the end of each sender's chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    pub mail: BTreeMap<Digest, Mail>,
    /// Per recipient: what is queued or delivered and not acknowledged, in order of registration.
    pub boxes: BTreeMap<Party, BTreeMap<u64, Digest>>,
    /// Per recipient: how many of these each sender wrote.
    pub writers: BTreeMap<Party, BTreeMap<Party, usize>>,
    pub chains: BTreeMap<Party, (u64, Digest)>,
    pub due: BTreeSet<(Millis, Digest)>,
    pub finished: BTreeMap<u64, Digest>,
    pub total: u64,
}

/// What a sender wants to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Who the message says it is from; whoever else asks is refused.
    pub claimed: Option<String>,
    pub to: Vec<Party>,
    pub subject: String,
    pub body: String,
    pub priority: Priority,
    pub task: Option<TaskId>,
}

/// How many messages are shown at once, and how many bytes of them, so that no conversation is flooded; one message is shown whatever its length.
pub const BATCH: usize = 25;
pub const BATCH_BYTES: usize = 128 * 1024;
/// How many lines of an inbox are shown at once.
pub const PAGE: usize = 100;

/// Registers a message. It is free while frozen: messages queue in order.
pub fn send(state: &State, actor: &Actor, now: Millis, draft: &Draft) -> Result<Vec<Any>, Refusal> {
    let hint = "orchestrate mail send <seat> --subject '…' --body '…'";
    let limit = state.charter().policy.messages.max_body_bytes as usize;
    let refuse = |code: &str, why: String| Err(Refusal::new(code, why, hint));
    let forged = |claimed: &&String| **claimed != actor.to_string() && !super::planted::out("mail-sender");
    if let Some(other) = draft.claimed.as_ref().filter(forged) {
        return refuse("forged-sender", format!("{actor} cannot send in the name of {}", other.escape_default()));
    }
    if draft.to.is_empty() || draft.to.len() > MOST_RECIPIENTS {
        return refuse("recipients", format!("a message has 1 to {MOST_RECIPIENTS} recipients"));
    }
    if let Some(nobody) = draft.to.iter().find(|party| !state.reachable(party)) {
        return refuse("no-such-recipient", format!("there is nobody called {nobody}"));
    }
    if draft.body.len() > limit {
        return refuse("too-long", format!("a body is at most {limit} bytes, this one has {}", draft.body.len()));
    }
    let plain = draft.subject.chars().all(|c| !c.is_control());
    if !plain || draft.subject.trim().is_empty() || draft.subject.chars().count() > MOST_SUBJECT {
        return refuse("subject", format!("a subject is one line of 1 to {MOST_SUBJECT} characters"));
    }
    if draft.task.as_ref().is_some_and(|task| !state.tasks.contains_key(task)) {
        return refuse("no-such-task", "the message names a task that does not exist".to_owned());
    }
    if let Some(seat) = actor.seat() {
        budget::within(state, seat, Act::Messages, now)?;
        room(state, actor, &draft.to)?;
    }
    let chain = state.post.chains.get(&actor.party());
    Ok(vec![sent(state, &actor.party(), now, draft, chain.cloned()).1])
}

/// Whether the recipients have dealt with enough of what this sender wrote before: nobody fills another's inbox.
fn room(state: &State, actor: &Actor, to: &[Party]) -> Result<(), Refusal> {
    let (most, from) = (state.charter().policy.messages.max_waiting as usize, actor.party());
    let waiting = |party: &Party| state.post.writers.get(party).and_then(|writers| writers.get(&from)).copied().unwrap_or(0);
    match to.iter().find(|party| waiting(party) >= most) {
        Some(full) if most > 0 => {
            let why = format!("{full} has {most} messages of {from} that are not acknowledged; nothing more is taken before some are");
            Err(Refusal::new("inbox-full", why, "orchestrate status"))
        }
        Some(_) | None => Ok(()),
    }
}

/// What of a recipient's mail is shown next: what it was not shown yet, critical first, then oldest. And how many wait behind it.
pub fn batch(state: &State, to: &Party, most: usize, bytes: usize) -> (Vec<Digest>, usize) {
    let waiting = state.post.boxes.get(to).into_iter().flatten().filter_map(|(seq, id)| Some((*seq, id, state.post.mail.get(id)?)));
    let mut queued: Vec<_> = waiting.filter(|(_, _, mail)| mail.to.get(to) == Some(&Delivery::Queued)).collect();
    queued.sort_by_key(|(seq, _, mail)| (mail.priority != Priority::Critical, *seq));
    let (all, mut taken) = (queued.len(), 0);
    let fits = |(at, (_, _, mail)): &(usize, (u64, &Digest, &Mail))| {
        taken += mail.bytes;
        *at == 0 || taken <= bytes
    };
    let ids: Vec<Digest> = queued.into_iter().enumerate().take(most).take_while(fits).map(|(_, (_, id, _))| id.clone()).collect();
    let behind = all - ids.len();
    (ids, behind)
}

fn sent(state: &State, from: &Party, now: Millis, draft: &Draft, chain: Option<(u64, Digest)>) -> (Digest, Any) {
    let (number, prev) = chain.map_or((1, None), |(number, id)| (number + 1, Some(id)));
    let to: BTreeSet<Party> = draft.to.iter().cloned().collect();
    let letter = Letter {
        workshop: state.genesis.as_ref().map(|genesis| genesis.workshop.clone()).unwrap_or_default(),
        from: from.clone(),
        to: to.into_iter().collect(),
        number,
        prev,
        sent: now,
        priority: draft.priority,
        task: draft.task.clone(),
        subject: draft.subject.clone(),
        body: draft.body.clone(),
    };
    let statement = statement::message(&letter);
    let id = Digest::of(&statement::payload(&statement).unwrap_or_default());
    (id.clone(), Any::Message(Event::Sent { id, statement }))
}

/// The gatekeeper's own note to seats about a task.
pub fn notice(state: &State, now: Millis, to: Vec<SeatName>, subject: &str, body: &str, task: Option<&TaskId>) -> Vec<Any> {
    note(state, now, to.into_iter().map(Party::Seat).collect(), subject, body, task)
}

/// The gatekeeper's own note to the owner.
pub fn notice_owner(state: &State, now: Millis, subject: &str, body: &str, task: Option<&TaskId>) -> Vec<Any> {
    note(state, now, vec![Party::Owner], subject, body, task)
}

fn note(state: &State, now: Millis, to: Vec<Party>, subject: &str, body: &str, task: Option<&TaskId>) -> Vec<Any> {
    if to.is_empty() {
        return Vec::new();
    }
    let subject: String = subject.chars().take(MOST_SUBJECT).collect();
    let draft = Draft { claimed: None, to, subject, body: body.to_owned(), priority: Priority::High, task: task.cloned() };
    vec![sent(state, &Party::Gatekeeper, now, &draft, state.post.chains.get(&Party::Gatekeeper).cloned()).1]
}

/// Joins two notes of the gatekeeper made in one decision, so that the second names the first.
pub fn chain(first: Vec<Any>, second: Vec<Any>) -> Vec<Any> {
    let end = first.iter().filter_map(chained).next_back();
    let relinked = second.into_iter().map(|event| match (&end, chained(&event)) {
        (Some((id, letter)), Some((_, next))) => {
            let linked = Letter { number: letter.number + 1, prev: Some(id.clone()), ..next };
            let statement = statement::message(&linked);
            let id = Digest::of(&statement::payload(&statement).unwrap_or_default());
            Any::Message(Event::Sent { id, statement })
        }
        (None, _) | (_, None) => event,
    });
    first.iter().cloned().chain(relinked).collect()
}

fn chained(event: &Any) -> Option<(Digest, Letter)> {
    match event {
        Any::Message(Event::Sent { id, statement }) => letter(statement).map(|letter| (id.clone(), letter)),
        _ => None,
    }
}

/// Marks what a recipient has been shown. Messages it has been shown before stay as they are.
pub fn deliver(state: &State, actor: &Actor, ids: &[Digest]) -> Vec<Any> {
    let to = actor.party();
    let queued = |id: &&Digest| state.post.mail.get(*id).and_then(|mail| mail.to.get(&to)) == Some(&Delivery::Queued);
    let ids: Vec<Digest> = ids.iter().filter(queued).cloned().collect();
    if ids.is_empty() { Vec::new() } else { vec![Any::Message(Event::Delivered { ids, to })] }
}

/// A recipient's word that it has dealt with a message; saying it twice changes nothing.
pub fn acknowledge(state: &State, actor: &Actor, id: &Digest) -> Result<Vec<Any>, Refusal> {
    let by = actor.party();
    let hint = "orchestrate mail inbox";
    match state.post.mail.get(id).and_then(|mail| mail.to.get(&by)) {
        Some(Delivery::Queued | Delivery::Delivered) => Ok(vec![Any::Message(Event::Acknowledged { id: id.clone(), by })]),
        Some(Delivery::Acknowledged) => Ok(Vec::new()),
        Some(Delivery::Expired) => Err(Refusal::new("expired", "the message expired before it was acknowledged", hint)),
        None => Err(Refusal::new("not-your-mail", format!("{by} has no message {}", id.short()), hint)),
    }
}

/// Lets messages expire whose time is over, with a note to their senders' owner.
pub fn expire(state: &State, now: Millis) -> Vec<Any> {
    let due = state.post.due.iter().take_while(|(when, _)| *when <= now).map(|(_, id)| id.clone());
    let ids: Vec<Digest> = due.take(1000).collect();
    if ids.is_empty() { Vec::new() } else { vec![Any::Message(Event::Expired { ids })] }
}

/// Lets a seat's new instance be shown what the one before has not acknowledged.
pub fn returned(state: &State, seat: &SeatName) -> Option<Any> {
    let to = Party::Seat(seat.clone());
    let shown = |id: &Digest| state.post.mail.get(id).and_then(|mail| mail.to.get(&to)) == Some(&Delivery::Delivered);
    let open = state.post.boxes.get(&to).is_some_and(|inbox| inbox.values().any(shown));
    open.then_some(Any::Message(Event::Returned { to }))
}

pub fn apply(state: &mut State, seq: u64, time: Millis, event: &Event) {
    match event {
        Event::Sent { id, statement } => {
            if let Some(letter) = letter(statement) {
                registered(state, seq, time, id, &letter, statement.payload.len());
            }
        }
        Event::Sealed { id, letter, bytes, .. } => registered(state, seq, time, id, letter, *bytes),
        Event::Delivered { ids, to } => ids.iter().for_each(|id| state.post.mark(id, to, Delivery::Delivered)),
        Event::Acknowledged { id, by } => state.post.mark(id, by, Delivery::Acknowledged),
        Event::Expired { ids } => ids.iter().for_each(|id| state.post.expire(id)),
        Event::Returned { to } => state.post.take_back(to),
    }
}

fn registered(state: &mut State, seq: u64, time: Millis, id: &Digest, letter: &Letter, bytes: usize) {
    let expires = time + u64::from(state.charter().policy.messages.ttl_seconds) * 1000;
    state.post.register(id, letter, seq, expires, bytes);
    if let Party::Seat(seat) = &letter.from {
        budget::spend(state, seat, Act::Messages, time);
    }
}

impl Post {
    /// The entries of messages that somebody has still to acknowledge.
    pub fn open(&self) -> BTreeSet<u64> {
        self.boxes.values().flat_map(|inbox| inbox.keys().copied()).collect()
    }

    fn register(&mut self, id: &Digest, letter: &Letter, seq: u64, expires: Millis, bytes: usize) {
        for party in &letter.to {
            self.boxes.entry(party.clone()).or_default().insert(seq, id.clone());
            *self.writers.entry(party.clone()).or_default().entry(letter.from.clone()).or_default() += 1;
        }
        let mail = Mail {
            seq,
            from: letter.from.clone(),
            subject: letter.subject.clone(),
            priority: letter.priority,
            task: letter.task.clone(),
            sent: letter.sent,
            expires,
            bytes,
            to: letter.to.iter().map(|party| (party.clone(), Delivery::Queued)).collect(),
        };
        self.chains.insert(letter.from.clone(), (letter.number, id.clone()));
        self.due.insert((expires, id.clone()));
        self.mail.insert(id.clone(), mail);
        self.total += 1;
    }

    fn mark(&mut self, id: &Digest, party: &Party, to: Delivery) {
        let Some(mail) = self.mail.get_mut(id) else { return };
        if let Some(delivery) = mail.to.get_mut(party) {
            *delivery = to;
        }
        if to == Delivery::Acknowledged {
            let (seq, from) = (mail.seq, mail.from.clone());
            self.take_out(party, seq, &from);
        }
        self.finish(id);
    }

    /// A message leaves an inbox.
    fn take_out(&mut self, party: &Party, seq: u64, from: &Party) {
        let left = self.boxes.get_mut(party).and_then(|inbox| inbox.remove(&seq));
        let Some(writers) = self.writers.get_mut(party).filter(|_| left.is_some()) else { return };
        match writers.get_mut(from) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => drop(writers.remove(from)),
        }
    }

    fn take_back(&mut self, party: &Party) {
        let ids = self.boxes.get(party).into_iter().flat_map(BTreeMap::values);
        for id in ids {
            let shown = self.mail.get_mut(id).and_then(|mail| mail.to.get_mut(party)).filter(|delivery| **delivery == Delivery::Delivered);
            shown.into_iter().for_each(|delivery| *delivery = Delivery::Queued);
        }
    }

    fn expire(&mut self, id: &Digest) {
        let Some(mail) = self.mail.get_mut(id) else { return };
        let (seq, from) = (mail.seq, mail.from.clone());
        let mut late = Vec::new();
        for (party, delivery) in mail.to.iter_mut().filter(|(_, delivery)| **delivery != Delivery::Acknowledged) {
            *delivery = Delivery::Expired;
            late.push(party.clone());
        }
        late.iter().for_each(|party| self.take_out(party, seq, &from));
        self.finish(id);
    }

    /// Forgets the oldest finished message once too many are kept; the ledger still has it.
    fn finish(&mut self, id: &Digest) {
        let Some(mail) = self.mail.get(id) else { return };
        let open = mail.to.values().any(|delivery| matches!(delivery, Delivery::Queued | Delivery::Delivered));
        if open {
            return;
        }
        self.due.remove(&(mail.expires, id.clone()));
        self.finished.insert(mail.seq, id.clone());
        while self.finished.len() > KEPT {
            if let Some((_, old)) = self.finished.pop_first() {
                self.mail.remove(&old);
            }
        }
    }
}

/// Everyone may send; the broadcast word is for the owner and whoever plans.
pub fn everyone(state: &State, actor: &Actor) -> Result<Vec<Party>, Refusal> {
    state.allows(actor, Capability::OpenTask, "write to all seats")?;
    Ok(state.fleet_order.iter().filter(|seat| actor.seat() != Some(*seat)).cloned().map(Party::Seat).collect())
}
