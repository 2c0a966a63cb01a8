use super::*;

/// A gate whose branch is one commit ahead of the owner's.
fn ahead(world: &World) -> (Gate, Oid, Oid) {
    let gate = world.gate();
    let rogue = world.rogue();
    put(&rogue, "new.rs", "new\n");
    put(&rogue, "README.md", "better\n");
    save(&rogue, "approved");
    let to = world.smuggle(&gate, "dev-a/x");
    let from = gate.tip().expect("a tip");
    gate.move_refs(&[Move { name: main_branch(), old: Some(from.clone()), new: Some(to.clone()) }]).expect("a move");
    (gate, from, to)
}

fn bring(world: &World, gate: &Gate) -> Delivered {
    deliver(&world.git, &world.owner(), gate, &main_branch()).expect("an answer")
}

#[test]
fn a_clean_tree_moves_with_the_branch() {
    let world = World::new();
    let (gate, from, to) = ahead(&world);
    put(&world.owner(), "notes.txt", "mine\n");
    assert_eq!(bring(&world, &gate), Delivered::FastForwarded { from, to: to.clone() });
    assert_eq!(head(&world.owner()), to);
    assert_eq!(plain(&world.owner(), &["status", "--porcelain"]), "?? notes.txt");
    assert_eq!(std::fs::read(world.owner().join("new.rs")).expect("a file"), b"new\n");
    assert!(!world.owner().join(".git/FETCH_HEAD").exists());
    assert_eq!(bring(&world, &gate), Delivered::AlreadyThere);
    save(&world.owner(), "the owner goes on");
    assert_eq!(bring(&world, &gate), Delivered::AlreadyThere);
}

#[test]
fn a_branch_that_is_not_checked_out_moves_alone() {
    let world = World::new();
    let (gate, from, to) = ahead(&world);
    plain(&world.owner(), &["checkout", "-q", "-b", "mine"]);
    put(&world.owner(), "README.md", "in the middle\n");
    assert_eq!(bring(&world, &gate), Delivered::FastForwarded { from, to: to.clone() });
    assert_eq!(plain(&world.owner(), &["rev-parse", "main"]), to.as_str());
    assert_eq!(plain(&world.owner(), &["status", "--porcelain"]), "M README.md".to_owned().replace("M ", " M "));
}

#[test]
fn a_branch_in_another_working_tree_moves_there() {
    let world = World::new();
    let (gate, from, to) = ahead(&world);
    plain(&world.owner(), &["checkout", "-q", "-b", "mine"]);
    plain(&world.owner(), &["worktree", "add", "-q", "../other place", "main"]);
    put(&world.at("other place"), "src/lib.rs", "mine\n");
    assert!(refused(&world, &gate, &from).contains("not committed"));
    plain(&world.at("other place"), &["checkout", "-q", "."]);
    assert_eq!(bring(&world, &gate), Delivered::FastForwarded { from, to });
    assert_eq!(std::fs::read(world.at("other place").join("new.rs")).expect("a file"), b"new\n");
    assert!(!world.owner().join("new.rs").exists());
}

fn refused(world: &World, gate: &Gate, from: &Oid) -> String {
    let before: Vec<_> = picture(&world.owner()).into_iter().filter(|(path, _)| !path.to_string_lossy().contains(".git/objects")).collect();
    let answer = bring(world, gate);
    let Delivered::NotClean(why) = answer else { panic!("{answer:?}") };
    assert_eq!(plain(&world.owner(), &["rev-parse", "main"]), from.as_str());
    let after: BTreeMap<_, _> = picture(&world.owner());
    for (path, (bytes, _)) in before.iter().filter(|(path, _)| path.is_file()) {
        assert_eq!(after.get(path).map(|(bytes, _)| bytes), Some(bytes), "{path:?} with {why}");
    }
    why
}

#[test]
fn changed_files_stop_it() {
    let world = World::new();
    let (gate, from, _) = ahead(&world);
    put(&world.owner(), "src/lib.rs", "mine\n");
    assert!(refused(&world, &gate, &from).contains("not committed"));
}

