//! The loop: commands in, decide, append, answer, react. The only writer of the ledger.

use crate::domain::actor::{Actor, Party};
use crate::domain::bypass;
use crate::domain::command::{Act, Command};
use crate::domain::decide::{decide, refused};
use crate::domain::dsse::Envelope;
use crate::domain::effect::{Effect, outstanding, react};
use crate::domain::entry::{Entry, Millis, VERSION};
use crate::domain::event::Event;
use crate::domain::failure::Failure;
use crate::domain::gate::GateName;
use crate::domain::name::Digest;
use crate::domain::planted;
use crate::domain::push::Move;
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::domain::merge;
use crate::ledger::chain::Hash;
use crate::ledger::husk::Husks;
use crate::ledger::{AppendError, Ledger};
use tokio::sync::{mpsc, oneshot};

/// Most commands that one durable append carries.
const GROUP: usize = 512;
/// Entries read at once while folding the ledger.
const PAGE: usize = 4096;
/// A checkpoint is kept at least once in so many entries.
const PIN: u64 = 1024;

/// What the loop needs from the outside at once, while nobody else can append.
pub trait Hands: Send {
    fn now(&self) -> Millis;
    /// Signs the envelope with the party's key.
    fn seal(&self, party: &Party, envelope: &mut Envelope) -> Result<(), Failure>;
    /// HMAC over the words with the secret of an epoch, to which the record commits.
    fn draw(&self, epoch: u32, words: &str) -> Digest;
    /// Moves references all or none, each from its old value; finding them moved already is success.
    fn move_refs(&self, moves: &[Move]) -> Result<(), Failure>;
    /// A signed checkpoint over the first `size` entries of a workshop's ledger; nothing where there is no key for it.
    fn checkpoint(&self, _workshop: &str, _size: u64, _root: Hash) -> Result<Option<String>, Failure> {
        Ok(None)
    }
}

/// Why there is no entry.
#[derive(Debug, Clone)]
pub enum Denied {
    Refused(Refusal),
    Failed(Failure),
}

impl From<Failure> for Denied {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

pub type Outcome = Result<Vec<Entry>, Denied>;
type Look = Box<dyn FnOnce(&State, &dyn Ledger) + Send>;

/// What is asked of the loop.
pub enum Ask {
    Do { actor: Actor, act: Box<Act>, reply: oneshot::Sender<Outcome> },
    /// Looks at the state, after everything asked before is durable.
    See(Look),
    /// Puts husks in the place of entries, or entries in the place of husks, once the entry that says so is durable.
    Replace { bodies: Vec<(u64, Vec<u8>)>, reply: oneshot::Sender<Result<(), Failure>> },
}

/// The loop's own state: the fold, the ledger, and what to do next.
pub struct Drive<H> {
    pub state: State,
    ledger: Box<dyn Ledger>,
    hands: H,
    /// Something could not be made durable, and what was to follow from it is asked for anew.
    lost: bool,
}

struct Group {
    at: u64,
    entries: Vec<Entry>,
}

impl<H: Hands> Drive<H> {
    /// Folds the ledger; a damaged entry is a failure, never a guess.
    pub fn open(ledger: Box<dyn Ledger>, hands: H) -> Result<Self, Failure> {
        let state = fold(ledger.as_ref())?;
        Ok(Self { state, ledger, hands, lost: false })
    }

    pub fn ledger(&self) -> &dyn Ledger {
        self.ledger.as_ref()
    }

    /// What a restart has to finish.
    pub fn outstanding(&mut self) -> Vec<Effect> {
        let effects = outstanding(&self.state);
        self.consequences(effects)
    }

    /// Decides one command and makes it durable, with everything that follows from it inside the loop.
    pub fn ask(&mut self, actor: &Actor, act: Act) -> (Outcome, Vec<Effect>) {
        let (mut outcomes, effects) = self.group(vec![(actor.clone(), act)]);
        (outcomes.pop().unwrap_or(Ok(Vec::new())), effects)
    }

    /// Decides several commands in order and makes them durable, in as few appends as there can be.
    pub fn group(&mut self, asked: Vec<(Actor, Act)>) -> (Vec<Outcome>, Vec<Effect>) {
        let (mut outcomes, mut later) = (Vec::with_capacity(asked.len()), Vec::new());
        if std::mem::take(&mut self.lost) {
            later.extend(self.outstanding());
        }
        let mut left = asked.into_iter();
        while left.len() > 0 {
            let (told, effects) = self.together(&mut left);
            outcomes.extend(told);
            later.extend(effects);
        }
        later.sort();
        later.dedup();
        (outcomes, later)
    }

    /// The next commands, up to one that intends a merge: its branch is moved before anything else is decided, as if nobody had asked.
    fn together(&mut self, left: &mut impl Iterator<Item = (Actor, Act)>) -> (Vec<Outcome>, Vec<Effect>) {
        let mut group = Group { at: self.state.len, entries: Vec::new() };
        let mut outcomes = Vec::new();
        for (actor, act) in left {
            let from = group.entries.len();
            outcomes.push(self.take(&mut group, &actor, act));
            if group.entries[from..].iter().any(|entry| matches!(entry.event, Event::Merge(merge::Event::Intended { .. }))) {
                break;
            }
        }
        match self.append(&group) {
            Ok(()) => {
                let effects = group.entries.iter().flat_map(|entry| react(&self.state, entry)).collect();
                (outcomes, self.consequences(effects))
            }
            Err(failure) => (outcomes.into_iter().map(|_| Err(Denied::Failed(failure.clone()))).collect(), Vec::new()),
        }
    }

