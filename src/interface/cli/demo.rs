mod proof;
mod story;

use super::bootstrap::{level, show};
use super::desk::{Desk, complain};
use super::paint::Look;
use super::{down, log};
use crate::domain::entry::Entry;
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::SeatName;
use crate::interface::client::quoted;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::door::{self, BootstrapOptions, DemoStage, Started};
use crate::supervisor::protocol::{Request, Response};
use crate::view::answer::{Entries, Opened, Outcome};
use crate::view::{SeatState, Status};
use proof::Proof;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use story::{Passed, Story, Told};
use tokio::signal::unix::{SignalKind, signal};

const TITLE: &str = "greet a guest who gives no name";
const BODY: &str = "`greet(\" \")` says \"Hello, !\". It should say \"Hello, stranger!\". Everything else stays as it is.";
/// How long one question waits for the next entry, and how long nothing at all may happen, in seconds.
const PATIENCE: u32 = 30;
const SILENCE: Duration = Duration::from_secs(300);
const PAGE: u32 = 500;
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Show one change pass all five gates, without an account.
///
/// A small project, twelve scripted seats, no model.
///
/// Makes a fresh folder with a small Rust project in the cache folder, starts a real workshop on it, and gives one task to
/// `dev-a`. The seats are driven by a script that uses the same commands as an agent. At the end it exports the history,
/// verifies it on a plain clone, shows that one changed byte is found, and stops the workshop.
///
/// Example: orchestrate demo --keep
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Leave the workshop running at the end, to look around in it.
    #[arg(long)]
    keep: bool,
    /// The isolation to insist on. Less than `sandbox` is used only when it is asked for here.
    #[arg(long, value_name = "LEVEL", value_parser = ["sandbox", "none"])]
    isolation: Option<String>,
}

/// What was played, for programs.
#[derive(Debug, Serialize)]
struct Played {
    folder: String,
    project: String,
    state: String,
    level: String,
    task: String,
    merge: String,
    gates: Vec<Passed>,
    refused: Vec<String>,
    home: String,
    proof: Proof,
    milliseconds: u64,
    running: bool,
}

impl Demo {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let since = Instant::now();
        let isolation = self.isolation.as_deref().map(level).transpose()?;
        let stage = door::demo_stage()?;
        let desk = Desk { repo: Some(stage.project.clone()), ..desk.clone() };
        announce(&desk, &stage);
        stop_when_interrupted(&desk)?;
        let agent = Some(stage.agent.clone());
        let options = BootstrapOptions { repo: stage.project.clone(), agent, agents: BTreeMap::new(), isolation, yes: true, passphrase: None };
        let started = door::bootstrap(&options, &mut |step| show(&desk, step))?;
        let played = play(&desk, &stage, &started, since);
        if INTERRUPTED.load(Ordering::SeqCst) {
            // The other thread is ending the workshop, and then this process.
            loop {
                std::thread::park();
            }
        }
        let keep = self.keep && played.is_ok();
        if !keep {
            down::stop(&desk)?;
        }
        let played = Played { running: keep, ..played.map_err(|trouble| pointed(trouble, &started))? };
        finish(&desk, &stage, &played)
    }
}

fn announce(desk: &Desk, stage: &DemoStage) {
    heading(desk, "One change through five gates: twelve scripted seats, no account, no model.");
    say(desk, &format!("  everything is in  {}\n\n", quoted(&stage.folder)));
}

/// Prints for people; `--json` has one report at the end instead.
fn say(desk: &Desk, text: &str) {
    if !desk.json {
        desk.say(text);
    }
}

fn heading(desk: &Desk, text: &str) {
    say(desk, &desk.paint.title(text));
}

/// An interrupt ends the workshop too, not only this command.
fn stop_when_interrupted(desk: &Desk) -> Result<(), Failure> {
    let desk = desk.clone();
    let what = "cannot watch for an interrupt";
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().doing(what)?;
    let watch = move || {
        if runtime.block_on(interrupted()).is_ok() {
            INTERRUPTED.store(true, Ordering::SeqCst);
            complain("interrupted: the workshop is being stopped");
            if let Err(trouble) = down::stop(&desk) {
                complain(&trouble.lines());
            }
            std::process::exit(i32::from(Exit::Interrupted.code()));
        }
    };
    std::thread::Builder::new().name("interrupt".to_owned()).spawn(watch).map(drop).doing(what)
}

/// Ends when somebody wants this command to end.
pub(super) async fn interrupted() -> std::io::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminated.recv() => Ok(()),
    }
}

/// A seat that has not answered would be waited for in vain.
fn all_there(desk: &Desk) -> Result<(), Trouble> {
    let status: Status = desk.read(&Request::Status)?;
    let silent: Vec<&str> = status.seats.iter().filter(|seat| seat.state != SeatState::Ready).map(|seat| seat.seat.as_str()).collect();
    match silent.as_slice() {
        [] => Ok(()),
        silent => Err(Failure::new("the demo cannot begin", format!("no answer from {}", silent.join(", "))).into()),
    }
}

