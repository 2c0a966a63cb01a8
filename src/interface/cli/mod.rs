//! The command line: one file per command; the doc comment of a command is its help.

mod attach;
mod audit;
mod bootstrap;
mod bundle;
mod completions;
mod config;
mod dashboard;
mod deliver;
mod demo;
mod deploy;
mod desk;
mod doctor;
mod down;
mod explain;
mod freeze;
mod gate;
mod keys;
mod ledger;
mod lock;
mod log;
mod mail;
mod man;
mod mcp;
mod metrics;
mod motion;
mod paint;
mod passphrase;
mod prompt;
mod receipt;
mod report;
mod review;
mod selftest;
mod status;
mod task;
mod thaw;
mod totp;
mod users;
mod verify;
mod web;
mod whoami;
mod witness;

#[cfg(test)]
mod tests;

use crate::interface::exit::{Exit, MEANINGS, Trouble};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use desk::Desk;
pub use desk::complain;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::PathBuf;

/// The heading of the options that every command has.
const GLOBAL: &str = "Everywhere";

/// Twelve coding agents on one git repository, with gates that none of them can bypass.
///
/// A change reaches the protected branch only through RED -> GREEN -> PEER -> QA -> DEPLOY, decided by a supervisor
/// that no seat can touch. Everything that happens is recorded and can be verified offline.
#[derive(Debug, Parser)]
#[command(name = "orchestrate", version, max_term_width = 100, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    /// The repository whose workshop is meant; else the one that holds the current folder.
    #[arg(short = 'C', long, global = true, help_heading = GLOBAL, value_name = "PATH", value_hint = clap::ValueHint::DirPath)]
    repo: Option<PathBuf>,
    /// Answer as JSON: {"done": …}, {"refused": …} or {"failed": …}.
    #[arg(long, global = true, help_heading = GLOBAL)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Bootstrap(bootstrap::Bootstrap),
    Status(status::Status),
    Attach(attach::Attach),
    Dashboard(dashboard::Dashboard),
    Web(web::Web),
    Log(log::Log),
    #[command(subcommand)]
    Task(task::Task),
    #[command(subcommand)]
    Review(review::Review),
    #[command(subcommand)]
    Motion(motion::Motion),
    #[command(subcommand)]
    Gate(gate::Gate),
    #[command(subcommand)]
    Mail(mail::Mail),
    #[command(subcommand)]
    Lock(lock::Lock),
    Whoami(whoami::Whoami),
    Deliver(deliver::Deliver),
    #[command(subcommand)]
    Deploy(deploy::Deploy),
    Freeze(freeze::Freeze),
    Thaw(thaw::Thaw),
    Down(down::Down),
    #[command(subcommand)]
    Report(report::Report),
    Metrics(metrics::Metrics),
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    Bundle(bundle::Bundle),
    Verify(verify::Verify),
    #[command(subcommand)]
    Witness(witness::Witness),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(subcommand)]
    Receipt(receipt::Receipt),
    #[command(subcommand)]
    Keys(keys::Keys),
    #[command(subcommand)]
    Users(users::Users),
    #[command(subcommand)]
    Totp(totp::Totp),
    #[command(subcommand)]
    Config(config::Config),
    Doctor(doctor::Doctor),
    Selftest(selftest::Selftest),
    Explain(explain::Explain),
    Mcp(mcp::Mcp),
    Hook(Hook),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Run a git or agent hook by its name.
///
/// Called by the shims in git-hooks/ and by the agents' own settings. Quickest as a link, without a shell between:
/// `ln -s "$(command -v orchestrate)" .git/hooks/pre-commit` (also commit-msg and pre-push).
///
/// Example: orchestrate hook pre-commit
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
struct Hook {
    /// pre-commit, commit-msg, post-commit, pre-push, pre-receive, proc-receive, session-start, guard or mail-waiter.
    name: OsString,
    /// What git or the agent hands to the hook.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARG")]
    args: Vec<OsString>,
}

