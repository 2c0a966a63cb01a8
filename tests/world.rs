//! A whole workshop for a test: a home, a repository, a supervisor, and a fake agent in every seat. All real, all gone at the end.
//!
//! A test is one chained sentence: `World::python().bootstrap()`, then `world.seat("dev-a").run("git push").ok()`.

pub mod model;
pub mod post;
pub mod processes;
pub mod project;
pub mod seat;
pub mod wire;

use orchestrate::domain::entry::Entry;
use orchestrate::domain::event::Event;
use orchestrate::domain::name::TaskId;
use orchestrate::domain::state::State;
use orchestrate::domain::{merge, refusal, task};
use orchestrate::supervisor::place::workshop_id;
use model::Model;
use processes::Family;
use project::Kind;
use seat::Seat;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The longest that anything here may take; only a defect takes so long.
pub const DEADLINE: Duration = Duration::from_secs(120);

const AGENT: &str = include_str!("world/agent.sh");

/// Fewer seats than a full grid, enough for every gate.
pub const SEATS: [&str; 8] = ["orchestrator", "librarian", "planner-a", "architect-a", "dev-a", "dev-b", "qa-a", "qa-b"];

/// A workshop in a folder of its own.
pub struct World {
    folder: TempDir,
    /// What the owner's programs find in their environment, and nothing else.
    env: Vec<(String, String)>,
    /// The repository as it was, to see that nobody touched it.
    before: String,
    /// The owner's own branch was moved by a delivery that the test asked for.
    delivered: bool,
    asked: AtomicU32,
    secret: OnceLock<String>,
    /// The model of the seats that have the real client: it runs there what a test says.
    brain: Option<Model>,
    /// What sits in every seat, where it is not the fake agent.
    client: Option<String>,
}

/// What a command said and how it ended.
#[derive(Debug, Clone)]
pub struct Said {
    pub line: String,
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    /// It did what it was asked.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.ends(0)
    }

    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// It was refused, and said so with these words.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        assert!(self.out.contains(words) || self.err.contains(words), "{words:?} is not said by {self}");
        self
    }

    /// Its answer to `--json`, without the wrapping.
    #[track_caller]
    pub fn done(&self) -> serde_json::Value {
        let answer: serde_json::Value = serde_json::from_str(&self.out).unwrap_or_else(|why| panic!("{why}: {self}"));
        answer.get("done").unwrap_or_else(|| panic!("not done: {self}")).clone()
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "$ {}\n{}{}[{}]", self.line, self.out, self.err, self.code)
    }
}

impl World {
    pub fn python() -> Self {
        Self::of(Kind::Python)
    }

    pub fn rust() -> Self {
        Self::of(Kind::Rust)
    }

    pub fn of(kind: Kind) -> Self {
        let mut world = Self::bare();
        project::make(kind, &world.repo());
        world.before = project::snapshot(&world.repo());
        world
    }

    /// A home with a fake agent and rules for few seats, and no repository.
    pub fn bare() -> Self {
        let folder = tempfile::Builder::new().prefix("w").rand_bytes(6).tempdir_in("/tmp").unwrap();
        for name in ["home", "state", "rules", "rules/roles"] {
            std::fs::DirBuilder::new().mode(0o700).create(folder.path().join(name)).unwrap();
        }
        let mut world =
            Self { folder, env: Vec::new(), before: String::new(), delivered: false, asked: AtomicU32::new(0), secret: OnceLock::new(), brain: None, client: None };
        world.env = world.environment();
        project::write_program(&world.path("agent"), AGENT);
        world.few_seats();
        world.rule("[review]\nthird_percent = 0\n[runner]\nruns = 1\n[freeze]\nbypasses = 0\nfencing = 0\n[budgets]\ncommits = { per_hour = 1000 }\nsubmissions = { per_hour = 100 }\nmessages = { per_hour = 10000 }\nreviews = { per_hour = 1000 }\ndecisions = { per_hour = 100 }\n");
        world
    }

    fn environment(&self) -> Vec<(String, String)> {
        let real = |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.to_owned());
        let home = real("HOME", "/root");
        let cargo = real("CARGO_HOME", &format!("{home}/.cargo"));
        let rustup = real("RUSTUP_HOME", &format!("{home}/.rustup"));
        let here = |name: &str| self.path(name).display().to_string();
        [
            ("PATH", format!("/usr/local/bin:/usr/bin:/bin:{cargo}/bin")),
            ("HOME", here("home")),
            ("LANG", "C.UTF-8".to_owned()),
            ("CARGO_HOME", cargo),
            ("RUSTUP_HOME", rustup),
            ("ORCHESTRATE_STATE", here("state")),
            ("ORCHESTRATE_CONFIG", here("rules")),
            ("ORCHESTRATE_CLOCK_AHEAD", here("clock")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
    }

    /// Roles with the seats that a test needs, otherwise as they are built in.
    fn few_seats(&self) {
        let roles = Path::new(env!("CARGO_MANIFEST_DIR")).join("roles");
        for entry in std::fs::read_dir(roles).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let Some(line) = text.lines().find(|line| line.starts_with("seats = ")) else { continue };
            let kept: Vec<String> = SEATS.iter().map(|seat| format!("{seat:?}")).filter(|seat| line.contains(seat.as_str())).collect();
            let text = text.replacen(line, &format!("seats = [{}]", kept.join(", ")), 1);
            std::fs::write(self.path("rules/roles").join(path.file_name().unwrap()), text).unwrap();
        }
    }

