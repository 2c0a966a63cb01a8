//! Whether the supervisor's memory stays as it is while a million messages are sent, shown and acknowledged: its loop, with the real ledger.

use super::idle::resident_of;
use super::life::Life;
use super::shop::Shop;
use super::table::{Goal, Row};
use orchestrate::domain::charter::Charter;
use orchestrate::supervisor::charter::built_in;
use serde_json::{Value, json};

/// Messages after which is looked; the first look comes when the budgets and the finished mail are as full as they get.
const LOOKS: [u64; 3] = [100_000, 500_000, 1_000_000];

pub fn rows(shop: &Shop) -> Vec<Row> {
    let most = std::env::var("BENCH_MESSAGES").ok().and_then(|number| number.parse().ok()).unwrap_or(LOOKS[2]);
    let mut life = Life::found(shop, "memory", &unlimited());
    let (mut sent, mut found) = (0, Vec::new());
    for look in LOOKS.into_iter().filter(|look| *look <= most) {
        while sent < look {
            sent += life.letters();
        }
        found.push((look, resident_of("self")));
        eprintln!("figures: memory: {look} messages, {:.1} MiB resident", resident_of("self"));
    }
    let ((first, early), (last, late)) = (found[0], found[found.len() - 1]);
    let slope = (late - early) * 1_048_576.0 / (last - first).max(1) as f64;
    let row = |what: String, unit, ours, beside, theirs, goal| Row { what, unit, ours, beside, theirs, goal };
    vec![
        row(format!("memory for each further message, from {first} to {last}"), "B", slope, "", f64::NAN, Goal::Most(1.0)),
        row(format!("memory after {last} messages"), "MiB", late, "at the first look", early, Goal::Ratio(1.05)),
    ]
}

/// The default rules, but for how many messages a seat may send.
fn unlimited() -> Charter {
    let mut rules: Value = serde_json::from_str(&built_in().expect("the rules").canonical()).expect("JSON");
    rules["policy"]["budgets"]["messages"] = json!({});
    serde_json::from_value(rules).expect("rules")
}
