//! A table of forgeries: each is red, and for its own reason.

use super::super::{Report, run};
use super::world::{CommitDraft, Draft, Plan, World, party, rewrite, seat};
use super::{history, verify};
use crate::domain::actor::Actor;
use crate::domain::event::Event;
use crate::domain::gate::GateName;
use crate::domain::name::{Digest, Oid, TaskId};
use crate::domain::task::RunKind;
use crate::domain::{confirm, freeze, key, merge, message, review, task, workshop};
use crate::edge::keys::SecretKey;
use serde_json::json;

pub(super) struct Forgery {
    /// What has to be said of it.
    says: &'static str,
    plan: fn(&mut Plan, &mut Plan),
    entry: Option<fn(&mut World, &mut Draft)>,
    commit: Option<fn(&mut World, &mut CommitDraft)>,
    after: fn(&mut World),
}

const fn base(says: &'static str) -> Forgery {
    Forgery { says, plan: |_, _| (), entry: None, commit: None, after: |_| () }
}

pub(super) const fn entry(says: &'static str, forge: fn(&mut World, &mut Draft)) -> Forgery {
    Forgery { entry: Some(forge), ..base(says) }
}

const fn commit(says: &'static str, forge: fn(&mut World, &mut CommitDraft)) -> Forgery {
    Forgery { commit: Some(forge), ..base(says) }
}

pub(super) const fn after(says: &'static str, forge: fn(&mut World)) -> Forgery {
    Forgery { after: forge, ..base(says) }
}

pub(super) fn judged(forgery: &Forgery) -> Report {
    let mut world = history(World::found(forgery.entry, forgery.commit), forgery.plan);
    (forgery.after)(&mut world);
    run(world.dir.path(), &world.save(), None).unwrap()
}

pub(super) fn table(forgeries: &[Forgery]) {
    for forgery in forgeries {
        let report = judged(forgery);
        let found = report.problems.iter().any(|problem| problem.contains(forgery.says));
        assert!(!report.ok && found, "wanted {:?}, found {:#?}", forgery.says, report.problems);
    }
}

/// The review that a seat gives at a gate of a task.
fn word<'d>(world: &World, draft: &'d mut Draft, task: &str, at: GateName, by: &str) -> Option<&'d mut review::Event> {
    let Event::Review(event) = &mut draft.event else { return None };
    let wanted = matches!(event, review::Event::Decided { gate, .. } if *gate == at);
    (wanted && world.at == task && draft.by == Actor::Seat(seat(by))).then_some(event)
}

fn bound(world: &World, draft: &mut Draft, key: &str, value: serde_json::Value) {
    if let Some(review::Event::Decided { statement, .. }) = word(world, draft, "T1", GateName::Peer, "dev-b") {
        rewrite(statement, |said| said["predicate"]["bound"][key] = value);
    }
}

fn ran<'d>(world: &World, draft: &'d mut Draft, wanted: RunKind) -> Option<&'d mut task::Event> {
    match &mut draft.event {
        Event::Task(event @ task::Event::Tested { .. }) => {
            let same = matches!(event, task::Event::Tested { kind, .. } if *kind == wanted);
            (same && world.at == "T1").then_some(event)
        }
        _ => None,
    }
}

fn gate(world: &World, draft: &Draft, wanted: GateName) -> bool {
    world.at == "T1" && matches!(&draft.event, Event::Task(task::Event::Judged { gate, .. }) if *gate == wanted)
}

pub(super) fn intends(world: &World, draft: &Draft) -> bool {
    world.at == "T1" && matches!(draft.event, Event::Merge(merge::Event::Intended { .. }))
}

/// Where git keeps an object that is in no pack.
fn loose(world: &World, id: &str) -> std::path::PathBuf {
    world.dir.path().join(".git/objects").join(&id[..2]).join(&id[2..])
}

fn t1() -> TaskId {
    TaskId::new("T1").unwrap()
}

