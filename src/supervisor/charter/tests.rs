use super::*;
use crate::domain::change::{Blob, Change, FileChange};
use crate::domain::check::CHECKS;
use crate::domain::gate::GateName;
use crate::domain::name::{Oid, SeatName};
use crate::domain::policy::PathKind;
use crate::domain::role::{self, Capability};
use std::collections::BTreeSet;
use std::fs;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn with(files: &[(&str, &str)]) -> Result<(Charter, Vec<Origin>), Failure> {
    let folder = folder(files);
    load(&Overlay { folder: Some(folder.path()), ..Overlay::default() })
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

fn from<'o>(origins: &'o [Origin], key: &str) -> &'o Layer {
    &origins.iter().find(|origin| origin.key == key).unwrap().from
}

#[test]
fn the_team_has_its_twelve_seats_in_pane_order() {
    let charter = built_in().unwrap();
    let seats: Vec<&str> = charter.seats().map(SeatName::as_str).collect();
    let order = "orchestrator librarian planner-a planner-b architect-a architect-b architect-c dev-a dev-b qa-a qa-b docs";
    assert_eq!(seats, order.split(' ').collect::<Vec<_>>());
}

#[test]
fn the_defaults_are_the_required_ones() {
    let policy = built_in().unwrap().policy.clone();
    assert_eq!((policy.thresholds.single_review_lines, policy.thresholds.single_review_files), (50, 3));
    assert_eq!((policy.review.due_seconds, policy.review.due_critical_seconds), (24 * 3600, 4 * 3600));
    assert_eq!((policy.review.reminder_percent, policy.review.redraws), (50, 3));
    assert_eq!((policy.messages.max_body_bytes, policy.messages.ttl_seconds), (262_144, 86_400));
    assert!(!policy.delivery.automatic && policy.runner.command.is_empty());
    let budgets: Vec<_> = policy.budgets.values().map(|budget| (budget.per_minute, budget.per_hour, budget.per_day)).collect();
    let wanted = [
        (None, Some(20), Some(100)),
        (Some(10), Some(300), None),
        (None, Some(30), None),
        (None, Some(10), None),
        (None, Some(15), Some(75)),
        (None, Some(2), Some(10)),
    ];
    assert_eq!(budgets, wanted);
}

#[test]
fn the_charter_comes_back_from_its_canonical_text() {
    let charter = built_in().unwrap();
    let back = Charter::from_canonical(&charter.canonical()).unwrap();
    assert_eq!((back.canonical(), back.digest()), (charter.canonical(), charter.digest()));
}

/// The default file is the documentation: each section and each key has a comment right above it.
#[test]
fn every_default_is_explained() {
    let mut above = "";
    for line in DEFAULTS.lines() {
        let key = line.split_once(" = ").is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        if key || line.starts_with('[') {
            assert!(above.starts_with("# ") && above.ends_with('.'), "{line} has no sentence above it");
        }
        above = line;
    }
}

#[test]
fn every_check_stands_in_the_gate_it_was_made_for() {
    let charter = built_in().unwrap();
    for check in CHECKS {
        assert!(charter.gate(check.gate).checks.iter().any(|name| name == check.name), "{}", check.name);
    }
}

fn change(path: &str, lines: u64) -> Change {
    let oid = |digit: &str| Oid::new(digit.repeat(40)).unwrap();
    let new = Some(Blob { oid: oid("f"), mode: 0o100_644, size: 1 });
    let file = FileChange { path: path.to_owned(), old: None, new, added: lines, deleted: 0, binary: false, marks: Vec::new() };
    Change {
        base: oid("1"),
        base_tree: oid("2"),
        commit: oid("3"),
        tree: oid("4"),
        commits: Vec::new(),
        files: vec![file],
        churn: lines,
        touched: vec![path.to_owned()],
    }
}

