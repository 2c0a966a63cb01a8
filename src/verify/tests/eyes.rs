//! Who saw the same work under another task sees it again; whoever was left out is named.

use super::world::{Plan, World};
use super::{first, verify};
use crate::domain::gate::GateName;

/// The same work under two tasks: for the one that is left behind dev-b was drawn, for the one that is merged these.
fn problems(peers: &[&'static str], moved: bool) -> Vec<String> {
    let mut world = World::found(None, None);
    let tried = first(&world);
    world.open(&tried);
    world.submit(&tried, &[]);
    world.drawn(GateName::Peer, &["dev-b"]);
    let mut again = Plan { task: "T2", title: "another door".to_owned(), peers: peers.to_vec(), ..first(&world) };
    if moved {
        again.files = vec![("src/other.rs", "pub fn other() {}\n".to_owned()), ("tests/other.rs", "#[test]\nfn other() {}\n".to_owned())];
    }
    world.run_plan(&again);
    verify(&world, None).problems
}

#[test]
fn nobody_is_tried_until_an_ally_is_drawn() {
    assert_eq!(problems(&["architect-a", "dev-b"], false), [""; 0]);
    assert_eq!(problems(&["architect-a"], true), [""; 0], "other files");
    let found = problems(&["architect-a"], false);
    assert!(found.len() == 1 && found[0].contains("dev-b was shown the same work under T1, and was left out"), "{found:?}");
}
