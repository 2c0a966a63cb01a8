use super::*;

fn inspect(world: &World, gate: &Gate, name: &str) -> Incoming {
    let new = world.smuggle(gate, name);
    let old = Oid::new("0".repeat(40)).expect("an id");
    let update = Update { name: format!("refs/heads/{name}"), old, new };
    let mut all = gate.inspect(None, &[update], &[branch("dev-a")], &[], &unsigned).expect("facts").updates;
    all.remove(0)
}

fn faults(entries: &[(&str, &str)]) -> Vec<String> {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    let old = plain(&rogue, &["ls-tree", "HEAD"]);
    let mut all: Vec<(String, String, String)> = old
        .lines()
        .map(|line| {
            let (facts, name) = line.split_once('\t').expect("a line");
            let words: Vec<&str> = facts.split(' ').collect();
            (words[0].trim_start_matches('0').to_owned(), words[2].to_owned(), name.to_owned())
        })
        .collect();
    for (mode, name) in entries {
        let content = if *mode == "120000" { name.split('>').nth(1).expect("a target") } else { "x" };
        let id = match *mode {
            "40000" => empty_tree("sha1").to_owned(),
            "160000" => head(&rogue).to_string(),
            _ => blob(&rogue, content),
        };
        all.push(((*mode).to_owned(), id, name.split('>').next().expect("a name").to_owned()));
    }
    let entries: Vec<(&str, &str, &str)> = all.iter().map(|(mode, id, name)| (mode.as_str(), id.as_str(), name.as_str())).collect();
    plain_with(&rogue, &["hash-object", "-w", "-t", "tree", "--stdin"], b"");
    save_tree_raw(&rogue, &entries);
    inspect(&world, &gate, "dev-a/x").tree_faults
}

/// Like `save_tree`, and submodules are allowed.
fn save_tree_raw(dir: &Path, entries: &[(&str, &str, &str)]) -> Oid {
    let kind = |mode: &str| match mode {
        "40000" => "tree",
        "160000" => "commit",
        _ => "blob",
    };
    let text: String = entries.iter().map(|(mode, id, name)| format!("{mode} {} {id}\t{name}\0", kind(mode))).collect();
    let tree = plain_with(dir, &["mktree", "-z", "--missing"], text.as_bytes());
    let commit = plain(dir, &["commit-tree", "-m", "made by hand", "-p", "HEAD", &tree]);
    plain(dir, &["update-ref", "HEAD", &commit]);
    Oid::new(commit).expect("an id")
}

#[test]
fn ordinary_entries_have_no_fault() {
    assert_eq!(faults(&[("100644", "a"), ("100755", ".github"), ("120000", "link>README.md")]), [""; 0]);
}

#[test]
fn every_bad_entry_is_a_fault() {
    for entry in [
        ("100644", ".GIT"),
        ("100644", "git~1"),
        ("100644", ".gitmodules"),
        ("100644", "readme.md"),
        ("100644", "SRC"),
        ("100644", "a\\b"),
        ("100644", "a\u{7}"),
        ("100644", "x."),
        ("100644", "aux.c"),
        ("100644", "e\u{301}"),
        ("120000", "l>/etc/passwd"),
        ("120000", "l>../x"),
        ("120000", "l>.git/config"),
        ("160000", "sub"),
        ("40000", "hollow"),
        ("100644", "\u{202e}x"),
    ] {
        assert_eq!(faults(&[entry]).len(), 1, "{entry:?}: {:?}", faults(&[entry]));
    }
}

#[test]
fn a_fault_is_found_also_where_the_next_commit_removes_it() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    std::os::unix::fs::symlink("/etc/passwd", rogue.join("l")).expect("a link");
    save(&rogue, "add");
    std::fs::remove_file(rogue.join("l")).expect("gone");
    save(&rogue, "remove");
    let facts = inspect(&world, &gate, "dev-a/x");
    assert_eq!(facts.tree_faults, ["l: the link is empty, absolute or foreign"]);
    assert_eq!((facts.touched.as_slice(), facts.commits.len()), (&["l".to_owned()][..], 2));
}

