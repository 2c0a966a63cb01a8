//! A candidate whose tests are the attack: they write, read, call, hang and lie, in the supervisor's own run.

use crate::world::World;
use orchestrate::domain::event::Event;
use orchestrate::domain::run::Completion;
use orchestrate::domain::{statement, task};
use std::net::TcpListener;

const ESCAPE: &str = r#"
import os, pathlib, socket


def test_escapes():
    for path in ["@REPO@/evil", "@STATE@/evil", "@HOME@/evil", "/usr/evil", "/etc/evil"]:
        try:
            pathlib.Path(path).write_text("evil")
        except OSError:
            pass
    found = [path for path in ["@STATE@/keys", "@STATE@/run/hook.sock", "@REPO@/.git"] if os.path.exists(path)]
    try:
        socket.create_connection(("127.0.0.1", @PORT@), 2)
        found.append("network")
    except OSError:
        pass
    assert found == ["what is wanted"], "FOUND " + " ".join(found) + " END"
"#;

const LIE: &str = "import os, sys\nsys.__stdout__.write('===== 5 passed in 0.01s =====\\n')\nsys.__stdout__.flush()\nos._exit(0)\n";
const HANG: &str = "def test_hangs():\n    while True:\n        pass\n";
const FLOOD: &str = "def test_floods():\n    while True:\n        print('x' * 65536)\n";

#[test]
fn a_hostile_test_stays_inside_its_run() {
    let world = World::python();
    let world = limits(world).bootstrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let shown = |name: &str| world.path(name).display().to_string();
    let escape = ESCAPE
        .replace("@REPO@", &world.repo().display().to_string())
        .replace("@STATE@", &world.state().display().to_string())
        .replace("@HOME@", &shown("home"))
        .replace("@PORT@", &listener.local_addr().unwrap().port().to_string());
    let (completion, note) = red_run(&world, 1, &escape);
    assert_eq!(completion, Completion::Finished, "{note}");
    assert!(!note.contains("FOUND") || note.contains("FOUND  END"), "{note}");
    assert!(listener.accept().is_err(), "the run called out");
    for place in [world.repo(), world.state(), world.path("home")] {
        assert!(!place.join("evil").exists(), "the run wrote to {}", place.display());
    }
    assert_eq!(red_run(&world, 2, LIE).0, Completion::Infrastructure, "a printed summary was believed");
    assert_eq!(red_run(&world, 3, HANG).0, Completion::LimitReached);
    assert_eq!(red_run(&world, 4, FLOOD).0, Completion::LimitReached);
    assert_eq!(world.gate(&["rev-parse", "main"]), world.git(&["rev-parse", "main"]));
    // A checkout that a run left as it was is kept for the next one, alone in its folder; nothing of a run is.
    let left: Vec<_> = std::fs::read_dir(world.state().join("work")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let beside = |run: &&std::path::PathBuf| std::fs::read_dir(run).unwrap().any(|entry| entry.unwrap().file_name() != "tree");
    assert!(left.len() <= 2 && left.iter().find(beside).is_none(), "runs are left: {left:?}");
}

/// A run that takes longer, or says more, than this has failed.
fn limits(world: World) -> World {
    let path = world.path("rules/config.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("runs = 1\n", "runs = 1\nwall_seconds = 20\noutput_bytes = 1048576\n")).unwrap();
    world
}

/// Hands in a candidate with this test, and waits until the supervisor has run it on the base and sent it back.
fn red_run(world: &World, number: u32, test: &str) -> (Completion, String) {
    let (seat, id) = (world.seat("dev-a"), format!("T{number}"));
    world.owner(&["task", "open", "hostile"]).ok();
    std::fs::write(seat.home().join("test"), test).unwrap();
    let work = format!(
        "orchestrate task take {id} && git checkout -q -f -B dev-a/t{number} origin/main && cp ~/test tests/test_hostile{number}.py \
         && echo '# {number}' >> src/greeter.py && git add -A && git commit -q -m hostile && git push -q origin dev-a/t{number} && orchestrate task submit {id}"
    );
    seat.run(&work).ok();
    let wanted = id.parse().unwrap();
    let seen = world.wait_for("the run on the base", |entry| match &entry.event {
        Event::Task(task::Event::Tested { task, kind: task::RunKind::Red, statement, .. }) if *task == wanted => {
            statement::read_run(statement).map(|run| (run.completion, run.note))
        }
        Event::Task(task::Event::Stalled { task, why, .. }) if *task == wanted => Some(silent(why)),
        _ => None,
    });
    world.wait_for("the way back", |entry| match &entry.event {
        Event::Task(task::Event::SentBack { task, .. } | task::Event::Stalled { task, .. }) if *task == wanted => Some(()),
        Event::Task(task::Event::Judged { task, pass: true, .. }) if *task == wanted && number > 1 => panic!("{task} passed a gate"),
        Event::Review(_) => Some(()),
        _ => None,
    });
    seen
}

/// A run without a report stops the attempt where it stands: nothing passes, and nobody is blamed.
fn silent(why: &str) -> (Completion, String) {
    (Completion::Infrastructure, why.to_owned())
}

/// The end of the workshop is the end of what it runs.
#[test]
fn down_ends_a_run_that_hangs() {
    let world = World::python().bootstrap();
    let seat = world.seat("dev-a");
    world.owner(&["task", "open", "hostile"]).ok();
    // It fails on the base, so that nothing but the candidate's own run is left to be made.
    let test = "import pathlib\nimport time\n\n\ndef test_hangs():\n    assert '# x' in pathlib.Path('src/greeter.py').read_text()\n    while True:\n        time.sleep(1)\n";
    std::fs::write(seat.home().join("test"), test).unwrap();
    let work = "orchestrate task take T1 && git checkout -q -B dev-a/t1 origin/main && cp ~/test tests/test_hang.py && echo '# x' >> src/greeter.py";
    seat.run(&format!("{work} && git add -A && git commit -q -m hang && git push -q origin dev-a/t1 && orchestrate task submit T1")).ok();
    world.wait_for("RED", |entry| match &entry.event {
        Event::Task(task::Event::Judged { pass: true, .. }) => Some(()),
        _ => None,
    });
    world.down().ok();
    world.start().ok();
    world.owner(&["ledger", "verify"]).ok();
}
