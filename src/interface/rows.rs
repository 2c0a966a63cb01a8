//! The whole workshop as panels of rows, for a terminal and for a browser. Whatever a seat wrote passes through `one_line` here.

pub use super::look::Look as Tone;
use super::look::doing;
use crate::domain::entry::Entry;
use crate::domain::event::Event;
use crate::domain::message::{Delivery, Priority};
use crate::domain::name::{SeatName, TaskId};
use crate::view::text::{clip, count, one_line, span, time, word};
use crate::view::{Dashboard, LetterLine, LockLine, RefusalLine, SeatLine, Standing, TaskLine, WishLine, line};

/// What the reader's screen can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skin {
    pub colour: bool,
    pub unicode: bool,
}

/// The panels, in the order in which they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Panel {
    Seats,
    Tasks,
    Mail,
    Locks,
    Alerts,
    Ledger,
}

impl Panel {
    pub const ALL: [Panel; 6] = [Panel::Seats, Panel::Tasks, Panel::Mail, Panel::Locks, Panel::Alerts, Panel::Ledger];

    pub fn name(self) -> &'static str {
        match self {
            Panel::Seats => "seats",
            Panel::Tasks => "tasks",
            Panel::Mail => "mail",
            Panel::Locks => "locks",
            Panel::Alerts => "alerts",
            Panel::Ledger => "ledger",
        }
    }

    /// What a panel without rows says.
    pub fn empty(self) -> &'static str {
        match self {
            Panel::Seats => "no seats",
            Panel::Tasks => "none: orchestrate task open '...'",
            Panel::Mail => "no mail yet",
            Panel::Locks => "no locks",
            Panel::Alerts => "nothing waits for you",
            Panel::Ledger => "nothing yet",
        }
    }
}

/// A part of a row: how it looks, what it says, and how wide it stands; 0 for the rest of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    pub tone: Tone,
    pub text: String,
    pub width: usize,
}

impl Cell {
    /// As it stands where all letters are as wide.
    pub fn fitted(&self) -> String {
        if self.width == 0 { self.text.clone() } else { format!("{:<width$} ", clip(&self.text, self.width), width = self.width) }
    }
}

/// One line of a panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Tells the row from its neighbours, whatever order they stand in.
    pub key: String,
    pub words: Vec<Cell>,
    /// The row in full, a line each.
    pub told: Vec<(Tone, String)>,
    pub seat: Option<SeatName>,
    pub task: Option<TaskId>,
}

impl Row {
    fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), words: Vec::new(), told: Vec::new(), seat: None, task: None }
    }

    /// Adds a word, so wide.
    fn word(mut self, tone: Tone, text: impl AsRef<str>, width: usize) -> Self {
        self.words.push(Cell { tone, text: one_line(text.as_ref()), width });
        self
    }

    /// Adds the rest of the line.
    fn rest(mut self, tone: Tone, text: impl AsRef<str>) -> Self {
        self.words.push(Cell { tone, text: one_line(text.as_ref()), width: 0 });
        self
    }

    fn tell(mut self, tone: Tone, text: impl AsRef<str>) -> Self {
        self.told.push((tone, one_line(text.as_ref())));
        self
    }

    /// Tells whether the row or what stands behind it holds a text in small letters.
    pub fn holds(&self, wanted: &str) -> bool {
        let shown: String = self.words.iter().map(Cell::fitted).collect();
        shown.to_lowercase().contains(wanted) || self.told.iter().any(|(_, text)| text.to_lowercase().contains(wanted))
    }
}

/// One entry of the ledger.
pub fn entry(seq: u64, text: &str) -> Row {
    match Entry::parse(text.as_bytes()) {
        Ok(entry) => {
            let tone = match &entry.event {
                Event::Refused(_) | Event::Freeze(_) => Tone::Bad,
                Event::Merge(_) => Tone::Good,
                Event::Alert(_) | Event::Key(_) | Event::Confirm(_) => Tone::Wait,
                _ => Tone::Plain,
            };
            let line = line(&entry);
            // Position, day and time are known by heart; what happened is what is read.
            let what = line.get(30..).unwrap_or(&line).trim_start();
            let row = Row::new(format!("entry {seq}")).word(Tone::Dim, seq.to_string(), 5).rest(tone, what);
            row.tell(Tone::Dim, time(entry.time))
                .tell(Tone::Plain, format!("by {}", entry.by))
                .tell(tone, &line)
                .tell(Tone::Dim, "in full: orchestrate log --json")
        }
        Err(why) => Row::new(format!("entry {seq}")).rest(Tone::Bad, format!("{seq} unreadable: {why}")).tell(Tone::Bad, text),
    }
}

