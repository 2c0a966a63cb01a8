use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::interface::rows::Skin;
use crate::interface::tui;

/// Watch the whole workshop on one screen, as it happens.
///
/// Seats, tasks on their way through the gates, mail, locks, alerts and the ledger's end. Tab goes from panel to panel,
/// Enter attaches to a seat, / searches, F freezes after asking twice, ? tells all keys, q leaves; the workshop goes on.
///
/// Example: orchestrate dashboard
#[derive(Debug, clap::Args)]
pub struct Dashboard {}

impl Dashboard {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        if desk.json {
            return Err(Trouble::usage("a dashboard is for people", "orchestrate status --json"));
        }
        let skin = Skin { colour: desk.paint.colour, unicode: desk.paint.unicode };
        tui::run(&desk.client()?, skin)
    }
}
