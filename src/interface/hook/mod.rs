//! What git and the agents call: small programs that ask the supervisor, each by the name it is called by.
//!
//! No argument parser and no runtime: a hook runs at every commit. The gate's own hooks fail closed; client hooks are early,
//! friendly hints on which nothing rests.

mod commit_msg;
mod gpg;
mod guard;
mod mail_waiter;
mod offline;
mod pairs;
mod pkt;
mod post_commit;
mod pre_commit;
mod pre_push;
mod pre_receive;
mod proc_receive;
mod remote;
mod repo;
mod say;
mod session_start;
#[cfg(test)]
mod tests;
mod wire;

use std::ffi::OsString;

/// A hook: its name, and what runs.
struct Hook {
    name: &'static str,
    run: fn(&[OsString]) -> u8,
}

/// Programs of their own, by the name the binary is called by.
const PROGRAMS: &[Hook] = &[
    Hook { name: "git-remote-orchestrate", run: remote::run },
    Hook { name: "orchestrate-gpg", run: gpg::run },
    Hook { name: "pre-receive", run: pre_receive::run },
    Hook { name: "proc-receive", run: proc_receive::run },
    Hook { name: "pre-commit", run: pre_commit::run },
    Hook { name: "commit-msg", run: commit_msg::run },
    Hook { name: "pre-push", run: pre_push::run },
];

/// Called as `orchestrate hook <name>`.
const HOOKS: &[Hook] = &[
    Hook { name: "pre-commit", run: pre_commit::run },
    Hook { name: "commit-msg", run: commit_msg::run },
    Hook { name: "post-commit", run: post_commit::run },
    Hook { name: "pre-push", run: pre_push::run },
    Hook { name: "pre-receive", run: pre_receive::run },
    Hook { name: "proc-receive", run: proc_receive::run },
    Hook { name: "session-start", run: session_start::run },
    Hook { name: "guard", run: guard::run },
    Hook { name: "mail-waiter", run: mail_waiter::run },
];

/// Exit code for a hook nobody knows.
const USAGE: u8 = 2;

/// Runs the program that the binary was called as; `None` when the name is not one of ours.
pub fn by_name(name: &str, args: &[OsString]) -> Option<u8> {
    PROGRAMS.iter().find(|program| program.name == name).map(|program| (program.run)(args))
}

/// Runs `orchestrate hook <name> …`.
pub fn run(args: &[OsString]) -> u8 {
    let known = |name: &OsString| HOOKS.iter().find(|hook| name == hook.name);
    match args.split_first().and_then(|(name, rest)| known(name).map(|hook| (hook.run)(rest))) {
        Some(code) => code,
        None => {
            let names: Vec<&str> = HOOKS.iter().map(|hook| hook.name).collect();
            eprintln!("orchestrate: there is no such hook\nhint: orchestrate hook <{}>", names.join("|"));
            USAGE
        }
    }
}
