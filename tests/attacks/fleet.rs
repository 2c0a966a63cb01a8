//! The plug pulled on a client, a pane, tmux or the supervisor: everybody is back, with the mail, and nothing is lost or doubled.

use crate::world::World;
use crate::world::processes::{Family, gone, kill};
use orchestrate::domain::entry::Entry;
use orchestrate::domain::event::Event;
use orchestrate::domain::{fleet, message};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

/// Seats come back at once, so that nothing here waits for a clock.
pub fn world() -> World {
    let world = World::python();
    world.rule("[fleet]\nfirst_seconds = 0\nlongest_seconds = 0\n");
    world
}

type Held = fn(World);

/// What holds of every agent: with the fake one here, with the real one in `tests/real`.
pub const EVERY: [(&str, Held); 5] = [
    ("a client that is killed comes back and is shown its open mail", killed_client),
    ("a pane that is closed comes back in its place", closed_pane),
    ("a killed tmux comes back with everybody in it", killed_tmux),
    ("a killed supervisor finds who ended meanwhile and leaves the others alone", killed_supervisor),
    ("a machine that lost its power comes back by one start", lost_power),
];

fn of(entry: &Entry) -> Option<&fleet::Event> {
    if let Event::Fleet(event) = &entry.event { Some(event) } else { None }
}

/// Waits until a further instance sits in the seat and has answered; gives why the one before left.
#[track_caller]
pub fn back(world: &World, mark: u64, name: &str) -> String {
    let (seq, why) = world.wait_from(mark, "the end", |entry| match of(entry) {
        Some(fleet::Event::Left { seat, why, .. }) if seat.as_str() == name => Some((entry.seq, why.clone())),
        _ => None,
    });
    world.wait_from(seq, "the answer of the next instance", |entry| {
        let answered = matches!(of(entry), Some(fleet::Event::Answered { .. })) && entry.by.to_string() == name;
        answered.then_some(())
    });
    why
}

/// The process of the agent itself, as the host sees it: not what it started.
pub fn agent(world: &World, seat: &str) -> i32 {
    let program = world.program();
    let named = |pid: &i32| {
        let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let line = read("cmdline");
        let mut words = line.split(|b| *b == 0).take(2);
        let own = format!("ORCHESTRATE_SEAT={seat}");
        words.any(|word| word == program.as_os_str().as_bytes() || word.ends_with(b"/claude") || word.ends_with(b"/claude.exe"))
            && read("environ").split(|b| *b == 0).any(|word| word == own.as_bytes())
    };
    let family = Family::of(&world.path(""));
    let found: Vec<i32> = family.all().filter(named).collect();
    let parent = |pid: i32| fs::read_to_string(format!("/proc/{pid}/stat")).ok().and_then(|stat| stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok());
    let first: Vec<i32> = found.iter().copied().filter(|pid| !parent(*pid).is_some_and(|parent: i32| found.contains(&parent))).collect();
    assert_eq!(first.len(), 1, "{seat}: {found:?}");
    first[0]
}

fn tmux(world: &World, words: &[&str]) -> String {
    let socket = world.state().join("run/tmux.sock");
    let all: Vec<&str> = ["-S", socket.to_str().unwrap()].iter().chain(words).copied().collect();
    world.command("tmux", &all, "").ok().out
}

