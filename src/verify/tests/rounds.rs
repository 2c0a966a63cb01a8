//! What goes round the gates, what is sent back with a signature, and where its fix starts again: each forged in every field, and each named.

use super::super::{Report, draws, run};
use super::rules::charter;
use super::world::{Draft, Plan, World, party, rewrite, seat};
use super::{first, second, verify};
use crate::domain::actor::Actor;
use crate::domain::bypass::Event::*;
use crate::domain::event::Event;
use crate::domain::fix::Fix;
use crate::domain::gate::GateName;
use crate::domain::name::{Digest, SeatName, TaskId};
use crate::domain::task::RunKind;
use crate::domain::{bypass, draw, panel, statement, task};
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

const NOTE: &str = "looked at every line of it";

fn t1() -> TaskId {
    TaskId::new("T1").unwrap()
}

/// The kind of an event that somebody signs here, and its statement.
fn signed(event: &mut Event) -> Option<(&'static str, &mut crate::domain::dsse::Envelope)> {
    Some(match event {
        Event::Bypass(Opened { statement, .. }) => ("opened", statement),
        Event::Bypass(Signed { statement, .. }) => ("signed", statement),
        Event::Bypass(Reviewed { statement, .. }) => ("reviewed", statement),
        Event::Bypass(Answered { statement, .. }) => ("answered", statement),
        Event::Panel(panel::Event::Cosigned { statement, .. }) => ("cosigned", statement),
        _ => return None,
    })
}

/// Forges the field that the world aims at, in every event of that kind.
fn forge(world: &mut World, draft: &mut Draft) {
    let (kind, field) = world.aim;
    let Some((_, statement)) = signed(&mut draft.event).filter(|(found, _)| *found == kind) else { return };
    let hex = |length: usize| json!("3".repeat(length));
    let bound: Option<Value> = match field {
        "workshop" => Some(json!("other")),
        "task" => Some(json!("T7")),
        "attempt" => Some(json!(7)),
        "commit" | "tree" | "base" => Some(hex(40)),
        "policy" => Some(hex(64)),
        "index" => Some(json!(3)),
        _ => None,
    };
    rewrite(statement, |said| match (bound, field) {
        (Some(value), _) => said["predicate"]["bound"][field] = value,
        (None, "seat") => said["predicate"]["seat"] = json!("architect-a"),
        (None, "accept") => said["predicate"]["accept"] = json!(!said["predicate"]["accept"].as_bool().unwrap()),
        (None, "note") => said["predicate"]["note"] = json!("other words than those"),
        (None, "gate") => said["predicate"]["gate"] = json!("peer"),
        _ => {}
    });
    match field {
        "signer" => draft.signer = Some(party("architect-a")),
        "by" => draft.by = Actor::Seat(seat("qa-a")),
        "dropped" => draft.dropped = true,
        "late" => world.time += 3_700_000,
        _ => {}
    }
}

fn told(field: &str) -> String {
    match field {
        "index" => "it is bound to entry 3".to_owned(),
        "accept" | "note" => "its statement says something else than its entry".to_owned(),
        "seat" => "the word of architect-a".to_owned(),
        "signer" => "it has to be signed by".to_owned(),
        "gate" => "its statement is about peer".to_owned(),
        bound => format!("it is bound to {bound}"),
    }
}

const FIELDS: [&str; 12] = ["workshop", "task", "attempt", "commit", "tree", "base", "policy", "index", "seat", "accept", "note", "signer"];

impl World {
    fn aiming(kind: &'static str, field: &'static str) -> Self {
        let mut world = Self::found(Some(forge), None);
        world.aim = (kind, field);
        world
    }

    fn bypass(&mut self, by: &str, accept: bool, note: &str, index: u64) -> crate::domain::dsse::Envelope {
        let tree = self.change.as_ref().unwrap().tree.clone();
        self.bound(&tree, index, |bound| statement::bypass(bound, by, accept, note))
    }

