//! Reads the text tables in `tests/check`: one row, one case.
//!
//! `pass|fail|wait|exempt  key=value …  => part of the reason`. Runs are `base= red= green= merge= tip-run=` with `id:outcome,…`, `-` for
//! "not run", `!not-built(symbol,…)`, `!limit`, `!infra`, and `@stale` behind it for "of another tree". Words are `ok=seat` or `no=seat`,
//! with `@commit`, `@tree`, `@base`, `@policy` or `@bundle` behind it for the one fact that is wrong, `@as-role` for a false role, `@unread` for a word without verdicts by file, and `gate:seat` for another gate.

use super::{Check, Verdict};
use crate::domain::change::Change;
use crate::domain::evidence::{Approval, Evidence};
use crate::domain::gate::GateName;
use crate::domain::name::{Digest, Oid, RoleName, SeatName};
use crate::domain::policy::{Covered, Needs};
use crate::domain::run::{Completion, Coverage, Outcome, Run};
use crate::domain::sample::{self, oid, seat};
use std::collections::{BTreeMap, BTreeSet};

/// One row's facts, owned, so that evidence can borrow them.
#[derive(Default)]
pub struct Case {
    facts: BTreeMap<&'static str, String>,
    words: Vec<String>,
    paths: Vec<String>,
    change: Option<Change>,
    needs: Option<Needs>,
    runs: BTreeMap<&'static str, Run>,
    contributors: BTreeSet<SeatName>,
    drawn: Vec<SeatName>,
    declared: Vec<String>,
    approvals: Vec<Approval>,
    tip: Option<Oid>,
    tested_on: Option<Oid>,
    merge_tree: Option<Oid>,
    policy: Option<Digest>,
}

const KEYS: [&str; 30] = [
    "cover",
    "asked",
    "whole",
    "stops",
    "base",
    "red",
    "green",
    "merge",
    "tip-run",
    "kept",
    "harness",
    "earlier",
    "lines",
    "files",
    "path",
    "mode",
    "rewritten",
    "touched",
    "declared",
    "by",
    "drawn",
    "extra",
    "bundle",
    "owner",
    "council",
    "sample",
    "percent",
    "tip",
    "tested-on",
    "gate",
];

/// Runs every row of a table against a check; a table has rows that pass and rows that do not.
pub fn table(check: &Check, text: &str) {
    let mut seen = BTreeSet::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#')) {
        let (row, reason) = line.split_once("=>").unwrap_or((line, ""));
        let (word, facts) = row.split_once(' ').unwrap_or((row, ""));
        let case = Case::read(&format!("gate={} {facts}", check.gate)).unwrap_or_else(|why| panic!("row {}: {why}", at + 1));
        let verdict = (check.judge)(&case.evidence());
        assert_eq!(verdict.word(), word.trim(), "row {}: {line}\n{verdict:?}", at + 1);
        assert!(verdict.why().contains(reason.trim()), "row {}: {line}\n{verdict:?}", at + 1);
        assert!(!verdict.why().is_empty());
        seen.insert(verdict.lets_through());
    }
    assert_eq!(seen.len(), 2, "{} has rows of one kind only", check.name);
}

impl Case {
    pub fn read(row: &str) -> Result<Self, String> {
        let mut case = Self::default();
        for fact in row.split_whitespace() {
            let (key, value) = fact.split_once('=').ok_or_else(|| format!("{fact:?} is no key=value"))?;
            match (key, KEYS.iter().find(|known| **known == key)) {
                ("ok" | "no", _) => case.words.push(fact.to_owned()),
                ("path", _) => case.paths.push(value.replace('_', " ").replace("\\n", "\n")),
                (_, Some(known)) => drop(case.facts.insert(known, value.to_owned())),
                (_, None) => return Err(format!("unknown key {key:?}")),
            }
        }
        case.settle()?;
        Ok(case)
    }

    fn fact(&self, key: &str) -> Option<&str> {
        self.facts.get(key).map(String::as_str)
    }

    fn number(&self, key: &str, default: u64) -> u64 {
        self.fact(key).map_or(default, |text| text.parse().unwrap())
    }

