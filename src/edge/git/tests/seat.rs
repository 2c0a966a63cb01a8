use super::*;

fn mirrored(world: &World) -> (Gate, PathBuf) {
    let gate = world.gate();
    let mirror = world.at("mirror");
    gate.make_mirror(&mirror).expect("a mirror");
    (gate, mirror)
}

#[test]
fn the_mirror_has_approved_history_alone() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    save(&rogue, "draft");
    let draft = world.smuggle(&gate, "dev-a/x");
    let mirror = world.at("mirror");
    gate.make_mirror(&mirror).expect("a mirror");
    let has = |id: &Oid| plain_command(&mirror, &["cat-file", "-e", id.as_str()]).status().expect("git").success();
    assert!(!has(&draft) && has(&gate.tip().expect("a tip")));
    let old = gate.tip().expect("a tip");
    gate.move_refs(&[Move { name: main_branch(), old: Some(old), new: Some(draft.clone()) }]).expect("a move");
    let objects = |dir: &Path| picture(&dir.join("objects")).into_keys().collect::<std::collections::BTreeSet<_>>();
    let before = objects(&mirror);
    gate.refresh_mirror(&mirror, &main_branch()).expect("a refresh");
    gate.refresh_mirror(&mirror, &main_branch()).expect("again");
    assert!(has(&draft) && objects(&mirror).is_superset(&before));
    assert_eq!(plain(&mirror, &["rev-parse", "main"]), draft.as_str());
    assert!(gate.make_mirror(&mirror).is_err(), "it is there");
    assert!(gate.refresh_mirror(&world.at("none"), &main_branch()).is_err());
}

#[test]
fn a_clone_works_as_the_sandbox_sees_it() {
    let world = World::new();
    let (gate, mirror) = mirrored(&world);
    let clone = world.at("seat");
    gate.seat_clone(&mirror, &world.at("inside"), &clone, &setup(true)).expect("a clone");
    assert!(plain_command(&clone, &["log"]).output().is_ok_and(|output| !output.status.success()), "the mirror is elsewhere outside");
    std::os::unix::fs::symlink(&mirror, world.at("inside")).expect("a link");
    assert_eq!(plain(&clone, &["status", "--porcelain", "--branch"]), "## main...origin/main");
    assert_eq!(plain(&clone, &["rev-parse", "HEAD"]), gate.tip().expect("a tip").as_str());
    assert_eq!(plain(&clone, &["rev-parse", "origin/HEAD"]), gate.tip().expect("a tip").as_str());
    for (key, value) in [
        ("remote.origin.url", "orchestrate::gate"),
        ("user.name", "dev-a \"x\""),
        ("user.signingkey", &"A".repeat(40)),
        ("gpg.program", "/run/orchestrate/gpg"),
        ("core.hookspath", "/run/orchestrate/hooks"),
        ("push.default", "current"),
    ] {
        assert!(plain_raw(&clone, &["config", "--local", key]).trim_end() == value, "{key}");
    }
    plain(&clone, &["fsck", "--no-progress"]);
    assert_eq!(picture(&clone.join(".git/objects")).into_keys().filter(|path| path.is_file()).count(), 1, "nothing but the alternate");
    assert!(gate.seat_clone(&mirror, &world.at("inside"), &clone, &setup(true)).is_err(), "it is there");
}

/// Git without the options that `plain` adds.
fn plain_raw(dir: &Path, args: &[&str]) -> String {
    let output =
        Command::new("/usr/bin/env").arg("git").args(args).current_dir(dir).env_clear().env("PATH", PLACES).env("HOME", dir).output();
    String::from_utf8(output.expect("git").stdout).expect("text")
}

#[test]
fn files_may_follow_later_and_once() {
    let world = World::new();
    let (gate, mirror) = mirrored(&world);
    let clone = world.at("seat");
    gate.seat_clone(&mirror, &mirror, &clone, &setup(false)).expect("a clone");
    assert!(!clone.join("README.md").exists());
    gate.checkout(&mirror, &clone, &main_branch()).expect("files");
    assert_eq!(plain(&clone, &["status", "--porcelain"]), "");
    gate.checkout(&mirror, &clone, &main_branch()).expect_err("it may be the seat's by now");
}

#[test]
fn a_setting_cannot_bring_another() {
    let world = World::new();
    let (gate, mirror) = mirrored(&world);
    let bad = CloneSetup { name: "x\n[core]\n\tpager = evil".into(), ..setup(false) };
    assert!(gate.seat_clone(&mirror, &mirror, &world.at("seat"), &bad).is_err());
    assert!(!world.at("seat").exists());
}

#[test]
fn a_tree_is_written_out_without_filters_or_links_that_leave() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let owner = world.owner();
    put(&owner, ".gitattributes", "*.md text eol=crlf ident\n");
    put(&owner, "run.sh", "#!/bin/sh\n");
    std::fs::set_permissions(owner.join("run.sh"), std::fs::Permissions::from_mode(0o755)).expect("a mode");
    put(&owner, "README.md", "$Id$\n");
    std::os::unix::fs::symlink("/etc/passwd", owner.join("out")).expect("a link");
    std::os::unix::fs::symlink("../README.md", owner.join("src/in")).expect("a link");
    plain(&owner, &["add", "-A"]);
    plain(&owner, &["update-index", "--add", "--cacheinfo", &format!("160000,{},sub", head(&owner))]);
    plain(&owner, &["commit", "-q", "-m", "x"]);
    let gate = world.gate();
    let tree = gate.tree_of(&gate.tip().expect("a tip")).expect("a tree");
    let dir = world.at("run");
    assert_eq!(gate.materialise(&tree, &dir).expect("files"), ["out", "sub"]);
    assert_eq!(std::fs::read(dir.join("README.md")).expect("a file"), b"$Id$\n");
    assert_eq!(std::fs::read_link(dir.join("src/in")).expect("a link"), Path::new("../README.md"));
    assert_eq!(dir.join("run.sh").metadata().expect("facts").permissions().mode() & 0o111, 0o111);
    assert!(!dir.join("out").exists() && !dir.join(".git").exists());
    assert!(gate.materialise(&tree, &dir).is_err(), "the folder is not fresh");
}
