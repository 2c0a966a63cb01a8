//! How often each seat asked the model: for its budget, and for the record in steps that do not fill it.

use crate::domain::entry::Millis;
use crate::domain::name::SeatName;
use crate::domain::policy::Budget;
use crate::domain::spend::Used;
use crate::edge::agent::Marks;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// So many requests, or so much time since the first of them, make an entry.
const STEP: u64 = 100;
const SPAN: Millis = 3_600_000;
/// The same refusal of a seat is an entry once in this time.
const SAME: Millis = 60_000;
/// The longest that a request is held until its turn; one that would wait longer is turned away.
const HELD: Millis = 20_000;
/// Messages of a seat that are remembered, so that none is counted twice.
const MOST_COUNTED: usize = 1024;

#[derive(Debug, Default)]
struct Count {
    times: VecDeque<Millis>,
    requests: u64,
    refused: u64,
    used: Used,
    /// What transcripts tell beside it, and the messages that were counted either way, oldest first.
    told: Used,
    counted: VecDeque<String>,
    /// How far the transcripts were read for that.
    read: Marks,
    since: Millis,
    noted: BTreeMap<String, Millis>,
}

impl Count {
    /// Remembers a message; false where it is known.
    fn note(&mut self, message: &str) -> bool {
        if message.is_empty() || self.counted.iter().any(|known| known == message) {
            return message.is_empty();
        }
        if self.counted.len() >= MOST_COUNTED {
            self.counted.pop_front();
        }
        self.counted.push_back(message.to_owned());
        true
    }
}

/// What is kept over a restart, so that nothing that transcripts tell is counted twice or left out: how far they were read, and the messages
/// that were counted last, as of the last entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    pub read: Marks,
    pub counted: VecDeque<String>,
}

/// The counts of all seats; what is not yet an entry is lost with the supervisor.
#[derive(Debug, Default)]
pub struct Meter {
    counts: Mutex<BTreeMap<SeatName, Count>>,
}

impl Meter {
    fn with<T>(&self, seat: &SeatName, now: Millis, work: impl FnOnce(&mut Count) -> T) -> T {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(seat.clone()).or_default();
        if count.requests == 0 && count.refused == 0 && count.used.is_nothing() && count.told.is_nothing() {
            count.since = now;
        }
        work(count)
    }

    /// Counts one request and says how many milliseconds to hold it; one that would be held too long is not counted and waits outside.
    pub fn take(&self, seat: &SeatName, now: Millis, budget: &Budget) -> Result<Millis, Millis> {
        self.with(seat, now, |count| {
            let left = budget.pace(count.times.iter(), now);
            if left <= HELD {
                count.requests += 1;
                count.times.push_back(now + left);
            }
            let (most, span) = budget.memory();
            while count.times.len() > most || count.times.front().is_some_and(|then| then + span < now) {
                count.times.pop_front();
            }
            if left <= HELD { Ok(left) } else { Err(left) }
        })
    }

    /// Counts one refusal; true when it is to be an entry of its own.
    pub fn refuse(&self, seat: &SeatName, now: Millis, code: &str) -> bool {
        self.with(seat, now, |count| {
            count.refused += 1;
            let fresh = count.noted.get(code).is_none_or(|then| then + SAME <= now);
            if fresh {
                count.noted.insert(code.to_owned(), now);
            }
            fresh
        })
    }

    /// What is to be written down now, which is then no longer pending.
    pub fn due(&self, seat: &SeatName, now: Millis, all: bool) -> Option<(u64, u64, Used, Used)> {
        self.with(seat, now, |count| {
            let due = all || count.requests >= STEP || count.since + SPAN <= now;
            let pending = (count.requests, count.refused, count.used, count.told);
            (due && pending != Default::default()).then(|| {
                (count.requests, count.refused, count.used, count.told) = Default::default();
                pending
            })
        })
    }

    /// Adds what an answer used, once for each message.
    pub fn use_up(&self, seat: &SeatName, now: Millis, message: &str, used: &Used) {
        self.with(seat, now, |count| {
            count.note(message);
            count.used.add(used);
        });
    }

