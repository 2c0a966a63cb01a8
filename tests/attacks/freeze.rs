//! A seat that goes on trying to get round the gates stops the workshop.

use super::refused;
use crate::world::model::Model;
use crate::world::{DEADLINE, World};
use orchestrate::domain::entry::Entry;
use orchestrate::domain::event::Event;
use orchestrate::domain::freeze::{self, Trigger};
use orchestrate::domain::{fleet, lock, push, task};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use std::path::Path;

const MAIN: &str = "git commit -q --allow-empty -S -m x; git push origin HEAD:main";

#[test]
fn the_third_attempt_freezes_and_the_owner_sees_what_led_to_it() {
    let world = World::python();
    world.instead("bypasses = 0", "bypasses = 3");
    let world = world.bootstrap();
    refused(&world, "dev-a", MAIN, &["protected-branch"]);
    refused(&world, "dev-a", "orchestrate mail send dev-b --from librarian --subject s --body b", &["forged-sender"]);
    refused(&world, "dev-b", MAIN, &["protected-branch"]);
    refused(&world, "dev-b", MAIN, &["protected-branch"]);
    world.seat("dev-b").run("git commit -q --allow-empty -m y && git push -q origin HEAD:dev-b/y").ok();
    let mark = world.mark();
    refused(&world, "dev-a", MAIN, &["protected-branch"]);
    let cause = world.wait_from(mark, "the freeze", |entry| match &entry.event {
        Event::Freeze(freeze::Event::Frozen { cause, .. }) => cause.clone(),
        _ => None,
    });
    assert!(cause.trigger == Trigger::Bypass && cause.entries.len() == 3 && cause.seat.is_some_and(|seat| seat.as_str() == "dev-a"));
    world.seat("dev-b").run("git commit -q --allow-empty -m z").ends(128);
    world.seat("dev-b").run("orchestrate lock acquire src").ends(4).says("frozen by the supervisor");
    world.owner(&["status"]).ok().says("dev-a tried 3").says("forged-sender").says("protected-branch");
    world.owner(&["mail", "inbox"]).ok().says("the workshop is frozen");
    let typed = format!("{}\n", world.code_at(30));
    world.owner_types(&["thaw", "--alone"], &typed).ok().says("dev-a tried 3").says("[protected-branch]");
    refused(&world, "dev-a", MAIN, &["protected-branch"]);
    world.seat("dev-b").run("git commit -q --allow-empty -m z && git push -q origin HEAD:dev-b/y").ok();
    world.owner(&["ledger", "verify"]).ok();
}

/// What may still be written down after a freeze: refusals, mail, what is given up, and what the outside says of itself.
fn harmless(event: &Event) -> bool {
    match event {
        Event::Refused(_)
        | Event::Message(_)
        | Event::Alert(_)
        | Event::Confirm(_)
        | Event::Lock(lock::Event::Released { .. } | lock::Event::Withdrawn { .. }) => true,
        Event::Push(push::Event::Dropped { .. }) => true,
        // Instances may end; none is started.
        Event::Fleet(event) => !matches!(event, fleet::Event::Seated { .. } | fleet::Event::Recalled { .. }),
        // A test run that ends is noted, and is judged after the thaw.
        Event::Task(task::Event::Measured { .. } | task::Event::Tested { .. } | task::Event::Stalled { .. }) => true,
        _ => false,
    }
}

/// The entries after the freeze that is in force.
fn after_the_freeze(world: &World) -> Vec<Entry> {
    let entries = world.entries();
    let frozen = |entry: &Entry| matches!(entry.event, Event::Freeze(freeze::Event::Frozen { .. }));
    let at = entries.iter().rposition(frozen).expect("a freeze");
    entries.into_iter().skip(at + 1).collect()
}

