//! The emergency bypass: the owner and the librarian together let one small candidate in without its gates, and two others look at it afterwards.

use super::actor::{Actor, Party};
use super::charter::Charter;
use super::check::{Check, Verdict};
use super::command::Command;
use super::confirm;
use super::draw;
use super::dsse::Envelope;
use super::entry::Millis;
use super::event::Event as Any;
use super::evidence::Evidence;
use super::gate::{Gate, GateName};
use super::message;
use super::name::{Digest, SeatName, TaskId};
use super::planted;
use super::push;
use super::change::Mark;
use super::refusal::Refusal;
use super::role::Capability;
use super::state::State;
use super::statement;
use super::task::{self, Attempt, Stage};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The section `bypass` of the policy; a charter without it has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Lines added plus deleted, at most; 0 is no bypass at all.
    pub lines: u64,
    pub files: u64,
    /// How long it can be used after the owner's word.
    pub minutes: u32,
    /// Within so many hours after the merge two others have looked at it, or its author's next ones wait.
    pub follow_up_hours: u32,
    /// Whether a no of one of them stops every further bypass until the owner has answered it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_stops: bool,
}

impl Terms {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The last moment at which it can be used.
    pub fn until(&self, opened: Millis) -> Millis {
        opened + Millis::from(self.minutes) * 60_000
    }

    /// The last moment for the two that look at it afterwards.
    pub fn due(&self, merged: Millis) -> Millis {
        merged + Millis::from(self.follow_up_hours) * 3_600_000
    }
}

/// How many look at it afterwards.
pub const FOLLOWERS: usize = 2;
/// The checks of DEPLOY that no bypass leaves out.
const KEPT: [&str; 2] = ["no-forbidden-entries", "merge-still-tested"];

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The owner's half, with a one-time code; `code` is its time step.
    Opened { task: TaskId, attempt: u32, reason: String, code: u64, statement: Envelope },
    /// The librarian's half: from here on the gates are left out.
    Signed { task: TaskId, attempt: u32, note: String, statement: Envelope },
    /// Who looks at it afterwards, by HMAC(secret of the epoch, task and `follow-up`).
    Drawn { task: TaskId, pool: Vec<SeatName>, seats: Vec<SeatName>, draw: Digest },
    Reviewed { task: TaskId, accept: bool, note: String, statement: Envelope },
    /// They have not looked at it in their time: its author's merges wait.
    Lapsed { task: TaskId },
    /// Others in the place of those who did not look, by HMAC(secret of the epoch, task, `follow-up` and round).
    Redrawn { task: TaskId, round: u32, out: Vec<SeatName>, pool: Vec<SeatName>, seats: Vec<SeatName>, draw: Digest },
    /// The owner answers a no.
    Answered { task: TaskId, note: String, statement: Envelope },
}

impl Event {
    pub fn statement(&mut self) -> Option<(Party, &mut Envelope)> {
        match self {
            Self::Opened { statement, .. } | Self::Answered { statement, .. } => Some((Party::Owner, statement)),
            Self::Signed { statement, .. } | Self::Reviewed { statement, .. } => {
                let seat = super::review::payload_seat(statement)?;
                Some((Party::Seat(seat), statement))
            }
            Self::Drawn { .. } | Self::Lapsed { .. } | Self::Redrawn { .. } => None,
        }
    }

    pub fn task(&self) -> &TaskId {
        match self {
            Self::Opened { task, .. } | Self::Signed { task, .. } | Self::Drawn { task, .. } | Self::Reviewed { task, .. } | Self::Lapsed { task } | Self::Redrawn { task, .. } | Self::Answered { task, .. } => task,
        }
    }
}