/// Rows of `paths.txt`: path, kind, risk, approvals for one line of it, whether the owner is asked.
#[test]
fn paths_are_what_the_table_says() {
    let policy = built_in().unwrap().policy.clone();
    let rows = include_str!("../../../tests/check/paths.txt").lines().filter(|row| !row.starts_with('#') && !row.trim().is_empty());
    let mut seen = BTreeSet::new();
    for row in rows {
        let words: Vec<&str> = row.split_whitespace().collect();
        let [path, kind, risk, approvals, owner] = words[..] else { panic!("{row}") };
        let needs = policy.needs(&change(path, 1));
        let found = format!("{:?} {} {} {}", policy.kind(path), needs.risk, needs.approvals, if needs.owner { "owner" } else { "-" });
        assert_eq!(found.to_lowercase(), format!("{kind} {risk} {approvals} {owner}"), "{path}: {:?}", needs.reasons);
        let all = policy.kind(path) == PathKind::Source;
        assert_eq!(needs.gates.len(), if all { 5 } else { 3 }, "{path}");
        seen.insert(found);
    }
    assert_eq!(seen.len(), 8, "{seen:?}");
}

#[test]
fn thresholds_hold_at_both_edges_for_every_kind_of_seat() {
    let charter = built_in().unwrap();
    for seat in charter.able(Capability::Submit) {
        for (lines, approvals) in [(50, 1), (51, 2)] {
            assert_eq!(charter.needs(&change("docs/a.md", lines), &seat).approvals, approvals, "{seat} {lines}");
        }
    }
}

#[test]
fn the_owner_s_file_outweighs_the_default_and_is_outweighed() {
    let folder =
        folder(&[("config.toml", "[thresholds]\nsingle_review_lines = 20\nsingle_review_files = 2\n\n[review]\ndue_seconds = 50000\n")]);
    let environment =
        pairs(&[("ORCHESTRATE_THRESHOLDS_SINGLE_REVIEW_FILES", "1"), ("ORCHESTRATE_AGENT_COMMAND", "codex --x"), ("OTHER", "1")]);
    let flags = pairs(&[("review.due_seconds", "40000")]);
    let (charter, origins) = load(&Overlay { folder: Some(folder.path()), environment: &environment, flags: &flags }).unwrap();
    let policy = &charter.policy;
    assert_eq!((policy.thresholds.single_review_lines, policy.thresholds.single_review_files, policy.review.due_seconds), (20, 1, 40_000));
    assert_eq!(policy.agent.command, "codex --x");
    let file = folder.path().join("config.toml").display().to_string();
    assert_eq!(from(&origins, "thresholds.single_review_lines"), &Layer::Owner { file, line: 2 });
    assert!(matches!(from(&origins, "thresholds.single_review_files"), Layer::Environment { .. }));
    assert_eq!(from(&origins, "review.due_seconds"), &Layer::Flag);
    assert_eq!(from(&origins, "review.redraws"), &Layer::Default);
    assert_ne!(charter.digest(), built_in().unwrap().digest());
}

#[test]
fn every_key_has_its_own_variable_and_an_origin_with_its_value() {
    let (charter, origins) = load(&Overlay::default()).unwrap();
    let settings: Vec<&Origin> = origins.iter().filter(|origin| !origin.value.is_empty()).collect();
    let names: BTreeSet<String> = settings.iter().map(|origin| origin.key.replace('.', "_")).collect();
    assert_eq!(names.len(), settings.len());
    let value = |key: &str| origins.iter().find(|origin| origin.key == key).unwrap().value.clone();
    assert_eq!((value("thresholds.single_review_lines"), value("delivery.to")), ("50".to_owned(), "\"branch\"".to_owned()));
    assert_eq!(origins.len() - settings.len(), charter.roles.len() + charter.gates.len() + 1);
}

#[test]
fn an_owner_s_role_and_gate_take_the_place_of_the_built_in_ones() {
    let dev =
        ROLES.iter().find(|(name, _)| *name == "dev.md").unwrap().1.replace("\"dev-b\"", "\"dev-b\", \"dev-c\"").replace('\n', "\r\n");
    let qa = "name = \"qa\"\nabout = \"Less.\"\nchecks = [\"suite-passes\"]\n[limits]\nruns = 1\n";
    let (charter, origins) = with(&[("roles/dev.md", &dev), ("gates/40-qa.toml", qa), ("roles/shared.md", "Be kind.")]).unwrap();
    assert_eq!(charter.seats().count(), 13);
    assert_eq!((charter.run_limits(GateName::Qa).runs, charter.run_limits(GateName::Red).runs), (1, 3));
    assert!(charter.prompt(&SeatName::new("dev-c").unwrap()).unwrap().ends_with("Be kind.\n"));
    for key in ["roles/dev.md", "gates/40-qa.toml", "roles/shared.md"] {
        assert!(matches!(from(&origins, key), Layer::Owner { .. }), "{key}");
    }
}

