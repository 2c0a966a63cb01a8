//! The rule book: who may do what, when. One arm per act, a sentence of policy above each.

use super::actor::Actor;
use super::command::{Act, Command};
use super::entry::{Entry, Millis};
use super::event::Event;
use super::gate::GateName;
use super::merge::{self, Built};
use super::refusal::{Refusal, Refused};
use super::state::State;
use super::task::{self, Ran, Seen};
use super::{
    adoption, alert, archive, bypass, confirm, deploy, fleet, freeze, key, lock, message, motion, panel, push, review, send_back, witness, workshop,
};

/// Judges a command against the state. No events and no refusal means: nothing to record.
pub fn decide(state: &State, actor: &Actor, command: &Command) -> Result<Vec<Event>, Refusal> {
    let now = command.now;
    if state.genesis.is_none() && !matches!(command.act, Act::Found { .. }) {
        return Err(workshop::not_founded());
    }
    command.act.wants_key().then(|| key::stands(state, actor)).transpose()?;
    match &command.act {
        // An instance answers for its own seat, by its own socket.
        Act::Answer => fleet::answer(state, actor),
        // The owner stops the workshop, changes its charter, brings what a witness signed, lets merges out, and puts old bodies away.
        Act::Stop | Act::Recharter { .. } | Act::Witnessed { .. } | Act::Deploy { .. } | Act::Archive { .. } | Act::Restore { .. } => house(state, actor, command),
        // A seat signs its own commits.
        Act::Sign { signing } => key::sign(state, actor, now, signing),
        // The owner takes a key away; what was accepted before stays.
        Act::RevokeKey { seat, certificate, reason } => key::revoke(state, actor, seat, certificate, reason),
        // A seat pushes to its own namespace, signed commits only, all or nothing.
        Act::Push { push, updates } => push::judge(state, actor, now, push, updates),
        // The move itself is asked again, inside the lock.
        Act::Land { push } => push::land(state, actor, now, push),
        // Tasks are opened, taken, released, submitted, tried again and vetoed.
        Act::OpenTask { .. } | Act::TakeTask { .. } | Act::ReleaseTask { .. } | Act::Submit { .. } | Act::Retry { .. } | Act::Veto { .. } => tasks(state, actor, command),
        // A drawn seat that contributed nothing gives its word, once, on what stands there now; and takes it back while it can.
        Act::Review { .. } | Act::Withdraw { .. } | Act::Cosign { .. } | Act::Bypass { .. } => words(state, actor, command),
        // The owner confirms exactly what was shown, with a code that works once.
        Act::Confirm { task, shown, step } => confirm::confirm(state, actor, now, task, shown, *step),
        // Anyone puts a motion; whom its matter names has a voice in it, once.
        Act::Move { .. } | Act::Vote { .. } => voices(state, actor, command),
        // Anyone writes to anyone, in its own name.
        Act::Send { .. } | Act::Deliver { .. } | Act::Acknowledge { .. } => mail(state, actor, command),
        // A seat takes write locks, all or none; the owner may take them away.
        Act::Lock { .. } | Act::Unlock { .. } => locks(state, actor, command),
        // The librarian and the owner stop everything; the owner opens it again, with a code.
        Act::Freeze { .. } | Act::Fraud { .. } | Act::AgreeThaw | Act::Thaw { .. } => stops(state, actor, command),
        // A recovery code makes the owner's second factor anew.
        Act::ResetCodes { code } => confirm::reset(state, actor, *code),
        // What a socket does not offer is refused and recorded, whoever asks.
        Act::Trespass { refusal, .. } => Err(refusal.clone()),
        // Everything else is the supervisor's own measurement, which nobody else can bring.
        Act::Found { .. }
        | Act::RegisterKey { .. }
        | Act::Swear
        | Act::Start { .. }
        | Act::Seat { .. }
        | Act::Leave { .. }
        | Act::Relayed { .. }
        | Act::Overfull { .. } | Act::Stuck { .. } | Act::Moves { .. }
        | Act::Landed { .. }
        | Act::Measured { .. }
        | Act::Tested { .. }
        | Act::Conflicted { .. }
        | Act::Stalled { .. }
        | Act::Draw { .. }
        | Act::Redraw { .. }
        | Act::OpenEpoch { .. }
        | Act::Judge { .. }
        | Act::MergeBuilt { .. }
        | Act::MainMoved { .. }
        | Act::WentHome { .. } | Act::Deploying { .. } | Act::FollowUp { .. }
        | Act::Told { .. }
        | Act::Reported { .. }
        | Act::Overdue { .. }
        | Act::Unwitnessed { .. }
        | Act::Lend
        | Act::Alarm
        | Act::Tick => edge(actor).and_then(|()| measured(state, command)),
    }
}

