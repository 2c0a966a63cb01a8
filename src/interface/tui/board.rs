//! What the screen knows: the newest page, the ledger's tail, where the reader is in each panel, and what is typed.

use crate::domain::name::SeatName;
use crate::interface::exit::Trouble;
use crate::interface::rows::{Panel, Row, Skin, Tone, entry, rows};
use crate::view::Dashboard;
use std::collections::VecDeque;

/// Lines of the ledger that are kept for reading and searching.
const KEPT: usize = 5_000;

/// What the keys do at present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    Browse,
    /// What is searched for is being typed.
    Search,
    Help,
    /// One row in full.
    Detail(String, Vec<(Tone, String)>),
    /// The reason for a freeze is being typed.
    Reason(String),
    /// The reason stands; it is asked whether that is meant.
    Sure(String),
}

/// What a key asks for outside of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    Nothing,
    Quit,
    Attach(SeatName),
    Freeze(String),
}

/// Where the reader is in a panel: by the row itself, so that a list that changes does not move under the reader.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Place {
    at: usize,
    key: Option<String>,
}

/// Everything that is drawn.
pub struct Board {
    pub skin: Skin,
    pub page: Option<Dashboard>,
    pub tail: VecDeque<Row>,
    pub focus: Panel,
    pub mode: Mode,
    /// Only rows that hold this are shown.
    pub query: String,
    /// What the last wish came to, until the next key.
    pub said: Option<(Tone, String)>,
    /// Why there is no news.
    pub lost: Option<String>,
    places: [Place; 6],
}

impl Board {
    pub fn new(skin: Skin) -> Self {
        Self {
            skin,
            page: None,
            tail: VecDeque::new(),
            focus: Panel::Seats,
            mode: Mode::Browse,
            query: String::new(),
            said: None,
            lost: None,
            places: Default::default(),
        }
    }

    /// Takes a new page; gives how many entries are known now.
    pub fn take(&mut self, mut page: Dashboard) -> u64 {
        let (from, came) = (page.from, std::mem::take(&mut page.entries));
        let next = from + came.len() as u64;
        self.tail.extend(came.iter().zip(from..).map(|(text, seq)| entry(seq, text)));
        let surplus = self.tail.len().saturating_sub(KEPT);
        self.tail.drain(..surplus);
        self.page = Some(page);
        self.lost = None;
        next
    }

    pub fn say(&mut self, outcome: Result<String, Trouble>) {
        self.said = Some(match outcome {
            Ok(text) => (Tone::Good, text),
            Err(trouble) => (Tone::Bad, trouble.lines().replace('\n', "  ")),
        });
    }

    /// The rows of a panel that hold what is searched for.
    pub fn rows(&self, panel: Panel) -> Vec<Row> {
        let all = match (&self.page, panel) {
            (_, Panel::Ledger) => self.tail.iter().cloned().collect(),
            (Some(page), panel) => rows(page, panel, self.skin),
            (None, _) => Vec::new(),
        };
        let wanted = self.query.to_lowercase();
        all.into_iter().filter(|row| wanted.is_empty() || row.holds(&wanted)).collect()
    }

    /// Which row the reader is at; in the ledger that is the newest until the reader has gone elsewhere.
    pub fn at(&self, panel: Panel, rows: &[Row]) -> usize {
        let place = &self.places[panel as usize];
        let last = rows.len().saturating_sub(1);
        match &place.key {
            None if panel == Panel::Ledger => last,
            None => 0,
            Some(key) => rows.iter().position(|row| row.key == *key).unwrap_or(place.at).min(last),
        }
    }

    pub fn chosen(&self) -> Option<Row> {
        let mut rows = self.rows(self.focus);
        let at = self.at(self.focus, &rows);
        (at < rows.len()).then(|| rows.swap_remove(at))
    }

    /// Moves within the panel by so many rows.
    pub fn step(&mut self, by: isize) {
        let rows = self.rows(self.focus);
        let last = rows.len().saturating_sub(1);
        let at = self.at(self.focus, &rows).saturating_add_signed(by).min(last);
        let follows = self.focus == Panel::Ledger && at == last;
        let key = rows.get(at).map(|row| row.key.clone()).filter(|_| !follows);
        self.places[self.focus as usize] = Place { at, key };
    }

    /// Goes to the panel that is so many further.
    pub fn turn(&mut self, by: usize) {
        self.focus = Panel::ALL[(self.focus as usize + by) % Panel::ALL.len()];
    }

    pub fn frozen(&self) -> bool {
        self.page.as_ref().is_some_and(|page| page.status.frozen.is_some())
    }
}
