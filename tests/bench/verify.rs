//! A history of a thousand merges judged offline, and a change of a thousand files counted and placed.

use super::life::Life;
use super::shop::Shop;
use super::start::timed;
use super::table::{Goal, Row, median};
use orchestrate::domain::name::{Oid, SeatName};
use orchestrate::supervisor::charter::built_in;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

const MERGES: u64 = 1000;
const FILES: usize = 1000;
const REPEATS: usize = 3;

pub fn rows(shop: &Shop) -> Vec<Row> {
    let mut life = Life::found(shop, "life", &built_in().expect("the rules"));
    let counted = counted(shop, &life);
    let merges = std::env::var("BENCH_MERGES").ok().and_then(|number| number.parse().ok()).unwrap_or(MERGES);
    let since = Instant::now();
    (0..merges).for_each(|_| life.next());
    let (clone, bundle) = (shop.join("judged"), shop.join("judged.bundle"));
    life.bundle(&bundle);
    let size = std::fs::metadata(&bundle).expect("a bundle").len() >> 20;
    eprintln!("figures: verify: {merges} merges in {:.0} s, a bundle of {size} MiB", since.elapsed().as_secs_f64());
    shop.must(shop.git(&shop.join("home")).args(["clone", "-q", "--no-local"]).arg(life.gate.dir()).arg(&clone));
    let verify = || {
        let mut command = shop.command(Shop::binary());
        command.arg("verify").arg(&clone).arg("--bundle").arg(&bundle);
        timed(&mut command) / 1000.0
    };
    let ours: Vec<f64> = (0..REPEATS).map(|_| verify()).collect();
    let theirs: Vec<f64> = (0..REPEATS).map(|_| timed(shop.git(&clone).args(["fsck", "--full", "--no-progress"])) / 1000.0).collect();
    let what = format!("verify of {merges} merges, offline");
    let (ours, theirs) = (median(&ours), median(&theirs));
    vec![counted, Row { what, unit: "s", ours, beside: "git fsck of the clone", theirs, goal: Goal::Most(5.0) }]
}

fn counted(shop: &Shop, life: &Life) -> Row {
    let author = SeatName::new("dev-a").expect("a name");
    let files: Vec<(String, String)> = (0..FILES).map(|at| (format!("src/part{}/file{at}.txt", at % 60), format!("{at} is new\n").repeat(3))).collect();
    let commit = life.commit(&author, &files);
    let base = life.gate.tip().expect("a tip");
    pushed(shop, life.gate.dir(), &base, &commit);
    let charter = built_in().expect("the rules");
    let ours = || {
        let since = Instant::now();
        let change = life.change(&commit);
        let needs = charter.needs(&change, &author);
        assert!(change.files.len() == FILES && needs.approvals == 2);
        since.elapsed().as_secs_f64() * 1000.0
    };
    let theirs = || timed(shop.git(life.gate.dir()).args(["diff", "--numstat", base.as_str(), commit.as_str()]));
    let (ours, theirs): (Vec<f64>, Vec<f64>) = (0..15).map(|_| (ours(), theirs())).unzip();
    let what = format!("counting and path policy, a change of {FILES} files");
    Row { what, unit: "ms", ours: median(&ours), beside: "git diff --numstat", theirs: median(&theirs), goal: Goal::Most(50.0) }
}

/// Puts what a commit brings into one pack: so many objects of one push stay in the pack that they came in.
fn pushed(shop: &Shop, gate: &Path, base: &Oid, commit: &Oid) {
    let mut command = shop.git(gate);
    command.args(["pack-objects", "--revs", "-q", "--delta-base-offset"]).arg(gate.join("objects/pack/pack")).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::null()).spawn().expect("git pack-objects");
    child.stdin.take().expect("a pipe").write_all(format!("{commit}\n^{base}\n").as_bytes()).expect("what it is to pack");
    assert!(child.wait().is_ok_and(|end| end.success()), "git pack-objects");
    shop.must(shop.git(gate).args(["prune-packed", "-q"]));
}
