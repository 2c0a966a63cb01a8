//! Keys of seats: taken away, replaced, and used within their budget.

use super::refused;
use crate::world::World;

const COMMIT: &str = "echo $RANDOM$$ >> note.md && git add note.md && git commit -q -S -m 'a note'";

#[test]
fn a_revoked_seat_signs_nothing_and_what_it_signed_is_refused() {
    let mut world = World::python().bootstrap();
    let seat = world.seat("dev-a");
    seat.run(&format!("git checkout -q -b old && {COMMIT} && git push -q origin HEAD:dev-a/pushed && {COMMIT}")).ok();
    let before = seat.run("git rev-parse origin/dev-a/pushed").ok().out;
    world.owner(&["keys", "revoke", "dev-a", "--reason", "it was seen elsewhere"]).ok().says("orchestrate keys rotate dev-a");
    refused(&world, "dev-a", "git push origin HEAD:dev-a/late", &["key-revoked"]).says("revoked at entry");
    refused(&world, "dev-a", COMMIT, &["key-revoked"]);
    refused(&world, "dev-a", "orchestrate mail send owner --subject x --body y", &["key-revoked"]);
    refused(&world, "dev-a", "orchestrate keys rotate dev-a", &["not-offered"]);
    world
        .seat("dev-b")
        .run(&format!("{COMMIT} && git push -q origin HEAD:dev-b/mine && orchestrate mail send owner --subject x --body y"))
        .ok();
    world.owner(&["keys", "revoke", "dev-a", "--reason", "again"]).ends(1).says("key-revoked");
    world.owner(&["keys", "revoke", "nobody", "--reason", "again"]).ends(1).says("no-such-holder");
    restart(&mut world);
    refused(&world, "dev-a", "orchestrate mail send owner --subject x --body y", &["key-revoked"]);
    world.owner(&["keys", "rotate", "dev-a"]).ok().says("new key");
    refused(&world, "dev-a", "git push origin HEAD:dev-a/late", &["key-revoked"]);
    world.seat("dev-a").run("git reset -q --hard && git rebase -q --exec 'git commit -q --amend --no-edit -S' origin/main && git push -q origin HEAD:dev-a/again").ok();
    assert!(world.refs().contains(before.trim()), "what was accepted before stays");
    exported(&world);
    judged(&world);
}

fn restart(world: &mut World) {
    world.down().ok();
    world.start().ok();
}

/// Stock gpg sees two keys of the seat, the first of them revoked.
fn exported(world: &World) {
    let armored = world.owner(&["keys", "export", "dev-a"]).ok().out;
    let home = world.path("gpg");
    std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700).create(&home).unwrap();
    let gpg = |args: &[&str], typed| {
        world.command("/usr/bin/gpg", &[&["--homedir", home.to_str().unwrap(), "--batch"], args].concat(), typed).ok()
    };
    gpg(&["--import"], &armored);
    let listed = gpg(&["--with-colons", "--list-keys", "dev-a"], "").out;
    world.command("/usr/bin/gpgconf", &["--homedir", home.to_str().unwrap(), "--kill", "all"], "").ok();
    let validity: Vec<&str> = listed.lines().filter(|line| line.starts_with("pub:")).map(|line| line.split(':').nth(1).unwrap()).collect();
    assert!(validity.len() == 2 && validity.contains(&"r"), "{listed}");
}

/// The offline judge follows: old entries by the old key, new ones by the new key.
fn judged(world: &World) {
    world.seat("dev-a").run("orchestrate mail send owner --subject x --body y").ok();
    let bundle = world.path("bundle");
    world.owner(&["bundle", bundle.to_str().unwrap()]).ok();
    world.owner(&["verify", world.repo().to_str().unwrap(), "--bundle", bundle.to_str().unwrap()]).ok();
}

#[test]
fn a_rotation_is_one_order() {
    let world = World::python().bootstrap();
    let seat = world.seat("dev-a");
    seat.run(COMMIT).ok();
    let old = world.fold().keys[&"dev-a".parse().unwrap()].fingerprint.clone();
    world.owner(&["keys", "rotate", "dev-a"]).ok();
    let new = world.fold().keys[&"dev-a".parse().unwrap()].fingerprint.clone();
    assert_ne!(old, new);
    seat.run("git commit -q --amend --no-edit -S && git verify-commit HEAD && git push -q origin HEAD:dev-a/x").ok();
}

#[test]
fn a_seat_signs_within_its_budget_by_the_ledger_s_time() {
    let mut world = World::python();
    let rules = world.path("rules/config.toml");
    let text = std::fs::read_to_string(&rules).unwrap();
    std::fs::write(&rules, text.replace("commits = { per_hour = 1000 }", "commits = { per_hour = 3, per_day = 4 }")).unwrap();
    world = world.bootstrap();
    world.seat("dev-a").run(&format!("{COMMIT} && {COMMIT} && {COMMIT}")).ok();
    refused(&world, "dev-a", COMMIT, &["over-budget"]).says("retry after 3");
    restart(&mut world);
    refused(&world, "dev-a", COMMIT, &["over-budget"]);
    world.seat("dev-b").run(COMMIT).ok();
    world.ahead(3600);
    world.seat("dev-a").run(COMMIT).ok();
    refused(&world, "dev-a", COMMIT, &["over-budget"]).says("retry after 8");
    world.ahead(86_400);
    world.seat("dev-a").run(COMMIT).ok();
}
