//! A signed commit and a push through the wall, beside gpg and a push by path with a hook that looks at each commit.

use super::shop::{SILENT, Shop, Workshop};
use super::table::{Goal, Row, median};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

const SEAT: &str = "dev-a";
/// What a hook of the usual kind does: two calls of git for each new commit.
const HOOK: &str = r#"#!/bin/sh
while read old new ref; do
  for commit in $(git rev-list "$new" --not --all); do
    git log -1 --format=%an%n%ae "$commit" >/dev/null && git cat-file commit "$commit" >/dev/null || exit 1
  done
done
"#;
/// Prints six figures a round, in nanoseconds: a commit unsigned, the same signed, its push; for the seat, then for gpg and a push by path.
const ROUNDS: &str = r#"set -e
now() { date +%s%N; }
round() {
  echo "$2" > "$1/src/part1/file1.txt"
  git -C "$1" add src/part1/file1.txt
  a=$(now); git -C "$1" commit -q --no-gpg-sign -m "round $2"
  b=$(now); git -C "$1" reset -q --soft HEAD~1
  c=$(now); git -C "$1" commit -q -S -m "round $2"
  d=$(now); git -C "$1" push -q origin HEAD:refs/heads/dev-a/bench
  e=$(now); printf '%s %s %s ' $((b-a)) $((d-c)) $((e-d))
}
git -C "$1" checkout -q -b dev-a/bench
for number in $(seq 30); do round "$1" "$number"; round "$2" "$number"; echo; done
"#;

pub fn rows(shop: &Shop) -> Vec<Row> {
    let workshop = shop.open("push", SILENT);
    let plain = beside(shop);
    let clone = workshop.state.join("clones").join(SEAT);
    let mut command = inside(shop, &workshop);
    command.args(["sh", "-c", ROUNDS, "rounds"]).args([&clone, &plain]);
    let output = command.output().expect("bwrap");
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let column = |at: usize| -> Vec<f64> {
        text.lines().map(|line| line.split(' ').nth(at).and_then(|word| word.parse::<f64>().ok()).expect("a figure") / 1e6).collect()
    };
    let more = |at: usize| median(&column(at + 1).iter().zip(column(at)).map(|(signed, bare)| signed - bare).collect::<Vec<_>>());
    let row = |what: &str, ours, beside, theirs, goal| Row { what: what.to_owned(), unit: "ms", ours, beside, theirs, goal };
    vec![
        row(
            "git push of one commit through the wall",
            median(&column(2)),
            "by path, hook: 2 git calls",
            median(&column(5)),
            Goal::Ratio(1.3),
        ),
        row("signature, added to a commit", more(0), "gpg", more(3), Goal::Ratio(1.0)),
    ]
}

/// A sandbox with the seat's own sockets and the mirror, as the seat sees them.
pub fn inside(shop: &Shop, workshop: &Workshop) -> Command {
    let mut command = shop.command("timeout");
    command.args(["300", "bwrap"]);
    command.args(["--ro-bind", "/", "/", "--tmpfs", "/run", "--tmpfs", "/opt", "--dev", "/dev", "--proc", "/proc"]);
    command.arg("--bind").args([shop.join(""), shop.join("")]);
    command.arg("--ro-bind").arg(workshop.state.join("run").join(SEAT)).arg("/run/orchestrate");
    command.arg("--ro-bind").arg(workshop.state.join("bin")).arg("/opt/orchestrate/bin");
    command.arg("--ro-bind").arg(workshop.state.join("mirror.git")).arg("/opt/orchestrate/mirror.git");
    command.args(["--setenv", "PATH", "/opt/orchestrate/bin:/usr/local/bin:/usr/bin:/bin"]);
    for people in ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"] {
        command.args(["--unsetenv", people]);
    }
    command
}

/// A clone that signs with gpg and pushes by path to a bare repository with a hook.
fn beside(shop: &Shop) -> std::path::PathBuf {
    let (bare, clone) = (shop.join("plain.git"), shop.join("plain"));
    shop.must(shop.git(Path::new("/")).args(["clone", "-q", "--bare"]).arg(shop.repo()).arg(&bare));
    fs::write(bare.join("hooks/pre-receive"), HOOK).expect("a hook");
    fs::set_permissions(bare.join("hooks/pre-receive"), fs::Permissions::from_mode(0o755)).expect("a hook's mode");
    shop.must(shop.git(Path::new("/")).args(["clone", "-q"]).arg(&bare).arg(&clone));
    let address = "bench@example.com";
    shop.must(shop.command("gpg").args(["--batch", "--passphrase", "", "--quick-generate-key", address, "ed25519", "sign", "never"]));
    shop.must(shop.git(&clone).args(["config", "user.signingkey", address]));
    let settings = format!("[user]\n\tname = bench\n\temail = {address}\n");
    fs::write(shop.join("home/.gitconfig"), settings).expect("settings");
    clone
}
