//! The owner's page: the whole workshop in a browser, on loopback, while `orchestrate web` runs.
//!
//! The address that is printed carries a key behind its `#`, which a browser never sends by itself and keeps for this page alone. Whatever the page
//! asks for brings that key along; without it there is only an empty page. No cookie is set, so that no other page can act for the owner.

mod page;
mod route;
mod serve;

#[cfg(test)]
mod tests;

use crate::domain::failure::{Doing, Failure};
use crate::domain::name::{Digest, TaskId};
use crate::interface::client::Client;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::Dashboard;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::net::SocketAddr;

/// A task as the terminal would show it, and what the owner's code would be bound to where it waits for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub text: String,
    pub confirm: Option<Digest>,
}

/// How a task is told.
pub type Teller = dyn Fn(&TaskId) -> Result<Told, Trouble> + Send + Sync;

/// What the routes need.
struct Site {
    client: Client,
    /// Of the key: digests are compared, so that the time this takes tells nothing.
    key: Digest,
    tell: Box<Teller>,
}

/// Serves the page until a signal ends it; `ready` hears the address with its key once somebody listens there.
pub fn run(client: Client, listen: SocketAddr, tell: Box<Teller>, ready: impl FnOnce(&str)) -> Result<Exit, Trouble> {
    if !listen.ip().is_loopback() {
        let why = format!("{listen} is not loopback: the page and the codes typed into it would cross the network readable");
        return Err(Trouble::usage(why, "orchestrate web   (from afar: ssh -L 8300:127.0.0.1:8300 HOST)"));
    }
    // Whoever is not the owner is told so here, and not by an empty page.
    client.read::<Dashboard>(&Request::Dashboard { since: 0, wait: 0 })?;
    let key = key()?;
    let site = Site { client, key: Digest::of(key.as_bytes()), tell };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().doing("cannot serve the page")?;
    runtime.block_on(serve::serve(site, listen, |address| ready(&format!("http://{address}/#{key}"))))?;
    // Questions that still wait for news are not waited for.
    runtime.shutdown_background();
    Ok(Exit::Done)
}

/// 256 bits by chance, as they can stand in an address.
#[expect(clippy::disallowed_methods, reason = "the key is this page's alone: no decision and no entry comes from it")]
fn key() -> Result<String, Failure> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).doing("cannot make a key for the page")?;
    Ok(URL_SAFE_NO_PAD.encode(secret))
}
