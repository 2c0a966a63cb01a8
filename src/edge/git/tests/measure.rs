use super::*;
use crate::domain::change::Change;
use crate::edge::git::lines::Effort;
use std::collections::BTreeSet;

fn one(change: &Change, path: &str) -> (u64, u64, bool) {
    let file = change.files.iter().find(|file| file.path == path).expect(path);
    (file.added, file.deleted, file.binary)
}

#[test]
fn an_ordinary_change_is_measured() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    put(&rogue, "src/lib.rs", "one\n2\nthree\nfour\n");
    std::fs::remove_file(rogue.join("README.md")).expect("gone");
    save(&rogue, "a change");
    let change = world.change(&gate, "dev-a/x");
    assert_eq!((one(&change, "src/lib.rs"), one(&change, "README.md")), ((2, 1, false), (0, 1, false)));
    assert_eq!((change.files.len(), change.churn, change.lines()), (2, 4, 4));
    assert_eq!((&change.base, change.commits.len()), (&gate.tip().expect("a tip"), 1));
    assert_eq!(change.touched, ["README.md", "src/lib.rs"]);
    assert_eq!((change.commits[0].subject.as_str(), &change.commits[0].malformed), ("a change", &None));
    assert_eq!(change.files[1].new.as_ref().map(|blob| (blob.mode, blob.size)), Some((0o100_644, 17)));
}

#[test]
fn adding_and_removing_again_counts() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    put(&rogue, "evil", "x\n".repeat(300));
    save(&rogue, "add");
    std::fs::remove_file(rogue.join("evil")).expect("gone");
    save(&rogue, "remove");
    let change = world.change(&gate, "dev-a/x");
    assert_eq!((change.files.len(), change.churn, change.lines()), (0, 600, 600));
    assert_eq!((change.touched.as_slice(), change.file_count()), (&["evil".to_owned()][..], 1));
}

/// Each pair of contents could be laid side by side, but all of them would take for ever.
#[test]
fn where_all_together_are_too_hard_every_hard_one_is_counted_roughly() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    let of = |number: usize, many: usize| -> String { (0..300).map(|at| if at / many % 2 == 0 { "a\n" } else { "b\n" }).chain([&*format!("{number}\n")]).collect() };
    (0..40).for_each(|number| put(&rogue, &format!("hard/{number}"), of(number, 1)));
    put(&rogue, "hard/again", of(0, 1));
    save(&rogue, "base");
    let base = world.smuggle(&gate, "dev-a/base");
    (0..40).for_each(|number| put(&rogue, &format!("hard/{number}"), of(number + 100, 2)));
    put(&rogue, "hard/again", of(100, 2));
    put(&rogue, "src/lib.rs", "one\n2\nthree\nfour\n");
    save(&rogue, "change");
    let commit = world.smuggle(&gate, "dev-a/x");
    let measured = |most: u64| {
        let change = gate.change_within(&base, &commit, &unsigned, Effort::of(most)).expect("a change");
        let read = Reader::open(&world.git, gate.dir(), &[]).expect("a reader").compare_within(&change.base_tree, &change.tree, Effort::of(most)).expect("compared");
        assert_eq!((&change.files, change.churn), (&read.files, change.files.iter().map(|file| file.lines()).sum()), "both count alike");
        assert_eq!(one(&change, "src/lib.rs"), (2, 1, false));
        let counts: BTreeSet<_> = change.files.iter().filter(|file| file.path.starts_with("hard/")).map(|file| (file.added, file.deleted)).collect();
        assert_eq!(counts.len(), 1, "{counts:?}");
        counts.into_iter().next().expect("a count")
    };
    let (close, rough) = (measured(u64::MAX / 2), measured(1));
    assert!(close.0 < 200 && rough.0 > 290 && rough.1 > 290, "{close:?} {rough:?}");
    // The same pair under two names costs once.
    let most = 299 * 299 * 40;
    assert_eq!((measured(most), measured(most - 1)), (close, rough));
}

