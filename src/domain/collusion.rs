//! Who lets whom through, against what chance and care would give: a question with numbers behind it, never a verdict on anybody.
//!
//! Only words at PEER count: there the gate draws out of a pool. Everything is whole numbers, so that every machine comes to the same.

mod chance;

use super::actor::Actor;
use super::entry::Millis;
use super::name::{Digest, SeatName};
use super::review;
use chance::more_often;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Fewer words than this say nothing.
pub const LEAST: usize = 5;
/// From so many words on, a pair can stand out by itself.
pub const ENOUGH: usize = 10;
/// More than this part, in percent, is nearly always.
pub const NEARLY_ALWAYS: usize = 90;
/// A word that came sooner, or that is shorter, took little care.
pub const SWIFT: Millis = 120_000;
pub const SHORT: u64 = 50;
/// A pair that chance would name so often in fewer than so many of a million workshops stands out.
pub const RARE: u64 = 10;
/// What lies further back does not count.
pub const MEMORY: Millis = 30 * 86_400_000;
/// The newest words and draws that are kept.
const MOST: usize = 20_000;
/// The newest draws of a pair that are compared with chance.
const DRAWS: usize = 100;
/// The longest ring that is looked for.
const RING: usize = 4;

/// One reviewer's word on one author's change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    pub author: SeatName,
    pub reviewer: SeatName,
    pub accept: bool,
    /// From the draw to the word.
    pub latency: Millis,
    /// Characters of the note; none where the reviewer had written the same before.
    pub length: u64,
    /// The note's letters and digits, so that it is known again.
    pub note: Digest,
    pub time: Millis,
}

/// One draw for one author's change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    pub author: SeatName,
    pub pool: Vec<SeatName>,
    pub seats: Vec<SeatName>,
    pub time: Millis,
}

/// The words and draws of the last days, as the entries say them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub words: VecDeque<Word>,
    pub lots: VecDeque<Lot>,
}

/// What is known of a reviewer's words on an author's changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    pub author: SeatName,
    pub reviewer: SeatName,
    pub words: usize,
    pub accepted: usize,
    /// The lesser of mean and median, so that one late or long word does not hide the others.
    pub latency: Millis,
    pub length: u64,
    /// How often the reviewer was drawn of the times that the draw could have named it, and how often chance would have, in hundredths.
    pub drawn: usize,
    pub draws: usize,
    pub expected: u64,
    /// In how many of a million workshops chance draws the reviewer so often; nothing where there are too few draws, or it came no more often than chance has it.
    pub rare: Option<u64>,
    pub seen: Seen,
}

/// What a pair's numbers come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    InsufficientData,
    Unremarkable,
    /// Nearly always yes, soon, and in few words.
    Stamped,
    /// Drawn more often than chance draws.
    Overdrawn,
}

/// Seats whose words on each other stand out, and the numbers that say so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The author and its reviewer; or each author, followed by its reviewer, in a ring.
    pub seats: Vec<SeatName>,
    pub why: String,
}

impl Record {
    /// Takes a draw or a word; `drawn` is when the draw was made that a word answers, `author` whose change it is.
    pub fn take(&mut self, by: &Actor, time: Millis, author: &SeatName, drawn: Millis, event: &review::Event) {
        use super::gate::GateName::Peer;
        match event {
            review::Event::Drawn { gate: Peer, pool, seats, .. } => {
                self.lots.push_back(Lot { author: author.clone(), pool: pool.clone(), seats: seats.clone(), time });
            }
            review::Event::Decided { gate: Peer, accept, note, .. } => {
                let Some(reviewer) = by.seat().cloned() else { return };
                let note = self.note(&reviewer, note);
                let latency = time.saturating_sub(drawn);
                self.words.push_back(Word {
                    author: author.clone(),
                    reviewer,
                    accept: *accept,
                    latency,
                    length: note.0,
                    note: note.1,
                    time,
                });
            }
            review::Event::Drawn { .. } | review::Event::Decided { .. } => return,
        }
        self.forget(time);
    }

    /// How long a note is, and by what it is known again: whoever says the same again has said nothing.
    fn note(&self, reviewer: &SeatName, note: &str) -> (u64, Digest) {
        let letters: String = note.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        let digest = Digest::of(letters.as_bytes());
        let said = self.words.iter().any(|word| word.reviewer == *reviewer && word.note == digest);
        (if said { 0 } else { note.trim().chars().count() as u64 }, digest)
    }

