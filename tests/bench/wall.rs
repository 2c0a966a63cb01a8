//! What the wall costs: how much later a pane's program begins, and what twelve sandboxes hold in memory while they idle.

use super::shop::{SILENT, Shop, Workshop};
use super::start::timed;
use super::table::{Goal, Row, median};
use orchestrate::domain::isolation::Isolation;
use orchestrate::edge::sandbox::{Bind, Forward, Limits, Plan};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const REPEATS: usize = 100;

pub fn rows(shop: &Shop) -> Vec<Row> {
    let line = plan(shop).command(Isolation::Sandbox, &Shop::binary()).expect("a plan");
    let (mut bare, mut walled) = (Vec::new(), Vec::new());
    for _ in 0..REPEATS {
        bare.push(timed(&mut shop.command("/bin/true")));
        walled.push(timed(Command::new(&line[0]).args(&line[1..]).env_clear().current_dir("/")));
    }
    let added: Vec<f64> = walled.iter().zip(&bare).map(|(with, without)| with - without).collect();
    let workshop = shop.open("wall", SILENT);
    let row = |what: &str, unit, ours, beside, theirs, goal| Row { what: what.to_owned(), unit, ours, beside, theirs, goal };
    let (resident, own) = memory(&workshop);
    vec![
        row("sandbox entry, added to a program's start", "ms", median(&added), "/bin/true alone", median(&bare), Goal::Most(15.0)),
        row("12 idle sandboxes, their own share of memory (PSS)", "MiB", own, "", 0.0, Goal::Most(60.0)),
        row("the same, pages that they share counted each time (RSS)", "MiB", resident, "", 0.0, Goal::Most(60.0)),
    ]
}

/// A seat's sandbox as a workshop makes it: clone, home, sockets, mirror, one forwarded port.
fn plan(shop: &Shop) -> Plan {
    let folder = |name: &str| -> PathBuf {
        let path = shop.join("walled").join(name);
        fs::create_dir_all(&path).expect("a folder");
        path
    };
    let (clone, home, run, mirror) = (folder("clone"), folder("home"), folder("run"), folder("mirror"));
    Plan {
        name: "dev-a".to_owned(),
        binds: vec![
            Bind::writable(clone, "/work/repo"),
            Bind::writable(home, "/home/dev-a"),
            Bind::read_only(run, "/run/orchestrate"),
            Bind::read_only(mirror, "/opt/orchestrate/mirror.git"),
        ],
        env: BTreeMap::new(),
        chdir: PathBuf::from("/work/repo"),
        argv: vec!["/bin/true".into()],
        limits: Limits { processes: 2048, open_files: 4096, file_size: 4 << 30, tmp_size: 1 << 30, cpu_seconds: None, memory: None },
        forwards: vec![Forward { port: 3128, socket: PathBuf::from("/run/orchestrate/relay.sock") }],
        etc: Vec::new(),
        nested: false,
        user: None,
    }
}

/// MiB, resident and proportional, of all processes that began as this workshop's sandboxes: `bwrap`, twice each, and our own first
/// process inside.
fn memory(workshop: &Workshop) -> (f64, f64) {
    let state = workshop.state.to_string_lossy().into_owned();
    let processes: Vec<PathBuf> = fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.path()).collect();
    let line = |process: &Path| {
        fs::read(process.join("cmdline")).map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).unwrap_or_default()
    };
    let walls: Vec<&PathBuf> =
        processes.iter().filter(|process| line(process).contains("bwrap") && line(process).contains(&state)).collect();
    let number = |path: &Path| path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
    let below =
        |process: &Path| walls.iter().any(|wall| field(&process.join("status"), "PPid:").is_some_and(|above| Some(above) == number(wall)));
    let first =
        processes.iter().filter(|process| !walls.contains(process) && line(process).contains("/orchestrate inner {") && below(process));
    let all: Vec<&PathBuf> = walls.iter().copied().chain(first).collect();
    let sum = |file: &str, name: &str| all.iter().filter_map(|process| field(&process.join(file), name)).sum::<f64>() / 1024.0;
    (sum("status", "VmRSS:"), sum("smaps_rollup", "Pss:"))
}

/// A number in a file of `/proc`; memory is in KiB.
fn field(file: &Path, name: &str) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