    /// A change that goes in by a bypass.
    pub(super) fn goes_round(&mut self, plan: &Plan) {
        self.open(plan);
        let (task, submitted) = (TaskId::new(plan.task).unwrap(), self.submit(plan, &[]));
        let change = self.change.clone().unwrap();
        let (opened, attempt) = (self.len(), 1);
        let statement = self.bypass("owner", true, NOTE, submitted);
        self.put(Actor::Owner, Event::Bypass(Opened { task: task.clone(), attempt, reason: NOTE.to_owned(), code: 1, statement }));
        let statement = self.bypass("librarian", true, NOTE, opened);
        self.put(Actor::Seat(seat("librarian")), Event::Bypass(Signed { task: task.clone(), attempt, note: NOTE.to_owned(), statement }));
        let merged = self.oid(&["merge-tree", "--write-tree", self.tip.as_str(), change.commit.as_str()], b"");
        self.tested(RunKind::Merge, &merged, &[], submitted);
        self.judged(GateName::Deploy, submitted);
        self.merge(plan, &task, &change, merged);
    }

    /// Two look at it; the first says no, and the owner answers, where it is to be so.
    pub(super) fn followed(&mut self, no: bool, answered: bool) {
        let index = self.len();
        let pool = bypass::followers(&charter(), &seat("dev-a"), &[seat("dev-a")].into(), Some(&seat("librarian")));
        let seats = vec![seat("dev-b"), seat("architect-a")];
        self.put(Actor::Edge, Event::Bypass(Drawn { task: t1(), pool, seats: seats.clone(), draw: Digest::of(b"draw") }));
        for (at, name) in seats.iter().enumerate() {
            let accept = !no || at > 0;
            let statement = self.bypass(name.as_str(), accept, NOTE, index);
            self.put(Actor::Seat(name.clone()), Event::Bypass(Reviewed { task: t1(), accept, note: NOTE.to_owned(), statement }));
        }
        if answered {
            let statement = self.bypass("owner", true, NOTE, index);
            self.put(Actor::Owner, Event::Bypass(Answered { task: t1(), note: NOTE.to_owned(), statement }));
        }
    }
}

fn judged(world: &World) -> Report {
    run(world.dir.path(), &world.save(), None).unwrap()
}

fn round(mut world: World, no: bool, answered: bool) -> Report {
    let plan = first(&world);
    world.goes_round(&plan);
    world.followed(no, answered);
    judged(&world)
}

fn names(report: &Report, words: &str, what: &str) {
    assert!(!report.ok && report.problems.iter().any(|problem| problem.contains(words)), "{what}: wanted {words:?}, found {:#?}", report.problems);
}

#[test]
fn a_bypass_as_it_is_meant_is_green() {
    for (no, answered) in [(false, false), (true, false), (true, true)] {
        let report = round(World::found(None, None), no, answered);
        assert!(report.ok && report.commits[0].gates[0].starts_with("round the gates"), "{:#?}", report.problems);
    }
}

#[test]
fn every_field_of_every_word_on_a_bypass_is_bound() {
    for kind in ["opened", "signed", "reviewed", "answered"] {
        for field in FIELDS {
            let report = round(World::aiming(kind, field), kind == "answered", kind == "answered");
            names(&report, &told(field), &format!("{field} of {kind}"));
        }
    }
}

/// Changes a pool, those who were drawn from it, and the chance.
type Forge<'a> = dyn Fn(&mut Vec<SeatName>, &mut Vec<SeatName>, &mut Digest) + 'a;

#[test]
fn whom_chance_sent_to_look_at_a_bypass_is_worked_out_again() {
    let mac = Hmac::<Sha256>::new_from_slice(b"secret").unwrap().chain_update("T1 follow-up").finalize().into_bytes();
    let chance = Digest::new(hex::encode(mac)).unwrap();
    let followers = bypass::followers(&charter(), &seat("dev-a"), &[seat("dev-a")].into(), Some(&seat("librarian")));
    let looked = |forge: &Forge<'_>| {
        let mut world = World::found(None, None);
        let plan = first(&world);
        world.goes_round(&plan);
        let mut pool = followers.clone();
        let (mut seats, mut draw) = (draw::draw(&pool, bypass::FOLLOWERS, &chance), chance.clone());
        forge(&mut pool, &mut seats, &mut draw);
        world.put(Actor::Edge, Event::Bypass(Drawn { task: t1(), pool, seats, draw }));
        let opened = panel::Event::Opened { epoch: 0, secret: hex::encode("secret"), next: Digest::of(b"next") };
        world.put(Actor::Edge, Event::Panel(opened));
        (draws(&world.save(), 0).unwrap(), judged(&world))
    };
    let (told, whole) = looked(&|_, _, _| {});
    assert!(told.ok && told.lines == ["epoch 0: 1 draws repeated; 0 of 0 changes were given a third reviewer"], "{told:?}");
    assert!(whole.ok, "{:?}", whole.problems);
    let forged: [(&Forge<'_>, &str); 4] = [
        (&|_, _, draw| *draw = Digest::of(b"mine"), "is not what the secret of epoch 0 gives"),
        (&|_, seats, _| seats.reverse(), "is not what the secret of epoch 0 gives"),
        (&|_, seats, _| drop(seats.pop()), "is not what the secret of epoch 0 gives"),
        (&|pool, seats, _| (pool.pop(), *seats = draw::draw(pool, bypass::FOLLOWERS, &chance)).1, "was made from another pool"),
    ];
    for (forge, words) in forged {
        let (told, whole) = looked(forge);
        names(&told, words, "by the draws alone");
        names(&whole, words, "by the whole");
    }
}

