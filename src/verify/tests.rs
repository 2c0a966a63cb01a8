//! Honest histories are green; every forgery is red for its own reason.

mod chance;
mod deploys;
mod eyes;
mod flips;
mod forged;
mod holds;
mod put_away;
mod revoked;
mod rounds;
mod rules;
mod sums;
mod tips;
mod voices;
mod watched;
mod world;

use super::{Report, run};
use crate::domain::name::Oid;
use world::{Plan, World};

fn first(world: &World) -> Plan {
    Plan {
        task: "T1",
        author: "dev-a",
        title: "add two".to_owned(),
        commits: vec!["dev-a"],
        files: vec![("src/two.rs", "pub fn two() {}\n".to_owned()), ("tests/two.rs", "#[test]\nfn two() {}\n".to_owned())],
        base: world.genesis.base.clone(),
        peers: vec!["dev-b"],
        owner: false,
    }
}

/// A critical change from an older base: two approvals, the owner, a real three-way merge.
fn second(world: &World) -> Plan {
    Plan {
        task: "T2",
        author: "dev-b",
        title: "guard the door".to_owned(),
        commits: vec!["dev-b"],
        files: vec![("src/auth/door.rs", "pub fn door() {}\n".to_owned()), ("tests/door.rs", "#[test]\nfn door() {}\n".to_owned())],
        base: world.genesis.base.clone(),
        peers: vec!["dev-a", "architect-a"],
        owner: true,
    }
}

fn history(mut world: World, change: impl FnOnce(&mut Plan, &mut Plan)) -> World {
    let (mut one, mut two) = (first(&world), second(&world));
    change(&mut one, &mut two);
    world.run_plan(&one);
    world.run_plan(&two);
    world
}

fn honest() -> World {
    history(World::found(None, None), |_, _| ())
}

fn verify(world: &World, owner: Option<&str>) -> Report {
    run(world.dir.path(), &world.save(), owner).unwrap()
}

#[test]
fn an_honest_history_is_green_and_told_in_words() {
    let world = honest();
    let owner = world.keys[&world::party("owner")].fingerprint();
    let report = verify(&world, Some(owner.as_str()));
    assert_eq!(report.problems, Vec::<String>::new());
    assert!(report.ok && report.level == "sandbox" && report.size == world.len());
    assert_eq!(report.commits.len(), 2);
    let second = &report.commits[1];
    assert_eq!(
        (second.task.as_str(), second.author.as_str(), second.title.as_str(), second.present),
        ("T2", "dev-b", "guard the door", true)
    );
    assert!(second.gates.iter().any(|line| line.starts_with("PEER at entry") && line.contains("reviewed: pass")), "{:?}", second.gates);
    assert!(second.reviewers.contains(&"architect-a at peer".to_owned()) && second.reviewers.contains(&"librarian at deploy".to_owned()));
    assert!(report.lines.iter().any(|line| line.contains("as given")));
}

#[test]
fn without_a_pin_the_owner_is_said_to_be_taken_on_trust() {
    let report = verify(&honest(), None);
    assert!(report.ok && report.lines.iter().any(|line| line.contains("taken on trust") && line.contains(&report.owner)));
}

#[test]
fn another_owner_is_refused() {
    let report = verify(&honest(), Some(&"A".repeat(40)));
    assert!(report.problems[0].contains("not AAAA"), "{:?}", report.problems);
}

#[test]
fn a_clone_that_is_behind_is_told_and_fine() {
    let mut world = honest();
    for (back, has) in [("main~1", "has 1 of the 2"), ("main~1", "has 0 of the 2")] {
        let tip = world.oid(&["rev-parse", back], b"");
        world.move_main(&tip);
        let report = verify(&world, None);
        assert!(report.ok && report.lines.iter().any(|line| line.contains(has)), "{report:?}");
    }
}

#[test]
fn a_hook_judges_the_new_tip_and_not_the_branch() {
    let mut world = honest();
    let tip = world.tip.clone();
    let tree = world.tree_of(&tip);
    let strange = world.commit(&tree, std::slice::from_ref(&tip), "dev-a", "gatekeeper", "x\n", Some(&world::party("gatekeeper")));
    let bundle = world.save();
    let at = |tip: &Oid| super::commits_accounted(&world.dir.path().join(".git"), &[], &bundle, tip, None).unwrap();
    assert!(at(&tip).ok);
    assert!(at(&strange).problems[0].contains("knows no merge"));
    world.move_main(&strange);
    assert!(super::commits_accounted(world.dir.path(), &[], &bundle, &tip, None).unwrap().ok);
}

#[test]
fn a_folder_without_a_repository_is_a_failure_with_a_hint() {
    let world = honest();
    let nowhere = tempfile::tempdir().unwrap();
    let failure = run(nowhere.path(), &world.save(), None).unwrap_err();
    assert!(!failure.hint.is_empty());
}

/// `MERGES=1000 cargo test --release --lib verify::tests::longer -- --nocapture` tells how long a long history takes.
#[test]
fn longer_histories_on_a_moving_tip_are_green() {
    let many = std::env::var("MERGES").ok().and_then(|many| many.parse().ok());
    let mut world = World::found(None, None);
    for n in 1..=many.unwrap_or(4) {
        let named = |name: String| -> &'static str { Box::leak(name.into_boxed_str()) };
        let source = (named(format!("src/f{n}.rs")), format!("pub fn f{n}() {{}}\n"));
        let test = (named(format!("tests/f{n}.rs")), format!("#[test]\nfn f{n}() {{}}\n"));
        let plan = Plan { task: named(format!("T{n}")), files: vec![source, test], base: world.tip.clone(), ..first(&world) };
        world.run_plan(&plan);
    }
    let start = std::time::Instant::now();
    let report = verify(&world, None);
    if many.is_some() {
        println!("{} merges, {} entries: {:?}", report.commits.len(), report.size, start.elapsed());
    }
    assert_eq!(report.problems, Vec::<String>::new());
}

#[test]
fn a_commit_that_is_no_merge_is_explained() {
    let world = history(World::found(None, None), |_, _| ());
    let (whole, clone) = (verify(&world, None), world.dir.path());
    let asked = |commit: &str| {
        let mut report = whole.clone();
        super::narrow(&mut report, clone, commit).unwrap();
        (report.ok, report.commits.len(), report.lines.last().cloned().unwrap_or_default(), report.problems.pop().unwrap_or_default())
    };
    let (ok, count, ..) = asked(&whole.commits[0].commit[..12]);
    assert!(ok && count == 1);
    let (ok, count, line, _) = asked(&whole.commits[0].brought[0]);
    assert!(ok && count == 1 && line.contains("handed it in") && line.contains(&whole.commits[0].commit[..10]), "{line}");
    let (ok, count, line, _) = asked(&whole.base[..8]);
    assert!(ok && count == 0 && line.contains("stood there when the workshop was founded"), "{line}");
    for stranger in ["1234567", "12", "main", &"f".repeat(40)] {
        let (ok, count, _, problem) = asked(stranger);
        assert!(!ok && count == 0 && problem.contains("nothing let it in"), "{stranger}: {problem}");
    }
}