/// A bypass of one task's candidate, from the owner's word to the last look at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bypass {
    pub attempt: u32,
    pub author: SeatName,
    pub reason: String,
    pub opened: Millis,
    /// Where the ledger has the owner's word.
    pub seq: u64,
    pub signed: Option<SeatName>,
    pub merged: Option<Millis>,
    /// Who was drawn to look at it, and where the ledger says so.
    pub drawn: Option<(Vec<SeatName>, u64)>,
    pub words: BTreeMap<SeatName, bool>,
    /// Whether they let their time pass and nobody was drawn in their place so far.
    pub lapsed: bool,
    /// How often others were drawn, when last, and in whose place.
    #[serde(default, skip_serializing_if = "Again::is_none")]
    pub again: Again,
    /// Whether the owner has answered what they said.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub answered: bool,
}

/// Draws in the place of those who did not look at a bypass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    pub round: u32,
    pub since: Millis,
    pub out: BTreeSet<SeatName>,
}

impl Again {
    pub fn is_none(&self) -> bool {
        self.round == 0
    }
}

impl Bypass {
    /// When the time of those began who have to look at it now.
    fn since(&self) -> Option<Millis> {
        if self.again.is_none() { self.merged } else { Some(self.again.since) }
    }

    /// Who said no, while the owner has not answered.
    pub fn disputed(&self) -> Vec<&SeatName> {
        self.words.iter().filter(|(_, accept)| !self.answered && !**accept).map(|(seat, _)| seat).collect()
    }

    /// Whether two have looked at it.
    pub fn followed(&self) -> bool {
        self.words.len() >= FOLLOWERS
    }
}

/// What is said about a bypass.
#[derive(Debug, Clone)]
pub enum Word {
    /// `code` is the time step of a right code; `None` is a wrong one.
    Open { shown: Digest, reason: String, code: Option<u64> },
    Sign { note: String },
    Review { accept: bool, note: String },
    Answer { note: String },
}

pub fn say(state: &State, actor: &Actor, now: Millis, task: &TaskId, word: &Word) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    match word {
        Word::Open { shown, reason, code } => open(state, actor, now, task, shown, reason, *code),
        Word::Sign { note } => sign(state, actor, now, task, note),
        Word::Review { accept, note } => review(state, actor, task, *accept, note),
        Word::Answer { note } => answer(state, actor, task, note),
    }
}

/// Says why a candidate is none for a bypass: too large, with a secret in it, not on the tip, or not at a gate.
pub fn fits(state: &State, task: &TaskId, attempt: &Attempt) -> Result<(), Refusal> {
    undisputed(state)?;
    let terms = state.charter().policy.bypass;
    let refuse = |code: &str, why: String| Err(Refusal::new(code, why, format!("orchestrate gate show {task}")));
    let Some(change) = &attempt.change else { return refuse("not-measured", format!("{task} is not measured yet")) };
    let secret = change.files.iter().any(|file| file.marks.iter().any(|mark| matches!(mark, Mark::Secret { .. })));
    let (lines, files) = (change.lines(), change.file_count() as u64);
    match () {
        () if terms.lines == 0 => refuse("no-bypass", "the policy has no bypass".to_owned()),
        () if lines > terms.lines => refuse("too-large", format!("{lines} lines are more than the {} that may go round the gates", terms.lines)),
        () if files > terms.files => refuse("too-large", format!("{files} files are more than the {} that may go round the gates", terms.files)),
        () if secret => refuse("secret", "it brings what looks like a secret, which nothing lets in".to_owned()),
        () if state.tip() != Some(&change.base) => refuse("stale", "the protected branch moved since it was submitted: submit again".to_owned()),
        () if !stands(state, attempt) => refuse("not-at-a-gate", format!("{task} stands at no gate now")),
        // Whose key was taken away meanwhile brings nothing in.
        () => change.commits.iter().try_for_each(|commit| push::judge_commit(state, commit).map(drop)),
    }
}

