//! What follows a merge: in order, one at a time, on the owner's word about exactly one list, and never twice by itself.

use super::*;
use crate::domain::deploy::{Event as Deploying, Listed, Seen as Done, Stage as At, Step, Terms, Word};
use crate::domain::gate::RawGate;

const STEPS: &str = "workshop = \"w-1\"\nfiles = [\"src/**\"]\nchecks = [{ argv = [\"true\"] }]\nrun = { argv = [\"/bin/cp\"], where = \"host\" }\nhealth = { argv = [\"true\"] }\n";

fn charter(more: &str) -> crate::domain::charter::Charter {
    let mut raw: crate::domain::charter::RawCharter = built_in().unwrap().into();
    let mut gate: RawGate = raw.gates[4].clone().into();
    gate.deployment = Some(toml::from_str::<Terms>(&format!("{more}{STEPS}")).unwrap());
    raw.gates[4] = gate.try_into().unwrap();
    raw.try_into().unwrap()
}

fn listed(word: &str) -> Option<Listed> {
    Some(Listed { digest: Digest::of(word.as_bytes()), files: 1, bytes: 10 })
}

impl Workshop {
    fn deploying(more: &str) -> Self {
        let mut workshop = Self::under(&charter(more));
        workshop.at_deploy();
        workshop.approve("orchestrator").unwrap();
        workshop.approve("librarian").unwrap();
        workshop.edge(Act::MergeBuilt { task: task(), attempt: 1, commit: oid(9), old: oid(1), tree: oid(12) });
        workshop
    }

    fn begin(&mut self, step: Step) -> Result<u64, String> {
        let entries = self.ask(Actor::Edge, Act::Deploying { task: task(), step, seen: None })?;
        Ok(entries.iter().find(|entry| matches!(entry.event, Event::Deploy(Deploying::Begun { .. }))).map(|entry| entry.seq).unwrap_or_default())
    }

    fn ends(&mut self, step: Step, begun: u64, ok: bool, list: Option<Listed>) {
        let seen = Done { ok, note: "so it was".to_owned(), output: Digest::of(b""), list };
        self.edge(Act::Deploying { task: task(), step, seen: Some((begun, seen)) });
    }

    fn step(&mut self, step: Step, ok: bool) {
        let begun = self.begin(step).unwrap();
        let list = if matches!(step, Step::List | Step::Again) { listed("list") } else { None };
        self.ends(step, begun, ok, list);
    }

    fn order(&mut self, word: Word) -> Result<Vec<Entry>, String> {
        self.ask(Actor::Owner, Act::Deploy { task: task(), word })
    }

    fn shown(&self) -> Digest {
        crate::domain::deploy::shipment(&self.drive.state, &task()).unwrap().digest()
    }

    fn confirmed(&mut self, code: u64) {
        self.step(Step::Check(1), true);
        self.step(Step::List, true);
        let word = Word::Confirm { shown: self.shown(), code: Some(code) };
        self.order(word).unwrap();
    }

    fn at(&self) -> Option<At> {
        self.drive.state.deploy.find(&task()).map(|now| now.stage.clone())
    }

    fn held(&self) -> bool {
        matches!(self.at(), Some(At::Held { .. }))
    }
}

#[test]
fn a_merge_goes_out_step_by_step_on_the_owners_word() {
    let mut workshop = Workshop::deploying("");
    assert!(workshop.effects.contains(&Effect::Deploy { task: task(), step: Step::Check(1) }));
    assert_eq!(workshop.begin(Step::Run).unwrap_err(), "deploy-waits", "no step is left out");
    workshop.step(Step::Check(1), true);
    let begun = workshop.begin(Step::List).unwrap();
    assert_eq!(workshop.begin(Step::List).unwrap_err(), "deploy-waits", "it is under way");
    assert_eq!(workshop.order(Word::Refuse { reason: "x".to_owned() }).unwrap_err(), "deploy-waits");
    workshop.ends(Step::List, begun + 1, true, listed("forged"));
    workshop.ends(Step::List, begun, true, listed("list"));
    let shown = workshop.shown();
    let confirm = |shown: &Digest, code| Word::Confirm { shown: shown.clone(), code };
    assert_eq!(workshop.seat("librarian", Act::Deploy { task: task(), word: confirm(&shown, Some(7)) }).unwrap_err(), "owner-only");
    assert_eq!(workshop.order(confirm(&Digest::of(b"other"), Some(7))).unwrap_err(), "other-digest");
    workshop.order(confirm(&shown, None)).unwrap();
    assert_eq!(workshop.at(), Some(At::Listed), "a wrong code confirms nothing");
    workshop.order(confirm(&shown, Some(7))).unwrap();
    workshop.step(Step::Again, true);
    workshop.step(Step::Run, true);
    workshop.step(Step::Health, true);
    assert_eq!(workshop.drive.state.deploy.healthy.as_ref().unwrap().merge, oid(9));
    assert_eq!(workshop.order(Word::Retry).unwrap_err(), "no-deployment");
    assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
}