const REVIEWS: &[Forgery] = &[
    entry("dev-a at peer of T1: it was not drawn", |world, draft| {
        if let Some(review::Event::Decided { statement, .. }) = word(world, draft, "T1", GateName::Peer, "dev-b") {
            rewrite(statement, |said| said["predicate"]["seat"] = json!("dev-a"));
            draft.by = Actor::Seat(seat("dev-a"));
            draft.signer = Some(party("dev-a"));
        }
    }),
    Forgery { plan: |one, _| one.commits = vec!["dev-a", "dev-b"], ..base("dev-b at peer of T1: it contributed to the change") },
    Forgery { plan: |one, _| one.peers = vec!["dev-a"], ..base("dev-a at peer of T1: it contributed to the change") },
    Forgery { plan: |one, _| one.peers = vec!["qa-a"], ..base("the charter does not let qa-a judge there") },
    entry("it was given before anyone was drawn", |world, draft| match &draft.event {
        Event::Review(review::Event::Drawn { gate: GateName::Peer, .. }) if world.at == "T1" => {
            let tree = world.change.as_ref().unwrap().tree.clone();
            let drawn = world.len() + 1;
            world.word(GateName::Peer, "dev-b", &tree, drawn, true);
        }
        _ => {}
    }),
    entry("peer of T1 was drawn a second time", |world, draft| {
        if word(world, draft, "T1", GateName::Peer, "dev-b").is_some() {
            let (pool, seats, draw) = (vec![seat("qa-a")], vec![seat("qa-a")], Digest::of(b"again"));
            world.put(Actor::Edge, Event::Review(review::Event::Drawn { task: t1(), attempt: 1, gate: GateName::Peer, pool, seats, draw, extra: None }));
        }
    }),
    entry("it is bound to tree", |world, draft| bound(world, draft, "tree", json!("1".repeat(40)))),
    entry("it is bound to commit", |world, draft| bound(world, draft, "commit", json!("1".repeat(40)))),
    entry("it is bound to base", |world, draft| bound(world, draft, "base", json!("1".repeat(40)))),
    entry("it is bound to policy", |world, draft| bound(world, draft, "policy", json!("1".repeat(64)))),
    entry("it is bound to task T7", |world, draft| bound(world, draft, "task", json!("T7"))),
    entry("it is bound to workshop", |world, draft| bound(world, draft, "workshop", json!("other"))),
    entry("it is bound to entry 3", |world, draft| bound(world, draft, "index", json!(3))),
    entry("its statement is about qa", |world, draft| {
        if let Some(review::Event::Decided { statement, .. }) = word(world, draft, "T1", GateName::Peer, "dev-b") {
            rewrite(statement, |said| said["predicate"]["gate"] = json!("qa"));
        }
    }),
    entry("it has to be signed by dev-b", |world, draft| {
        if word(world, draft, "T1", GateName::Peer, "dev-b").is_some() {
            draft.signer = Some(party("architect-a"));
        }
    }),
    entry("its statement says something else", |world, draft| {
        if let Some(review::Event::Decided { statement, .. }) = word(world, draft, "T1", GateName::Peer, "dev-b") {
            rewrite(statement, |said| said["predicate"]["accept"] = json!(false));
        }
    }),
    entry("its statement says something else", |world, draft| {
        if let Some(review::Event::Decided { reading, .. }) = word(world, draft, "T1", GateName::Peer, "dev-b") {
            reading.quotes.clear();
        }
    }),
    entry("which does not stand in the difference of T1", |world, draft| {
        if let Some(review::Event::Decided { reading, statement, .. }) = word(world, draft, "T1", GateName::Peer, "dev-b") {
            reading.quotes = vec!["+pub fn never_written() {}".to_owned()];
            let reading = json!(reading);
            rewrite(statement, |said| said["predicate"]["reading"] = reading);
        }
    }),
    entry("it has no verdict on every file of the change", |world, draft| {
        if let Some(review::Event::Decided { reading, statement, .. }) = word(world, draft, "T1", GateName::Peer, "dev-b") {
            reading.files.pop_first();
            let reading = json!(reading);
            rewrite(statement, |said| said["predicate"]["reading"] = reading);
        }
    }),
    entry("it says no", |world, draft| {
        if let Some(review::Event::Decided { statement, accept, .. }) = word(world, draft, "T2", GateName::Peer, "architect-a") {
            *accept = false;
            rewrite(statement, |said| said["predicate"]["accept"] = json!(false));
        }
    }),
    entry("1 of 2 words at peer", |world, draft| draft.dropped = word(world, draft, "T2", GateName::Peer, "architect-a").is_some()),
    entry("0 of 1 words at qa", |world, draft| draft.dropped = word(world, draft, "T1", GateName::Qa, "qa-a").is_some()),
    entry("1 of 2 words at deploy", |world, draft| draft.dropped = word(world, draft, "T1", GateName::Deploy, "librarian").is_some()),
    entry("without the owner's confirmation", |_, draft| draft.dropped = matches!(draft.event, Event::Confirm(_))),
    entry("it has to be signed by owner", |_, draft| {
        if matches!(draft.event, Event::Confirm(_)) {
            draft.signer = Some(party("gatekeeper"));
        }
    }),
    entry("it is not of what was shown", |_, draft| {
        if let Event::Confirm(confirm::Event::Confirmed { statement, .. }) = &mut draft.event {
            rewrite(statement, |said| said["predicate"]["shown"] = json!("1".repeat(64)));
        }
    }),
];

