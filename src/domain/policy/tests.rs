use super::super::sample::{self, blob, change, file};
use super::*;

fn policy() -> Policy {
    sample::charter().policy.clone()
}

fn needs(paths: &[&str], lines: u64) -> Needs {
    policy().needs(&change(paths, lines))
}

fn raw(break_it: impl FnOnce(&mut RawPolicy)) -> Result<Policy, Invalid> {
    let mut raw = RawPolicy::from(policy());
    break_it(&mut raw);
    Policy::try_from(raw)
}

#[test]
fn provided_folders_stand_below_the_root() {
    let with = |name: &str| {
        let mut raw: RawPolicy = policy().into();
        raw.runner.provided = vec![name.to_owned()];
        Policy::try_from(raw).is_ok()
    };
    assert!(["node_modules", ".venv", "web/node_modules"].iter().all(|name| with(name)));
    assert!(["", "/etc", "../x", "a/../b", "a//b", ".git", "a/", "."].iter().all(|name| !with(name)));
}

#[test]
fn lines_and_files_at_both_edges() {
    let three = ["src/a.rs", "src/b.rs", "src/c.rs"];
    let four = ["src/a.rs", "src/b.rs", "src/c.rs", "src/d.rs"];
    for (paths, lines, approvals) in
        [(&three[..], 49, 1), (&three, 50, 1), (&three, 51, 2), (&four, 50, 2), (&four[..1], 50, 1), (&four[..1], 51, 2)]
    {
        assert_eq!(needs(paths, lines).approvals, approvals, "{} files, {lines} lines", paths.len());
    }
}

#[test]
fn deletions_count_and_nothing_is_net() {
    let mut half = change(&["src/a.rs"], 25);
    (half.files[0].deleted, half.files[0].old) = (25, Some(blob('e', PLAIN)));
    assert_eq!(policy().needs(&half).approvals, 1);
    half.files[0].deleted = 26;
    assert_eq!(policy().needs(&half).approvals, 2);
    let undone = Change { churn: 51, ..change(&["src/a.rs"], 2) };
    assert_eq!(policy().needs(&undone).approvals, 2);
}

#[test]
fn a_path_touched_in_between_counts_for_risk_and_for_files() {
    let mut hidden = change(&["src/a.rs"], 2);
    hidden.touched.push("src/auth/a.rs".to_owned());
    let needs = policy().needs(&hidden);
    assert_eq!((needs.risk, needs.approvals, needs.owner), (Risk::Critical, 2, true));
    let mut many = change(&["src/a.rs"], 2);
    many.touched.extend(["src/b.rs", "src/c.rs", "src/d.rs"].map(str::to_owned));
    assert_eq!(policy().needs(&many).approvals, 2);
}

#[test]
fn risk_is_the_highest_class_and_the_unknown_is_high() {
    let cases = [
        ("README.md", Risk::Low, 1, false),
        ("src/a.rs", Risk::Medium, 1, false),
        ("src/authors.rs", Risk::Medium, 1, false),
        ("src/security/a.rs", Risk::High, 2, false),
        ("strange.zzz", Risk::High, 2, false),
        ("Cargo.toml", Risk::High, 2, false),
        ("src/auth.rs", Risk::Critical, 2, true),
        ("docs/AUTH/a.md", Risk::Critical, 2, true),
        ("a//b.md", Risk::High, 2, false),
    ];
    for (path, risk, approvals, owner) in cases {
        let needs = needs(&[path], 2);
        assert_eq!((needs.risk, needs.approvals, needs.owner), (risk, approvals, owner), "{path}");
        assert_eq!(needs.reasons.is_empty(), approvals == 1, "{path}");
    }
}

#[test]
fn one_source_file_asks_for_all_gates() {
    let short = vec![GateName::Peer, GateName::Qa, GateName::Deploy];
    assert_eq!(needs(&["README.md", "a.md"], 2).gates, short);
    assert_eq!(needs(&["tests/a.rs"], 2).gates, short);
    assert_eq!(needs(&["README.md", "src/a.rs"], 2).gates, GateName::ALL);
    assert_eq!(needs(&["strange.zzz"], 2).gates, GateName::ALL);
}

#[test]
fn an_empty_change_is_denied_and_exempt_from_nothing() {
    let needs = policy().needs(&Change { files: Vec::new(), touched: Vec::new(), churn: 0, ..change(&["a"], 1) });
    assert_eq!((needs.gates, needs.risk), (GateName::ALL.to_vec(), Risk::High));
    assert!(!needs.denied.is_empty());
}

