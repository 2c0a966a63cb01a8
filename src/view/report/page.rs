//! The report in words: sections with a sentence and tables, from which text and HTML are made alike.

use super::{Collusion, Events, FourEyes, Health, Locks, Merge, Rates, Report, Stop, Subject, Tertiary};
use crate::domain::alert::Severity;
use crate::domain::collusion::{ENOUGH, LEAST, NEARLY_ALWAYS, Pair, SHORT, SWIFT, Seen};
use crate::domain::day::Zone;
use crate::domain::entry::Millis;
use crate::domain::name::SeatName;
use crate::view::text::{clip, count, span};

/// How a sentence is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Plain,
    Good,
    Watch,
    Bad,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub heading: &'static str,
    pub look: Look,
    pub says: Vec<String>,
    pub tables: Vec<Table>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub head: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

/// Shows moments as the report's zone shows them.
pub struct Hand(Option<Zone>);

impl Hand {
    pub fn of(report: &Report) -> Self {
        Self(Zone::named(&report.span.zone).ok())
    }

    pub fn time(&self, at: Millis) -> String {
        self.0.as_ref().map_or_else(|| crate::view::text::time(at), |zone| zone.shown(at))
    }

    pub fn hour(&self, at: Millis) -> String {
        self.0.as_ref().map_or_else(String::new, |zone| format!("{:02}", zone.hour(at)))
    }
}

/// What stands at the top of the report: label and value.
pub fn head(report: &Report) -> Vec<(&'static str, String)> {
    let hand = Hand::of(report);
    let length = match report.span.minutes() {
        minutes if minutes % 1440 == 0 && minutes > 1440 => count(minutes / 1440, "day"),
        minutes if minutes % 60 == 0 => count(minutes / 60, "hour"),
        minutes => format!("{} and {}", count(minutes / 60, "hour"), count(minutes % 60, "minute")),
    };
    let state = if report.over { "" } else { "; it is not over yet, so that a later report can say more" };
    let range = match report.first {
        Some(first) => format!("{}, from number {first} on, of the first {} in the ledger", report.count, report.size),
        None => format!("none; the ledger had {} by then", report.size),
    };
    let about = match &report.subject {
        Subject::Day | Subject::Week => {
            format!("{}, {length}: {} to {}{state}", report.span.name, hand.time(report.span.from), hand.time(report.span.until))
        }
        Subject::Task(task) => format!("{task}, from {} to {}", hand.time(report.span.from), hand.time(report.span.until)),
    };
    let level = if report.level_note.is_empty() { report.level.clone() } else { format!("{} ({})", report.level, report.level_note) };
    vec![
        ("workshop", report.workshop.clone()),
        ("about", about),
        ("zone", report.span.zone.clone()),
        ("entries", range),
        ("policy", report.policy.to_string()),
        ("isolation", level),
    ]
}

/// What the owner should look at.
pub fn attention(report: &Report) -> Vec<String> {
    let mut all = Vec::new();
    if report.level == "none" {
        all.push("isolation level none: nothing kept a seat from the keys and the record; the gates were advisory".to_owned());
    }
    all.extend(
        report
            .four_eyes
            .merges
            .iter()
            .filter(|merge| !merge.missing.is_empty())
            .map(|merge| format!("{} was merged (entry {}) though {}", merge.task, merge.seq, merge.missing.join(", "))),
    );
    all.extend(report.freezes.iter().map(|stop| match stop.until {
        None => format!("frozen by {} (entry {}) and not thawed: {}", stop.by, stop.seq, stop.reason),
        Some(_) => format!("frozen by {} (entry {}): {}", stop.by, stop.seq, stop.reason),
    }));
    all.extend(report.collusion.findings.iter().map(|finding| format!("worth a look, no proof of anything: {}", finding.why)));
    let of = |severity: Severity| report.events.severities.get(&severity).copied().unwrap_or(0);
    let grave = of(Severity::High) + of(Severity::Critical);
    if grave > report.freezes.len() as u64 {
        all.push(format!("{} of high or critical severity", count(grave, "event")));
    }
    if report.health.crashes > 0 {
        all.push(format!("the supervisor ended {} without having been told to", count(report.health.crashes, "time")));
    }
    all
}

