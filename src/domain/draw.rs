//! Who judges a change: the seats that may, and which of them chance names.
//!
//! Chance comes in as a digest that no seat could know when it submitted. From it every draw follows, so that anyone can repeat it.

use super::charter::Charter;
use super::name::{Digest, SeatName};
use super::role::Capability;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// The seats that may review a change at PEER: of the roles that review the author's role, without anyone who contributed.
pub fn pool(charter: &Charter, author: &SeatName, contributors: &BTreeSet<SeatName>) -> Vec<SeatName> {
    let Some(role) = charter.role_of(author) else { return Vec::new() };
    let reviewers = charter.roles.iter().filter(|other| role.reviewed_by.contains(&other.name) && other.can(Capability::ReviewPeer));
    reviewers.flat_map(|other| other.seats.clone()).filter(|seat| seat != author && !contributors.contains(seat)).collect()
}

/// The seats that may give QA's verdict: able to, and neither contributors nor reviewers of the same change.
pub fn qa_pool(charter: &Charter, contributors: &BTreeSet<SeatName>, reviewers: &BTreeSet<SeatName>) -> Vec<SeatName> {
    charter.able(Capability::VerifyQa).into_iter().filter(|seat| !contributors.contains(seat) && !reviewers.contains(seat)).collect()
}

/// Draws reviewers for PEER from the author's pool, leaving at least one free seat for QA's verdict; fewer than `count` when the pool is small.
pub fn panel(charter: &Charter, author: &SeatName, contributors: &BTreeSet<SeatName>, count: usize, chance: &Digest) -> Vec<SeatName> {
    let pool = pool(charter, author, contributors);
    let mut chosen: BTreeSet<SeatName> = BTreeSet::new();
    let mut panel = Vec::new();
    for seat in draw(&pool, pool.len(), chance) {
        let with: BTreeSet<SeatName> = chosen.iter().cloned().chain([seat.clone()]).collect();
        if panel.len() < count && !qa_pool(charter, contributors, &with).is_empty() {
            chosen = with;
            panel.push(seat);
        }
    }
    panel
}

/// The seats that chance may name as a third reviewer: able to, neither contributors nor on the panel, still leaving a free seat for QA.
pub fn third_pool(charter: &Charter, author: &SeatName, contributors: &BTreeSet<SeatName>, panel: &[SeatName]) -> Vec<SeatName> {
    let free = |seat: &SeatName| seat != author && !panel.contains(seat) && !contributors.contains(seat);
    charter.able(Capability::ReviewThird).into_iter().filter(|seat| free(seat) && leaves_qa(charter, contributors, panel, seat)).collect()
}

/// Whether somebody is left for QA's verdict when this seat reviews as well.
pub fn leaves_qa(charter: &Charter, contributors: &BTreeSet<SeatName>, panel: &[SeatName], seat: &SeatName) -> bool {
    let with = panel.iter().chain([seat]).cloned().collect();
    !qa_pool(charter, contributors, &with).is_empty()
}

/// Whether chance falls on so many of a hundred.
pub fn falls(chance: &Digest, percent: u32) -> bool {
    below(100, &mut (0_u64..).map(|n| number(chance, n))) < percent as usize
}

/// One seat more, from outside what stands out: of the author's pool, else of all that may review, still leaving a free seat for QA.
pub fn outsider(
    charter: &Charter,
    author: &SeatName,
    contributors: &BTreeSet<SeatName>,
    panel: &[SeatName],
    watched: &BTreeSet<SeatName>,
    chance: &Digest,
) -> Option<SeatName> {
    let taken = |seat: &SeatName| seat == author || panel.contains(seat) || watched.contains(seat) || contributors.contains(seat);
    let leaves_qa = |seat: &SeatName| {
        let with = panel.iter().chain([seat]).cloned().collect();
        !qa_pool(charter, contributors, &with).is_empty()
    };
    let pools = [pool(charter, author, contributors), charter.able(Capability::ReviewPeer)];
    pools.iter().find_map(|pool| draw(pool, pool.len(), chance).into_iter().find(|seat| !taken(seat) && leaves_qa(seat)))
}

/// Draws up to `count` different seats, each with the same chance, in the order drawn.
///
/// The pool is taken sorted and without doubles. Number `n` of the stream is the first 8 bytes, big-endian, of SHA-256 over the
/// digest's 64 hex digits and `n` as 8 bytes, big-endian; a number that would favour the first seats is passed over.
pub fn draw(pool: &[SeatName], count: usize, chance: &Digest) -> Vec<SeatName> {
    let mut left: Vec<SeatName> = pool.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    let mut numbers = (0_u64..).map(|n| number(chance, n));
    let mut drawn = Vec::new();
    while drawn.len() < count && !left.is_empty() {
        drawn.push(left.remove(below(left.len() as u64, &mut numbers)));
    }
    drawn
}