#[test]
fn old_oddities_are_left_alone() {
    let world = World::new();
    let owner = world.owner();
    put(&owner, "readme.MD", "twin\n");
    std::os::unix::fs::symlink("/etc", owner.join("etc")).expect("a link");
    save(&owner, "odd");
    let gate = world.gate();
    let rogue = world.rogue();
    put(&rogue, "README.md", "edited\n");
    put(&rogue, "new", "x\n");
    save(&rogue, "edit");
    assert_eq!(inspect(&world, &gate, "dev-a/x").tree_faults, [""; 0]);
}

#[test]
fn a_long_path_and_a_deep_tree_are_faults() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    let mut tree = plain_with(&rogue, &["mktree", "-z"], format!("100644 blob {}\tf\0", blob(&rogue, "x")).as_bytes());
    for _ in 0..140 {
        tree = plain_with(&rogue, &["mktree", "-z"], format!("40000 tree {tree}\tabcdefghi\0").as_bytes());
    }
    save_tree(&rogue, &[("40000", &tree, "deep")]);
    let facts = inspect(&world, &gate, "dev-a/x");
    assert_eq!(facts.tree_faults.len(), 1, "{:?}", facts.tree_faults);
    assert!(facts.tree_faults[0].contains("longer than 1024"), "{:?}", facts.tree_faults);
}

#[test]
fn a_tree_bomb_is_a_fault_and_not_a_wait() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    let mut tree = plain_with(&rogue, &["mktree", "-z"], format!("100644 blob {}\tf\0", blob(&rogue, "x")).as_bytes());
    for _ in 0..9 {
        let entries: String = (0..10).map(|n| format!("40000 tree {tree}\td{n}\0")).collect();
        tree = plain_with(&rogue, &["mktree", "-z"], entries.as_bytes());
    }
    save_tree(&rogue, &[("40000", &tree, "bomb")]);
    let facts = inspect(&world, &gate, "dev-a/x");
    assert!(facts.tree_faults.iter().any(|fault| fault.contains("more than 200000")), "{:?}", facts.tree_faults);
}

#[test]
fn an_orphan_root_is_told() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    plain(&rogue, &["checkout", "-q", "--orphan", "lost"]);
    let root = save(&rogue, "orphan");
    let alone = inspect(&world, &gate, "dev-a/x");
    assert_eq!((alone.roots, alone.merge_base), (vec![root.clone()], None));
    plain(&rogue, &["merge", "-q", "--allow-unrelated-histories", "-m", "join", "-X", "ours", "main"]);
    let joined = inspect(&world, &gate, "dev-a/y");
    assert_eq!((joined.roots, joined.merge_base), (vec![root], Some(gate.tip().expect("a tip"))));
}

#[test]
fn what_is_not_a_commit_is_told() {
    let world = World::new();
    let gate = world.gate();
    let tip = gate.tip().expect("a tip");
    let none = Oid::new("0".repeat(40)).expect("an id");
    let tree = gate.tree_of(&tip).expect("a tree");
    let blob = gate.write_blob(b"x").expect("a blob");
    let lost = Oid::new("1".repeat(40)).expect("an id");
    let ids = [tip, tree, blob, lost, none.clone()];
    let updates = ids.map(|new| Update { name: "refs/heads/dev-a/x".into(), old: none.clone(), new });
    let facts = gate.inspect(None, &updates, &[], &[], &unsigned).expect("facts");
    let kinds: Vec<Kind> = facts.updates.iter().map(|incoming| incoming.kind).collect();
    assert_eq!(kinds, [Kind::Commit, Kind::Tree, Kind::Blob, Kind::Missing, Kind::Deletion]);
}

#[test]
fn rewinding_is_not_forward() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    let first = save(&rogue, "a");
    let update = |old: &Oid, new: &Oid| Update { name: "refs/heads/dev-a/x".into(), old: old.clone(), new: new.clone() };
    world.smuggle(&gate, "dev-a/x");
    plain(&rogue, &["reset", "-q", "--hard", "HEAD~1"]);
    let other = save(&rogue, "b");
    world.smuggle(&gate, "dev-a/y");
    let tip = gate.tip().expect("a tip");
    let facts =
        gate.inspect(None, &[update(&first, &other), update(&tip, &other), update(&first, &tip), update(&first, &first)], &[], &[], &unsigned);
    let forward: Vec<bool> = facts.expect("facts").updates.iter().map(|incoming| incoming.forward).collect();
    assert_eq!(forward, [false, true, false, true]);
}