    fn take(&mut self, group: &mut Group, actor: &Actor, act: Act) -> Outcome {
        let command = Command::new(self.hands.now().max(self.state.now), act);
        match decide(&self.state, actor, &command) {
            Ok(events) => Ok(self.record(group, actor, command.now, events)?),
            Err(refusal) => {
                // The edge's own questions are no attempts; what it saw a stranger do is one.
                if *actor != Actor::Edge || matches!(command.act, Act::Trespass { .. }) {
                    self.record(group, actor, command.now, vec![refused(&command, &refusal)])?;
                }
                Err(Denied::Refused(refusal))
            }
        }
    }

    /// Seals, numbers and applies the events of one command: all of them or, when a seal fails, none.
    fn record(&mut self, group: &mut Group, actor: &Actor, time: Millis, mut events: Vec<Event>) -> Result<Vec<Entry>, Failure> {
        let authors = events.iter_mut().map(|event| self.author(actor, event)).collect::<Result<Vec<Actor>, Failure>>()?;
        let first = self.state.len;
        let numbered = events.into_iter().zip(authors).zip(first..);
        let entries: Vec<Entry> = numbered.map(|((event, by), seq)| Entry { v: VERSION, seq, time, by, event }).collect();
        entries.iter().for_each(|entry| self.state.apply(entry));
        group.entries.extend(entries.iter().cloned());
        Ok(entries)
    }

    /// Seals the event's statement; what the gatekeeper's key says is the gatekeeper's entry.
    fn author(&self, actor: &Actor, event: &mut Event) -> Result<Actor, Failure> {
        let Some((party, envelope)) = event.unsigned() else {
            return Ok(actor.clone());
        };
        self.hands.seal(&party, envelope)?;
        Ok(if party == Party::Gatekeeper { Actor::Edge } else { actor.clone() })
    }

    fn append(&mut self, group: &Group) -> Result<(), Failure> {
        if group.entries.is_empty() {
            return Ok(());
        }
        let bytes: Vec<Vec<u8>> = group.entries.iter().map(Entry::bytes).collect();
        let Err(trouble) = self.ledger.append(group.at, &bytes) else {
            self.pin(group);
            return Ok(());
        };
        self.lost = true;
        self.state = fold(self.ledger.as_ref())?;
        Err(match trouble {
            AppendError::Conflict { .. } => Failure::new("cannot append to the ledger", trouble).hint("orchestrate ledger verify"),
            AppendError::Failure(failure) => failure,
        })
    }

    /// Signs the head now and then, so that a ledger that lost its end or was written anew does not fit what was kept of it.
    ///
    /// The entries are durable already: a checkpoint that cannot be kept is told, and stops nothing.
    fn pin(&mut self, group: &Group) {
        let size = self.ledger.len();
        let telling = |entry: &Entry| matches!(entry.event, Event::Workshop(_) | Event::Freeze(_) | Event::Merge(_));
        let due = group.at / PIN != size / PIN || group.entries.iter().any(telling);
        let Some(genesis) = self.state.genesis.as_ref().filter(|_| due) else { return };
        let note = self.hands.checkpoint(&genesis.workshop, size, self.ledger.root());
        let kept = note.and_then(|note| note.map_or(Ok(()), |note| self.ledger.keep_note(size, &note)));
        if let Err(failure) = kept {
            eprintln!("orchestrate: {failure}");
        }
    }

    /// Does at once what must not wait: draws, judgements, and the moves of references while nobody else can append.
    fn consequences(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        let mut later = Vec::new();
        let mut queue: std::collections::VecDeque<Effect> = effects.into();
        while let Some(effect) = queue.pop_front() {
            let Some(act) = self.at_once(&effect) else {
                later.push(effect);
                continue;
            };
            let mut group = Group { at: self.state.len, entries: Vec::new() };
            let outcome = self.take(&mut group, &Actor::Edge, act);
            if outcome.is_ok() && self.append(&group).is_ok() {
                queue.extend(group.entries.iter().flat_map(|entry| react(&self.state, entry)));
            }
        }
        later.sort();
        later.dedup();
        later
    }

