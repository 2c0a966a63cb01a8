//! The start: one command and no dialog, whatever the credential; and a client that cannot be used is said to be so.

use super::{SEAT, after_mail, one, program, starts, turn};
use crate::attacks::fleet::shows;
use crate::world::World;
use crate::world::model::{KEY, Model};
use std::os::unix::fs::PermissionsExt as _;

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

#[test]
fn no_credential_of_the_owners_brings_a_dialog() {
    let Some(client) = program() else { return };
    for name in ["ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CONFIG_DIR"] {
        let mut world = World::python().with_brain(Model::start());
        world.set("ANTHROPIC_API_KEY", "");
        let mine = world.path("mine");
        match name {
            "CLAUDE_CONFIG_DIR" => {
                let file = mine.join(".credentials.json");
                std::fs::create_dir(&mine).unwrap();
                std::fs::write(&file, format!(r#"{{"claudeAiOauth":{{"accessToken":"{KEY}"}}}}"#)).unwrap();
                std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
                world.set(name, mine.to_str().unwrap());
            }
            _ => world.set(name, KEY),
        }
        starts(&world, &client);
        let heard = world.brain().wait_heard(|text| turn(text) && text.contains("orchestrate whoami"));
        assert!(heard.contains(&format!("authorization: Bearer {KEY}\r\n")), "{name}: {}", &heard[..1000]);
        shows(&world, SEAT, "idle");
        world.seat("dev-a").run(&format!("orchestrate mail send {SEAT} --subject hello --body 'go on'")).ok();
        world.brain().wait_heard(|text| turn(text) && text.contains("| go on"));
        shows(&world, SEAT, "idle");
    }
}

#[test]
fn doctor_finds_the_client_to_be_all_that_a_seat_needs() {
    let Some(client) = program() else { return };
    let world = World::python();
    world.rule(&format!("[agent]\ncommand = \"{client}\"\n"));
    world.owner(&["doctor", "--json"]).says(&format!("{client}: /"));
}