/// The same while the secret is not open: whoever signed, had a hand in it, or looks at it alone is named.
#[test]
fn who_may_look_at_a_bypass_needs_no_secret() {
    type Change = fn(&mut World, &mut Draft);
    let forged: [(Change, &str); 4] = [
        (|_, draft| looks(draft, signer), "was given to others than may look at it"),
        (|_, draft| looks(draft, |_, seats| drop(seats.pop())), "was given to 1 of 2"),
        (|_, draft| looks(draft, |_, seats| seats[0] = seats[1].clone()), "was given to 1 of 2"),
        (|_, draft| looks(draft, |_, seats| seats[0] = seat("dev-a")), "drew dev-a, who may not look at it"),
    ];
    for (forge, words) in forged {
        names(&round(World::found(Some(forge), None), false, false), words, words);
    }
}

/// Who looks in another's place, and whose: all that a forger may change.
struct Instead {
    after: u64,
    round: u32,
    out: Vec<SeatName>,
    pool: Vec<SeatName>,
    seats: Vec<SeatName>,
    draw: Digest,
}

fn chance(words: &str) -> Digest {
    let mac = Hmac::<Sha256>::new_from_slice(b"secret").unwrap().chain_update(words).finalize().into_bytes();
    Digest::new(hex::encode(mac)).unwrap()
}

/// One of two looked in time, and another was drawn in the other's place; judged before and after the secret was opened.
fn replaced(forge: impl Fn(&mut Instead)) -> (Report, Report) {
    let mut world = World::found(None, None);
    let plan = first(&world);
    world.goes_round(&plan);
    let (pool, draw) = (bypass::followers(&charter(), &seat("dev-a"), &[seat("dev-a")].into(), Some(&seat("librarian"))), chance("T1 follow-up"));
    let (seats, index) = (draw::draw(&pool, bypass::FOLLOWERS, &draw), world.len());
    world.put(Actor::Edge, Event::Bypass(Drawn { task: t1(), pool: pool.clone(), seats: seats.clone(), draw }));
    let look = |world: &mut World, name: &SeatName, index: u64| {
        let statement = world.bypass(name.as_str(), true, NOTE, index);
        world.put(Actor::Seat(name.clone()), Event::Bypass(Reviewed { task: t1(), accept: true, note: NOTE.to_owned(), statement }));
    };
    look(&mut world, &seats[0], index);
    let (left, draw) = (pool.into_iter().filter(|seat| !seats.contains(seat)).collect::<Vec<_>>(), chance("T1 follow-up 1"));
    let mut told = Instead { after: 86_400_000, round: 1, out: vec![seats[1].clone()], seats: draw::draw(&left, 1, &draw), pool: left, draw };
    forge(&mut told);
    let Instead { after, round, out, pool, seats, draw } = told;
    world.time += after;
    world.put(Actor::Edge, Event::Bypass(Lapsed { task: t1() }));
    let index = world.len();
    world.put(Actor::Edge, Event::Bypass(Redrawn { task: t1(), round, out, pool, seats: seats.clone(), draw }));
    look(&mut world, &seats[0], index);
    let before = judged(&world);
    let opened = panel::Event::Opened { epoch: 0, secret: hex::encode("secret"), next: Digest::of(b"next") };
    world.put(Actor::Edge, Event::Panel(opened));
    (before, draws(&world.save(), 0).unwrap())
}