/// Says no while somebody's no to an earlier bypass waits for the owner's answer, where the policy has it stop further ones.
pub fn undisputed(state: &State) -> Result<(), Refusal> {
    let stops = state.charter().policy.bypass.no_stops;
    match state.bypasses.iter().find(|(_, bypass)| stops && !bypass.disputed().is_empty()) {
        None => Ok(()),
        Some((task, bypass)) => {
            let seats = bypass.disputed().into_iter().map(SeatName::as_str).collect::<Vec<_>>().join(" and ");
            let why = format!("{seats} said no to the bypass of {task}, and the owner has not answered");
            Err(Refusal::new("bypass-disputed", why, format!("orchestrate bypass answer {task} --note '…'")))
        }
    }
}

/// At a gate, or sent back by nothing but a gate's own no, under the charter in force.
fn stands(state: &State, attempt: &Attempt) -> bool {
    match attempt.stage {
        Stage::At(_) => true,
        Stage::Back { .. } => attempt.failed.as_ref() == Some(&state.policy),
        Stage::Measuring | Stage::Merging | Stage::Moving { .. } | Stage::Merged => false,
    }
}

/// The owner's half, bound to exactly what was shown.
fn open(state: &State, actor: &Actor, now: Millis, task: &TaskId, shown: &Digest, reason: &str, code: Option<u64>) -> Result<Vec<Any>, Refusal> {
    if *actor != Actor::Owner {
        return Err(Refusal::new("owner-only", "only the owner opens a bypass", format!("orchestrate mail send owner --subject 'bypass {task}?'")));
    }
    let (attempt, reason) = (live(state, task)?, Command::line(reason, "a bypass wants a reason", &format!("orchestrate bypass open {task} --reason 'why'"))?);
    fits(state, task, attempt)?;
    if standing(state, task, now).is_ok() {
        return Err(Refusal::new("said-already", format!("a bypass of {task} is open already"), "orchestrate status"));
    }
    let bound = task::bound(state, task, attempt, attempt.submitted)?;
    if confirm::Shown::of(&bound).0 != *shown {
        return Err(Refusal::new("other-digest", format!("{task} is not what was shown any more"), format!("orchestrate bypass open {task} --reason '…'")));
    }
    let Some(code) = confirm::code(state, now, code)? else { return Ok(vec![Any::Confirm(confirm::Event::Missed)]) };
    let statement = statement::bypass(&bound, "owner", true, &reason);
    let text = format!("The owner wants {task} in without its gates: {reason}\n\nLook: orchestrate review show {task}\nThen, or not: orchestrate bypass sign {task} --note '…'");
    let mail = message::notice(state, now, librarians(state), &format!("{task}: your half of a bypass"), &text, Some(task));
    let opened = Any::Bypass(Event::Opened { task: task.clone(), attempt: attempt.number, reason, code, statement });
    Ok(std::iter::once(opened).chain(mail).collect())
}

fn live<'a>(state: &'a State, task: &TaskId) -> Result<&'a Attempt, Refusal> {
    let known = state.task(task)?;
    known.vetoed()?;
    let none = || Refusal::new("nothing-submitted", format!("nothing of {task} is under way"), format!("orchestrate task show {task}"));
    if known.merged.is_some() {
        return Err(Refusal::new("merged-already", format!("{task} is on the protected branch already"), "orchestrate task list"));
    }
    known.attempt.as_ref().filter(|_| known.author.is_some()).ok_or_else(none)
}

/// The seats of the librarian's role.
pub fn librarians(state: &State) -> Vec<SeatName> {
    state.fleet_order.iter().filter(|seat| is_librarian(state, seat)).cloned().collect()
}

pub fn is_librarian(state: &State, seat: &SeatName) -> bool {
    state.fleet.get(seat).is_some_and(|seat| seat.role.as_str() == "librarian")
}

