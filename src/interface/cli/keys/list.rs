use super::super::desk::Desk;
use super::super::paint::{Cell, cell};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::Certificate;

/// List who holds which key.
///
/// Example: orchestrate keys list
#[derive(Debug, clap::Args)]
pub struct List {}

impl List {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.show(&Request::Certificates, |keys: &Vec<Certificate>, paint| {
            let rows: Vec<Vec<Cell>> = keys.iter().map(|key| vec![cell(key.holder.to_string()), cell(key.fingerprint.as_str())]).collect();
            if rows.is_empty() { "no keys\n".to_owned() } else { paint.table(&rows) }
        })
    }
}
