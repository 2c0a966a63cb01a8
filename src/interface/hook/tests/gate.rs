//! The gate's own hooks in a real bare repository.

use super::*;

struct Gate {
    world: World,
    bare: PathBuf,
    clone: PathBuf,
}

impl Gate {
    fn new() -> Self {
        let world = World::new();
        let (clone, bare) = (world.repo("clone"), world.path("gate.git"));
        world.good(world.root.path(), &["clone", "-q", "--bare", clone.to_str().unwrap(), bare.to_str().unwrap()]);
        fs::create_dir(world.path("hooks")).unwrap();
        world.program("hooks", "pre-receive");
        world.good(&bare, &["config", "core.hooksPath", world.path("hooks").to_str().unwrap()]);
        world.commit(&clone, "new", "x");
        Self { world, bare, clone }
    }

    fn supervised() -> Self {
        let gate = Self::new();
        gate.world.program("hooks", "proc-receive");
        gate.world.good(&gate.bare, &["config", "receive.procReceiveRefs", "refs/"]);
        gate
    }

    fn push(&self, refs: &[&str]) -> Output {
        let mut command = self.world.command("git", &self.clone);
        command.env("ORCHESTRATE_PUSH", "p1").env("ORCHESTRATE_HOOK_SOCKET", self.world.path("hook.sock"));
        command.args(["push", self.bare.to_str().unwrap()]).args(refs).output().unwrap()
    }

    fn refs(&self) -> String {
        self.world.good(&self.bare, &["for-each-ref", "--format=%(refname)"])
    }

    fn has(&self, commit: &str) -> bool {
        self.world.git(&self.bare, &["cat-file", "-e", commit]).status.success()
    }
}

/// Moves references as the supervisor does.
fn mover(bare: &Path) -> impl Fn(&Request) -> Response + use<> {
    let bare = bare.to_owned();
    move |request| {
        if let Request::ProcReceive { updates, .. } = request {
            for update in updates {
                let moved =
                    Command::new("git").arg("--git-dir").arg(&bare).args(["update-ref", &update.name, update.new.as_str()]).status();
                assert!(moved.unwrap().success());
            }
        }
        done()
    }
}

#[test]
fn an_accepted_push_is_asked_twice_and_lands() {
    let gate = Gate::supervised();
    let asked = gate.world.supervisor("hook.sock", mover(&gate.bare));
    let output = gate.push(&["HEAD:refs/heads/dev-a/t1", "HEAD:refs/heads/dev-a/t2"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(gate.refs(), "refs/heads/dev-a/t1\nrefs/heads/dev-a/t2\nrefs/heads/main");
    let asked = asked.lock().unwrap();
    let [Request::PreReceive { push, updates, quarantine, alternates }, Request::ProcReceive { updates: again, .. }] = asked.as_slice()
    else {
        panic!("{asked:?}")
    };
    assert_eq!((push.as_str(), updates, updates.len()), ("p1", again, 2));
    assert!(quarantine.contains("gate.git/objects/tmp_objdir-incoming-"), "{quarantine}");
    assert_eq!(alternates.as_slice(), [gate.bare.join("objects").to_str().unwrap()]);
}

#[test]
fn a_refused_push_is_explained_and_leaves_nothing() {
    let gate = Gate::supervised();
    gate.world.supervisor("hook.sock", |_| refused("protected-branch"));
    let commit = gate.world.good(&gate.clone, &["rev-parse", "HEAD"]);
    let output = gate.push(&["HEAD:main"]);
    let said = text(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("remote: orchestrate: refused: because of protected-branch [protected-branch]"), "{said}");
    assert!(said.contains("remote: hint: git push origin HEAD:refs/heads/dev-a/<name>"), "{said}");
    assert!(!gate.has(&commit) && gate.refs() == "refs/heads/main");
}

#[test]
fn a_refusal_inside_the_lock_names_every_reference() {
    let gate = Gate::supervised();
    gate.world.supervisor("hook.sock", |request| if matches!(request, Request::ProcReceive { .. }) { refused("frozen") } else { done() });
    let output = gate.push(&["HEAD:refs/heads/dev-a/t1", "HEAD:refs/heads/dev-a/t2"]);
    let said = text(&output.stderr);
    assert!(!output.status.success() && said.matches("(because of frozen [frozen])").count() == 2, "{said}");
    assert_eq!(gate.refs(), "refs/heads/main");
}

#[test]
fn no_supervisor_no_push() {
    let gate = Gate::supervised();
    let output = gate.push(&["HEAD:refs/heads/dev-a/t1"]);
    assert!(!output.status.success() && text(&output.stderr).contains("the supervisor cannot be reached"), "{}", text(&output.stderr));
    let half = gate
        .world
        .command("git", &gate.clone)
        .env("ORCHESTRATE_PUSH", "p1")
        .args(["push", gate.bare.to_str().unwrap(), "HEAD:x"])
        .output()
        .unwrap();
    assert!(!half.status.success() && text(&half.stderr).contains("only one of"), "{}", text(&half.stderr));
    assert_eq!(gate.refs(), "refs/heads/main");
}

#[test]
fn proc_receive_alone_fails_closed() {
    let gate = Gate::supervised();
    fs::remove_file(gate.world.path("hooks/pre-receive")).unwrap();
    let output = gate.world.git(&gate.clone, &["push", gate.bare.to_str().unwrap(), "HEAD:refs/heads/x"]);
    assert!(!output.status.success() && gate.refs() == "refs/heads/main", "{}", text(&output.stderr));
}

#[test]
fn an_ordinary_repository_guards_its_branch_by_a_bundle() {
    let gate = Gate::new();
    let push = |args: &[&str]| gate.world.git(&gate.clone, &[&["push", gate.bare.to_str().unwrap()], args].concat());
    assert!(push(&["HEAD:refs/heads/topic"]).status.success());
    let none = push(&["HEAD:main"]);
    assert!(!none.status.success() && text(&none.stderr).contains("[no-bundle]"), "{}", text(&none.stderr));
    gate.world.good(&gate.bare, &["config", "orchestrate.bundle", "history.bundle"]);
    let missing = push(&["HEAD:main"]);
    assert!(!missing.status.success() && text(&missing.stderr).contains("cannot read the bundle"), "{}", text(&missing.stderr));
    fs::write(gate.bare.join("history.bundle"), "nonsense").unwrap();
    let nonsense = push(&["HEAD:main"]);
    assert!(!nonsense.status.success() && text(&nonsense.stderr).contains("[not-accounted]"), "{}", text(&nonsense.stderr));
    let forced = push(&["--force", "HEAD~1:topic"]);
    assert!(forced.status.success());
    gate.world.good(&gate.bare, &["config", "orchestrate.branch", "topic"]);
    assert!(push(&["HEAD:main"]).status.success());
    let back = push(&["--force", "main:refs/heads/topic"]);
    assert!(!back.status.success() && text(&back.stderr).contains("[not-accounted]"), "{}", text(&back.stderr));
    gate.world.good(&gate.clone, &["checkout", "-q", "--orphan", "other"]);
    gate.world.commit(&gate.clone, "rootless", "x");
    for (refs, code) in [("HEAD:topic", "[not-forward]"), (":topic", "[no-deletes]")] {
        let output = push(&["--force", refs]);
        assert!(!output.status.success() && text(&output.stderr).contains(code), "{refs}: {}", text(&output.stderr));
    }
}
