//! Level `users`: each seat's processes and files are a unix user's of its own. Root alone can start them.

use crate::world::{Said, World};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;

fn start(world: &World, level: &str) -> Said {
    let (repo, agent) = (world.repo(), world.path("agent"));
    world.orchestrate(&["bootstrap", repo.to_str().unwrap(), "--agent", agent.to_str().unwrap(), "--detach", "--yes", "--isolation", level])
}

fn accounts() -> usize {
    std::fs::read_to_string("/etc/passwd").unwrap().lines().filter(|line| line.contains(":a seat of orchestrate:")).count()
}

/// Whose a seat's clone, home and socket are.
fn owners(world: &World, seat: &str) -> BTreeSet<u32> {
    let state = world.state();
    let paths = [format!("clones/{seat}"), format!("clones/{seat}/.git/HEAD"), format!("homes/{seat}/whoami"), format!("run/{seat}/seat.sock")];
    paths.iter().map(|path| std::fs::metadata(state.join(path)).unwrap_or_else(|why| panic!("{path}: {why}")).uid()).collect()
}

/// No account outlives the test, however it ends.
struct Accounts<'w>(&'w World);

impl Drop for Accounts<'_> {
    fn drop(&mut self) {
        self.0.down();
        self.0.orchestrate(&["users", "remove", self.0.repo().to_str().unwrap()]);
    }
}

#[test]
fn every_seat_has_a_user_of_its_own_and_gives_it_back() {
    let world = World::python();
    let repo = world.repo();
    let repo = repo.to_str().unwrap();
    if !rustix::process::geteuid().is_root() {
        start(&world, "users").ends(10).says("only root").says("sudo orchestrate users setup");
        world.orchestrate(&["users", "setup", repo]).ends(10).says("only root");
        return;
    }
    let before = accounts();
    let _accounts = Accounts(&world);
    start(&world, "users").ends(10).says("no users yet").says("orchestrate users setup");
    world.orchestrate(&["users", "setup", repo]).ok().says("dev-a").says("--isolation users");
    world.orchestrate(&["users", "setup", repo]).ok();
    assert_eq!(accounts(), before + crate::world::SEATS.len());
    start(&world, "users").ok().says("runs, isolation users");
    world.owner(&["status"]).ok().says("users");
    let seats: Vec<BTreeSet<u32>> = crate::world::SEATS.iter().map(|seat| owners(&world, seat)).collect();
    let all: BTreeSet<u32> = seats.iter().flatten().copied().collect();
    assert!(seats.iter().all(|own| own.len() == 1) && all.len() == seats.len() && !all.contains(&0), "{seats:?}");
    world.seat("dev-a").run("git commit -q -S --allow-empty -m x && git push -q origin HEAD:dev-a/x && git fetch -q origin").ok();
    world.orchestrate(&["users", "remove", repo]).ends(10).says("the workshop runs").says("orchestrate down");
    world.down().ok();
    start(&world, "sandbox").ends(10).says("orchestrate users remove");
    start(&world, "users").ok().says("8 of 8 seats answered");
    world.down().ok();
    world.orchestrate(&["users", "remove", repo]).ok().says("8 accounts removed");
    assert_eq!(accounts(), before);
    assert!(crate::world::SEATS.iter().all(|seat| owners(&world, seat) == BTreeSet::from([0])));
    start(&world, "sandbox").ok().says("runs, isolation sandbox");
    world.seat("dev-a").run("git commit -q -S --allow-empty -m y && git push -q origin HEAD:dev-a/x").ok();
}