#[test]
fn under_load_nothing_follows_the_freeze_and_what_was_in_flight_is_there_or_not() {
    let world = World::python().bootstrap();
    let load = "for n in $(seq 30); do git commit -q --allow-empty -m $n && git push -q origin HEAD:$SEAT/$n || break; done; true";
    let seats = ["dev-a", "dev-b", "qa-a", "qa-b"].map(|name| world.seat(name));
    let busy: Vec<_> = seats.iter().map(|seat| seat.start(&load.replace("$SEAT", &seat.name))).collect();
    world.owner(&["task", "open", "something to approve"]).ok();
    world.wait_for("a push that landed", |entry| matches!(entry.event, Event::Push(push::Event::Landed { .. })).then_some(()));
    world.owner(&["freeze", "--reason", "a drill"]).ok();
    busy.into_iter().for_each(|under_way| drop(under_way.end().ok()));
    let after = after_the_freeze(&world);
    let odd: Vec<String> = after.iter().filter(|entry| !harmless(&entry.event)).map(orchestrate::view::line).collect();
    assert_eq!(odd, [""; 0]);
    let recorded: Vec<String> = world.fold().refs.iter().map(|(name, at)| format!("{name} {at}")).collect();
    assert_eq!(world.refs().lines().collect::<Vec<_>>(), recorded, "the gate is as the record says");
    for lines in [
        "git commit -q --allow-empty -m x",
        "orchestrate lock acquire src",
        "orchestrate task open x",
        "orchestrate task take T1",
        "orchestrate review approve T1 --note 'read it, and it is as it should be'",
        "git push -q origin HEAD~0:refs/heads/dev-a/late",
    ] {
        let said = world.seat("dev-a").run(lines);
        assert!(said.code != 0 && said.to_string().contains("frozen"), "{said}");
    }
    world.owner(&["deliver"]).ends(4).says("frozen by owner: a drill");
    world.owner(&["config", "adopt"]).ends(4);
    let typed = format!("{}\n", world.code_at(30));
    world.owner_types(&["thaw", "--alone"], &typed).ok();
    world.seat("dev-a").run("git commit -q --allow-empty -m x && git push -q origin HEAD:dev-a/late").ok();
    world.owner(&["deliver"]).ok();
    world.owner(&["ledger", "verify"]).ok();
}

/// Opens a way out, lets the model begin its answer, and tells how that ends.
const STREAM: &str = r#"python3 - <<'END'
import os, socket
def until(s, end):
    seen = b""
    while end not in seen:
        more = s.recv(4096)
        if not more: return seen + b"<cut>"
        seen += more
    return seen
where = os.environ["WAY"]
if where == "tunnel":
    host, port = os.environ["HTTPS_PROXY"][7:].strip("/").split(":")
    s = socket.create_connection((host, int(port)))
    s.sendall(b"CONNECT @MODEL@ HTTP/1.1\r\n\r\n")
    print(until(s, b"\r\n\r\n").split(b"\r\n")[0])
else:
    host, port = os.environ["ANTHROPIC_BASE_URL"][7:].split(":")
    s = socket.create_connection((host, int(port)))
s.sendall(b"POST /v1/messages HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 11\r\n\r\nwait for me")
try:
    print("began", until(s, b"message_start")[:12])
    open(os.environ["HOME"] + "/began-" + where, "w").close()
    print("ended", until(s, b"message_stop")[-20:])
except ConnectionError:
    print("ended <cut>")
END"#;

#[test]
fn a_freeze_cuts_off_what_the_relay_has_under_way_and_opens_nothing_new() {
    let model = Model::start();
    let mut world = World::python();
    world.rule(&format!("[agent]\nupstream = \"http://{}\"\nhosts = [\"{}\"]\n", model.address, model.address));
    world.set("ANTHROPIC_API_KEY", "sk-ant-real-of-the-owner");
    let world = world.bootstrap();
    let lines = |way: &str| format!("export WAY={way}\n{}", STREAM.replace("@MODEL@", &model.address.to_string()));
    let (tunnel, api) = (world.seat("dev-a"), world.seat("dev-b"));
    let under_way = [tunnel.start(&lines("tunnel")), api.start(&lines("api"))];
    for (seat, way) in [(&tunnel, "tunnel"), (&api, "api")] {
        appears(&seat.home(), &format!("began-{way}"));
    }
    let mark = world.mark();
    world.owner(&["freeze", "--reason", "a drill"]).ok();
    for stream in under_way {
        stream.end().ok().says("began").says("<cut>");
    }
    for (seat, way) in [(&tunnel, "tunnel"), (&api, "api")] {
        seat.run(&lines(way)).ok().says("403");
    }
    let codes: Vec<_> = world.refusals(mark);
    assert_eq!(codes, [("dev-a".to_owned(), "frozen".to_owned()), ("dev-b".to_owned(), "frozen".to_owned())]);
    assert_eq!(model.heard().len(), 2, "nothing new went out");
}

/// Waits until a file is there; the kernel tells of it.
fn appears(folder: &Path, name: &str) {
    let notices = inotify::init(inotify::CreateFlags::CLOEXEC).unwrap();
    inotify::add_watch(&notices, folder, inotify::WatchFlags::CREATE).unwrap();
    while !folder.join(name).exists() {
        let limit = Timespec { tv_sec: DEADLINE.as_secs() as i64, tv_nsec: 0 };
        assert!(poll(&mut [PollFd::new(&notices, PollFlags::IN)], Some(&limit)).unwrap() > 0, "{name} did not appear");
        rustix::io::read(&notices, &mut [0_u8; 4096]).unwrap();
    }
}
