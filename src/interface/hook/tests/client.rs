//! Client hooks in real repositories, through the shims.

use super::*;

fn shims() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("git-hooks").to_str().unwrap().to_owned()
}

/// Stages files and runs the hint; gives its exit code and what it printed.
fn hint(world: &World, repo: &Path, files: &[(&str, &str)]) -> (Option<i32>, String) {
    files.iter().for_each(|(file, content)| put(repo, file, content));
    world.good(repo, &["add", "-A"]);
    let output = world.command("orchestrate", repo).args(["hook", "pre-commit"]).output().unwrap();
    (output.status.code(), text(&output.stdout))
}

const ALLOWED: &str = "✅ Commit allowed\n";

#[test]
fn a_source_without_a_test_is_named_exactly() {
    let world = World::new();
    let repo = world.repo("repo");
    assert_eq!(hint(&world, &repo, &[]), (Some(0), ALLOWED.to_owned()));
    assert_eq!(hint(&world, &repo, &[("docs/x.md", ""), ("setup.cfg", "")]), (Some(0), ALLOWED.to_owned()));
    assert_eq!(hint(&world, &repo, &[("src/auth.py", "a")]), (Some(1), "❌ Missing test file for: src/auth.py\n".to_owned()));
    let two = "❌ Missing test file for: a b/ünï.go\n❌ Missing test file for: src/auth.py\n";
    assert_eq!(hint(&world, &repo, &[("a b/ünï.go", "a")]), (Some(1), two.to_owned()));
    assert_eq!(hint(&world, &repo, &[("a b/ünï_test.go", "a"), ("tests/test_auth.py", "a")]), (Some(0), ALLOWED.to_owned()));
}

#[test]
fn only_what_is_staged_counts() {
    let world = World::new();
    let repo = world.repo("repo");
    world.commit(&repo, "src/old.py", "a");
    world.commit(&repo, "src/deep/er/old.go", "a");
    assert_eq!(hint(&world, &repo, &[("README.md", "changed")]), (Some(0), ALLOWED.to_owned()));
    put(&repo, "src/old.py", "not staged");
    put(&repo, "announced.py", "x");
    world.good(&repo, &["add", "-N", "announced.py"]);
    let output = world.command("orchestrate", &repo).args(["hook", "pre-commit"]).output().unwrap();
    assert_eq!(text(&output.stdout), ALLOWED);
    assert_eq!(hint(&world, &repo, &[]).1, "❌ Missing test file for: announced.py\n❌ Missing test file for: src/old.py\n");
    world.good(&repo, &["reset", "-q", "--hard"]);
    world.good(&repo, &["rm", "-q", "src/old.py"]);
    assert_eq!(hint(&world, &repo, &[]), (Some(0), ALLOWED.to_owned()));
}

#[test]
fn a_tracked_test_counts_and_rust_may_test_itself() {
    let world = World::new();
    let repo = world.repo("repo");
    world.commit(&repo, "tests/test_auth.py", "a");
    assert_eq!(hint(&world, &repo, &[("src/auth.py", "new")]), (Some(0), ALLOWED.to_owned()));
    assert_eq!(hint(&world, &repo, &[("src/a.rs", "#[cfg(test)]\nmod tests {}")]), (Some(0), ALLOWED.to_owned()));
    assert_eq!(hint(&world, &repo, &[("src/a.rs", "fn a() {}")]), (Some(1), "❌ Missing test file for: src/a.rs\n".to_owned()));
    assert_eq!(hint(&world, &repo, &[("src/a/tests.rs", "")]), (Some(0), ALLOWED.to_owned()));
}

#[test]
fn packed_histories_are_read_as_git_reads_them() {
    let world = World::new();
    for (name, init, update) in [("sha1", &["--object-format=sha1"][..], "4"), ("sha256", &["--object-format=sha256"], "2")] {
        let repo = world.path(name);
        world.good(world.root.path(), &[&["init", "-q"], init, &[name]].concat());
        for round in 0..12 {
            (0..60).for_each(|file| {
                put(
                    &repo,
                    &format!("src/d{}/f{file}.py", file % 7),
                    &format!("{}{}", "line\n".repeat(file), if file % 12 == round { "x" } else { "" }),
                )
            });
            world.commit(&repo, "round", &round.to_string());
        }
        world.good(&repo, &["repack", "-adfq", "--depth=50", "--window=50"]);
        world.good(&repo, &["pack-refs", "--all"]);
        world.good(&repo, &["update-index", "--index-version", update]);
        assert_eq!(hint(&world, &repo, &[("src/d3/f3.py", "changed")]).1, "❌ Missing test file for: src/d3/f3.py\n", "{name}");
        world.good(&repo, &["worktree", "add", "-q", "-b", "side", "../side"]);
        assert_eq!(hint(&world, &world.path("side"), &[("src/d0/new.py", "")]).1, "❌ Missing test file for: src/d0/new.py\n", "{name}");
        fs::remove_dir_all(world.path("side")).unwrap();
    }
}

#[test]
fn borrowed_objects_and_a_first_commit() {
    let world = World::new();
    let repo = world.repo("repo");
    world.commit(&repo, "src/old.py", "a");
    world.good(world.root.path(), &["clone", "-q", "--shared", "repo", "clone"]);
    assert_eq!(hint(&world, &world.path("clone"), &[("x.py", "")]).1, "❌ Missing test file for: x.py\n");
    world.good(world.root.path(), &["init", "-q", "empty"]);
    assert_eq!(hint(&world, &world.path("empty"), &[("x.py", "")]).1, "❌ Missing test file for: x.py\n");
    assert_eq!(hint(&world, &world.path("empty"), &[("test_x.py", "")]), (Some(0), ALLOWED.to_owned()));
}

