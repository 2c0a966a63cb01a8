use super::super::charter::{Charter, RawCharter};
use super::super::command::{Act, Command};
use super::super::decide::{decide, refused};
use super::super::name::RefName;
use super::super::refusal::Refusal;
use super::super::sample::{self, oid, seat};
use super::super::workshop::Genesis;
use super::*;

const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;
/// 2026-11-20 00:00 UTC.
const MIDNIGHT: Millis = 1_795_132_800_000;

/// A workshop whose mail goes out, lived entry by entry.
struct Life {
    state: State,
    begun: Millis,
}

fn charter(mail: bool) -> Charter {
    let mut raw = sample::value();
    if mail {
        raw["policy"]["mail"] = serde_json::json!({"server": "127.0.0.1:25", "security": "loopback", "from": "w@x", "to": ["o@x"], "user": "",
            "secret_file": "", "authority_file": "", "timeout_seconds": 5});
    }
    serde_json::from_value::<RawCharter>(raw).unwrap().try_into().unwrap()
}

impl Life {
    fn new(begun: Millis, mail: bool) -> Self {
        let charter = charter(mail);
        let genesis = Genesis {
            workshop: "w".to_owned(),
            branch: RefName::new("refs/heads/main").unwrap(),
            base: oid('1'),
            seats: charter.seats().map(|seat| (seat.clone(), charter.role_of(seat).unwrap().name.clone())).collect(),
            draw: Digest::of(b"d"),
            note_key: "k".to_owned(),
            charter: charter.canonical(),
        };
        let mut life = Self { state: State::default(), begun };
        life.act(begun, &Actor::Edge, Act::Found { genesis: Box::new(genesis) });
        life
    }

    fn act(&mut self, now: Millis, by: &Actor, act: Act) {
        let command = Command::new(now, act);
        let events = decide(&self.state, by, &command).unwrap_or_else(|refusal| vec![refused(&command, &refusal)]);
        for event in events {
            let entry = Entry { v: 1, seq: self.state.len, time: now, by: by.clone(), event };
            self.state.apply(&entry);
        }
    }

    fn refuse(&mut self, now: Millis, by: &str, code: &str) {
        let refusal = Refusal::new(code, "no", "look");
        self.act(now, &Actor::Seat(seat(by)), Act::Trespass { verb: "push".to_owned(), refusal });
    }

    fn freeze(&mut self, now: Millis, by: &Actor) {
        self.act(now, by, Act::Freeze { reason: "stop".to_owned() });
        self.state.frozen = None;
    }

    fn plan(&self, now: Millis) -> Plan {
        plan(&self.state, now, self.begun)
    }

    /// What one way would tell now: how many, and the gravest.
    fn tells(&self, now: Millis, way: Way) -> Option<(usize, Severity)> {
        let plan = self.plan(now);
        let (_, waiting, more) = plan.tell.iter().find(|(other, ..)| *other == way)?;
        Some((waiting.len() + *more as usize, waiting.iter().map(|(_, raised)| raised.severity).max()?))
    }

    fn told(&mut self, now: Millis, way: Way, trouble: Option<&str>) {
        let plan = self.plan(now);
        let (_, waiting, more) = plan.tell.iter().find(|(other, ..)| *other == way).cloned().unwrap();
        let about = waiting.iter().map(|(seq, _)| *seq).collect();
        self.act(now, &Actor::Edge, Act::Told { outcome: Outcome { way, about, more, trouble: trouble.map(str::to_owned) } });
    }
}

#[test]
fn each_severity_goes_its_ways() {
    let mut life = Life::new(MIDNIGHT, true);
    let now = MIDNIGHT + HOUR;
    life.refuse(now, "dev-a", "protected-branch");
    assert_eq!(life.plan(now).tell, [], "one refusal is in the ledger, and that is all");
    life.act(now, &Actor::Owner, Act::Freeze { reason: "stop".to_owned() });
    assert_eq!((life.tells(now, Way::Tmux), life.tells(now, Way::Mail)), (Some((1, Severity::High)), Some((1, Severity::High))));
    assert_eq!((life.tells(now, Way::Sms), life.tells(now, Way::Webhook)), (None, None), "they are not set up");
    let mut bare = Life::new(MIDNIGHT, false);
    bare.freeze(now, &Actor::Edge);
    assert_eq!((bare.tells(now, Way::Mail), bare.tells(now, Way::Tmux)), (None, Some((1, Severity::Critical))));
}

