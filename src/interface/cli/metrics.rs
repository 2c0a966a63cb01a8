use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::answer::Note;

/// Print the workshop's figures as Prometheus reads them.
///
/// The same page is at /metrics of the owner's socket and, where [metrics] asks for it, on loopback: docs/metrics.md.
///
/// Example: orchestrate metrics
#[derive(Debug, clap::Args)]
pub struct Metrics {}

impl Metrics {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.show(&Request::Metrics, |note: &Note, _| note.text.clone())
    }
}
