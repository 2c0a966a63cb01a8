//! The same eyes: an author who hands work in once more under another task meets those who were drawn for it before, and chance's next.
//!
//! A draw hangs on its task alone, so that handing in again changes nothing. Tasks are free, though: with the same work under many of them an
//! author could wait for the one where an ally was drawn.

use super::change::Change;
use super::charter::Charter;
use super::draw;
use super::entry::Millis;
use super::glob::shown;
use super::name::{SeatName, TaskId};
use super::planted;
use super::policy::PathKind;
use super::role::Capability;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};

/// How long a draw is remembered where its task is not merged.
pub const SPAN: Millis = 7 * 24 * 3_600_000;

/// Who was drawn at PEER for the work of a task, in all its attempts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    pub seats: BTreeSet<SeatName>,
    pub contributors: BTreeSet<SeatName>,
    /// What the work touched, but for documents.
    pub paths: BTreeSet<String>,
    /// The last draw.
    pub time: Millis,
}

impl Shown {
    /// Takes one more draw.
    pub fn add(&mut self, charter: &Charter, change: &Change, contributors: &BTreeSet<SeatName>, seats: &[SeatName], time: Millis) {
        self.seats.extend(seats.iter().cloned());
        self.contributors.extend(contributors.iter().cloned());
        self.paths.extend(paths(charter, change).map(str::to_owned));
        self.time = time;
    }
}

/// What a change touches, but for documents, which everybody touches.
fn paths<'a>(charter: &'a Charter, change: &'a Change) -> impl Iterator<Item = &'a str> {
    touched(change).filter(|path| charter.policy.kind(path) != PathKind::Docs)
}

fn touched(change: &Change) -> impl Iterator<Item = &str> {
    change.files.iter().map(|file| &file.path).chain(&change.touched).map(String::as_str)
}

/// A candidate for which reviewers are drawn.
pub struct Work<'a> {
    charter: &'a Charter,
    author: &'a SeatName,
    contributors: &'a BTreeSet<SeatName>,
    /// Every path of the change; documents are among them, and were never shown.
    touched: HashSet<&'a str>,
    now: Millis,
}

impl<'a> Work<'a> {
    /// None where the policy does not ask for the same eyes.
    pub fn new(charter: &'a Charter, author: &'a SeatName, contributors: &'a BTreeSet<SeatName>, change: &'a Change, now: Millis) -> Option<Self> {
        let asked = charter.policy.review.same_eyes && !planted::out("same-eyes");
        asked.then(|| Self { charter, author, contributors, touched: touched(change).collect(), now })
    }

    /// Whether the hands are the same, and it is not too long ago.
    pub fn may_meet(&self, contributors: &BTreeSet<SeatName>, last: Millis) -> bool {
        last.saturating_add(SPAN) > self.now && !contributors.is_disjoint(self.contributors)
    }

    /// A path that this work has in common with one that was shown before, by the hands of the same.
    pub fn met<'s>(&self, before: &'s Shown) -> Option<&'s str> {
        if !self.may_meet(&before.contributors, before.time) {
            return None;
        }
        before.paths.iter().map(String::as_str).find(|path| self.touched.contains(path))
    }

    /// Whether a seat that saw the work before is to see it again, beside these.
    pub fn wants(&self, seat: &SeatName, panel: &[SeatName]) -> bool {
        let strange = seat != self.author && !self.contributors.contains(seat) && !panel.contains(seat);
        strange && self.charter.can(seat, Capability::ReviewPeer) && draw::leaves_qa(self.charter, self.contributors, panel, seat)
    }

    /// The seats that are drawn once more beside a panel, and why.
    pub fn again<'s>(&self, before: impl Iterator<Item = (&'s TaskId, &'s Shown)>, panel: &[SeatName]) -> Option<(Vec<SeatName>, String)> {
        let mut all = panel.to_vec();
        let mut why = None;
        for (task, shown_before) in before {
            let Some(path) = self.met(shown_before) else { continue };
            for seat in &shown_before.seats {
                if self.wants(seat, &all) {
                    all.push(seat.clone());
                    why.get_or_insert_with(|| format!("{task} brings {} as well, and was shown to others", shown(path)));
                }
            }
        }
        why.map(|why| (all.split_off(panel.len()), why))
    }
}

#[cfg(test)]
mod tests {
    use super::super::charter::RawCharter;
    use super::super::sample::{self, seat, seats};
    use super::*;

    fn of(names: &[&str]) -> BTreeSet<SeatName> {
        seats(names).into_iter().collect()
    }

    fn again(paths: &[&str], contributors: &[&str], now: Millis) -> Vec<SeatName> {
        let mut value = sample::value();
        value["policy"]["review"]["same_eyes"] = true.into();
        let charter: Charter = serde_json::from_value::<RawCharter>(value).unwrap().try_into().unwrap();
        let (change, contributors) = (sample::change(paths, 3), of(contributors));
        let mut shown = Shown::default();
        shown.add(&charter, &sample::change(&["src/a.rs", "README.md"], 3), &of(&["dev-a"]), &seats(&["architect-a", "dev-b"]), 1000);
        let author = seat("dev-a");
        let work = Work::new(&charter, &author, &contributors, &change, now).unwrap();
        let found = work.again([(&TaskId::new("T1").unwrap(), &shown)].into_iter(), &seats(&["architect-b"]));
        found.map(|(seats, _)| seats).unwrap_or_default()
    }

    #[test]
    fn the_same_hands_on_the_same_file_meet_the_same_eyes() {
        let both = seats(&["architect-a", "dev-b"]);
        assert_eq!(again(&["src/a.rs", "src/b.rs"], &["dev-a"], 1000), both);
        assert_eq!(again(&["src/a.rs"], &["dev-a", "docs"], 1000 + SPAN - 1), both);
        assert_eq!(again(&["src/a.rs"], &["dev-a", "dev-b"], 1000), seats(&["architect-a"]), "nobody sees work of their own");
        assert_eq!(again(&["src/a.rs"], &["dev-a"], 1000 + SPAN), [], "a week is over");
        assert_eq!(again(&["src/b.rs"], &["dev-a"], 1000), [], "another file");
        assert_eq!(again(&["README.md"], &["dev-a"], 1000), [], "a document");
        assert_eq!(again(&["src/a.rs"], &["qa-a"], 1000), [], "other hands");
    }
}
