//! The offline judge: one clone and one bundle, on any machine, without the supervisor.
//!
//! It shares the formats with the writer and nothing else: what was right to record is worked out here a second time, from the
//! entries and the git objects. Everything it reads may be hostile.

mod audit;
mod back;
mod book;
mod bypass;
mod case;
mod chain;
mod clone;
mod commit;
mod deploys;
mod fix;
mod gates;
pub mod grown;
mod history;
mod holds;
mod letters;
mod panels;
mod pieces;
mod problems;
pub mod proof;
mod roster;
mod runs;
mod shelf;
mod signed;
mod sitting;
#[cfg(test)]
mod tests;
mod threads;
mod voices;
pub mod witness;
mod witnessed;
mod word;
mod words;

use crate::ledger::bundle;
use crate::domain::entry::{Entry, Millis};
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::event::Event;
use crate::domain::name::{Digest, Oid, RefName};
use crate::domain::workshop;
use crate::edge::git::{Checking, Git, Reader};
use book::Book;
use chain::Merge;
use clone::{Branch, Judge};
use history::History;
use problems::{Problems, plain};
use roster::Roster;
use shelf::Shelf;
use signed::Claims;
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

/// What a judge of a whole history has to say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Nothing was found wrong.
    pub ok: bool,
    /// What was looked at and found, sentence by sentence.
    pub lines: Vec<String>,
    /// What is wrong, each naming an entry or a commit.
    pub problems: Vec<String>,
    pub commits: Vec<CommitReport>,
    /// Entries in the ledger.
    pub size: u64,
    /// Messages whose words and signatures could not be judged: their bodies are put away, in no archive that was given.
    pub sealed: u64,
    /// The signed Merkle root in hex; empty where none was signed.
    pub root: String,
    /// The isolation level that the workshop's last start saw hold.
    pub level: String,
    /// The owner's fingerprint in the ledger.
    pub owner: String,
    /// The commit on which the workshop was founded.
    pub base: String,
}

/// One merge, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CommitReport {
    pub commit: String,
    pub task: String,
    pub title: String,
    pub author: String,
    /// What each gate saw, in words.
    pub gates: Vec<String>,
    pub reviewers: Vec<String>,
    pub merged_at: Millis,
    /// The author's own commits, as they were handed in.
    pub brought: Vec<String>,
    /// Whether the clone has it.
    pub present: bool,
}

/// What the asker knows from elsewhere, and the bundle has to agree with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pins {
    /// The owner's fingerprint.
    pub owner: Option<String>,
    /// The keys of witnesses who must have seen every merge.
    pub witnesses: Vec<String>,
    /// Checkpoints that were kept, such as those in mailed reports: the ledger must begin with what they are over.
    pub seen: Vec<String>,
    /// Archives of bodies that were put away, as files.
    pub archives: Vec<Vec<u8>>,
}

/// Judges the protected branch of a clone against a bundle; `owner` pins the owner's fingerprint.
pub fn run(clone: &Path, bundle: &Path, owner: Option<&str>) -> Result<Report, Failure> {
    run_pinned(clone, bundle, &Pins { owner: owner.map(str::to_owned), ..Pins::default() })
}

/// The same, with more that the asker knows.
pub fn run_pinned(clone: &Path, bundle: &Path, pins: &Pins) -> Result<Report, Failure> {
    let bytes = load(bundle)?;
    let mut reader = Reader::open(&Git::find()?, clone, &[])?;
    let scope = Scope::Branch(reader.check()?);
    judge(&bytes, pins, &mut reader, scope)
}

