//! Entries that were once written are read for ever: each comes back byte for byte, and a whole ledger folds to the state it once gave.
//!
//! `GOLDEN=renew cargo test --test all replay` lives one more workshop and writes the files anew; a new event kind needs that, or a line by hand.

use crate::world::World;
use crate::world::seat::yes;
use orchestrate::domain::actor::Actor;
use orchestrate::domain::entry::Entry;
use orchestrate::domain::event::Event;
use orchestrate::domain::glob::Glob;
use orchestrate::domain::message::{Event as Mail, Priority};
use orchestrate::domain::name::{Digest, Oid, SeatName, TaskId};
use orchestrate::domain::state::State;
use orchestrate::domain::{alert, bypass, confirm, deploy, fleet, freeze, key, lock, merge, message, motion, panel, push, review, task, workshop};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Every kind of event: whoever adds a variant is led here by the compiler, and adds its name.
const KINDS: [&str; 93] = [
    "founded",
    "sworn",
    "started",
    "rechartered",
    "stopped",
    "witnessed",
    "unwitnessed",
    "archived",
    "restored",
    "key-made",
    "signed",
    "key-revoked",
    "seated",
    "answered",
    "left",
    "relayed",
    "recalled",
    "given-up",
    "paused",
    "overfull",
    "stuck",
    "moving",
    "accepted",
    "landing",
    "landed",
    "dropped",
    "opened",
    "taken",
    "released",
    "submitted",
    "measured",
    "tested",
    "judged",
    "sent-back",
    "outdated",
    "stalled",
    "vetoed",
    "drawn",
    "drawn-from-outside",
    "decided",
    "lot",
    "reminded",
    "lapsed",
    "redrawn",
    "withdrawn",
    "cosigned",
    "epoch-opened",
    "moved",
    "voted",
    "motion-reminded",
    "referred",
    "motion-closed",
    "intended",
    "merged",
    "missed",
    "home",
    "deploy-queued",
    "deploy-begun",
    "deploy-ended",
    "deploy-confirmed",
    "deploy-interrupted",
    "deploy-undoing",
    "deploy-over",
    "bypass-opened",
    "bypass-signed",
    "bypass-drawn",
    "bypass-reviewed",
    "bypass-lapsed",
    "bypass-redrawn",
    "bypass-answered",
    "sent",
    "delivered",
    "acknowledged",
    "expired",
    "returned",
    "mail-sealed",
    "locked",
    "lock-renewed",
    "lock-queued",
    "lock-preempted",
    "lock-released",
    "lock-withdrawn",
    "frozen",
    "thaw-agreed",
    "thawed",
    "confirmed",
    "used",
    "wrong-code",
    "codes-reset",
    "alert-told",
    "alert-failed",
    "reported",
    "overdue",
];

