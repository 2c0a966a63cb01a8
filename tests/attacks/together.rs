//! Two changes at once: each is well by itself, and what enters is what was tested.

use crate::world::World;
use crate::world::seat::yes;
use orchestrate::domain::event::Event;
use orchestrate::domain::gate::GateName;
use orchestrate::domain::{merge, review, task};

const YES: &str = "--note 'read it, and it is as it should be'";

/// N2 and N4: both pass RED, GREEN and PEER on the same base; together they are red. The second is tested anew on what the first left.
#[test]
fn two_changes_that_are_green_alone_and_red_together_do_not_both_enter() {
    let world = World::python().bootstrap();
    hand_in(
        &world,
        "dev-a",
        "T1",
        "printf 'from greeter import greet\\n\\n\\ndef shout(name):\\n    return greet(name).upper()\\n' >src/shout.py; printf 'import shout\\n\\n\\ndef test_shouts():\\n    assert shout.shout(\"Ada\") == \"HELLO, ADA.\"\\n' >tests/test_shout.py",
    );
    hand_in(
        &world,
        "dev-b",
        "T2",
        "mkdir -p src/words && printf 'HELLO = \"Hi\"\\n' >src/words/hello.py; sed -i '1i import words.hello' src/greeter.py; sed -i 's/Hello, {name}/{words.hello.HELLO}, {name}/' src/greeter.py; sed -i 's/Hello, Ada/Hi, Ada/' tests/test_greet.py; printf 'import os\\n\\n\\ndef test_words():\\n    assert os.path.exists(\"src/words/hello.py\")\\n' >tests/test_words.py",
    );
    for id in ["T1", "T2"] {
        speak(&world, id, GateName::Peer);
    }
    for gate in [GateName::Qa, GateName::Deploy] {
        speak(&world, "T1", gate);
    }
    world.wait_merged("T1");
    let why = world.wait_for("the second comes back", |entry| match &entry.event {
        Event::Task(task::Event::SentBack { task, why, .. }) if task.as_str() == "T2" => Some(why.clone()),
        Event::Merge(merge::Event::Merged { task, .. }) if task.as_str() == "T2" => panic!("both entered"),
        _ => None,
    });
    assert!(why.contains("test_shouts") && why.contains("lost"), "{why}");
}

/// N3: a veto after the last gate's last word but before the owner's: nothing enters, and nothing opens it again.
#[test]
fn a_veto_wins_whenever_it_comes() {
    let world = World::python().bootstrap();
    hand_in(&world, "dev-a", "T1", "echo note >NOTES.md");
    for gate in [GateName::Peer, GateName::Qa] {
        speak(&world, "T1", gate);
    }
    drawn(&world, "T1", GateName::Deploy);
    world.seat("librarian").run("orchestrate task veto T1 --reason licence").ok();
    let said = world.seat("orchestrator").run(&format!("orchestrate review approve T1 {YES}"));
    said.ends(1).says("vetoed");
    assert_eq!(world.gate(&["rev-parse", "main"]), world.git(&["rev-parse", "main"]));
}

/// N5: a second supervisor on the same state finds the first, and starts nothing.
#[test]
fn a_second_start_finds_the_first() {
    let world = World::python().bootstrap();
    let before = world.entries().iter().filter(|entry| matches!(entry.event, Event::Workshop(_))).count();
    world.start().ok();
    let after = world.entries().iter().filter(|entry| matches!(entry.event, Event::Workshop(_))).count();
    assert_eq!(before, after, "a second supervisor wrote to the ledger");
}

fn hand_in(world: &World, seat: &str, id: &str, work: &str) {
    world.owner(&["task", "open", &format!("work of {seat}")]).ok();
    let branch = format!("{seat}/{}", id.to_lowercase());
    let lines = format!(
        "orchestrate task take {id} && git checkout -q -B {branch} origin/main\n{work}\ngit add -A && git commit -q -m work && git push -q origin {branch} && orchestrate task submit {id}"
    );
    world.seat(seat).run(&lines).ok();
}

fn drawn(world: &World, id: &str, gate: GateName) -> Vec<String> {
    world.wait_for("a draw", |entry| match &entry.event {
        Event::Review(review::Event::Drawn { task, gate: at, seats, .. }) if task.as_str() == id && *at == gate => {
            Some(seats.iter().map(ToString::to_string).collect())
        }
        Event::Task(task::Event::SentBack { task, why, .. }) if task.as_str() == id => panic!("{id} came back: {why}"),
        _ => None,
    })
}

/// Every drawn seat says yes, once the merge result is tested where the gate waits for that.
fn speak(world: &World, id: &str, gate: GateName) {
    for seat in drawn(world, id, gate) {
        let word = yes(id);
        world
            .seat(&seat)
            .run(&format!(
                "until {word} >said 2>&1; do grep -q not-tested-yet said || exit 1; orchestrate gate show {id} --wait 5 >seen || true; done"
            ))
            .ok();
    }
}