#[test]
fn reviews() {
    table(REVIEWS);
}

const GATES_AND_RUNS: &[Forgery] = &[
    entry("without having passed peer", |world, draft| draft.dropped = gate(world, draft, GateName::Peer)),
    entry("without having passed red", |world, draft| draft.dropped = gate(world, draft, GateName::Red)),
    entry("before its turn", |world, draft| {
        if gate(world, draft, GateName::Green) {
            let submitted = world.entries.iter().rposition(|entry| String::from_utf8_lossy(entry).contains("\"submitted\"")).unwrap();
            world.judged(GateName::Peer, submitted as u64);
        }
        draft.dropped = gate(world, draft, GateName::Peer);
    }),
    entry("it has to be signed by gatekeeper", |world, draft| {
        if gate(world, draft, GateName::Green) {
            draft.signer = Some(party("dev-a"));
        }
    }),
    entry("its statement does not say that it passed", |world, draft| {
        if gate(world, draft, GateName::Green)
            && let Event::Task(task::Event::Judged { statement, .. }) = &mut draft.event
        {
            rewrite(statement, |said| said["predicate"]["verificationResult"] = json!("FAILED"));
        }
    }),
    entry("the charter lists the checks", |world, draft| {
        if gate(world, draft, GateName::Deploy)
            && let Event::Task(task::Event::Judged { statement, checks, .. }) = &mut draft.event
        {
            checks.pop();
            rewrite(statement, |said| drop(said["predicate"]["checks"].as_array_mut().unwrap().pop()));
        }
    }),
    entry("said no to T1", |world, draft| {
        if gate(world, draft, GateName::Green)
            && let Event::Task(task::Event::Judged { pass, .. }) = &mut draft.event
        {
            *pass = false;
        }
    }),
    entry("without having passed qa", |world, draft| {
        if gate(world, draft, GateName::Deploy) {
            world.put(Actor::Edge, Event::Task(task::Event::Outdated { task: t1(), attempt: 1 }));
        }
    }),
    entry("T1 was sent back here", |world, draft| {
        if intends(world, draft) {
            world.put(Actor::Edge, Event::Task(task::Event::SentBack { task: t1(), attempt: 1, gate: GateName::Qa, why: "no".to_owned() }));
        }
    }),
    entry("attempt 2 had taken the place", |world, draft| {
        if intends(world, draft) {
            let commit = world.tip.clone();
            world.put(Actor::Seat(seat("dev-a")), Event::Task(task::Event::Submitted { task: t1(), attempt: 2, commit }));
        }
    }),
    entry("it was not made on the tip", |world, draft| {
        if let Some(task::Event::Tested { tip, statement, .. }) = ran(world, draft, RunKind::Merge) {
            *tip = Some(Oid::new("2".repeat(40)).unwrap());
            rewrite(statement, |said| said["predicate"]["tip"] = json!("2".repeat(40)));
        }
    }),
    entry("the merge run of T1: it was made on the tree", |world, draft| {
        if let Some(task::Event::Tested { statement, .. }) = ran(world, draft, RunKind::Merge) {
            rewrite(statement, |said| {
                said["predicate"]["run"]["tree"] = json!("2".repeat(40));
                said["subject"][0]["digest"]["gitTree"] = json!("2".repeat(40));
            });
        }
    }),
    entry("the green run of T1: there is none", |world, draft| draft.dropped = ran(world, draft, RunKind::Green).is_some()),
    entry("no new test failed without the change", |world, draft| {
        if let Some(task::Event::Tested { statement, .. }) = ran(world, draft, RunKind::Red) {
            rewrite(statement, |said| {
                said["predicate"]["run"]["results"]["new::T1"] = json!("passed");
                said["predicate"]["result"] = json!("PASSED");
            });
        }
    }),
    entry("old::a passed on the base and does not pass", |world, draft| {
        if let Some(task::Event::Tested { statement, .. }) = ran(world, draft, RunKind::Green) {
            rewrite(statement, |said| drop(said["predicate"]["run"]["results"].as_object_mut().unwrap().remove("old::a")));
        }
    }),
    entry("QA of T1 is not what its runs show: old::a", |world, draft| {
        if let Some(task::Event::Tested { statement, .. }) = ran(world, draft, RunKind::Merge) {
            rewrite(statement, |said| said["predicate"]["run"]["results"]["old::a"] = json!("skipped"));
        }
    }),
    entry("its statement says PASSED", |world, draft| {
        if let Some(task::Event::Tested { statement, .. }) = ran(world, draft, RunKind::Green) {
            rewrite(statement, |said| said["predicate"]["run"]["results"]["x"] = json!("failed"));
        }
    }),
];