/// The bypass of a task's present candidate, while it can still be used.
pub fn standing<'a>(state: &'a State, task: &TaskId, now: Millis) -> Result<&'a Bypass, Refusal> {
    let over = |why: &str| Refusal::new("bypass-over", format!("{task}: {why}"), format!("orchestrate bypass open {task} --reason '…'"));
    let bypass = state.bypasses.get(task).filter(|bypass| bypass.merged.is_none()).ok_or_else(|| over("the owner has opened no bypass of it"))?;
    let current = state.tasks.get(task).and_then(|known| known.attempt.as_ref()).is_some_and(|now| now.number == bypass.attempt);
    match () {
        () if !current => Err(over("another candidate was submitted since its bypass was opened")),
        () if state.charter().policy.bypass.until(bypass.opened) < now => Err(over("its bypass was not used in its time")),
        () => Ok(bypass),
    }
}

/// The librarian's half: one who had no hand in it.
fn sign(state: &State, actor: &Actor, now: Millis, task: &TaskId, note: &str) -> Result<Vec<Any>, Refusal> {
    let show = || format!("orchestrate review show {task}");
    let Some(seat) = actor.seat().filter(|seat| is_librarian(state, seat) || planted::out("bypass-librarian")) else {
        return Err(Refusal::new("not-your-role", "the other half of a bypass is a librarian's", "orchestrate whoami"));
    };
    let attempt = live(state, task)?;
    let bypass = standing(state, task, now)?;
    fits(state, task, attempt)?;
    if attempt.contributors.contains(seat) {
        return Err(Refusal::new("own-work", format!("{seat} contributed to {task} and cannot judge it"), show()));
    }
    if bypass.signed.is_some() {
        return Err(Refusal::new("said-already", format!("the bypass of {task} is signed already"), show()));
    }
    super::review::words(note)?;
    let statement = statement::bypass(&task::bound(state, task, attempt, bypass.seq)?, seat.as_str(), true, note);
    let signed = Any::Bypass(Event::Signed { task: task.clone(), attempt: attempt.number, note: note.to_owned(), statement });
    let mail = message::notice_owner(state, now, &format!("{task} goes round its gates"), &format!("{seat} has signed the bypass of {task}: {note}"), Some(task));
    Ok(std::iter::once(signed).chain(mail).collect())
}

/// What is left of DEPLOY where its candidate goes round the gates.
pub fn judge(gate: &Gate, evidence: &Evidence<'_>) -> Vec<(&'static str, Verdict)> {
    let left_out = || Verdict::Exempt("the owner and the librarian let it in by an emergency bypass".to_owned());
    let verdict = |check: &Check| if KEPT.contains(&check.name) { (check.judge)(evidence) } else { left_out() };
    gate.checks().map(|check| (check.name, verdict(check))).collect()
}

/// May it enter by its bypass now? Only in time, only as it was shown, only where it was shown.
pub fn usable(state: &State, task: &TaskId, attempt: &Attempt, tree: &super::name::Oid, now: Millis) -> Result<(), Refusal> {
    let bypass = standing(state, task, now)?;
    let same = attempt.change.as_ref().is_some_and(|change| change.tree == *tree && state.tip() == Some(&change.base));
    let over = |why: &str| Refusal::new("bypass-over", format!("{task}: {why}"), format!("orchestrate task show {task}"));
    match () {
        () if bypass.signed.is_none() => Err(over("the librarian has not signed")),
        () if !same => Err(over("the protected branch moved, and what would enter is not what was shown")),
        () => Ok(()),
    }
}

/// Who can look at it afterwards.
pub fn followers(charter: &Charter, author: &SeatName, contributors: &BTreeSet<SeatName>, signed: Option<&SeatName>) -> Vec<SeatName> {
    let free = |seat: &SeatName| !contributors.contains(seat) && signed != Some(seat);
    let near: Vec<SeatName> = draw::pool(charter, author, contributors).into_iter().filter(free).collect();
    if near.len() < FOLLOWERS { charter.able(Capability::ReviewPeer).into_iter().filter(free).collect() } else { near }
}