    fn forget(&mut self, now: Millis) {
        let old = |time: Option<Millis>, len: usize| len > MOST || time.is_some_and(|time| time + MEMORY < now);
        while old(self.words.front().map(|word| word.time), self.words.len()) {
            self.words.pop_front();
        }
        while old(self.lots.front().map(|lot| lot.time), self.lots.len()) {
            self.lots.pop_front();
        }
    }

    /// Every pair of which there is a word, those that were asked most first.
    pub fn pairs(&self, now: Millis) -> Vec<Pair> {
        let mut words: BTreeMap<(&SeatName, &SeatName), Vec<&Word>> = BTreeMap::new();
        for word in self.words.iter().filter(|word| word.time + MEMORY >= now) {
            words.entry((&word.author, &word.reviewer)).or_default().push(word);
        }
        let mut pairs: Vec<Pair> = words.into_iter().map(|((author, reviewer), words)| self.pair(author, reviewer, &words, now)).collect();
        pairs.sort_by(|a, b| (b.words, &a.author, &a.reviewer).cmp(&(a.words, &b.author, &b.reviewer)));
        pairs
    }

    fn pair(&self, author: &SeatName, reviewer: &SeatName, words: &[&Word], now: Millis) -> Pair {
        let (drawn, odds) = self.odds(author, reviewer, now);
        let expected = odds.iter().map(|(seats, pool)| 100 * seats / pool).sum();
        let mut pair = Pair {
            author: author.clone(),
            reviewer: reviewer.clone(),
            words: words.len(),
            accepted: words.iter().filter(|word| word.accept).count(),
            latency: typical(words.iter().map(|word| word.latency)),
            length: typical(words.iter().map(|word| word.length)),
            drawn,
            draws: odds.len(),
            expected,
            rare: (odds.len() >= LEAST && 100 * drawn as u64 > expected).then(|| more_often(&odds, drawn)),
            seen: Seen::InsufficientData,
        };
        pair.seen = pair.judge();
        pair
    }

    /// How often the reviewer was drawn for the author, and for each draw that could have named it: how many seats, of how many.
    fn odds(&self, author: &SeatName, reviewer: &SeatName, now: Millis) -> (usize, Vec<(u64, u64)>) {
        let able = |lot: &&Lot| lot.author == *author && lot.time + MEMORY >= now && lot.pool.contains(reviewer);
        let lots: Vec<&Lot> = self.lots.iter().rev().filter(able).take(DRAWS).collect();
        let drawn = lots.iter().filter(|lot| lot.seats.contains(reviewer)).count();
        let among = |lot: &&Lot| lot.seats.iter().filter(|seat| lot.pool.contains(seat)).count() as u64;
        (drawn, lots.iter().map(|lot| (among(lot), lot.pool.len() as u64)).collect())
    }

    /// What stands out now: pairs first, then rings.
    pub fn findings(&self, now: Millis) -> Vec<Finding> {
        let pairs = self.pairs(now);
        let alone = pairs.iter().filter_map(|pair| {
            let why = pair.why()?;
            Some(Finding { seats: vec![pair.author.clone(), pair.reviewer.clone()], why })
        });
        alone.chain(rings(&pairs)).collect()
    }

    /// Whose word on this author's change is not enough by itself, each with the reason.
    pub fn watched(&self, author: &SeatName, now: Millis) -> BTreeMap<SeatName, String> {
        let mut watched = BTreeMap::new();
        for finding in self.findings(now).iter().filter(|finding| finding.concerns(author)) {
            for seat in finding.seats.iter().filter(|seat| *seat != author) {
                watched.entry(seat.clone()).or_insert_with(|| finding.why.clone());
            }
        }
        watched
    }
}

impl Pair {
    fn judge(&self) -> Seen {
        match () {
            () if self.words < LEAST && self.draws < LEAST => Seen::InsufficientData,
            () if self.words >= ENOUGH && self.careless() => Seen::Stamped,
            () if self.rare.is_some_and(|rare| rare < RARE) => Seen::Overdrawn,
            () if self.words < LEAST => Seen::InsufficientData,
            () => Seen::Unremarkable,
        }
    }

