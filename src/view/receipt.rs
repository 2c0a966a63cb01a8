//! Receipts: what the record holds about one task, statement by statement, for whoever trusts nobody here.

use super::text::time;
use crate::domain::actor::Party;
use crate::domain::dsse::{Envelope, pae};
use crate::domain::entry::Entry;
use crate::domain::event::Event;
use crate::domain::name::{Oid, TaskId};
use crate::domain::{confirm, key, merge, motion, panel, review, statement, task};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::collections::BTreeSet;

/// A file of a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub bytes: Vec<u8>,
}

const HOW: &str = "Each statement is an in-toto Statement in a DSSE envelope (NAME.dsse.json). Beside it lie the bytes that were signed (NAME.pae) and\n\
    the signature over them (NAME.sig), so that stock tools can judge it:\n\n\
    gpg --homedir $(mktemp -d) --import keys/*.asc     (once; with the same folder below)\n    gpg --verify NAME.sig NAME.pae\n\n\
    That the statements are all there are, that they were made in this order and under these rules, and that they were enough, says\n\
    orchestrate verify CLONE --bundle FILE --owner FINGERPRINT\n";

/// The statement of an entry, if it bears one about this task; and a name for it.
fn statement_of<'e>(entry: &'e Entry, task: &TaskId, motions: &BTreeSet<u32>) -> Option<(String, &'e Envelope)> {
    match &entry.event {
        Event::Task(task::Event::Tested { task: of, attempt, kind, statement, .. }) if of == task => Some((format!("attempt-{attempt}-test-{}", kind.word()), statement)),
        Event::Task(task::Event::Judged { task: of, attempt, gate, statement, .. }) if of == task => Some((format!("attempt-{attempt}-verdict-{gate}"), statement)),
        Event::Review(review::Event::Decided { task: of, attempt, gate, statement, .. }) if of == task => {
            Some((format!("attempt-{attempt}-review-{gate}-{}", entry.by), statement))
        }
        Event::Confirm(confirm::Event::Confirmed { task: of, attempt, statement, .. }) if of == task => Some((format!("attempt-{attempt}-confirmation-owner"), statement)),
        Event::Motion(motion::Event::Voted { motion, statement, .. }) if motions.contains(motion) => Some((format!("motion-{motion}-voice-{}", entry.by), statement)),
        _ => None,
    }
}

/// Everything about a task as files of one folder; nothing where there is no such task.
pub fn files(entries: &[Entry], task: &TaskId) -> Option<Vec<File>> {
    let known = entries.iter().any(|entry| matches!(&entry.event, Event::Task(task::Event::Opened { task: of, .. }) if of == task));
    let motions: BTreeSet<u32> = entries.iter().filter_map(|entry| about(entry, task)).collect();
    let mut files = vec![file("HOW-TO-CHECK.txt".to_owned(), HOW)];
    let mut signers: BTreeSet<&str> = BTreeSet::new();
    for entry in entries {
        let Some((name, envelope)) = statement_of(entry, task, &motions) else { continue };
        let name = format!("{:06}-{name}", entry.seq);
        signers.extend(envelope.signatures.iter().map(|signature| signature.keyid.as_str()));
        files.extend(signed(&name, envelope));
    }
    let story: String = entries.iter().filter(|entry| tells(entry, task, &motions)).map(|entry| format!("{}\n", super::line(entry))).collect();
    files.push(file("STORY.txt".to_owned(), &story));
    files.extend(entries.iter().filter_map(certificate).filter(|(_, fingerprint, _)| signers.contains(fingerprint)).map(|(holder, fingerprint, armored)| {
        file(format!("keys/{holder}-{}.asc", &fingerprint[..16.min(fingerprint.len())]), armored)
    }));
    known.then_some(files)
}

fn file(name: String, text: &str) -> File {
    File { name, bytes: text.as_bytes().to_vec() }
}