    fn listed(&self, key: &str) -> Vec<String> {
        self.fact(key).unwrap_or_default().split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    fn settle(&mut self) -> Result<(), String> {
        let change = self.build_change();
        let by: Vec<SeatName> = self.listed("by").iter().map(|name| seat(name)).collect();
        self.needs = Some(sample::charter().needs(&change, by.first().unwrap_or(&seat("dev-a"))));
        self.change = Some(change);
        self.contributors = by.into_iter().collect();
        self.drawn = self.listed("drawn").iter().map(|name| seat(name)).collect();
        self.declared = self.listed("declared");
        self.policy = Some(Digest::of(b"policy"));
        self.tip = Some(if self.fact("tip") == Some("moved") { oid('9') } else { oid('1') });
        self.tested_on = (self.fact("tested-on") != Some("-")).then(|| oid('1'));
        self.merge_tree = (self.fact("merge") != Some("!none")).then(|| oid('5'));
        for (key, tree) in [("base", '2'), ("red", '7'), ("green", '4'), ("merge", '5'), ("tip-run", '8'), ("kept", '6'), ("sample", '4')] {
            if let Some(text) = self.facts.get(key).filter(|text| !matches!(text.as_str(), "-" | "!none")) {
                self.runs.insert(key, run(text, oid(tree))?);
            }
        }
        if let Some(text) = self.facts.get("cover").filter(|text| *text != "-") {
            self.runs.insert("cover", watched(text)?);
        }
        self.approvals = self.words.iter().map(|word| self.approval(word)).collect::<Result<_, _>>()?;
        Ok(())
    }

    fn build_change(&self) -> Change {
        let filler: Vec<String> =
            (0..self.number("files", 2)).map(|n| if n == 0 { "tests/a.rs".to_owned() } else { format!("src/f{n}.rs") }).collect();
        let paths: Vec<&str> = if self.paths.is_empty() { &filler } else { &self.paths }.iter().map(String::as_str).collect();
        let mut change = sample::change(&paths, self.number("lines", 20));
        for file in &mut change.files {
            if let (Some(mode), Some(new)) = (self.fact("mode"), &mut file.new) {
                new.mode = u32::from_str_radix(mode, 8).unwrap();
            }
            if self.fact("earlier") == Some(file.path.as_str()) {
                file.old = Some(sample::blob('e', 0o100_644));
            }
            if self.fact("rewritten") == Some(file.path.as_str()) {
                (file.old, file.deleted) = (Some(sample::blob('e', 0o100_644)), 1);
            }
        }
        change.touched.extend(self.listed("touched"));
        change
    }

    fn approval(&self, word: &str) -> Result<Approval, String> {
        let (accept, who) = word.split_once('=').ok_or(word)?;
        let (who, wrong) = who.split_once('@').unwrap_or((who, ""));
        let gate = |name: &str| GateName::ALL.into_iter().find(|gate| gate.as_str() == name).ok_or(format!("no gate {name}"));
        let (gate, who) = match who.split_once(':') {
            Some((name, who)) => (gate(name)?, who),
            None => (gate(self.fact("gate").unwrap_or("peer"))?, who),
        };
        let subject = if gate < GateName::Qa { oid('4') } else { oid('5') };
        let or = |what: &str, right: Oid| if wrong == what { oid('0') } else { right };
        let policy = Digest::of(if wrong == "policy" { b"other" } else { b"policy" });
        let own_role = who.trim_end_matches("-a").trim_end_matches("-b");
        let role = RoleName::new(wrong.strip_prefix("as-").unwrap_or(own_role)).unwrap();
        let bundle = if wrong == "bundle" { 6 } else { 7 };
        let (commit, tree, base) = (or("commit", oid('3')), or("tree", subject), or("base", oid('1')));
        Ok(Approval { seat: seat(who), role, gate, commit, tree, base, policy, bundle, accept: accept == "ok", read: wrong != "unread" })
    }

    fn covered(&self) -> Option<Covered> {
        let number = |key: &str, default| u32::try_from(self.number(key, default)).unwrap();
        let asked = Covered { changed: number("asked", 80), whole: number("whole", 0), or_stopped: self.fact("stops") == Some("yes") };
        (asked.changed > 0).then_some(asked)
    }

    pub fn evidence(&self) -> Evidence<'_> {
        let change = self.change.as_ref().unwrap();
        let tests = change.files.iter().map(|file| file.path.clone()).filter(|path| path.contains("tests/")).collect();
        let bundle = (self.fact("bundle") != Some("-")).then_some(7);
        Evidence {
            change,
            needs: self.needs.as_ref().unwrap(),
            tests,
            harness: self.listed("harness"),
            base_run: self.runs.get("base"),
            red_run: self.runs.get("red"),
            green_run: self.runs.get("green"),
            merge_run: self.runs.get("merge"),
            kept_run: self.runs.get("kept"),
            tip_run: self.runs.get("tip-run"),
            merge_tree: self.merge_tree.as_ref(),
            declared: &self.declared,
            contributors: &self.contributors,
            drawn: &self.drawn,
            extra: u32::try_from(self.number("extra", 0)).unwrap(),
            bundle,
            approvals: &self.approvals,
            owner_confirmed: self.fact("owner") == Some("yes"),
            sample_run: self.runs.get("sample"),
            cover_run: self.runs.get("cover"),
            covered: self.covered(),
            noticed_percent: self.fact("percent").map(|text| text.parse().unwrap()),
            council: self.fact("council").map(|word| word == "yes"),
            tip: self.tip.as_ref().unwrap(),
            tested_on: self.tested_on.as_ref(),
            policy: self.policy.as_ref().unwrap(),
        }
    }
}

