//! The first process inside: puts up the walls that `bwrap` does not have, then becomes the program.

use super::{Inside, Walls, become_program, filter, forward, limit, told};
use crate::domain::failure::{Doing, Failure};
use landlock::{
    ABI, Access, AccessFs, BitFlags, PathBeneath, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, Scope,
    path_beneath_rules,
};
use std::convert::Infallible;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::fd::AsFd;

/// Folders that every sandbox may write besides its own binds.
const SCRATCH: [&str; 3] = ["/dev", "/tmp", "/run"];

pub(super) fn enter(args: &[OsString]) -> Result<Infallible, Failure> {
    let (inside, program) = told::<Inside>(args)?;
    limit::close_inherited()?;
    std::env::set_current_dir(&inside.chdir).doing(format!("cannot enter {}", inside.chdir.display()))?;
    let listeners = forward::listen(&inside.forwards)?;
    limit::apply(&inside.limits, inside.walls != Walls::Advisory)?;
    rustix::thread::set_no_new_privs(true).doing("cannot give up new privileges")?;
    wall(&inside)?;
    forward::start(listeners)?;
    limit::apply_cpu(&inside.limits)?;
    limit::on_interrupt(libc::SIG_DFL)?;
    Err(become_program(program))
}

fn wall(inside: &Inside) -> Result<(), Failure> {
    match inside.walls {
        Walls::Advisory => Ok(()),
        Walls::Nested => own_keyring().and_then(|()| filter::install(false)),
        Walls::Hard => {
            own_keyring()?;
            landlocked(inside).doing("cannot restrict file access with Landlock")?;
            if inside.has("system-calls") { filter::install(true) } else { Ok(()) }
        }
    }
}

/// Leaves the session keyring that came from outside; without key support, or where keys are already refused, there is none to leave.
fn own_keyring() -> Result<(), Failure> {
    const JOIN_SESSION_KEYRING: libc::c_long = 1;
    // SAFETY: a null name asks for a fresh keyring; no memory is handed over.
    let end = unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, std::ptr::null::<libc::c_char>()) };
    let why = std::io::Error::last_os_error();
    match (end, why.raw_os_error()) {
        (0.., _) | (_, Some(libc::ENOSYS | libc::EPERM)) => Ok(()),
        _ => Err(Failure::new("cannot leave the session keyring", why)),
    }
}

/// A second wall behind the read-only mounts: nothing is written outside the folders meant for it, and nothing can be mounted.
fn landlocked(inside: &Inside) -> Result<(), RulesetError> {
    let abi = ABI::V6;
    let writable = inside.writable.iter().map(|path| path.as_os_str()).chain(SCRATCH.iter().map(AsRef::as_ref));
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(["/"], AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(writable, AccessFs::from_all(abi)))?;
    terminals(rules, AccessFs::from_file(abi))?.restrict_self().map(drop)
}

/// The terminal was opened outside; without a rule of its own, `echo >/dev/stderr` would be refused.
fn terminals(rules: RulesetCreated, access: BitFlags<AccessFs>) -> Result<RulesetCreated, RulesetError> {
    let (input, output, errors) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let open = [(input.is_terminal(), input.as_fd()), (output.is_terminal(), output.as_fd()), (errors.is_terminal(), errors.as_fd())];
    let terminals = open.into_iter().filter(|(is_terminal, _)| *is_terminal);
    terminals.map(|(_, fd)| PathBeneath::new(fd, access)).try_fold(rules, RulesetCreated::add_rule)
}
