//! `post-commit`: tells the supervisor that a seat committed. A hint for people who watch; it never fails and never waits long.

use super::repo::Repo;
use super::wire;
use crate::domain::failure::Failure;
use crate::supervisor::protocol::Request;
use std::ffi::OsString;
use std::time::Duration;

/// A commit is not held up longer than this for a supervisor that hangs.
const PATIENCE: Duration = Duration::from_millis(500);

pub(super) fn run(_: &[OsString]) -> u8 {
    let socket = wire::seat_socket();
    if let (true, Ok(detail)) = (socket.exists(), detail()) {
        // Nobody to hear it is as good as nobody there.
        drop(wire::call(&socket, &Request::Hook { name: "post-commit".to_owned(), detail }, PATIENCE));
    }
    0
}

fn detail() -> Result<String, Failure> {
    let head = Repo::here()?.head()?;
    let branch = head.branch.as_deref().map_or("detached", |name| name.strip_prefix("refs/heads/").unwrap_or(name));
    Ok(format!("{} {branch}", head.commit.as_deref().unwrap_or_default()))
}
