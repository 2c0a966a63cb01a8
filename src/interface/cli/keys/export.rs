use super::super::desk::Desk;
use crate::domain::actor::Party;
use crate::domain::refusal::Refusal;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::{Request, Response};
use crate::view::Certificate;

/// Print certificates in OpenPGP armor, ready for stock gpg.
///
/// Private keys never leave the supervisor.
///
/// Example: orchestrate keys export dev-a gatekeeper | gpg --import
#[derive(Debug, clap::Args)]
pub struct Export {
    /// `owner`, `gatekeeper` or seats; all when none is named.
    #[arg(value_name = "HOLDER")]
    holders: Vec<Party>,
}

impl Export {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let all: Vec<Certificate> = desk.read(&Request::Certificates)?;
        if let Some(nobody) = self.holders.iter().find(|holder| !all.iter().any(|key| key.holder == **holder)) {
            return Err(Refusal::new("no-such-holder", format!("{nobody} has no key here"), "orchestrate keys list").into());
        }
        let wanted: Vec<&Certificate> = all.iter().filter(|key| self.holders.is_empty() || self.holders.contains(&key.holder)).collect();
        if desk.json {
            desk.say_json(&Response::Done(serde_json::to_value(&wanted).map_err(|why| Trouble::Bug(why.to_string()))?));
        } else {
            wanted.iter().for_each(|key| desk.say(&format!("{}\n", key.armored.trim_end())));
        }
        Ok(Exit::Done)
    }
}
