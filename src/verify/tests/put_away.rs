//! Bodies that were put away: what can still be judged is judged, what cannot is said, and a husk that says something else is found.

use super::super::{Pins, Report, run_pinned};
use super::world::World;
use super::{history, honest};
use crate::domain::actor::Actor;
use crate::domain::archive;
use crate::domain::entry::Entry;
use crate::domain::event::Event;
use crate::domain::message;
use crate::domain::name::Digest;
use crate::domain::workshop;
use crate::ledger::archive as file;
use crate::ledger::husk::husk_of;

/// Puts the bodies of all messages away; gives the archive. `vouch` may forge what vouches for the husks.
fn put_away(world: &mut World, name: &str, vouch: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let messages: Vec<(usize, Vec<u8>, Vec<u8>)> = (0..world.entries.len())
        .filter_map(|seq| husk_of(&world.entries[seq]).map(|husk| (seq, world.entries[seq].clone(), husk)))
        .collect();
    let mut archived = Vec::new();
    file::begin(&mut archived, name).unwrap();
    messages.iter().for_each(|(_, whole, _)| file::add(&mut archived, whole).unwrap());
    let mut husks: Vec<Vec<u8>> = messages.iter().map(|(_, _, husk)| husk.clone()).collect();
    vouch(&mut husks);
    let entries = messages.iter().map(|(seq, ..)| *seq as u64).collect();
    let digest = archive::digest(husks.iter().map(Vec::as_slice));
    let event = workshop::Event::Archived { entries, husks: digest, archive: Digest::of(&archived) };
    world.put(Actor::Owner, Event::Workshop(event));
    messages.into_iter().for_each(|(seq, _, husk)| world.entries[seq] = husk);
    archived
}

fn judged(world: &World, archives: &[&[u8]]) -> Report {
    let archives = archives.iter().map(|bytes| bytes.to_vec()).collect();
    run_pinned(world.dir.path(), &world.save(), &Pins { archives, ..Pins::default() }).unwrap()
}

#[test]
fn what_was_put_away_is_said_and_with_the_archive_everything_is_judged() {
    let mut world = honest();
    let archive = put_away(&mut world, super::world::WORKSHOP, |_| ());
    let without = judged(&world, &[]);
    assert_eq!(without.problems, Vec::<String>::new());
    assert!(without.ok && without.sealed > 0 && without.commits.len() == 2, "{without:?}");
    assert!(without.lines.iter().any(|line| line.contains("were NOT judged")), "{:?}", without.lines);
    let with = judged(&world, &[&archive]);
    assert_eq!((with.problems, with.sealed), (vec![], 0));
    assert!(!with.lines.iter().any(|line| line.contains("put away")), "{:?}", with.lines);
}

#[test]
fn a_forged_signature_under_a_body_that_was_put_away_shows_when_the_archive_comes_back() {
    let mut world = World::found(None, None);
    world.on_entry = Some(|world, draft| {
        if let Event::Message(message::Event::Sent { .. }) = &draft.event
            && world.len() > 60
        {
            draft.signer = Some("qa-a".parse().unwrap());
        }
    });
    let mut world = history(world, |_, _| ());
    let archive = put_away(&mut world, super::world::WORKSHOP, |_| ());
    assert!(judged(&world, &[]).ok, "nobody can see it without the words");
    assert!(judged(&world, &[&archive]).problems.iter().any(|problem| problem.contains("has to be signed by")));
}

#[test]
fn a_husk_that_nobody_vouches_for_as_it_is_is_named() {
    let mut world = honest();
    let archive = put_away(&mut world, super::world::WORKSHOP, |_| ());
    let seq = (0..world.entries.len()).find(|seq| crate::ledger::husk::is_husk(&world.entries[*seq])).unwrap();
    let mut entry = Entry::parse(&world.entries[seq]).unwrap();
    let Event::Message(message::Event::Sealed { letter, .. }) = &mut entry.event else { panic!("no husk") };
    letter.subject = "another".to_owned();
    world.entries[seq] = entry.bytes();
    let found = judged(&world, &[]).problems;
    assert!(found.iter().any(|problem| problem.starts_with(&format!("entry {seq}: its body is gone, and no entry vouches"))), "{found:?}");
    let found = judged(&world, &[&archive]).problems;
    assert!(found.iter().any(|problem| problem.contains("is not what the archive has of it")), "{found:?}");
}

#[test]
fn what_vouches_for_other_husks_vouches_for_none() {
    let mut world = honest();
    put_away(&mut world, super::world::WORKSHOP, |husks| husks.swap(0, 1));
    assert!(judged(&world, &[]).problems.iter().any(|problem| problem.contains("no entry vouches")));
}

#[test]
fn hostile_archives_are_refused_by_name() {
    let mut world = honest();
    let archive = put_away(&mut world, super::world::WORKSHOP, |_| ());
    let text = String::from_utf8(archive.clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let cut = [&archive[..archive.len() - 1]].concat();
    let doubled = format!("{text}{}\n", lines[2]);
    let foreign = text.replacen(super::world::WORKSHOP, "other-0000", 1);
    let changed = text.replacen("\"time\":1", "\"time\":2", 1);
    for (bytes, why) in [
        (b"nonsense".as_slice(), "does not begin with orchestrate-archive/v1"),
        (&cut, "does not end in a newline"),
        (doubled.as_bytes(), "is no entry that follows the one before it"),
        (foreign.as_bytes(), "is of the workshop"),
        (changed.as_bytes(), "not in this ledger"),
        (b"orchestrate-archive/v1\n\n", "does not say of which workshop it is"),
    ] {
        let found = judged(&world, &[bytes]).problems;
        assert!(found.iter().any(|problem| problem.contains(why)), "{why}: {found:?}");
    }
}
