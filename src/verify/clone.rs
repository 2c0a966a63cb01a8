//! The clone's protected branch, walked from its tip: every commit on it has to be one that the ledger accounts for.

use super::book::{Book, moment};
use super::chain::Merge;
use super::commit::{Commit, Trailers};
use super::history::History;
use super::problems::{Problems, plain};
use super::roster::Roster;
use super::threads::in_two_with;
use crate::domain::actor::Party;
use crate::domain::change::{Change, FileChange, Signature};
use crate::domain::name::Oid;
use crate::domain::reading;
use crate::edge::git::Reader;
use crate::edge::keys::split_commit;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Commits that may stand on the branch beyond those the ledger knows before the walk is given up.
const MOST_STRANGERS: usize = 1000;

/// The clone's branch beside the ledger's chain.
pub(super) struct Branch {
    /// Commits from the base to the tip, oldest first; an object that is no sound commit has none.
    walked: Vec<(Oid, Option<Commit>)>,
    /// Whether the walk ended at the base.
    rooted: bool,
}

/// What the judge looks at while it judges a clone.
pub(super) struct Judge<'a> {
    pub roster: &'a Roster<'a>,
    pub book: &'a Book,
    pub history: &'a History<'a>,
    pub merges: &'a [Merge<'a>],
}

/// What became of the quotes of one merge.
#[derive(Default)]
struct Quoted {
    all: usize,
    unseen: usize,
    problems: Problems,
}