/// What the owner does with the workshop as a whole.
fn house(state: &State, actor: &Actor, command: &Command) -> Result<Vec<Event>, Refusal> {
    match &command.act {
        // The owner alone changes the charter, and never the seats.
        Act::Recharter { charter, alone } => adoption::adopt(state, actor, charter, *alone),
        // What a witness saw is kept beside what it saw.
        Act::Witnessed { note } => witness::witnessed(actor, note),
        // The owner puts bodies of old messages away, and brings them back.
        Act::Archive { entries, husks, archive } => archive::archived(state, actor, entries, husks, archive),
        Act::Restore { entries, archive } => archive::restored(actor, *entries, archive),
        // The owner confirms, ends, repeats or undoes a deployment.
        Act::Deploy { task, word } => deploy::say(state, actor, command.now, task, word),
        // The owner stops the workshop; nothing is lost by it.
        _ => owner(actor, "stop").map(|()| vec![Event::Workshop(workshop::Event::Stopped)]),
    }
}

/// What the supervisor itself says, once it is sure that it is the supervisor who says it.
fn measured(state: &State, command: &Command) -> Result<Vec<Event>, Refusal> {
    match &command.act {
        // A ledger begins once, before any key exists.
        Act::Found { genesis } => workshop::found(state, genesis),
        // Keys are made by the supervisor only; a seat can neither bring nor replace one.
        Act::RegisterKey { holder, fingerprint, certificate } => key::made(state, holder, fingerprint, certificate),
        // A witness that does not sign is an alarm.
        Act::Unwitnessed { why, refused } => Ok(witness::missed(state, why, *refused)),
        // The owner's key vouches for genesis.
        Act::Swear => workshop::swear(state),
        // Every start says which isolation level its probes saw.
        Act::Start { version, level, note } => {
            let (version, level, note) = (version.clone(), level.clone(), note.clone());
            let started = Event::Workshop(workshop::Event::Started { version, level, note });
            Ok(std::iter::once(started).chain(deploy::interrupted(state)).collect())
        }
        // Instances come and go.
        Act::Seat { seat, agent, prompt } => fleet::seat(state, seat, agent, prompt),
        Act::Leave { seat, instance, why } => fleet::leave(state, command.now, seat, *instance, why),
        // What the relay counted.
        Act::Relayed { seat, requests, refused, used, told } => fleet::relayed(state, command.now, seat, (*requests, *refused), (*used, *told)),
        // How much room a seat's files take.
        Act::Overfull { seat, bytes } => fleet::overfull(state, command.now, seat, *bytes),
        Act::Stuck { seat, instance, why, api } => fleet::stuck(state, command.now, seat, *instance, why, *api),
        Act::Moves { seat, instance } => fleet::moves(state, seat, *instance),
        // References moved, or did not.
        Act::Landed { push, trouble } => Ok(push::landed(state, push, trouble.as_deref())),
        // Measures, runs, draws and judgements drive a task from gate to gate.
        Act::Measured { task, attempt, change, since, kept } => {
            let seen = Seen { change, since: since.as_deref(), kept };
            task::measured(state, command.now, task, *attempt, &seen)
        }
        Act::Tested { task, attempt, kind, tip, declared, run } => {
            task::tested(state, task, *attempt, &Ran { kind: *kind, tip: tip.as_ref(), declared, run })
        }
        Act::Conflicted { task, attempt, why } => {
            let (_, now) = task::current(state, task, *attempt)?;
            Ok(task::send_back(state, task, now, GateName::Qa, why))
        }
        Act::Stalled { task, attempt, why } => task::stalled(state, task, *attempt, why),
        Act::Draw { task, attempt, gate, draw, lot } => review::draw(state, task, *attempt, *gate, draw, lot.as_ref()),
        Act::Redraw { task, attempt, gate, draw } => panel::redraw(state, task, *attempt, *gate, draw),
        // The secret that chance came from is opened, the next one committed to.
        Act::OpenEpoch { epoch, secret, next } => panel::open(state, *epoch, secret, next),
        Act::Judge { task, attempt, gate } => task::judge(state, task, *attempt, *gate),
        Act::FollowUp { task, draw } => Ok(bypass::follow(state, task, draw)),
        // The protected branch moves to a tested tree on the tested tip, after every gate.
        Act::MergeBuilt { task, attempt, commit, old, tree } => merge::intend(state, command.now, task, *attempt, &Built { commit, old, tree }),
        Act::MainMoved { task, attempt, trouble } => merge::moved(state, task, *attempt, trouble.as_deref()),
        Act::WentHome { branch, outcome, commit } => Ok(merge::home(state, branch, outcome, commit.as_ref())),
        // A deployment goes on step by step.
        Act::Deploying { task, step, seen: None } => deploy::begin(state, task, *step),
        Act::Deploying { task, step, seen: Some((begun, seen)) } => Ok(deploy::ended(state, task, *step, *begun, seen)),
        // What came of a message to the owner, and of the daily report.
        Act::Told { outcome } => Ok(alert::told(state, outcome)),
        Act::Reported { day, size, digest } => Ok(alert::reported(state, day, *size, digest)),
        Act::Overdue { day } => Ok(alert::overdue(state, day)),
        // Whoever waits for a lock gets it in the order of urgency, then of coming.
        Act::Lend => Ok(lock::pass(state, command.now)),
        // Too many attempts to go round the rules freeze everything.
        Act::Alarm => Ok(freeze::alarm(state, command.now)),
        // Time alone lets messages expire, locks go on to the next, seats come back, and reviewers run out of theirs.
        Act::Tick => Ok(tick(state, command.now)),
        _ => unreachable!("BUG: decide hands over the supervisor's own acts only"),
    }
}