#[test]
fn untracked_and_ignored_files_are_not_overwritten() {
    let world = World::new();
    let (gate, from, _) = ahead(&world);
    put(&world.owner(), "new.rs", "the owner's own\n");
    assert!(refused(&world, &gate, &from).contains("new.rs"));
    put(&world.owner(), ".git/info/exclude", "new.rs\n");
    assert!(refused(&world, &gate, &from).contains("new.rs"));
}

#[test]
fn half_done_things_stop_it() {
    let world = World::new();
    let (gate, from, _) = ahead(&world);
    for name in ["MERGE_HEAD", "rebase-merge/x", "index.lock"] {
        put(&world.owner(), &format!(".git/{name}"), "");
        refused(&world, &gate, &from);
        let top = world.owner().join(".git").join(name.split('/').next().expect("a name"));
        if top.is_dir() { std::fs::remove_dir_all(top) } else { std::fs::remove_file(top) }.expect("gone");
    }
    plain(&world.owner(), &["checkout", "-q", "--detach"]);
    put(&world.owner(), ".git/rebase-merge/head-name", "refs/heads/main\n");
    assert!(refused(&world, &gate, &from).contains("under way"));
}

#[test]
fn another_history_is_left_alone() {
    let world = World::new();
    let (gate, _, _) = ahead(&world);
    let own = save(&world.owner(), "the owner's own");
    let before = picture(&world.owner());
    assert_eq!(bring(&world, &gate), Delivered::Diverged);
    assert_eq!(picture(&world.owner()), before);
    assert_eq!(head(&world.owner()), own);
}

#[test]
fn no_hook_that_a_change_brought_runs() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let (gate, from, to) = ahead(&world);
    plain(&world.owner(), &["config", "core.hooksPath", "hooks"]);
    let ran = world.at("ran");
    for hook in ["post-merge", "post-checkout", "reference-transaction", "post-index-change"] {
        let file = world.owner().join(".git/hooks-test").join(hook);
        put(&world.owner(), &format!(".git/hooks-test/{hook}"), format!("#!/bin/sh\necho ran >> {}\n", ran.display()));
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    plain(&world.owner(), &["config", "core.hooksPath", ".git/hooks-test"]);
    assert_eq!(bring(&world, &gate), Delivered::FastForwarded { from, to });
    assert!(!ran.exists());
    plain(&world.owner(), &["update-ref", "refs/heads/other", "HEAD"]);
    assert!(ran.exists(), "the hook works");
}

#[test]
fn the_owners_upstream_gets_the_branch_and_the_owner_keeps_its_own() {
    let world = World::new();
    let (gate, from, to) = ahead(&world);
    let upstream = world.at("upstream.git");
    plain(&world.owner(), &["clone", "--quiet", "--bare", ".", upstream.to_str().expect("a plain path")]);
    plain(&world.owner(), &["remote", "add", "away", upstream.to_str().expect("a plain path")]);
    plain(&world.owner(), &["config", "branch.main.remote", "away"]);
    let said = push_home(&world.git, &world.owner(), &gate, &main_branch()).expect("a push");
    assert!(said.contains("away"), "{said}");
    assert_eq!(plain(&upstream, &["rev-parse", "main"]), to.as_str());
    assert_eq!(head(&world.owner()), from);
}

#[test]
fn an_upstream_that_cannot_be_reached_is_told_and_nothing_moves() {
    let world = World::new();
    let (gate, from, _) = ahead(&world);
    plain(&world.owner(), &["remote", "add", "origin", "/nonexistent/upstream.git"]);
    let failure = push_home(&world.git, &world.owner(), &gate, &main_branch()).expect_err("no upstream");
    assert!(failure.what.contains("origin") && failure.hint.starts_with("git "), "{failure:?}");
    assert_eq!(head(&world.owner()), from);
}