/// What the chance of the next draw is made from.
pub fn chance(state: &State, task: &TaskId) -> String {
    match state.bypasses.get(task).filter(|bypass| bypass.drawn.is_some()) {
        Some(bypass) => format!("{task} follow-up {}", bypass.again.round + 1),
        None => format!("{task} follow-up"),
    }
}

/// Draws who looks at it afterwards: of those who could have reviewed it, without contributors and without who signed.
pub fn follow(state: &State, task: &TaskId, draw: &Digest) -> Vec<Any> {
    let Some(bypass) = state.bypasses.get(task).filter(|bypass| bypass.merged.is_some()) else { return Vec::new() };
    if bypass.drawn.is_some() {
        return instead(state, task, bypass, draw);
    }
    let contributors = contributors(state, task);
    let pool = followers(state.charter(), &bypass.author, &contributors, bypass.signed.as_ref());
    let seats = draw::draw(&pool, FOLLOWERS, draw);
    let text = format!("{task} entered by an emergency bypass: {}\n\nLook: orchestrate review show {task}\nThen: orchestrate bypass review {task} --accept --note '…', or --reject", bypass.reason);
    let mail = message::notice(state, state.now, seats.clone(), &format!("{task}: your look at a bypass"), &text, Some(task));
    std::iter::once(Any::Bypass(Event::Drawn { task: task.clone(), pool, seats, draw: draw.clone() })).chain(mail).collect()
}

/// Who may be drawn in the place of those who did not look: nobody who was drawn before.
fn fresh(state: &State, task: &TaskId, bypass: &Bypass) -> Vec<SeatName> {
    let drawn = bypass.drawn.iter().flat_map(|(seats, _)| seats).chain(&bypass.again.out).collect::<BTreeSet<_>>();
    let all = followers(state.charter(), &bypass.author, &contributors(state, task), bypass.signed.as_ref());
    all.into_iter().filter(|seat| !drawn.contains(seat)).collect()
}

/// Draws others in the place of all who let their time pass; where too few are left, it waits for them.
fn instead(state: &State, task: &TaskId, bypass: &Bypass, draw: &Digest) -> Vec<Any> {
    let (out, pool) = (silent(bypass), fresh(state, task, bypass));
    if !bypass.lapsed || bypass.followed() || out.is_empty() || pool.len() < out.len() {
        return Vec::new();
    }
    let seats = draw::draw(&pool, out.len(), draw);
    let names = out.iter().map(SeatName::as_str).collect::<Vec<_>>().join(" and ");
    let text = format!("{task} entered by an emergency bypass: {}\nYou look at it in the place of {names}.\n\nLook: orchestrate review show {task}\nThen: orchestrate bypass review {task} --accept --note '…', or --reject", bypass.reason);
    let mail = message::notice(state, state.now, seats.clone(), &format!("{task}: your look at a bypass"), &text, Some(task));
    let redrawn = Any::Bypass(Event::Redrawn { task: task.clone(), round: bypass.again.round + 1, out, pool, seats, draw: draw.clone() });
    std::iter::once(redrawn).chain(mail).collect()
}

fn contributors(state: &State, task: &TaskId) -> BTreeSet<SeatName> {
    state.tasks.get(task).and_then(|known| known.attempt.as_ref()).map(|attempt| attempt.contributors.clone()).unwrap_or_default()
}