fn tick(state: &State, now: Millis) -> Vec<Event> {
    let passed = message::expire(state, now).into_iter().chain(lock::pass(state, now)).chain(fleet::recall(state, now));
    let sitting = message::chain(message::chain(passed.collect(), panel::tick(state, now)), motion::tick(state, now));
    message::chain(sitting, bypass::tick(state, now))
}

fn tasks(state: &State, actor: &Actor, command: &Command) -> Result<Vec<Event>, Refusal> {
    let now = command.now;
    match &command.act {
        // The owner and the planning roles open tasks.
        Act::OpenTask { title, body, assign } => task::open(state, actor, now, title, body, assign.as_ref()),
        // The first seat that may develop and takes a task has it.
        Act::TakeTask { task } => task::take(state, actor, task),
        // Who has a task gives it back; the owner, and who plans or may veto, take it away.
        Act::ReleaseTask { task, reason, assign } => task::release(state, actor, now, task, reason, assign.as_ref()),
        // Only its author submits a task, and only what it pushed.
        Act::Submit { task, commit } => task::submit(state, actor, now, task, commit.as_ref()),
        // A stalled step is tried again when its author or the owner says so.
        Act::Retry { task } => task::retry(state, actor, task),
        // A veto sticks to the task.
        Act::Veto { task, reason } => task::veto(state, actor, task, reason),
        _ => unreachable!("BUG: decide hands over acts on tasks only"),
    }
}

fn words(state: &State, actor: &Actor, command: &Command) -> Result<Vec<Event>, Refusal> {
    match &command.act {
        Act::Review { task, accept, note, commit, said, bundle } => {
            let word = review::Word { accept: *accept, note, commit: commit.as_deref(), said, bundle: bundle.as_deref() };
            review::decide(state, actor, command.now, task, &word)
        }
        Act::Withdraw { task, reason } => panel::withdraw(state, actor, task, reason),
        // The librarian signs what is sent back.
        Act::Cosign { task, note } => send_back::cosign(state, actor, task, note),
        // The owner and the librarian let a small candidate in; two others look at it afterwards.
        Act::Bypass { task, word } => bypass::say(state, actor, command.now, task, word),
        _ => unreachable!("BUG: decide hands over acts with words only"),
    }
}

fn voices(state: &State, actor: &Actor, command: &Command) -> Result<Vec<Event>, Refusal> {
    match &command.act {
        Act::Move { matter, title, body } => motion::moved(state, actor, command.now, matter, title, body),
        Act::Vote { motion, accept, note } => motion::vote(state, actor, command.now, *motion, *accept, note),
        _ => unreachable!("BUG: decide hands over motions only"),
    }
}

