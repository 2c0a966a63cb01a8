//! The words of a message to the owner, made from entries.

use super::super::yard::Yard;
use crate::domain::alert::{Raised, Severity};
use crate::domain::entry::Entry;
use crate::domain::failure::Failure;
use crate::view;
use crate::view::text::{clip, count, one_line, time};
use serde_json::{Value, json};

/// Alerts that one message names; the rest is counted.
const NAMED: usize = 40;

/// One message about one or many alerts, for every way.
pub struct Telling {
    pub workshop: String,
    pub severity: Severity,
    /// Position, raised, and what happened; the gravest first.
    lines: Vec<(u64, Raised, String)>,
    /// Those that are not named.
    more: u64,
}

impl Telling {
    /// Looks the entries up and says in words what they are.
    pub async fn of(yard: &Yard, waiting: &[(u64, Raised)], more: u64) -> Result<Self, Failure> {
        let mut sorted = waiting.to_vec();
        sorted.sort_by_key(|(seq, raised)| (std::cmp::Reverse(raised.severity), *seq));
        let left = sorted.len().saturating_sub(NAMED) as u64;
        sorted.truncate(NAMED);
        let severity = sorted.first().map_or(Severity::Low, |(_, raised)| raised.severity);
        let lines = yard
            .see(move |_, ledger| {
                let entry = |seq: u64| ledger.read(seq, 1).ok()?.pop().and_then(|record| Entry::parse(&record.bytes).ok());
                let said = |seq: u64, raised: &Raised| match entry(seq) {
                    Some(entry) if raised.what.is_empty() => said(&entry),
                    _ => one_line(&raised.what),
                };
                sorted.into_iter().map(|(seq, raised)| (seq, raised.clone(), said(seq, &raised))).collect()
            })
            .await?;
        Ok(Self { workshop: yard.workshop.clone(), severity, lines, more: more + left })
    }

    fn total(&self) -> u64 {
        self.lines.len() as u64 + self.more
    }

    /// The gravest in one line, and how many more there are.
    pub fn line(&self) -> String {
        let first = self.lines.first().map_or("", |(_, _, said)| said.as_str());
        let rest = match self.total().saturating_sub(1) {
            0 => String::new(),
            rest => format!(" (and {rest} more)"),
        };
        format!("{}: {}{rest}", self.severity.as_str().to_uppercase(), clip(first, 90))
    }

    /// What fits a text message.
    pub fn short(&self) -> String {
        clip(&format!("orchestrate {}: {}", self.workshop, self.line()), 160)
    }

    pub fn subject(&self) -> String {
        format!("orchestrate {}: {}", self.workshop, self.line())
    }

    pub fn text(&self, checkpoint: &str) -> String {
        let line = |(seq, raised, said): &(u64, Raised, String)| {
            format!("{:<8} entry {seq}  {}  {said}\n", raised.severity.as_str(), time(raised.time))
        };
        let lines: String = self.lines.iter().map(line).collect();
        let more = if self.more == 0 { String::new() } else { format!("and {} more\n", self.more) };
        format!(
            "{} in the workshop {}.\n\n{lines}{more}\nLook: orchestrate status\n      orchestrate log -n 50\n\nThe ledger when this was written; keep it, a ledger that was altered later does not fit it:\n\n{checkpoint}",
            count(self.total(), "alert"),
            self.workshop
        )
    }

    pub fn json(&self) -> Value {
        let alert = |(seq, raised, said): &(u64, Raised, String)| json!({"entry": seq, "time": raised.time, "severity": raised.severity, "text": said});
        let alerts: Vec<Value> = self.lines.iter().map(alert).collect();
        json!({"workshop": self.workshop, "severity": self.severity, "text": self.line(), "alerts": alerts, "more": self.more})
    }
}

/// Who did what, without place and time.
fn said(entry: &Entry) -> String {
    let line = view::line(entry);
    let words: Vec<&str> = line.split_whitespace().skip(3).collect();
    words.join(" ")
}