/// The rows of every panel but the ledger's.
pub fn rows(page: &Dashboard, panel: Panel, skin: Skin) -> Vec<Row> {
    let status = &page.status;
    match panel {
        Panel::Seats => status.seats.iter().map(|line| seat(line, status.now, skin)).collect(),
        Panel::Tasks => status.tasks.iter().map(|line| task(line, skin)).collect(),
        Panel::Mail => page.letters.iter().map(|letter| mail(letter, status.now)).collect(),
        Panel::Locks => {
            let held = status.locks.locks.iter().map(|lock| held(lock, status.now));
            held.chain(status.locks.waiting.iter().map(waits)).collect()
        }
        Panel::Alerts => alerts(page),
        Panel::Ledger => Vec::new(),
    }
}

fn icon(skin: Skin, unicode: &'static str, ascii: &'static str) -> &'static str {
    if skin.unicode { unicode } else { ascii }
}

fn seat(line: &SeatLine, now: u64, skin: Skin) -> Row {
    let (tone, [unicode, ascii]) = doing(line.doing);
    let mark = icon(skin, unicode, ascii);
    let since = if line.since == 0 { String::new() } else { span(now.saturating_sub(line.since)) };
    let tasks: Vec<&str> = line.tasks.iter().map(|task| task.as_str()).collect();
    let mail = if line.mail == 0 { String::new() } else { format!("{} mail", line.mail) };
    let parts = [tasks.join(" "), mail, line.why.clone()].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
    let mut row = Row::new(format!("seat {}", line.seat))
        .word(tone, mark, 1)
        .word(Tone::Plain, line.seat.as_str(), 12)
        .word(tone, word(&line.doing), 8)
        .word(Tone::Dim, since, 3)
        .rest(Tone::Plain, parts.join(", "))
        .tell(Tone::Plain, format!("role {}", line.role));
    row.seat = Some(line.seat.clone());
    row
}

fn standing(standing: Standing) -> Tone {
    match standing {
        Standing::Merged => Tone::Good,
        Standing::Open | Standing::Taken => Tone::Plain,
        Standing::Back | Standing::Vetoed | Standing::Stalled => Tone::Bad,
        Standing::Measuring | Standing::Merging | Standing::Red | Standing::Green | Standing::Peer | Standing::Qa | Standing::Deploy => {
            Tone::Wait
        }
    }
}

/// The way through the gates: what is passed, where it stands, what is still before it.
fn way(at: Standing, skin: Skin) -> String {
    const GATES: [Standing; 5] = [Standing::Red, Standing::Green, Standing::Peer, Standing::Qa, Standing::Deploy];
    let mark = |gate: &Standing| match gate.cmp(&at) {
        _ if matches!(at, Standing::Back | Standing::Stalled | Standing::Vetoed) => icon(skin, "·", "-"),
        std::cmp::Ordering::Less => icon(skin, "●", "#"),
        std::cmp::Ordering::Equal => icon(skin, "◐", ">"),
        std::cmp::Ordering::Greater => icon(skin, "·", "-"),
    };
    GATES.iter().map(mark).collect()
}

fn task(line: &TaskLine, skin: Skin) -> Row {
    let author = line.author.as_ref().map_or("-", |seat| seat.as_str());
    let tone = standing(line.standing);
    let row = Row::new(format!("task {}", line.task))
        .word(Tone::Bold, line.task.as_str(), 4)
        .word(tone, way(line.standing, skin), 5)
        .word(tone, word(&line.standing), 9)
        .rest(Tone::Plain, &line.title)
        .tell(Tone::Bold, &line.title)
        .tell(tone, format!("{} by {author}, attempt {}", word(&line.standing), line.attempt))
        .tell(Tone::Plain, format!("waits for {}", line.turn.what))
        .tell(Tone::Dim, if line.turn.next.is_empty() { String::new() } else { format!("-> {}", line.turn.next) });
    Row { task: Some(line.task.clone()), ..row }
}

fn delivery(delivery: Delivery) -> (Tone, &'static str) {
    match delivery {
        Delivery::Queued => (Tone::Wait, "queued"),
        Delivery::Delivered => (Tone::Plain, "shown"),
        Delivery::Acknowledged => (Tone::Good, "read"),
        Delivery::Expired => (Tone::Bad, "expired"),
    }
}

fn mail(letter: &LetterLine, now: u64) -> Row {
    let (tone, how) = delivery(letter.standing());
    let to: Vec<String> = letter.to.iter().map(|(party, _)| party.to_string()).collect();
    let loud = if matches!(letter.priority, Priority::High | Priority::Critical) { Tone::Wait } else { Tone::Plain };
    let towards = match to.as_slice() {
        [one] => one.clone(),
        more => format!("{} parties", more.len()),
    };
    let row = Row::new(format!("mail {}", letter.id))
        .word(Tone::Dim, span(now.saturating_sub(letter.sent)), 3)
        .word(tone, how, 7)
        .rest(Tone::Plain, format!("{} > {towards}: ", letter.from))
        .rest(loud, &letter.subject)
        .tell(Tone::Bold, &letter.subject)
        .tell(Tone::Plain, format!("from {}, {} priority, {}", letter.from, word(&letter.priority), time(letter.sent)));
    let row = letter.task.iter().fold(row, |row, task| row.tell(Tone::Plain, format!("about {task}")));
    letter.to.iter().fold(row, |row, (party, how)| row.tell(delivery(*how).0, format!("to {party}: {}", delivery(*how).1)))
}

