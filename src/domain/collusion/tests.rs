use super::super::dsse::Envelope;
use super::super::gate::GateName;
use super::super::name::TaskId;
use super::super::sample::{seat, seats};
use super::*;

mod corpus;

/// A record that is written change by change.
#[derive(Default)]
pub(super) struct Log {
    pub record: Record,
    pub now: Millis,
    number: u32,
}

impl Log {
    /// One change of the author's, twenty minutes after the last: drawn out of the pool, and judged by some of the drawn.
    pub fn change(&mut self, author: &str, pool: &[&str], drawn: &[&str], words: &[(&str, bool, Millis, &str)]) {
        self.now += 20 * 60_000;
        self.number += 1;
        let (author, task) = (seat(author), TaskId::new("T1").unwrap());
        let (pool, seats, draw) = (seats(pool), seats(drawn), Digest::of(b"draw"));
        let event = review::Event::Drawn { task: task.clone(), attempt: 1, gate: GateName::Peer, pool, seats, draw, extra: None };
        self.record.take(&Actor::Edge, self.now, &author, self.now, &event);
        for (reviewer, accept, latency, note) in words {
            let statement = Envelope { payload_type: String::new(), payload: String::new(), signatures: Vec::new() };
            let (task, note) = (task.clone(), (*note).to_owned());
            let event = review::Event::Decided { task, attempt: 1, gate: GateName::Peer, accept: *accept, note, reading: Default::default(), bundle: 0, statement };
            self.record.take(&Actor::Seat(seat(reviewer)), self.now + latency, &author, self.now, &event);
        }
    }

    /// Words of one reviewer, each of them the only one drawn out of two: never rare enough to stand out by itself.
    pub fn words(&mut self, author: &str, reviewer: &str, yes: usize, no: usize, latency: Millis, length: usize) -> &mut Self {
        for at in 0..yes + no {
            let note = format!("{:x<length$}", format!("{author}{reviewer}{}", self.number));
            self.change(author, &[reviewer, "other"], &[reviewer, "other"], &[(reviewer, at < yes, latency, &note)]);
        }
        self
    }

    fn seen(&self, author: &str, reviewer: &str) -> Seen {
        let (author, reviewer) = (seat(author), seat(reviewer));
        self.record.pairs(self.now).iter().find(|pair| pair.author == author && pair.reviewer == reviewer).unwrap().seen
    }
}

fn one(yes: usize, no: usize, latency: Millis, length: usize) -> Seen {
    let mut log = Log::default();
    log.words("a", "b", yes, no, latency, length).seen("a", "b")
}

#[test]
fn a_pair_stands_out_by_all_three_numbers_and_enough_words() {
    let rows = [
        (4, 0, 1_000, 20, Seen::InsufficientData),
        (5, 0, 1_000, 20, Seen::Unremarkable),
        (9, 0, 1_000, 20, Seen::Unremarkable),
        (9, 1, 1_000, 20, Seen::Unremarkable),
        (10, 0, 1_000, 20, Seen::Stamped),
        (18, 2, 1_000, 20, Seen::Unremarkable),
        (19, 2, 1_000, 20, Seen::Stamped),
        (10, 0, 119_999, 49, Seen::Stamped),
        (10, 0, 120_000, 49, Seen::Unremarkable),
        (10, 0, 119_999, 50, Seen::Unremarkable),
        (0, 10, 1_000, 20, Seen::Unremarkable),
    ];
    for (yes, no, latency, length, expected) in rows {
        assert_eq!(one(yes, no, latency, length), expected, "{yes} yes, {no} no, {latency} ms, {length} characters");
    }
}

#[test]
fn one_late_or_long_word_does_not_hide_the_others() {
    let mut log = Log::default();
    log.words("a", "b", 11, 0, 5_000, 20).words("a", "b", 2, 0, 86_000_000, 7_000);
    assert_eq!(log.seen("a", "b"), Seen::Stamped);
}

