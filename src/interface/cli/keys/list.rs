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
            let end = |key: &Certificate| key.revoked.as_ref().map_or_else(String::new, |(seq, why)| format!("revoked at entry {seq}: {why}"));
            let row = |key: &Certificate| vec![cell(key.holder.to_string()), cell(key.fingerprint.as_str()), cell(end(key))];
            let rows: Vec<Vec<Cell>> = keys.iter().map(row).collect();
            if rows.is_empty() { "no keys\n".to_owned() } else { paint.table(&rows) }
        })
    }
}
