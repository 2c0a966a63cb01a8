//! The seats' terminal: a tmux server of our own, on a socket of our own.

mod control;
mod grid;
mod quote;
mod session;
#[cfg(test)]
mod tests;
mod watch;

pub use control::{Control, Event, Feed};
pub use grid::{Grid, PaneSpec, Shape};

use crate::domain::failure::{Doing as _, Failure};
use quote::{colour, command, plain, word};
use rustix::process::{PidfdFlags, Signal};
use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The static options of the server, for the caller to write where the owner can read them.
pub const CONF: &str = include_str!("../../bootstrap/tmux.conf");

/// The oldest version that reads a batch from standard input (3.1) and runs its own commands later (3.2, `run-shell -C`).
const OLDEST: (u32, u32) = (3, 2);
const INSTALL: &str = "sudo apt-get install tmux";
/// How long a server that was told to end may take before it is killed.
const STOP_SECONDS: i64 = 10;

/// Our tmux server, running or not; the user's own is never spoken to.
#[derive(Debug, Clone)]
pub struct Tmux {
    program: PathBuf,
    socket: PathBuf,
}

/// A pane as tmux reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pane {
    pub id: String,
    pub seat: String,
    /// The title that the supervisor gave, not the one the program in the pane chose.
    pub title: String,
    pub dead: bool,
    /// The exit code of a dead pane; none when a signal ended it.
    pub exit: Option<i32>,
    pub pid: u32,
    pub width: u32,
    pub height: u32,
}

/// What a pane's border says beside the seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption {
    pub text: String,
    /// The name of a colour.
    pub tint: String,
}

impl Tmux {
    /// Finds a tmux that is new enough.
    pub fn find(socket: &Path) -> Result<Self, Failure> {
        let program = program().ok_or_else(|| Failure::new("cannot find tmux", "no folder of PATH has it").hint(INSTALL))?;
        let tmux = Self { program, socket: socket.to_owned() };
        let said = tmux.bare().arg("-V").output().doing("cannot ask tmux for its version")?;
        let said = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        match version(&said) {
            Some(version) if version >= OLDEST => Ok(tmux),
            Some(_) => Err(Failure::new("tmux is too old", format!("{said}, but 3.2 or newer is needed")).hint(INSTALL)),
            None => Err(Failure::new("cannot read tmux's version", &said).hint(INSTALL)),
        }
    }