#[test]
fn the_same_note_again_says_nothing() {
    let mut log = Log::default();
    let note = "I have read every line of this change with care and found nothing wrong in it at all.";
    for spelling in [note, &note.to_uppercase(), &note.replace(' ', "  "), &format!("{note}!!")].iter().cycle().take(12) {
        log.change("a", &["b", "c"], &["b", "c"], &[("b", true, 5_000, spelling)]);
    }
    assert_eq!(log.seen("a", "b"), Seen::Stamped);
}

#[test]
fn a_finding_gives_its_numbers_and_accuses_nobody() {
    let mut log = Log::default();
    log.words("dev-a", "dev-b", 12, 0, 8_000, 21);
    let [finding] = &log.record.findings(log.now)[..] else { panic!() };
    assert_eq!(finding.seats, seats(&["dev-a", "dev-b"]));
    assert_eq!(finding.why, "dev-b accepted 12 of 12 changes of dev-a, typically after 8 s and in 21 characters");
    assert_eq!(log.record.watched(&seat("dev-a"), log.now).keys().cloned().collect::<Vec<_>>(), seats(&["dev-b"]));
    assert!(log.record.watched(&seat("dev-b"), log.now).is_empty(), "what dev-a says of dev-b's changes is another pair");
}

#[test]
fn a_ring_stands_out_though_no_pair_of_it_has_words_enough() {
    let mut log = Log::default();
    log.words("a", "b", 5, 0, 5_000, 20).words("b", "c", 5, 0, 5_000, 20).words("c", "a", 5, 0, 5_000, 20);
    let [finding] = &log.record.findings(log.now)[..] else { panic!("{:?}", log.record.findings(log.now)) };
    assert!(finding.why.starts_with("a ring of 3: "), "{}", finding.why);
    for (author, others) in [("a", ["b", "c"]), ("b", ["a", "c"]), ("c", ["a", "b"])] {
        assert_eq!(log.record.watched(&seat(author), log.now).into_keys().collect::<Vec<_>>(), seats(&others));
    }
    let mut open = Log::default();
    open.words("a", "b", 5, 0, 5_000, 20).words("b", "c", 5, 0, 5_000, 20).words("c", "a", 4, 0, 5_000, 20);
    assert!(open.record.findings(open.now).is_empty());
    let mut two = Log::default();
    two.words("a", "b", 5, 0, 5_000, 20).words("b", "a", 5, 0, 5_000, 20);
    assert!(two.record.findings(two.now)[0].why.starts_with("a ring of 2: "));
}

#[test]
fn a_reviewer_that_comes_more_often_than_chance_stands_out() {
    let pool = ["b", "c", "d", "e"];
    let mut log = Log::default();
    (0..10).for_each(|_| log.change("a", &pool, &["b"], &[("b", true, 3_600_000, "a long and careful word about this very change")]));
    assert_eq!(log.seen("a", "b"), Seen::Overdrawn);
    let why = &log.record.findings(log.now)[0].why;
    assert!(why.contains("drawn 10 of 10 times for a, where chance draws 2.50") && why.contains("at most once in a million"), "{why}");
    let mut even = Log::default();
    (0..40).for_each(|at| even.change("a", &pool, &[pool[at % 4]], &[(pool[at % 4], true, 3_600_000, &"long ".repeat(at + 12))]));
    assert!(even.record.findings(even.now).is_empty());
}

#[test]
fn what_lies_a_month_back_is_forgotten() {
    let mut log = Log::default();
    log.words("a", "b", 12, 0, 5_000, 20);
    assert_eq!(log.record.findings(log.now).len(), 1);
    assert!(log.record.findings(log.now + MEMORY + 1).is_empty());
    log.now += MEMORY + 1;
    log.words("c", "b", 1, 0, 5_000, 20);
    assert_eq!((log.record.words.len(), log.record.lots.len()), (1, 1));
}
