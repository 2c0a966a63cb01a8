//! The workshop's figures in the text format that Prometheus reads. Its labels are names that the owner gave; nothing a seat wrote is among them.

use super::lock::LockPage;
use super::status::{SeatLine, SeatState, Status};
use super::text::word;
use super::turn::Standing;
use std::fmt::Write as _;

/// A family of samples: its name, kind and meaning, and each sample's labels and value.
struct Family {
    name: &'static str,
    kind: &'static str,
    about: &'static str,
    samples: Vec<(Vec<(&'static str, String)>, u64)>,
}

/// The whole page.
pub fn metrics(status: &Status) -> String {
    let families = workshop(status).into_iter().chain(work(status)).chain(seats(&status.seats)).chain(locks(&status.locks));
    families.map(|family| family.text()).collect()
}

fn one(name: &'static str, kind: &'static str, about: &'static str, value: u64) -> Family {
    Family { name, kind, about, samples: vec![(Vec::new(), value)] }
}

fn workshop(status: &Status) -> Vec<Family> {
    let about =
        vec![("workshop", status.workshop.clone()), ("version", env!("CARGO_PKG_VERSION").to_owned()), ("isolation", status.level.clone())];
    vec![
        Family { name: "orchestrate_workshop", kind: "gauge", about: "Always 1; which workshop this is.", samples: vec![(about, 1)] },
        one("orchestrate_start_time_seconds", "gauge", "When the supervisor was started.", status.started / 1000),
        one("orchestrate_ledger_entries_total", "counter", "Entries in the ledger.", status.entries),
        one("orchestrate_signatures_total", "counter", "Commits signed by the broker.", status.signatures),
        one("orchestrate_refusals_total", "counter", "What the rules refused.", status.refused),
        one("orchestrate_frozen", "gauge", "1 while the workshop is frozen.", u64::from(status.frozen.is_some())),
        one("orchestrate_waits_for_owner", "gauge", "Things that only the owner can move.", status.waiting.len() as u64),
        one("orchestrate_watched_pairs", "gauge", "Pairs and rings of reviewers whose numbers stand out.", status.watched.len() as u64),
        one("orchestrate_alert_troubles", "gauge", "Ways by which alerts or reports do not get through.", status.unheard.len() as u64),
    ]
}

fn work(status: &Status) -> Vec<Family> {
    let at = |standing: Standing| status.stages.iter().find(|stage| stage.standing == standing).map_or(0, |stage| stage.tasks);
    let tasks = Standing::ALL.into_iter().map(|standing| (vec![("standing", word(&standing))], at(standing))).collect();
    vec![
        Family { name: "orchestrate_tasks", kind: "gauge", about: "Tasks by where they stand.", samples: tasks },
        one("orchestrate_messages_total", "counter", "Messages registered.", status.mail.total),
        one("orchestrate_messages_queued", "gauge", "Deliveries that nobody was shown yet.", status.mail.queued),
        one("orchestrate_messages_unacknowledged", "gauge", "Deliveries shown and not acknowledged.", status.mail.unacknowledged),
    ]
}

fn seats(seats: &[SeatLine]) -> Vec<Family> {
    let family = |name, kind, about, value: fn(&SeatLine) -> u64| {
        let samples = seats.iter().map(|line| (vec![("seat", line.seat.to_string()), ("role", line.role.to_string())], value(line)));
        Family { name, kind, about, samples: samples.collect() }
    };
    vec![
        family("orchestrate_seat_ready", "gauge", "1 while the seat's instance has answered.", |line| {
            u64::from(line.state == SeatState::Ready)
        }),
        family("orchestrate_seat_given_up", "gauge", "1 for a seat whose instances ended too often.", |line| u64::from(line.given_up)),
        family("orchestrate_seat_instances_total", "counter", "Instances that were started in the seat.", |line| line.instances.into()),
        family("orchestrate_seat_requests_total", "counter", "Requests to the model's API.", |line| line.requests),
        family("orchestrate_seat_messages", "gauge", "Messages that wait for the seat.", |line| line.mail as u64),
        family("orchestrate_seat_tasks", "gauge", "Tasks that wait for the seat.", |line| line.tasks.len() as u64),
    ]
}

fn locks(page: &LockPage) -> Vec<Family> {
    let live = page.locks.iter().filter(|lock| !lock.lapsed).count() as u64;
    vec![
        one("orchestrate_locks", "gauge", "Write locks that are held.", live),
        one("orchestrate_locks_awaited", "gauge", "Wishes for locks that wait.", page.waiting.len() as u64),
    ]
}

impl Family {
    fn text(&self) -> String {
        let mut text = format!("# HELP {} {}\n# TYPE {} {}\n", self.name, self.about, self.name, self.kind);
        for (labels, value) in &self.samples {
            let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", quoted(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            writeln!(text, "{}{labels} {value}", self.name).expect("BUG: a text takes every line");
        }
        text
    }
}

/// A label's value as the format wants it.
fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::tests::Journey;
    use super::*;

    #[test]
    fn figures_have_a_kind_a_meaning_and_only_the_owners_names() {
        let mut journey = Journey::at_deploy();
        journey.mail();
        let page = metrics(&super::super::status(&journey.state, journey.state.now));
        assert!(page.contains("orchestrate_tasks{standing=\"deploy\"} 1\n") && page.contains("orchestrate_tasks{standing=\"merged\"} 0\n"));
        assert!(page.contains("orchestrate_seat_messages{seat=\"dev-a\",role=\"dev\"} 1\n") && page.contains("orchestrate_frozen 0\n"));
        assert!(page.contains(&format!("orchestrate_ledger_entries_total {}\n", journey.state.len)));
        assert!(!page.contains("limit the log") && !page.contains("may"), "no title and no subject is a label: {page}");
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let family = name.split('{').next().unwrap();
            assert!(value.parse::<u64>().is_ok() && page.contains(&format!("# TYPE {family} ")), "{line}");
        }
        assert_eq!(quoted("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
