use super::*;
use crate::domain::change::Blob;

fn source_of(world: &World, name: &str) -> Result<Source, Failure> {
    examine(&world.git, &world.at(name), None)
}

#[test]
fn a_usable_repository_is_described() {
    let world = World::new();
    plain(&world.owner(), &["remote", "add", "origin", "https://me:secret@example.org/x.git"]);
    let source = source_of(&world, "owner/src").expect("a source");
    assert_eq!(source.root, world.owner().canonicalize().expect("a path"));
    assert_eq!((source.branch, source.tip, source.dirty), (main_branch(), head(&world.owner()), false));
    assert_eq!((source.object_format.as_str(), source.remote.as_deref()), ("sha1", Some("https://example.org/x.git")));
    put(&world.owner(), "new", "x");
    assert!(source_of(&world, "owner").expect("a source").dirty);
}

#[test]
fn an_unusable_repository_is_a_failure_with_a_hint() {
    let world = World::new();
    let run = |args: &[&str]| plain(world.dir.path(), args);
    std::fs::create_dir(world.at("empty")).expect("a folder");
    run(&["init", "-q", "--bare", "bare"]);
    run(&["init", "-q", "-b", "main", "young"]);
    run(&["init", "-q", "-b", "Feature@X", "odd"]);
    save(&world.at("odd"), "x");
    run(&["clone", "-q", "--depth=1", &format!("file://{}", world.owner().display()), "shallow"]);
    run(&["clone", "-q", "--no-local", "owner", "loose"]);
    plain(&world.at("loose"), &["checkout", "-q", "--detach"]);
    for (name, why) in [
        ("nowhere", "No such file"),
        ("owner/README.md", "not a folder"),
        ("empty", "not a git repository"),
        ("bare", "bare"),
        ("owner/.git", "git's own folder"),
        ("young", "no commits"),
        ("odd", "not a reference name"),
        ("shallow", "shallow"),
        ("loose", "no branch is checked out"),
    ] {
        let failure = source_of(&world, name).expect_err(name);
        assert!(failure.why.contains(why), "{name}: {failure}");
        assert!(!failure.hint.is_empty(), "{name}: {failure}");
    }
    let other = examine(&world.git, &world.owner(), Some("nope")).expect_err("no such branch");
    assert!(other.why.contains("has no refs/heads/nope"), "{other}");
}

#[test]
fn making_a_gate_leaves_the_owner_as_it_was() {
    let world = World::new();
    put(&world.owner(), "src/lib.rs", "uncommitted\n");
    plain(&world.owner(), &["tag", "v1"]);
    let before = picture(&world.owner());
    let gate = world.gate();
    assert_eq!(picture(&world.owner()), before);
    let refs = gate.refs().expect("refs");
    assert_eq!(refs.into_iter().collect::<Vec<_>>(), [(main_branch(), head(&world.owner()))]);
    gate.check().expect("a sound gate");
    assert_eq!(Gate::open(&world.git, gate.dir()).expect("a gate").branch(), &main_branch());
}

#[test]
fn the_gate_shares_no_file_with_the_owner() {
    use std::os::unix::fs::MetadataExt as _;
    let world = World::new();
    let gate = world.gate();
    let linked = picture(gate.dir()).into_keys().filter(|path| path.is_file() && path.metadata().expect("facts").nlink() > 1).count();
    assert_eq!(linked, 0);
    std::fs::remove_dir_all(world.owner()).expect("gone");
    gate.check().expect("a gate that stands alone");
}