fn run(text: &str, tree: Oid) -> Result<Run, String> {
    let (text, stale) = text.strip_suffix("@stale").map_or((text, false), |text| (text, true));
    let (head, missing) = text.split_once('(').unwrap_or((text, ""));
    let completion = match head {
        "!not-built" => Completion::NotBuilt,
        "!limit" => Completion::LimitReached,
        "!infra" => Completion::Infrastructure,
        _ if head.starts_with('!') => return Err(format!("unknown end {head}")),
        _ => Completion::Finished,
    };
    let words = |text: &str| text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let results = if completion == Completion::Finished {
        words(text).iter().map(|word| result(word)).collect::<Result<_, _>>()?
    } else {
        BTreeMap::new()
    };
    let missing = words(missing.trim_end_matches(')'));
    let tree = if stale { oid('0') } else { tree };
    Ok(Run {
        tree,
        harness: "cargo".to_owned(),
        command: Vec::new(),
        completion,
        results,
        missing,
        note: "says the harness".to_owned(),
        output: Digest::of(b""),
        duration_ms: 1,
        coverage: None,
    })
}

/// `run/lines of the change,run/lines in all`, or `n/a`.
fn watched(text: &str) -> Result<Run, String> {
    let (figures, end) = text.split_at(text.find(['!', '@', 'n']).unwrap_or(text.len()));
    let told = run(if end == "n/a" { "" } else { end }, oid('5'))?;
    let pair = |text: &str| text.split_once('/').and_then(|(run, lines)| Some((run.parse().ok()?, lines.parse().ok()?)));
    let Some(((changed_run, changed), (run, lines))) = figures.split_once(',').and_then(|(one, all)| Some((pair(one)?, pair(all)?))) else {
        return Ok(Run { note: "no tool here".to_owned(), ..told });
    };
    let missed = if changed > changed_run { vec!["src/f1.rs:7".to_owned()] } else { Vec::new() };
    let coverage = Some(Box::new(Coverage { tool: "t".to_owned(), lines, run, changed, changed_run, missed }));
    Ok(Run { coverage, ..told })
}

fn result(word: &str) -> Result<(String, Outcome), String> {
    let (id, outcome) = word.split_once(':').ok_or_else(|| format!("{word:?} is no id:outcome"))?;
    let outcome = match outcome {
        "pass" => Outcome::Passed,
        "fail" => Outcome::Failed,
        "broken" => Outcome::Broken,
        "skip" => Outcome::Skipped,
        other => return Err(format!("unknown outcome {other}")),
    };
    Ok((id.to_owned(), outcome))
}

