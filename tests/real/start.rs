//! The start: no dialog, whatever the credential; and a client that cannot be used is said to be so.

use super::{SEAT, after_mail, one, turn};
use crate::attacks::fleet::shows;
use crate::world::model::{KEY, Model};

#[test]
fn the_client_starts_without_a_dialog_reaches_its_model_and_knows_its_tools() {
    let Some(world) = one(Model::start()) else { return };
    let heard = world.brain().wait_heard(|text| turn(text) && text.contains("orchestrate whoami"));
    assert!(heard.contains("user-agent: claude-cli/") && heard.contains(&format!("x-api-key: {KEY}\r\n")), "{}", &heard[..1000]);
    assert!(heard.contains("The supervisor says who you are"), "what the hook said");
    shows(&world, SEAT, "idle");
    // The first turn does not wait for the tools; the next one has them.
    let heard = after_mail(&world);
    for known in ["mcp__orchestrate__whoami", "mcp__orchestrate__submit", "work in your clone, push with git"] {
        assert!(heard.contains(known), "{known}");
    }
}