fn kind(event: &Event) -> &'static str {
    match event {
        Event::Workshop(event) => of_workshop(event),
        Event::Key(key::Event::Made { .. }) => "key-made",
        Event::Key(key::Event::Signed { .. }) => "signed",
        Event::Key(key::Event::Revoked { .. }) => "key-revoked",
        Event::Fleet(fleet::Event::Seated { .. }) => "seated",
        Event::Fleet(fleet::Event::Answered { .. }) => "answered",
        Event::Fleet(fleet::Event::Left { .. }) => "left",
        Event::Fleet(fleet::Event::Relayed { .. }) => "relayed",
        Event::Fleet(fleet::Event::Recalled { .. }) => "recalled",
        Event::Fleet(fleet::Event::GivenUp { .. }) => "given-up",
        Event::Fleet(fleet::Event::Paused { .. }) => "paused",
        Event::Fleet(fleet::Event::Overfull { .. }) => "overfull",
        Event::Fleet(fleet::Event::Stuck { .. }) => "stuck",
        Event::Fleet(fleet::Event::Moving { .. }) => "moving",
        Event::Push(push::Event::Accepted { .. }) => "accepted",
        Event::Push(push::Event::Landing { .. }) => "landing",
        Event::Push(push::Event::Landed { .. }) => "landed",
        Event::Push(push::Event::Dropped { .. }) => "dropped",
        Event::Task(event) => of_task(event),
        Event::Review(review::Event::Drawn { extra: Some(_), .. }) => "drawn-from-outside",
        Event::Review(review::Event::Drawn { .. }) => "drawn",
        Event::Review(review::Event::Decided { .. }) => "decided",
        Event::Panel(panel::Event::Lot { .. }) => "lot",
        Event::Panel(panel::Event::Reminded { .. }) => "reminded",
        Event::Panel(panel::Event::Lapsed { .. }) => "lapsed",
        Event::Panel(panel::Event::Redrawn { .. }) => "redrawn",
        Event::Panel(panel::Event::Withdrawn { .. }) => "withdrawn",
        Event::Panel(panel::Event::Cosigned { .. }) => "cosigned",
        Event::Panel(panel::Event::Opened { .. }) => "epoch-opened",
        Event::Motion(motion::Event::Moved { .. }) => "moved",
        Event::Motion(motion::Event::Voted { .. }) => "voted",
        Event::Motion(motion::Event::Reminded { .. }) => "motion-reminded",
        Event::Motion(motion::Event::Referred { .. }) => "referred",
        Event::Motion(motion::Event::Closed { .. }) => "motion-closed",
        Event::Merge(merge::Event::Intended { .. }) => "intended",
        Event::Merge(merge::Event::Merged { .. }) => "merged",
        Event::Merge(merge::Event::Missed { .. }) => "missed",
        Event::Merge(merge::Event::Home { .. }) => "home",
        Event::Deploy(event) => of_deploy(event),
        Event::Bypass(event) => of_bypass(event),
        Event::Message(Mail::Sent { .. }) => "sent",
        Event::Message(Mail::Sealed { .. }) => "mail-sealed",
        Event::Message(Mail::Delivered { .. }) => "delivered",
        Event::Message(Mail::Acknowledged { .. }) => "acknowledged",
        Event::Message(Mail::Expired { .. }) => "expired",
        Event::Message(Mail::Returned { .. }) => "returned",
        Event::Lock(lock::Event::Granted { .. }) => "locked",
        Event::Lock(lock::Event::Renewed { .. }) => "lock-renewed",
        Event::Lock(lock::Event::Queued { .. }) => "lock-queued",
        Event::Lock(lock::Event::Preempted { .. }) => "lock-preempted",
        Event::Lock(lock::Event::Released { .. }) => "lock-released",
        Event::Lock(lock::Event::Withdrawn { .. }) => "lock-withdrawn",
        Event::Freeze(freeze::Event::Frozen { .. }) => "frozen",
        Event::Freeze(freeze::Event::Thawed { .. }) => "thawed",
        Event::Freeze(freeze::Event::Agreed { .. }) => "thaw-agreed",
        Event::Confirm(confirm::Event::Confirmed { .. }) => "confirmed",
        Event::Confirm(confirm::Event::Used { .. }) => "used",
        Event::Confirm(confirm::Event::Missed) => "wrong-code",
        Event::Confirm(confirm::Event::Reset { .. }) => "codes-reset",
        Event::Refused(_) => "refused",
        Event::Alert(event) => of_alert(event),
    }
}

fn of_alert(event: &alert::Event) -> &'static str {
    match event {
        alert::Event::Told { .. } => "alert-told",
        alert::Event::Failed { .. } => "alert-failed",
        alert::Event::Reported { .. } => "reported",
        alert::Event::Overdue { .. } => "overdue",
    }
}

fn of_workshop(event: &workshop::Event) -> &'static str {
    match event {
        workshop::Event::Founded { .. } => "founded",
        workshop::Event::Sworn { .. } => "sworn",
        workshop::Event::Started { .. } => "started",
        workshop::Event::Rechartered { .. } => "rechartered",
        workshop::Event::Stopped => "stopped",
        workshop::Event::Witnessed { .. } => "witnessed",
        workshop::Event::Unwitnessed { .. } => "unwitnessed",
        workshop::Event::Archived { .. } => "archived",
        workshop::Event::Restored { .. } => "restored",
    }
}