/// Leaves of a report what concerns one commit: the merge that it is, or that let it in; says what it is where it is none.
pub fn narrow(report: &mut Report, clone: &Path, commit: &str) -> Result<(), Failure> {
    let reader = Reader::open(&Git::find()?, clone, &[])?;
    let full = reader.resolve(commit)?.map_or_else(|| commit.to_lowercase(), |id| id.to_string());
    let is = |id: &String| commit.len() >= 7 && id.starts_with(&full);
    let line = match report.commits.iter().find(|told| is(&told.commit) || told.brought.iter().any(is)) {
        Some(told) if is(&told.commit) => None,
        Some(told) => Some(format!("{commit} is a commit of {} as {} handed it in; {} let it in", told.task, told.author, short(&told.commit))),
        None if Oid::new(full.clone()).is_ok_and(|id| Oid::new(report.base.clone()).is_ok_and(|base| reader.leads_to(&base, &id))) => {
            Some(format!("{commit} stood there when the workshop was founded, at {}: it was taken as it was, no gate judged it", short(&report.base)))
        }
        None => {
            report.ok = false;
            report.problems.push(format!("{commit} is no merge of this workshop, in none, and did not stand there before it: nothing let it in"));
            None
        }
    };
    report.commits.retain(|told| is(&told.commit) || told.brought.iter().any(is));
    report.lines.extend(line);
    Ok(())
}

fn short(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}

/// The entries of a bundle whose seal holds; nothing else of them is judged.
pub fn entries(bundle: &Path) -> Result<Vec<Entry>, Failure> {
    let bytes = load(bundle)?;
    let wrong = |why: String| Failure::new(format!("cannot read the bundle {}", bundle.display()), why).hint("orchestrate verify CLONE --bundle FILE");
    let found = bundle::read(&bytes).map_err(&wrong)?;
    book::seal(&found).map_err(&wrong)?;
    found.entries.iter().map(|bytes| Entry::parse(bytes).map_err(&wrong)).collect()
}

/// Works out the draws of an epoch again, from a bundle alone.
pub fn draws(bundle: &Path, epoch: u32) -> Result<Report, Failure> {
    let bytes = load(bundle)?;
    let (mut report, mut problems) = (Report::default(), Problems::default());
    match bundle::read(&bytes) {
        Ok(bundle) => repeated(&bundle, epoch, &mut report, &mut problems),
        Err(why) => problems.add(why),
    }
    report.ok = problems.is_empty();
    report.problems = problems.into_lines();
    Ok(report)
}

fn repeated(bundle: &Bundled<'_>, epoch: u32, report: &mut Report, problems: &mut Problems) {
    if let Err(why) = book::seal(bundle) {
        problems.add(why);
    }
    let book = Book::read(bundle, &Shelf::default(), problems);
    let Some(roster) = Roster::read(&book, problems) else { return };
    let history = History::read(&book, problems);
    match audit::judge(&roster, &history, Some(epoch), problems).get(&epoch) {
        Some(told) => report.lines.push(repeats(epoch, told)),
        None => problems.add(format_args!("the secret of epoch {epoch} is not open in this bundle")),
    }
}

fn repeats(epoch: u32, told: &audit::Audited) -> String {
    format!("epoch {epoch}: {} draws repeated; {} of {} changes were given a third reviewer", told.draws, told.thirds, told.lots)
}

/// Judges, from inside a pre-receive hook, whether every commit up to a branch's new tip is one that the bundle accounts for.
pub fn commits_accounted(
    git_dir: &Path,
    env: &[(String, String)],
    bundle: &Path,
    new_tip: &Oid,
    owner: Option<&str>,
) -> Result<Report, Failure> {
    let bytes = load(bundle)?;
    let mut reader = Reader::open(&Git::find()?, git_dir, env)?;
    judge(&bytes, &Pins { owner: owner.map(str::to_owned), ..Pins::default() }, &mut reader, Scope::Tip(new_tip))
}

/// The bytes of an archive.
pub fn load_archive(path: &Path) -> Result<Vec<u8>, Failure> {
    bytes("archive", path)
}

fn load(path: &Path) -> Result<Vec<u8>, Failure> {
    bytes("bundle", path)
}

fn bytes(kind: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let what = format!("cannot read the {kind} {}", path.display());
    let file = std::fs::File::open(path).doing(&what)?;
    let mut bytes = Vec::new();
    file.take(bundle::MOST_BYTES + 1).read_to_end(&mut bytes).doing(&what)?;
    if bytes.len() as u64 > bundle::MOST_BYTES {
        return Err(Failure::new(what, "it is larger than 1 GiB"));
    }
    Ok(bytes)
}

/// What of a repository is judged.
enum Scope<'a> {
    /// The protected branch, with every object there is, which git looks at meanwhile.
    Branch(Checking),
    /// What this commit would make of the branch.
    Tip(&'a Oid),
}