/// The same for a reader: that there is nothing is said too.
pub fn attention_lines(report: &Report) -> Vec<String> {
    if report.attention.is_empty() { vec!["Nothing needs your attention.".to_owned()] } else { report.attention.clone() }
}

/// The report's sections under their fixed headings.
pub fn sections(report: &Report) -> Vec<Section> {
    let hand = Hand::of(report);
    let mut all = vec![
        events(&report.events, report, &hand),
        four_eyes(&report.four_eyes, &hand),
        tertiary(&report.tertiary),
        rates(&report.rates),
        locks(&report.locks),
        collusion(&report.collusion),
        freezes(&report.freezes, &hand),
        health(&report.health, report, &hand),
    ];
    if matches!(report.subject, Subject::Task(_)) {
        let others = ["Rate Limiting", "Locks", "Freezes", "Health"];
        all.retain(|section| !others.contains(&section.heading));
    }
    all
}

fn section(heading: &'static str, look: Look, says: impl Into<String>) -> Section {
    Section { heading, look, says: vec![says.into()], tables: Vec::new() }
}

impl Section {
    fn and(mut self, says: impl Into<String>) -> Self {
        self.says.push(says.into());
        self
    }

    fn table(mut self, head: &[&'static str], rows: Vec<Vec<String>>) -> Self {
        if !rows.is_empty() {
            self.tables.push(Table { head: head.to_vec(), rows });
        }
        self
    }
}

fn events(events: &Events, report: &Report, hand: &Hand) -> Section {
    const HEADING: &str = "Security Events Summary";
    if report.count == 0 {
        return section(HEADING, Look::Plain, "Nothing happened: no entry falls into this time.");
    }
    let of = |severity: Severity| events.severities.get(&severity).copied().unwrap_or(0);
    let grave = of(Severity::Critical) + of(Severity::High);
    let look = if grave > 0 {
        Look::Bad
    } else if of(Severity::Medium) > 0 {
        Look::Watch
    } else {
        Look::Good
    };
    let says = format!(
        "{} critical, {} high, {} medium, {} low. {} refused.",
        of(Severity::Critical),
        of(Severity::High),
        of(Severity::Medium),
        of(Severity::Low),
        match events.refused {
            0 => "Nothing was".to_owned(),
            1 => "1 attempt was".to_owned(),
            some => format!("{some} attempts were"),
        },
    );
    let refusals = events.refusals.iter().map(|row| {
        let by: Vec<String> = row.by.iter().map(ToString::to_string).collect();
        vec![row.count.to_string(), row.code.clone(), by.join(", ")]
    });
    let notable = events.notable.iter().map(|line| {
        let severity = line.severity.map_or("", Severity::as_str).to_owned();
        vec![line.seq.to_string(), hand.time(line.time), line.by.to_string(), severity, line.what.clone()]
    });
    let kinds = events.kinds.iter().map(|(noun, kinds)| {
        let each: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        vec![noun.clone(), each.join(", ")]
    });
    let mut section = section(HEADING, look, says)
        .table(&["times", "refused as", "tried by"], refusals.collect())
        .table(&["entry", "time", "by", "severity", "what happened"], notable.collect());
    if !events.refusals.is_empty() {
        section = section.and("What a refusal means: orchestrate explain CODE".to_owned());
    }
    if events.left_out > 0 {
        section = section.and(format!("{} more such entries are not listed here; orchestrate log has them.", events.left_out));
    }
    section.table(&["what", "entries about it"], kinds.collect())
}

fn four_eyes(four: &FourEyes, hand: &Hand) -> Section {
    let merges = four.merges.len() as u64;
    let (look, says) = match four.compliant {
        _ if merges == 0 => (Look::Plain, "Nothing was merged.".to_owned()),
        all if all == merges => (Look::Good, format!("{}: every one had the eyes that its rules ask for.", count(merges, "merge"))),
        some => (Look::Bad, format!("{} of {} NOT as the rules ask.", merges - some, count(merges, "merge"))),
    };
    let row = |merge: &Merge| {
        let verdict = if merge.missing.is_empty() { "as the rules ask".to_owned() } else { merge.missing.join("; ") };
        let owner = match (merge.owner_needed, merge.owner) {
            (false, _) => "not asked",
            (true, true) => "confirmed",
            (true, false) => "MISSING",
        };
        vec![
            merge.seq.to_string(),
            hand.time(merge.time),
            format!("{} {}", merge.task, clip(&merge.title, 60)),
            merge.author.as_ref().map(ToString::to_string).unwrap_or_default(),
            format!("{} of {}: {}", merge.peers.len(), merge.needed, names(&merge.peers)),
            names(&merge.qa),
            names(&merge.deploy),
            owner.to_owned(),
            verdict,
        ]
    };
    let head = ["entry", "time", "task", "author", "reviewers", "QA", "co-signers", "owner", "verdict"];
    section("4-Eyes Compliance", look, says).table(&head, four.merges.iter().map(row).collect())
}

fn names<'a>(seats: impl IntoIterator<Item = &'a SeatName>) -> String {
    seats.into_iter().map(SeatName::as_str).collect::<Vec<_>>().join(", ")
}

