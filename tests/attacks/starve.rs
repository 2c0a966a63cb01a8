//! A seat that takes all it can get, and a supervisor that cannot answer: the others work on, nothing moves, and whoever asks is told.

use super::standing;
use crate::world::processes::{Family, gone};
use crate::world::{DEADLINE, World, wire};
use orchestrate::domain::event::Event;
use orchestrate::domain::run::Completion;
use orchestrate::domain::{fleet, statement, task};
use rustix::process::{Pid, Signal, kill_process};
use std::time::Instant;

/// Forks until it is not let, and tells how far it came; what it made goes with it.
const FORKS: &str = r#"
import os, signal
children = []
try:
    while len(children) < 5000:
        child = os.fork()
        if child == 0:
            signal.pause()
            os._exit(0)
        children.append(child)
except OSError as why:
    print("stopped:", os.strerror(why.errno))
print("forks:", len(children))
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"#;

/// Asks for all the memory that the machine has.
const MEMORY: &str = r#"
import mmap, os
try:
    mmap.mmap(-1, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    print("OPEN")
except (OSError, MemoryError) as why:
    print("refused:", why)
print("first to go:", open("/proc/self/oom_score_adj").read())
"#;

/// Five gigabytes of a pack that never ends, to a push.
const GIGABYTES: &str = r#"
import subprocess, zlib
pushed = subprocess.Popen(["git-remote-orchestrate", "origin", "gate"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
line = b"0" * 40 + b" " + b"1" * 40 + b" refs/heads/dev-a/much\0 report-status"
size, head = 5 << 30, []
byte, left = (3 << 4) | (size & 15), size >> 4
while left:
    head.append(byte | 128)
    byte, left = left & 127, left >> 7
head.append(byte)
pack = b"PACK\0\0\0\2\0\0\0\1" + bytes(head) + b"\x78\x01"
block = b"\0\xff\xff\0\0" + bytes(65535)
sent = 0
try:
    pushed.stdin.write(b"connect git-receive-pack\n" + b"%04x" % (len(line) + 4) + line + b"0000" + pack)
    while sent < size:
        pushed.stdin.write(block * 16)
        sent += 16 * 65535
    print("OPEN")
except OSError:
    print("cut off below", (sent >> 28) + 1, "quarters of a gigabyte")
pushed.stdout.close()
"#;

/// Fifty thousand references in one push, which git's own client takes minutes to prepare.
const REFERENCES: &str = r#"
import hashlib, subprocess
tip = subprocess.check_output(["git", "rev-parse", "HEAD"]).strip()
lines = [b"0" * 40 + b" " + tip + b" refs/heads/dev-a/n%d" % number for number in range(50000)]
lines[0] += b"\0 report-status"
empty = b"PACK\0\0\0\2\0\0\0\0"
words = b"".join(b"%04x" % (len(line) + 4) + line for line in lines)
pushed = subprocess.Popen(["git-remote-orchestrate", "origin", "gate"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
heard = pushed.communicate(b"connect git-receive-pack\n" + words + b"0000" + empty + hashlib.sha1(empty).digest())[0]
print("references refused:", heard.count(b"ng refs/heads/dev-a/n"))
"#;

fn python(text: &str) -> String {
    format!("python3 - <<'EOF'\n{text}\nEOF\n")
}

#[test]
fn one_seat_takes_nothing_from_the_others() {
    let world = World::python().bootstrap();
    let (dev, other) = (world.seat("dev-a"), world.seat("dev-b"));
    let forks = dev.start(&python(FORKS));
    other.run("orchestrate whoami && git fetch -q origin").ok();
    let said = forks.end().ok().says("stopped: Resource temporarily unavailable");
    let made: u32 = said.out.split("forks: ").nth(1).unwrap().trim().parse().unwrap();
    assert!((500..2100).contains(&made), "{said}");
    dev.run(&python(MEMORY)).ok().says("refused:").says("first to go: 500");
    dev.run("orchestrate whoami").ok();
}

#[test]
fn a_push_without_end_is_cut_off_and_leaves_nothing() {
    let world = World::python().bootstrap();
    let before = standing(&world);
    world.seat("dev-a").run(&python(GIGABYTES)).ok().says("cut off below 1 ");
    let mark = world.mark();
    world.seat("dev-a").run(&python(REFERENCES)).ok().says("references refused: 50000");
    assert!(world.refusals(mark).iter().any(|(by, code)| by == "dev-a" && code == "too-many-refs"), "{:?}", world.refusals(mark));
    assert_eq!(standing(&world), before);
    world.seat("dev-a").run("git commit -q -S --allow-empty -m x && git push -q origin HEAD:dev-a/x").ok();
    world.owner(&["ledger", "verify"]).ok();
}

#[test]
fn a_supervisor_that_hangs_moves_nothing_and_the_seat_is_told() {
    let world = World::python().bootstrap();
    let dev = world.seat("dev-a");
    dev.run("git commit -q -S --allow-empty -m x").ok();
    let before = standing(&world);
    let supervisor = Pid::from_raw(Family::of(&world.path("")).supervisor()).unwrap();
    kill_process(supervisor, Signal::STOP).unwrap();
    dev.run("ORCHESTRATE_PATIENCE=1 git push -q origin HEAD:dev-a/x")
        .ends(128)
        .says("the gate does not answer")
        .says("hint: orchestrate status");
    dev.run("ORCHESTRATE_PATIENCE=1 orchestrate whoami").ends(10).says("the supervisor does not answer");
    dev.run("ORCHESTRATE_PATIENCE=1 git commit -q -S --allow-empty -m y").ends(128).says("does not answer");
    kill_process(supervisor, Signal::CONT).unwrap();
    assert_eq!(standing(&world), before);
    dev.run("git push -q origin HEAD:dev-a/x").ok();
    world.owner(&["ledger", "verify"]).ok();
}

#[test]
fn a_seat_that_fills_the_disk_is_stopped_with_its_files_as_they_are() {
    let world = World::python();
    world.rule("[agent]\ndisk_bytes = 67108864\n");
    let world = world.bootstrap();
    let mark = world.mark();
    let fill = "mkdir ~/full; (i=0; while [ $i -lt 40 ]; do head -c 16M /dev/zero >~/full/$i; i=$((i + 1)); done) >/dev/null 2>&1 &";
    world.seat("dev-a").run(fill).ok();
    let (stopped, limit) = world.wait_from(mark, "the stop", |entry| match &entry.event {
        Event::Fleet(fleet::Event::Overfull { seat, bytes, limit }) if seat.as_str() == "dev-a" => Some((*bytes, *limit)),
        _ => None,
    });
    assert!(stopped > limit && limit == 64 << 20, "{stopped} {limit}");
    world.wait_from(mark, "its end", |entry| match &entry.event {
        Event::Fleet(fleet::Event::Left { seat, .. }) if seat.as_str() == "dev-a" => Some(()),
        _ => None,
    });
    assert!(world.state().join("homes/dev-a/full/0").exists());
    world.owner(&["status"]).ok().says("dev-a ended too often, or its files take too much of the disk");
    world.owner(&["mail", "inbox"]).ok().says("dev-a is stopped: its f");
    world.seat("dev-b").run("orchestrate whoami").ok();
}

/// A test that never ends, with a process that the machine shows.
const HANGS: &str = "import subprocess\n\n\ndef test_hangs():\n    subprocess.run([\"sleep\", \"86399\"])\n";

/// Hands in a candidate with this test, for a task that is opened first.
fn hand_in(world: &World, seat: &str, number: u32, test: &str) {
    world.owner(&["task", "open", "a test"]).ok();
    world.seat(seat).run(&format!("orchestrate task take T{number}")).ok();
    hand_in_again(world, seat, number, test);
}

fn hand_in_again(world: &World, seat: &str, number: u32, test: &str) {
    let seat = world.seat(seat);
    std::fs::write(seat.home().join("test"), test).unwrap();
    let branch = format!("{}/t{number}", seat.name);
    let work = format!("git checkout -q -f -B {branch} origin/main && cp ~/test tests/test_{number}.py && echo '# {number}' >> src/greeter.py");
    seat.run(&format!("{work} && git add -A && git commit -q -m test && git push -q -f origin {branch} && orchestrate task submit T{number}")).ok();
}

/// Waits until tests hang, and gives the number of what they wait for.
fn hung(world: &World) -> i32 {
    let (begun, end) = (Instant::now(), world.mark());
    while begun.elapsed() < DEADLINE {
        let all = Family::of(&world.path(""));
        if let Some(line) = all.shown().iter().find(|line| line.ends_with(" sleep 86399")) {
            return line.split(' ').next().unwrap().parse().unwrap();
        }
        drop(wire::page(&world.state(), end, 1));
    }
    panic!("no test hangs: {:#?}", Family::of(&world.path("")).shown());
}

/// The candidate and the outcome of the next run of this kind.
fn next_run(world: &World, from: u64, wanted: task::RunKind) -> (String, Completion) {
    world.wait_from(from, "the end of a run", |entry| match &entry.event {
        Event::Task(task::Event::Tested { task, kind, statement, .. }) if *kind == wanted => {
            Some((task.to_string(), statement::read_run(statement).unwrap().completion))
        }
        _ => None,
    })
}

/// Two candidates whose tests never end, and a third party's that do.
#[test]
fn tests_that_never_end_hold_up_nobody_elses() {
    let world = World::python().bootstrap();
    hand_in(&world, "dev-a", 1, HANGS);
    hand_in(&world, "dev-a", 2, HANGS);
    let mark = world.mark();
    hand_in(&world, "dev-b", 3, "def test_ends():\n    assert False\n");
    assert_eq!(next_run(&world, mark, task::RunKind::Red).0, "T3", "those that never end are still running");
    world.owner(&["ledger", "verify"]).ok();
}

/// What is replaced while it runs is ended at once, not by its limit, and says nothing.
#[test]
fn what_nobody_waits_for_gives_its_place_back() {
    let world = World::python().bootstrap();
    hand_in(&world, "dev-a", 1, HANGS);
    let hangs = hung(&world);
    let mark = world.mark();
    hand_in_again(&world, "dev-a", 1, "def test_ends():\n    assert False\n");
    assert_eq!(next_run(&world, mark, task::RunKind::Red), ("T1".to_owned(), Completion::Finished));
    assert!(gone(hangs));
    let page = world.owner(&["gate", "show", "T1", "--json"]).ok().done();
    assert_eq!(page["attempt"], 2, "{page:#}");
    // Given back, it is over as well.
    hand_in(&world, "dev-b", 2, HANGS);
    let hangs = hung(&world);
    world.seat("dev-b").run("orchestrate task release T2").ok();
    assert!(gone(hangs));
    // And vetoed.
    hand_in(&world, "dev-b", 3, HANGS);
    let hangs = hung(&world);
    world.owner(&["task", "veto", "T3", "--reason", "not this"]).ok();
    assert!(gone(hangs));
    world.owner(&["ledger", "verify"]).ok();
}

#[test]
fn a_supervisor_that_stops_leaves_no_test_behind_without_walls_either() {
    let world = World::python();
    let (repo, agent) = (world.repo(), world.path("agent"));
    let start = ["bootstrap", repo.to_str().unwrap(), "--agent", agent.to_str().unwrap(), "--detach", "--yes", "--isolation", "none"];
    world.orchestrate(&start).ok();
    hand_in(&world, "dev-a", 1, HANGS);
    let hangs = hung(&world);
    world.down().ok();
    assert!(gone(hangs));
    // The next start tests it again.
    world.orchestrate(&start).ok();
    assert!(hung(&world) != hangs);
}
