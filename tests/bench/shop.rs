//! A fresh folder, a generated repository, and workshops on it.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const FILES: usize = 3000;
const COMMITS: usize = 500;
/// What each seat runs: it answers, and waits for mail as an agent at rest does, or leaves its mail to the benchmark.
pub const WAITING: &str = "waiting";
pub const SILENT: &str = "silent";
const AGENTS: [(&str, &str); 2] = [
    (WAITING, "#!/bin/sh\norchestrate whoami >/dev/null\nwhile :; do orchestrate mail wait --seconds 3000 >/dev/null || exit 1; done\n"),
    (SILENT, "#!/bin/sh\norchestrate whoami >/dev/null\nexec cat\n"),
];

pub struct Shop {
    root: PathBuf,
}

/// A workshop that runs; it is brought down when this value goes.
pub struct Workshop<'a> {
    shop: &'a Shop,
    states: PathBuf,
    pub state: PathBuf,
    /// How long its start took, in milliseconds.
    pub took: f64,
}

impl Shop {
    pub fn new() -> Self {
        let base = std::env::var_os("BENCH_FOLDER").map_or_else(|| PathBuf::from("/var/tmp"), PathBuf::from);
        let root = base.join(format!("ob-{}", std::process::id()));
        let shop = Self { root };
        fs::create_dir_all(shop.join("home")).expect("a fresh folder");
        shop.rules();
        shop.generate();
        for (name, text) in AGENTS {
            fs::write(shop.join(name), text).expect("the agent");
            fs::set_permissions(shop.join(name), fs::Permissions::from_mode(0o755)).expect("the agent's mode");
        }
        shop
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub fn repo(&self) -> PathBuf {
        self.join("repo")
    }

    /// The binary that is measured: `$BENCH_BINARY`, else the one just built.
    pub fn binary() -> PathBuf {
        std::env::var_os("BENCH_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_orchestrate").into()).into()
    }

    /// The default rules, but for the budgets, since a figure is the mean of more commits, messages and locks than a seat may make in an
    /// hour, and for the letters, which the benchmark writes in the seats' place.
    fn rules(&self) {
        fs::create_dir(self.join("rules")).expect("a folder of rules");
        let rules = "[budgets]\ncommits = { per_hour = 100000 }\nmessages = {}\nlocks = {}\n[messages]\nmax_waiting = 0\n[agent]\noutsiders = true\n";
        fs::write(self.join("rules/config.toml"), rules).expect("the rules");
    }

    fn generate(&self) {
        let repo = self.repo();
        let made = self.git(Path::new("/")).args(["init", "-q", "-b", "main"]).arg(&repo).status();
        assert!(made.is_ok_and(|end| end.success()), "git init");
        let mut import = self.git(&repo);
        import.args(["fast-import", "--quiet"]).stdin(Stdio::piped());
        let mut child = import.spawn().expect("git fast-import");
        child.stdin.take().expect("a pipe").write_all(history().as_bytes()).expect("the history");
        assert!(child.wait().is_ok_and(|end| end.success()), "git fast-import");
        self.must(self.git(&repo).args(["reset", "-q", "--hard", "main"]));
        self.must(self.git(&repo).args(["repack", "-a", "-d", "-q"]));
    }

    /// A git that reads no settings but the repository's.
    pub fn git(&self, cwd: &Path) -> Command {
        let mut command = self.command("git");
        command.current_dir(cwd);
        command
    }

    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let people = ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"];
        command.env_clear().env("PATH", self.path()).env("HOME", self.join("home")).env("GIT_CONFIG_NOSYSTEM", "1");
        command.envs(people.map(|name| (name, "bench@example.com"))).stdin(Stdio::null());
        command
    }

    fn path(&self) -> String {
        format!("{}:/usr/local/bin:/usr/bin:/bin", Self::binary().parent().expect("a folder").display())
    }

    pub fn must(&self, command: &mut Command) {
        let output = command.output().expect("a program that starts");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Starts a workshop with a state folder of its own.
    pub fn open(&self, name: &str, agent: &str) -> Workshop<'_> {
        let states = self.join(name);
        let since = Instant::now();
        let mut command = self.orchestrate(&states);
        command.arg("bootstrap").arg(self.repo()).arg("--agent").arg(self.join(agent)).args(["--detach", "--yes"]);
        let output = command.output().expect("the binary");
        let took = since.elapsed().as_secs_f64() * 1000.0;
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("12 of 12"), "{text}{}", String::from_utf8_lossy(&output.stderr));
        eprintln!("{text}");
        let folder = fs::read_dir(&states).expect("the states").flatten().map(|entry| entry.path()).find(|path| path.is_dir());
        Workshop { shop: self, states, state: folder.expect("a state folder"), took }
    }

    pub fn orchestrate(&self, states: &Path) -> Command {
        let mut command = self.command(Self::binary());
        command.env("ORCHESTRATE_STATE", states).env("ORCHESTRATE_CONFIG", self.join("rules"));
        // Only where a row wants it: a supervisor that may be pushed on asks for the file each time.
        if self.join("clock").exists() {
            command.env("ORCHESTRATE_CLOCK_AHEAD", self.join("clock"));
        }
        command
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if let Err(why) = fs::remove_dir_all(&self.root) {
            eprintln!("figures: {}: {why}", self.root.display());
        }
    }
}

impl Workshop<'_> {
    pub fn orchestrate(&self) -> Command {
        let mut command = self.shop.orchestrate(&self.states);
        command.current_dir(self.shop.repo());
        command
    }

    /// The supervisor's process.
    pub fn pid(&self) -> u32 {
        let text = fs::read_to_string(self.state.join("ledger.lock")).unwrap_or_default();
        text.split(' ').next().and_then(|word| word.parse().ok()).expect("a process number")
    }

    pub fn socket(&self, seat: &str) -> PathBuf {
        self.state.join("run").join(seat).join("seat.sock")
    }
}

impl Drop for Workshop<'_> {
    fn drop(&mut self) {
        let ended = self.orchestrate().arg("down").output();
        if !ended.as_ref().is_ok_and(|output| output.status.success()) {
            eprintln!("figures: the workshop did not end: {ended:?}");
        }
    }
}

/// A history for `git fast-import`: all files in the first commit, a few changed in each later one.
fn history() -> String {
    let mut text = String::new();
    for commit in 0..COMMITS {
        let message = format!("commit {commit}\n");
        let when = 1_700_000_000 + commit * 600;
        writeln!(text, "commit refs/heads/main\ncommitter Bench <bench@example.com> {when} +0000\ndata {}\n{message}", message.len())
            .expect("text");
        let changed: Vec<usize> =
            if commit == 0 { (0..FILES).collect() } else { (0..5).map(|n| (commit * 37 + n * 601) % FILES).collect() };
        for file in changed {
            let body = body(file, commit);
            writeln!(text, "M 100644 inline src/part{}/file{file}.txt\ndata {}\n{body}", file % 60, body.len()).expect("text");
        }
    }
    text
}

fn body(file: usize, commit: usize) -> String {
    (0..40).fold(String::new(), |text, line| {
        text + &format!("{file} {line} {} some words of this line\n", (file * 31 + line * 7 + commit) % 9973)
    })
}