fn of_bypass(event: &bypass::Event) -> &'static str {
    match event {
        bypass::Event::Opened { .. } => "bypass-opened",
        bypass::Event::Signed { .. } => "bypass-signed",
        bypass::Event::Drawn { .. } => "bypass-drawn",
        bypass::Event::Reviewed { .. } => "bypass-reviewed",
        bypass::Event::Lapsed { .. } => "bypass-lapsed",
        bypass::Event::Redrawn { .. } => "bypass-redrawn",
        bypass::Event::Answered { .. } => "bypass-answered",
    }
}

fn of_deploy(event: &deploy::Event) -> &'static str {
    match event {
        deploy::Event::Queued { .. } => "deploy-queued",
        deploy::Event::Begun { .. } => "deploy-begun",
        deploy::Event::Ended { .. } => "deploy-ended",
        deploy::Event::Confirmed { .. } => "deploy-confirmed",
        deploy::Event::Interrupted { .. } => "deploy-interrupted",
        deploy::Event::Undoing { .. } => "deploy-undoing",
        deploy::Event::Over { .. } => "deploy-over",
    }
}

fn of_task(event: &task::Event) -> &'static str {
    match event {
        task::Event::Opened { .. } => "opened",
        task::Event::Taken { .. } => "taken",
        task::Event::Released { .. } => "released",
        task::Event::Submitted { .. } => "submitted",
        task::Event::Measured { .. } => "measured",
        task::Event::Tested { .. } => "tested",
        task::Event::Judged { .. } => "judged",
        task::Event::SentBack { .. } => "sent-back",
        task::Event::Outdated { .. } => "outdated",
        task::Event::Stalled { .. } => "stalled",
        task::Event::Vetoed { .. } => "vetoed",
    }
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn lines(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(golden(name)).unwrap_or_else(|why| panic!("{name}: {why}"));
    text.lines().map(str::to_owned).collect()
}

fn parse(line: &str) -> Entry {
    let entry = Entry::parse(line.as_bytes()).unwrap_or_else(|why| panic!("{why}: {}", &line[..line.len().min(300)]));
    assert_eq!(entry.bytes(), line.as_bytes(), "another spelling");
    entry
}

#[test]
fn every_kind_of_entry_comes_back_byte_for_byte() {
    if std::env::var("GOLDEN").is_ok_and(|word| word == "renew") {
        renew();
    }
    let entries: Vec<Entry> = lines("entries.jsonl").iter().map(|line| parse(line)).collect();
    let found: Vec<&str> = entries.iter().map(|entry| kind(&entry.event)).collect();
    for wanted in KINDS.iter().chain(&["refused"]) {
        assert!(found.contains(wanted), "no golden entry is {wanted}");
    }
    assert!(found.iter().all(|kind| *kind == "refused" || KINDS.contains(kind)), "{found:?}");
}

#[test]
fn a_golden_ledger_folds_to_the_state_that_it_gave() {
    let entries: Vec<Entry> = lines("ledger.jsonl").iter().map(|line| parse(line)).collect();
    let state = State::replay(&entries);
    assert_eq!(state.len, entries.len() as u64);
    let merged: Vec<&TaskId> = state.tasks.iter().filter(|(_, known)| known.merged.is_some()).map(|(task, _)| task).collect();
    assert_eq!(merged.len(), 1, "the ledger has one merge");
    let digest = state.digest().to_string();
    assert_eq!(
        digest,
        lines("ledger.digest")[0],
        "the fold changed; if it was meant to, write the new digest into tests/golden/ledger.digest"
    );
    assert_ne!(State::replay(&entries[..entries.len() - 1]).digest().to_string(), digest);
}