#[test]
fn who_looks_at_a_bypass_in_anothers_place_is_worked_out_again() {
    let (report, told) = replaced(|_| ());
    assert!(report.ok, "{:#?}", report.problems);
    assert!(told.ok && told.lines[0].starts_with("epoch 0: 2 draws repeated"), "{told:?}");
    type Forgery = fn(&mut Instead);
    let forged: [(Forgery, &str); 5] = [
        (|told| told.after = 1000, "although nobody had let the time pass"),
        (|told| told.round = 2, "in round 2, and 0 came before"),
        (|told| told.out = vec![seat("architect-a"), seat("architect-b"), seat("dev-b")], "in the place of those who had not let the time pass"),
        (|told| told.pool.push(seat("qa-a")), "was given to others than may look at it"),
        (|told| told.seats = vec![seat("dev-a")], "was given to 0 in the place of 1"),
    ];
    for (forge, words) in forged {
        names(&replaced(forge).0, words, words);
    }
    names(&replaced(|told| told.draw = Digest::of(b"mine")).1, "is not what the secret of epoch 0 gives", "another chance");
}

fn signer(pool: &mut Vec<SeatName>, seats: &mut Vec<SeatName>) {
    pool.push(seat("librarian"));
    seats[0] = seat("librarian");
}

fn looks(draft: &mut Draft, forge: fn(&mut Vec<SeatName>, &mut Vec<SeatName>)) {
    if let Event::Bypass(Drawn { pool, seats, .. }) = &mut draft.event {
        forge(pool, seats);
    }
}

#[test]
fn whose_word_it_is_how_many_and_when() {
    let rows = [
        ("opened", "by", "a word on a bypass by qa-a, whose it is not"),
        ("signed", "by", "is signed by qa-a, who is no librarian"),
        ("reviewed", "by", "was looked at by qa-a, whom nobody drew"),
        ("answered", "by", "a word on a bypass by qa-a, whose it is not"),
        ("opened", "dropped", "without having passed red"),
        ("signed", "dropped", "without having passed red"),
        ("signed", "late", "was used after its time"),
    ];
    for (kind, field, words) in rows {
        names(&round(World::aiming(kind, field), kind == "answered", kind == "answered"), words, &format!("{field} of {kind}"));
    }
    let unasked = round(World::found(None, None), false, true);
    names(&unasked, "was answered where nobody had said no", "an answer to nothing");
    let mut large = World::found(None, None);
    let plan = Plan { files: vec![("src/two.rs", "// one more\n".repeat(101))], ..first(&large) };
    large.goes_round(&plan);
    names(&judged(&large), "let 101 lines in, where 100 may", "too large");
}

#[test]
fn a_word_on_one_bypass_is_none_on_another_and_none_goes_on_over_a_no() {
    for (answered, replayed) in [(true, false), (true, true), (false, false)] {
        let mut world = World::found(replayed.then_some(|world: &mut World, draft: &mut Draft| {
            if let Event::Bypass(Opened { statement, .. }) = &mut draft.event {
                match &world.kept {
                    Some(kept) => *statement = kept.clone(),
                    None => world.kept = Some(statement.clone()),
                }
            }
        }), None);
        let one = first(&world);
        world.goes_round(&one);
        world.followed(true, answered);
        let next = Plan { base: world.tip.clone(), owner: false, files: vec![("src/door.rs", "pub fn door() {}\n".to_owned())], ..second(&world) };
        world.goes_round(&next);
        let report = judged(&world);
        match (answered, replayed) {
            (true, false) => assert!(report.ok, "{:#?}", report.problems),
            (true, true) => names(&report, "the bypass of T2 has an owner's half that does not count: it is bound to task T1", "replayed"),
            (false, _) => names(&report, "a bypass of T2 went on, though", "over a no"),
        }
    }
}