/// Judges a bundle's bytes and a repository.
fn judge(bytes: &[u8], pins: &Pins, reader: &mut Reader, scope: Scope<'_>) -> Result<Report, Failure> {
    let mut hearing = Hearing { pins, reader, report: Report::default(), problems: Problems::default() };
    match bundle::read(bytes) {
        Ok(bundle) => hearing.ledger(&bundle, scope)?,
        Err(why) => hearing.problems.add(why),
    }
    let Hearing { mut report, problems, .. } = hearing;
    report.ok = problems.is_empty();
    report.problems = problems.into_lines();
    Ok(report)
}

type Bundled<'a> = bundle::Bundle<'a>;

/// One judgement under way: what it is about, and what it has to say so far.
struct Hearing<'a> {
    pins: &'a Pins,
    reader: &'a mut Reader,
    report: Report,
    problems: Problems,
}

impl Hearing<'_> {
    fn ledger(&mut self, bundle: &Bundled<'_>, scope: Scope<'_>) -> Result<(), Failure> {
        match book::seal(bundle) {
            Ok(checkpoint) => self.report.root = hex::encode(checkpoint.root),
            Err(why) => self.problems.add(why),
        }
        let shelf = Shelf::read(&self.pins.archives, book::workshop(bundle).as_deref().unwrap_or_default(), &mut self.problems);
        let book = Book::read(bundle, &shelf, &mut self.problems);
        (self.report.size, self.report.sealed) = (book.len(), book.sealed.len() as u64);
        self.report.lines.extend(unjudged(&book));
        let Some(roster) = Roster::read(&book, &mut self.problems) else { return Ok(()) };
        self.report.base = roster.genesis.base.to_string();
        trust(&roster, self.pins.owner.as_deref(), &mut self.report, &mut self.problems);
        let claims = Claims::read(&book, &mut self.problems);
        let mut problems = std::mem::take(&mut self.problems);
        let judged = claims.judge(&roster, &mut problems, || self.record(&book, &roster, scope));
        problems.append(std::mem::take(&mut self.problems));
        self.problems = problems;
        judged
    }

    /// Everything but the signatures of statements.
    fn record(&mut self, book: &Book, roster: &Roster<'_>, scope: Scope<'_>) -> Result<(), Failure> {
        let Self { pins, report, problems, .. } = self;
        letters::judge(book, roster, problems);
        voices::judge(book, roster, problems);
        let history = History::read(book, problems);
        report.level = plain(history.level.unwrap_or("unknown"));
        let repeated = audit::judge(roster, &history, None, problems);
        report.lines.extend(repeated.iter().map(|(epoch, told)| repeats(*epoch, told)));
        let merges = chain::read(&history, &roster.genesis.base, problems);
        report.commits = cases(roster, &history, &merges, problems);
        report.lines.insert(0, format!("ledger: {} entries of {}, root {}", report.size, plain(&roster.genesis.workshop), report.root));
        back::judge(roster, &history, problems);
        fix::judge(roster, &history, problems);
        holds::judge(roster, &history, problems);
        deploys::judge(roster, &history, &merges, problems);
        witnessed::judge(book, roster, pins, &merges, report, problems);
        report.lines.push(format!("isolation: the last start saw level {} hold", report.level));
        self.repository(&Judge { roster, book, history: &history, merges: &merges }, scope)
    }

    fn repository(&mut self, judge: &Judge<'_>, scope: Scope<'_>) -> Result<(), Failure> {
        let Self { reader, report, problems, .. } = self;
        let (name, found) = match scope {
            Scope::Tip(tip) => ("the new tip".to_owned(), tip.clone()),
            Scope::Branch(_) => branch(reader, &judge.roster.genesis.branch)?,
        };
        let base = &judge.roster.genesis.base;
        let branch = Branch::walk(reader, &found, base, judge.merges, problems);
        let mut other = reader.another()?;
        judge.judge([reader, &mut other], &branch, problems);
        match judge.quotes([reader, &mut other], &branch, problems) {
            (0, _) => {}
            (all, 0) => report.lines.push(format!("quotes: all {all} stand in the differences that they are of")),
            (all, unseen) => report.lines.push(format!("quotes: {unseen} of {all} could not be compared, as this clone lacks the files of their candidates")),
        }
        let there = branch.ids();
        report.commits.iter_mut().for_each(|told| told.present = there.contains(told.commit.as_str()));
        report.lines.push(format!("branch: {name} at {}, {} commits since {}", found.short(), branch.len(), base.short()));
        let position = branch.position(judge.merges);
        if position < judge.merges.len() {
            report.lines.push(format!("behind: the repository has {position} of the {} merges in the ledger", judge.merges.len()));
        }
        if let Scope::Branch(checking) = scope {
            sound(checking, report, problems);
        }
        Ok(())
    }
}