fn number(chance: &Digest, n: u64) -> u64 {
    let hash = Sha256::new().chain_update(chance.as_str()).chain_update(n.to_be_bytes()).finalize();
    hash[..8].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// A number below `limit`, each with the same chance.
fn below(limit: u64, numbers: &mut impl Iterator<Item = u64>) -> usize {
    let fair = u64::MAX - u64::MAX % limit;
    let found = numbers.find(|number| *number < fair).expect("BUG: an endless stream of numbers ended");
    (found % limit) as usize
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, seat, seats};
    use super::*;
    use std::collections::BTreeMap;

    fn chance(n: u32) -> Digest {
        Digest::of(&n.to_be_bytes())
    }

    #[test]
    fn pools_follow_the_pairings_and_leave_contributors_out() {
        let charter = sample::charter();
        let of = |author: &str, others: &[&str]| pool(&charter, &seat(author), &seats(others).into_iter().collect());
        assert_eq!(of("dev-a", &["dev-a"]), seats(&["architect-a", "architect-b", "architect-c", "dev-b"]));
        assert_eq!(of("dev-a", &["dev-a", "dev-b", "architect-b"]), seats(&["architect-a", "architect-c"]));
        assert_eq!(of("qa-a", &[]), seats(&["dev-a", "dev-b", "qa-b"]));
        assert_eq!(of("docs", &["docs"]), seats(&["librarian", "qa-a", "qa-b"]));
        assert_eq!(of("stranger", &[]), seats(&[]));
    }

    #[test]
    fn a_draw_is_repeatable_whatever_the_order_of_the_pool() {
        let pool = seats(&["a", "b", "c", "d"]);
        let back: Vec<SeatName> = pool.iter().rev().cloned().collect();
        for n in 0..50 {
            assert_eq!(draw(&pool, 2, &chance(n)), draw(&back, 2, &chance(n)));
        }
        assert_eq!(draw(&pool, 9, &chance(1)).len(), 4);
        assert!(draw(&[], 1, &chance(1)).is_empty());
    }

    /// The figures are computed apart from this code: sha256("<64 hex digits>" || eight bytes).
    #[test]
    fn a_draw_follows_the_written_rule() {
        let zero = Digest::new("0".repeat(64)).unwrap();
        assert_eq!(number(&zero, 0), NUMBER_0);
        assert_eq!(number(&zero, 1), NUMBER_1);
    }
    const NUMBER_0: u64 = 0x14c9_6067_457d_2556;
    const NUMBER_1: u64 = 0x43d7_dad8_6822_48a4;

    #[test]
    fn every_seat_comes_equally_often_in_every_place() {
        let pool = seats(&["a", "b", "c", "d", "e"]);
        let mut counts: BTreeMap<(usize, SeatName), i64> = BTreeMap::new();
        for n in 0..5000 {
            for (place, seat) in draw(&pool, 2, &chance(n)).into_iter().enumerate() {
                *counts.entry((place, seat)).or_default() += 1;
            }
        }
        assert_eq!(counts.len(), 10);
        assert!(counts.values().all(|count| (count - 1000).abs() < 150), "{counts:?}");
    }

    #[test]
    fn numbers_that_would_favour_someone_are_passed_over() {
        assert_eq!(below(7, &mut [u64::MAX, u64::MAX - 1, 8].into_iter()), 1);
    }

    #[test]
    fn a_panel_always_leaves_a_seat_for_qa() {
        let charter = sample::charter();
        for n in 0..200 {
            let by = |author: &str| panel(&charter, &seat(author), &[seat(author)].into(), 2, &chance(n));
            assert!(!by("qa-a").contains(&seat("qa-b")));
            let docs: BTreeSet<SeatName> = by("docs").into_iter().collect();
            assert_eq!(docs.len(), 2);
            assert!(!qa_pool(&charter, &[seat("docs")].into(), &docs).is_empty());
            assert_eq!(by("dev-a").len(), 2);
        }
    }

    #[test]
    fn a_pool_that_is_too_small_gives_fewer() {
        let charter = sample::charter();
        let all = seats(&["dev-a", "dev-b", "architect-a", "architect-b"]).into_iter().collect();
        assert_eq!(panel(&charter, &seat("dev-a"), &all, 2, &chance(1)), seats(&["architect-c"]));
    }
}
