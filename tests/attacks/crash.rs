//! `kill -9` of the supervisor at any moment: the next start continues, and nothing that was acknowledged is lost.

use crate::world::World;
use crate::world::seat::yes;
use crate::world::processes::{Family, gone, kill};
use rustix::event::{Timespec, poll};

/// More with `CRASHES=50`.
const CRASHES: u64 = 6;
const SEED: u64 = 0x5eed;

pub fn crashes() -> u64 {
    std::env::var("CRASHES").ok().and_then(|count| count.parse().ok()).unwrap_or(CRASHES)
}

/// A moment from the seed, up to so many milliseconds from now.
pub fn moment(number: u64, most: u64) -> u64 {
    let mixed = (SEED + number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 33) % most
}

/// Lets the attack's moment come; nothing is waited for here.
pub fn pass(milliseconds: u64) {
    let limit = Timespec { tv_sec: 0, tv_nsec: i64::try_from(milliseconds * 1_000_000).unwrap() };
    assert_eq!(poll(&mut [], Some(&limit)), Ok(0));
}

pub fn crash(world: &World) {
    let supervisor = Family::of(&world.path("")).supervisor();
    kill(supervisor);
    assert!(gone(supervisor));
}

/// What must be true after every start.
#[track_caller]
fn whole(world: &World) {
    world.start().ok();
    world.owner(&["ledger", "verify"]).ok();
    let state = world.fold();
    assert!(state.frozen.is_none(), "frozen: {:?}", state.frozen);
    let recorded: Vec<String> = state.refs.iter().map(|(name, at)| format!("{name} {at}")).collect();
    let found: Vec<String> = world.refs().lines().filter(|line| !line.starts_with("refs/gate/")).map(str::to_owned).collect();
    let recorded: Vec<String> = recorded.into_iter().filter(|line| !line.starts_with("refs/gate/")).collect();
    assert_eq!(found, recorded, "the gate differs from the record");
}

#[test]
fn a_push_is_there_or_not_whenever_the_supervisor_dies() {
    let world = World::python().bootstrap();
    let (mut landed, mut lost) = (0, 0);
    for number in 0..crashes() {
        let lines = format!(
            "git checkout -q -f -B w{number} origin/main && echo {number} > N{number}.md && git add -A && git commit -q -m {number} || exit 9"
        );
        world.seat("dev-a").run(&lines).ok();
        let push = world.seat("dev-a").start(&format!("git push -q origin HEAD:dev-a/n{number} && git rev-parse HEAD"));
        pass(moment(number, 400));
        crash(&world);
        let said = push.end();
        whole(&world);
        let there = world.refs().contains(&format!("refs/heads/dev-a/n{number} "));
        assert!(said.code != 0 || there, "acknowledged and lost: {said}");
        let again = world.seat("dev-a").run(&format!("git push -q origin HEAD:dev-a/n{number}"));
        assert_eq!(again.code, 0, "after the crash: {again}");
        *(if there { &mut landed } else { &mut lost }) += 1;
    }
    println!("{landed} landed before the crash, {lost} did not");
}

#[test]
fn a_merge_is_there_or_not_whenever_the_supervisor_dies() {
    let world = World::python().bootstrap();
    for number in 1..=crashes() / 2 {
        let id = format!("T{number}");
        world.owner(&["task", "open", "a note"]).ok();
        let work = format!(
            "orchestrate task take {id} && git fetch -q && git checkout -q -f -B dev-a/t{number} origin/main && echo {number} > N{number}.md \
             && git add -A && git commit -q -m {number} && git push -q origin dev-a/t{number} && orchestrate task submit {id}"
        );
        world.seat("dev-a").run(&work).ok();
        for gate in ["peer", "qa"] {
            approve(&world, &id, gate, number);
        }
        world.seat("orchestrator").run(&format!("orchestrate review approve {id} --note 'this is what was asked for'"));
        let last = world.seat("librarian").start(&format!("orchestrate review approve {id} --note 'nothing odd about any of it'"));
        pass(moment(number, 300));
        crash(&world);
        last.end();
        whole(&world);
        // Said again where the word was lost with the crash; one that counted already is refused.
        world.seat("librarian").run(&format!("orchestrate review approve {id} --note 'nothing odd about any of it'"));
        let commit = world.wait_merged(&id);
        assert_eq!(world.gate(&["rev-parse", "main"]), commit);
        assert_eq!(world.gate(&["rev-list", "--count", "main"]), (number + 1).to_string(), "merged twice");
    }
    whole(&world);
}

/// A word with a note of its own, which is read as care.
fn careful(word: &str, number: u64) -> String {
    word.replace("read it, and it is", &format!("read the {number}. note line by line, and what it says is"))
}

/// With a word of care: one reviewer who lets one author through again and again, with the same few words, is looked at.
fn approve(world: &World, id: &str, gate: &str, number: u64) {
    use orchestrate::domain::{event::Event, review, task};
    let wanted = id.parse().unwrap();
    let drawn = world.wait_for("a draw", |entry| match &entry.event {
        Event::Review(review::Event::Drawn { task, gate: at, seats, .. }) if *task == wanted && at.as_str() == gate => Some(seats.clone()),
        _ => None,
    });
    if gate == "qa" {
        world.wait_for("the run on the merge result", |entry| {
            let merge =
                |event: &task::Event| matches!(event, task::Event::Tested { task, kind: task::RunKind::Merge, .. } if *task == wanted);
            matches!(&entry.event, Event::Task(event) if merge(event)).then_some(())
        });
    }
    for seat in drawn {
        world.seat(seat.as_str()).run(&careful(&yes(id), number)).ok();
    }
    world.wait_for("the gate", |entry| match &entry.event {
        Event::Task(task::Event::Judged { task, gate: at, pass: true, .. }) if *task == wanted && at.as_str() == gate => Some(()),
        _ => None,
    });
}

/// What was merged and not brought home when the supervisor died goes home with the next start, without a further merge.
#[test]
fn a_delivery_that_a_crash_cut_off_is_made_by_the_next_start() {
    use orchestrate::domain::{event::Event, merge};
    let world = World::python();
    world.rule("[delivery]\nautomatic = true\n");
    let mut world = world.bootstrap();
    // Git itself is at work there: nothing is moved meanwhile.
    let busy = world.repo().join(".git/index.lock");
    std::fs::write(&busy, "").unwrap();
    let before = world.git(&["rev-parse", "main"]);
    world.owner(&["task", "open", "a note"]).ok();
    let work = "orchestrate task take T1 && git checkout -q -B dev-a/t1 origin/main && echo 1 > N1.md && git add -A && git commit -q -m 1";
    world.seat("dev-a").run(&format!("{work} && git push -q origin dev-a/t1 && orchestrate task submit T1")).ok();
    for gate in ["peer", "qa", "deploy"] {
        approve(&world, "T1", gate, 1);
    }
    let commit = world.wait_merged("T1");
    let home = |event: &Event| if let Event::Merge(merge::Event::Home { commit, .. }) = event { Some(commit.clone()) } else { None };
    assert_eq!(world.wait_for("the word on the delivery", |entry| home(&entry.event)), None);
    let mark = world.mark();
    crash(&world);
    assert_eq!(world.git(&["rev-parse", "main"]), before);
    std::fs::remove_file(&busy).unwrap();
    whole(&world);
    let brought = world.wait_from(mark, "the delivery", |entry| home(&entry.event)).map(|commit| commit.to_string());
    assert_eq!((brought.as_ref(), world.git(&["rev-parse", "main"])), (Some(&commit), commit.clone()));
    world.delivered();
}