#[test]
fn gates_and_runs() {
    table(GATES_AND_RUNS);
}

const CANDIDATES: &[Forgery] = &[
    entry("names dev-a as contributors", |world, draft| {
        if let Event::Task(task::Event::Measured { contributors, .. }) = &mut draft.event
            && world.at == "T2"
        {
            *contributors = [seat("dev-a")].into();
        }
    }),
    entry("it asks for other gates or words", |world, draft| {
        if let Event::Task(task::Event::Measured { needs, .. }) = &mut draft.event
            && world.at == "T2"
        {
            needs.approvals = 1;
            needs.owner = false;
        }
    }),
    entry("tests/two.rs was not measured", |_, draft| {
        if let Event::Task(task::Event::Measured { change, .. }) = &mut draft.event {
            change.files.retain(|file| file.path != "tests/two.rs");
        }
    }),
    entry("src/two.rs was measured otherwise", |_, draft| {
        if let Event::Task(task::Event::Measured { change, .. }) = &mut draft.event {
            change.files.iter_mut().filter(|file| file.path == "src/two.rs").for_each(|file| file.added = 0);
        }
    }),
    entry("which is not what was submitted", |world, draft| {
        if let Event::Task(task::Event::Submitted { commit, .. }) = &mut draft.event
            && world.at == "T1"
        {
            *commit = Oid::new("3".repeat(40)).unwrap();
        }
    }),
    entry("does not stand on", |world, draft| {
        if let Event::Task(task::Event::Measured { change, .. }) = &mut draft.event
            && world.at == "T1"
        {
            change.commits[0].parents.push(Oid::new("3".repeat(40)).unwrap());
        }
    }),
    entry("its signature is not what was measured", |world, draft| {
        if let Event::Task(task::Event::Measured { change, .. }) = &mut draft.event
            && world.at == "T2"
        {
            let other = world.keys[&party("qa-a")].fingerprint();
            change.commits[0].signature = crate::domain::change::Signature::Good(other);
            change.commits[0].author.email = "qa-a@lab-1234.orchestrate".to_owned();
            change.commits[0].committer.email = "qa-a@lab-1234.orchestrate".to_owned();
        }
    }),
    entry("is submitted by dev-b, who did not take it", |world, draft| {
        if matches!(draft.event, Event::Task(task::Event::Submitted { .. })) && world.at == "T1" {
            draft.by = Actor::Seat(seat("dev-b"));
        }
    }),
];