#[test]
fn what_is_wrong_is_named_with_file_and_line() {
    let front = "+++\nname = \"dev\"\nplace = 5\ngroup = \"development\"\ncolour = \"green\"\nabout = \"x\"\n";
    let fly = format!("{front}seats = [\"dev-a\"]\ncapabilities = [\"fly\"]\nreviewed_by = [\"dev\"]\n+++\nx\n");
    let extra = format!("{front}seats = []\nwings = 2\ncapabilities = []\nreviewed_by = []\n+++\nx\n");
    let alone = format!("{front}seats = [\"dev-a\"]\ncapabilities = [\"submit\"]\nreviewed_by = []\n+++\nx\n");
    let cases: &[(&str, &str, &[&str])] = &[
        ("config.toml", "\n[review]\ndue = 5\n", &["config.toml:3", "review.due", "unknown key", "due_seconds"]),
        ("config.toml", "[reviews]\ndue_seconds = 5\n", &["config.toml:1", "unknown section reviews"]),
        ("config.toml", "due_seconds = 5\n", &["config.toml:1", "unknown section due_seconds"]),
        ("config.toml", "review = 5\n", &["config.toml:1", "[review]"]),
        ("config.toml", "# a\nreview.due_seconds = \"x\"\n", &["config.toml:2", "review.due_seconds", "invalid type"]),
        ("config.toml", "[review]\ndue_seconds = 5\ndue_seconds = 6\n", &["config.toml:3", "duplicate"]),
        ("config.toml", "[review]\nredraws = -1\n", &["config.toml:2"]),
        ("config.toml", "[review]\n\ndue_seconds = 5\n", &["critical work cannot be due later"]),
        ("config.toml", "[route]\ndocs = [\"qa\"]\n", &["config.toml:2", "route.docs", "never left out"]),
        ("config.toml", "[route]\ndocs = [\"qaa\"]\n", &["config.toml:2", "unknown variant"]),
        ("config.toml", "[risk]\ncritical = [\"**/a\", \"!b\"]\n", &["config.toml:2", "there is no negation"]),
        ("config.toml", "[budgets]\ncommits = { per_year = 1 }\n", &["config.toml:2", "unknown field"]),
        ("config.toml", "[budgets]\nflights = { per_day = 1 }\n", &["config.toml:2", "unknown key"]),
        ("config.toml", "\u{feff}[rev", &["config.toml:1"]),
        ("gates/30-peer.toml", "name = \"peer\"\nabout = \"x\"\nchecks = [\"reviewd\"]\n", &["30-peer.toml:3", "reviewd", "reviewed"]),
        ("gates/30-peer.toml", "name = \"peer\"\nabout = \"x\"\nchecks = []\n", &["30-peer.toml:3", "everything"]),
        (
            "gates/30-peer.toml",
            "name = \"peer\"\nabout = \"x\"\nextra = 1\nchecks = [\"reviewed\"]\n",
            &["30-peer.toml:3", "unknown field"],
        ),
        ("gates/30-peer.toml", "about = \"x\"\nname = \"qa\"\nchecks = [\"reviewed\"]\n", &["30-peer.toml:2", "qa.toml"]),
        ("gates/45-canary.toml", "name = \"peer\"\nabout = \"x\"\nchecks = [\"reviewed\"]\n", &["45-canary.toml", "unknown file"]),
        ("gates/notes.txt", "x", &["notes.txt", ".toml"]),
        ("roles/dev.md", &fly, &["dev.md:8", "fly", "open-task"]),
        ("roles/dev.md", &extra, &["dev.md:8", "wings"]),
        ("roles/dev.md", &alone, &["dev.md:9", "nobody could review"]),
        ("roles/dev.md", "# no front matter\n", &["dev.md:1", "+++"]),
        ("roles/coder.md", &fly.replace("fly", "submit"), &["coder.md:2", "dev.md"]),
        ("roles/qb.md", &fly.replace("fly", "submit").replace("\"dev\"\nplace", "\"qb\"\nplace"), &["the seat dev-a"]),
        ("roles/dev.txt", "x", &["dev.txt", ".md"]),
    ];
    for (file, text, words) in cases {
        let failure = with(&[(file, text)]).unwrap_err();
        for word in *words {
            assert!(failure.why.contains(word), "{word:?} is not in: {}", failure.why);
        }
        assert!(failure.hint.starts_with("orchestrate "), "{failure:?}");
    }
}