/// Straight, long, behind, forked and joined again, or with a root of its own: the commits are those that git lists.
#[test]
fn the_commits_of_a_range_are_those_that_git_lists() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    let listed = |shape: &str| {
        let change = world.change(&gate, &format!("dev-a/{shape}"));
        let listed = plain(&rogue, &["rev-list", "--topo-order", "--reverse", "HEAD", "^origin/main"]);
        let own: Vec<String> = change.commits.iter().map(|commit| commit.id.to_string()).collect();
        assert_eq!(own, listed.lines().collect::<Vec<_>>(), "{shape}");
        (own.len(), change.base == gate.tip().expect("a tip"))
    };
    assert_eq!(listed("none"), (0, true));
    (0..3).for_each(|at| drop(save(&rogue, &format!("straight {at}"))));
    assert_eq!(listed("straight"), (3, true));
    plain(&rogue, &["checkout", "-q", "-b", "side", "HEAD~1"]);
    save(&rogue, "aside");
    plain(&rogue, &["merge", "-q", "-m", "joined", "main"]);
    save(&rogue, "after it");
    assert_eq!(listed("joined"), (6, true));
    plain(&rogue, &["checkout", "-q", "-b", "behind", "origin/main~1"]);
    save(&rogue, "from an older place");
    assert_eq!(listed("behind"), (1, false));
    plain(&rogue, &["checkout", "-q", "-b", "long", "origin/main"]);
    (0..70).for_each(|at| drop(save(&rogue, &format!("long {at}"))));
    assert_eq!(listed("long"), (70, true));
    plain(&rogue, &["checkout", "-q", "--orphan", "other"]);
    save(&rogue, "a root of its own");
    let id = world.smuggle(&gate, "dev-a/root");
    let why = gate.change(&gate.tip().expect("a tip"), &id, &unsigned).expect_err("no base").to_string();
    assert!(why.contains("shares no history"), "{why}");
}

#[test]
fn nothing_hides_lines() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    put(&rogue, ".gitattributes", "*.rs -diff\n*.lock linguist-generated\n* binary\n");
    put(&rogue, "src/lib.rs", "one\n  two\nthree\n\n");
    put(&rogue, "src/nul.rs", [&b"\0\n"[..], &[b'x'; 400]].concat());
    put(&rogue, "src/long.rs", "x".repeat(8000));
    put(&rogue, "src/cr.rs", "a\rb\rc\r");
    put(&rogue, "src/mo\u{e9}.rs", "x\n");
    save(&rogue, "hide");
    let change = world.change(&gate, "dev-a/x");
    assert_eq!(one(&change, "src/lib.rs"), (2, 1, false));
    assert_eq!(one(&change, "src/nul.rs"), (11, 0, true));
    assert_eq!(one(&change, "src/long.rs"), (100, 0, false));
    assert_eq!(one(&change, "src/cr.rs"), (3, 0, false));
    assert_eq!(one(&change, "src/mo\u{e9}.rs"), (1, 0, false));
}

#[test]
fn a_rename_is_a_delete_and_an_add() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    plain(&rogue, &["mv", "src/lib.rs", "src/moved.rs"]);
    put(&rogue, "src/moved.rs", "one\ntwo\nthree\nfour\n");
    save(&rogue, "move");
    let change = world.change(&gate, "dev-a/x");
    assert_eq!((one(&change, "src/lib.rs"), one(&change, "src/moved.rs")), ((0, 3, false), (4, 0, false)));
}

#[test]
fn modes_links_and_submodules_are_files_of_a_change() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    std::fs::set_permissions(rogue.join("README.md"), std::fs::Permissions::from_mode(0o755)).expect("a mode");
    std::fs::remove_file(rogue.join("src/lib.rs")).expect("gone");
    std::os::unix::fs::symlink("main.rs", rogue.join("src/lib.rs")).expect("a link");
    plain(&rogue, &["add", "-A"]);
    plain(&rogue, &["update-index", "--add", "--cacheinfo", &format!("160000,{},sub", head(&rogue))]);
    plain(&rogue, &["commit", "-q", "-m", "modes"]);
    let change = world.change(&gate, "dev-a/x");
    let modes: Vec<_> = change.files.iter().map(|file| (file.path.as_str(), file.new.as_ref().map(|blob| blob.mode))).collect();
    assert_eq!(modes, [("README.md", Some(0o100_755)), ("src/lib.rs", Some(0o120_000)), ("sub", Some(0o160_000))]);
    assert_eq!((one(&change, "README.md"), one(&change, "src/lib.rs")), ((0, 0, false), (1, 3, false)));
}

