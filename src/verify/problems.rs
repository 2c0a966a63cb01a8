//! What was found wrong: sentences that name an entry or a commit, as many as people can read.

use crate::domain::name::Oid;
use std::fmt;

/// More are counted and not kept.
pub const MOST: usize = 100;
const LONGEST: usize = 600;

/// The list of what is wrong, in the order found.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: Vec<String>,
    more: usize,
}

impl Problems {
    pub fn add(&mut self, what: impl fmt::Display) {
        if self.found.len() < MOST {
            self.found.push(plain(&what.to_string()));
        } else {
            self.more += 1;
        }
    }

    /// Something wrong with the entry at this place.
    pub fn entry(&mut self, seq: u64, what: impl fmt::Display) {
        self.add(format_args!("entry {seq}: {what}"));
    }

    /// Something wrong with a commit of the repository.
    pub fn commit(&mut self, commit: &Oid, what: impl fmt::Display) {
        self.add(format_args!("commit {}: {what}", commit.short()));
    }

    /// Adds what was found elsewhere.
    pub fn append(&mut self, other: Self) {
        self.more += other.more;
        other.found.into_iter().for_each(|line| self.add(line));
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub fn into_lines(mut self) -> Vec<String> {
        if self.more > 0 {
            self.found.push(format!("and {} more", self.more));
        }
        self.found
    }
}

/// What comes from a bundle may be printed only after this: no control characters, no endless lines.
pub(super) fn plain(text: &str) -> String {
    let shown = text.chars().map(|c| {
        if c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c) { '\u{fffd}' } else { c }
    });
    shown.take(LONGEST).collect()
}