#[test]
fn a_gate_is_made_whole_or_not_at_all() {
    let world = World::new();
    let mut source = source_of(&world, "owner").expect("a source");
    source.tip = Oid::new("1".repeat(40)).expect("an id");
    assert!(Gate::create(&world.git, &world.at("gate"), &source).is_err());
    let left: Vec<_> = std::fs::read_dir(world.dir.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(left, ["owner"]);
    put(&world.at(".gate.making"), "left by a crash", "x");
    world.gate();
    let again = Gate::create(&world.git, &world.at("gate"), &source_of(&world, "owner").expect("a source"));
    assert!(again.expect_err("it is there").why.contains("exists"));
}

#[test]
fn a_sha256_repository_works() {
    let world = World::new();
    plain(world.dir.path(), &["init", "-q", "-b", "main", "--object-format=sha256", "wide"]);
    put(&world.at("wide"), "a", "1\n");
    save(&world.at("wide"), "x");
    let source = source_of(&world, "wide").expect("a source");
    let gate = Gate::create(&world.git, &world.at("gate"), &source).expect("a gate");
    assert_eq!((gate.object_format(), gate.tip().expect("a tip").as_str().len()), ("sha256", 64));
    let tree = gate.tree_of(&source.tip).expect("a tree");
    assert_eq!(gate.file_at(&tree, "a", 10).expect("a read"), Some(b"1\n".to_vec()));
    gate.materialise(&tree, &world.at("out")).expect("files");
    assert_eq!(gate.merge(&source.tip, &source.tip).expect("a merge"), MergeTree::Clean(tree));
}

#[test]
fn what_bends_git_is_found() {
    let world = World::new();
    let gate = world.gate();
    let dir = gate.dir().to_owned();
    for name in
        ["objects/info/alternates", "info/grafts", "shallow", "refs/replace/x", "hooks/pre-receive", "config.worktree", "info/attributes"]
    {
        put(&dir, name, "x\n");
        assert!(gate.check().is_err(), "{name}");
        let top = ["info", "hooks", "refs/replace"].into_iter().find(|top| name.starts_with(&format!("{top}/")));
        match top {
            Some(top) => std::fs::remove_dir_all(dir.join(top)).expect("gone"),
            None => std::fs::remove_file(dir.join(name)).expect("gone"),
        }
        gate.check().expect("sound again");
    }
    let config = std::fs::read_to_string(dir.join("config")).expect("a file");
    put(&dir, "config", format!("{config}[core]\n\tsshCommand = x\n"));
    assert!(gate.check().is_err());
    assert!(Gate::open(&world.git, &dir).is_err());
}

#[test]
fn lost_objects_are_found() {
    let world = World::new();
    let gate = world.gate();
    let pack = picture(&gate.dir().join("objects/pack")).into_keys().find(|path| path.extension().is_some_and(|ext| ext == "idx"));
    std::fs::remove_file(pack.expect("an index")).expect("gone");
    assert!(gate.check().is_err());
}

#[test]
fn references_move_all_or_none() {
    let world = World::new();
    let gate = world.gate();
    let tip = gate.tip().expect("a tip");
    let older = Oid::new(plain(&world.owner(), &["rev-parse", "HEAD~1"])).expect("an id");
    let create = Move { name: branch("dev-a/x"), old: None, new: Some(tip.clone()) };
    let stale = Move { name: main_branch(), old: Some(older.clone()), new: Some(older.clone()) };
    gate.move_refs(&[create.clone(), stale]).expect_err("main is not there");
    assert_eq!(gate.find_ref(&create.name).expect("a look"), None);
    gate.move_refs(std::slice::from_ref(&create)).expect("a move");
    gate.move_refs(std::slice::from_ref(&create)).expect_err("it is there");
    let back = Move { name: create.name.clone(), old: Some(tip.clone()), new: Some(older.clone()) };
    gate.move_refs(&[back]).expect("a move");
    gate.move_refs(&[Move { name: create.name.clone(), old: Some(older), new: None }]).expect("a move");
    assert_eq!(gate.refs().expect("refs").len(), 1);
    gate.move_refs(&[Move { name: create.name, old: None, new: None }]).expect_err("nothing to do");
    assert_eq!(gate.tip().expect("a tip"), tip);
}

#[test]
fn commits_are_stored_if_they_are_commits() {
    let world = World::new();
    let gate = world.gate();
    let tip = gate.tip().expect("a tip");
    let raw = gate.raw_commit(None, &tip).expect("bytes");
    assert_eq!(gate.write_commit(&raw).expect("an id"), tip);
    assert!(gate.write_commit(b"tree x\n").is_err());
    assert!(gate.reach(&tip, &tip).expect("an answer"));
}

#[test]
fn trees_are_composed() {
    let world = World::new();
    let gate = world.gate();
    let tree = gate.tree_of(&gate.tip().expect("a tip")).expect("a tree");
    let oid = gate.write_blob(b"new\n").expect("an id");
    let file = |mode| Some(Blob { oid: oid.clone(), mode, size: 4 });
    let made = gate
        .compose(&tree, &[("src/lib.rs".into(), file(0o100_755)), ("README.md".into(), None), ("src/main.rs/x".into(), file(0o100_644))]);
    let made = made.expect("a tree");
    assert_eq!(gate.file_at(&made, "src/lib.rs", 10).expect("a read"), Some(b"new\n".to_vec()));
    assert_eq!(gate.file_at(&made, "src/main.rs/x", 10).expect("a read"), Some(b"new\n".to_vec()));
    assert_eq!(gate.file_at(&made, "README.md", 10).expect("a read"), None);
    assert_eq!(gate.file_at(&made, "src", 10).expect("a read"), None);
    assert!(gate.file_at(&made, "src/lib.rs", 3).is_err());
    assert_eq!(gate.compose(&tree, &[]).expect("a tree"), tree);
    for (path, mode) in [(".git/config", 0o100_644), ("../x", 0o100_644), ("", 0o100_644), ("sub", 0o160_000), ("a\0b", 0o100_644)] {
        assert!(gate.compose(&tree, &[(path.into(), file(mode))]).is_err(), "{path:?}");
    }
    gate.check().expect("nothing left behind");
}

/// Files put in, taken out, and laid where folders were and the other way round: the tree is the one that git's own index makes.
#[test]
fn composed_trees_are_those_of_an_index() {
    let world = World::new();
    let gate = world.gate();
    let blobs: Vec<Oid> = (0..3).map(|at| gate.write_blob(format!("{at}").as_bytes()).expect("an id")).collect();
    let mut seed = 1_u64;
    let mut next = move |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).expect("a number") % most
    };
    let names = ["a", "a.b", "a-b", "b"];
    let mut tree = gate.tree_of(&gate.tip().expect("a tip")).expect("a tree");
    let mut rounds = 0;
    while rounds < 60 {
        let path = |next: &mut dyn FnMut(usize) -> usize| (0..=next(3)).map(|_| names[next(4)]).collect::<Vec<_>>().join("/");
        let files: BTreeMap<String, Option<Blob>> = (0..=next(4))
            .map(|_| {
                let blob = Blob { oid: blobs[next(3)].clone(), mode: [0o100_644, 0o100_755, 0o120_000][next(3)], size: 1 };
                (path(&mut next), (next(3) > 0).then_some(blob))
            })
            .collect();
        // Where one path stands below another that comes, the order would decide.
        let below = |path: &String| files.iter().any(|(above, blob)| blob.is_some() && path.starts_with(&format!("{above}/")));
        if files.iter().any(|(path, blob)| blob.is_some() && below(path)) {
            continue;
        }
        let index = world.at("index");
        let git = |args: &[&str], input: &[u8]| {
            let mut command = plain_command(gate.dir(), args);
            command.env("GIT_INDEX_FILE", &index);
            String::from_utf8(must(command, input, "run git").expect("git")).expect("text").trim_end().to_owned()
        };
        git(&["read-tree", tree.as_str()], b"");
        for (path, blob) in &files {
            let line = blob.as_ref().map_or_else(|| format!("0 {}\t{path}\0", "0".repeat(40)), |blob| format!("{:o} {}\t{path}\0", blob.mode, blob.oid));
            git(&["update-index", "--add", "--replace", "-z", "--index-info"], line.as_bytes());
        }
        let wanted = git(&["write-tree"], b"");
        let files: Vec<(String, Option<Blob>)> = files.into_iter().collect();
        tree = gate.compose(&tree, &files).expect("a tree");
        assert_eq!(tree.as_str(), wanted, "{files:?}");
        rounds += 1;
    }
}

