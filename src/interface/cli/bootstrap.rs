use super::attach::become_grid;
use super::desk::{Desk, complain};
use super::paint::{Look, cell, looking};
use super::passphrase::{self, Source};
use super::prompt;
use crate::domain::failure::Failure;
use crate::domain::isolation::Isolation;
use crate::domain::name::SeatName;
use crate::interface::client::quoted;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::door::{self, AtRest, BootstrapOptions, Passphrase, Started};
use crate::supervisor::protocol::{Request, Response, Step, StepState};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Start a repository's workshop, or resume it.
///
/// A second start resumes: nothing is done twice and nothing is lost, after a crash or a reboot too. Prints each step as it is done and ends attached to the grid of panes when a terminal is there.
/// The repository itself is not changed: seats work in clones of their own.
///
/// Example: orchestrate bootstrap ~/src/project
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  orchestrate bootstrap .\n  orchestrate bootstrap . --agent 'claude --model opus' --agent docs='codex'\n  orchestrate bootstrap . --detach --json"
)]
pub struct Bootstrap {
    /// The repository; without one: that of the current folder, else a choice of known ones.
    #[arg(value_name = "REPO", value_hint = clap::ValueHint::DirPath)]
    target: Option<PathBuf>,
    /// The agent's command, for all seats (CMD) or for one (SEAT=CMD); may be given several times.
    #[arg(long, value_name = "[SEAT=]CMD")]
    agent: Vec<String>,
    /// The isolation to insist on. Less than `sandbox` is used only when it is asked for here.
    #[arg(long, value_name = "LEVEL", value_parser = ["users", "sandbox", "none"])]
    isolation: Option<String>,
    /// Do not attach to the grid at the end.
    #[arg(long)]
    detach: bool,
    /// Ask nothing.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    passphrase: Source,
}

impl Bootstrap {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let repo = self.repository(desk)?;
        let (agent, agents) = agents(&self.agent)?;
        let isolation = self.isolation.as_deref().map(level).transpose()?;
        let options = BootstrapOptions { repo: repo.clone(), agent, agents, isolation, yes: self.yes, passphrase: self.passphrase(&repo)? };
        let started = door::bootstrap(&options, &mut |step| show(desk, step))?;
        let attach = !self.detach && !desk.json && std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
        finish(desk, &repo, &started, attach)
    }

    /// Sealed keys want a passphrase; a first start offers to seal them. Without one they lie unencrypted, and the start says so.
    fn passphrase(&self, repo: &Path) -> Result<Option<Passphrase>, Trouble> {
        const OFFER: &str = "A passphrase seals the workshop's keys on disk; every start asks for it. Empty: they lie unencrypted.\nPassphrase: ";
        let given = self.passphrase.given()?;
        match door::keys_at_rest(repo)? {
            _ if given.is_some() => Ok(given),
            AtRest::Sealed => passphrase::asked(),
            AtRest::None if !self.yes => passphrase::chosen(OFFER),
            AtRest::None | AtRest::Plain | AtRest::Open => Ok(None),
        }
    }

    fn repository(&self, desk: &Desk) -> Result<PathBuf, Trouble> {
        match self.target.as_ref().or(desk.repo.as_ref()) {
            Some(named) => found(named),
            None => match door::find_repository(Path::new(".")) {
                Some(here) => Ok(here),
                None => choose(&door::known()),
            },
        }
    }
}

fn found(named: &Path) -> Result<PathBuf, Trouble> {
    door::find_repository(named).ok_or_else(|| {
        let hint = if named.is_dir() {
            format!("git init {0} && git -C {0} commit --allow-empty -m start", quoted(named))
        } else {
            "orchestrate bootstrap <a folder with a git repository>".to_owned()
        };
        Failure::new(format!("no git repository at {}", named.display()), "there is none there nor in a folder above").hint(hint).into()
    })
}