#[test]
fn without_steps_in_the_charter_nothing_follows_a_merge() {
    let mut workshop = Workshop::new();
    workshop.at_deploy();
    workshop.approve("orchestrator").unwrap();
    workshop.approve("librarian").unwrap();
    workshop.edge(Act::MergeBuilt { task: task(), attempt: 1, commit: oid(9), old: oid(1), tree: oid(12) });
    assert!(workshop.drive.state.deploy.is_empty());
}

#[test]
fn a_list_that_differs_right_before_the_run_stops_it() {
    let mut workshop = Workshop::deploying("");
    workshop.confirmed(7);
    let begun = workshop.begin(Step::Again).unwrap();
    workshop.ends(Step::Again, begun, true, listed("longer list"));
    assert!(workshop.held());
    assert_eq!(workshop.begin(Step::Run).unwrap_err(), "deploy-waits");
    workshop.order(Word::Retry).unwrap();
    assert_eq!(workshop.at(), Some(At::Due(Step::Check(1))), "anew, with a confirmation of its own");
    assert_eq!(workshop.drive.state.deploy.find(&task()).unwrap().confirmed, None);
}

#[test]
fn a_code_counts_once_and_the_digest_is_enough_where_the_policy_says_so() {
    let mut workshop = Workshop::deploying("");
    workshop.confirmed(7);
    workshop.step(Step::Again, false);
    workshop.order(Word::Retry).unwrap();
    workshop.step(Step::Check(1), true);
    workshop.step(Step::List, true);
    let again = Word::Confirm { shown: workshop.shown(), code: Some(7) };
    workshop.order(again).unwrap();
    assert_eq!(workshop.at(), Some(At::Listed));
    let mut workshop = Workshop::deploying("confirm = \"digest\"\n");
    workshop.step(Step::Check(1), true);
    workshop.step(Step::List, true);
    let word = Word::Confirm { shown: workshop.shown(), code: None };
    workshop.order(word).unwrap();
    assert_eq!(workshop.at(), Some(At::Due(Step::Again)));
}

#[test]
fn what_fails_out_there_is_taken_back_where_there_is_something_to_take_back_to() {
    let mut workshop = Workshop::deploying("");
    workshop.confirmed(7);
    workshop.step(Step::Again, true);
    workshop.step(Step::Run, false);
    assert!(workshop.held(), "nothing was deployed before");
    assert_eq!(workshop.order(Word::Rollback).unwrap_err(), "deploy-waits");
    workshop.order(Word::Refuse { reason: "looked at it".to_owned() }).unwrap();
    assert_eq!(workshop.at(), None);

    let mut workshop = Workshop::deploying("");
    workshop.drive.state.deploy.healthy =
        Some(crate::domain::deploy::Healthy { task: TaskId::new("T9").unwrap(), merge: oid(5), tree: oid(55), since: 1 });
    workshop.confirmed(7);
    workshop.step(Step::Again, true);
    workshop.step(Step::Run, true);
    workshop.step(Step::Health, false);
    assert_eq!(workshop.at(), Some(At::Due(Step::Rollback)));
    workshop.seat("librarian", Act::Veto { task: task(), reason: "no more of it".to_owned() }).unwrap();
    let begun = workshop.begin(Step::Rollback).unwrap();
    let entry = Entry::parse(&workshop.drive.ledger().read(begun, 1).unwrap()[0].bytes).unwrap();
    assert!(matches!(entry.event, Event::Deploy(Deploying::Begun { tree, .. }) if tree == oid(55)), "the tree that was healthy");
    workshop.ends(Step::Rollback, begun, true, None);
    workshop.step(Step::Restored, true);
    assert_eq!((workshop.at(), workshop.drive.state.deploy.healthy.as_ref().unwrap().tree.clone()), (None, oid(55)));
}