#[test]
fn names_are_unique_and_described() {
    let names: BTreeSet<&str> = super::CHECKS.iter().map(|check| check.name).collect();
    assert_eq!(names.len(), super::CHECKS.len());
    for check in super::CHECKS {
        assert!(check.about.ends_with('.') && check.hint.starts_with("orchestrate "), "{check:?}");
    }
}

/// With nothing measured, no check lets a change through, but those that look at the change alone.
#[test]
fn no_evidence_is_no_pass() {
    let case = Case::read("merge=!none tested-on=- bundle=-").unwrap();
    for check in super::CHECKS.iter().filter(|check| !["no-forbidden-entries", "owner-confirmed", "harness-unchanged", "council-agreed", "mutants-noticed"].contains(&check.name)) {
        let verdict = (check.judge)(&case.evidence());
        assert!(matches!(verdict, Verdict::Wait(_)), "{}: {verdict:?}", check.name);
    }
}

/// Trouble of the machine is waited for, whichever run it hits, and never lets anything through.
#[test]
fn infrastructure_trouble_is_never_a_pass_and_never_the_author_s_fault() {
    let good = "base=a:pass red=a:pass,n:fail green=a:pass,n:pass merge=a:pass,n:pass";
    let runs = [("base", "base=a:pass"), ("red", "red=a:pass,n:fail"), ("green", "green=a:pass,n:pass"), ("merge", "merge=a:pass,n:pass")];
    let by_runs = ["new-tests-fail", "others-still-pass", "red-ids-pass", "nothing-lost", "suite-passes", "merge-still-tested"];
    for check in by_runs.map(|name| super::named(name).unwrap()) {
        assert!((check.judge)(&Case::read(good).unwrap().evidence()).lets_through(), "{}", check.name);
        for (key, fact) in runs {
            for (end, bad) in [("!infra", "fail"), ("!limit", "wait")] {
                let case = Case::read(&good.replace(fact, &format!("{key}={end}"))).unwrap();
                let verdict = (check.judge)(&case.evidence());
                assert_ne!(verdict.word(), bad, "{} {key} {end}: {verdict:?}", check.name);
            }
        }
    }
}

/// A candidate with which all is in order.
const GOOD: &str = "by=dev-a drawn=dev-b,architect-a,qa-a base=a:pass red=a:pass,n:fail green=a:pass,n:pass merge=a:pass,n:pass kept=a:pass \
    sample=x:pass percent=80 cover=9/10,90/100 owner=yes council=yes";
/// And who has said yes to it.
const WORDS: [&str; 5] = ["ok=peer:dev-b", "ok=peer:architect-a", "ok=qa:qa-a", "ok=deploy:orchestrator", "ok=deploy:librarian"];

/// A weakness planted in the gates: without a check, or without the two that ask the same at two gates, its row gets in.
#[test]
fn without_any_one_check_something_gets_in() {
    // The words of a row stand for all words at their gate.
    let case = |row: &str| {
        let gates: Vec<&str> = row.split_whitespace().filter_map(|fact| Some(fact.split_once(':')?.0)).collect();
        let words = WORDS.into_iter().filter(|word| !gates.iter().any(|gate| word.starts_with(gate)));
        Case::read(&format!("{GOOD} {} {row}", words.collect::<Vec<_>>().join(" "))).unwrap()
    };
    let stops = |check: &Check, case: &Case| !(check.judge)(&case.evidence()).lets_through();
    let mut alone = BTreeSet::new();
    let rows = include_str!("../../../tests/check/alone.txt").lines().filter(|line| !line.starts_with('#'));
    for (names, facts) in std::iter::once(("", "")).chain(rows.filter_map(|row| row.split_once(' '))) {
        let case = case(facts);
        let stopping: Vec<&str> = super::CHECKS.iter().filter(|check| stops(check, &case)).map(|check| check.name).collect();
        assert_eq!(stopping.join(","), names, "{facts}");
        alone.extend(stopping);
    }
    assert_eq!(alone, super::CHECKS.iter().map(|check| check.name).collect());
}
