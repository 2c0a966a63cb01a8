//! Random histories of many seats, judged by a reader that knows only what was said and done: sets of plain paths, no patterns, no
//! queue, none of the code under test.

use super::Shop;
use crate::domain::actor::Actor;
use crate::domain::command::Act as Asked;
use crate::domain::entry::Millis;
use crate::domain::message::Priority;
use std::collections::{BTreeMap, BTreeSet};

const SEATS: [&str; 6] = ["dev-a", "dev-b", "qa-a", "qa-b", "docs", "planner-a"];
/// Every path there is, and for each pattern the paths that it stands for.
const PATHS: [&str; 7] = ["src/a.rs", "src/b.rs", "src/c.md", "src/deep/a.rs", "docs/a.md", "docs/b.md", "readme.md"];
const PATTERNS: [(&str, &[usize]); 10] = [
    ("src/", &[0, 1, 2, 3]),
    ("src/*.rs", &[0, 1]),
    ("src/**/a.rs", &[0, 3]),
    ("SRC/b.rs", &[1]),
    ("src/deep/", &[3]),
    ("docs/", &[4, 5]),
    ("docs/?.md", &[4, 5]),
    ("docs/b*", &[5]),
    ("readme.md", &[6]),
    ("src/c.*", &[2]),
];
const LEASE: Millis = 300_000;
const PRIORITIES: [Priority; 5] = [Priority::Normal, Priority::Normal, Priority::Low, Priority::High, Priority::Critical];

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).unwrap()
    }
}

type Paths = BTreeSet<usize>;

#[derive(Debug, Clone)]
struct Held {
    seat: usize,
    paths: Paths,
    until: Millis,
}

/// What can be said from outside about who holds what.
#[derive(Default)]
struct Reader {
    held: BTreeMap<u64, Held>,
    /// For each seat and path: its newest token, and whether it was given back.
    newest: BTreeMap<(usize, usize), (u64, bool)>,
    last: u64,
}

impl Reader {
    fn granted(&mut self, token: u64, by: usize, paths: Paths, now: Millis) {
        assert!(token > self.last, "token {token} after {}", self.last);
        self.last = token;
        for (other, held) in &self.held {
            let shared = held.seat != by && held.until > now && !held.paths.is_disjoint(&paths);
            assert!(!shared, "token {token} of {} while {} holds token {other}", SEATS[by], SEATS[held.seat]);
        }
        for path in &paths {
            self.newest.insert((by, *path), (token, false));
            // Whoever had it before has lost it, lapsed or not.
            self.held.values_mut().filter(|held| held.seat != by).for_each(|held| held.paths.retain(|kept| kept != path));
        }
        self.held.insert(token, Held { seat: by, paths, until: now + LEASE });
    }

    /// What the gate has to say to a push of one path.
    fn verdict(&self, by: usize, path: usize, now: Millis) -> &'static str {
        let mine = self.newest.get(&(by, path));
        let held = self.held.values().any(|held| held.seat == by && held.paths.contains(&path));
        let newer = |token: u64| self.newest.iter().any(|((seat, at), (other, _))| *seat != by && *at == path && *other > token);
        match mine {
            Some((token, false)) if !held && newer(*token) => "lock-stale",
            _ if self.held.values().any(|held| held.seat != by && held.until > now && held.paths.contains(&path)) => "lock-held",
            _ => "",
        }
    }
}

fn set(patterns: &[usize]) -> Paths {
    patterns.iter().flat_map(|pattern| PATTERNS[*pattern].1.iter().copied()).collect()
}

