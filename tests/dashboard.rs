//! The dashboard on a real terminal: a private tmux shows it, and what the tmux says it shows is what counts.

use crate::world::processes::gone;
use crate::world::{DEADLINE, World};
use orchestrate::domain::event::Event;
use orchestrate::domain::freeze;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use tempfile::TempDir;

/// A terminal of 80x24 with a shell in it.
struct Terminal<'a> {
    world: &'a World,
    folder: TempDir,
    /// Tells of every output, so that nobody has to look again and again.
    control: Child,
    output: BufReader<ChildStdout>,
}

impl<'a> Terminal<'a> {
    fn open(world: &'a World) -> Self {
        let folder = tempfile::Builder::new().prefix("d").rand_bytes(6).tempdir_in("/tmp").unwrap();
        let socket = folder.path().join("s").display().to_string();
        let new = ["-S", &socket, "-f", "/dev/null", "new-session", "-d", "-s", "d", "-x", "80", "-y", "24", "env PS1='$ ' sh"];
        world.command("tmux", &new, "").ok();
        let mut control = Command::new("tmux");
        control.args(["-S", &socket, "-C", "attach-session", "-t", "d", "-f", "ignore-size"]).env_remove("TMUX");
        let mut control = control.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(control.stdout.take().unwrap());
        Self { world, folder, control, output }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn tmux(&self, args: &[&str]) -> String {
        let all: Vec<String> = ["-S".to_owned(), self.path("s")].into_iter().chain(args.iter().map(|arg| (*arg).to_owned())).collect();
        self.world.command("tmux", &all.iter().map(String::as_str).collect::<Vec<_>>(), "").ok().out
    }

    fn shown(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-t", "d"])
    }

    /// Looks again after each output until the screen is as wanted; the connection ends with its tmux.
    #[track_caller]
    fn wait(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let shown = self.shown();
            if wanted(&shown) {
                return shown;
            }
            let limit = Timespec { tv_sec: 2 * DEADLINE.as_secs() as i64, tv_nsec: 0 };
            let more = !self.output.buffer().is_empty()
                || poll(&mut [PollFd::new(self.output.get_ref(), PollFlags::IN)], Some(&limit)).unwrap() > 0;
            let came = more && self.output.read_until(b'\n', &mut Vec::new()).unwrap() > 0;
            assert!(came, "the terminal ended or stood still before {what}:\n{shown}");
        }
    }

    #[track_caller]
    fn wait_for(&mut self, text: &str) -> String {
        self.wait(text, |shown| shown.contains(text))
    }

    fn keys(&self, keys: &[&str]) {
        let all: Vec<&str> = ["send-keys", "-t", "d"].into_iter().chain(keys.iter().copied()).collect();
        self.tmux(&all);
    }

    fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-t", "d", "-l", text]);
    }

    /// Runs the dashboard in the shell, between two looks at how the terminal is set.
    fn dashboard(&mut self, round: u32) {
        let (own, repo) = (env!("CARGO_BIN_EXE_orchestrate"), self.world.repo());
        let script = format!(
            "stty -g >before\nsh -c 'echo $$ >pid; exec \"$@\"' - {own} -C {} dashboard\necho \"ended $? in round {round}\"\nstty -g >after\n",
            repo.display()
        );
        std::fs::write(self.path("run"), script).unwrap();
        self.types(&format!("cd {}; . ./run", self.folder.path().display()));
        self.keys(&["Enter"]);
        self.wait_for("1 seats");
    }

    /// The terminal is as it was: settings, screen, cursor.
    fn is_back(&mut self, code: i32, round: u32) {
        self.wait_for(&format!("ended {code} in round {round}"));
        self.keys(&["", "echo done-$((40+", &format!("{round}))"), "Enter"]);
        self.wait_for(&format!("done-{}", 40 + round));
        let read = |name: &str| std::fs::read_to_string(Path::new(&self.path(name))).unwrap();
        assert_eq!(read("before"), read("after"));
        assert_eq!(self.tmux(&["display-message", "-p", "-t", "d", "#{alternate_on} #{cursor_flag}"]).trim(), "0 1");
        assert!(!self.shown().contains("1 seats"));
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        // First whoever no longer reads: a server waits for its clients to have taken all that they were shown.
        assert!(self.control.kill().is_ok());
        let ended = Command::new("tmux").args(["-S", &self.path("s"), "kill-server"]).output();
        assert!(ended.is_ok() && self.control.wait().is_ok());
    }
}