impl Command {
    fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::Demo(command) => command.run(desk),
            Self::Bootstrap(command) => command.run(desk),
            Self::Status(command) => command.run(desk),
            Self::Attach(command) => command.run(desk),
            Self::Dashboard(command) => command.run(desk),
            Self::Web(command) => command.run(desk),
            Self::Log(command) => command.run(desk),
            Self::Task(command) => command.run(desk),
            Self::Review(command) => command.run(desk),
            Self::Motion(command) => command.run(desk),
            Self::Gate(command) => command.run(desk),
            Self::Mail(command) => command.run(desk),
            Self::Lock(command) => command.run(desk),
            Self::Whoami(command) => command.run(desk),
            Self::Deliver(command) => command.run(desk),
            Self::Deploy(command) => command.run(desk),
            Self::Freeze(command) => command.run(desk),
            Self::Thaw(command) => command.run(desk),
            Self::Down(command) => command.run(desk),
            Self::Report(command) => command.run(desk),
            Self::Metrics(command) => command.run(desk),
            Self::Ledger(command) => command.run(desk),
            Self::Bundle(command) => command.run(desk),
            Self::Verify(command) => command.run(desk),
            Self::Witness(command) => command.run(desk),
            Self::Audit(command) => command.run(desk),
            Self::Receipt(command) => command.run(desk),
            Self::Keys(command) => command.run(desk),
            Self::Users(command) => command.run(desk),
            Self::Totp(command) => command.run(desk),
            Self::Config(command) => command.run(desk),
            Self::Doctor(command) => command.run(desk),
            Self::Selftest(command) => command.run(desk),
            Self::Explain(command) => command.run(desk),
            Self::Mcp(command) => command.run(desk),
            Self::Hook(hook) => hook.end(),
            Self::Completions(command) => command.run(desk),
            Self::Man(command) => command.run(desk),
        }
    }
}

impl Hook {
    /// Ends the process with the hook's own exit code.
    fn end(self) -> ! {
        let args: Vec<OsString> = std::iter::once(self.name).chain(self.args).collect();
        std::process::exit(i32::from(crate::interface::hook::run(&args)))
    }
}

/// The whole command tree, with the exit codes at its end.
fn tree() -> clap::Command {
    let codes: Vec<String> = MEANINGS.iter().map(|(exit, meaning)| format!("  {:>2}  {meaning}", exit.code())).collect();
    let start = "Start here:\n  orchestrate demo                 see one change pass all five gates, without an account\n  orchestrate doctor               is everything there?\n  orchestrate bootstrap <repo>     start the workshop\n  orchestrate task open '...'      give it work\n  orchestrate status               see what happens, and what waits for you";
    Cli::command().after_help(format!("{start}\n\nExit codes:\n{}", codes.join("\n")))
}

/// Parses a command line and runs it.
pub fn parse(args: &[OsString]) -> Exit {
    let line = std::iter::once(OsString::from("orchestrate")).chain(args.iter().cloned());
    let parsed = tree().try_get_matches_from(line).and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => {
            let desk = Desk::new(cli.repo, cli.json);
            end(&desk, cli.command.run(&desk))
        }
        Err(error) => misread(&error),
    }
}

/// What the parser has to say: help and version are answers, all else is usage. A closed pipe is nobody's error.
fn misread(error: &clap::Error) -> Exit {
    let printed = error.print();
    match (error.use_stderr(), printed) {
        (false, _) => Exit::Done,
        (true, Ok(()) | Err(_)) => Exit::Usage,
    }
}

/// Runs a command line as with `--json`; gives what it would print, and how it would end. It may not read standard input.
fn quietly(repo: Option<PathBuf>, args: &[String]) -> (Exit, Value) {
    let line = std::iter::once("orchestrate".to_owned()).chain(args.iter().cloned());
    let parsed = tree().try_get_matches_from(line).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return (Exit::Usage, json!({"usage": error.render().to_string()})),
    };
    let desk = Desk::quiet(repo);
    match cli.command.run(&desk) {
        Ok(exit) => (exit, desk.said()),
        Err(trouble) => {
            let said = trouble.response().and_then(|response| serde_json::to_value(response).ok());
            (trouble.exit(), said.unwrap_or_else(|| json!({"usage": trouble.lines()})))
        }
    }
}

fn end(desk: &Desk, result: Result<Exit, Trouble>) -> Exit {
    match result {
        Ok(exit) => exit,
        Err(trouble) => {
            if let Some(response) = trouble.response().filter(|_| desk.json) {
                desk.say_json(&response);
            }
            complain(&crate::view::text::lines(&trouble.lines()));
            trouble.exit()
        }
    }
}

/// The fast way to `--version`, without the parser.
pub fn version() -> Exit {
    desk::say(concat!("orchestrate ", env!("CARGO_PKG_VERSION"), "\n"));
    Exit::Done
}

/// The fast way to `whoami`, without the parser.
pub fn whoami(json: bool) -> Exit {
    let desk = Desk::new(None, json);
    end(&desk, whoami::Whoami {}.run(&desk))
}