fn live(seed: u64) -> [u64; 4] {
    let (mut chance, mut shop, mut reader) = (Chance(seed), Shop::new(|_| ()), Reader::default());
    let mut seen = [0; 4];
    for _ in 0..120 {
        let by = chance.below(SEATS.len());
        match chance.below(100) / 10 {
            _ if chance.below(60) == 0 => shop.freeze_and_thaw(),
            0..4 => {
                let wanted: Vec<usize> = (0..=chance.below(2)).map(|_| chance.below(PATTERNS.len())).collect();
                let texts: Vec<&str> = wanted.iter().map(|pattern| PATTERNS[*pattern].0).collect();
                let (priority, wait) = (PRIORITIES[chance.below(5)], (chance.below(3) == 0).then_some(600));
                seen[0] += u64::from(shop.lock(SEATS[by], &texts, priority, wait).is_ok());
            }
            4 => seen[1] += u64::from(shop.give(SEATS[by], &[]).is_ok()),
            5..8 => {
                let path = chance.below(PATHS.len());
                let (expected, now) = (reader.verdict(by, path, shop.now), shop.now);
                let said = shop.push(SEATS[by], &[PATHS[path]]).err().unwrap_or_default();
                assert_eq!(said, expected, "seed {seed}: {} pushes {} at {now}", SEATS[by], PATHS[path]);
                seen[if said == "lock-stale" { 3 } else { 2 }] += 1;
            }
            8 => drop(shop.after(1000 * chance.below(200) as Millis)),
            _ => drop(shop.later(1000 * chance.below(200) as Millis)),
        }
        follow(&shop, &mut reader);
    }
    seen
}

/// Reads what was granted, kept and given back since; nothing else of the state is looked at.
fn follow(shop: &Shop, reader: &mut Reader) {
    let name = |held: &crate::domain::name::SeatName| SEATS.iter().position(|name| *name == held.as_str()).unwrap();
    let meant = |paths: &[crate::domain::glob::Glob]| {
        let patterns: Vec<usize> =
            (0..PATTERNS.len()).filter(|at| paths.contains(&super::path::spelled(PATTERNS[*at].0).unwrap())).collect();
        set(&patterns)
    };
    let given: Vec<_> = shop.state.locks.ended.iter().filter(|ended| !ended.lost).collect();
    for ended in given {
        let by = name(&ended.seat);
        for path in meant(&ended.paths) {
            if let Some(newest) = reader.newest.get_mut(&(by, path)).filter(|newest| newest.0 == ended.token) {
                newest.1 = true;
            }
        }
        reader.held.remove(&ended.token);
    }
    for (token, lease) in &shop.state.locks.leases {
        if *token > reader.last {
            reader.granted(*token, name(&lease.seat), meant(&lease.paths), lease.since);
        }
        if let Some(held) = reader.held.get_mut(token) {
            held.until = lease.until;
            assert!(lease.until <= lease.used + LEASE && lease.used <= shop.now, "a lease longer than its term");
        }
    }
    reader.held.retain(|token, _| shop.state.locks.leases.contains_key(token));
    nobody_waits_for_nothing(shop);
}

/// After the supervisor looked, whoever still waits has somebody before it.
fn nobody_waits_for_nothing(shop: &Shop) {
    let mut looked = Shop { state: shop.state.clone(), now: shop.now, pushes: 0 };
    looked.ask(&Actor::Edge, Asked::Tick).unwrap();
    for (seq, wish) in looked.state.locks.line() {
        let before = looked.state.locks.before(&wish.seat, &wish.paths, (seq, wish.priority), looked.now);
        assert!(!before.is_empty(), "{} waits for nothing", wish.seat);
    }
}

#[test]
fn no_history_has_two_holders_or_lets_a_late_push_in() {
    let mut all = [0; 4];
    for seed in 0..400 {
        let seen = live(seed);
        all.iter_mut().zip(seen).for_each(|(all, seen)| *all += seen);
    }
    assert!(all.iter().all(|count| *count > 100), "too little happened: {all:?}");
}

/// A reader that finds nothing wrong with anything is no reader.
#[test]
fn the_reader_sees_a_breach() {
    let two = || {
        let mut reader = Reader::default();
        reader.granted(1, 0, set(&[0]), 0);
        reader
    };
    assert!(std::panic::catch_unwind(|| two().granted(2, 1, set(&[3]), LEASE - 1)).is_err());
    assert!(std::panic::catch_unwind(|| two().granted(1, 0, set(&[8]), 0)).is_err());
    let mut reader = two();
    assert_eq!((reader.verdict(1, 0, 0), reader.verdict(0, 0, 0), reader.verdict(1, 6, 0)), ("lock-held", "", ""));
    reader.granted(2, 1, set(&[1]), LEASE);
    assert_eq!((reader.verdict(0, 0, LEASE), reader.verdict(0, 3, LEASE)), ("lock-stale", ""));
}