/// Says what could not be judged, and where it went.
fn unjudged(book: &Book) -> Option<String> {
    let (first, last) = (book.sealed.first()?, book.sealed.last()?);
    let archives: BTreeSet<&str> = book.entries.iter().filter_map(archive_of).map(Digest::short).collect();
    let archives: Vec<&str> = archives.into_iter().collect();
    Some(format!(
        "put away: the bodies of {} messages, from entry {first} to {last}, whose words and signatures were NOT judged; bring the archives ({}): \
         --archive FILE",
        book.sealed.len(),
        archives.join(", ")
    ))
}

fn archive_of(entry: &Entry) -> Option<&Digest> {
    match &entry.event {
        Event::Workshop(workshop::Event::Archived { archive, .. }) => Some(archive),
        _ => None,
    }
}

/// Says on whose word everything rests.
fn trust(roster: &Roster<'_>, owner: Option<&str>, report: &mut Report, problems: &mut Problems) {
    let Some(found) = roster.owner() else { return problems.add("the owner has no key in this ledger") };
    report.owner = found.to_string();
    let Some(pinned) = owner else {
        let line = format!(
            "owner: the key {found} was taken on trust, as the bundle gave it; compare it with the owner's own and use --owner {found}"
        );
        return report.lines.push(line);
    };
    let plainly: String = pinned.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_uppercase();
    if plainly == found.as_str() {
        report.lines.push(format!("owner: the key {found}, as given"));
    } else {
        problems.add(format_args!("the owner's key in this ledger is {found}, not {plainly}"));
    }
}

fn cases(roster: &Roster<'_>, history: &History<'_>, merges: &[Merge<'_>], problems: &mut Problems) -> Vec<CommitReport> {
    let (mut before, mut round) = (None, BTreeSet::new());
    let mut reports = Vec::with_capacity(merges.len());
    for merge in merges {
        let told = case::judge(roster, history, merge, &mut before, problems);
        round.extend(told.round.then(|| merge.task.clone()));
        reports.push(CommitReport {
            commit: merge.commit.to_string(),
            task: merge.task.to_string(),
            title: told.title,
            author: told.author,
            gates: told.gates,
            reviewers: told.reviewers,
            merged_at: merge.time,
            brought: told.brought,
            present: false,
        });
    }
    bypass::afterwards(roster, history, merges, &round, problems);
    reports
}

/// The protected branch as the clone has it: its own, or else what it fetched from `origin`.
fn branch(reader: &Reader, branch: &RefName) -> Result<(String, Oid), Failure> {
    let short = branch.as_str().strip_prefix("refs/heads/").unwrap_or(branch.as_str());
    let remote = RefName::new(format!("refs/remotes/origin/{short}")).ok();
    for name in [Some(branch.clone()), remote].into_iter().flatten() {
        if let Some(tip) = reader.find(&name)? {
            return Ok((name.to_string(), tip));
        }
    }
    Err(Failure::new("cannot judge the repository", format!("it has no {branch}")).hint("git fetch origin"))
}

/// What git saw when it looked at every object of the clone.
fn sound(checking: Checking, report: &mut Report, problems: &mut Problems) {
    match checking.end() {
        Ok(found) => {
            found.broken.iter().for_each(|line| problems.add(format_args!("the repository is damaged: {line}")));
            report.lines.extend(found.odd.iter().map(|line| format!("oddly written: {}", plain(line))));
        }
        Err(failure) => problems.add(failure),
    }
}
