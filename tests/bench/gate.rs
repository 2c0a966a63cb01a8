//! What the gates cost beside the tests: a workshop on 3,000 files, tests that end at once, reviewers that answer at once.

use super::line::Line;
use super::push::inside;
use super::shop::{SILENT, Shop, Workshop};
use super::start::timed;
use super::table::{Goal, Row, median};
use orchestrate::domain::entry::{Entry, Millis};
use orchestrate::domain::event::Event;
use orchestrate::domain::gate::GateName;
use orchestrate::domain::name::{SeatName, TaskId};
use orchestrate::domain::state::State;
use orchestrate::domain::task::{self, RunKind, Stage};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;

const ROUNDS: u64 = 5;
/// The tests: one that always holds, and one for each file in `tests`, which names a file and the word that it has to say.
const CHECK: &str = concat!(
    r#"{ echo '<testsuite><testcase name="old"/>'; "#,
    r#"for t in tests/t*.txt; do read -r file word 2>/dev/null < "$t" || continue; echo "<testcase name=\"$t\">"; "#,
    r#"grep -q "$word" "$file" || echo '<failure type="AssertionError">it does not say so</failure>'; echo '</testcase>'; done; "#,
    r#"echo '</testsuite>'; } > "$ORCHESTRATE_JUNIT""#
);
const WORK: &str = r#"set -e
git fetch -q origin; git checkout -q -B work origin/main; mkdir -p tests
sed -i "3s/.*/word$1 on this line/" "src/part$1/file$1.txt"
echo "src/part$1/file$1.txt word$1" > "tests/t$1.txt"
git add -A; git commit -q -m "say word$1"; git push -q origin "HEAD:refs/heads/dev-a/t$1"
"#;

/// What was seen of the workshop: its state, and when each gate was entered and left.
#[derive(Default)]
struct Seen {
    state: State,
    at: BTreeMap<GateName, (Millis, Millis)>,
}

pub fn rows(shop: &Shop) -> Vec<Row> {
    let rules = fs::read_to_string(shop.join("rules/config.toml")).expect("the rules");
    let command = json!(["sh", "-c", CHECK]);
    fs::write(shop.join("rules/config.toml"), format!("{rules}\n[runner]\ncommand = {command}\n")).expect("the rules");
    let workshop = shop.open("gate", SILENT);
    fs::write(shop.join("rules/config.toml"), rules).expect("the rules");
    let mut seen = Seen::default();
    let rounds: Vec<BTreeMap<GateName, f64>> = (1..=ROUNDS).map(|number| round(shop, &workshop, &mut seen, number)).collect();
    let plain: Vec<f64> = (0..ROUNDS).map(|number| checkout(shop, number)).collect();
    let row = |gate: &GateName| {
        let ours: Vec<f64> = rounds.iter().filter_map(|round| round.get(gate).copied()).collect();
        let what = format!("{gate}: all but the tests' own time, 3,000 files");
        Row { what, unit: "ms", ours: median(&ours), beside: "one git worktree add", theirs: median(&plain), goal: Goal::Most(300.0) }
    };
    GateName::ALL.iter().map(row).collect()
}

fn checkout(shop: &Shop, number: u64) -> f64 {
    timed(shop.git(&shop.repo()).args(["worktree", "add", "-q", "--detach"]).arg(shop.join(&format!("plain{number}"))))
}

/// One change from its push to its merge, with whoever is drawn saying yes at once; how long each gate took.
fn round(shop: &Shop, workshop: &Workshop, seen: &mut Seen, number: u64) -> BTreeMap<GateName, f64> {
    let mut owner = Line::open(&workshop.state.join("run/owner.sock"));
    owner.ask(&json!({"task-open": {"title": format!("say word {number}"), "body": "", "assign": "dev-a"}}));
    let clone = workshop.state.join("clones/dev-a");
    shop.must(inside(shop, workshop).arg("--chdir").arg(clone).args(["sh", "-c", WORK, "work", &number.to_string()]));
    let task = TaskId::new(format!("T{number}")).expect("a task");
    let mut author = Line::open(&workshop.socket("dev-a"));
    author.ask(&json!({"task-take": {"task": task}}));
    author.ask(&json!({"task-submit": {"task": task, "commit": null}}));
    seen.at.clear();
    while seen.state.tasks.get(&task).is_none_or(|known| known.merged.is_none()) {
        seen.more(&mut owner, &task);
        seen.speak(workshop, &task);
    }
    seen.at.iter().map(|(gate, (from, to))| (*gate, (to - from) as f64)).collect()
}

impl Seen {
    fn more(&mut self, owner: &mut Line, task: &TaskId) {
        let told = owner.ask(&json!({"ledger": {"from": self.state.len, "most": 1000, "wait": 30}}));
        for entry in told["entries"].as_array().expect("entries") {
            let entry = Entry::parse(entry.as_str().expect("an entry").as_bytes()).expect("an entry");
            self.state.apply(&entry);
            if let Event::Task(task::Event::SentBack { why, .. } | task::Event::Stalled { why, .. }) = &entry.event {
                panic!("{why}");
            }
            if let Event::Task(task::Event::Judged { gate, .. }) = &entry.event {
                self.at.entry(*gate).or_default().1 = entry.time;
            }
            if let Some(Stage::At(gate)) = self.state.tasks.get(task).and_then(|known| known.attempt.as_ref()).map(|now| &now.stage) {
                self.at.entry(*gate).or_insert((entry.time, 0));
            }
        }
    }

    /// Whoever is asked, and has not spoken, says yes.
    fn speak(&self, workshop: &Workshop, task: &TaskId) {
        let Some(now) = self.state.tasks.get(task).and_then(|known| known.attempt.as_ref()) else { return };
        let Stage::At(gate) = now.stage else { return };
        let ready = gate == GateName::Peer || now.runs.contains_key(&RunKind::Merge);
        let spoke = |seat: &SeatName| now.approvals.iter().any(|word| word.gate == gate && word.seat == *seat);
        for seat in now.draws.get(&gate).into_iter().flat_map(|draw| &draw.seats).filter(|seat| ready && !spoke(seat)) {
            let files: Vec<&str> = now.change.iter().flat_map(|change| &change.files).map(|file| file.path.as_str()).collect();
            let number = &task.as_str()[1..];
            let said = json!({"ok": files, "quotes": [format!("+src/part{number}/file{number}.txt word{number}")]});
            let word = json!({"task": task, "accept": true, "note": "read it line by line", "commit": null, "said": said});
            Line::open(&workshop.socket(seat.as_str())).ask(&json!({"review-decide": word}));
        }
    }
}