#[test]
fn what_is_not_canonical_is_no_entry() {
    let line = &lines("entries.jsonl")[2];
    let entry = parse(line);
    let other = [
        line.replacen("\"v\":1", "\"v\":2", 1),
        line.replacen("\"v\":1", "\"v\": 1", 1),
        line.replacen("{\"v\"", "{\"x\":1,\"v\"", 1),
        line.replacen("\"seq\":", "\"seq\":0,\"seq\":", 1),
        format!("{line} "),
        line.replacen(&format!("\"seq\":{}", entry.seq), &format!("\"seq\":{}.0", entry.seq), 1),
    ];
    for text in other {
        assert_ne!(&text, line);
        assert!(Entry::parse(text.as_bytes()).is_err(), "{}", &text[..text.len().min(200)]);
    }
}

/// Lives one workshop through as much as can happen in one, and keeps the whole of it, and one entry of each kind.
fn renew() {
    let ledger = life();
    let written = |entries: &[Entry]| entries.iter().map(|entry| String::from_utf8(entry.bytes()).unwrap() + "\n").collect::<String>();
    std::fs::write(golden("ledger.jsonl"), written(&ledger)).unwrap();
    std::fs::write(golden("ledger.digest"), format!("{}\n", State::replay(&ledger).digest())).unwrap();
    let mut kinds: BTreeMap<&str, Entry> = BTreeMap::new();
    for entry in ledger.into_iter().chain(by_hand()) {
        kinds.entry(kind(&entry.event)).or_insert(entry);
    }
    let mut kinds: Vec<Entry> = kinds.into_values().collect();
    kinds.sort_by_key(|entry| entry.seq);
    std::fs::write(golden("entries.jsonl"), written(&kinds)).unwrap();
}

fn life() -> Vec<Entry> {
    let mut world = World::python().bootstrap();
    world.delivered();
    let (dev, yes) = (world.seat("dev-a"), yes("T1"));
    dev.run("git commit -q --allow-empty -m x; git push origin HEAD:main; orchestrate mail send dev-b --subject hello --body there")
        .ends(0);
    world.seat("dev-b").run("orchestrate mail wait --seconds 9 && orchestrate mail ack $(orchestrate mail inbox --json | grep -o '\"id\":\"[0-9a-f]*' | cut -d'\"' -f4)").ok();
    for (title, path) in [("a readme", "src/auth/README.md"), ("another", "OTHER.md")] {
        world.owner(&["task", "open", title]).ok();
        let number = world.fold().tasks.len();
        let work = format!(
            "orchestrate task take T{number} && git checkout -q -B dev-a/t{number} origin/main && mkdir -p src/auth && echo x > {path} && git add -A"
        );
        dev.run(&format!("{work} && git commit -q -m x && git push -q origin dev-a/t{number} && orchestrate task submit T{number}")).ok();
    }
    for gate in ["peer", "qa", "deploy"] {
        for seat in drawn(&world, gate) {
            if gate == "qa" {
                world.owner(&["gate", "show", "T1", "--wait", "20"]);
            }
            world
                .seat(&seat)
                .run(&format!(
                    "for try in 1 2 3 4; do {yes} && break; orchestrate gate show T1 --wait 5; done"
                ))
                .ok();
        }
    }
    let (typed, wrong) = (format!("{}\n", world.code_at(30)), "000000\n");
    assert_eq!(world.owner_types(&["task", "confirm", "T1"], wrong).code, 1);
    world.owner_types(&["task", "confirm", "T1"], &typed).ok();
    world.wait_merged("T1");
    world.owner(&["deliver"]).ok();
    let second = drawn_for(&world, "T2", "peer");
    world.seat(&second[0]).run("orchestrate review reject T2 --quote '+x' --note 'this is not what was asked'").ok();
    world.seat("librarian").run("orchestrate task veto T2 --reason 'not wanted' && orchestrate freeze --reason 'to see it'").ok();
    let typed = format!("{}\n", world.code_at(60));
    world.owner_types(&["thaw"], &typed).ends(3).says("not-agreed");
    world.seat("librarian").run("orchestrate thaw --agree").ok();
    world.owner_types(&["thaw"], &typed).ok();
    world.rule("[review]\nreminder_percent = 40\n");
    world.owner(&["config", "adopt"]).ends(3).says("not-agreed");
    world.seat("librarian").run("orchestrate motion list && orchestrate motion yes 1 --note 'reminders come sooner, and nothing else'").ok();
    world.owner(&["config", "adopt"]).ok();
    world.down().ok();
    world.start().ok();
    world.entries()
}

