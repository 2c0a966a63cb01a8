//! Where the owner's tools really stand: found on the host, shown read-only inside.

use super::execute::Trouble;
use crate::edge::sandbox::Bind;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What may steer the search; nothing else of the supervisor's environment reaches a tool.
const HEARD: [&str; 9] =
    ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "PYENV_ROOT", "PYENV_VERSION", "GOROOT", "GOMODCACHE"];

/// Finds a program in the owner's `PATH`, in order.
pub(super) fn found(name: &str) -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    let folders: Vec<PathBuf> = env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    let name = name.to_owned();
    folders.into_iter().map(move |folder| folder.join(&name)).filter(|path| path.is_file())
}

pub(super) fn first(name: &str, install: &str) -> Result<PathBuf, Trouble> {
    found(name).next().ok_or_else(|| Trouble::Infrastructure(format!("{name} is not in PATH; fix: {install}")))
}

/// Asks a tool about itself, outside of any repository; gives the lines that it printed when it succeeded.
pub(super) fn ask(program: &Path, args: &[&str]) -> Option<Vec<String>> {
    let heard = HEARD.iter().filter_map(|name| env::var_os(name).map(|value| (*name, value)));
    let output =
        Command::new(program).args(args).env_clear().envs(heard).current_dir("/").stdin(Stdio::null()).stderr(Stdio::null()).output();
    let output = output.ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.lines().map(str::to_owned).collect())
}

/// Shows a folder under its own path, unless the sandbox has it anyway.
pub(super) fn shown(folder: &Path) -> Result<Option<Bind>, Trouble> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let whole = [Some(Path::new("/")), Some(Path::new("/home")), Some(Path::new("/root")), home.as_deref()];
    match folder {
        _ if folder.starts_with("/usr") => Ok(None),
        _ if !folder.is_absolute() || whole.contains(&Some(folder)) => {
            Err(Trouble::Infrastructure(format!("a toolchain at {} would show too much of the host", folder.display())))
        }
        _ => Ok(Some(Bind::read_only(folder, folder))),
    }
}

/// The `PATH` inside, with the tool's own folder first.
pub(super) fn path(first: &Path) -> String {
    format!("{}:/usr/local/bin:/usr/bin:/bin", first.display())
}