fn paths(paths: &[crate::domain::glob::Glob]) -> String {
    crate::domain::lock::listed(paths)
}

fn held(lock: &LockLine, now: u64) -> Row {
    let (tone, until) = match (lock.lapsed, lock.ends) {
        (true, _) => (Tone::Dim, "lapsed".to_owned()),
        (false, Some(ends)) => (Tone::Wait, format!("ends {}", span(ends.saturating_sub(now)))),
        (false, None) => (Tone::Good, span(lock.until.saturating_sub(now))),
    };
    Row::new(format!("lock {}", lock.token))
        .word(Tone::Plain, lock.seat.as_str(), 10)
        .word(tone, until, 6)
        .rest(Tone::Plain, paths(&lock.paths))
        .tell(Tone::Bold, paths(&lock.paths))
        .tell(Tone::Plain, format!("held by {}, token {}, {} priority", lock.seat, lock.token, word(&lock.priority)))
        .tell(Tone::Plain, format!("since {}, until {}", time(lock.since), time(lock.until)))
}

fn waits(wish: &WishLine) -> Row {
    let behind: Vec<&str> = wish.behind.iter().map(|seat| seat.as_str()).collect();
    Row::new(format!("wish {} {}", wish.seat, paths(&wish.paths)))
        .word(Tone::Plain, wish.seat.as_str(), 10)
        .word(Tone::Wait, "waits", 6)
        .rest(Tone::Plain, format!("{} behind {}", paths(&wish.paths), behind.join(", ")))
        .tell(Tone::Plain, format!("{} waits for {} since {}", wish.seat, paths(&wish.paths), time(wish.since)))
        .tell(Tone::Plain, format!("behind {}", behind.join(", ")))
}

/// What the owner should know, gravest first.
fn alerts(page: &Dashboard) -> Vec<Row> {
    let status = &page.status;
    let loud =
        |mark: &str, text: &str| Row::new(format!("{mark} {text}")).word(Tone::Bad, mark, 6).rest(Tone::Bad, text).tell(Tone::Bad, text);
    let frozen = status.frozen.iter().map(|freeze| {
        let text = format!("by {} since {}: {}", crate::domain::freeze::who(&freeze.by), time(freeze.since), freeze.reason);
        freeze.led.iter().fold(loud("FROZEN", &text), |row, line| row.tell(Tone::Plain, refused(line)))
    });
    let unheard = status.unheard.iter().map(|text| loud("ALERT", text));
    let waiting = status.waiting.iter().map(|item| {
        let row = Row::new(format!("you {}", item.what)).word(Tone::Wait, "you", 6).rest(Tone::Plain, &item.what);
        let row = row.tell(Tone::Plain, &item.what).tell(Tone::Dim, format!("-> {}", item.command));
        Row { task: item.task.clone(), ..row }
    });
    let watched = status.watched.iter().map(|finding| {
        Row::new(format!("look {}", finding.why))
            .word(Tone::Wait, "look", 6)
            .rest(Tone::Plain, &finding.why)
            .tell(Tone::Plain, &finding.why)
            .tell(Tone::Dim, "worth a look, and proof of nothing")
    });
    let refusals = page.refusals.iter().map(|line| {
        let since = span(status.now.saturating_sub(line.time));
        let row = Row::new(format!("refused {}", line.seq))
            .word(Tone::Bad, format!("\u{2717} {since}"), 6)
            .rest(Tone::Plain, format!("{} {}: {} [{}]", line.by, line.verb, line.why, line.code));
        row.tell(Tone::Bad, refused(line))
            .tell(Tone::Dim, format!("entry {}, {}", line.seq, time(line.time)))
            .tell(Tone::Dim, format!("-> orchestrate explain {}", line.code))
    });
    frozen.chain(unheard).chain(waiting).chain(watched).chain(refusals).collect()
}

fn refused(line: &RefusalLine) -> String {
    format!("{} {} {}: {} [{}]", line.by, line.verb, line.on, line.why, line.code)
}

/// The state of everything in one line.
pub fn headline(page: &Dashboard) -> String {
    let status = &page.status;
    let tip = status.tip.as_ref().map_or("nothing", |tip| tip.short());
    let branch = status.branch.as_ref().map_or("no branch", |branch| branch.as_str().trim_start_matches("refs/heads/"));
    let mail = count(status.mail.queued + status.mail.unacknowledged, "mail").replace("mails", "mail");
    let text = format!(
        "{}  {branch} {tip}  {}  {}  {mail}  {} refused",
        status.workshop,
        status.level,
        count(status.entries, "entry").replace("entrys", "entries"),
        status.refused
    );
    one_line(&text)
}