    /// Adds what transcripts tell of messages, but for those that were counted before, by the relay or here; so far they were read.
    pub fn tell<'a>(&self, seat: &SeatName, now: Millis, told: impl IntoIterator<Item = (&'a str, Used)>, read: Marks) {
        self.with(seat, now, |count| {
            for (message, used) in told {
                if count.note(message) {
                    count.told.add(&used);
                }
            }
            count.read = read;
        });
    }

    /// What a restart is to begin with.
    pub fn kept(&self, seat: &SeatName) -> Kept {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(seat).map(|count| Kept { read: count.read.clone(), counted: count.counted.clone() }).unwrap_or_default()
    }

    /// Begins with what was kept; a seat that is known is left as it is.
    pub fn resume(&self, seat: &SeatName, kept: Kept) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.entry(seat.clone()).or_insert_with(|| Count { read: kept.read, counted: kept.counted, ..Count::default() });
    }

    /// How far a seat's transcripts were read, to be read on.
    pub fn read(&self, seat: &SeatName) -> Marks {
        self.kept(seat).read
    }

    /// What was used and is not in the record yet, and what is told beside it.
    pub fn unrecorded(&self) -> BTreeMap<SeatName, (Used, Used)> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|(seat, count)| (seat.clone(), (count.used, count.told))).collect()
    }

    /// Requests that are not in the record yet.
    pub fn pending(&self) -> BTreeMap<SeatName, u64> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|(seat, count)| (seat.clone(), count.requests)).collect()
    }

    pub fn seats(&self) -> Vec<SeatName> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat() -> SeatName {
        SeatName::new("dev-a").unwrap()
    }

    #[test]
    fn a_budget_fills_and_empties() {
        let (meter, budget) = (Meter::default(), Budget { per_minute: Some(2), per_hour: Some(3), per_day: None });
        assert_eq!(meter.take(&seat(), 0, &budget), Ok(0));
        assert_eq!(meter.take(&seat(), 1_000, &budget), Err(59_000));
        assert_eq!(meter.take(&SeatName::new("dev-b").unwrap(), 2_000, &budget), Ok(0));
        assert_eq!(meter.take(&seat(), 45_000, &budget), Ok(15_000), "it is held");
        assert_eq!(meter.take(&seat(), 60_000, &budget), Err(60_000));
        assert_eq!(meter.take(&seat(), 120_000, &budget), Ok(0));
        assert_eq!(meter.take(&seat(), 200_000, &budget), Err(3_400_000));
        assert_eq!(meter.take(&seat(), 3_600_000, &budget), Ok(0));
        assert_eq!(meter.take(&seat(), 3_600_000, &Budget { per_hour: Some(0), ..Budget::default() }), Err(3_600_000));
    }

    /// A client that asks as soon as it was answered, at any speed, is never turned away for a minute's number and never held long.
    #[test]
    fn who_asks_one_after_the_other_is_held_for_a_moment_and_no_minute_has_more_than_its_number() {
        for answer in [1, 90, 180, 500, 900] {
            let (meter, budget) = (Meter::default(), Budget { per_minute: Some(120), per_hour: None, per_day: None });
            let (mut now, mut times) = (0, Vec::new());
            while times.len() < 1000 {
                let held = meter.take(&seat(), now, &budget).expect("nobody is turned away");
                assert!(held <= 1_000, "held for {held} ms");
                now += held;
                times.push(now);
                now += answer;
            }
            assert!(times.windows(121).all(|some| some[120] - some[0] >= 60_000), "{answer}");
        }
    }

    #[test]
    fn who_asks_all_at_once_is_let_through_one_after_the_other_and_then_told_when() {
        let (meter, budget) = (Meter::default(), Budget { per_minute: Some(120), per_hour: None, per_day: None });
        let said: Vec<_> = (0..100).map(|_| meter.take(&seat(), 5, &budget)).collect();
        assert!(said[..60].iter().all(|said| *said == Ok(0)));
        assert_eq!((said[60], said[79], said[80], said[99]), (Ok(1_000), Ok(20_000), Err(21_000), Err(21_000)));
    }

    #[test]
    fn a_message_counts_once_whoever_tells_of_it() {
        let (meter, used) = (Meter::default(), |output| Used { output, ..Used::default() });
        meter.use_up(&seat(), 1, "msg_1", &used(5));
        for _ in 0..2 {
            meter.tell(&seat(), 1, [("msg_1", used(5)), ("msg_2", used(7))], Marks::from([("s".to_owned(), 9)]));
        }
        let again = Meter::default();
        again.resume(&seat(), meter.kept(&seat()));
        assert_eq!(again.read(&seat()), Marks::from([("s".to_owned(), 9)]), "it is read on from there");
        again.tell(&seat(), 1, [("msg_2", used(7)), ("msg_3", used(1))], Marks::new());
        assert_eq!(again.due(&seat(), 1, true), Some((0, 0, Used::default(), used(1))), "what was counted before the restart is known");
        assert_eq!(meter.due(&seat(), 1, true), Some((0, 0, used(5), used(7))));
        assert_eq!(meter.due(&seat(), 1, true), None);
    }

    #[test]
    fn entries_come_in_steps() {
        let meter = Meter::default();
        for _ in 0..99 {
            assert_eq!(meter.take(&seat(), 5, &Budget::default()), Ok(0));
            assert_eq!(meter.due(&seat(), 5, false), None);
        }
        assert_eq!(meter.take(&seat(), 5, &Budget::default()), Ok(0));
        assert_eq!(meter.due(&seat(), 5, false), Some((100, 0, Used::default(), Used::default())));
        assert_eq!(meter.take(&seat(), 6, &Budget::default()), Ok(0));
        assert_eq!((meter.due(&seat(), 7, false), meter.pending()[&seat()]), (None, 1));
        assert_eq!(meter.due(&seat(), SPAN + 6, false), Some((1, 0, Used::default(), Used::default())));
        assert_eq!(meter.due(&seat(), SPAN + 6, true), None);
    }

    #[test]
    fn the_same_refusal_is_told_once_a_minute() {
        let meter = Meter::default();
        let told: Vec<bool> = [0, 1, 59_999, 60_000].map(|now| meter.refuse(&seat(), now, "frozen")).to_vec();
        assert_eq!(told, [true, false, false, true]);
        assert!(meter.refuse(&seat(), 1, "relay-path"));
        assert_eq!(meter.due(&seat(), 1, true), Some((0, 5, Used::default(), Used::default())));
    }
}