fn drawn(world: &World, gate: &str) -> Vec<String> {
    drawn_for(world, "T1", gate)
}

fn drawn_for(world: &World, id: &str, gate: &str) -> Vec<String> {
    let wanted = id.parse().unwrap();
    world.wait_for("a draw", |entry| match &entry.event {
        Event::Review(review::Event::Drawn { task, gate: at, seats, .. }) if *task == wanted && at.as_str() == gate => {
            Some(seats.iter().map(ToString::to_string).collect())
        }
        _ => None,
    })
}

/// What one life does not show.
fn by_hand() -> Vec<Entry> {
    let (task, attempt, why) = (TaskId::new("T1").unwrap(), 1, "why".to_owned());
    let (oid, ids) = (Oid::new("1".repeat(40)).unwrap(), vec![Digest::of(b"mail")]);
    let events = vec![
        Event::Fleet(fleet::Event::Left { seat: SeatName::new("dev-a").unwrap(), instance: 1, why: why.clone() }),
        Event::Fleet(fleet::Event::Relayed { seat: SeatName::new("dev-a").unwrap(), requests: 100, refused: 1, used: Default::default(), told: Default::default() }),
        Event::Key(key::Event::Revoked {
            holder: "dev-a".parse().unwrap(),
            fingerprint: orchestrate::domain::name::Fingerprint::new("A".repeat(40)).unwrap(),
            certificate: "armor".to_owned(),
            reason: why.clone(),
        }),
        Event::Review(review::Event::Drawn {
            task: task.clone(),
            attempt,
            gate: orchestrate::domain::gate::GateName::Peer,
            pool: vec![SeatName::new("dev-b").unwrap()],
            seats: vec![SeatName::new("dev-b").unwrap(), SeatName::new("qa-a").unwrap()],
            draw: Digest::of(b"draw"),
            extra: Some(review::Extra { seats: vec![SeatName::new("qa-a").unwrap()], why: why.clone() }),
        }),
        Event::Push(push::Event::Dropped { push: "p1".to_owned(), why: why.clone() }),
        Event::Confirm(confirm::Event::Reset { code: 3, generation: 1 }),
        Event::Alert(alert::Event::Told { way: alert::Way::Mail, severity: alert::Severity::High, about: vec![7, 9], more: 0 }),
        Event::Alert(alert::Event::Failed { way: alert::Way::Sms, why: why.clone(), tries: 3 }),
        Event::Alert(alert::Event::Reported { day: "2026-11-20".to_owned(), size: 10, digest: Digest::of(b"report") }),
        Event::Alert(alert::Event::Overdue { day: "2026-11-20".to_owned() }),
        Event::Task(task::Event::Outdated { task: task.clone(), attempt }),
        Event::Task(task::Event::Stalled { task: task.clone(), attempt, why: why.clone() }),
        Event::Task(task::Event::Released { task: task.clone(), reason: why.clone(), from: None, assign: None }),
        Event::Task(task::Event::SentBack {
            task: task.clone(),
            attempt,
            gate: orchestrate::domain::gate::GateName::Red,
            why: why.clone(),
        }),
        Event::Merge(merge::Event::Missed { task: task.clone(), attempt, why }),
        Event::Merge(merge::Event::Merged { task, attempt, commit: oid }),
        Event::Message(message::Event::Expired { ids }),
        Event::Fleet(fleet::Event::Recalled { seats: vec![SeatName::new("dev-a").unwrap()] }),
        Event::Fleet(fleet::Event::Paused { seat: None, why: "all".to_owned() }),
        Event::Fleet(fleet::Event::Overfull { seat: SeatName::new("dev-a").unwrap(), bytes: 2, limit: 1 }),
        Event::Fleet(fleet::Event::GivenUp { seat: SeatName::new("dev-a").unwrap(), ends: 7 }),
        Event::Message(message::Event::Returned { to: "dev-a".parse().unwrap() }),
    ];
    let events = events.into_iter().chain(locks()).chain(panels()).chain(motions()).chain(deployments()).chain(bypasses()).chain(put_away()).chain(halted());
    let entry = |(event, seq): (Event, u64)| Entry { v: 1, seq, time: 1, by: Actor::Edge, event };
    events.zip(10_000..).map(entry).collect()
}

