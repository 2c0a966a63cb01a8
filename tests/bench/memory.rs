//! Whether the supervisor's memory stays as it is while a million messages are sent, shown and acknowledged: its loop, with the real ledger.

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
        found.push((look, resident()));
        eprintln!("figures: memory: {look} messages, {} KiB resident", resident());
    }
    let ((first, early), (last, late)) = (found[0], found[found.len() - 1]);
    let slope = (late - early) * 1024.0 / (last - first).max(1) as f64;
    vec![Row {
        what: format!("memory for each further message, from {first} to {last} of them"),
        unit: "B",
        ours: slope,
        beside: "KiB resident at the first look",
        theirs: early,
        goal: Goal::Most(1.0),
    }]
}

/// The default rules, but for how many messages a seat may send.
fn unlimited() -> Charter {
    let mut rules: Value = serde_json::from_str(&built_in().expect("the rules").canonical()).expect("JSON");
    rules["policy"]["budgets"]["messages"] = json!({});
    Charter::from_canonical(&rules.to_string()).expect("rules")
}

/// KiB of this process that are in memory.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("this process");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