fn mail(state: &State, actor: &Actor, command: &Command) -> Result<Vec<Event>, Refusal> {
    match &command.act {
        Act::Send { draft } => message::send(state, actor, command.now, draft),
        Act::Deliver { ids } => Ok(message::deliver(state, actor, ids)),
        Act::Acknowledge { id } => message::acknowledge(state, actor, id),
        _ => unreachable!("BUG: decide hands over acts on messages only"),
    }
}

fn stops(state: &State, actor: &Actor, command: &Command) -> Result<Vec<Event>, Refusal> {
    match &command.act {
        Act::Freeze { reason } => freeze::freeze(state, actor, reason),
        Act::Fraud { task } => freeze::fraud(state, actor, command.now, task),
        Act::AgreeThaw => freeze::agree(state, actor),
        Act::Thaw { step, alone } => thaw(state, actor, command.now, *step, *alone),
        _ => unreachable!("BUG: decide hands over acts that stop or open everything only"),
    }
}

fn locks(state: &State, actor: &Actor, command: &Command) -> Result<Vec<Event>, Refusal> {
    match &command.act {
        Act::Lock { wish } => lock::acquire(state, actor, command.now, wish),
        Act::Unlock { seat, paths } => lock::release(state, actor, seat.as_ref(), paths),
        _ => unreachable!("BUG: decide hands over acts on locks only"),
    }
}

fn thaw(state: &State, actor: &Actor, now: u64, step: Option<u64>, alone: bool) -> Result<Vec<Event>, Refusal> {
    let thawed = freeze::thaw(state, actor, alone)?;
    Ok(match confirm::code(state, now, step)? {
        None => vec![Event::Confirm(confirm::Event::Missed)],
        Some(step) => {
            let used = Event::Confirm(confirm::Event::Used { step, what: "thaw".to_owned() });
            std::iter::once(used).chain(thawed).collect()
        }
    })
}

fn edge(actor: &Actor) -> Result<(), Refusal> {
    match actor {
        Actor::Edge => Ok(()),
        Actor::Owner | Actor::Seat(_) => Err(Refusal::new("supervisor-only", "only the supervisor's own measurements say this", "orchestrate --help")),
    }
}

fn owner(actor: &Actor, verb: &str) -> Result<(), Refusal> {
    match actor {
        Actor::Owner => Ok(()),
        Actor::Edge | Actor::Seat(_) => Err(Refusal::new("owner-only", format!("only the owner may {verb}"), "orchestrate mail send owner")),
    }
}

/// The entry that a refusal leaves behind, written before its answer is sent.
pub fn refused(command: &Command, refusal: &Refusal) -> Event {
    let (verb, on) = command.act.verb();
    Event::Refused(Refused { verb: verb.to_owned(), on, refusal: refusal.clone() })
}

impl State {
    /// Folds one entry into the state. Whoever folds the same entries has the same state.
    pub fn apply(&mut self, entry: &Entry) {
        self.len = entry.seq + 1;
        self.now = entry.time;
        match &entry.event {
            Event::Workshop(event) => workshop::apply(self, &entry.by, entry.seq, entry.time, event),
            Event::Key(event) => key::apply(self, &entry.by, entry.seq, entry.time, event),
            Event::Fleet(event) => fleet::apply(self, &entry.by, entry.time, event),
            Event::Push(event) => push::apply(self, &entry.by, entry.time, event),
            Event::Task(event) => task::apply(self, &entry.by, entry.seq, entry.time, event),
            Event::Review(event) => review::apply(self, &entry.by, entry.seq, entry.time, event),
            Event::Panel(event) => panel::apply(self, &entry.by, entry.time, event),
            Event::Motion(event) => motion::apply(self, &entry.by, entry.seq, entry.time, event),
            Event::Merge(event) => merge::apply(self, entry.time, event),
            Event::Bypass(event) => bypass::apply(self, &entry.by, entry.seq, entry.time, event),
            Event::Deploy(event) => deploy::apply(self, entry.seq, entry.time, event),
            Event::Message(event) => message::apply(self, entry.seq, entry.time, event),
            Event::Freeze(event) => freeze::apply(self, &entry.by, entry.time, entry.seq, event),
            Event::Lock(event) => lock::apply(self, &entry.by, entry.seq, entry.time, event),
            Event::Confirm(event) => confirm::apply(self, entry.time, event),
            Event::Refused(event) => self.note_refusal(entry, event),
            Event::Alert(event) => alert::apply(self, entry.time, event),
        }
        alert::hear(self, entry);
    }
}