/// A seat that is stuck, and gets on again.
fn halted() -> Vec<Event> {
    let seat = SeatName::new("dev-a").unwrap();
    let stuck = fleet::Event::Stuck { seat: seat.clone(), instance: 1, why: "nothing has come of it for long".to_owned(), restart: true };
    [stuck, fleet::Event::Moving { seat, instance: 1 }].map(Event::Fleet).into()
}

fn put_away() -> Vec<Event> {
    let (husks, archive) = (Digest::of(b"husks"), Digest::of(b"archive"));
    let letter = message::Letter {
        workshop: "lab".to_owned(),
        from: "dev-a".parse().unwrap(),
        to: vec!["dev-b".parse().unwrap()],
        number: 1,
        prev: None,
        sent: 1,
        priority: Priority::Normal,
        task: None,
        subject: "hello".to_owned(),
        body: String::new(),
    };
    vec![
        Event::Workshop(workshop::Event::Archived { entries: vec![31], husks, archive: archive.clone() }),
        Event::Workshop(workshop::Event::Restored { entries: 1, archive }),
        Event::Workshop(workshop::Event::Unwitnessed { why: "gone".to_owned(), refused: true, tries: 1 }),
        Event::Message(Mail::Sealed { leaf: Digest::of(b"leaf"), id: Digest::of(b"id"), letter: Box::new(letter), bytes: 300 }),
    ]
}

fn locks() -> Vec<Event> {
    let (seat, paths) = (SeatName::new("dev-a").unwrap(), vec![Glob::new("src/**").unwrap()]);
    let events = [
        lock::Event::Granted { token: 1, seat: seat.clone(), paths: paths.clone(), priority: Priority::Normal },
        lock::Event::Renewed { tokens: vec![1] },
        lock::Event::Queued { paths: paths.clone(), priority: Priority::Critical, until: 2 },
        lock::Event::Preempted { token: 1, ends: 2, seat: seat.clone() },
        lock::Event::Released { token: 1, paths },
        lock::Event::Withdrawn { seat },
    ];
    events.into_iter().map(Event::Lock).collect()
}

fn panels() -> Vec<Event> {
    let (task, attempt, gate): (TaskId, u32, _) = ("T1".parse().unwrap(), 1, orchestrate::domain::gate::GateName::Peer);
    let (seats, draw) = (vec![SeatName::new("dev-b").unwrap()], Digest::of(b"draw"));
    let other = vec![SeatName::new("architect-a").unwrap()];
    let statement = orchestrate::domain::dsse::Envelope { payload_type: "x".to_owned(), payload: String::new(), signatures: Vec::new() };
    let events = [
        panel::Event::Lot { task: task.clone(), attempt, sealed: 7, epoch: 0, draw: draw.clone(), pool: other.clone(), seat: other.first().cloned() },
        panel::Event::Reminded { task: task.clone(), attempt, gate, seats: seats.clone() },
        panel::Event::Lapsed { task: task.clone(), attempt, gate, seats: seats.clone(), asked: false },
        panel::Event::Redrawn { task: task.clone(), attempt, gate, round: 1, out: seats, pool: other.clone(), seats: other, draw: draw.clone() },
        panel::Event::Cosigned { task: task.clone(), attempt, gate, note: "she is right".to_owned(), statement },
        panel::Event::Withdrawn { task, attempt, gate, reason: "it overflows".to_owned() },
        panel::Event::Opened { epoch: 0, secret: "00".repeat(32), next: draw },
    ];
    events.into_iter().map(Event::Panel).collect()
}

