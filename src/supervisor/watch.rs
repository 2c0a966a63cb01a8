//! Looks at the gate again and again: its references are where the record says, and nobody bent what git reads there.

use super::place::Place;
use super::yard::{Yard, blocking};
use crate::domain::actor::Actor;
use crate::domain::command::Act;
use crate::domain::entry::Millis;
use crate::domain::failure::{Doing, Failure};
use crate::domain::name::{Oid, RefName};
use crate::domain::state::State;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Milliseconds between two looks.
const EVERY: Millis = 60_000;
/// A reason has to be one line of at most 200 characters.
const MOST_REASON: usize = 190;

/// Looks once a minute, for as long as the supervisor lives.
pub async fn watch(yard: Arc<Yard>) {
    let mut grown = yard.grown.subscribe();
    let mut stop = yard.stop.subscribe();
    let programs = programs(&yard.place).unwrap_or_default();
    let mut next = yard.clock.now() + EVERY;
    loop {
        grown.borrow_and_update();
        let now = yard.clock.now();
        if now >= next {
            look(&yard, &programs).await;
            next = now + EVERY;
        }
        let left = Duration::from_millis(next.saturating_sub(now).min(EVERY));
        tokio::select! {
            _ = tokio::time::timeout(left, grown.changed()) => {}
            _ = stop.changed() => return,
        }
    }
}

async fn look(yard: &Arc<Yard>, programs: &[Program]) {
    let Err(failure) = sound(yard, programs).await else { return };
    let reason: String = failure.why.chars().take(MOST_REASON).collect();
    let frozen = yard.see(|state, _| state.frozen.is_some()).await.unwrap_or(true);
    if frozen {
        return eprintln!("orchestrate: FROZEN: {failure}");
    }
    match yard.ask(Actor::Edge, Act::Freeze { reason }).await {
        Ok(entries) if entries.is_empty() => eprintln!("orchestrate: {failure}; not frozen, since freeze.integrity is off"),
        Ok(_) => eprintln!("orchestrate: FROZEN: {failure}"),
        Err(_) => eprintln!("orchestrate: cannot freeze: {failure}"),
    }
}

async fn sound(yard: &Arc<Yard>, before: &[Program]) -> Result<(), Failure> {
    const WHAT: &str = "cannot trust the gate";
    let gate = yard.gate()?.clone();
    // Inside the loop, where nothing moves meanwhile.
    let differing = yard.see(move |state, _| gate.refs().map(|found| difference(state, &found))).await??;
    if !differing.is_empty() {
        return Err(Failure::new(WHAT, format!("the gate repository differs from the record: {}", differing.join("; "))));
    }
    let here = Arc::clone(yard);
    blocking(move || here.gate()?.untouched()).await?;
    if programs(&yard.place)? == before {
        Ok(())
    } else {
        Err(Failure::new(WHAT, "the gate's hooks or the program behind them were replaced while the supervisor ran"))
    }
}

/// Where the references are not as the record says. What the supervisor keeps for itself is not in the record.
pub fn difference(state: &State, found: &BTreeMap<RefName, Oid>) -> Vec<String> {
    let own = |name: &str| name.starts_with("refs/gate/");
    let lost = state
        .refs
        .iter()
        .filter(|(name, oid)| found.get(*name) != Some(oid))
        .map(|(name, oid)| format!("{name} is not at {}", oid.short()));
    let extra = found
        .keys()
        .filter(|name| !state.refs.contains_key(*name) && !own(name.as_str()))
        .map(|name| format!("{name} is not in the record"));
    lost.chain(extra).collect()
}

/// A file that the gate's hooks run: where it leads, and which file that is.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    path: PathBuf,
    leads: Option<PathBuf>,
    file: (u64, u64, u64, i64, u32),
}

fn programs(place: &Place) -> Result<Vec<Program>, Failure> {
    let seen = |path: PathBuf| {
        let real = std::fs::metadata(&path).doing(format!("cannot look at {}", path.display()))?;
        let leads = std::fs::read_link(&path).ok();
        let file = (real.dev(), real.ino(), real.len(), real.mtime_nsec() ^ real.mtime(), real.mode());
        Ok(Program { path, leads, file })
    };
    ["hooks/pre-receive", "hooks/proc-receive", "bin/orchestrate"].into_iter().map(|name| seen(place.join(name))).collect()
}