#[test]
fn the_dashboard_shows_what_happens_and_leaves_the_terminal_as_it_was() {
    let world = World::python().bootstrap();
    let mut terminal = Terminal::open(&world);
    terminal.dashboard(1);
    terminal.wait_for("qa-b");
    // Nobody presses a key: the ledger's growth alone draws the new task and its entry.
    world.owner(&["task", "open", "mend\u{202e} it", "--assign", "dev-a"]).ok();
    terminal.wait("the task", |shown| shown.matches("mend<202E> it").count() >= 2);
    terminal.tmux(&["resize-window", "-t", "d", "-x", "160", "-y", "50"]);
    terminal.wait("three columns", |shown| {
        shown.lines().any(|line| line.contains("1 seats") && line.contains("2 tasks") && line.contains("3 mail"))
    });
    if let Some(path) = std::env::var_os("DASHBOARD_CAPTURE") {
        std::fs::write(path, terminal.tmux(&["capture-pane", "-e", "-p", "-t", "d"])).unwrap();
    }
    terminal.tmux(&["resize-window", "-t", "d", "-x", "80", "-y", "24"]);
    terminal.wait("two columns", |shown| {
        shown.lines().count() <= 24 && shown.lines().any(|line| line.contains("1 seats") && !line.contains("3 mail"))
    });
    terminal.types("?");
    terminal.wait_for("attach to a seat's pane");
    terminal.keys(&["Escape"]);
    terminal.wait("no help", |shown| !shown.contains("attach to a seat's pane"));
    terminal.types("/dev-b");
    terminal.keys(&["Enter"]);
    terminal.wait_for("only what holds \"dev-b\"");
    terminal.keys(&["Enter"]);
    terminal.wait("the pane", |shown| !shown.contains("only what holds") && shown.contains("dev-b"));
    terminal.keys(&["C-b", "d"]);
    terminal.wait_for("back from dev-b");
    terminal.keys(&["Escape"]);
    terminal.wait("all rows", |shown| shown.contains("qa-b"));
    freezes(&world, &mut terminal);
    terminal.types("q");
    terminal.is_back(0, 1);
    ends_by_signal(&mut terminal);
    needs_a_terminal_and_a_supervisor(&world, terminal);
}

fn freezes(world: &World, terminal: &mut Terminal) {
    let mark = world.mark();
    terminal.types("Fnot this");
    terminal.keys(&["Enter"]);
    terminal.wait_for("Freeze everything now: not this");
    terminal.types("n");
    terminal.wait_for("not frozen");
    terminal.types("Fthe latch is odd");
    terminal.keys(&["Enter"]);
    terminal.wait_for("Freeze everything now: the latch is odd");
    terminal.types("y");
    terminal.wait("the freeze", |shown| shown.contains(" FROZEN ") && shown.contains("the latch is odd"));
    let reasons: Vec<String> = world
        .entries()
        .into_iter()
        .skip(usize::try_from(mark).unwrap())
        .filter_map(|entry| match entry.event {
            Event::Freeze(freeze::Event::Frozen { reason, .. }) => Some(reason),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, ["the latch is odd"]);
}

fn ends_by_signal(terminal: &mut Terminal) {
    for (round, signal) in [(2, rustix::process::Signal::TERM), (3, rustix::process::Signal::HUP)] {
        terminal.dashboard(round);
        let pid: i32 = std::fs::read_to_string(terminal.path("pid")).unwrap().trim().parse().unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
        terminal.is_back(130, round);
    }
}

fn needs_a_terminal_and_a_supervisor(world: &World, mut terminal: Terminal) {
    world.owner(&["dashboard"]).ends(2).says("needs a terminal").says("orchestrate status --json");
    terminal.dashboard(4);
    let family = crate::world::processes::Family::of(&world.state());
    let supervisor = family.supervisor();
    world.owner(&["down"]).ok();
    assert!(gone(supervisor));
    terminal.wait_for("no news");
    terminal.types("q");
    terminal.is_back(0, 4);
    terminal.types("clear; sh -c '. ./run'");
    terminal.keys(&["Enter"]);
    let shown = terminal.wait_for("ended 10 in round 4");
    assert!(shown.contains("no supervisor answers") && shown.contains("orchestrate bootstrap"), "{shown}");
}

/// Set for the one run of this test binary that is to panic while it has the terminal.
const PANICS: &str = "DASHBOARD_PANICS";

#[test]
fn a_panic_gives_the_terminal_back_before_it_speaks() {
    let world = World::bare();
    let mut terminal = Terminal::open(&world);
    let own = std::env::current_exe().unwrap();
    let test = "dashboard::what_panics_while_it_has_the_terminal";
    let script =
        format!("stty -g >before\n{PANICS}=1 {} --exact {test} --nocapture\necho \"ended 5 in round 5\"\nstty -g >after\n", own.display());
    std::fs::write(terminal.path("run"), script).unwrap();
    terminal.types(&format!("cd {}; . ./run", terminal.folder.path().display()));
    terminal.keys(&["Enter"]);
    terminal.wait_for("what it panicked about");
    terminal.is_back(5, 5);
}

#[test]
fn what_panics_while_it_has_the_terminal() {
    if std::env::var_os(PANICS).is_some() {
        let mut screen = orchestrate::interface::tui::screen::Screen::enter().unwrap();
        screen.draw(|frame| frame.render_widget("1 seats", frame.area())).unwrap();
        panic!("what it panicked about");
    }
}
