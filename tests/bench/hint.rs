//! What the pre-commit hint adds to a commit.

use super::shop::Shop;
use super::start::timed;
use super::table::{Goal, Row, median};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const REPEATS: usize = 60;

pub fn rows(shop: &Shop) -> Vec<Row> {
    let repo = shop.join("commits");
    shop.must(shop.git(&shop.join("home")).args(["clone", "-q"]).arg(shop.repo()).arg(&repo));
    shop.must(shop.git(&repo).args(["config", "gc.auto", "0"]));
    let (none, hooks, quiet) = (shop.join("no-hooks"), shop.join("hooks"), shop.join("quiet-hooks"));
    [&none, &hooks, &quiet].iter().for_each(|folder| fs::create_dir(folder).expect("a folder"));
    std::os::unix::fs::symlink(Shop::binary(), hooks.join("pre-commit")).expect("the hook");
    shim(&quiet, "#!/bin/sh\nexit 0\n");
    let (mut bare, mut ours, mut sh) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..REPEATS {
        bare.push(commit(shop, &repo, &none, round));
        ours.push(commit(shop, &repo, &hooks, round));
        sh.push(commit(shop, &repo, &quiet, round));
    }
    let added = |with: &[f64]| median(&with.iter().zip(&bare).map(|(with, without)| with - without).collect::<Vec<_>>());
    let what = format!("pre-commit hint, added to a commit of {:.1} ms", median(&bare));
    vec![Row { what, unit: "ms", ours: added(&ours), beside: "a shell hook that does nothing", theirs: added(&sh), goal: Goal::Most(3.0) }]
}

fn shim(folder: &Path, text: &str) {
    let path = folder.join("pre-commit");
    fs::write(&path, text).expect("a hook");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a hook's mode");
}

fn commit(shop: &Shop, repo: &Path, hooks: &Path, round: usize) -> f64 {
    let name = hooks.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    fs::write(repo.join("src/part0/file0.txt"), format!("{name} {round}\n")).expect("a change");
    shop.must(shop.git(repo).args(["add", "src/part0/file0.txt"]));
    let hooks = format!("core.hooksPath={}", hooks.display());
    timed(shop.git(repo).args(["-c", &hooks, "commit", "-q", "-m", "a change"]))
}