    fn careless(&self) -> bool {
        self.accepted * 100 > self.words * NEARLY_ALWAYS && self.latency < SWIFT && self.length < SHORT
    }

    fn why(&self) -> Option<String> {
        let (reviewer, author) = (&self.reviewer, &self.author);
        match self.seen {
            Seen::Stamped => Some(format!("{reviewer} {}", self.words_on(author))),
            Seen::Overdrawn => {
                let (drawn, draws) = (self.drawn, self.draws);
                let (whole, part, rare) = (self.expected / 100, self.expected % 100, self.rare.unwrap_or(0));
                let rare = if rare <= 1 { "at most once".to_owned() } else { format!("{rare} times") };
                Some(format!(
                    "{reviewer} was drawn {drawn} of {draws} times for {author}, where chance draws {whole}.{part:02} of them: {rare} in a million"
                ))
            }
            Seen::InsufficientData | Seen::Unremarkable => None,
        }
    }

    fn words_on(&self, author: &SeatName) -> String {
        let Self { accepted, words, latency, length, .. } = self;
        format!("accepted {accepted} of {words} changes of {author}, typically after {} s and in {length} characters", latency / 1000)
    }
}

impl Finding {
    /// Whether the seat's own changes are among what stands out: a pair is about its author, a ring about all.
    fn concerns(&self, author: &SeatName) -> bool {
        if self.seats.len() == 2 { self.seats.first() == Some(author) } else { self.seats.contains(author) }
    }
}

/// Circles in which each lets the next one through without care: few words each, enough of them together.
fn rings(pairs: &[Pair]) -> Vec<Finding> {
    let mut edges: BTreeMap<&SeatName, Vec<&Pair>> = BTreeMap::new();
    for pair in pairs.iter().filter(|pair| pair.words >= LEAST && pair.careless()) {
        edges.entry(&pair.author).or_default().push(pair);
    }
    let mut found: BTreeMap<BTreeSet<&SeatName>, Finding> = BTreeMap::new();
    for start in edges.keys() {
        follow(start, &edges, &mut Vec::new(), &mut found);
    }
    found.into_values().collect()
}

/// Goes on from the last reviewer to whoever reviews it, until the first author comes again; each ring is found from its first name.
fn follow<'a>(
    start: &'a SeatName,
    edges: &BTreeMap<&'a SeatName, Vec<&'a Pair>>,
    path: &mut Vec<&'a Pair>,
    found: &mut BTreeMap<BTreeSet<&'a SeatName>, Finding>,
) {
    let at = path.last().map_or(start, |pair| &pair.reviewer);
    for pair in edges.get(at).into_iter().flatten() {
        let closes = pair.reviewer == *start;
        let seen = path.iter().any(|other| other.author == pair.reviewer);
        path.push(pair);
        if closes && path.iter().map(|pair| pair.words).sum::<usize>() >= ENOUGH {
            let seats: BTreeSet<&SeatName> = path.iter().map(|pair| &pair.author).collect();
            found.entry(seats).or_insert_with(|| ring(path));
        } else if !closes && !seen && pair.reviewer > *start && path.len() < RING {
            follow(start, edges, path, found);
        }
        path.pop();
    }
}

fn ring(path: &[&Pair]) -> Finding {
    let words: Vec<String> = path.iter().map(|pair| format!("{} {}", pair.reviewer, pair.words_on(&pair.author))).collect();
    let seats: Vec<SeatName> = path.iter().flat_map(|pair| [pair.author.clone(), pair.reviewer.clone()]).collect();
    Finding { seats, why: format!("a ring of {}: {}", path.len(), words.join("; ")) }
}

/// The lesser of mean and (lower) median.
fn typical(numbers: impl Iterator<Item = u64>) -> u64 {
    let mut sorted: Vec<u64> = numbers.collect();
    sorted.sort_unstable();
    let median = sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0);
    let sum: u128 = sorted.iter().map(|number| u128::from(*number)).sum();
    let mean = sum.checked_div(sorted.len() as u128).and_then(|mean| u64::try_from(mean).ok()).unwrap_or(0);
    median.min(mean)
}

#[cfg(test)]
mod tests;
