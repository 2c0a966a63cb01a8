//! A seat's socket belongs to the processes of its pane.

use crate::world::{World, wire};
use serde_json::json;

fn nobody() -> (String, String) {
    ("edge".to_owned(), "outside-process".to_owned())
}

#[test]
fn whoever_is_not_of_the_pane_is_nobody() {
    let world = World::python().bootstrap();
    let mark = world.mark();
    assert_eq!(world.seat("librarian").ask(&json!({"freeze": {"reason": "not me"}})).code(), "outside-process");
    let run = world.state().join("run/dev-a");
    let heard = wire::say(&run.join("git.sock"), b"git-receive-pack\n");
    assert!(String::from_utf8_lossy(&heard).contains("[outside-process]"), "{}", String::from_utf8_lossy(&heard));
    let heard = wire::say(&run.join("relay.sock"), b"CONNECT a.example:443 HTTP/1.1\r\n\r\n");
    assert!(heard.starts_with(b"HTTP/1.1 403"), "{}", String::from_utf8_lossy(&heard));
    assert_eq!(wire::ask(&run.join("api.sock"), &json!({})).status, 403);
    assert_eq!(world.refusals(mark), vec![nobody(); 4]);
    // Inside, also what has lost its parents is the seat's; and the seat after its restart is itself again.
    world
        .seat("dev-a")
        .run("(setsid sh -c 'orchestrate whoami > lone 2>&1; echo done > gate' &) ; until test -s gate; do :; done; grep dev-a lone")
        .ok();
    assert_eq!(world.mark(), mark + 4);
}

#[test]
fn without_walls_a_seat_is_known_by_its_ancestors() {
    let world = World::python();
    let (repo, agent) = (world.repo(), world.path("agent"));
    let start = ["bootstrap", repo.to_str().unwrap(), "--agent", agent.to_str().unwrap(), "--detach", "--yes", "--isolation", "none"];
    world.orchestrate(&start).ok();
    let (dev, mark) = (world.seat("dev-a"), world.mark());
    dev.run("orchestrate whoami").ok().says("dev-a");
    dev.run("cd ../../run && ORCHESTRATE_RUN=$PWD/librarian orchestrate freeze --reason mine").ends(1).says("outside-process");
    assert_eq!(world.refusals(mark), [nobody()]);
    let (repo, states) = (repo.display(), world.path("state"));
    let mine = format!("unset ORCHESTRATE_RUN; ORCHESTRATE_STATE='{}' orchestrate -C '{repo}' totp show", states.display());
    dev.run(&mine).ends(1).says("a seat is not the owner");
    assert_eq!(world.refusals(mark), [nobody(), ("dev-a".to_owned(), "outside-process".to_owned())]);
}
