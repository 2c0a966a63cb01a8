//! The day on which the owner's authenticator is lost.

use crate::world::World;
use crate::world::project::one_time_code;

#[test]
fn a_recovery_code_ends_a_lock_out_once_and_the_old_secret_counts_no_more() {
    let world = World::python().bootstrap();
    let shown = world.owner(&["totp", "show", "--json"]).ok().done();
    let (old, codes) = (shown["uri"].as_str().unwrap().to_owned(), shown["recovery"].as_array().unwrap().clone());
    let code = |at: usize| codes[at].as_str().unwrap().to_owned();
    assert_eq!(codes.len(), 8);
    world.owner(&["freeze", "--reason", "to see it"]).ok();
    for _ in 0..3 {
        world.owner_types(&["thaw", "--alone"], "000000\n").ends(1);
    }
    world.owner_types(&["thaw", "--alone"], &format!("{}\n", one_time_code(&old, 0))).ends(1).says("locked-out");
    world.owner_types(&["totp", "reset"], "AAAA-BBBB-CCCC-DDDD\n").ends(1);
    world.owner_types(&["totp", "reset"], &format!("{}\n", code(3).to_lowercase())).ok().says("the old secret counts no more");
    world.owner_types(&["totp", "reset"], &format!("{}\n", code(3))).ends(1);
    world.owner_types(&["thaw", "--alone"], &format!("{}\n", one_time_code(&old, 0))).ends(1);
    let shown = world.owner(&["totp", "show", "--json"]).ok().done();
    let fresh = shown["uri"].as_str().unwrap().to_owned();
    assert_ne!(fresh, old);
    assert_eq!(shown["recovery"].as_array().map(Vec::len), Some(7));
    world.owner_types(&["thaw", "--alone"], &format!("{}\n", one_time_code(&fresh, 0))).ok();
    world.owner(&["totp", "show"]).ends(1).says("in-use");
    world.seat("dev-a").run("echo AAAA | orchestrate totp reset").ends(1).says("not-offered");
    let told: String = world.entries().iter().map(orchestrate::view::line).collect();
    assert!(told.contains("made anew with recovery code 4"));
    let entries: String = world.entries().iter().map(|entry| String::from_utf8(entry.bytes()).unwrap()).collect();
    assert!(codes.iter().all(|code| !entries.contains(code.as_str().unwrap())));
    world.down().ok();
    world.start().ok();
    world.owner(&["freeze", "--reason", "again"]).ok();
    world.ahead(60);
    world.owner_types(&["thaw", "--alone"], &format!("{}\n", one_time_code(&fresh, 60))).ok();
}
