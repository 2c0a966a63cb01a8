//! Bodies of old messages that are put away: gone from the ledger's file, every hash as it was, and back again from the archive.

use crate::world::World;
use orchestrate::domain::event::Event;
use orchestrate::domain::{message, workshop};
use orchestrate::ledger::archive::is_encrypted;
use orchestrate::ledger::husk::husk_of;
use orchestrate::ledger::sqlite::forge;

const WORDS: &str = "the-words-that-are-to-go";

fn file(world: &World, name: &str) -> String {
    world.path(name).display().to_string()
}

/// Whether the words still stand anywhere in the ledger's file or its log, as text or as base64 of any offset.
fn words_are_there(world: &World) -> bool {
    let read = |name: &str| std::fs::read(world.state().join(name)).unwrap_or_default();
    let stored = [read("ledger.db"), read("ledger.db-wal")].concat();
    // "-words-that-are-to-go" at each of the three offsets that base64 can give it.
    let spelled = ["LXdvcmRzLXRoYXQt", "13b3Jkcy10aGF0LWFyZS10by", "td29yZHMtdGhhdC1hcmUt"];
    let holds = |words: &str| stored.windows(words.len()).any(|window| window == words.as_bytes());
    holds(WORDS) || spelled.iter().any(|words| holds(words))
}

#[test]
fn bodies_go_into_an_archive_and_come_back_and_every_hash_stays() {
    let world = World::python();
    world.rule("[retention]\nkeep_days = 1\n");
    let world = world.bootstrap();
    let send = |to: &str, subject: &str| world.owner(&["mail", "send", to, "--subject", subject, "--body", WORDS]).ok();
    (0..3).for_each(|number| drop(send("librarian", &format!("old {number}"))));
    let acknowledge = "for id in $(orchestrate --json mail inbox | grep -o '\"id\":\"[0-9a-f]*' | cut -d'\"' -f4); do orchestrate mail ack $id; done";
    world.seat("librarian").run(acknowledge).ok();
    send("dev-a", "waits");
    let (until, archive) = (world.mark().to_string(), file(&world, "mail.archive"));
    let seal = |before: &str, archive: &str| world.owner(&["ledger", "seal", "--before", before, archive]);
    // The floor of the policy holds, whoever asks.
    seal(&until, &archive).ends(1).says("too-young");
    seal("2031-01-01", &archive).ends(1).says("too-young");
    seal("yesterday", &archive).ends(1).says("no-such-day");
    seal("1", &archive).ends(1).says("too-young");
    world.instead("keep_days = 1", "keep_days = 0");
    world.owner(&["config", "adopt", "--alone"]).ok();
    let (before, root) = (world.entries(), world.fold());
    assert!(words_are_there(&world));
    seal(&until, &archive).ok().says("the bodies of 3 messages");
    seal(&until, &archive).ends(10).says("is there already");
    seal(&until, &file(&world, "more")).ends(1).says("nothing-to-seal");
    // What is in it is the owner's alone.
    let sealed = std::fs::read(&archive).unwrap();
    assert!(is_encrypted(&sealed) && !sealed.windows(5).any(|some| some == b"owner" || some == b"paylo"));
    let plain = file(&world, "mail.plain");
    world.owner(&["ledger", "unseal", &archive, "--plain", &plain]).ok();
    world.owner(&["ledger", "unseal", &archive, "--plain", &plain]).ends(10);
    assert!(std::fs::read_to_string(&plain).unwrap().starts_with("orchestrate-archive/v1\n"));
    // Gone are three bodies and nothing else; the one that waits stays, and so does every leaf.
    let after = world.entries();
    let husks = after.iter().filter(|entry| matches!(entry.event, Event::Message(message::Event::Sealed { .. }))).count();
    assert_eq!(husks, 3);
    for (was, is) in before.iter().zip(&after).filter(|(was, is)| was != is) {
        assert_eq!(husk_of(&was.bytes()), Some(is.bytes()));
    }
    world.owner(&["ledger", "verify"]).ok().says("the bodies of 3 messages are put away");
    let seq = after.iter().find(|entry| matches!(entry.event, Event::Message(message::Event::Sealed { .. }))).unwrap().seq;
    world.owner(&["ledger", "prove", &seq.to_string()]).ends(1).says("put-away");
    world.owner(&["log"]).ok().says("its body is put away");
    judge(&world, &archive, &plain);
    // The fold of what stays is the fold of what was, and a start makes nothing of it.
    let (mut then, mut now) = (root, world.fold());
    (then.len, then.now, then.started, now.len, now.now, now.started) = (0, 0, 0, 0, 0, 0);
    assert_eq!(then.post, now.post);
    world.down().ok();
    world.start().ok();
    world.owner(&["ledger", "verify"]).ok();
    hostile(&world, &plain);
    // A plain one, as they were once written; then one that is encrypted.
    world.owner(&["ledger", "unseal", &plain]).ok().says("3 bodies are back");
    killed_between(&world, &until);
    let again = file(&world, "again.archive");
    seal(&until, &again).ok().says("the bodies of 3 messages");
    world.owner(&["ledger", "unseal", &again]).ok().says("3 bodies are back");
    world.owner(&["ledger", "unseal", &archive]).ok().says("nothing to bring back");
    assert!(before.iter().zip(world.entries()).all(|(was, is)| *was == is));
    world.owner(&["ledger", "verify"]).ok();
}