#[test]
fn bad_flags_and_variables_are_named() {
    for (key, text, word) in [
        ("review", "5", "section.name"),
        ("review.due", "5", "unknown key"),
        ("review.redraws", "x", "no TOML value"),
        ("review.redraws", "1\nx = 2", "more than one"),
        ("review.redraws", "\"a\"", "invalid type"),
    ] {
        let failure = load(&Overlay { flags: &pairs(&[(key, text)]), ..Overlay::default() }).unwrap_err();
        assert!(failure.why.contains("--set") && failure.why.contains(word), "{key}={text}: {}", failure.why);
    }
    let environment = pairs(&[("ORCHESTRATE_RUNNER_RUNS", "0")]);
    let failure = load(&Overlay { environment: &environment, ..Overlay::default() }).unwrap_err();
    assert!(failure.why.contains("ORCHESTRATE_RUNNER_RUNS") && failure.why.contains("at least 1"), "{}", failure.why);
}

#[test]
fn files_that_cannot_be_read_are_failures() {
    let folder = folder(&[("roles/dev.md/x", "")]);
    assert!(load(&Overlay { folder: Some(folder.path()), ..Overlay::default() }).unwrap_err().what.contains("dev.md"));
    let huge = "#".repeat(300 * 1024);
    assert!(with(&[("config.toml", &huge)]).unwrap_err().why.contains("256 KiB"));
}

/// The commands that a text shows in backquotes: `orchestrate …` and `git …`.
fn commands(text: &str) -> Vec<Vec<&str>> {
    let shown = text.split('`').skip(1).step_by(2).map(|code| code.split_whitespace().collect::<Vec<_>>());
    let spelled = shown.filter_map(|words| match words[..] {
        ["orchestrate", ..] => Some(words[1..].to_vec()),
        ["git", ..] => Some(words),
        _ => None,
    });
    spelled.collect()
}

const TAUGHT: [&str; 28] = [
    "review cosign",
    "bypass sign",
    "motion list",
    "motion yes",
    "motion no",
    "thaw --agree",
    "lock acquire",
    "lock release",
    "whoami",
    "task open",
    "task list",
    "task show",
    "task take",
    "task release",
    "task submit",
    "mail send",
    "mail inbox",
    "mail read",
    "mail ack",
    "mail wait",
    "review list",
    "review show",
    "review approve",
    "review reject",
    "gate show",
    "git fetch",
    "git commit",
    "git push",
];

#[test]
fn a_prompt_teaches_only_commands_that_exist_and_that_its_role_may_use() {
    let charter = built_in().unwrap();
    for role in &charter.roles {
        for text in [role.prompt(), charter.shared.as_str()] {
            assert!(!commands(text).is_empty(), "{} teaches nothing", role.name);
            for command in commands(text) {
                let spelled = command.iter().take(2).copied().collect::<Vec<_>>().join(" ");
                assert!(TAUGHT.contains(&spelled.as_str()), "{} teaches {spelled:?}", role.name);
                let wanted = role::wanted_for(&command);
                assert!(
                    wanted.is_empty() || wanted.iter().any(|one| role.can(*one)),
                    "{} teaches {spelled}, which needs {wanted:?}",
                    role.name
                );
            }
        }
    }
}

/// The other way round: whoever may do something is told how.
#[test]
fn a_role_is_taught_what_it_may_do() {
    let charter = built_in().unwrap();
    let pairs = [
        (Capability::Submit, "task submit"),
        (Capability::TakeTask, "task take"),
        (Capability::OpenTask, "task open"),
        (Capability::ReviewPeer, "review approve"),
        (Capability::VerifyQa, "review reject"),
        (Capability::CosignDeploy, "review approve"),
    ];
    for role in &charter.roles {
        let taught: Vec<String> =
            commands(role.prompt()).iter().map(|words| words.iter().take(2).copied().collect::<Vec<_>>().join(" ")).collect();
        for (capability, command) in pairs.iter().filter(|(capability, _)| role.can(*capability)) {
            assert!(taught.iter().any(|one| one == command), "{} may {capability:?} and is not taught {command}", role.name);
        }
    }
}

#[test]
fn role_files_are_short() {
    for (name, text) in ROLES {
        assert!(text.lines().count() <= 60, "{name}");
    }
}