fn play(desk: &Desk, stage: &DemoStage, started: &Started, since: Instant) -> Result<Played, Trouble> {
    let assign = Some(SeatName::new("dev-a").map_err(|why| Trouble::Bug(why.to_string()))?);
    all_there(desk)?;
    let from = log::length(desk)?;
    let opened: Opened = desk.read(&Request::TaskOpen { title: TITLE.to_owned(), body: BODY.to_owned(), assign })?;
    say(desk, "\n");
    heading(desk, &format!("{}  {TITLE}", opened.task));
    let mut story = Story::new(opened.task);
    follow(desk, from, &mut story)?;
    let home: Outcome = desk.read(&Request::Deliver)?;
    tell(desk, &Told::new("owner", Look::Plain, format!("takes the result home: {}", home.outcome)));
    say(desk, "\n");
    heading(desk, "Does it hold on another machine, without the supervisor?");
    let proof = proof::prove(desk, stage)?;
    for line in &proof.lines {
        say(desk, &desk.paint.wrapped(line, 2));
    }
    Ok(Played {
        folder: text(&stage.folder),
        project: text(&stage.project),
        state: text(&started.state),
        level: started.level.clone(),
        task: story.task.to_string(),
        merge: story.merge.map(|merge| merge.to_string()).unwrap_or_default(),
        gates: story.gates,
        refused: story.refused,
        home: home.outcome,
        proof,
        milliseconds: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
        running: true,
    })
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Tells the ledger's entries as they come, until the change is on the protected branch.
fn follow(desk: &Desk, mut next: u64, story: &mut Story) -> Result<(), Trouble> {
    let mut heard = Instant::now();
    while story.merge.is_none() {
        let page: Entries = desk.read(&Request::Ledger { from: next, most: PAGE, wait: PATIENCE })?;
        for text in &page.entries {
            let entry = Entry::parse(text.as_bytes()).map_err(|why| Trouble::Bug(format!("an unreadable entry: {why}")))?;
            story.hear(&entry)?.iter().for_each(|told| tell(desk, told));
        }
        next += page.entries.len() as u64;
        match page.entries.is_empty() {
            false => heard = Instant::now(),
            true if heard.elapsed() > SILENCE => return Err(silent(&story.task.to_string()).into()),
            true => {}
        }
    }
    Ok(())
}

fn silent(task: &str) -> Failure {
    Failure::new("the demo stands still", format!("nothing has happened to {task} for {} seconds", SILENCE.as_secs()))
}

/// One line of the story: who, and what; long ones are broken under themselves.
fn tell(desk: &Desk, told: &Told) {
    let lines = desk.paint.wrapped(&told.text, 16);
    let (_, rest) = lines.split_at_checked(16).unwrap_or(("", &lines));
    let rest: Vec<String> = rest.lines().map(|line| desk.paint.with(told.look, line)).collect();
    say(desk, &format!("  {:<13} {}\n", told.who, rest.join("\n")));
}

/// Adds where to look, unless the trouble says so itself.
fn pointed(trouble: Trouble, started: &Started) -> Trouble {
    match trouble {
        Trouble::Failed(failure) if failure.hint.is_empty() => {
            Trouble::Failed(failure.hint(format!("less {}", quoted(&started.state.join("supervisor.log")))))
        }
        other => other,
    }
}

fn finish(desk: &Desk, stage: &DemoStage, played: &Played) -> Result<Exit, Trouble> {
    if desk.json {
        let value = serde_json::to_value(played).map_err(|why| Trouble::Bug(why.to_string()))?;
        desk.say_json(&Response::Done(value));
        return Ok(Exit::Done);
    }
    let seconds = played.milliseconds / 1000;
    desk.say("\n");
    desk.say(&desk.paint.with(Look::Good, &format!("All five gates in {seconds} s; {} refusals on record.", played.refused.len())));
    desk.say("\n\nWhat next\n");
    let there = quoted(&stage.project);
    let (clone, bundle) = (quoted(&stage.folder.join("clone")), quoted(&stage.folder.join("history.bundle")));
    let look = match played.running {
        true => vec![
            (format!("orchestrate -C {there} attach"), "the twelve panes (prefix d leaves them)"),
            (format!("orchestrate -C {there} gate show {}", played.task), "every check with what it saw"),
            (format!("orchestrate -C {there} log -n 0"), "the whole ledger, one line per entry"),
            (format!("orchestrate -C {there} down"), "stop it"),
        ],
        false => vec![("orchestrate demo --keep".to_owned(), "the same, and the workshop goes on")],
    };
    let rest = [
        (format!("orchestrate verify {clone} --bundle {bundle}"), "judge the history yourself"),
        ("orchestrate bootstrap <your repository>".to_owned(), "with real agents; needs `claude`, or --agent CMD"),
        (format!("rm -r {} {}", quoted(&stage.folder), quoted(Path::new(&played.state))), "remove this demo"),
    ];
    for (command, what) in look.into_iter().chain(rest) {
        desk.say(&format!("  {}\n      {command}\n", desk.paint.with(Look::Dim, what)));
    }
    Ok(Exit::Done)
}