#[test]
fn what_was_told_is_told_once_also_after_a_restart() {
    let mut life = Life::new(MIDNIGHT, true);
    let now = MIDNIGHT + HOUR;
    life.freeze(now, &Actor::Owner);
    let again = Life { state: life.state.clone(), begun: life.begun };
    assert_eq!(again.tells(now, Way::Mail), Some((1, Severity::High)), "a restart before the word tells it");
    let outcome = Outcome { way: Way::Mail, about: vec![1], more: 0, trouble: None };
    life.act(now, &Actor::Edge, Act::Told { outcome: outcome.clone() });
    assert_eq!(life.tells(now + DAY, Way::Mail), None);
    let len = life.state.len;
    life.act(now, &Actor::Edge, Act::Told { outcome });
    assert_eq!(life.state.len, len, "the same word again leaves no entry");
}

#[test]
fn a_flood_is_one_message_and_a_graver_one_does_not_wait() {
    let mut life = Life::new(MIDNIGHT, true);
    let now = MIDNIGHT + HOUR;
    life.freeze(now, &Actor::Owner);
    life.told(now, Way::Mail, None);
    for at in 0..1000 {
        life.freeze(now + at * 60, &Actor::Owner);
    }
    assert_eq!(life.tells(now + 60_000, Way::Mail), None, "the next message waits for the others");
    assert!(life.plan(now + 60_000).next.is_some_and(|next| next <= now + 300_000));
    assert_eq!(life.tells(now + 300_000, Way::Mail), Some((1000, Severity::High)));
    assert!(life.state.alerts.ways[&Way::Mail].waiting.len() <= MOST);
    life.freeze(now + 61_000, &Actor::Edge);
    assert_eq!(life.tells(now + 61_000, Way::Mail), Some((1001, Severity::Critical)), "what is graver goes at once, the rest with it");
    life.told(now + 61_000, Way::Mail, None);
    assert_eq!(life.tells(now + DAY, Way::Mail), None);
}

#[test]
fn failures_wait_longer_each_time_and_are_told_by_the_other_ways() {
    let mut life = Life::new(MIDNIGHT, true);
    let mut now = MIDNIGHT + HOUR;
    life.freeze(now, &Actor::Owner);
    life.told(now, Way::Tmux, None);
    for wait in [30, 60, 120, 240, 480, 960, 1920, 3600, 3600] {
        life.told(now, Way::Mail, Some("cannot connect"));
        assert_eq!(life.tells(now + wait * 1000 - 1, Way::Mail), None, "{wait}");
        now += wait * 1000;
        assert!(life.tells(now, Way::Mail).is_some(), "{wait}");
    }
    assert_eq!(life.tells(now, Way::Tmux), Some((1, Severity::Medium)), "the third failure is told in tmux, the others are not");
    life.freeze(now, &Actor::Edge);
    life.told(now, Way::Mail, Some("cannot connect"));
    assert_eq!(life.tells(now + 1000, Way::Mail), None, "a server that is down is not asked more often for something graver");
    life.told(now + HOUR, Way::Mail, None);
    assert_eq!(life.state.alerts.ways[&Way::Mail].tries, 0);
}

#[test]
fn refusals_in_series_and_spent_budgets_are_raised_once_an_hour() {
    let mut life = Life::new(MIDNIGHT, true);
    let now = MIDNIGHT + HOUR;
    (0..19).for_each(|at| life.refuse(now + at, "dev-a", "protected-branch"));
    (0..19).for_each(|at| life.refuse(now + at, "dev-b", "protected-branch"));
    assert_eq!(life.tells(now + 20, Way::Tmux), None, "two actors are not one");
    life.refuse(now + 20, "dev-a", "protected-branch");
    assert_eq!(life.tells(now + 20, Way::Tmux), Some((1, Severity::Medium)));
    life.told(now + 20, Way::Tmux, None);
    (0..79).for_each(|at| life.refuse(now + 21 + at, "dev-a", "protected-branch"));
    assert_eq!(life.tells(now + DAY, Way::Tmux), None);
    life.refuse(now + 200, "dev-a", "protected-branch");
    assert_eq!(life.tells(now + 200, Way::Mail), Some((1, Severity::High)), "a hundred within an hour are graver");
    life.refuse(now + 201, "qa-a", "over-budget");
    life.refuse(now + 202, "qa-a", "over-budget");
    assert_eq!(life.tells(now + 200 + HOUR, Way::Tmux), Some((2, Severity::High)));
    life.refuse(now + 2 * HOUR, "qa-a", "over-budget");
    assert_eq!(life.tells(now + 3 * HOUR, Way::Tmux), Some((3, Severity::High)));
}