#[test]
fn candidates() {
    table(CANDIDATES);
}

const COMMITS: &[Forgery] = &[
    commit("was tested and intended", |world, draft| draft.tree = world.tree_of(&world.genesis.base)),
    commit("and the ledger says", |world, draft| draft.parents = vec![world.genesis.base.clone()]),
    commit("it has 2 parents", |world, draft| {
        let candidate = world.change.as_ref().unwrap().commit.clone();
        draft.parents.push(candidate);
    }),
    commit("it is not signed", |_, draft| draft.signer = None),
    commit("it is not signed by the gatekeeper", |_, draft| draft.signer = Some(party("dev-a"))),
    commit("its checkpoint is not the root", |world, draft| {
        let root = hex::encode(world.frontier.root());
        draft.message = draft.message.replace(&root, &"ab".repeat(32));
    }),
    commit("not all the verdicts that let it in", |world, draft| {
        let size = format!("Checkpoint: {} ", world.len());
        draft.message = draft.message.replace(&size, "Checkpoint: 5 ");
    }),
    commit("and its own intent is entry", |world, draft| {
        let size = format!("Checkpoint: {} ", world.len());
        draft.message = draft.message.replace(&size, "Checkpoint: 99999 ");
    }),
    commit("its message is not what the ledger says", |_, draft| {
        draft.message = draft.message.replace("Author-Seat: dev-a", "Author-Seat: dev-b")
    }),
    commit("its message is not what the ledger says", |_, draft| draft.message = draft.message.replace("add two", "add three")),
    commit("its message is not what the ledger says", |_, draft| draft.message.push_str("Reviewed-by: owner\n")),
    entry("without an intent right before", |world, draft| draft.dropped = intends(world, draft)),
    entry("which is not what entry", |world, draft| {
        if let Event::Merge(merge::Event::Intended { commit, .. }) = &mut draft.event {
            *commit = world.genesis.base.clone();
        }
    }),
    entry("the tip was", |world, draft| {
        if let Event::Merge(merge::Event::Intended { old, .. }) = &mut draft.event {
            *old = world.genesis.base.clone();
        }
    }),
    after("the ledger knows no merge of it", |world| {
        let (tip, tree) = (world.tip.clone(), world.tree_of(&world.tip));
        let more = world.commit(&tree, &[tip], "dev-a", "gatekeeper", "x\n", Some(&party("gatekeeper")));
        world.move_main(&more);
    }),
    after("its history was rewritten", |world| {
        let tree = world.tree_of(&world.tip);
        let orphan = world.commit(&tree, &[], "dev-a", "gatekeeper", "x\n", Some(&party("gatekeeper")));
        world.move_main(&orphan);
    }),
    after("the ledger knows no merge of it", |world| {
        let cut = world.entries.iter().rposition(|entry| String::from_utf8_lossy(entry).contains("\"intended\"")).unwrap();
        world.entries.truncate(cut);
        world.reseal();
    }),
    after("the repository is damaged", |world| {
        let blob = world.git(&["rev-parse", "main:README.md"], b"");
        std::fs::remove_file(loose(world, &blob)).unwrap();
    }),
    after("it is missing or damaged", |world| {
        let path = loose(world, world.tip.as_str());
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, b"garbage").unwrap();
    }),
    after("does not hash to its name", |world| {
        let (path, other) = (loose(world, world.tip.as_str()), loose(world, world.genesis.base.as_str()));
        std::fs::remove_file(&path).unwrap();
        std::fs::copy(other, path).unwrap();
    }),
];

