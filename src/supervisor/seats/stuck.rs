//! Tells the owner of a seat that stays stuck, and ends its instance where the rules say that it is started again.

use super::super::drive::Denied;
use super::super::yard::Yard;
use crate::domain::actor::Actor;
use crate::domain::command::Act;
use crate::domain::entry::Millis;
use crate::domain::failure::Failure;
use crate::domain::fleet::{self, Terms};
use crate::domain::name::SeatName;
use crate::domain::state::State;
use crate::view::{Doing, SeatLine};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which instance of each seat is stuck, and since when. A new supervisor begins anew: late is better than false.
#[derive(Debug, Default)]
pub struct Since(BTreeMap<SeatName, (u32, Millis)>);

/// What the record knows of a seat: its instance, and whether it was told to be stuck.
type Known = BTreeMap<SeatName, (u32, bool)>;

/// One look at what the seats are at.
pub async fn look(yard: &Arc<Yard>, since: &mut Since, lines: &[SeatLine]) -> Result<(), Failure> {
    let (terms, known) = yard.see(|state, _| (state.charter().policy.fleet, known(state))).await?;
    let now = yard.clock.now();
    let api = |seat: &SeatName| yard.moods.in_trouble(seat, now);
    for outcome in yard.ask_all(&Actor::Edge, since.acts(now, &terms, &known, lines, api)).await {
        if let Err(Denied::Failed(failure)) = outcome {
            return Err(failure);
        }
    }
    Ok(())
}

fn known(state: &State) -> Known {
    state.fleet.iter().map(|(name, seat)| (name.clone(), (seat.instances, seat.stuck.is_some()))).collect()
}

impl Since {
    /// What is to be put on record: who is stuck for long enough, and who gets on again.
    fn acts(&mut self, now: Millis, terms: &Terms, known: &Known, lines: &[SeatLine], api: impl Fn(&SeatName) -> bool) -> Vec<Act> {
        let mut acts = Vec::new();
        for line in lines {
            let (instance, told) = known.get(&line.seat).copied().unwrap_or_default();
            if line.doing != Doing::Stuck {
                self.0.remove(&line.seat);
                acts.extend(told.then(|| Act::Moves { seat: line.seat.clone(), instance }));
                continue;
            }
            let begun = self.0.entry(line.seat.clone()).or_insert((instance, now));
            if begun.0 != instance {
                *begun = (instance, now);
            }
            let long = terms.stuck_seconds > 0 && now.saturating_sub(begun.1) >= Millis::from(terms.stuck_seconds) * 1000;
            let tell = || Act::Stuck { seat: line.seat.clone(), instance, why: line.waits_for.clone(), api: api(&line.seat) };
            acts.extend((long && !told).then(tell));
        }
        acts
    }
}

/// Ends an instance that the record wants ended; one that has ended meanwhile is left alone.
pub async fn end(yard: &Arc<Yard>, seat: &SeatName, instance: u32) -> Result<(), Failure> {
    let turn = yard.filling.lock().await;
    let wanted = yard.see(|state, _| fleet::ending(state)).await?;
    let ended = if wanted.contains(&(seat.clone(), instance)) { super::end(yard, seat).await } else { Ok(()) };
    drop(turn);
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_stuck_for_long_is_told_and_who_was_for_a_while_is_not() {
        let (terms, seat) = (Terms::default(), SeatName::new("dev-a").unwrap());
        let line = |doing| {
            let line = serde_json::json!({"seat": "dev-a", "role": "dev", "state": "ready", "since": 0, "why": "", "instances": 1, "mail": 0, "tasks": []});
            SeatLine { doing, waits_for: "it hangs".to_owned(), ..serde_json::from_value(line).unwrap() }
        };
        let known = |instance, told| Known::from([(seat.clone(), (instance, told))]);
        let mut since = Since::default();
        let mut look = |now, doing, known: Known| since.acts(now, &terms, &known, &[line(doing)], |_| true);
        assert!(look(0, Doing::Stuck, known(1, false)).is_empty());
        assert!(look(599_999, Doing::Stuck, known(1, false)).is_empty());
        let said = look(600_000, Doing::Stuck, known(1, false));
        assert!(matches!(&said[..], [Act::Stuck { instance: 1, why, api: true, .. }] if why == "it hangs"), "{said:?}");
        assert!(look(700_000, Doing::Stuck, known(1, true)).is_empty(), "it is on record");
        assert!(look(800_000, Doing::Stuck, known(2, false)).is_empty(), "the next instance has its own time");
        assert_eq!(look(1_400_000, Doing::Stuck, known(2, false)).len(), 1);
        assert!(matches!(look(1_500_000, Doing::Working, known(2, true))[..], [Act::Moves { instance: 2, .. }]));
        assert!(look(1_600_000, Doing::Stuck, known(2, false)).is_empty(), "a while ago is not since then");
        let never = Terms { stuck_seconds: 0, ..terms };
        assert!(since.acts(u64::MAX, &never, &known(2, false), &[line(Doing::Stuck)], |_| false).is_empty());
    }
}