fn deployments() -> Vec<Event> {
    use deploy::{Event as Deploying, Listed, Seen, Step};
    let (task, why): (TaskId, _) = ("T1".parse().unwrap(), "why".to_owned());
    let (merge, tree, policy) = (Oid::new("1".repeat(40)).unwrap(), Oid::new("2".repeat(40)).unwrap(), Digest::of(b"policy"));
    let list = Listed { digest: Digest::of(b"list"), files: 1, bytes: 2 };
    let statement = orchestrate::domain::dsse::Envelope { payload_type: "x".to_owned(), payload: String::new(), signatures: Vec::new() };
    let seen = Seen { ok: true, note: "1 files, 2 bytes".to_owned(), output: Digest::of(b"list"), list: Some(list.clone()) };
    let (begun, step, confirmed) = (7, Step::Run, Some(9));
    let events = [
        Deploying::Queued { task: task.clone(), merge: merge.clone(), tree: tree.clone(), policy: policy.clone() },
        Deploying::Begun { task: task.clone(), step, merge, tree, policy: policy.clone(), list: Some(list.digest), confirmed },
        Deploying::Ended { task: task.clone(), step: Step::Check(1), begun, seen },
        Deploying::Confirmed { task: task.clone(), code: Some(3), statement },
        Deploying::Interrupted { task: task.clone(), step, unknown: true, why: why.clone() },
        Deploying::Undoing { task: task.clone(), policy },
        Deploying::Over { task, why },
    ];
    events.into_iter().map(Event::Deploy).collect()
}

fn bypasses() -> Vec<Event> {
    let (task, note): (TaskId, _) = ("T1".parse().unwrap(), "looked at all of it".to_owned());
    let statement = orchestrate::domain::dsse::Envelope { payload_type: "x".to_owned(), payload: String::new(), signatures: Vec::new() };
    let (attempt, seats) = (1, vec![SeatName::new("dev-b").unwrap(), SeatName::new("architect-a").unwrap()]);
    let events = [
        bypass::Event::Opened { task: task.clone(), attempt, reason: "it burns".to_owned(), code: 3, statement: statement.clone() },
        bypass::Event::Signed { task: task.clone(), attempt, note: note.clone(), statement: statement.clone() },
        bypass::Event::Drawn { task: task.clone(), pool: seats.clone(), seats: seats.clone(), draw: Digest::of(b"draw") },
        bypass::Event::Reviewed { task: task.clone(), accept: true, note, statement },
        bypass::Event::Lapsed { task: task.clone() },
        bypass::Event::Redrawn { task, round: 1, out: seats.clone(), pool: seats.clone(), seats: seats.clone(), draw: Digest::of(b"draw") },
    ];
    events.into_iter().map(Event::Bypass).collect()
}

fn motions() -> Vec<Event> {
    let why = "the seats did not decide it in their time".to_owned();
    let statement = orchestrate::domain::dsse::Envelope { payload_type: "x".to_owned(), payload: String::new(), signatures: Vec::new() };
    let (matter, title) = ("council".to_owned(), "may it?".to_owned());
    let events = [
        motion::Event::Moved { motion: 1, matter, title, body: String::new(), task: Some("T1".parse().unwrap()), attempt: Some(1) },
        motion::Event::Voted { motion: 1, accept: true, note: "it is well".to_owned(), statement },
        motion::Event::Reminded { motion: 1, seats: vec![SeatName::new("dev-b").unwrap()] },
        motion::Event::Referred { motion: 1, why: why.clone() },
        motion::Event::Closed { motion: 1, passed: true, why },
    ];
    events.into_iter().map(Event::Motion).collect()
}