/// A drawn seat's word afterwards, once.
fn review(state: &State, actor: &Actor, task: &TaskId, accept: bool, note: &str) -> Result<Vec<Any>, Refusal> {
    let show = || format!("orchestrate review show {task}");
    let drawn = state.bypasses.get(task).and_then(|bypass| Some((bypass, bypass.drawn.as_ref()?)));
    let (Some(seat), Some((bypass, (_, seq)))) = (actor.seat(), drawn.filter(|(_, (seats, _))| actor.seat().is_some_and(|seat| seats.contains(seat)))) else {
        return Err(Refusal::new("not-drawn", format!("nobody drew {actor} to look at a bypass of {task}"), show()));
    };
    if bypass.words.contains_key(seat) {
        return Err(Refusal::new("said-already", format!("{seat} has looked at {task}"), show()));
    }
    super::review::words(note)?;
    let attempt = state.task(task)?.attempt.as_ref().ok_or_else(|| Refusal::new("nothing-submitted", format!("nothing of {task} is there"), show()))?;
    let statement = statement::bypass(&task::bound(state, task, attempt, *seq)?, seat.as_str(), accept, note);
    let reviewed = Any::Bypass(Event::Reviewed { task: task.clone(), accept, note: note.to_owned(), statement });
    let text = format!("{note}\n\nLook: orchestrate review show {task}\nIt stays open until you answer: orchestrate bypass answer {task} --note '…'");
    let no = message::notice_owner(state, state.now, &format!("{task}: {seat} says NO to what was let in"), &text, Some(task));
    Ok(std::iter::once(reviewed).chain(if accept { Vec::new() } else { no }).collect())
}

/// The owner's answer to a no, signed: what was done about it, or why it stays.
fn answer(state: &State, actor: &Actor, task: &TaskId, note: &str) -> Result<Vec<Any>, Refusal> {
    if *actor != Actor::Owner {
        return Err(Refusal::new("owner-only", "only the owner answers a no to a bypass", "orchestrate mail send owner"));
    }
    let disputed = state.bypasses.get(task).filter(|bypass| !bypass.disputed().is_empty());
    let (Some((_, seq)), Some(attempt)) = (disputed.and_then(|bypass| bypass.drawn.as_ref()), &state.task(task)?.attempt) else {
        return Err(Refusal::new("not-disputed", format!("no no to a bypass of {task} waits for an answer"), "orchestrate status"));
    };
    super::review::words(note)?;
    let statement = statement::bypass(&task::bound(state, task, attempt, *seq)?, "owner", true, note);
    let to = disputed.iter().flat_map(|bypass| bypass.words.keys().cloned().chain(librarians(state))).collect::<BTreeSet<_>>();
    let mail = message::notice(state, state.now, to.into_iter().collect(), &format!("{task}: the owner's answer on its bypass"), note, Some(task));
    let answered = Any::Bypass(Event::Answered { task: task.clone(), note: note.to_owned(), statement });
    Ok(std::iter::once(answered).chain(mail).collect())
}

/// Says no to a merge by somebody whose bypass nobody has looked at in time.
pub fn looked_at(state: &State, seats: &BTreeSet<SeatName>, now: Millis) -> Result<(), Refusal> {
    let terms = state.charter().policy.bypass;
    let late = |bypass: &Bypass| seats.contains(&bypass.author) && !bypass.followed() && bypass.merged.is_some_and(|merged| terms.due(merged) < now);
    match state.bypasses.iter().find(|(_, bypass)| late(bypass)) {
        Some((task, bypass)) => {
            let why = format!("{task} of {} went round its gates, and two others have not looked at it in time", bypass.author);
            Err(Refusal::new("follow-up-due", why, "orchestrate status"))
        }
        None => Ok(()),
    }
}

/// Those who were drawn and have not looked at it yet.
pub fn silent(bypass: &Bypass) -> Vec<SeatName> {
    bypass.drawn.iter().flat_map(|(seats, _)| seats).filter(|seat| !bypass.words.contains_key(*seat)).cloned().collect()
}

fn open_ends(state: &State) -> impl Iterator<Item = (&TaskId, Millis)> {
    let open = state.bypasses.iter().filter(|(_, bypass)| !bypass.lapsed && !bypass.followed());
    open.filter_map(|(task, bypass)| Some((task, state.charter().policy.bypass.due(bypass.since()?) + 1)))
}

/// When the next one runs out of its time.
pub fn due(state: &State) -> Option<Millis> {
    open_ends(state).map(|(_, due)| due).min()
}

