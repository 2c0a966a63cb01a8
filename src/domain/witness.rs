//! The witness on another machine: when it is asked, and what it means that it does not answer.

use super::actor::Actor;
use super::entry::Millis;
use super::event::Event as Any;
use super::policy::Trouble;
use super::refusal::Refusal;
use super::state::State;
use super::workshop::Event;
use serde::{Deserialize, Serialize};

/// The first wait after a failure, and the longest.
const FIRST: Millis = 30_000;
const LONGEST: Millis = 3_600_000;
const MINUTE: Millis = 60_000;

/// How far the witness has seen, where the policy names one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// So many entries, at this time.
    pub size: u64,
    pub at: Millis,
    /// A merge came after what it saw.
    pub wanted: bool,
    /// Failures in a row, the last one's reason, and when it is asked again.
    pub tries: u32,
    pub why: String,
    pub next: Millis,
}

impl Seen {
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// When the witness is to be asked; never where there is none.
pub fn due(state: &State) -> Option<Millis> {
    let terms = &state.charter().policy.witness;
    let seen = &state.witness;
    match () {
        () if !terms.is_asked() => None,
        () if seen.tries > 0 => Some(seen.next),
        () if seen.wanted || seen.at == 0 => Some(0),
        () => Some(seen.at + Millis::from(terms.minutes) * MINUTE),
    }
}

/// Notes that the witness did not sign: `refused` where it answered, and not with its word on this ledger.
pub fn missed(state: &State, why: &str, refused: bool) -> Vec<Any> {
    let why: String = why.chars().filter(|letter| !letter.is_control()).take(300).collect();
    vec![Any::Workshop(Event::Unwitnessed { why, refused, tries: state.witness.tries + 1 })]
}

/// Keeps a cosigned checkpoint that was judged: the owner brings it, or the supervisor was given it.
pub fn witnessed(actor: &Actor, note: &str) -> Result<Vec<Any>, Refusal> {
    match actor {
        Actor::Owner | Actor::Edge => Ok(vec![Any::Workshop(Event::Witnessed { note: note.to_owned() })]),
        Actor::Seat(_) => Err(Refusal::new("owner-only", "only the owner brings what a witness signed", "orchestrate ledger witnessed FILE")),
    }
}

/// No merge while the policy waits for a witness that did not sign.
pub fn holds(state: &State) -> Result<(), Refusal> {
    let seen = &state.witness;
    if state.charter().policy.witness.trouble == Trouble::Warn || seen.tries == 0 {
        return Ok(());
    }
    let why = format!("the witness has not signed, {} times in a row: {}", seen.tries, seen.why);
    Err(Refusal::new("unwitnessed", why, "orchestrate status   (then look after the witness: docs/witness.md)"))
}

/// A merge is to be seen.
pub fn merged(state: &mut State) {
    if state.charter().policy.witness.is_asked() {
        state.witness.wanted = true;
    }
}

pub fn apply(state: &mut State, by: &Actor, time: Millis, event: &Event) {
    match event {
        // Only what the supervisor was given counts for its own schedule.
        Event::Witnessed { note } if *by == Actor::Edge => {
            let size = note.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or(0);
            state.witness = Seen { size, at: time, ..Seen::default() };
        }
        Event::Unwitnessed { why, tries, .. } => {
            let seen = &mut state.witness;
            (seen.tries, seen.next) = (*tries, time + back_off(*tries));
            seen.why.clone_from(why);
        }
        _ => {}
    }
}

/// Twice as long after each failure, an hour at most.
fn back_off(tries: u32) -> Millis {
    (FIRST << tries.saturating_sub(1).min(16)).min(LONGEST)
}
