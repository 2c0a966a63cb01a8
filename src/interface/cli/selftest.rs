mod html;
mod page;

use super::bootstrap::level;
use super::desk::{Desk, complain, json};
use crate::domain::attack::Outcome;
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::isolation::Isolation;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::door::{AttackRow, AttackStage, attack_catalogue};
use crate::supervisor::protocol::Response;
use page::Teller;
use serde::Serialize;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::signal::unix::{SignalKind, signal};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Attack this very installation, and see that everything holds.
///
/// Makes a throw-away repository and workshop with a state folder of its own, and tries every attack of the catalogue from
/// inside a real seat: with this program, on this machine, by your charter. What happened is judged from outside. Nothing
/// of yours is touched, and nothing stays. Ends with 1 when an attack gets through or cannot be judged, with 10 when the
/// wall cannot be put up.
///
/// Example: orchestrate selftest --group A,wall
#[derive(Debug, clap::Args)]
pub struct Selftest {
    /// Only these groups of the catalogue; all where none is named.
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    group: Vec<String>,
    /// Only these attacks.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    only: Vec<String>,
    /// The isolation to be attacked; `users` as root only. At `none` the wall's attacks get through: it shows that they are real ones.
    #[arg(long, value_name = "LEVEL", value_parser = ["users", "sandbox", "none"], default_value = "sandbox")]
    isolation: String,
    /// Answer as one HTML page that needs nothing beside it.
    #[arg(long, conflicts_with_all = ["json", "list"])]
    html: bool,
    /// Show the catalogue and try nothing.
    #[arg(long)]
    list: bool,
}

/// One attack: what was tried, what was expected, what happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    group: &'static str,
    id: String,
    about: String,
    /// The lowest level that promises to refuse it, and the one at which it was tried.
    level: Isolation,
    observed: Isolation,
    seat: String,
    tried: String,
    expected: String,
    outcome: Outcome,
    happened: String,
    output: String,
    milliseconds: u64,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    version: &'static str,
    level: Isolation,
    ok: bool,
    refused: usize,
    open: Vec<String>,
    not_promised: Vec<String>,
    through: Vec<String>,
    unjudged: Vec<String>,
    milliseconds: u64,
    attacks: Vec<Line>,
}

impl Selftest {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let rows = self.chosen(attack_catalogue()?)?;
        if self.list {
            return page::list(desk, &rows);
        }
        let since = Instant::now();
        let stage = lay_out(level(&self.isolation)?)?;
        let teller = Teller { desk, quiet: self.html || desk.json, unheard: Cell::default() };
        let fired = attack(&teller, &stage, &rows);
        rest_if_interrupted();
        stage.end()?;
        let report = Report::of(fired?, since);
        teller.finish(&match (self.html, desk.json) {
            (true, _) => html::page(&report),
            (false, true) => json(&Response::Done(serde_json::to_value(&report).map_err(|why| Trouble::Bug(why.to_string()))?)),
            (false, false) => page::summary(&report, &desk.paint),
        });
        Ok(if report.ok { Exit::Done } else { Exit::Refused })
    }

    /// The rows that were asked for; a name that is none is an error of usage, never an empty run that looks green.
    fn chosen(&self, all: Vec<AttackRow>) -> Result<Vec<AttackRow>, Trouble> {
        let same = |one: &String, other: &str| one.eq_ignore_ascii_case(other);
        let unknown = self.group.iter().find(|group| !all.iter().any(|row| same(group, row.group)));
        let unknown = unknown.or_else(|| self.only.iter().find(|id| !all.iter().any(|row| same(id, &row.attack.id))));
        if let Some(name) = unknown {
            return Err(Trouble::usage(format!("{name} is not in the catalogue"), "orchestrate selftest --list"));
        }
        let wanted = |row: &AttackRow| {
            let group = self.group.is_empty() || self.group.iter().any(|group| same(group, row.group));
            group && (self.only.is_empty() || self.only.iter().any(|id| same(id, &row.attack.id)))
        };
        let chosen: Vec<AttackRow> = all.into_iter().filter(wanted).collect();
        if chosen.is_empty() { Err(Trouble::usage("no attack is in all of that", "orchestrate selftest --list")) } else { Ok(chosen) }
    }
}