/// The supervisor dies once the archive is there and before the ledger can name it: no body has gone, and the next call goes on.
fn killed_between(world: &World, until: &str) {
    let (path, before) = (file(world, "orphan.archive"), world.entries());
    let held = rusqlite::Connection::open(world.state().join("ledger.db")).unwrap();
    held.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let sealing = scope.spawn(|| world.owner(&["ledger", "seal", "--before", until, &path]));
        // Nothing can be appended: it stands between the two.
        while std::fs::metadata(&path).is_err() && !sealing.is_finished() {
            std::thread::yield_now();
        }
        super::crash::crash(world);
        assert_ne!(sealing.join().unwrap().code, 0);
    });
    held.execute_batch("ROLLBACK").unwrap();
    drop(held);
    world.start().ok();
    assert!(world.entries().starts_with(&before), "every body is there");
    world.owner(&["ledger", "verify"]).ok();
    world.owner(&["ledger", "unseal", &path]).ok().says("nothing to bring back");
    world.owner(&["ledger", "seal", "--before", until, &path]).ends(10).says("is there already");
}

/// The offline judge, with the archive and without.
fn judge(world: &World, archive: &str, plain: &str) {
    let (bundle, clone, gate) = (file(world, "b"), file(world, "c"), world.state().join("gate.git"));
    world.owner(&["bundle", &bundle]).ok();
    world.command("git", &["clone", "-q", gate.to_str().unwrap(), &clone], "").ok();
    let verify = |more: &[&str]| world.orchestrate(&[&["verify", &clone, "--bundle", &bundle], more].concat());
    verify(&[]).ok().says("were NOT judged").says("but for 3 messages that nobody could judge");
    verify(&["--archive", archive]).ends(1).says("the archive is encrypted");
    let whole = verify(&["--archive", plain]).ok().says("the history holds");
    assert!(!whole.out.contains("put away"), "{}", whole.out);
}

/// Archives that are not the ledger's own, a seat that asks, and a husk that was changed in the file.
fn hostile(world: &World, archive: &str) {
    let text = std::fs::read_to_string(archive).unwrap();
    for (name, forged) in [("changed", text.replacen("owner", "dev-a", 1)), ("short", text[..text.len() - 1].to_owned()), ("none", String::new())] {
        let path = file(world, name);
        std::fs::write(&path, forged).unwrap();
        world.owner(&["ledger", "unseal", &path]).ends(1).says("other-archive");
    }
    super::refused(world, "dev-a", "orchestrate ledger seal --before 3 x.archive", &["not-offered"]);
    super::refused(world, "dev-a", "orchestrate ledger unseal x.archive", &["not-offered"]);
    let archived = |entry: &&orchestrate::domain::entry::Entry| matches!(entry.event, Event::Workshop(workshop::Event::Archived { .. }));
    assert_eq!(world.entries().iter().filter(archived).count(), 1);
    // On a copy: what stands in the place of a body says something else.
    let copy = world.path("copy");
    std::fs::create_dir(&copy).unwrap();
    orchestrate::ledger::sqlite::SqliteLedger::copy(&world.state().join("ledger.db"), &copy.join("ledger.db")).unwrap();
    let sql = "UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'old 1', 'new 1') AS BLOB) WHERE CAST(body AS TEXT) LIKE '%sealed%old 1%'";
    forge(&copy.join("ledger.db"), sql, false).unwrap();
    let ledger = orchestrate::ledger::sqlite::SqliteLedger::open_read_only(&copy.join("ledger.db")).unwrap();
    let damage = orchestrate::ledger::Ledger::check(&ledger).unwrap_err().to_string();
    assert!(damage.contains("no entry vouches for what stands in its place"), "{damage}");
    assert!(orchestrate::supervisor::drive::fold(&ledger).is_err(), "no supervisor starts on it");
}
