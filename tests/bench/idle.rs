//! What a workshop costs while nothing happens.

use super::shop::{Shop, WAITING, Workshop};
use super::table::{Goal, Row};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const QUIET: Duration = Duration::from_secs(60);

pub fn rows(shop: &Shop) -> Vec<Row> {
    let workshop = shop.open("idle", WAITING);
    let stat = PathBuf::from(format!("/proc/{}/stat", workshop.pid()));
    let used = || ticks(&stat).expect("a living supervisor");
    let before = used();
    let (_keep, never) = std::sync::mpsc::channel::<()>();
    assert!(never.recv_timeout(QUIET).is_err(), "nothing comes");
    let used = (used() - before) as f64 / 100.0 / QUIET.as_secs_f64() * 100.0;
    let row = |what: &str, unit, ours, goal| Row { what: what.to_owned(), unit, ours, beside: "", theirs: 0.0, goal };
    vec![
        row("idle workshop, the supervisor's share of a core", "%", used, Goal::Most(0.1)),
        row("the supervisor's memory (resident)", "MiB", resident(&workshop), Goal::Most(25.0)),
    ]
}

/// Hundredths of a second on a core, user and system, by a `stat` file of `/proc`.
pub fn ticks(stat: &Path) -> Option<u64> {
    let text = fs::read_to_string(stat).ok()?;
    let fields: Vec<&str> = text.rsplit(')').next()?.split_whitespace().collect();
    [11, 12].iter().map(|at| fields.get(*at)?.parse::<u64>().ok()).sum()
}

/// MiB of the supervisor that are in memory.
pub fn resident(workshop: &Workshop) -> f64 {
    resident_of(&workshop.pid().to_string())
}

/// MiB of a process that are in memory.
pub fn resident_of(process: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).expect("a living process");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
}
