//! The system's accounts: made for seats, and taken away again.

use crate::domain::failure::{Doing as _, Failure};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What every account of ours says of itself; nothing without it is ever taken away.
const MARK: &str = "a seat of orchestrate";

/// Whether this process may make accounts.
pub fn may() -> bool {
    rustix::process::geteuid().is_root()
}

/// The number of an account that is there and ours; none where there is none.
pub fn number(name: &str) -> Result<Option<u32>, Failure> {
    let said = run("getent", &["passwd", name])?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let Some(line) = text.lines().next() else { return Ok(None) };
    let fields: Vec<&str> = line.split(':').collect();
    match (fields.get(2).and_then(|text| text.parse().ok()), fields.get(4)) {
        (Some(number), Some(about)) if *about == MARK && number > 0 => Ok(Some(number)),
        _ => {
            let why = "there is an account of that name that is none of ours";
            Err(Failure::new(format!("cannot use the account {name}"), why).hint(format!("getent passwd {name}")))
        }
    }
}

/// Makes an account that nobody can log in to, or takes it as it is; gives its number.
pub fn make(name: &str) -> Result<u32, Failure> {
    if let Some(number) = number(name)? {
        return Ok(number);
    }
    let words = ["--system", "--gid", "65534", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", "--comment", MARK, name];
    well(run("useradd", &words)?, &format!("cannot make the account {name}"))?;
    number(name)?.ok_or_else(|| Failure::new(format!("cannot make the account {name}"), "useradd made none"))
}

/// Takes an account of ours away; one that is gone already is no trouble.
pub fn remove(name: &str) -> Result<(), Failure> {
    if number(name)?.is_none() {
        return Ok(());
    }
    well(run("userdel", &[name])?, &format!("cannot remove the account {name}"))
}

fn run(program: &str, words: &[&str]) -> Result<Output, Failure> {
    let what = format!("cannot run {program}");
    let places = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(|folder| Path::new(folder).join(program));
    let found: Option<PathBuf> = places.into_iter().find(|path| path.is_file());
    let path = found.ok_or_else(|| Failure::new(&what, "it is not installed").hint("sudo apt-get install passwd"))?;
    let mut command = Command::new(path);
    command.args(words).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").current_dir("/").stdin(Stdio::null());
    command.output().doing(what)
}

fn well(said: Output, what: &str) -> Result<(), Failure> {
    if said.status.success() { Ok(()) } else { Err(Failure::new(what, String::from_utf8_lossy(&said.stderr).trim())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_is_not_ours_is_neither_used_nor_removed() {
        assert_eq!(number("no-such-account-here").unwrap(), None);
        for name in ["root", "daemon"] {
            assert!(number(name).unwrap_err().why.contains("none of ours"));
            assert!(make(name).is_err() && remove(name).is_err());
        }
        remove("no-such-account-here").unwrap();
    }
}