/// What was there before the workshop was keeps its name, however odd, and can be changed and taken out; what comes may not have such a one.
#[test]
fn an_odd_name_that_was_there_can_be_composed() {
    let world = World::new();
    let owner = world.owner();
    let id = blob(&owner, "odd\n");
    let inner = plain_with(&owner, &["mktree"], format!("100664 blob {id}\taux.rs\n").as_bytes());
    let mut entries = format!("100644 blob {id}\ta:b.rs\0040000 tree {inner}\tcon\0100644 blob {id}\t").into_bytes();
    entries.extend(b"\xff.rs\0160000 commit ");
    entries.extend(format!("{}\tsub\0", "1".repeat(40)).as_bytes());
    let tree = plain_with(&owner, &["mktree", "-z"], &entries);
    let commit = plain(&owner, &["commit-tree", "-m", "odd", "-p", "main", &tree]);
    plain(&owner, &["update-ref", "refs/heads/main", &commit]);
    let (gate, tree) = (world.gate(), Oid::new(tree).expect("an id"));
    let new = Blob { oid: gate.write_blob(b"new\n").expect("an id"), mode: 0o100_644, size: 4 };
    let odd: Vec<(String, Option<Blob>)> = ["a:b.rs", "con/aux.rs", "\\xff.rs"].map(|path| (path.to_owned(), Some(new.clone()))).to_vec();
    let made = gate.compose(&tree, &odd).expect("a tree");
    let list = |tree: &Oid| must(plain_command(gate.dir(), &["ls-tree", "-r", "-z", tree.as_str()]), b"", "list").expect("a list");
    let before = list(&tree);
    let wanted = String::from_utf8_lossy(&before).replace(&id, new.oid.as_str()).replace("100664", "100644");
    assert_eq!(String::from_utf8_lossy(&list(&made)), wanted);
    assert_eq!(gate.compose(&made, &[("fresh".into(), Some(new.clone()))]).and_then(|tree| gate.compose(&tree, &[("fresh".into(), None)])).expect("a tree"), made);
    let gone: Vec<(String, Option<Blob>)> = odd.iter().map(|(path, _)| (path.clone(), None)).collect();
    let bare = gate.compose(&made, &gone).expect("a tree");
    assert_eq!(String::from_utf8_lossy(&list(&bare)), format!("160000 commit {}\tsub\0", "1".repeat(40)));
    for fresh in ["c:d.rs", "con/nul", "aux/x", "\\xfe.rs", ".GIT/x"] {
        assert!(gate.compose(&tree, &[(fresh.into(), Some(new.clone()))]).is_err(), "{fresh}");
    }
}