#[test]
fn an_evil_merge_counts_in_full() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    plain(&rogue, &["checkout", "-q", "-b", "side", "HEAD~1"]);
    put(&rogue, "side", "s\n");
    save(&rogue, "side");
    plain(&rogue, &["merge", "-q", "--no-commit", "main"]);
    put(&rogue, "evil", "x\n".repeat(400));
    save(&rogue, "merge");
    let change = world.change(&gate, "dev-a/x");
    assert_eq!(change.base, gate.tip().expect("a tip"));
    assert_eq!(change.files.iter().map(|file| file.lines()).sum::<u64>(), 401);
    // First parent is the side: the merge brings main's one line too.
    assert_eq!((change.churn, change.commits.len()), (402, 2));
}

#[test]
fn a_range_starts_where_it_left_the_protected_branch() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    let tip = gate.tip().expect("a tip");
    let same = gate.change(&tip, &tip, &unsigned).expect("a change");
    assert_eq!((same.base, same.commits.len(), same.files.len()), (tip.clone(), 0, 0));
    plain(&rogue, &["checkout", "-q", "--orphan", "lost"]);
    save(&rogue, "orphan");
    let lost = world.smuggle(&gate, "dev-a/x");
    assert!(gate.change(&tip, &lost, &unsigned).expect_err("no base").why.contains("no history"));
}

#[test]
fn a_thousand_files_are_measured_quickly() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    for n in 0..1000 {
        put(&rogue, &format!("d{}/f{n}", n % 40), format!("a\nb\nc\n{n}\n"));
    }
    save(&rogue, "many");
    let id = world.smuggle(&gate, "dev-a/x");
    let tip = gate.tip().expect("a tip");
    let started = std::time::Instant::now();
    let change = gate.change(&tip, &id, &unsigned).expect("a change");
    eprintln!("change of 1000 files: {:?}", started.elapsed());
    assert_eq!((change.files.len(), change.lines()), (1000, 4000));
}

#[test]
fn reviewers_read_what_is_there() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    put(&rogue, ".gitattributes", "* -diff\n");
    put(&rogue, "src/lib.rs", "one\ntwo \u{202e}evil\u{1b}[2J\u{27e6}\nthree\n");
    put(&rogue, "bin", b"\0\x01");
    save(&rogue, "x");
    let change = world.change(&gate, "dev-a/x");
    let text = gate.diff_text(&change.base_tree, &change.tree, 1 << 16).expect("a text");
    assert!(text.starts_with("3 paths differ\n"), "{text}");
    for part in ["-two\n", "+two ⟦U+202E⟧evil⟦U+001B⟧[2J⟦U+27E6⟧\n", " one\n", " three\n", "opaque: 0 bytes -> 2 bytes", "@@ -1 +1 @@\n"]
    {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let short = gate.diff_text(&change.base_tree, &change.tree, 40).expect("a text");
    assert!(short.len() < 80 && short.contains("cut off here"), "{short}");
}

#[test]
fn a_difference_shows_far_hunks_apart() {
    let world = World::new();
    let gate = world.gate();
    let rogue = world.rogue();
    let lines: Vec<String> = (1..=40).map(|n| format!("line {n}")).collect();
    put(&rogue, "long", lines.join("\n") + "\n");
    let before = save(&rogue, "long");
    let edited = lines.join("\n").replace("line 2\n", "LINE 2\n").replace("line 30\n", "").replace("line 33\n", "line 33\nmore\n");
    put(&rogue, "long", edited + "\n");
    save(&rogue, "edit");
    let after = world.smuggle(&gate, "dev-a/x");
    let text = gate.diff_text(&gate.tree_of(&before).expect("a tree"), &gate.tree_of(&after).expect("a tree"), 1 << 16).expect("a text");
    let expected = "@@ -1 +1 @@\n line 1\n-line 2\n+LINE 2\n line 3\n line 4\n line 5\n@@ -27 +27 @@\n line 27\n line 28\n line 29\n-line 30\n \
                    line 31\n line 32\n line 33\n+more\n line 34\n line 35\n line 36\n";
    assert!(text.ends_with(expected), "{text}");
}