/// T1 comes back from QA by a signed no; its fix starts again at PEER and enters.
fn mended(mut world: World, fix: Fix, on_top: bool) -> Report {
    let plan = first(&world);
    world.open(&plan);
    let submitted = world.submit(&plan, &[]);
    let change = world.change.clone().unwrap();
    let merged = world.up_to_qa(&plan, &change, submitted);
    let drawn = world.drawn(GateName::Qa, &["qa-a"]);
    world.word(GateName::Qa, "qa-a", &merged, drawn, false);
    let statement = world.bound(&merged, drawn, |bound| statement::send_back(bound, GateName::Qa, &seat("librarian"), NOTE));
    let cosigned = panel::Event::Cosigned { task: t1(), attempt: 1, gate: GateName::Qa, note: NOTE.to_owned(), statement };
    world.put(Actor::Seat(seat("librarian")), Event::Panel(cosigned));
    world.says(GateName::Qa, submitted, Some("qa-verdict"));
    world.put(Actor::Edge, Event::Task(task::Event::SentBack { task: t1(), attempt: 1, gate: GateName::Qa, why: "no".to_owned() }));
    let mut again = plan.clone();
    again.files[0].1.push_str("pub fn more() {}\n");
    (world.number, world.fix) = (2, Some(fix));
    let submitted = world.submit(&again, if on_top { &change.commits } else { &[] });
    let change = world.change.clone().unwrap();
    world.gates(&again, &t1(), &change, submitted);
    judged(&world)
}

fn small() -> Fix {
    Fix { of: 1, lines: 1, paths: vec!["src/two.rs".to_owned()], starts: GateName::Peer }
}

#[test]
fn every_field_of_the_librarians_signature_is_bound() {
    let report = mended(World::found(None, None), small(), true);
    assert!(report.ok, "{:#?}", report.problems);
    for field in FIELDS.into_iter().filter(|field| *field != "accept").chain(["gate"]) {
        names(&mended(World::aiming("cosigned", field), small(), true), &told(field), field);
    }
    names(&mended(World::aiming("cosigned", "dropped"), small(), true), "without the librarian's signature", "dropped");
    names(&mended(World::aiming("cosigned", "by"), small(), true), "without the librarian's signature", "by another");
}

#[test]
fn where_a_fix_starts_again_is_worked_out_again() {
    let rows = [
        (Fix { lines: 51, ..small() }, "the charter lets it start at green"),
        (Fix { starts: GateName::Green, ..small() }, "the charter lets it start at peer"),
        (Fix { lines: 0, ..small() }, "it changes 1 lines at least, and says 0"),
        (Fix { paths: Vec::new(), ..small() }, "src/two.rs is not the same, and the fix does not name it"),
        (Fix { of: 7, ..small() }, "it is not of the attempt before it"),
    ];
    for (fix, words) in rows {
        names(&mended(World::found(None, None), fix, true), words, words);
    }
    names(&mended(World::found(None, None), small(), false), "it does not stand on the candidate that came back", "not on top");
}

#[test]
fn what_a_fix_leaves_out_has_to_be_judged_all_the_same() {
    let unjudged = World::found(
        Some(|world, draft| match &mut draft.event {
            Event::Task(task::Event::Judged { gate: GateName::Qa, checks, statement, .. }) if world.number == 2 => {
                checks.remove(0);
                rewrite(statement, |said| drop(said["predicate"]["checks"].as_array_mut().unwrap().remove(0)));
            }
            _ => {}
        }),
        None,
    );
    names(&mended(unjudged, small(), true), "the charter lists the checks new-tests-fail", "RED left out");
    let never_red = World::found(
        Some(|world, draft| match &mut draft.event {
            Event::Task(task::Event::Tested { kind: RunKind::Red, statement, .. }) if world.number == 2 => rewrite(statement, |said| {
                said["predicate"]["run"]["results"]["new::T1"] = json!("passed");
                said["predicate"]["result"] = json!("PASSED");
            }),
            _ => {}
        }),
        None,
    );
    names(&mended(never_red, small(), true), "no new test failed without the change", "a test that cannot fail");
    let conflict = World::found(
        Some(|world, draft| {
            if let Event::Task(task::Event::Judged { gate: GateName::Qa, pass: false, .. }) = &draft.event {
                world.put(Actor::Edge, Event::Task(task::Event::SentBack { task: t1(), attempt: 1, gate: GateName::Qa, why: "conflict".to_owned() }));
            }
        }),
        None,
    );
    names(&mended(conflict, small(), true), "something else than a gate's no had sent it back", "another reason");
}

#[test]
fn an_honest_history_beside_them_stays_green() {
    let mut world = World::found(None, None);
    let plan = first(&world);
    world.goes_round(&plan);
    world.followed(false, false);
    let plan = second(&world);
    world.run_plan(&plan);
    assert_eq!(verify(&world, None).problems, [""; 0]);
}