#[test]
fn what_cannot_be_read_is_no_reason_to_stop_a_commit() {
    let world = World::new();
    let repo = world.repo("repo");
    put(&repo, "x.py", "");
    world.good(&repo, &["add", "-A"]);
    world.good(&repo, &["update-index", "--split-index"]);
    let split = world.command("orchestrate", &repo).args(["hook", "pre-commit"]).output().unwrap();
    assert_eq!((split.status.code(), text(&split.stderr).contains("no hint about tests")), (Some(0), true));
    let nowhere = world.command("orchestrate", &world.path("home")).args(["hook", "pre-commit"]).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(0));
}

#[test]
fn git_runs_the_shims_at_every_commit() {
    let world = World::new();
    let repo = world.repo("repo");
    world.good(&repo, &["config", "core.hooksPath", &shims()]);
    let asked = world.supervisor("run/seat.sock", |_| done());
    put(&repo, "src/auth.py", "a");
    world.good(&repo, &["add", "-A"]);
    let stopped = world.git(&repo, &["commit", "-m", "x"]);
    assert!(
        !stopped.status.success() && text(&stopped.stderr).contains("❌ Missing test file for: src/auth.py"),
        "{}",
        text(&stopped.stderr)
    );
    let long = world.git(&repo, &["commit", "--allow-empty", "-m", &"x".repeat(101)]);
    assert!(!long.status.success());
    put(&repo, "tests/test_auth.py", "a");
    world.good(&repo, &["add", "-A"]);
    world.good(&repo, &["commit", "-q", "-m", "auth\n\nReviewed-by: qa-a"]);
    let head = world.good(&repo, &["rev-parse", "HEAD"]);
    let asked = asked.lock().unwrap();
    assert!(
        matches!(asked.as_slice(), [Request::Hook { name, detail }] if name == "post-commit" && *detail == format!("{head} main")),
        "{asked:?}"
    );
}

#[test]
fn a_hook_that_is_a_link_to_the_program_needs_no_shell() {
    let world = World::new();
    let repo = world.repo("repo");
    let hooks = world.path("links");
    std::fs::create_dir(&hooks).unwrap();
    for name in ["pre-commit", "commit-msg"] {
        world.program("links", name);
    }
    world.good(&repo, &["config", "core.hooksPath", hooks.to_str().unwrap()]);
    put(&repo, "src/auth.py", "a");
    world.good(&repo, &["add", "-A"]);
    let stopped = world.git(&repo, &["commit", "-m", "x"]);
    assert!(!stopped.status.success());
    assert!(text(&stopped.stderr).contains("❌ Missing test file for: src/auth.py"), "{}", text(&stopped.stderr));
    assert!(!world.git(&repo, &["commit", "--allow-empty", "-m", &"x".repeat(101)]).status.success());
}

#[test]
fn a_partial_commit_is_judged_by_its_own_index() {
    let world = World::new();
    let repo = world.repo("repo");
    world.good(&repo, &["config", "core.hooksPath", &shims()]);
    put(&repo, "src/auth.py", "a");
    put(&repo, "notes.md", "a");
    world.good(&repo, &["add", "-A"]);
    world.good(&repo, &["commit", "-q", "-m", "notes", "notes.md"]);
    assert!(!world.git(&repo, &["commit", "-q", "-m", "auth"]).status.success());
}

#[test]
fn a_foreign_push_is_told_before_the_transfer_and_only_to_seats() {
    let world = World::new();
    let repo = world.repo("repo");
    let head = world.good(&repo, &["rev-parse", "HEAD"]);
    let push = |seat: &str, url: &str, remote: &str| {
        let line = format!("printf 'HEAD {head} {remote} {}\\n' | orchestrate hook pre-push origin {url}", "0".repeat(40));
        world.command("sh", &repo).env("ORCHESTRATE_SEAT", seat).args(["-c", &line]).output().unwrap()
    };
    let output = push("dev-a", "orchestrate::gate", "refs/heads/main");
    assert!(output.status.code() == Some(1) && text(&output.stderr).contains("[protected-branch]"), "{}", text(&output.stderr));
    for (seat, url, remote) in [
        ("dev-a", "orchestrate::gate", "refs/heads/dev-a/t1"),
        ("dev-a", "/elsewhere", "refs/heads/main"),
        ("", "orchestrate::gate", "refs/heads/main"),
    ] {
        assert_eq!(push(seat, url, remote).status.code(), Some(0), "{seat} {url} {remote}");
    }
}

#[test]
fn without_the_program_a_hint_is_missing_and_a_gate_is_closed() {
    let world = World::new();
    for (hook, code) in [("pre-commit", 0), ("commit-msg", 0), ("post-commit", 0), ("pre-push", 0), ("pre-receive", 1)] {
        let output = Command::new(Path::new(&shims()).join(hook))
            .env_clear()
            .env("PATH", "/nowhere")
            .current_dir(world.root.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{hook}");
        assert!(text(&output.stderr).contains("not on the path"), "{hook}");
    }
}

#[test]
fn a_silent_supervisor_does_not_hold_up_a_commit() {
    let world = World::new();
    let repo = world.repo("repo");
    let _listener = UnixListener::bind(world.path("run/seat.sock")).unwrap();
    let output = world.command("orchestrate", &repo).args(["hook", "post-commit"]).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}