#[test]
fn a_freeze_or_a_veto_stops_it_before_the_next_step() {
    let mut workshop = Workshop::deploying("");
    workshop.confirmed(7);
    workshop.step(Step::Again, true);
    workshop.seat("librarian", Act::Freeze { reason: "odd".to_owned() }).unwrap();
    assert_eq!(workshop.begin(Step::Run).unwrap_err(), "frozen");
    workshop.effects.clear();
    workshop.ask(Actor::Owner, Act::Thaw { step: Some(9), alone: true }).unwrap();
    assert!(workshop.effects.contains(&Effect::Deploy { task: task(), step: Step::Run }), "it goes on by itself");
    workshop.seat("librarian", Act::Veto { task: task(), reason: "not this".to_owned() }).unwrap();
    assert_eq!(workshop.begin(Step::Run).unwrap_err(), "vetoed");
    assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
}

#[test]
fn after_a_crash_what_ran_outside_is_not_run_again() {
    let start = || Act::Start { version: "1".to_owned(), level: "sandbox".to_owned(), note: String::new() };
    let mut workshop = Workshop::deploying("");
    workshop.begin(Step::Check(1)).unwrap();
    workshop.edge(start());
    assert!(workshop.effects.contains(&Effect::Deploy { task: task(), step: Step::Check(1) }), "a sandbox leaves nothing behind");
    workshop.confirmed(7);
    workshop.step(Step::Again, true);
    let begun = workshop.begin(Step::Run).unwrap();
    workshop.edge(start());
    assert!(workshop.held(), "nobody knows what it did");
    workshop.ends(Step::Run, begun, true, None);
    assert!(workshop.held(), "what comes late is nobody's");
    assert_eq!(workshop.begin(Step::Run).unwrap_err(), "deploy-waits");
    assert!(workshop.drive.outstanding().iter().all(|effect| !matches!(effect, Effect::Deploy { .. })));
    workshop.order(Word::Retry).unwrap();
    workshop.step(Step::Check(1), true);
    assert!(workshop.drive.state.deploy.find(&task()).unwrap().ran, "something may be out there still");
}

#[test]
fn another_charter_voids_what_was_listed_and_confirmed() {
    let mut workshop = Workshop::deploying("");
    workshop.confirmed(7);
    workshop.ask(Actor::Owner, Act::Recharter { charter: charter("confirm = \"digest\"\n").canonical(), alone: true }).unwrap();
    assert_eq!(workshop.begin(Step::Again).unwrap(), 0);
    assert_eq!(workshop.at(), Some(At::Due(Step::Check(1))));
    workshop.ask(Actor::Owner, Act::Recharter { charter: built_in().unwrap().canonical(), alone: true }).unwrap();
    workshop.begin(Step::Check(1)).unwrap();
    assert_eq!(workshop.at(), None, "no deployment, nothing to deploy");
}

#[test]
fn one_at_a_time_in_the_order_of_merges() {
    let mut workshop = Workshop::deploying("");
    let mut second = workshop.drive.state.deploy.queue[0].clone();
    second.task = TaskId::new("T2").unwrap();
    workshop.drive.state.deploy.queue.push(second.clone());
    let begin = Act::Deploying { task: second.task.clone(), step: Step::Check(1), seen: None };
    assert_eq!(workshop.ask(Actor::Edge, begin).unwrap_err(), "deploy-waits");
    let refuse = Act::Deploy { task: task(), word: Word::Refuse { reason: "not today".to_owned() } };
    workshop.effects.clear();
    workshop.ask(Actor::Owner, refuse).unwrap();
    assert!(workshop.effects.contains(&Effect::Deploy { task: second.task, step: Step::Check(1) }), "the next one's turn");
}
