pub(super) mod codes;

use super::desk::Desk;
use super::paint::{Cell, Look, Paint, cell, looking};
use crate::domain::check::{CHECKS, Check};
use crate::domain::freeze::BYPASSES;
use crate::domain::gate::RawGate;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Response;
use codes::CODES;
use serde_json::{Value, json};

/// The gates as they are built in; `orchestrate config show` has the ones in force.
const GATES: [&str; 5] = [
    include_str!("../../../gates/10-red.toml"),
    include_str!("../../../gates/20-green.toml"),
    include_str!("../../../gates/30-peer.toml"),
    include_str!("../../../gates/40-qa.toml"),
    include_str!("../../../gates/50-deploy.toml"),
];

/// Explain a gate, a check, or a refusal's code.
///
/// Without a word: list them all.
///
/// Example: orchestrate explain not-drawn
#[derive(Debug, clap::Args)]
pub struct Explain {
    /// A gate (`peer`), a check (`reviewed`) or a refusal's code (`not-drawn`).
    word: Option<String>,
}

impl Explain {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let all = pages();
        let found: Vec<&Page> = match &self.word {
            None => all.iter().collect(),
            Some(word) => all.iter().filter(|page| page.word == word.to_lowercase()).collect(),
        };
        if found.is_empty() {
            let word = crate::view::text::one_line(&self.word.unwrap_or_default());
            return Err(Trouble::usage(format!("there is no gate, check or refusal called {word:?}"), "orchestrate explain"));
        }
        if desk.json {
            let values: Vec<Value> =
                found.iter().map(|page| json!({"kind": page.kind, "word": page.word, "about": page.about, "more": page.more})).collect();
            desk.say_json(&Response::Done(values.into()));
        } else if self.word.is_some() {
            found.iter().for_each(|page| desk.say(&one(page, &desk.paint)));
        } else {
            desk.say(&list(&all, &desk.paint));
        }
        Ok(Exit::Done)
    }
}

/// A word and what it means.
struct Page {
    kind: &'static str,
    word: String,
    about: String,
    more: Vec<String>,
}

fn pages() -> Vec<Page> {
    let gates = GATES.iter().filter_map(|text| toml::from_str::<RawGate>(text).ok()).map(gate);
    let checks = CHECKS.iter().map(|check| check_page(check));
    let codes =
        CODES.iter().map(|(code, about)| Page { kind: "refusal", word: (*code).to_owned(), about: (*about).to_owned(), more: counted(code) });
    gates.chain(checks).chain(codes).collect()
}

/// Whether a refusal counts towards an automatic freeze, in words.
fn counted(code: &str) -> Vec<String> {
    let rules = BYPASSES.iter().filter(|rule| rule.code == code);
    let late = (code == "lock-stale").then(|| "counts towards an automatic freeze (freeze.fencing)".to_owned());
    rules.map(|rule| format!("counts as an attempt to go round a gate: {} (freeze.bypasses)", rule.why)).chain(late).collect()
}

fn gate(gate: RawGate) -> Page {
    let about = |name: &String| CHECKS.iter().find(|check| check.name == name).map_or("", |check| check.about);
    let more = gate.checks.iter().map(|name| format!("{name}: {}", about(name))).collect();
    Page { kind: "gate", word: gate.name.to_string(), about: gate.about, more }
}

fn check_page(check: &Check) -> Page {
    let more = vec![format!("made for the gate {}", check.gate), format!("more: {}", check.hint)];
    Page { kind: "check", word: check.name.to_owned(), about: check.about.to_owned(), more }
}

fn one(page: &Page, paint: &Paint) -> String {
    let more: String = page.more.iter().map(|line| paint.wrapped(line, 4)).collect();
    format!("{}{}{more}", paint.title(&format!("{} {}", page.kind, page.word)), paint.wrapped(&page.about, 2))
}

fn list(pages: &[Page], paint: &Paint) -> String {
    let group = |kind: &str, title: &str| {
        let row = |page: &Page| -> Vec<Cell> { vec![looking(Look::Bold, &page.word), cell(&page.about)] };
        let rows: Vec<Vec<Cell>> = pages.iter().filter(|page| page.kind == kind).map(row).collect();
        format!("{}{}", paint.title(title), paint.told(&rows))
    };
    format!("{}\n{}\n{}", group("gate", "gates"), group("check", "checks"), group("refusal", "refusals"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gate_is_there_with_checks_that_exist() {
        let gates: Vec<Page> = pages().into_iter().filter(|page| page.kind == "gate").collect();
        assert_eq!(gates.iter().map(|page| page.word.as_str()).collect::<Vec<_>>(), ["red", "green", "peer", "qa", "deploy"]);
        assert!(gates.iter().all(|page| !page.more.is_empty() && page.more.iter().all(|line| !line.ends_with(": "))));
    }

    #[test]
    fn no_line_of_the_list_is_wider_than_the_terminal() {
        assert!(list(&pages(), &Paint::plain()).lines().all(|line| line.chars().count() <= 80));
    }
}
