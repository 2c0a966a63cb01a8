use super::*;
use crate::domain::collusion::Seen;
use crate::domain::day::{Zone, date};
use crate::domain::entry::{Entry, Head};

const LEDGER: &str = include_str!("../../../tests/golden/ledger.jsonl");
const KINDS: &str = include_str!("../../../tests/golden/entries.jsonl");

fn entries() -> Vec<&'static str> {
    LEDGER.lines().collect()
}

fn day(zone: &str, day: &str) -> Span {
    Zone::named(zone).unwrap().day(date(day).unwrap()).unwrap()
}

/// What a report on these entries says; those past the span's end stay out, as the supervisor leaves them out.
fn report(subject: Subject, span: Span, entries: &[impl AsRef<str>]) -> Report {
    let mut tally = Tally::new(subject, span.clone());
    let taken = |entry: &&str| tally.take(entry.as_bytes()).unwrap();
    entries.iter().map(AsRef::as_ref).take_while(taken).for_each(drop);
    tally.report("note\n1\nroot\n\n\u{2014} note sig\n".to_owned(), true)
}

fn golden() -> Report {
    report(Subject::Day, day("UTC", "2026-11-21"), &entries())
}

#[test]
fn heads_say_what_the_whole_entries_say() {
    for line in LEDGER.lines().chain(KINDS.lines()) {
        let (head, entry) = (Head::read(line.as_bytes()).unwrap(), Entry::parse(line.as_bytes()).unwrap());
        assert_eq!((head.seq, head.time, head.by.to_owned()), (entry.seq, entry.time, entry.by.to_string()));
        let event = serde_json::to_value(&entry.event).unwrap();
        let (noun, rest) = event.as_object().unwrap().iter().next().unwrap();
        let kind = rest.as_str().map(str::to_owned);
        assert_eq!(head.noun, noun);
        let known = |kind: &str| kind == head.kind || head.noun == "refused";
        assert!(kind.map_or_else(|| rest.as_object().unwrap().keys().any(|kind| known(kind)), |kind| known(&kind)), "{line}");
    }
    for bad in ["", "{}", "{\"v\":2,\"seq\":1", "{\"v\":1,\"seq\":1,\"time\":x", "{\"v\":1,\"seq\":99999999999999999999,\"time\":1,"] {
        assert_eq!(Head::read(bad.as_bytes()), None, "{bad}");
    }
}

#[test]
fn the_headings_are_these_and_stand_in_this_order() {
    let report = golden();
    let headings = [
        "DAILY SECURITY REPORT",
        "Security Events Summary",
        "4-Eyes Compliance",
        "Tertiary Reviews",
        "Rate Limiting",
        "Locks",
        "Collusion",
        "Freezes",
        "Health",
    ];
    for rendered in [text(&report), html(&report)] {
        let places: Vec<usize> = headings.iter().map(|heading| rendered.rfind(heading).unwrap_or_else(|| panic!("{heading}"))).collect();
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{places:?}");
    }
}

/// The numbers are counted by hand from tests/golden/ledger.jsonl.
#[test]
fn the_numbers_are_those_of_the_entries() {
    let report = golden();
    let lines = entries();
    let count = |needle: &str| lines.iter().filter(|line| line.contains(needle)).count() as u64;
    assert_eq!((report.size, report.first, report.count), (lines.len() as u64, Some(0), lines.len() as u64));
    assert_eq!(report.events.refused, count("\"event\":{\"refused\""));
    assert!(report.events.refusals.iter().any(|row| row.code == "protected-branch" && row.count == 1), "{:?}", report.events.refusals);
    assert_eq!(report.events.kinds["message"]["sent"], count("\"message\":{\"sent\""));
    assert_eq!(report.hours.iter().map(|hour| hour.entries).sum::<u64>(), lines.len() as u64);
    assert_eq!((report.health.starts, report.health.stops, report.health.crashes), (2, 1, 0));
    assert_eq!(report.freezes.len(), 1);
    assert!(report.freezes[0].alone && report.freezes[0].until.is_some() && report.freezes[0].reason == "to see it");
    let [merge] = &report.four_eyes.merges[..] else { panic!("{:?}", report.four_eyes) };
    assert_eq!((merge.needed, merge.peers.len(), merge.qa.len(), merge.deploy.len()), (2, 2, 1, 2));
    assert!(merge.owner_needed && merge.owner && merge.missing.is_empty(), "{merge:?}");
    assert_eq!(report.four_eyes.compliant, 1);
    assert!(report.collusion.findings.is_empty() && report.collusion.pairs.iter().all(|pair| pair.seen == Seen::InsufficientData));
}