/// Lets a person choose; without one it is an error of usage, never a wait.
fn choose(known: &[PathBuf]) -> Result<PathBuf, Trouble> {
    let hint = "orchestrate bootstrap <repo>";
    if known.is_empty() {
        return Err(Trouble::usage("no repository was named, and the current folder is in none", hint));
    }
    let list: String = known.iter().enumerate().map(|(at, repo)| format!("  {}  {}\n", at + 1, repo.display())).collect();
    let Some(answer) = prompt::ask(&format!("Known repositories:\n{list}Which one? [1-{}] ", known.len()))? else {
        return Err(Trouble::usage("no repository was named, and there is no terminal to choose at", hint));
    };
    let chosen = answer.parse::<usize>().ok().and_then(|number| known.get(number.wrapping_sub(1)));
    chosen.cloned().ok_or_else(|| Trouble::usage(format!("{answer:?} is none of them"), hint))
}

/// `SEAT=CMD` names a seat; what stands before another `=` is part of the command, as in `FOO=1 claude`.
fn agents(given: &[String]) -> Result<(Option<String>, BTreeMap<SeatName, String>), Trouble> {
    let (mut common, mut single) = (None, BTreeMap::new());
    for text in given {
        let seat = text.split_once('=').and_then(|(seat, command)| SeatName::new(seat).ok().map(|seat| (seat, command)));
        let (command, twice) = match seat {
            Some((seat, command)) => (command, single.insert(seat, command.to_owned()).is_some()),
            None => (text.as_str(), common.replace(text.clone()).is_some()),
        };
        if command.trim().is_empty() || twice {
            return Err(Trouble::usage(
                format!("--agent {text:?} is empty or given twice"),
                "orchestrate bootstrap --agent claude --agent docs=codex",
            ));
        }
    }
    Ok((common, single))
}

pub fn level(word: &str) -> Result<Isolation, Trouble> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).map_err(|why| Trouble::usage(why.to_string(), "--isolation sandbox"))
}

pub fn show(desk: &Desk, step: &Step) {
    if desk.json {
        return desk.say_json(step);
    }
    let paint = &desk.paint;
    let mark = match step.state {
        StepState::Done | StepState::Ready => paint.mark(true),
        StepState::Failed => paint.mark(false),
    };
    let name = format!("{:<18}", crate::view::text::clip(&step.name, 18));
    let took = format!("{:>7} ms", step.milliseconds);
    desk.say(&paint.told(&[vec![mark, cell(name), looking(Look::Dim, took), cell(&step.detail)]]));
}

fn finish(desk: &Desk, repo: &Path, started: &Started, attach: bool) -> Result<Exit, Trouble> {
    if desk.json {
        let value = serde_json::to_value(started).map_err(|why| Trouble::Bug(why.to_string()))?;
        desk.say_json(&Response::Done(value));
        return Ok(Exit::Done);
    }
    let there = quoted(repo);
    desk.say(&format!("\nThe workshop {} runs, isolation {}.\n", started.workshop, started.level));
    desk.say(&format!("  orchestrate -C {there} task open 'what is to be done'\n  orchestrate -C {there} status\n"));
    if attach {
        let asked = Desk { repo: Some(repo.to_path_buf()), ..desk.clone() };
        return become_grid(&asked, &Request::Attach { seat: None });
    }
    complain(&format!("to see the seats: orchestrate -C {there} attach"));
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Split = (Option<String>, Vec<(String, String)>);

    fn split(given: &[&str]) -> Option<Split> {
        let given: Vec<String> = given.iter().map(|text| (*text).to_owned()).collect();
        let (common, single) = agents(&given).ok()?;
        Some((common, single.into_iter().map(|(seat, command)| (seat.to_string(), command)).collect()))
    }

    #[test]
    fn agents_for_all_and_for_one() {
        let one = |seat: &str, command: &str| vec![(seat.to_owned(), command.to_owned())];
        assert_eq!(split(&["claude", "docs=codex --x=1"]), Some((Some("claude".into()), one("docs", "codex --x=1"))));
        assert_eq!(split(&["FOO=1 claude"]), Some((Some("FOO=1 claude".into()), Vec::new())));
        assert_eq!(split(&["/bin/x --a=b"]), Some((Some("/bin/x --a=b".into()), Vec::new())));
        for bad in [&["a", "b"][..], &["docs=a", "docs=b"], &["docs="], &[""]] {
            assert_eq!(split(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn without_a_terminal_nothing_is_asked() {
        assert!(matches!(choose(&[]), Err(Trouble::Usage { .. })));
    }
}