fn tertiary(tertiary: &Tertiary) -> Section {
    let says = match tertiary.extra.len() as u64 {
        0 => "No further reviewer was asked for.".to_owned(),
        some => format!("A further reviewer was asked for {}.", count(some, "time")),
    };
    let rows =
        tertiary.extra.iter().map(|extra| vec![extra.seq.to_string(), extra.task.to_string(), names(&extra.seats), extra.why.clone()]);
    section("Tertiary Reviews", Look::Plain, says).table(&["entry", "task", "drawn", "because"], rows.collect())
}

fn rates(rates: &Rates) -> Section {
    let refused: u64 = rates.refused.iter().map(|row| row.count).sum();
    let (look, says) = match refused {
        0 => (Look::Good, "No budget was met.".to_owned()),
        some => (Look::Watch, format!("{} refused for want of budget.", count(some, "act"))),
    };
    let met = rates.refused.iter().map(|row| vec![row.by.to_string(), row.verb.clone(), row.count.to_string()]);
    let spent = rates.spent.iter().map(|row| {
        let busiest = match row.commits_per_hour {
            Some(most) => format!("{} of {most}", row.busiest),
            None => row.busiest.to_string(),
        };
        let numbers = [row.commits, row.messages, row.submissions, row.reviews, row.requests, row.requests_refused];
        let [commits, messages, submissions, reviews, requests, turned] = numbers.map(|number| number.to_string());
        let money = match row.used.micros {
            0 => "-".to_owned(),
            micros => format!("${}.{:02}", micros / 1_000_000, micros % 1_000_000 / 10_000),
        };
        let [used, told] = [row.used, row.told].map(|used| used.tokens().to_string());
        vec![row.seat.to_string(), commits, busiest, messages, submissions, reviews, requests, turned, used, money, told]
    });
    let head = ["seat", "commits", "in its busiest hour", "messages", "submissions", "reviews", "model requests", "refused", "tokens", "cost", "tokens past the relay, by its own word"];
    section("Rate Limiting", look, says).table(&["by", "act", "times refused"], met.collect()).table(&head, spent.collect())
}

fn locks(locks: &Locks) -> Section {
    if locks.kinds.is_empty() {
        return section("Locks", Look::Plain, "No locks were taken.");
    }
    let rows = locks.kinds.iter().map(|(kind, count)| vec![kind.clone(), count.to_string()]);
    section("Locks", Look::Plain, "What happened to locks:").table(&["a lock was", "times"], rows.collect())
}

fn collusion(collusion: &Collusion) -> Section {
    let (look, says) = match collusion.findings.len() as u64 {
        _ if collusion.pairs.is_empty() => (Look::Plain, "No reviews of the last 30 days to compare.".to_owned()),
        0 => (
            Look::Good,
            format!("{} of author and reviewer in the last 30 days; none stands out.", count(collusion.pairs.len() as u64, "pair")),
        ),
        some => (
            Look::Watch,
            format!(
                "{} out. Numbers prove nothing about anybody; until they change, such a pair's changes want a further reviewer.",
                stand(some)
            ),
        ),
    };
    let found = collusion.findings.iter().map(|finding| vec![finding.why.clone()]);
    let rule = format!(
        "A pair stands out from {ENOUGH} words on when more than {NEARLY_ALWAYS} % accept, typically sooner than {} s and in fewer than {SHORT} characters, or when chance would hardly have drawn it so often; below {LEAST} words nothing is said.",
        SWIFT / 1000
    );
    let head = ["author", "reviewer", "accepted", "typical time", "typical length", "drawn", "chance draws", "comes to"];
    section("Collusion", look, says)
        .table(&["what stands out"], found.collect())
        .and(rule)
        .table(&head, collusion.pairs.iter().map(pair).collect())
}

