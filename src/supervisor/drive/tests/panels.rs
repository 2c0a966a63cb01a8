//! Who sits over a change after the draw: reminded, replaced, and free to take a word back.

use super::*;
use crate::domain::charter::Charter;
use crate::domain::panel;

const DAY: Millis = 86_400_000;

fn under(percent: u32) -> Workshop {
    let other = if percent == 0 { String::new() } else { format!(",\"third_percent\":{percent}") };
    let text = built_in().unwrap().canonical().replace(",\"third_percent\":10", &other);
    Workshop::under(&Charter::from_canonical(&text).unwrap())
}

impl Workshop {
    fn wait_long(&mut self, by: Millis) -> Vec<panel::Event> {
        self.drive.hands.now.set(self.drive.hands.now.get() + by);
        let from = self.drive.state.len;
        self.edge(Act::Tick);
        self.panels(from)
    }

    fn panels(&self, from: u64) -> Vec<panel::Event> {
        let records = self.drive.ledger().read(from, usize::MAX).unwrap();
        let entries = records.iter().map(|record| Entry::parse(&record.bytes).unwrap().event);
        entries.filter_map(|event| if let Event::Panel(event) = event { Some(event) } else { None }).collect()
    }

    fn withdraw(&mut self, name: &str) -> Result<Vec<Entry>, String> {
        self.seat(name, Act::Withdraw { task: task(), reason: "it overflows after all".to_owned() })
    }
}

#[test]
fn whoever_is_half_through_is_reminded_once_and_whoever_is_over_is_replaced() {
    let mut workshop = under(0);
    workshop.at_peer();
    let drawn = workshop.drawn(GateName::Peer);
    workshop.approve(&drawn[0]).unwrap();
    assert!(workshop.wait_long(DAY / 2 - 60_000).is_empty(), "not yet half");
    assert!(matches!(&workshop.wait_long(60_000)[..], [panel::Event::Reminded { seats, .. }] if seats[0].as_str() == drawn[1]));
    assert!(workshop.wait_long(60_000).is_empty(), "once");
    let events = workshop.wait_long(DAY / 2);
    let [panel::Event::Lapsed { asked: false, .. }, panel::Event::Redrawn { out, seats, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!((out[0].as_str(), seats.len()), (drawn[1].as_str(), 1));
    let fresh = seats[0].to_string();
    assert!(!drawn.contains(&fresh) && fresh != "dev-a");
    assert_eq!(workshop.approve(&drawn[1]).unwrap_err(), "not-drawn", "its time is over");
    workshop.approve(&fresh).unwrap();
    assert_eq!(workshop.stage(), Stage::At(GateName::Qa), "the first word still counts");
    assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
}

#[test]
fn after_so_many_redraws_the_owner_is_asked() {
    let text = built_in().unwrap().canonical().replace("\"redraws\":3", "\"redraws\":1").replace(",\"third_percent\":10", "");
    let mut workshop = Workshop::under(&Charter::from_canonical(&text).unwrap());
    workshop.at_peer();
    let first = workshop.drawn(GateName::Peer)[0].clone();
    workshop.approve(&first).unwrap();
    let mut redrawn = 0;
    let asked = (0..8).any(|_| {
        let events = workshop.wait_long(DAY);
        redrawn += events.iter().filter(|event| matches!(event, panel::Event::Redrawn { .. })).count();
        events.iter().any(|event| matches!(event, panel::Event::Lapsed { asked: true, .. }))
    });
    assert!(asked && redrawn == 1, "{redrawn}");
    let status = crate::view::status(&workshop.drive.state, 0);
    let line = status.waiting.iter().find(|line| line.what.contains("overdue")).expect("the owner sees it");
    assert!(line.command.starts_with("orchestrate mail send ") && line.task == Some(task()), "{line:?}");
    assert!(workshop.wait_long(DAY).is_empty(), "asked once");
}

#[test]
fn a_word_taken_back_opens_its_gate_and_all_after_it() {
    let mut workshop = under(0);
    workshop.at_deploy();
    let peer = workshop.drawn(GateName::Peer)[0].clone();
    workshop.approve("orchestrator").unwrap();
    assert_eq!(workshop.withdraw("dev-a").unwrap_err(), "nothing-said");
    workshop.withdraw(&peer).unwrap();
    assert_eq!(workshop.stage(), Stage::At(GateName::Peer));
    assert_eq!(workshop.approve("librarian").unwrap_err(), "not-drawn");
    workshop.approve(&peer).unwrap();
    assert_eq!(workshop.stage(), Stage::At(GateName::Qa), "QA's word was about what is open again");
    assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
}

#[test]
fn nothing_moves_on_a_word_that_was_taken_back_in_the_last_moment() {
    let mut workshop = under(0);
    workshop.at_deploy();
    workshop.approve("orchestrator").unwrap();
    workshop.approve("librarian").unwrap();
    assert_eq!(workshop.stage(), Stage::Merging);
    workshop.withdraw("librarian").unwrap();
    let refused = workshop.ask(Actor::Edge, Act::MergeBuilt { task: task(), attempt: 1, commit: oid(9), old: oid(1), tree: oid(12) });
    assert_eq!(refused.unwrap_err(), "gates-open");
    assert_eq!(workshop.drive.state.tip(), Some(&oid(1)));
}

#[test]
fn chance_gives_a_third_reviewer_and_the_same_answer_to_every_attempt() {
    let mut workshop = under(100);
    workshop.at_peer();
    let drawn = workshop.drawn(GateName::Peer);
    assert_eq!(drawn.len(), 3);
    let lots: Vec<panel::Event> = workshop.panels(0);
    let [panel::Event::Lot { sealed, seat: Some(third), draw, .. }] = &lots[..] else { panic!("{lots:?}") };
    assert_eq!(*draw, Digest::of(sealed.to_string().as_bytes()), "the index of the sealed change and nothing else");
    assert!(drawn.contains(&third.to_string()) && third.as_str() != "dev-a");
    for name in &drawn[..2] {
        workshop.approve(name).unwrap();
    }
    assert_eq!(workshop.stage(), Stage::At(GateName::Peer), "the third is asked as well");
    workshop.approve(&drawn[2]).unwrap();
    assert_eq!(workshop.stage(), Stage::At(GateName::Qa));
    let mut none = under(0);
    none.at_peer();
    assert_eq!((none.drawn(GateName::Peer).len(), none.panels(0).len()), (2, 0));
}