/// Each letter once, in order, however often it was shown.
fn inbox(world: &World, seat: &str) -> Vec<String> {
    let said = world.seat(seat).run("orchestrate mail inbox --json").ok().done();
    said.as_array().unwrap().iter().map(|line| line["subject"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_client_that_is_killed_comes_back_and_is_shown_its_open_mail() {
    killed_client(world());
}

fn killed_client(world: World) {
    let world = world.bootstrap();
    let send = |subject: &str| world.seat("dev-b").run(&format!("orchestrate mail send dev-a --subject {subject} --body x")).ok();
    send("one");
    send("two");
    assert_eq!(inbox(&world, "dev-a"), ["one", "two"]);
    world
        .seat("dev-a")
        .run("orchestrate mail ack $(orchestrate mail inbox --json | grep -o '\"id\":\"[0-9a-f]*' | head -1 | cut -d'\"' -f4)")
        .ok();
    world.seat("dev-a").run("echo work > left.txt").ok();
    let mark = world.mark();
    kill(agent(&world, "dev-a"));
    send("three");
    back(&world, mark, "dev-a");
    world.wait_from(mark, "that its open mail counts as not shown", |entry| match &entry.event {
        Event::Message(message::Event::Returned { to }) if to.to_string() == "dev-a" => Some(()),
        _ => None,
    });
    assert_eq!(inbox(&world, "dev-a"), ["two", "three"]);
    world.seat("dev-a").run("cat left.txt").ok().says("work");
    let others = world.fold().fleet.iter().filter(|(name, seat)| name.as_str() != "dev-a" && seat.instances != 1).count();
    assert_eq!(others, 0, "nobody else was disturbed");
    world.owner(&["ledger", "verify"]).ok();
}

#[test]
fn a_pane_that_is_closed_comes_back_in_its_place() {
    closed_pane(world());
}

fn closed_pane(world: World) {
    let world = world.bootstrap();
    let seats = |world: &World| tmux(world, &["list-panes", "-a", "-F", "#{@seat}"]);
    let before = seats(&world);
    for name in ["dev-a", "orchestrator", "qa-b"] {
        world.seat("dev-b").run(&format!("orchestrate mail send {name} --subject kept --body x")).ok();
        world.seat(name).run("echo work > left.txt").ok();
        assert_eq!(inbox(&world, name), ["kept"]);
        let mark = world.mark();
        let pane = tmux(&world, &["list-panes", "-a", "-F", "#{@seat} #{pane_id}"]);
        let pane = pane.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap().to_owned();
        tmux(&world, &["kill-pane", "-t", &pane]);
        assert_eq!(back(&world, mark, name), "its pane was closed");
        world.seat(name).run("orchestrate whoami && cat left.txt").ok().says(name).says("work");
        assert_eq!(inbox(&world, name), ["kept"], "shown again, and once");
    }
    assert_eq!(seats(&world), before);
}

#[test]
fn a_killed_tmux_comes_back_with_everybody_in_it() {
    killed_tmux(world());
}

fn killed_tmux(world: World) {
    let world = world.bootstrap();
    world.seat("dev-b").run("orchestrate mail send dev-a --subject kept --body x").ok();
    world.seat("dev-a").run("echo work > left.txt").ok();
    for times in 2..4 {
        let mark = world.mark();
        let server: i32 = tmux(&world, &["display-message", "-p", "#{pid}"]).trim().parse().unwrap();
        kill(server);
        assert!(gone(server));
        let names: Vec<String> = world.fold().fleet_order.iter().map(ToString::to_string).collect();
        for name in &names {
            back(&world, mark, name);
        }
        assert!(world.fold().fleet.values().all(|seat| seat.instances == times), "each was started once");
        assert_eq!(inbox(&world, "dev-a"), ["kept"]);
        world.seat("dev-a").run("cat left.txt").ok().says("work");
    }
    world.owner(&["ledger", "verify"]).ok();
}

#[test]
fn a_killed_supervisor_finds_who_ended_meanwhile_and_leaves_the_others_alone() {
    killed_supervisor(world());
}

fn killed_supervisor(world: World) {
    let world = world.bootstrap();
    world.seat("dev-b").run("orchestrate mail send dev-a --subject kept --body x").ok();
    assert_eq!(inbox(&world, "dev-a"), ["kept"]);
    let mark = world.mark();
    let (supervisor, client) = (Family::of(&world.path("")).supervisor(), agent(&world, "dev-a"));
    kill(supervisor);
    assert!(gone(supervisor));
    kill(client);
    assert!(gone(client));
    world.start().ok();
    world.wait_from(mark, "the answer", |entry| {
        (matches!(of(entry), Some(fleet::Event::Answered { .. })) && entry.by.to_string() == "dev-a").then_some(())
    });
    assert_eq!(inbox(&world, "dev-a"), ["kept"]);
    let instances = |name: &str| world.fold().fleet[&name.parse().unwrap()].instances;
    assert_eq!((instances("dev-a"), instances("dev-b")), (2, 1));
}

/// What it used while no supervisor ran is counted when one runs again; what was counted before is not counted again.
fn told_meanwhile(world: &World, folder: &str) {
    let supervisor = Family::of(&world.path("")).supervisor();
    kill(supervisor);
    assert!(gone(supervisor));
    let said = |id: &str| format!(r#"{{"type":"assistant","message":{{"id":"{id}","model":"m","usage":{{"input_tokens":2,"output_tokens":7}}}}}}"#);
    let line = |session: &str, id: &str| format!("printf '%s\n' '{}' >> {folder}/{session}-bbbb-cccc-dddd-eeeeeeeeeeee.jsonl", said(id));
    world.seat("dev-a").run(&[line("aaaaaaaa", "msg_b"), line("aaaaaaaa", "msg_c"), line("bbbbbbbb", "msg_d")].join("; ")).ok();
    world.start_with("claude").says("seats answered");
    let begun = std::time::Instant::now();
    let told = || world.owner(&["status", "--json"]).ok().done()["seats"].as_array().unwrap().iter().find(|line| line["seat"] == "dev-a").unwrap()["told"].clone();
    while told()["output"] != 26 && begun.elapsed() < crate::world::DEADLINE {}
    assert_eq!((&told()["input"], &told()["output"]), (&8.into(), &26.into()), "each message once, whoever ran when it was told");
}

/// An agent that logs in past the relay: what its transcript tells is counted once for each message, and as its own word.
fn told(world: &World, folder: &str) {
    let said = |id: &str, output: u32| format!(r#"{{"type":"assistant","message":{{"id":"{id}","model":"m","usage":{{"input_tokens":2,"output_tokens":{output}}}}}}}"#);
    let lines = [said("msg_a", 1), said("msg_a", 5), said("msg_b", 7)].join("\n");
    let line = format!("printf '\n%s\n' '{lines}' >> {folder}/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee.jsonl; echo '{{\"status\":\"busy\"}}' > $HOME/.claude/sessions/9.json");
    world.seat("dev-a").run(&line).ok();
    let seen = || world.owner(&["status", "--json"]).ok().done()["seats"].as_array().unwrap().iter().find(|line| line["seat"] == "dev-a").unwrap().clone();
    let begun = std::time::Instant::now();
    while seen()["told"].is_null() && begun.elapsed() < crate::world::DEADLINE {}
    let line = seen();
    assert_eq!((&line["told"]["input"], &line["told"]["output"], line["used"].is_null()), (&4.into(), &12.into(), true), "{line}");
}

/// Waits until a seat's line on the status page, and its pane's border, say this.
#[track_caller]
pub fn shows(world: &World, name: &str, wanted: &str) {
    let begun = std::time::Instant::now();
    let mut last = String::new();
    while begun.elapsed() < crate::world::DEADLINE {
        let status = world.owner(&["status", "--json"]).ok().done();
        let line = status["seats"].as_array().unwrap().iter().find(|line| line["seat"] == name).unwrap().clone();
        let waits = line["waits_for"].as_str().map(|words| format!(": {words}")).unwrap_or_default();
        let said = format!("{}{waits}", line["doing"].as_str().unwrap());
        let borders = tmux(world, &["list-panes", "-a", "-F", "#{@seat} #{@state}"]);
        last = format!("{said}, {borders}");
        if said == wanted && borders.lines().any(|line| line == format!("{name} {wanted}")) {
            return;
        }
    }
    panic!("{name} does not show {wanted:?} but {last}");
}

#[test]
fn the_status_page_and_the_borders_say_what_the_client_and_the_record_say() {
    let mut world = world();
    world.set("ORCHESTRATE_PATIENCE", "1");
    let script = fs::read_to_string(world.path("agent")).unwrap();
    let script = script.replacen("#!/bin/sh\n", "#!/bin/sh\n[ $ORCHESTRATE_SEAT = qa-b ] && exec sleep 1000\n", 1);
    crate::world::project::write_program(&world.path("claude"), &script);
    let repo = world.repo();
    let claude = world.path("claude");
    let args = ["bootstrap", repo.to_str().unwrap(), "--agent", claude.to_str().unwrap(), "--detach", "--yes"];
    world.orchestrate(&args).says("qa-b");
    let said = |text: &str| format!("echo '{text}' > $HOME/.claude/sessions/9.json");
    let seat = world.seat("dev-a");
    shows(&world, "dev-a", "ready");
    for (text, wanted) in [
        (r#"{"status":"busy"}"#, "working"),
        (r#"{"status":"waiting","waitingFor":"permission prompt"}"#, "waiting: permission prompt"),
        (r#"{"status":"idle"}"#, "idle"),
        ("nonsense", "ready"),
    ] {
        seat.run(&said(text)).ok();
        shows(&world, "dev-a", wanted);
    }
    seat.run(&said(r#"{"status":"busy"}"#)).ok();
    world.ahead(31);
    seat.run("orchestrate mail send dev-b --subject x --body x").ok();
    shows(&world, "qa-b", "silent");
    // An hour of nothing is too long for one that works, but not for a tool that is under way.
    world.ahead(3600);
    let wake = |subject: &str| world.seat("dev-b").run(&format!("orchestrate mail send qa-a --subject {subject} --body x")).ok();
    wake("one");
    shows(&world, "dev-a", "stuck: nothing has come of it for long");
    let begun = r#"{"message":{"content":[{"type":"tool_use","id":"t"}]}}"#;
    let folder = "$HOME/.claude/projects/-work-demo";
    seat.run(&format!("mkdir -p {folder}; echo '{begun}' > {folder}/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee.jsonl; printf '%s' '{{\"half' >> {folder}/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee.jsonl")).ok();
    wake("two");
    shows(&world, "dev-a", "working");
    told(&world, folder);
    told_meanwhile(&world, folder);
    let mark = world.mark();
    kill(agent(&world, "dev-a"));
    back(&world, mark, "dev-a");
    shows(&world, "dev-a", "ready");
    assert!(world.fold().frozen.is_none());
}

#[test]
fn a_seat_that_stays_stuck_is_told_to_the_owner_and_started_again_where_the_rules_say_so() {
    let world = world();
    world.instead("first_seconds = 0", "first_seconds = 0\nstuck_restarts_per_day = 1");
    world.command("cp", &[world.path("agent").to_str().unwrap(), world.path("claude").to_str().unwrap()], "").ok();
    world.start_with("claude").ok();
    let wake = |subject: &str| world.seat("dev-b").run(&format!("orchestrate mail send qa-a --subject {subject} --body x")).ok();
    let stuck = |ahead: u64| {
        world.seat("dev-a").run(r#"echo '{"status":"busy"}' > $HOME/.claude/sessions/9.json"#).ok();
        shows(&world, "dev-a", "working");
        world.ahead(ahead);
        wake("one");
        shows(&world, "dev-a", "stuck: nothing has come of it for long");
        let mark = world.mark();
        world.ahead(ahead + 601);
        wake("two");
        let told = world.wait_from(mark, "that it is told", |entry| match of(entry) {
            Some(fleet::Event::Stuck { seat, restart, .. }) if seat.as_str() == "dev-a" => Some(*restart),
            _ => None,
        });
        (mark, told)
    };
    let (mark, restart) = stuck(3600);
    assert!(restart);
    assert_eq!(back(&world, mark, "dev-a"), "ended by a signal");
    shows(&world, "dev-a", "ready");
    let (mark, restart) = stuck(7200);
    assert!(!restart, "once a day, and then the owner is asked");
    world.owner(&["mail", "inbox"]).ok().says("dev-a is stuck");
    world.seat("dev-a").run(r#"echo '{"status":"idle"}' > $HOME/.claude/sessions/9.json"#).ok();
    world.wait_from(mark, "that it gets on again", |entry| match of(entry) {
        Some(fleet::Event::Moving { seat, .. }) if seat.as_str() == "dev-a" => Some(()),
        _ => None,
    });
    assert_eq!(world.fold().fleet[&"dev-a".parse().unwrap()].instances, 2);
    world.owner(&["ledger", "verify"]).ok();
}

/// Links in place of all that the supervisor reads and writes in a seat's home, symbolic ones to the owner's files and hard ones to others of its
/// own: nothing is written through them, nothing read through them, and the seat starts all the same.
#[test]
fn no_link_in_a_seats_home_leads_the_supervisor_to_the_owners_files() {
    let world = world();
    world.instead("first_seconds = 0", "first_seconds = 0\nrestarts_per_hour = 100");
    world.command("cp", &[world.path("agent").to_str().unwrap(), world.path("claude").to_str().unwrap()], "").ok();
    world.start_with("claude").ok();
    let bait = world.path("bait");
    fs::create_dir_all(bait.join("sessions")).unwrap();
    fs::create_dir_all(bait.join("projects/-work-demo")).unwrap();
    let session = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee.jsonl";
    for (name, text) in [
        (".claude.json", r#"{"secret":"bait-word"}"#),
        ("settings.json", r#"{"secret":"bait-word"}"#),
        ("mcp.json", "{}"),
        ("prompt.md", "bait-word"),
        ("sessions/9.json", r#"{"status":"waiting","waitingFor":"bait-word"}"#),
        (&format!("projects/-work-demo/{session}"), r#"{"type":"assistant","message":{"id":"m","model":"bait","usage":{"input_tokens":77,"output_tokens":77}}}"#),
    ] {
        fs::write(bait.join(name), format!("{text}\n")).unwrap();
    }
    let snapshot = || world.command("/bin/sh", &["-c", &format!("cd '{}' && find . -printf '%p %y %m %n %T@\n' | sort && find . -type f -exec cat {{}} +", bait.display())], "").ok().out;
    let before = snapshot();
    let to = |name: &str| format!("{}/{name}", bait.display());
    let laid = [
        format!("rm -rf .orchestrate && ln -s {} .orchestrate", bait.display()),
        format!("rm -rf .claude && ln -s {} .claude", bait.display()),
        format!("cd .claude && rm -f .claude.json settings.json && ln -s {} .claude.json && ln -s {} settings.json", to(".claude.json"), to("settings.json")),
        format!("cd .claude && rm -rf sessions projects && ln -s {} sessions && ln -s {} projects", to("sessions"), to("projects")),
        format!("cd .claude && rm -rf projects && mkdir -p sessions projects/-work-demo && ln -sf {} sessions/9.json && ln -sf {} projects/-work-demo/{session}", to("sessions/9.json"), to(&format!("projects/-work-demo/{session}"))),
        "echo '{\"own\":1}' > own && cd .claude && ln -f ../own .claude.json && ln -f ../own settings.json && ln -f ../own .settings.json.new".to_owned(),
        "cd .orchestrate && rm -f prompt.md .prompt.md.new && ln -s ../own prompt.md && mkfifo .prompt.md.new && rm -f mcp.json && mkfifo mcp.json".to_owned(),
        "rm -rf .claude && mkfifo .claude".to_owned(),
    ];
    let home = world.seat("dev-a").home();
    for lines in laid {
        let mark = world.mark();
        world.seat("dev-a").run(&format!("cd && {lines}")).ok();
        kill(agent(&world, "dev-a"));
        back(&world, mark, "dev-a");
        assert_eq!(snapshot(), before, "written through: {lines}");
        let found = world.command("/bin/grep", &["-rsl", "--devices=skip", "bait-word", home.to_str().unwrap()], "");
        assert_eq!(found.out, "", "read through: {lines}");
        assert!(fs::symlink_metadata(home.join(".claude/settings.json")).unwrap().is_file(), "{lines}");
        let status = world.owner(&["status", "--json"]).ok().done();
        let line = status["seats"].as_array().unwrap().iter().find(|line| line["seat"] == "dev-a").unwrap();
        assert!(line["told"].is_null() && !status.to_string().contains("bait-word"), "{lines}: {line}");
    }
    let own = fs::read_to_string(home.join("own")).unwrap();
    assert_eq!(own, "{\"own\":1}\n", "what a hard link led to is as it was");
}

#[test]
fn a_machine_that_lost_its_power_comes_back_by_one_start() {
    lost_power(world());
}

fn lost_power(world: World) {
    let world = world.bootstrap();
    world.seat("dev-b").run("orchestrate mail send dev-a --subject kept --body x").ok();
    world.seat("dev-a").run("echo work > left.txt").ok();
    assert_eq!(inbox(&world, "dev-a"), ["kept"]);
    Family::power_off(&world.path(""));
    world.start().ok().says("8 of 8");
    assert_eq!(inbox(&world, "dev-a"), ["kept"]);
    world.seat("dev-a").run("cat left.txt && git status --short").ok().says("work").says("?? left.txt");
    assert!(world.fold().fleet.values().all(|seat| seat.instances == 2), "each was started once");
    world.owner(&["ledger", "verify"]).ok();
}

#[test]
fn a_seat_that_cannot_live_is_given_up_and_told_and_started_by_the_owner_alone() {
    let world = world();
    world.instead("first_seconds = 0", "first_seconds = 0\nrestarts_per_hour = 2");
    let world = world.bootstrap();
    let home = world.seat("dev-a").home();
    // The seat's own doing: what the agent needs at its start is not there any more.
    world.seat("dev-a").start("rm $HOME/ask $HOME/answer && mkdir $HOME/ask && kill -9 $PPID");
    world.wait_for("that it is given up", |entry| match of(entry) {
        Some(fleet::Event::GivenUp { seat, ends: 3 }) if seat.as_str() == "dev-a" => Some(()),
        _ => None,
    });
    let status = world.owner(&["status", "--json"]).ok().done();
    let line = status["seats"].as_array().unwrap().iter().find(|line| line["seat"] == "dev-a").unwrap().clone();
    assert_eq!((line["state"].as_str(), line["given_up"].as_bool()), (Some("gone"), Some(true)), "{line}");
    world.owner(&["mail", "inbox"]).ok().says("dev-a is not started");
    fs::remove_dir(home.join("ask")).unwrap();
    let mark = world.mark();
    world.start().ok();
    world.wait_from(mark, "the owner's start", |entry| {
        (matches!(of(entry), Some(fleet::Event::Answered { .. })) && entry.by.to_string() == "dev-a").then_some(())
    });
    world.seat("dev-a").run("orchestrate whoami").ok();
}
