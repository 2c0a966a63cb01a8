//! Deployments under attack and under the hammer: what would give a secret away, changes after the owner looked, or is cut off in the middle.

use super::salami::merged;
use crate::attacks::crash::crash;
use crate::world::World;
use orchestrate::domain::deploy::{Event as Deploying, Seen, Step};
use orchestrate::domain::event::Event;
use orchestrate::supervisor::place::workshop_id;
use std::fs;
use std::io::Write as _;

const TOKEN: &str = "a-token-that-nobody-may-see";

fn furnish(world: &World) {
    let here = world.path("").display().to_string();
    let here = here.trim_end_matches('/');
    let gate = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/gates/50-deploy.toml")).unwrap();
    let run = format!("echo up >{here}/up; read word <{here}/fifo; cat list.md >{here}/site; echo $DEPLOY_TOKEN; set; echo down >{here}/up");
    let steps = format!(
        "\n[deployment]\nworkshop = \"{}\"\nfiles = [\"*.md\"]\nconfirm = \"digest\"\nsecrets = \"{here}/deploy.env\"\n\
         checks = [{{ argv = [\"sh\", \"-c\", '! cat {here}/deploy.env && ! [ \"$DEPLOY_TOKEN\" ]'] }}]\n\
         dry_run = {{ argv = [\"/bin/cat\", \"{here}/extra\"], where = \"host\" }}\n\
         run = {{ argv = [\"/bin/sh\", \"-c\", '{run}'], where = \"host\", env = [\"DEPLOY_TOKEN\"] }}\n\
         health = {{ argv = [\"/bin/grep\", \"-q\", \"8\", \"{here}/site\"], where = \"host\" }}\n",
        workshop_id(&world.repo())
    );
    world.rules("gates/50-deploy.toml", &(gate + &steps));
    fs::write(world.path("deploy.env"), format!("# for the run\nDEPLOY_TOKEN={TOKEN}\nOTHER=x\n")).unwrap();
    fs::set_permissions(world.path("deploy.env"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    fs::write(world.path("extra"), format!("key AKIA{}\n", "Q7".repeat(8))).unwrap();
    world.command("mkfifo", &[&format!("{here}/fifo"), &format!("{here}/up")], "").ok();
}

/// Waits for the end of a step after a mark.
#[track_caller]
fn ended(world: &World, from: u64, wanted: Step) -> Seen {
    world.wait_from(from, &format!("{wanted}"), |entry| match &entry.event {
        Event::Deploy(Deploying::Ended { step, seen, .. }) if *step == wanted => Some(seen.clone()),
        _ => None,
    })
}

fn confirm(world: &World) {
    let page = world.owner(&["deploy", "show", "T1", "--json"]).ok().done();
    let digest = page["digest"].as_str().unwrap_or_else(|| panic!("{page:#}"))[..8].to_owned();
    world.owner_types(&["deploy", "confirm", "T1"], &format!("{digest}\n")).ok();
}

/// What the run says next; it waits until it is heard.
fn heard(world: &World) -> String {
    fs::read_to_string(world.path("up")).unwrap()
}

fn go_on(world: &World) {
    fs::OpenOptions::new().write(true).open(world.path("fifo")).unwrap().write_all(b"go\n").unwrap();
}

fn runs(world: &World) -> usize {
    world.entries().iter().filter(|entry| matches!(entry.event, Event::Deploy(Deploying::Begun { step: Step::Run, .. }))).count()
}

#[test]
fn nothing_goes_out_unseen_changed_or_twice() {
    let world = World::python();
    furnish(&world);
    let world = world.bootstrap();
    merged(&world, "dev-a", "T1", "a list", "list.md");
    let seen = ended(&world, 0, Step::List);
    assert!(!seen.ok && seen.note.contains("it looks like an access key"), "a secret in the list: {seen:?}");
    world.seat("dev-a").run("orchestrate deploy retry T1").ends(1);

    fs::write(world.path("extra"), "a host of the owner's\n").unwrap();
    let mark = world.mark();
    world.owner(&["deploy", "retry", "T1"]).ok();
    assert!(ended(&world, mark, Step::List).ok);
    world.owner(&["deploy", "show", "T1"]).ok().says("a host of the owner's").says("list.md");
    world.owner_types(&["deploy", "confirm", "T1"], "00000000\n").ends(1);
    fs::write(world.path("extra"), "another host\n").unwrap();
    confirm(&world);
    let seen = ended(&world, mark, Step::Again);
    assert!(!seen.ok && seen.note.contains("not the one that was confirmed"), "{seen:?}");
    assert_eq!(runs(&world), 0);

    let mark = world.mark();
    world.owner(&["deploy", "retry", "T1"]).ok();
    assert!(ended(&world, mark, Step::List).ok);
    confirm(&world);
    world.wait_from(mark, "the run", |entry| matches!(&entry.event, Event::Deploy(Deploying::Begun { step: Step::Run, .. })).then_some(()));
    assert_eq!(heard(&world), "up\n");
    crash(&world);
    world.start().ok();
    world.owner(&["status"]).ok().says("its outcome is unknown").says("orchestrate deploy show T1");
    world.owner(&["mail", "inbox"]).ok().says("deployment held (T1)");
    assert_eq!(runs(&world), 1, "it is not run again by itself");

    // The shell that was left behind comes to its end, and what it says is nobody's.
    go_on(&world);
    assert_eq!(heard(&world), "down\n");
    let mark = world.mark();
    world.owner(&["deploy", "retry", "T1"]).ok();
    assert!(ended(&world, mark, Step::List).ok);
    confirm(&world);
    assert_eq!(heard(&world), "up\n");
    go_on(&world);
    assert_eq!(heard(&world), "down\n");
    assert!(ended(&world, mark, Step::Health).ok);
    assert_eq!((runs(&world), world.owner(&["deploy", "show"]).ok().out.contains("healthy")), (2, true));

    let log = fs::read_to_string(world.state().join("deploy/T1/run.log")).unwrap();
    assert!(log.contains("[DEPLOY_TOKEN]") && !log.contains(TOKEN), "{log}");
    assert!(!log.contains("OTHER=") && !log.contains("HOME=") && log.contains("ORCHESTRATE_TASK"), "only what is named: {log}");
    let said: Vec<String> = world.entries().iter().map(|entry| String::from_utf8(entry.bytes()).unwrap()).collect();
    assert!(said.iter().all(|entry| !entry.contains(TOKEN) && !entry.contains("Q7Q7")), "a secret on record");
    world.owner(&["ledger", "verify"]).ok();
}