    fn at_once(&self, effect: &Effect) -> Option<Act> {
        match effect {
            Effect::Draw { task, attempt, gate } => {
                // Neither attempt nor moment counts: whoever submits again, hoping for a kinder reviewer, meets the same one.
                let words = if planted::out("steady-draw") { format!("{task} {gate} {attempt}") } else { format!("{task} {gate}") };
                let sealed = self.state.tasks.get(task).and_then(|known| known.sealed).filter(|_| *gate == GateName::Peer);
                let lot = sealed.map(|(seq, epoch)| self.hands.draw(epoch, &seq.to_string()));
                let draw = self.hands.draw(self.state.epoch.number, &words);
                Some(Act::Draw { task: task.clone(), attempt: *attempt, gate: *gate, draw, lot })
            }
            Effect::Redraw { task, attempt, gate } => {
                let round = self.state.tasks.get(task)?.attempt.as_ref()?.draws.get(gate)?.round + 1;
                let draw = self.hands.draw(self.state.epoch.number, &format!("{task} {gate} {round}"));
                Some(Act::Redraw { task: task.clone(), attempt: *attempt, gate: *gate, draw })
            }
            Effect::Judge { task, attempt, gate } => Some(Act::Judge { task: task.clone(), attempt: *attempt, gate: *gate }),
            Effect::FollowUp { task } => {
                let draw = self.hands.draw(self.state.epoch.number, &bypass::chance(&self.state, task));
                Some(Act::FollowUp { task: task.clone(), draw })
            }
            Effect::Lend => Some(Act::Lend),
            Effect::Alarm => Some(Act::Alarm),
            Effect::MoveRefs { push } => Some(Act::Landed { push: push.clone(), trouble: self.move_push(push) }),
            Effect::MoveMain { task, attempt, commit, old } => {
                let step = Move { name: self.state.branch()?.clone(), old: Some(old.clone()), new: commit.clone() };
                let allowed = merge::still(&self.state, task, *attempt).map_err(|refusal| refusal.why);
                let trouble = allowed.and_then(|()| self.hands.move_refs(&[step]).map_err(|failure| failure.to_string())).err();
                Some(Act::MainMoved { task: task.clone(), attempt: *attempt, trouble })
            }
            Effect::Measure { .. } | Effect::Test { .. } | Effect::BuildMerge { .. } | Effect::Publish | Effect::Deploy { .. } | Effect::Refill { .. } | Effect::End { .. } | Effect::Ring { .. } => None,
        }
    }

    /// Moves an accepted push's references, unless a freeze came between intent and move.
    fn move_push(&self, push: &str) -> Option<String> {
        let pending = self.state.pushes.get(push)?;
        if !pending.landing {
            return Some("the supervisor stopped before its references could move".to_owned());
        }
        match &self.state.frozen {
            Some(freeze) => Some(format!("frozen by {}: {}", freeze.by, freeze.reason)),
            None => self.hands.move_refs(&pending.moves).err().map(|failure| failure.to_string()),
        }
    }
}

/// Folds a whole ledger into a state.
pub fn fold(ledger: &dyn Ledger) -> Result<State, Failure> {
    let (mut state, mut husks) = (State::default(), Husks::default());
    let damaged = |seq: u64, why: String| Failure::new(format!("entry {seq} cannot be read"), why).hint("orchestrate ledger verify");
    while state.len < ledger.len() {
        let from = state.len;
        for record in ledger.read(from, PAGE)? {
            let entry = Entry::parse(&record.bytes).map_err(|why| damaged(record.seq, why))?;
            husks.take(record.seq, &record.bytes).map_err(|why| damaged(record.seq, why))?;
            state.apply(&entry);
        }
        if state.len == from {
            return Err(Failure::new("the ledger ends too early", format!("entry {from} is missing")).hint("orchestrate ledger verify"));
        }
    }
    husks.first().map_or(Ok(state), |(seq, why)| Err(damaged(seq, why)))
}

/// Runs the loop until every sender is gone. `report` hears how things stand now and what is to be done outside.
pub fn run<H: Hands>(mut drive: Drive<H>, mut asks: mpsc::UnboundedReceiver<Ask>, report: impl Fn(&State, Vec<Effect>)) {
    let effects = drive.outstanding();
    report(&drive.state, effects);
    let mut waiting = Vec::with_capacity(GROUP);
    while asks.blocking_recv_many(&mut waiting, GROUP) > 0 {
        serve(&mut drive, std::mem::take(&mut waiting), &report);
    }
}

fn serve<H: Hands>(drive: &mut Drive<H>, asks: Vec<Ask>, report: &impl Fn(&State, Vec<Effect>)) {
    let (mut asked, mut replies, mut looks) = (Vec::new(), Vec::new(), Vec::new());
    for ask in asks {
        match ask {
            Ask::Do { actor, act, reply } => {
                asked.push((actor, *act));
                replies.push(reply);
            }
            Ask::See(look) => looks.push(look),
            Ask::Replace { bodies, reply } => drop(reply.send(drive.ledger.replace(&bodies))),
        }
    }
    if !asked.is_empty() {
        let (outcomes, effects) = drive.group(asked);
        // Whoever is answered that everything is frozen finds it so.
        report(&drive.state, effects);
        replies.into_iter().zip(outcomes).for_each(|(reply, outcome)| answer(reply, outcome));
    }
    for look in looks {
        look(&drive.state, drive.ledger());
    }
}

/// Answers an asker; one that has gone away meanwhile misses its answer, and the entry stays.
fn answer(reply: oneshot::Sender<Outcome>, outcome: Outcome) {
    drop(reply.send(outcome));
}

#[cfg(test)]
mod tests;