#[test]
fn another_seats_commit_cannot_be_fetched_by_pushing_its_id() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    put(&rogue, "secret", "x\n");
    let secret = save(&rogue, "draft of dev-b");
    world.smuggle(&gate, "dev-b/draft");
    plain(&rogue, &["commit", "-q", "--allow-empty", "-m", "mine"]);
    let mine = head(&rogue);
    let none = Oid::new("0".repeat(40)).expect("an id");
    let update = |new: &Oid| Update { name: "refs/heads/dev-a/x".into(), old: none.clone(), new: new.clone() };
    let borrowed =
        |new: &Oid, visible: &[RefName]| gate.inspect(None, &[update(new)], visible, &[], &unsigned).expect("facts").updates[0].borrowed.clone();
    assert_eq!(borrowed(&secret, &[branch("dev-a")]), std::slice::from_ref(&secret));
    assert_eq!(borrowed(&secret, &[branch("dev")]), std::slice::from_ref(&secret), "a prefix is no folder");
    assert_eq!(borrowed(&secret, &[branch("dev-b")]), []);
    world.smuggle(&gate, "dev-a/x");
    assert_eq!(borrowed(&mine, &[branch("dev-a")]), [], "own work may grow");
    let known = |tips: &[Oid]| gate.inspect(None, &[update(&mine)], &[], tips, &unsigned).expect("facts").updates[0].borrowed.clone();
    assert_eq!(known(std::slice::from_ref(&mine)), [], "the record says that it is the pusher's own");
    assert_eq!(known(std::slice::from_ref(&secret)), [secret.clone(), mine.clone()], "only what the known tip reaches");
}

/// A supervisor that dies between acceptance and landing leaves the objects; the same push is made again.
#[test]
fn what_a_stopped_push_left_may_be_pushed_again() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    put(&rogue, "note", "x\n");
    let left = save(&rogue, "a note");
    world.smuggle(&gate, "dev-a/x");
    plain(gate.dir(), &["update-ref", "-d", "refs/heads/dev-a/x"]);
    assert!(gate.raw_commit(None, &left).is_ok(), "the object is still there");
    let none = Oid::new("0".repeat(40)).expect("an id");
    let update = Update { name: "refs/heads/dev-a/x".into(), old: none, new: left };
    assert_eq!(gate.inspect(None, &[update], &[branch("dev-a")], &[], &unsigned).expect("facts").updates[0].borrowed, []);
}

#[test]
fn a_replacement_changes_nothing_that_is_seen() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    put(&rogue, "evil", "x\n".repeat(300));
    save(&rogue, "evil");
    let evil = world.smuggle(&gate, "dev-a/x");
    let tip = gate.tip().expect("a tip");
    plain(gate.dir(), &["replace", evil.as_str(), tip.as_str()]);
    let change = gate.change(&tip, &evil, &unsigned).expect("a change");
    assert_eq!(change.lines(), 300);
    assert!(gate.check().is_err());
}

#[test]
fn a_quarantine_elsewhere_is_not_read() {
    let world = World::new();
    let gate = world.gate();
    let tip = gate.tip().expect("a tip");
    let store = gate.dir().join("objects");
    std::fs::create_dir(store.join("tmp_objdir-incoming-x")).expect("a folder");
    let of = |objects: PathBuf, alternates: Vec<PathBuf>| Quarantine { objects, alternates };
    gate.raw_commit(Some(&of(store.join("tmp_objdir-incoming-x"), vec![store.clone()])), &tip).expect("bytes");
    for bad in [
        of(world.owner().join(".git/objects"), vec![store.clone()]),
        of(store.join("pack"), vec![store.clone()]),
        of(store.join("tmp_objdir-incoming-x"), vec![world.owner().join(".git/objects")]),
        of(store.join("tmp_objdir-incoming-none"), vec![]),
    ] {
        assert!(gate.raw_commit(Some(&bad), &tip).is_err(), "{bad:?}");
    }
}