    /// Starts the server if it does not run, and builds the whole grid in one invocation; answers the pane ids in the order of the seats.
    pub fn build(&self, session: &str, grid: &Grid) -> Result<Vec<String>, Failure> {
        const WHAT: &str = "cannot build the grid";
        grid.check(session)?;
        let config = grid.config.as_deref().unwrap_or(Path::new("/dev/null"));
        let output = self.feed(self.client(config).args(["start-server", ";"]), &grid.batch(session)).doing(WHAT)?;
        let said = String::from_utf8_lossy(&output.stdout);
        let mut lines = said.lines().skip_while(|line| *line != "made");
        let made = lines.next().is_some();
        let panes: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(' ')).collect();
        if output.status.success() && panes.iter().map(|(_, seat)| *seat).eq(grid.seats()) {
            return Ok(panes.iter().map(|(id, _)| (*id).to_owned()).collect());
        }
        if made {
            self.undo(session)?;
        }
        Err(Failure::new(WHAT, complaint(&output)).hint(format!("tmux -S {} kill-server", self.socket.display())))
    }

    /// Takes back a session; with the last one its server, so that a next build does not meet a server that is about to end.
    fn undo(&self, session: &str) -> Result<(), Failure> {
        match self.batch(&command(&["list-sessions", "-F", "-"]))?.lines().count() {
            1 => self.stop(),
            _ => self.batch(&command(&["kill-session", "-t", &format!("={session}")])).map(drop),
        }
    }

    /// Lists all panes; none when no server runs.
    pub fn panes(&self) -> Result<Vec<Pane>, Failure> {
        const FORMAT: &str = "#{pane_id}:#{pane_dead}:#{pane_dead_status}:#{pane_pid}:#{pane_width}:#{pane_height}:#{@seat}:#{@title}";
        let said = match self.batch(&command(&["list-panes", "-a", "-F", FORMAT])) {
            Err(_) if self.connect()?.is_none() => return Ok(Vec::new()),
            said => said?,
        };
        said.lines().map(|line| pane(line).ok_or_else(|| Failure::new("cannot list the panes", format!("tmux said {line:?}")))).collect()
    }

    /// Starts a program in a pane that is there, in place of what runs in it.
    pub fn respawn(&self, pane: &str, argv: &[OsString], cwd: &Path) -> Result<(), Failure> {
        let target = target(pane)?;
        let spec = PaneSpec { seat: "seat".into(), title: String::new(), colour: String::new(), argv: argv.to_vec(), cwd: cwd.into() };
        if let Some(why) = grid::fault(&spec) {
            return Err(Failure::new(format!("cannot start a program in pane {pane}"), why));
        }
        let folder = command(&["set-option", "-s", "@cwd"]) + " " + &word(cwd.as_os_str().as_bytes());
        let start = command(&["respawn-pane", "-k", "-t", target]) + " " + &grid::start(argv);
        let news = command(&["set-option", "-F", "-s", "-t", target, "@started", "#{pane_id} #{pane_pid}"]);
        let tell = command(&["rename-window", "-t", target, "started #{@started}"]);
        self.batch(&[folder, start, news, tell].join(" ; ")).map(drop)
    }

    /// Puts panes that are missing back into a living grid, each in its place among the others.
    pub fn restore(&self, session: &str, order: &[&str], missing: &[PaneSpec], shape: &Shape) -> Result<(), Failure> {
        let wrong = missing.iter().find_map(grid::fault).or_else(|| (!grid::is_name(session)).then(|| format!("{session:?} is not a session name")));
        if let Some(why) = wrong {
            return Err(Failure::new("cannot put a pane back", why));
        }
        for spec in missing {
            let living = self.panes()?;
            let place = order.iter().position(|seat| *seat == spec.seat).unwrap_or(order.len());
            let of = |seat: &&str| living.iter().find(|pane| pane.seat == *seat);
            let before = order[..place].iter().rev().find_map(of).map(|pane| (pane, false));
            let beside = before.or_else(|| order[place..].iter().find_map(of).map(|pane| (pane, true)));
            let (beside, first) = beside.ok_or_else(|| Failure::new("cannot put a pane back", "there is none beside it"))?;
            self.batch(&grid::insert(session, spec, &beside.id, first))?;
        }
        self.batch(&grid::evened(session, shape)).map(drop)
    }

    /// Shows a state in the pane's border.
    pub fn caption(&self, pane: &str, text: &str, tint: &str) -> Result<(), Failure> {
        self.captions(std::iter::once((pane, &Caption { text: text.to_owned(), tint: tint.to_owned() })))
    }

    /// Shows states in several panes' borders at once.
    pub fn captions<'a>(&self, all: impl Iterator<Item = (&'a str, &'a Caption)>) -> Result<(), Failure> {
        let mut commands = Vec::new();
        for (pane, Caption { text, tint }) in all {
            commands.extend(caption(target(pane)?, text, tint).map(|words| command(&words)));
        }
        if commands.is_empty() { Ok(()) } else { self.batch(&commands.join(" ; ")).map(drop) }
    }

    /// Shows one line to every terminal that is attached, for some seconds, and keeps it as the option `@alert`.
    pub fn announce(&self, text: &str) -> Result<(), Failure> {
        let text: String = quote::plain(text).replace('%', "");
        let clients = self.batch(&command(&["list-clients", "-F", "#{client_name}"]))?;
        let show = |client: &str| command(&["display-message", "-c", client, "-d", "15000", &text]);
        let keep = command(&["set-option", "-g", "@alert", &text]);
        let all: Vec<String> = std::iter::once(keep).chain(clients.lines().map(show)).collect();
        self.batch(&all.join(" ; ")).map(drop)
    }

    /// Reads what the pane shows.
    pub fn capture(&self, pane: &str) -> Result<String, Failure> {
        self.batch(&command(&["capture-pane", "-p", "-t", target(pane)?]))
    }

    /// Gives the argument vector that attaches the caller's terminal, also from inside another tmux.
    pub fn attach(&self, session: &str, pane: Option<&str>) -> Vec<OsString> {
        let mut argv: Vec<OsString> = ["/usr/bin/env", "-u", "TMUX", "-u", "TMUX_PANE"].map(OsString::from).into();
        argv.extend([self.program.clone().into(), "-S".into(), self.socket.clone().into(), "-f".into(), "/dev/null".into()]);
        argv.extend(["attach-session".into(), "-t".into(), format!("={session}").into()]);
        if let Some(pane) = pane {
            argv.extend([";", "select-pane", "-t", pane].map(OsString::from));
        }
        argv
    }

    /// Ends our server with everything in its panes' sessions and returns when all is gone; a server that does not listen is killed. Nobody may be
    /// starting panes meanwhile.
    pub fn stop(&self) -> Result<(), Failure> {
        const WHAT: &str = "cannot stop the tmux server";
        let Some(connection) = self.connect()? else { return Ok(()) };
        let pid = rustix::net::sockopt::socket_peercred(&connection).doing(WHAT)?.pid;
        let server = rustix::process::pidfd_open(pid, PidfdFlags::empty()).doing(WHAT)?;
        let sessions = session::Sessions::of(pid);
        // The server waits for every connection to end.
        drop(connection);
        let told = self.client(Path::new("/dev/null")).arg("kill-server").output().doing(WHAT)?;
        if !told.status.success() || !gone(&server, STOP_SECONDS).doing(WHAT)? {
            kill(&server).doing(WHAT)?;
            gone(&server, STOP_SECONDS).doing(WHAT)?;
        }
        sessions.end();
        Ok(())
    }

    /// Tells whether a server listens on our socket.
    pub fn runs(&self) -> Result<bool, Failure> {
        Ok(self.connect()?.is_some())
    }

    fn connect(&self) -> Result<Option<UnixStream>, Failure> {
        match UnixStream::connect(&self.socket) {
            Ok(connection) => Ok(Some(connection)),
            Err(why) if matches!(why.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => Ok(None),
            Err(why) => Err(Failure::new(format!("cannot reach the tmux socket {}", self.socket.display()), why)),
        }
    }

    /// Runs commands in tmux's own language on the running server, and answers what they print.
    fn batch(&self, commands: &str) -> Result<String, Failure> {
        let output = self.feed(&mut self.client(Path::new("/dev/null")), commands).doing("cannot run tmux")?;
        if !output.status.success() {
            return Err(Failure::new("tmux refused a command", complaint(&output)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Hands the commands over on standard input: tmux takes no more than 16 KiB as arguments, and twelve sandboxes have more.
    fn feed(&self, client: &mut Command, commands: &str) -> std::io::Result<Output> {
        let mut child = client.args(["source-file", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut input = child.stdin.take().ok_or(ErrorKind::BrokenPipe)?;
        let written = input.write_all(commands.as_bytes());
        drop(input);
        let output = child.wait_with_output()?;
        match written {
            Err(why) if why.kind() != ErrorKind::BrokenPipe => Err(why),
            _ => Ok(output),
        }
    }

    fn client(&self, config: &Path) -> Command {
        let mut command = self.bare();
        command.arg("-u").arg("-S").arg(&self.socket).arg("-f").arg(config);
        command
    }

    fn bare(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().current_dir("/").stdin(Stdio::null());
        command.envs([("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("SHELL", "/bin/sh"), ("PATH", "/usr/local/bin:/usr/bin:/bin")]);
        command
    }
}

fn caption<'a>(pane: &'a str, text: &str, tint: &'a str) -> [[String; 6]; 2] {
    let option = |name: &str, value: &str| ["set-option", "-p", "-t", pane, name, value].map(str::to_owned);
    [option("@state", &plain(text)), option("@tint", colour(tint))]
}

fn pane(line: &str) -> Option<Pane> {
    let mut fields = line.splitn(8, ':');
    let mut next = || fields.next();
    let (id, dead, exit, pid) = (next()?, next()?, next()?, next()?);
    let (width, height, seat, title) = (next()?, next()?, next()?, next()?);
    let (id, seat, title) = (id.to_owned(), seat.to_owned(), title.to_owned());
    let (pid, width, height) = (pid.parse().ok()?, width.parse().ok()?, height.parse().ok()?);
    Some(Pane { id, seat, title, dead: dead == "1", exit: exit.parse().ok(), pid, width, height })
}

/// Takes a pane id, and nothing that tmux would look up in another way.
fn target(pane: &str) -> Result<&str, Failure> {
    let number = pane.strip_prefix('%').is_some_and(|rest| (1..=9).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_digit()));
    if number { Ok(pane) } else { Err(Failure::new("cannot address a pane", format!("{pane:?} is not a pane id such as %3"))) }
}

fn complaint(output: &Output) -> String {
    let said = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
    let said = String::from_utf8_lossy(said).trim().to_owned();
    if said.is_empty() { output.status.to_string() } else { said }
}

fn gone(server: &impl std::os::fd::AsFd, seconds: i64) -> rustix::io::Result<bool> {
    let mut watched = [rustix::event::PollFd::new(server, rustix::event::PollFlags::IN)];
    let limit = rustix::event::Timespec { tv_sec: seconds, tv_nsec: 0 };
    rustix::io::retry_on_intr(|| rustix::event::poll(&mut watched, Some(&limit))).map(|ready| ready > 0)
}

fn kill(server: &impl std::os::fd::AsFd) -> rustix::io::Result<()> {
    match rustix::process::pidfd_send_signal(server, Signal::KILL) {
        Err(rustix::io::Errno::SRCH) => Ok(()),
        other => other,
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/bin", "/usr/local/bin"].map(PathBuf::from));
    let runnable = |file: &PathBuf| file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok();
    folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join(OsStr::new("tmux"))).find(runnable)
}

/// Reads `tmux 3.3a`, `tmux next-3.6`; a build from the main branch counts as new.
fn version(said: &str) -> Option<(u32, u32)> {
    let text = said.strip_prefix("tmux ")?;
    if text == "master" {
        return Some((u32::MAX, 0));
    }
    let (major, minor) = text.strip_prefix("next-").unwrap_or(text).split_once('.')?;
    let digits = minor.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor.len());
    Some((major.parse().ok()?, minor[..digits].parse().ok()?))
}