#[test]
fn the_same_entries_give_the_same_bytes_however_they_come() {
    let once = golden();
    let again = golden();
    assert_eq!((text(&once), html(&once)), (text(&again), html(&again)));
    let json = serde_json::to_string(&once).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), once);
    let later: Vec<String> = entries()
        .into_iter()
        .map(str::to_owned)
        .chain([format!(
            "{{\"v\":1,\"seq\":{},\"time\":1795305600000,\"by\":\"owner\",\"event\":{{\"workshop\":\"stopped\"}}}}",
            entries().len()
        )])
        .collect();
    assert_eq!(report(Subject::Day, day("UTC", "2026-11-21"), &later), once, "what came after the day changes nothing");
}

#[test]
fn a_day_without_entries_says_so() {
    let report = report(Subject::Day, day("UTC", "2026-11-23"), &entries());
    assert_eq!((report.count, report.first, report.size), (0, None, entries().len() as u64));
    assert!(text(&report).contains("Nothing happened"));
    assert!(html(&report).contains("Nothing happened") && !html(&report).contains("<svg"));
    assert!(report.attention.is_empty() && text(&report).contains("Nothing needs your attention."));
}

#[test]
fn a_task_s_report_tells_its_life_and_no_other_s() {
    let span = Span { name: "T2".to_owned(), zone: "UTC".to_owned(), from: 0, until: u64::MAX };
    let report = report(Subject::Task("T2".parse().unwrap()), span, &entries());
    let page = text(&report);
    assert!(page.contains("T2 vetoed: not wanted") && page.contains("T2 opened: another"), "{page}");
    assert!(!page.contains("T1 ") && !page.contains("Rate Limiting"), "{page}");
}

#[test]
fn a_merge_that_lacks_eyes_is_named() {
    let forged: Vec<String> = entries()
        .into_iter()
        .map(|line| {
            if line.contains("\"decided\"") && line.contains("\"gate\":\"peer\"") {
                line.replacen("\"accept\":true", "\"accept\":false", 1)
            } else {
                line.to_owned()
            }
        })
        .collect();
    let report = report(Subject::Day, day("UTC", "2026-11-21"), &forged);
    assert_eq!(report.four_eyes.compliant, 0);
    assert!(
        text(&report).contains("NOT as the rules ask") && report.attention[0].contains("0 of 2 reviewers accept it"),
        "{:?}",
        report.attention
    );
}

#[test]
fn what_seats_wrote_is_text_and_nothing_else() {
    let evil = "<script>alert(1)</script>\u{1b}[2J\u{202e}\\\"x";
    let lines: Vec<String> = entries()
        .into_iter()
        .map(|line| line.replace("\"reason\":\"to see it\"", &format!("\"reason\":{}", serde_json::to_string(evil).unwrap())))
        .collect();
    let report = report(Subject::Day, day("UTC", "2026-11-21"), &lines);
    let (page, plain) = (html(&report), text(&report));
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
    assert!(!page.chars().chain(plain.chars()).any(|c| c == '\u{1b}' || c == '\u{202e}'));
}

#[test]
fn entries_that_do_not_follow_are_refused() {
    let mut tally = Tally::new(Subject::Day, day("UTC", "2026-11-21"));
    assert!(tally.take(entries()[1].as_bytes()).is_err());
    assert!(tally.take(b"{}").is_err());
}

#[test]
fn a_day_of_25_hours_has_25_bars() {
    let report = report(Subject::Day, day("Europe/Berlin", "2026-10-25"), &entries());
    assert_eq!(report.hours.len(), 25);
    let span = day("Europe/Berlin", "2026-03-29");
    assert_eq!(Tally::new(Subject::Day, span).report(String::new(), true).hours.len(), 23);
}