#[test]
fn commits() {
    table(COMMITS);
}

const LEDGERS: &[Forgery] = &[
    entry("a second key for the same holder", |world, draft| {
        if matches!(draft.event, Event::Workshop(workshop::Event::Sworn { .. })) {
            world.made(&party("dev-a"), &SecretKey::generate("dev-a <x@y>").unwrap());
        }
    }),
    entry("belongs to somebody else already", |world, draft| {
        if let Event::Key(key::Event::Made { holder, fingerprint, certificate }) = &mut draft.event
            && *holder == party("dev-b")
        {
            let other = &world.keys[&party("dev-a")];
            (*fingerprint, *certificate) = (other.fingerprint(), other.certificate_armored());
        }
    }),
    entry("does not name the key of qa-a", |world, draft| {
        if let Event::Key(key::Event::Made { holder, fingerprint, certificate }) = &mut draft.event
            && *holder == party("qa-a")
        {
            let other = SecretKey::generate("qa-a <x@y>").unwrap();
            (*fingerprint, *certificate) = (other.fingerprint(), other.certificate_armored());
            world.keys.insert(party("qa-a"), other);
        }
        if let Event::Workshop(workshop::Event::Sworn { statement }) = &mut draft.event {
            rewrite(statement, |said| {
                let keys = said["predicate"]["keys"].as_array_mut().unwrap();
                keys.iter_mut().filter(|pair| pair[0] == "qa-a").for_each(|pair| pair[1] = json!("A".repeat(40)));
            });
        }
    }),
    entry("its certificate has the fingerprint", |_, draft| {
        if let Event::Key(key::Event::Made { fingerprint, .. }) = &mut draft.event {
            *fingerprint = crate::domain::name::Fingerprint::new("A".repeat(40)).unwrap();
        }
    }),
    entry("the ledger has no word of the owner", |_, draft| {
        draft.dropped = matches!(draft.event, Event::Workshop(workshop::Event::Sworn { .. }))
    }),
    entry("the owner's word on genesis: ", |_, draft| {
        if matches!(draft.event, Event::Workshop(workshop::Event::Sworn { .. })) {
            draft.signer = Some(party("gatekeeper"));
        }
    }),
    entry("it names the charter", |_, draft| {
        if let Event::Workshop(workshop::Event::Founded { genesis }) = &mut draft.event {
            genesis.charter = genesis.charter.replace("\"single_review_lines\":50", "\"single_review_lines\":5000");
        }
    }),
    entry("the charter was changed by edge", |world, draft| {
        if intends(world, draft) {
            let charter = world.genesis.charter.replace("\"single_review_lines\":50", "\"single_review_lines\":5000");
            world.put(Actor::Edge, Event::Workshop(workshop::Event::Rechartered { charter, motion: None }));
        }
    }),
    entry("changed the charter after it", |world, draft| {
        if intends(world, draft) {
            let charter = world.genesis.charter.replace("\"single_review_lines\":50", "\"single_review_lines\":5000");
            world.put(Actor::Owner, Event::Workshop(workshop::Event::Rechartered { charter, motion: None }));
        }
    }),
    entry("founded a second time", |world, draft| {
        if intends(world, draft) {
            let genesis = Box::new(world.genesis.clone());
            world.put(Actor::Edge, Event::Workshop(workshop::Event::Founded { genesis }));
        }
    }),
    entry("had vetoed it", |world, draft| {
        if intends(world, draft) {
            world.put(Actor::Seat(seat("librarian")), Event::Task(task::Event::Vetoed { task: t1(), reason: "no".to_owned() }));
        }
    }),
    entry("while the workshop was frozen", |world, draft| {
        if intends(world, draft) {
            world.put(Actor::Seat(seat("librarian")), Event::Freeze(freeze::Event::Frozen { reason: "no".to_owned(), cause: None }));
        }
    }),
    entry("thawed by librarian, not by the owner", |world, draft| {
        if intends(world, draft) {
            world.put(Actor::Owner, Event::Freeze(freeze::Event::Frozen { reason: "no".to_owned(), cause: None }));
            world.put(Actor::Seat(seat("librarian")), Event::Freeze(freeze::Event::Thawed { alone: false }));
        }
    }),
    after("its time is before", |world| world.edit(9, |entry| entry.time -= 5000)),
    after("it says that it is number 70", |world| world.edit(9, |entry| entry.seq = 70)),
    after("is not the root over the ledger's first", |world| world.edit(9, |entry| entry.time -= 1)),
    after("it cannot be read", |world| {
        world.entries[9].push(b' ');
        world.reseal();
    }),
    after("it is not the founding", |world| {
        world.entries.remove(0);
        world.reseal();
    }),
    after("not signed by the key in genesis", |world| world.note_key = ed25519_dalek::SigningKey::from_bytes(&[8; 32])),
];