/// The envelope as it stands, and its parts as stock tools want them.
fn signed(name: &str, envelope: &Envelope) -> Vec<File> {
    let whole = serde_json::to_vec(envelope).expect("BUG: an envelope is always writable as JSON");
    let mut files = vec![File { name: format!("{name}.dsse.json"), bytes: whole }];
    if let Some(payload) = statement::payload(envelope) {
        files.push(File { name: format!("{name}.pae"), bytes: pae(&envelope.payload_type, &payload) });
    }
    let signatures = envelope.signatures.iter().filter_map(|signature| STANDARD.decode(&signature.sig).ok());
    files.extend(signatures.take(1).map(|bytes| File { name: format!("{name}.sig"), bytes }));
    files
}

fn certificate(entry: &Entry) -> Option<(&Party, &str, &str)> {
    match &entry.event {
        Event::Key(key::Event::Made { holder, fingerprint, certificate }) => Some((holder, fingerprint.as_str(), certificate)),
        _ => None,
    }
}

fn about(entry: &Entry, task: &TaskId) -> Option<u32> {
    match &entry.event {
        Event::Motion(motion::Event::Moved { motion, task: Some(of), .. }) if of == task => Some(*motion),
        _ => None,
    }
}

fn tells(entry: &Entry, task: &TaskId, motions: &BTreeSet<u32>) -> bool {
    match &entry.event {
        Event::Task(event) => super::line::of_task(event) == task,
        Event::Review(review::Event::Drawn { task: of, .. } | review::Event::Decided { task: of, .. }) => of == task,
        Event::Panel(event) => panel::task_of(event) == Some(task),
        Event::Confirm(confirm::Event::Confirmed { task: of, .. }) => of == task,
        Event::Merge(merge::Event::Intended { task: of, .. } | merge::Event::Merged { task: of, .. } | merge::Event::Missed { task: of, .. }) => of == task,
        Event::Motion(motion::Event::Moved { motion, .. } | motion::Event::Voted { motion, .. } | motion::Event::Closed { motion, .. } | motion::Event::Referred { motion, .. }) => motions.contains(motion),
        Event::Bypass(event) => event.task() == task,
        Event::Deploy(event) => event.task() == task,
        Event::Refused(refused) => refused.on == task.as_str(),
        _ => false,
    }
}

/// The task that a merge commit brought in; `commit` may be the beginning of its id.
pub fn task_of<'e>(entries: &'e [Entry], commit: &str) -> Option<(&'e TaskId, &'e Oid)> {
    entries.iter().find_map(|entry| match &entry.event {
        Event::Merge(merge::Event::Merged { task, commit: oid, .. }) if commit.len() >= 7 && oid.as_str().starts_with(commit) => Some((task, oid)),
        _ => None,
    })
}

/// A merge for people: whose it is, what each gate saw, who said what.
pub fn page(entries: &[Entry], commit: &str) -> Option<String> {
    let (task, oid) = task_of(entries, commit)?;
    let motions: BTreeSet<u32> = entries.iter().filter_map(|entry| about(entry, task)).collect();
    let last = entries.iter().rev().find_map(|entry| match &entry.event {
        Event::Merge(merge::Event::Merged { task: of, attempt, .. }) if of == task => Some((*attempt, entry.time)),
        _ => None,
    });
    let (attempt, merged) = last?;
    let mut text = format!("{oid} brought {task} in, attempt {attempt}, at {}\n\n", time(merged));
    for entry in entries.iter().filter(|entry| tells(entry, task, &motions)) {
        text.push_str(&format!("  {}\n", super::line(entry)));
        if let Event::Task(task::Event::Judged { attempt: of, checks, .. }) = &entry.event
            && *of == attempt
        {
            checks.iter().for_each(|(check, verdict)| text.push_str(&format!("          {} {check}: {}\n", verdict.word(), super::text::one_line(verdict.why()))));
        }
    }
    text.push_str(&format!("\nall statements: orchestrate receipt export {task} FOLDER\n"));
    Some(text)
}