#[test]
fn merging_guesses_nothing() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    let tip = gate.tip().expect("a tip");
    put(&rogue, "src/lib.rs", "one\ntwo\nTHREE\n");
    put(&rogue, ".gitattributes", "* merge=union\n");
    save(&rogue, "mine");
    let mine = world.smuggle(&gate, "dev-a/x");
    assert_eq!(gate.merge(&tip, &mine).expect("a merge"), MergeTree::Clean(gate.tree_of(&mine).expect("a tree")));
    plain(&rogue, &["checkout", "-q", "-b", "other", "HEAD~1"]);
    put(&rogue, "README.md", "other\n");
    save(&rogue, "theirs");
    let theirs = world.smuggle(&gate, "dev-b/x");
    let MergeTree::Clean(merged) = gate.merge(&theirs, &mine).expect("a merge") else { panic!("a conflict") };
    assert_eq!(gate.file_at(&merged, "README.md", 99).expect("a read"), Some(b"other\n".to_vec()));
    assert_eq!(gate.file_at(&merged, "src/lib.rs", 99).expect("a read"), Some(b"one\ntwo\nTHREE\n".to_vec()));
    put(&rogue, "src/lib.rs", "one\ntwo\nthird\n");
    put(&rogue, ".gitattributes", "* merge=union\n");
    save(&rogue, "against");
    let against = world.smuggle(&gate, "dev-b/y");
    assert_eq!(gate.merge(&against, &mine).expect("a merge"), MergeTree::Conflict(vec!["src/lib.rs".into()]));
}

#[test]
fn one_git_moves_references_again_and_again_until_it_refuses() {
    let world = World::new();
    let gate = world.gate();
    let tip = gate.tip().expect("a tip");
    let none = Oid::new("0".repeat(40)).expect("an id");
    let create = |name: &str| Move { name: branch(name), old: None, new: Some(tip.clone()) };
    let mover = Mover::open(&gate).expect("git");
    let mover = mover.move_refs(&[create("dev-a/x"), create("dev-a/y")]).expect("two at once");
    let mover = mover.move_refs(&[create("dev-b/x")]).expect("again");
    let stale = Move { name: branch("dev-a/x"), old: Some(none), new: Some(tip.clone()) };
    mover.move_refs(&[create("dev-b/y"), stale]).expect_err("it stands elsewhere");
    let refs = gate.refs().expect("references");
    assert!([branch("dev-a/x"), branch("dev-a/y"), branch("dev-b/x")].iter().all(|name| refs.get(name) == Some(&tip)));
    assert!(!refs.contains_key(&branch("dev-b/y")), "all or nothing");
    gate.move_refs(&[create("dev-b/y")]).expect("no lock was left");
}

#[test]
fn an_object_that_is_not_what_its_id_says_is_found() {
    let world = World::new();
    let gate = world.gate();
    gate.prove().expect("whole");
    let packs = std::fs::read_dir(gate.dir().join("objects/pack")).expect("packs");
    let pack = packs.flatten().map(|entry| entry.path()).find(|path| path.extension().is_some_and(|end| end == "pack")).expect("a pack");
    std::fs::set_permissions(&pack, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode");
    let mut bytes = std::fs::read(&pack).expect("bytes");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&pack, bytes).expect("damage");
    gate.prove().expect_err("a bit is wrong");
}
