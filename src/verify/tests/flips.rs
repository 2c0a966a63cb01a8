//! Every byte of a bundle counts.

use super::super::book::{Book, seal};
use crate::ledger::bundle;
use super::super::problems::Problems;
use super::super::shelf::Shelf;
use super::honest;
use super::world::World;

fn reason(bytes: &[u8]) -> Option<String> {
    let bundle = match bundle::read(bytes) {
        Ok(bundle) => bundle,
        Err(why) => return Some(why),
    };
    let mut out = Vec::new();
    bundle::write(&mut out, bundle.note, bundle.entries.iter().map(|entry| entry.to_vec())).unwrap();
    assert_eq!(out, bytes, "what was read is not what was written");
    seal(&bundle).err()
}

#[test]
fn any_changed_byte_is_noticed() {
    let mut world = World::found(None, None);
    world.entries.truncate(2);
    world.reseal();
    let good = world.bundle();
    assert_eq!(reason(&good), None);
    let mut bytes = good.clone();
    for at in 0..good.len() {
        for wrong in [good[at] ^ 1, good[at] ^ 0x20, good[at].wrapping_add(1), b'\n', b'0', 0, 0xff] {
            if wrong != good[at] {
                bytes[at] = wrong;
                assert!(reason(&bytes).is_some_and(|why| !why.is_empty()), "byte {at} as {wrong}");
            }
        }
        bytes[at] = good[at];
    }
}

#[test]
fn any_cut_or_longer_file_is_noticed() {
    let mut world = World::found(None, None);
    world.entries.truncate(3);
    world.reseal();
    let good = world.bundle();
    for at in 0..good.len() {
        assert!(reason(&good[..at]).is_some(), "cut at {at}");
        let mut shorter = good.clone();
        shorter.remove(at);
        assert!(reason(&shorter).is_some(), "without byte {at}");
    }
    for more in [&b"\n"[..], b"x", b"{}\n"] {
        assert!(reason(&[&good, more].concat()).is_some());
    }
}

#[test]
fn lines_cannot_be_taken_out_put_in_doubled_or_swapped() {
    let good = honest().bundle();
    let lines: Vec<&[u8]> = good.split_inclusive(|byte| *byte == b'\n').collect();
    for at in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(at);
        assert!(reason(&without.concat()).is_some(), "without line {at}");
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        assert!(reason(&doubled.concat()).is_some(), "line {at} twice");
        let mut more = lines.clone();
        more.insert(at, b"{}\n");
        assert!(reason(&more.concat()).is_some(), "a line before {at}");
        if at > 0 && lines[at] != lines[at - 1] {
            let mut swapped = lines.clone();
            swapped.swap(at, at - 1);
            assert!(reason(&swapped.concat()).is_some(), "lines {at} swapped");
        }
    }
}

#[test]
fn hostile_files_are_named_and_never_a_panic() {
    for bytes in [
        &b""[..],
        b"\n",
        b"orchestrate-bundle/v1",
        b"orchestrate-bundle/v1\n",
        b"orchestrate-bundle/v1\n99999999999999999999\n",
        b"orchestrate-bundle/v1\n4\nabc\n",
        b"orchestrate-bundle/v1\n4\nabc\n\n",
        b"orchestrate-bundle/v1\n+4\nabc\n{}\n",
        b"orchestrate-bundle/v1\n0\n{}\n",
        b"orchestrate-bundle/v1\n2\n\xff\n{}\n",
        b"orchestrate-bundle/v1\n4\nabc\n{}\n",
    ] {
        assert!(reason(bytes).is_some());
    }
    let deep = [b"orchestrate-bundle/v1\n4\nabc\n".to_vec(), b"[".repeat(100_000), b"\n".to_vec()].concat();
    let mut problems = Problems::default();
    let bundle = bundle::read(&deep).unwrap();
    assert_eq!(Book::read(&bundle, &Shelf::default(), &mut problems).entries.len(), 0);
    assert!(problems.into_lines()[0].contains("entry 0: it cannot be read"));
}
