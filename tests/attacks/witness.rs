//! The whole record written anew by somebody who has every key of the workshop: only what others have seen tells.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a witness is a process of its own")]

use super::crash::crash;
use super::salami::approved;
use crate::world::World;
use orchestrate::domain::event::Event;
use orchestrate::domain::{task, workshop};
use orchestrate::ledger::sqlite::forge;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

struct Cellar<'a> {
    world: &'a World,
    key: String,
}

impl<'a> Cellar<'a> {
    /// A witness with a home of its own, which knows the workshop's key.
    fn open(world: &'a World) -> Self {
        let made = world.orchestrate(&["witness", "key", "--name", "cellar.example.org", "--home", &home(world)]).ok();
        Self { world, key: made.out.trim().to_owned() }
    }

    fn cosign(&self, growth: &str) -> crate::world::Said {
        let log = self.world.owner(&["ledger", "key"]).ok().out;
        let (own, home) = (env!("CARGO_BIN_EXE_orchestrate"), home(self.world));
        self.world.command(own, &["witness", "cosign", "--home", &home, "--log", log.trim()], growth)
    }

    fn grown(&self, from: &str) -> String {
        self.world.owner(&["ledger", "prove", "--from", from]).ok().out
    }

    /// Sees the ledger as it is now, from what was seen before on.
    fn look(&self, from: u64) -> u64 {
        let note = self.cosign(&self.grown(&from.to_string())).ok().out;
        self.world.owner_types(&["ledger", "witnessed"], &note).ok();
        note.lines().nth(1).unwrap().parse().unwrap()
    }
}

fn home(world: &World) -> String {
    world.path("cellar").display().to_string()
}

