//! How soon the binary is there: alone, and with an answer from the supervisor.

use super::shop::{SILENT, Shop};
use super::table::{Goal, Row, median};
use std::process::Command;
use std::time::Instant;

const REPEATS: usize = 200;

pub fn rows(shop: &Shop) -> Vec<Row> {
    let workshop = shop.open("start", SILENT);
    let empty = empty(shop);
    let (mut bare, mut version, mut whoami) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..REPEATS {
        bare.push(timed(&mut shop.command(&empty)));
        version.push(timed(workshop.orchestrate().arg("--version")));
        whoami.push(timed(workshop.orchestrate().arg("whoami")));
    }
    let beside = "empty Rust program";
    let row =
        |what: &str, ours: &[f64], goal| Row { what: what.to_owned(), unit: "ms", ours: median(ours), beside, theirs: median(&bare), goal };
    vec![row("orchestrate --version", &version, Goal::Ratio(2.0)), row("orchestrate whoami, answered", &whoami, Goal::Ratio(3.0))]
}

/// Milliseconds from start to end.
pub fn timed(command: &mut Command) -> f64 {
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let since = Instant::now();
    let end = command.status().expect("a program that starts");
    let took = since.elapsed().as_secs_f64() * 1000.0;
    assert!(end.success(), "{command:?}: {end}");
    took
}

fn empty(shop: &Shop) -> std::path::PathBuf {
    let (source, program) = (shop.join("empty.rs"), shop.join("empty"));
    std::fs::write(&source, "fn main() {}\n").expect("a source");
    let made = Command::new("rustc").args(["-O", "-o"]).arg(&program).arg(&source).status();
    assert!(made.is_ok_and(|end| end.success()), "rustc");
    program
}