#[test]
fn ledgers() {
    table(LEDGERS);
}

const MESSAGES: &[Forgery] = &[
    entry("the message is not the one whose id is", |_, draft| {
        if let Event::Message(message::Event::Sent { statement, .. }) = &mut draft.event {
            rewrite(statement, |said| said["body"] = json!("other words"));
        }
    }),
    entry("it has to be signed by librarian", |_, draft| {
        if let Event::Message(message::Event::Sent { id, statement }) = &mut draft.event
            && draft.by != Actor::Owner
        {
            rewrite(statement, |said| said["from"] = json!("librarian"));
            *id = Digest::of(&crate::domain::statement::payload(statement).unwrap());
            draft.signer = Some(party("dev-a"));
        }
    }),
    entry("sent a message in the name of librarian", |_, draft| {
        if let Event::Message(message::Event::Sent { id, statement }) = &mut draft.event
            && draft.by != Actor::Owner
        {
            rewrite(statement, |said| said["from"] = json!("librarian"));
            *id = Digest::of(&crate::domain::statement::payload(statement).unwrap());
        }
    }),
    entry("there is a gap or a double", |world, draft| {
        draft.dropped = world.at == "T1" && draft.by == Actor::Owner && matches!(draft.event, Event::Message(_));
    }),
    entry("does not name the one before it", |world, draft| {
        if let Event::Message(message::Event::Sent { id, statement }) = &mut draft.event
            && world.at == "T2"
        {
            rewrite(statement, |said| said["prev"] = json!("1".repeat(64)));
            *id = Digest::of(&crate::domain::statement::payload(statement).unwrap());
        }
    }),
    entry("was never sent", |world, draft| {
        if intends(world, draft) {
            let ids = vec![Digest::of(b"nothing")];
            world.put(Actor::Seat(seat("dev-a")), Event::Message(message::Event::Delivered { ids, to: party("dev-a") }));
        }
    }),
];

#[test]
fn messages() {
    table(MESSAGES);
}

#[test]
fn problems_are_many_and_still_bounded() {
    let mut world = history(World::found(None, None), |_, _| ());
    for _ in 0..150 {
        let (tip, tree) = (world.tip.clone(), world.tree_of(&world.tip));
        let more = world.commit(&tree, &[tip], "dev-a", "gatekeeper", "x\n", None);
        world.move_main(&more);
    }
    let report = verify(&world, None);
    assert_eq!((report.problems.len(), report.problems[100].as_str()), (101, "and 50 more"));
}