/// Tells whose look is overdue.
pub fn tick(state: &State, now: Millis) -> Vec<Any> {
    let late: Vec<&TaskId> = open_ends(state).filter(|(_, due)| *due <= now).map(|(task, _)| task).collect();
    late.into_iter().fold(Vec::new(), |events, task| {
        let left = state.bypasses.get(task).is_some_and(|bypass| (1..=fresh(state, task, bypass).len()).contains(&silent(bypass).len()));
        let next = if left { "Others are drawn in their place." } else { "Nobody is left to be drawn in their place: it waits for them." };
        let text = format!("Two others have not looked at {task} in time: its author's merges wait until they have. {next}\n\nLook: orchestrate status");
        let mail = message::notice_owner(state, now, &format!("{task}: nobody looked at its bypass"), &text, Some(task));
        message::chain(events, std::iter::once(Any::Bypass(Event::Lapsed { task: task.clone() })).chain(mail).collect())
    })
}

/// The tasks that wait for a draw.
pub fn undrawn(state: &State) -> impl Iterator<Item = &TaskId> {
    let open = |bypass: &Bypass| bypass.drawn.is_none() || (bypass.lapsed && !bypass.followed());
    state.bypasses.iter().filter(move |(_, bypass)| bypass.merged.is_some() && open(bypass)).map(|(task, _)| task)
}

pub fn apply(state: &mut State, by: &Actor, seq: u64, time: Millis, event: &Event) {
    let task = event.task().clone();
    match event {
        Event::Opened { attempt, reason, code, .. } => {
            state.codes = state.codes.after(*code);
            let Some(author) = state.tasks.get(&task).and_then(|known| known.author.clone()) else { return };
            let (attempt, reason) = (*attempt, reason.clone());
            let fresh = Bypass { attempt, author, reason, opened: time, seq, signed: None, merged: None, drawn: None, words: BTreeMap::new(), lapsed: false, again: Again::default(), answered: false };
            state.bypasses.insert(task, fresh);
        }
        Event::Signed { attempt, .. } => {
            on(state, &task, |bypass| bypass.signed = by.seat().cloned());
            task::on_attempt(state, &task, *attempt, |now| {
                now.runs.remove(&task::RunKind::Merge);
                if let Stage::Back { gate, why } = &now.stage {
                    now.round = Some((*gate, why.clone()));
                }
                (now.bypass, now.stage, now.stalled) = (Some(seq), Stage::At(GateName::Deploy), None);
            });
        }
        Event::Drawn { seats, .. } => on(state, &task, |bypass| bypass.drawn = Some((seats.clone(), seq))),
        Event::Reviewed { accept, .. } => on(state, &task, |bypass| {
            bypass.words.extend(by.seat().map(|seat| (seat.clone(), *accept)));
            bypass.answered &= *accept;
        }),
        Event::Answered { .. } => on(state, &task, |bypass| bypass.answered = true),
        Event::Lapsed { .. } => on(state, &task, |bypass| bypass.lapsed = true),
        Event::Redrawn { round, out, seats, .. } => on(state, &task, |bypass| {
            let stay = bypass.drawn.iter().flat_map(|(seats, _)| seats).filter(|seat| !out.contains(seat)).cloned();
            bypass.drawn = Some((stay.chain(seats.iter().cloned()).collect(), seq));
            bypass.again.out.extend(out.iter().cloned());
            (bypass.again.round, bypass.again.since, bypass.lapsed) = (*round, time, false);
        }),
    }
}

fn on(state: &mut State, task: &TaskId, change: impl FnOnce(&mut Bypass)) {
    if let Some(bypass) = state.bypasses.get_mut(task) {
        change(bypass);
    }
}

/// It was used: nothing enters by it a second time.
pub fn used(state: &mut State, task: &TaskId, time: Millis) {
    on(state, task, |bypass| bypass.merged = Some(time));
}