/// Starts the workshop and tries one attack after the other.
fn attack(teller: &Teller<'_>, stage: &AttackStage, rows: &[AttackRow]) -> Result<(Isolation, Vec<Line>), Failure> {
    let observed = stage.start()?;
    teller.head(observed, rows.len());
    let lines = rows.iter().map(|row| {
        let line = Line::of(row, observed, stage);
        teller.told(&line);
        line
    });
    Ok((observed, lines.collect()))
}

impl Line {
    fn of(row: &AttackRow, observed: Isolation, stage: &AttackStage) -> Self {
        let fired = stage.fire(row, observed);
        let attack = &row.attack;
        Self {
            group: row.group,
            id: attack.id.clone(),
            about: attack.about.clone(),
            level: attack.level,
            observed,
            seat: attack.seat.clone(),
            tried: attack.script.trim().to_owned(),
            expected: attack.expected(),
            outcome: fired.judgement.outcome,
            happened: fired.judgement.happened,
            output: fired.output,
            milliseconds: fired.milliseconds,
        }
    }
}

impl Report {
    fn of((level, attacks): (Isolation, Vec<Line>), since: Instant) -> Self {
        let of = |outcome: Outcome| -> Vec<String> {
            attacks.iter().filter(|line| line.outcome == outcome).map(|line| format!("{} {}", line.group, line.id)).collect()
        };
        let refused = of(Outcome::Refused).len();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            level,
            ok: refused == attacks.len() && refused > 0,
            refused,
            open: of(Outcome::Open),
            not_promised: of(Outcome::NotPromised),
            through: of(Outcome::Through),
            unjudged: of(Outcome::Unjudged),
            milliseconds: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
            attacks,
        }
    }
}

/// Lays the workshop out. An interrupt ends it too, not only this command, and one that comes meanwhile waits until it is whole.
fn lay_out(level: Isolation) -> Result<Arc<AttackStage>, Failure> {
    let place = Arc::new(Mutex::new(None));
    let mut held = place.lock().unwrap_or_else(PoisonError::into_inner);
    end_when_interrupted(&place)?;
    let stage = Arc::new(AttackStage::lay_out(level)?);
    *held = Some(Arc::clone(&stage));
    Ok(stage)
}

fn end_when_interrupted(place: &Arc<Mutex<Option<Arc<AttackStage>>>>) -> Result<(), Failure> {
    const WHAT: &str = "cannot watch for an interrupt";
    let place = Arc::clone(place);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().doing(WHAT)?;
    // Both are caught from here on, before there is anything to remove.
    let (mut pressed, mut terminated) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt()).doing(WHAT)?, signal(SignalKind::terminate()).doing(WHAT)?)
    };
    let watch = move || {
        let heard = runtime.block_on(async {
            tokio::select! {
                pressed = pressed.recv() => pressed,
                terminated = terminated.recv() => terminated,
            }
        });
        if heard.is_some() {
            INTERRUPTED.store(true, Ordering::SeqCst);
            complain("interrupted: the throw-away workshop is being removed");
            let stage = place.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(Err(failure)) = stage.map(|stage| stage.end()) {
                complain(&failure.to_string());
            }
            std::process::exit(i32::from(Exit::Interrupted.code()));
        }
    };
    std::thread::Builder::new().name("interrupt".to_owned()).spawn(watch).map(drop).doing(WHAT)
}

/// The other thread is ending the workshop, and then this process.
fn rest_if_interrupted() {
    while INTERRUPTED.load(Ordering::SeqCst) {
        std::thread::park();
    }
}