fn stand(some: u64) -> String {
    if some == 1 { "1 thing stands".to_owned() } else { format!("{some} things stand") }
}

fn pair(pair: &Pair) -> Vec<String> {
    let seen = match pair.seen {
        Seen::InsufficientData => "insufficient data",
        Seen::Unremarkable => "nothing remarkable",
        Seen::Stamped => "nearly always yes, soon, in few words",
        Seen::Overdrawn => "drawn more often than chance draws",
    };
    vec![
        pair.author.to_string(),
        pair.reviewer.to_string(),
        format!("{} of {}", pair.accepted, pair.words),
        format!("{} s", pair.latency / 1000),
        format!("{} characters", pair.length),
        format!("{} of {}", pair.drawn, pair.draws),
        format!("{}.{:02}", pair.expected / 100, pair.expected % 100),
        seen.to_owned(),
    ]
}

fn freezes(stops: &[Stop], hand: &Hand) -> Section {
    let open = stops.iter().any(|stop| stop.until.is_none());
    let (look, says) = match stops.len() as u64 {
        0 => (Look::Good, "The workshop was not frozen.".to_owned()),
        _ if open => (Look::Bad, "The workshop is frozen.".to_owned()),
        some => (Look::Watch, format!("Frozen {}.", count(some, "time"))),
    };
    let rows = stops.iter().map(|stop| {
        let until = stop.until.map_or("not thawed".to_owned(), |until| format!("{} ({})", hand.time(until), span(until - stop.since)));
        let how = if stop.until.is_none() {
            ""
        } else if stop.alone {
            "the owner alone"
        } else {
            "the owner and the librarian"
        };
        vec![stop.seq.to_string(), stop.by.to_string(), hand.time(stop.since), until, how.to_owned(), stop.reason.clone()]
    });
    section("Freezes", look, says).table(&["entry", "by", "since", "until", "thawed by", "reason"], rows.collect())
}

fn health(health: &Health, report: &Report, hand: &Hand) -> Section {
    let ended: u64 = health.seats.iter().map(|seat| seat.ended).sum();
    let trouble = health.crashes > 0 || !health.stalled.is_empty() || health.missed > 0;
    let look = if trouble { Look::Watch } else { Look::Good };
    let says = format!(
        "Supervisor {}: {}, {}, {} without a stop before. {} of {} seats answered at the end; {} ended. {} expired unread. {} did not come off.",
        if health.version.is_empty() { "never started" } else { &health.version },
        count(health.starts, "start"),
        count(health.stops, "stop"),
        health.crashes,
        health.seats.iter().filter(|seat| seat.answers).count(),
        health.seats.len(),
        count(ended, "instance"),
        count(health.expired, "message"),
        count(health.missed, "merge"),
    );
    let silence = match report.count {
        0 => "No entry at all.".to_owned(),
        _ => format!("The longest time without an entry: {}, from {} on.", span(health.silence), hand.time(health.silence_since)),
    };
    let stalled = health.stalled.iter().map(|(task, why)| vec![task.to_string(), why.clone()]);
    let seats = health.seats.iter().map(|seat| {
        let now = if seat.answers { "answers" } else { "away" };
        vec![
            seat.seat.to_string(),
            seat.role.to_string(),
            now.to_owned(),
            seat.started.to_string(),
            seat.ended.to_string(),
            seat.why.clone(),
        ]
    });
    section("Health", look, says)
        .and(silence)
        .table(&["stalled", "why"], stalled.collect())
        .table(&["seat", "role", "at the end", "started", "ended", "why it ended"], seats.collect())
}

/// A promise's other half, and how to check all of this.
pub fn foot(report: &Report) -> Vec<String> {
    let mut all: Vec<String> =
        report.not_promised.iter().map(|open| format!("Not promised at isolation level {}: {open}.", report.level)).collect();
    all.push(format!(
        "Computed from the first {} ledger entries and nothing else. The checkpoint below is signed over exactly these: keep this report, and a ledger that was altered later contradicts it.",
        report.size
    ));
    all
}