impl Branch {
    /// Walks from the tip back to the base, by first parents, hashing each commit.
    pub fn walk(reader: &mut Reader, tip: &Oid, base: &Oid, merges: &[Merge<'_>], problems: &mut Problems) -> Self {
        let mut branch = Self { walked: Vec::new(), rooted: false };
        let mut seen = HashSet::new();
        let mut at = tip.clone();
        while branch.walked.len() <= merges.len() + MOST_STRANGERS && seen.insert(at.clone()) {
            if at == *base {
                branch.rooted = true;
                break;
            }
            let Some(raw) = bytes(reader, &at, problems) else { break };
            let parent = Commit::first_parent(&raw);
            let commit = Commit::read(&at, &raw)
                .map_err(|why| problems.commit(&at, format_args!("it is not a merge of the gatekeeper: {why}")))
                .ok();
            branch.walked.push((at, commit));
            let Some(parent) = parent else { break };
            at = parent;
        }
        branch.walked.reverse();
        branch
    }

    pub fn len(&self) -> usize {
        self.walked.len()
    }

    /// The commits that were found.
    pub fn ids(&self) -> HashSet<&str> {
        self.walked.iter().map(|(id, _)| id.as_str()).collect()
    }

    /// How many of the ledger's merges stand on the branch.
    pub fn position(&self, merges: &[Merge<'_>]) -> usize {
        let on: HashSet<&Oid> = self.walked.iter().map(|(id, _)| id).collect();
        merges.iter().filter(|merge| on.contains(merge.commit)).count()
    }
}

fn bytes(reader: &mut Reader, at: &Oid, problems: &mut Problems) -> Option<Vec<u8>> {
    match reader.commit(at) {
        Ok(Some(raw)) => Some(raw),
        Ok(None) => {
            problems.commit(at, "it is missing or damaged, and the branch needs it (git fsck; git fetch --unshallow)");
            None
        }
        Err(failure) => {
            problems.commit(at, failure);
            None
        }
    }
}

impl Judge<'_> {
    /// Judges every commit of the branch against the ledger, and both against each other.
    pub fn judge(&self, [reader, other]: [&mut Reader; 2], branch: &Branch, problems: &mut Problems) {
        let known: HashMap<&Oid, &Merge<'_>> = self.merges.iter().map(|merge| (merge.commit, merge)).collect();
        self.ends(branch, &known, problems);
        let pairs: Vec<(&Commit, &Merge<'_>)> =
            branch.walked.iter().filter_map(|(id, commit)| Some((commit.as_ref()?, *known.get(id)?))).collect();
        let trailers: Vec<_> = pairs.iter().map(|(commit, merge)| self.trailer(commit, merge)).collect();
        let sizes: BTreeSet<u64> = trailers.iter().flatten().map(|(size, _)| *size).collect();
        let roots = self.book.roots(&sizes);
        let cases: Vec<_> = pairs.iter().zip(trailers).collect();
        let found = in_two_with(&cases, [reader, other], |reader, ((commit, merge), trailer)| {
            let mut problems = Problems::default();
            let rooted = trailer.as_ref().map_err(Clone::clone).and_then(|(size, root)| self.rooted(merge, *size, roots.get(size) == Some(root)));
            let judged = [self.signature(commit, merge), form(self.roster, commit, merge), self.named(commit, merge), rooted];
            judged.into_iter().filter_map(Result::err).for_each(|why| problems.commit(&commit.id, why));
            self.content(reader, commit, merge, &mut problems);
            self.range(reader, merge, &mut problems);
            problems
        });
        found.into_iter().for_each(|found| problems.append(found));
    }

    /// Holds the quotes of the words on each merge against its difference; says how many there were, and how many could not be compared.
    pub fn quotes(&self, [reader, other]: [&mut Reader; 2], branch: &Branch, problems: &mut Problems) -> (usize, usize) {
        let there = branch.ids();
        let merges: Vec<&Merge<'_>> = self.merges.iter().filter(|merge| there.contains(merge.commit.as_str())).collect();
        let found = in_two_with(&merges, [reader, other], |reader, merge| self.quoted(reader, merge));
        found.into_iter().fold((0, 0), |(all, unseen), quoted| {
            problems.append(quoted.problems);
            (all + quoted.all, unseen + quoted.unseen)
        })
    }

    fn quoted(&self, reader: &mut Reader, merge: &Merge<'_>) -> Quoted {
        let mut quoted = Quoted::default();
        let attempt = self.history.tasks.get(merge.task).and_then(|task| task.attempts.get(&merge.attempt));
        let Some((attempt, measured)) = attempt.and_then(|attempt| Some((attempt, attempt.measured.as_ref()?))) else { return quoted };
        let quotes: Vec<(u64, &String)> = attempt.words.iter().flat_map(|word| word.reading.quotes.iter().map(|quote| (word.seq, quote))).collect();
        quoted.all = quotes.len();
        let texts = if quotes.is_empty() { Ok(Some(Vec::new())) } else { reader.texts(&measured.change.files, usize::MAX) };
        let Ok(Some(texts)) = texts else {
            quoted.unseen = quotes.len();
            return quoted;
        };
        for (seq, quote) in quotes.into_iter().filter(|(_, quote)| !reading::stands_in(&texts, quote)) {
            let first = plain(quote.lines().next().unwrap_or_default());
            quoted.problems.entry(seq, format_args!("it quotes {first:?}, which does not stand in the difference of {}", merge.task));
        }
        quoted
    }

    /// The branch must begin at the base, hold nothing strange, and leave nothing out before its tip.
    fn ends(&self, branch: &Branch, known: &HashMap<&Oid, &Merge<'_>>, problems: &mut Problems) {
        let base = &self.roster.genesis.base;
        if !branch.rooted {
            problems.add(format_args!(
                "the branch does not lead back to {}, on which the workshop was founded: its history was rewritten",
                base.short()
            ));
        }
        for (id, _) in branch.walked.iter().filter(|(id, _)| !known.contains_key(id)) {
            problems
                .commit(id, "it stands on the protected branch and the ledger knows no merge of it (is the bundle older than the clone?)");
        }
        let on: HashSet<&Oid> = branch.walked.iter().map(|(id, _)| id).collect();
        let last = self.merges.iter().rposition(|merge| on.contains(merge.commit));
        for merge in self.merges.iter().take(last.unwrap_or(0)).filter(|merge| !on.contains(merge.commit)) {
            problems.entry(
                merge.merged,
                format_args!("{} was merged as {}, which is missing from the branch", merge.task, merge.commit.short()),
            );
        }
    }

    fn signature(&self, commit: &Commit, merge: &Merge<'_>) -> Result<(), String> {
        let signature = commit.signature.as_ref().ok_or("it is not signed")?;
        let keeper = self.roster.key(&Party::Gatekeeper, merge.intended).ok_or("the gatekeeper had no key when it was made")?;
        match keeper.certs.verify_armored_at(signature, &commit.signed, moment(merge.time)) {
            Signature::Good(fingerprint) if fingerprint == keeper.fingerprint => Ok(()),
            Signature::Bad(why) => Err(format!("it is not signed by the gatekeeper: {why}")),
            Signature::Good(_) | Signature::Missing | Signature::OtherFormat | Signature::UnknownKey => {
                Err("it is not signed by the gatekeeper".to_owned())
            }
        }
    }

    fn trailer(&self, commit: &Commit, merge: &Merge<'_>) -> Result<(u64, [u8; 32]), String> {
        let task = self.history.tasks.get(merge.task).ok_or("its task was never opened")?;
        let attempt = task.attempts.get(&merge.attempt);
        let (_, candidate) = attempt.and_then(|attempt| attempt.submitted).ok_or("its candidate was never submitted")?;
        let trailers = Trailers {
            title: task.title,
            task: merge.task,
            attempt: merge.attempt,
            candidate,
            author: attempt.and_then(|attempt| attempt.author).ok_or("nobody took its task")?,
            policy: self.roster.rules(merge.intended).digest.as_str(),
            workshop: &self.roster.genesis.workshop,
        };
        trailers.checkpoint(&commit.message)
    }

    /// The commit pins the ledger as it was when all gates were passed, and before the intent.
    fn rooted(&self, merge: &Merge<'_>, size: u64, same: bool) -> Result<(), String> {
        let attempt = self.history.tasks.get(merge.task).and_then(|task| task.attempts.get(&merge.attempt));
        let judged =
            attempt.iter().flat_map(|attempt| &attempt.judged).filter(|judged| judged.seq < merge.intended).map(|judged| judged.seq).max();
        match () {
            () if size > merge.intended => {
                Err(format!("its checkpoint covers {size} entries, and its own intent is entry {}", merge.intended))
            }
            () if judged.is_some_and(|judged| size <= judged) => {
                Err(format!("its checkpoint covers {size} entries, not all the verdicts that let it in"))
            }
            () if !same => Err(format!("its checkpoint is not the root over the ledger's first {size} entries")),
            () => Ok(()),
        }
    }

    fn named(&self, commit: &Commit, merge: &Merge<'_>) -> Result<(), String> {
        let author = self.history.tasks.get(merge.task).and_then(|task| task.attempts.get(&merge.attempt)?.author).ok_or("nobody took its task")?;
        let (own, keeper) = (self.roster.email(author.as_str()), self.roster.email("gatekeeper"));
        match () {
            () if commit.author != own => Err(format!("its author is {}, not {own}", commit.author)),
            () if commit.committer != keeper => Err(format!("its committer is {}, not {keeper}", commit.committer)),
            () => Ok(()),
        }
    }

    /// Measures again what entered, and compares it with what the ledger says was measured.
    fn content(&self, reader: &mut Reader, commit: &Commit, merge: &Merge<'_>, problems: &mut Problems) {
        let Some((task, change)) = self.measured(merge) else { return };
        let parent = reader.commit(merge.old).ok().flatten().and_then(|raw| tree_of(&raw));
        let Some(parent) = parent else { return problems.commit(&commit.id, "the tree of its parent cannot be read") };
        let compared = match reader.compare(&parent, &commit.tree) {
            Ok(compared) => compared,
            Err(failure) => return problems.commit(&commit.id, failure),
        };
        if let Some(fault) = compared.faults.first() {
            problems.commit(&commit.id, format_args!("it brings what no change may bring: {fault}"));
        }
        if let Some(why) = unlike(change, &compared.files, *merge.old == change.base) {
            problems.commit(&commit.id, format_args!("it is not the change that was measured: {why}"));
        }
        if compared.files == change.files {
            return;
        }
        let rules = &self.roster.rules(merge.intended).charter;
        let (said, found) = (rules.needs(change, task), rules.needs(&Change { files: compared.files, ..change.clone() }, task));
        let more =
            found.approvals > said.approvals || (found.owner && !said.owner) || found.gates.iter().any(|gate| !said.gates.contains(gate));
        if more {
            let why = found.reasons.first().or(found.denied.first()).cloned().unwrap_or_default();
            problems.commit(&commit.id, format_args!("it asks for more than it was measured to: {why}"));
        }
    }

    fn measured(&self, merge: &Merge<'_>) -> Option<(&crate::domain::name::SeatName, &Change)> {
        let attempt = self.history.tasks.get(merge.task)?.attempts.get(&merge.attempt)?;
        Some((attempt.author?, attempt.measured.as_ref()?.change))
    }

    /// Where the clone has the candidate's own commits, their signatures must be what was measured.
    fn range(&self, reader: &mut Reader, merge: &Merge<'_>, problems: &mut Problems) {
        let Some((_, change)) = self.measured(merge) else { return };
        for facts in &change.commits {
            let raw = match reader.commit(&facts.id) {
                Ok(Some(raw)) => raw,
                Ok(None) => continue,
                Err(failure) => {
                    problems.commit(&facts.id, failure);
                    continue;
                }
            };
            if !self.signed_as_measured(&raw, &facts.signature, merge) {
                problems.commit(&facts.id, format_args!("its signature is not what was measured for {}", merge.task));
            }
        }
    }

    fn signed_as_measured(&self, raw: &[u8], said: &Signature, merge: &Merge<'_>) -> bool {
        let Signature::Good(fingerprint) = said else { return true };
        let holder = self.roster.seat_of(fingerprint, merge.intended).and_then(|seat| self.roster.key(&Party::Seat(seat.clone()), merge.intended));
        let found = split_commit(raw)
            .zip(holder)
            .map(|((signed, armored), holder)| holder.certs.verify_armored_at(&armored, &signed, moment(merge.time)));
        found.as_ref() == Some(said)
    }
}

fn form(roster: &Roster<'_>, commit: &Commit, merge: &Merge<'_>) -> Result<(), String> {
    match commit.parents.as_slice() {
        [parent] if parent != merge.old => Err(format!("its parent is {}, and the ledger says {}", parent.short(), merge.old.short())),
        [_] if commit.tree != *merge.tree => {
            Err(format!("its tree is {}, and {} was tested and intended", commit.tree.short(), merge.tree.short()))
        }
        [_] => Ok(()),
        parents => Err(format!("it has {} parents; {} takes commits with one", parents.len(), roster.genesis.branch)),
    }
}

fn tree_of(raw: &[u8]) -> Option<Oid> {
    let line = raw.split(|byte| *byte == b'\n').next()?.strip_prefix(b"tree ")?;
    Oid::new(String::from_utf8_lossy(line)).ok()
}

/// On its own base a merge is exactly the candidate; on a later tip it touches nothing that the candidate did not.
fn unlike(change: &Change, found: &[FileChange], on_base: bool) -> Option<String> {
    let measured: HashMap<&str, &FileChange> = change.files.iter().map(|file| (file.path.as_str(), file)).collect();
    for file in found {
        match measured.get(file.path.as_str()) {
            None => return Some(format!("{} was not measured", file.path)),
            Some(said) if said.old == file.old && **said != *file => return Some(format!("{} was measured otherwise", file.path)),
            Some(said) if on_base && **said != *file => return Some(format!("{} was measured otherwise", file.path)),
            Some(_) => {}
        }
    }
    (on_base && found.len() != change.files.len()).then(|| "it lacks a file that was measured".to_owned())
}
