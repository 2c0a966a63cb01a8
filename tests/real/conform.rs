//! What holds of the fake agent, by which the default suite is judged, holds of the real client too: the same functions, the same stories.

use super::program;
use crate::attacks::fleet;
use crate::stories::told;

#[test]
fn the_real_client_comes_back_as_the_fake_one_does() {
    let Some(client) = program() else { return };
    for (what, hold) in fleet::EVERY {
        eprintln!("with the real client: {what}");
        hold(fleet::world().with_client(&client));
    }
}

#[test]
fn the_stories_of_mail_and_of_refusals_come_true_with_the_real_client() {
    let Some(client) = program() else { return };
    for story in ["refused.md", "resume.md"] {
        told(story, |world| world.with_client(&client));
    }
}