#[test]
fn the_report_of_yesterday_is_due_from_its_hour_on_and_once() {
    let mut life = Life::new(MIDNIGHT + HOUR, true);
    let morning = MIDNIGHT + DAY + 7 * HOUR;
    assert_eq!(life.plan(MIDNIGHT + 8 * HOUR).report, None, "there was no day before the first");
    assert_eq!((life.plan(morning - 1).report, life.plan(morning - 1).next), (None, Some(morning)));
    assert_eq!(life.plan(morning).report.as_deref(), Some("2026-11-20"));
    life.act(morning, &Actor::Edge, Act::Reported { day: "2026-11-20".to_owned(), size: 1, digest: Digest::of(b"") });
    assert_eq!((life.plan(morning).report, life.plan(morning).next), (None, Some(morning + DAY)));
    let len = life.state.len;
    life.act(morning, &Actor::Edge, Act::Reported { day: "2026-11-19".to_owned(), size: 1, digest: Digest::of(b"") });
    assert_eq!(life.state.len, len, "days only follow one another");
    assert_eq!(life.plan(morning + DAY).report.as_deref(), Some("2026-11-21"));
    assert_eq!(Life::new(MIDNIGHT, false).plan(morning).report, None, "where no mail is set up none is missed");
}

#[test]
fn a_report_that_stays_away_is_an_alarm_told_once() {
    let mut life = Life::new(MIDNIGHT + HOUR, true);
    let morning = MIDNIGHT + DAY + 7 * HOUR;
    let failed = |life: &mut Life, now| {
        let outcome = Outcome { way: Way::Mail, about: Vec::new(), more: 0, trouble: Some("down".to_owned()) };
        life.act(now, &Actor::Edge, Act::Told { outcome });
    };
    failed(&mut life, morning);
    assert_eq!((life.plan(morning + 1).report, life.plan(morning + 1).overdue), (None, None));
    assert_eq!(life.plan(morning + 30_000).report.as_deref(), Some("2026-11-20"), "it is tried again");
    failed(&mut life, morning + 30_000);
    let late = morning + GRACE;
    assert_eq!(life.plan(late).overdue.as_deref(), Some("2026-11-20"));
    life.act(late, &Actor::Edge, Act::Overdue { day: "2026-11-20".to_owned() });
    assert_eq!(life.tells(late, Way::Tmux), Some((1, Severity::Critical)));
    assert_eq!(life.plan(late).overdue, None);
    assert_eq!(life.plan(late + HOUR).report.as_deref(), Some("2026-11-20"), "and still tried");
}

#[test]
fn days_without_a_supervisor_are_told_when_it_is_back() {
    let mut life = Life::new(MIDNIGHT + HOUR, true);
    life.act(MIDNIGHT + DAY + 7 * HOUR, &Actor::Edge, Act::Reported { day: "2026-11-20".to_owned(), size: 1, digest: Digest::of(b"") });
    let back = MIDNIGHT + 4 * DAY + 9 * HOUR;
    let plan = life.plan(back);
    assert_eq!((plan.report.as_deref(), plan.overdue.as_deref()), (Some("2026-11-23"), Some("2026-11-22")));
    life.act(back, &Actor::Edge, Act::Overdue { day: "2026-11-22".to_owned() });
    assert_eq!(life.plan(back).overdue, None);
}

#[test]
fn only_the_edge_says_what_went_out() {
    let mut life = Life::new(MIDNIGHT, true);
    life.freeze(MIDNIGHT + 1, &Actor::Owner);
    for by in [Actor::Owner, Actor::Seat(seat("dev-a"))] {
        let outcome = Outcome { way: Way::Mail, about: vec![1], more: 0, trouble: None };
        life.act(MIDNIGHT + 2, &by, Act::Told { outcome });
        life.act(MIDNIGHT + 2, &by, Act::Overdue { day: "2026-11-20".to_owned() });
        life.act(MIDNIGHT + 2, &by, Act::Reported { day: "2026-11-20".to_owned(), size: 1, digest: Digest::of(b"") });
    }
    assert_eq!(life.state.refused, 6);
    assert_eq!(life.tells(MIDNIGHT + 2, Way::Mail), Some((1, Severity::High)));
}