fn file(world: &World, name: &str, text: &str) -> String {
    let path = world.path(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// A clone and a bundle of now, for the offline judge.
fn taken(world: &World, name: &str) -> [String; 2] {
    let (bundle, clone) = (world.path(&format!("{name}.bundle")).display().to_string(), world.path(&format!("{name}.clone")));
    world.owner(&["bundle", &bundle]).ok();
    let gate = world.state().join("gate.git");
    world.command("git", &["clone", "-q", gate.to_str().unwrap(), clone.to_str().unwrap()], "").ok();
    [clone.display().to_string(), bundle]
}

fn verify(world: &World, [clone, bundle]: &[String; 2], more: &[&str]) -> crate::world::Said {
    let all: Vec<&str> = ["verify", clone, "--bundle", bundle].into_iter().chain(more.iter().copied()).collect();
    world.orchestrate(&all)
}

#[test]
fn a_record_written_anew_without_its_heads_is_noticed_by_the_witness_and_by_whoever_kept_a_report() {
    let world = World::python().bootstrap();
    let cellar = Cellar::open(&world);
    world.owner(&["task", "open", "mend the latch"]).ok();
    let report = file(&world, "report", &world.owner(&["report", "daily"]).ok().out);
    let first = cellar.look(0);
    world.owner(&["task", "open", "another"]).ok();
    let second = cellar.look(first);
    let honest = taken(&world, "honest");
    verify(&world, &honest, &["--witness", &cellar.key, "--seen", &report]).ok().says(&format!("saw the first {second} entries"));
    world.down().ok();
    forge(
        &world.state().join("ledger.db"),
        "UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'mend the latch', 'mind the latch') AS BLOB); DELETE FROM note",
        true,
    )
    .unwrap();
    // The workshop itself sees nothing: it signs what it finds.
    world.start().ok();
    world.owner(&["ledger", "verify"]).ok();
    assert!(world.fold().tasks.values().any(|task| task.title == "mind the latch"));
    cellar.cosign(&cellar.grown(&second.to_string())).ends(1).says("not-a-beginning").says("written anew");
    cellar.cosign(&cellar.grown("0")).ends(1).says("other-size");
    let forged = taken(&world, "forged");
    verify(&world, &forged, &["--seen", &report]).ends(1).says("the ledger was cut, or written anew");
    verify(&world, &forged, &["--witness", &cellar.key]).ends(1).says("has cosigned nothing");
    let kept = file(&world, "kept", &world.orchestrate(&["witness", "show", "--home", &home(&world)]).ok().out);
    verify(&world, &forged, &["--seen", &kept]).ends(1).says("the ledger was cut, or written anew");
    world.owner(&["ledger", "prove", "--from", &report]).ok();
    world.owner(&["ledger", "since", &report]).ends(1);
}

#[test]
fn a_record_that_was_cut_does_not_contain_what_its_witness_saw() {
    let world = World::python().bootstrap();
    let cellar = Cellar::open(&world);
    let before = taken(&world, "before");
    let seen = cellar.look(0);
    let shown = world.orchestrate(&["witness", "show", "--home", &home(&world)]).ok().out;
    let kept = file(&world, "kept", &shown);
    verify(&world, &before, &["--seen", &kept]).ends(0);
    world.owner(&["task", "open", "one more"]).ok();
    let more = cellar.look(seen);
    let kept = file(&world, "kept", &world.orchestrate(&["witness", "show", "--home", &home(&world)]).ok().out);
    verify(&world, &before, &["--seen", &kept]).ends(1).says(&format!("it is over {more} entries"));
}

#[test]
fn proofs_are_judged_without_the_ledger() {
    let world = World::python().bootstrap();
    let key = world.owner(&["ledger", "key"]).ok().out.trim().to_owned();
    let older = file(&world, "older", &world.owner(&["report", "daily"]).ok().out);
    world.owner(&["task", "open", "mend the latch"]).ok();
    let proof = world.owner(&["ledger", "prove", "3"]).ok().out;
    let growth = world.owner(&["ledger", "prove", "--from", &older]).ok().out;
    world.owner(&["task", "open", "another"]).ok();
    let newer = file(&world, "newer", &world.owner(&["ledger", "checkpoint"]).ok().out);
    let between = world.owner(&["ledger", "prove", "--from", &older, "--to", &newer]).ok().out;
    world.down().ok();
    std::fs::remove_dir_all(world.state()).unwrap();
    let check = |name: &str, text: &str, more: &[&str]| {
        let path = file(&world, name, text);
        world.orchestrate(&[&["ledger", "check", path.as_str()][..], more].concat())
    };
    check("proof", &proof, &["--key", &key]).ok().says("entry 3 stands in the ledger of");
    for growth in [&growth, &between] {
        check("growth", growth, &["--key", &key, "--from", &older]).ok().says("begins with the");
        check("growth", growth, &["--key", &key, "--from", &newer]).ends(1).says("no-proof");
        check("growth", growth, &["--key", &key]).ends(1).says("needs the older checkpoint");
    }
    check("proof", &proof.replacen("index 3", "index 2", 1), &["--key", &key]).ends(1).says("no-proof");
    let other = key.replacen('+', "x+", 1);
    check("proof", &proof, &["--key", &other]).ends(1).says("no-proof");
}

#[test]
fn only_the_owner_brings_what_a_witness_signed_and_only_of_this_ledger() {
    let world = World::python().bootstrap();
    let cellar = Cellar::open(&world);
    let note = cellar.cosign(&cellar.grown("0")).ok().out;
    let plain = world.owner(&["ledger", "checkpoint"]).ok().out;
    world.owner_types(&["ledger", "witnessed"], &plain).ends(1).says("nobody but the workshop itself");
    world.owner_types(&["ledger", "witnessed"], &note.replacen('\u{2014}', "-", 1)).ends(1).says("not-ours");
    let path = PathBuf::from(file(&world, "home/note", &note));
    world.owner_types(&["ledger", "witnessed"], &note).ok();
    std::fs::remove_file(path).unwrap();
    let inside = format!("cat >note <<'END'\n{note}END\norchestrate ledger witnessed note");
    super::refused(&world, "dev-a", &inside, &["not-offered"]);
    let kept =
        world.entries().into_iter().filter(|entry| matches!(entry.event, Event::Workshop(workshop::Event::Witnessed { .. }))).count();
    assert_eq!(kept, 1);
}

/// A witness that answers at a port; it ends with this value.
struct Answering {
    process: Child,
    url: String,
}

impl Answering {
    fn start(cellar: &Cellar<'_>, listen: &str, token: &str) -> Self {
        let log = cellar.world.owner(&["ledger", "key"]).ok().out;
        let mut command = Command::new(env!("CARGO_BIN_EXE_orchestrate"));
        command.args(["witness", "serve", "--listen", listen, "--log", log.trim(), "--token-file", token, "--home", &home(cellar.world)]);
        let mut process = command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let at = line.trim().strip_prefix("listening at ").unwrap_or_else(|| panic!("{line:?}"));
        Self { url: format!("http://{at}"), process }
    }

    fn end(mut self) -> String {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.url.trim_start_matches("http://").to_owned()
    }
}

/// What became of the next look, from a position on: the size that was seen, or why nothing was signed and whether it was refused.
fn looked(world: &World, mark: u64) -> Result<u64, (String, bool)> {
    world.wait_from(mark, "a look of the witness", |entry| match &entry.event {
        Event::Workshop(workshop::Event::Witnessed { note }) => Some(Ok(note.lines().nth(1).unwrap().parse().unwrap())),
        Event::Workshop(workshop::Event::Unwitnessed { why, refused, .. }) => Some(Err((why.clone(), *refused))),
        _ => None,
    })
}

/// Lets the time of a look come; the supervisor sees the clock when its ledger grows.
fn an_hour_later(world: &World, hours: u64) -> Result<u64, (String, bool)> {
    let mark = world.mark();
    world.ahead(hours * 3700);
    world.owner(&["task", "open", "an hour later"]).ok();
    looked(world, mark)
}

#[test]
fn the_supervisor_asks_the_witness_by_itself_and_tells_one_that_is_gone_from_one_that_refuses() {
    let world = World::python().bootstrap();
    let cellar = Cellar::open(&world);
    let token = file(&world, "token", "a-token-of-the-cellar");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let answering = Answering::start(&cellar, "127.0.0.1:0", &token);
    let terms = format!("[witness]\nurl = \"{}\"\nkey = \"{}\"\ntoken_file = \"{token}\"\nminutes = 60\n", answering.url, cellar.key);
    world.rule(&terms);
    let mark = world.mark();
    world.owner(&["config", "adopt", "--alone"]).ok();
    let first = looked(&world, mark).expect("the first look");
    verify(&world, &taken(&world, "asked"), &["--witness", &cellar.key]).ok().says(&format!("saw the first {first} entries"));
    let second = an_hour_later(&world, 1).expect("a look by the clock");
    assert!(second > first);
    // Nobody there: told, and nothing waits for it.
    let at = answering.end();
    let (why, refused) = an_hour_later(&world, 2).unwrap_err();
    assert!(!refused && why.contains("cannot connect"), "{why}");
    world.owner(&["log"]).ok().says("the witness has not signed, 1 times in a row");
    // Another token: it answers, and does not listen.
    std::fs::write(&token, "another").unwrap();
    let strict = Answering::start(&cellar, &at, &token);
    std::fs::write(&token, "a-token-of-the-cellar").unwrap();
    let (why, refused) = an_hour_later(&world, 3).unwrap_err();
    assert!(!refused && why.contains("it answered 401"), "{why}");
    strict.end();
    // It is back, and goes on from what it saw last, which nobody here remembers after a failure.
    let answering = Answering::start(&cellar, &at, &token);
    assert!(an_hour_later(&world, 5).expect("it is back") > second);
    answering.end();
    let answering = a_merge_waits_for_it(&world, &cellar, (&at, &token));
    // The record is written anew, with all of the workshop's keys: the witness refuses, and that is an alarm.
    answering.end();
    world.down().ok();
    let sql = "UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'an hour later', 'an hour sooner') AS BLOB); DELETE FROM note";
    forge(&world.state().join("ledger.db"), sql, true).unwrap();
    world.start().ok();
    let answering = Answering::start(&cellar, &at, &token);
    let (why, refused) = an_hour_later(&world, 17).unwrap_err();
    assert!(refused && why.contains("not-a-beginning"), "{why}");
    answering.end();
}

/// With `trouble = "hold"` a whole merge waits while the witness is gone, also across a crash, and is made once when it is back.
fn a_merge_waits_for_it(world: &World, cellar: &Cellar<'_>, (at, token): (&str, &str)) -> Answering {
    world.instead("minutes = 60\n", "minutes = 60\ntrouble = \"hold\"\n");
    world.owner(&["config", "adopt", "--alone"]).ok();
    let (_, refused) = an_hour_later(world, 8).unwrap_err();
    assert!(!refused);
    let opened = world.entries().iter().filter(|entry| matches!(entry.event, Event::Task(task::Event::Opened { .. }))).count();
    let id = format!("T{}", opened + 1);
    let tip = world.gate(&["rev-parse", "main"]);
    let mark = world.mark();
    approved(world, "dev-a", &id, "a word for readers", "NOTES.md");
    world.wait_from(mark, "the refused merge", |entry| orchestrate::view::line(entry).contains(&format!("{id} passed deploy")).then_some(()));
    crash(world);
    world.start().ok();
    assert_eq!(world.gate(&["rev-parse", "main"]), tip, "nothing moves");
    world.owner(&["status"]).ok().says("the witness has not signed");
    let answering = Answering::start(cellar, at, token);
    an_hour_later(world, 12).expect("it is back");
    world.wait_merged(&id);
    assert_eq!(world.gate(&["rev-list", "--count", &format!("{tip}..main")]), "1");
    answering
}