    /// All twelve seats, as built in.
    pub fn every_seat(self) -> Self {
        std::fs::remove_dir_all(self.path("rules/roles")).unwrap();
        self
    }

    /// Adds to the owner's rules.
    pub fn rule(&self, text: &str) {
        let path = self.path("rules/config.toml");
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(path, before + text).unwrap();
    }

    /// Writes a rule file of the owner's.
    pub fn rules(&self, name: &str, text: &str) {
        let path = self.path("rules").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Puts a model behind the seats, whose clients run what a test says because it has them do so.
    pub fn with_brain(mut self, model: Model) -> Self {
        self.rule(&format!("[agent]\nupstream = \"http://{}\"\n", model.address));
        self.set("ANTHROPIC_API_KEY", model::KEY);
        self.brain = Some(model);
        self
    }

    /// Puts the real client into every seat.
    pub fn with_client(mut self, program: &str) -> Self {
        self.client = Some(program.to_owned());
        self.with_brain(Model::scripted(model::obedient))
    }

    /// What the kernel says runs in every seat.
    pub fn program(&self) -> PathBuf {
        self.client.as_ref().map_or_else(|| self.path("agent"), |client| std::fs::canonicalize(client).unwrap())
    }

    /// The model behind the seats.
    pub fn brain(&self) -> &Model {
        self.brain.as_ref().expect("a model")
    }

    /// Changes a line of the owner's rules.
    pub fn instead(&self, line: &str, other: &str) {
        let path = self.path("rules/config.toml");
        let before = std::fs::read_to_string(&path).unwrap();
        assert!(before.contains(line), "{before}");
        std::fs::write(path, before.replace(line, other)).unwrap();
    }

    /// Lets the test itself speak through seats' sockets, which no process outside the seats' panes may do otherwise.
    pub fn outsiders(self) -> Self {
        self.rule("[agent]\noutsiders = true\n");
        self
    }

    /// Sets a variable of the owner's programs.
    pub fn set(&mut self, name: &str, value: &str) {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn repo(&self) -> PathBuf {
        self.path("demo")
    }

    /// The workshop's private folder.
    pub fn state(&self) -> PathBuf {
        self.path("state").join(workshop_id(&self.repo()))
    }

    /// Moves the supervisor's clock forward.
    pub fn ahead(&self, seconds: u64) {
        std::fs::write(self.path("clock"), (seconds * 1000).to_string()).unwrap();
    }

    /// Starts the workshop, and sees that all instances answered.
    #[track_caller]
    pub fn bootstrap(self) -> Self {
        self.start().ok();
        self
    }

    pub fn start(&self) -> Said {
        self.start_with(self.client.as_deref().unwrap_or("agent"))
    }

    /// The same with another program of the world's folder in every seat.
    pub fn start_with(&self, agent: &str) -> Said {
        let (repo, agent) = (self.repo(), self.path(agent));
        self.orchestrate(&["bootstrap", repo.to_str().unwrap(), "--agent", agent.to_str().unwrap(), "--detach", "--yes"])
    }

    /// The real program, in the owner's environment, with nothing to read.
    pub fn orchestrate(&self, args: &[&str]) -> Said {
        self.command(env!("CARGO_BIN_EXE_orchestrate"), args, "")
    }

    /// A command of the owner's for this workshop.
    pub fn owner(&self, args: &[&str]) -> Said {
        self.owner_types(args, "")
    }

    /// The same, with something typed into it.
    pub fn owner_types(&self, args: &[&str], typed: &str) -> Said {
        let repo = self.repo();
        let all: Vec<&str> = ["-C", repo.to_str().unwrap()].iter().chain(args).copied().collect();
        self.command(env!("CARGO_BIN_EXE_orchestrate"), &all, typed)
    }

    /// Any program in the owner's environment.
    pub fn command(&self, program: &str, args: &[&str], typed: &str) -> Said {
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(self.env.iter().cloned()).current_dir(self.path("home"));
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|why| panic!("{program}: {why}"));
        // A program that does not read what is typed may be gone already.
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), typed.as_bytes()).unwrap_or_default();
        let seen = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = seen.status.code().unwrap_or(-1);
        Said { line: format!("{program} {}", args.join(" ")), code, out: text(&seen.stdout), err: text(&seen.stderr) }
    }

    /// Git in the owner's own repository.
    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        let repo = self.repo();
        let all: Vec<&str> = ["-C", repo.to_str().unwrap()].iter().chain(args).copied().collect();
        self.command("git", &all, "").ok().out.trim().to_owned()
    }

    /// Git in the gate repository, where only the supervisor writes.
    #[track_caller]
    pub fn gate(&self, args: &[&str]) -> String {
        let gate = self.state().join("gate.git");
        let all: Vec<&str> = ["--git-dir", gate.to_str().unwrap()].iter().chain(args).copied().collect();
        self.command("git", &all, "").ok().out.trim().to_owned()
    }

    /// All references of the gate, each with what it points at.
    pub fn refs(&self) -> String {
        self.gate(&["for-each-ref", "--format=%(refname) %(objectname)"])
    }

    /// The number of every object that the gate holds.
    pub fn objects(&self) -> String {
        self.gate(&["cat-file", "--batch-check=%(objectname)", "--batch-all-objects", "--unordered"]).lines().count().to_string()
    }

    pub fn seat(&self, name: &str) -> Seat<'_> {
        Seat::new(self, name)
    }

    pub fn next(&self) -> u32 {
        self.asked.fetch_add(1, Ordering::Relaxed)
    }

    /// How many entries there are.
    pub fn mark(&self) -> u64 {
        wire::page(&self.state(), u64::MAX, 0).0
    }

    /// Follows the ledger from a position until the entry comes; the stream wakes us, no clock does.
    #[track_caller]
    pub fn wait_from<T>(&self, mut from: u64, what: &str, wanted: impl Fn(&Entry) -> Option<T>) -> T {
        let begun = Instant::now();
        let mut seen = Vec::new();
        while begun.elapsed() < DEADLINE {
            let left = DEADLINE.saturating_sub(begun.elapsed()).as_secs().max(1);
            let (_, entries) = wire::page(&self.state(), from, u32::try_from(left).unwrap());
            from += entries.len() as u64;
            for entry in entries {
                if let Some(found) = wanted(&entry) {
                    return found;
                }
                seen.push(orchestrate::view::line(&entry));
            }
        }
        let log = std::fs::read_to_string(self.state().join("supervisor.log")).unwrap_or_default();
        panic!("{what} did not come; what came:\n{}\nsupervisor.log:\n{log}", seen.join("\n"));
    }

    #[track_caller]
    pub fn wait_for<T>(&self, what: &str, wanted: impl Fn(&Entry) -> Option<T>) -> T {
        self.wait_from(0, what, wanted)
    }

    /// Every entry so far.
    pub fn entries(&self) -> Vec<Entry> {
        let mut all = Vec::new();
        loop {
            let (len, page) = wire::page(&self.state(), all.len() as u64, 0);
            all.extend(page);
            if all.len() as u64 >= len {
                return all;
            }
        }
    }

    /// The ledger folded by a reader of its own.
    pub fn fold(&self) -> State {
        State::replay(&self.entries())
    }

    /// The codes of the refusals since a mark, each with who was refused.
    pub fn refusals(&self, from: u64) -> Vec<(String, String)> {
        let refused = |entry: Entry| match entry.event {
            Event::Refused(refusal::Refused { refusal, .. }) => Some((entry.by.to_string(), refusal.code)),
            _ => None,
        };
        self.entries().into_iter().skip(usize::try_from(from).unwrap()).filter_map(refused).collect()
    }

    /// Waits until a task is on the protected branch; gives the merge commit.
    #[track_caller]
    pub fn wait_merged(&self, wanted: &str) -> String {
        let wanted = TaskId::new(wanted).unwrap();
        self.wait_for("the merge", |entry| match &entry.event {
            Event::Merge(merge::Event::Merged { task, commit, .. }) if *task == wanted => Some(commit.to_string()),
            Event::Task(task::Event::SentBack { task, why, .. } | task::Event::Stalled { task, why, .. }) if *task == wanted => {
                panic!("{task} does not merge: {why}")
            }
            _ => None,
        })
    }

    /// What the owner's authenticator shows, with the clock moved ahead by so many seconds. The secret is shown until its first use.
    pub fn code_at(&self, ahead: u64) -> String {
        let uri = self.secret.get_or_init(|| self.owner(&["totp", "show", "--json"]).ok().done()["uri"].as_str().unwrap().to_owned());
        self.ahead(ahead);
        project::one_time_code(uri, ahead)
    }

    /// Tells that the owner's branch was moved, and by the test's own wish.
    pub fn delivered(&mut self) {
        self.delivered = true;
    }

    pub fn down(&self) -> Said {
        let family = Family::of(self.folder.path());
        let said = self.owner(&["down"]);
        if said.code == 0 {
            family.wait_gone();
            // What was started between the look and the stop ends with the supervisor, at once.
            Family::of(self.folder.path()).wait_gone();
        }
        said
    }

    fn untouched(&self) {
        if !self.before.is_empty() && !self.delivered {
            assert_eq!(project::snapshot(&self.repo()), self.before, "the owner's repository was touched");
        }
        let home: Vec<_> = std::fs::read_dir(self.path("home")).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert!(home.is_empty(), "the owner's home was written to: {home:?}");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            if std::env::var_os("KEEP_WORLD").is_some() {
                let kept = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
                return eprintln!("kept: {}", kept.keep().display());
            }
            return Family::of(self.folder.path()).kill();
        }
        if self.state().join("run/owner.sock").exists() {
            let said = self.down();
            if said.code != 0 {
                Family::of(self.folder.path()).kill();
            }
        }
        self.untouched();
    }
}