#[test]
fn documents_that_run_or_point_elsewhere_are_source() {
    for mode in [EXECUTABLE, SYMLINK, GITLINK] {
        let mut doc = file("README.md", 1);
        doc.new = Some(blob('f', mode));
        assert_eq!(policy().kind_of(&doc), PathKind::Source, "{mode:o}");
    }
    let gone = FileChange { new: None, ..file("README.md", 1) };
    assert_eq!(policy().kind_of(&gone), PathKind::Docs);
}

#[test]
fn control_outweighs_test_and_odd_paths_are_control() {
    for (path, kind) in [
        ("tests/Cargo.toml", PathKind::Control),
        ("tests/a.md", PathKind::Test),
        ("Tests/A.rs", PathKind::Test),
        ("a.md", PathKind::Docs),
        ("a.rs", PathKind::Source),
        ("tests/../a.md", PathKind::Control),
        ("", PathKind::Control),
    ] {
        assert_eq!(policy().kind(path), kind, "{path}");
    }
}

#[test]
fn special_entries_follow_the_policy() {
    let with = |mode: u32, binary: bool| {
        let mut change = change(&["src/a.rs"], 1);
        (change.files[0].new, change.files[0].binary) = (Some(blob('f', mode)), binary);
        let needs = policy().needs(&change);
        (needs.approvals, needs.owner, needs.denied.is_empty())
    };
    assert_eq!(with(PLAIN, false), (1, false, true));
    assert_eq!(with(EXECUTABLE, false), (2, false, true));
    assert_eq!(with(PLAIN, true), (2, true, true));
    for denied in [SYMLINK, GITLINK, 0o100_664, 0o040_000, 0] {
        assert!(!with(denied, false).2, "{denied:o}");
    }
}

#[test]
fn a_file_that_was_executable_may_stay_so() {
    let mut change = change(&["src/a.rs"], 1);
    (change.files[0].old, change.files[0].new) = (Some(blob('e', EXECUTABLE)), Some(blob('f', EXECUTABLE)));
    assert_eq!(policy().needs(&change).approvals, 1);
}

#[test]
fn a_test_that_loses_lines_wants_two_reviewers_and_one_that_grows_does_not() {
    let mut change = change(&["tests/a.rs"], 5);
    change.files[0].old = Some(blob('e', PLAIN));
    assert_eq!(policy().needs(&change).approvals, 1);
    change.files[0].deleted = 1;
    assert_eq!((policy().needs(&change).approvals, policy().rewritten_tests(&change)), (2, vec!["tests/a.rs"]));
    let lax = raw(|raw| raw.thresholds.rewritten_tests_need_two = false).unwrap();
    assert_eq!(lax.needs(&change).approvals, 1);
    (change.files[0].deleted, change.files[0].new) = (0, None);
    assert_eq!(policy().needs(&change).approvals, 2);
}

#[test]
fn tests_of_a_change_are_its_test_files() {
    let change = change(&["src/a.rs", "tests/Cargo.toml", "tests/a.rs"], 9);
    let tests: Vec<&str> = policy().tests_of(&change).iter().map(|file| file.path.as_str()).collect();
    assert_eq!(tests, ["tests/a.rs"]);
}

#[test]
fn rules_that_would_open_a_hole_cannot_be_built() {
    type Break = fn(&mut RawPolicy);
    let cases: [(&str, Break); 10] = [
        ("route.docs", |raw| raw.route.docs = vec![]),
        ("route.docs", |raw| raw.route.docs = vec![GateName::Qa, GateName::Deploy]),
        ("route.test", |raw| raw.route.test = vec![GateName::Peer, GateName::Qa]),
        ("route.source", |raw| raw.route.source = vec![GateName::Green, GateName::Peer, GateName::Deploy]),
        ("route.control", |raw| raw.route.control = vec![GateName::Deploy, GateName::Peer]),
        ("runner.runs", |raw| raw.runner.runs = 0),
        ("review.due_critical_seconds", |raw| raw.review.due_critical_seconds = 86_401),
        ("review.reminder_percent", |raw| raw.review.reminder_percent = 100),
        ("agent.command", |raw| raw.agent.command = "a\nb".to_owned()),
        ("budgets", |raw| raw.budgets.retain(|act, _| *act != Act::Locks)),
    ];
    for (key, change) in cases {
        assert_eq!(raw(change).unwrap_err().key, key);
    }
    let lost: Result<Policy, _> = serde_json::from_str("{}");
    assert!(lost.is_err());
}
