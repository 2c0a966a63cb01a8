//! The security report from a living workshop: its terms, its checkpoint, and what contradicts it later.

use crate::world::World;
use orchestrate::domain::entry::Entry;
use orchestrate::ledger::chain::{leaf_hash, root_of};
use orchestrate::ledger::checkpoint::{VerifierKey, open_checkpoint};

fn report(world: &World, more: &[&str]) -> serde_json::Value {
    let args: Vec<&str> = ["report", "daily", "--format", "json"].iter().chain(more).copied().collect();
    serde_json::from_str(&world.owner(&args).ok().out).unwrap()
}

/// The signed checkpoint of a report fits exactly the entries that it was computed from, as anyone can work out.
fn fits(world: &World, report: &serde_json::Value, entries: &[Entry]) {
    let state = world.fold();
    let genesis = state.genesis.as_ref().unwrap();
    let key = VerifierKey::parse(&genesis.note_key).unwrap();
    let checkpoint = open_checkpoint(report["checkpoint"].as_str().unwrap(), &genesis.workshop, &[key]).unwrap();
    assert_eq!(Some(checkpoint.size), report["size"].as_u64());
    let leaves: Vec<_> = entries.iter().take(checkpoint.size as usize).map(|entry| leaf_hash(&entry.bytes())).collect();
    assert_eq!(checkpoint.root, root_of(&leaves));
}

#[test]
fn a_day_is_reported_on_and_stays_what_it_was() {
    let world = World::python().bootstrap();
    world.seat("dev-a").run("git commit -q --allow-empty -m x; git push origin HEAD:main");
    world.ahead(86_400);
    world.owner(&["task", "open", "the day after"]).ok();
    let first = world.entries()[0].time;
    let day = orchestrate::domain::day::Zone::named("UTC").unwrap().date(first).to_string();
    let before = report(&world, &["--date", &day]);
    assert_eq!((before["events"]["refused"].as_u64(), before["over"].as_bool()), (Some(1), Some(true)), "{before}");
    assert_eq!(before["events"]["refusals"][0]["code"], "protected-branch");
    let entries = world.entries();
    assert!(before["size"].as_u64().unwrap() < entries.len() as u64, "the day after is no part of it");
    fits(&world, &before, &entries);

    world.owner(&["task", "open", "another"]).ok();
    assert_eq!(report(&world, &["--date", &day]), before, "the same entries, the same report");
    let page = world.owner(&["report", "daily", "--date", &day]).ok().says("DAILY SECURITY REPORT").says("No locks were taken.");
    assert!(page.out.contains(before["checkpoint"].as_str().unwrap()), "{page}");
    assert_eq!(world.owner(&["report", "daily", "--date", &day]).ok().out, page.out);

    let today = report(&world, &[]);
    assert_eq!(today["over"].as_bool(), Some(false));
    fits(&world, &today, &world.entries());
    world.owner(&["task", "open", "one more"]).ok();
    let later = report(&world, &[]);
    assert_eq!(
        later["count"].as_u64(),
        today["count"].as_u64().map(|count| count + 2),
        "a task and its mail, read on from where the last report stood"
    );
    fits(&world, &later, &world.entries());

    world.owner(&["report", "weekly"]).ok().says("WEEKLY SECURITY REPORT").says("protected-branch");
    world.owner(&["report", "task", "T1"]).ok().says("TASK SECURITY REPORT").says("T1 opened: the day after");
    world.owner(&["report", "daily", "--format", "html"]).ok().says("<!doctype html>").says("prefers-color-scheme");
    for (args, code) in [
        (vec!["daily", "--date", "2001-01-01"], "before-genesis"),
        (vec!["daily", "--date", "2190-01-01"], "in-the-future"),
        (vec!["daily", "--date", "2026-02-30"], "no-such-day"),
        (vec!["weekly", "--date", "yesterday"], "no-such-day"),
        (vec!["daily", "--zone", "Mars/Olympus"], "no-such-zone"),
        (vec!["task", "T99"], "no-such-task"),
    ] {
        let args: Vec<&str> = std::iter::once("report").chain(args).collect();
        world.owner(&args).ends(1).says(code);
    }
    world.seat("dev-a").run("orchestrate report daily").ends(1).says("not-offered");
}

/// The first entry of the file is not what it was: no report is made of it, and the one that was kept contradicts it.
#[test]
fn a_ledger_that_was_altered_gives_no_report_and_contradicts_the_one_that_was_kept() {
    let world = World::python().bootstrap();
    let kept = |name: &str| {
        let path = world.path(name);
        std::fs::write(&path, world.owner(&["report", "daily"]).ok().out).unwrap();
        path.display().to_string()
    };
    let first = kept("first.txt");
    world.owner(&["task", "open", "something"]).ok();
    let second = kept("second.txt");
    world.owner(&["ledger", "since", &first]).ok().says("begins with just those");
    world.owner(&["ledger", "since", &first, &second]).ok().says("begins with just those");
    world.owner(&["ledger", "since", &second, &first]).ends(1).says("not-a-beginning");
    let change = "UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'demo-', 'omed-') AS BLOB) WHERE seq = 0";
    orchestrate::ledger::sqlite::forge(&world.state().join("ledger.db"), change, true).unwrap();
    world.owner(&["report", "weekly"]).ends(10).says("not those that were written");
    world.owner(&["ledger", "since", &first]).ends(1).says("are not those that the earlier checkpoint was signed over");
}
