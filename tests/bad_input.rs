//! Bad input: each gets a clear sentence, a hint, the documented exit code, and leaves nothing half-made.

use crate::world::post::{Manner, Post};
use crate::world::{Said, World, project};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The start failed in words, with a hint; no workshop is left.
#[track_caller]
fn failed(world: &World, said: Said, words: &str) {
    let said = said.ends(10).says(words);
    assert!(said.err.contains("\nhint: ") || said.err.starts_with("hint: "), "no hint: {said}");
    assert!(!said.err.contains("panicked") && !said.err.contains("BUG"), "{said}");
    nothing_left(world);
}

#[track_caller]
fn nothing_left(world: &World) {
    let left: Vec<PathBuf> =
        std::fs::read_dir(world.path("state")).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    assert_eq!(left, Vec::<PathBuf>::new(), "a state folder is left");
}

fn start_at(world: &World, repo: &Path) -> Said {
    let agent = world.path("agent");
    world.orchestrate(&["bootstrap", repo.to_str().unwrap(), "--agent", agent.to_str().unwrap(), "--detach", "--yes"])
}

#[test]
fn what_is_no_repository_is_told_so() {
    let world = World::bare();
    failed(&world, start_at(&world, &world.path("nowhere")), "no git repository");
    std::fs::create_dir(world.path("plain")).unwrap();
    failed(&world, start_at(&world, &world.path("plain")), "no git repository");
    std::fs::write(world.path("file"), "x").unwrap();
    failed(&world, start_at(&world, &world.path("file")), "no git repository");
    project::git(&world.path("plain"), &["init", "-q", "-b", "main"]);
    failed(&world, start_at(&world, &world.path("plain")), "commit");
    project::git(&world.path("home"), &["init", "-q", "--bare", "../bare.git"]);
    failed(&world, start_at(&world, &world.path("bare.git")), "bare");
    std::fs::create_dir_all(world.path("fake/.git")).unwrap();
    failed(&world, start_at(&world, &world.path("fake")), "");
    let said = world.orchestrate(&["bootstrap", "--detach", "--yes"]);
    assert!(said.code == 2 || said.code == 10, "{said}");
    nothing_left(&world);
    world.orchestrate(&["bootstrap", "--isolation", "much"]).ends(2);
    world.orchestrate(&["bootstrap", "--agent", ""]);
    world.orchestrate(&["no-such-command"]).ends(2);
}

#[test]
fn a_client_that_is_missing_too_old_or_not_logged_in_is_named_with_what_to_do() {
    let world = World::python();
    let old = world.path("claude");
    project::write_program(&old, "#!/bin/sh\n# --append-system-prompt --resume --mcp-config dontAsk permissionDecision managed-settings.json\n");
    world.rule(&format!("[agent]\ncommand = {old:?}\n"));
    let said = world.owner(&["doctor", "--json"]).ends(10).says("is too old").says("asyncRewake").says("so that mail arrives").says("statusUpdatedAt").says("npm install");
    assert!(!said.out.contains("--resume"), "it names what it lacks and nothing else: {said}");
    said.says("each agent logs in inside its seat");
    let start = || world.orchestrate(&["bootstrap", world.repo().to_str().unwrap(), "--detach", "--yes"]);
    failed(&world, start().says("asyncRewake"), "is too old");
    world.instead(&format!("{old:?}"), "\"/nowhere/claude\"");
    world.owner(&["doctor", "--json"]).ends(10).says("cannot find the agent").says("--agent");
    failed(&world, start(), "cannot find the agent");
}

/// Work that is not committed stays as it is, to the byte, and seats do not see it.
#[test]
fn a_dirty_tree_is_kept() {
    let world = World::python();
    std::fs::write(world.repo().join("src/greeter.py"), "changed, not committed\n").unwrap();
    std::fs::write(world.repo().join("untracked.py"), "new\n").unwrap();
    project::git(&world.repo(), &["rm", "-q", "--cached", ".gitignore"]);
    let before = project::snapshot(&world.repo());
    world.start().ok();
    let seen = world.seat("dev-a").run("git status --porcelain; cat src/greeter.py; ls").ok();
    assert!(seen.out.contains("Hello") && !seen.out.contains("untracked"), "{seen}");
    world.down().ok();
    assert_eq!(project::snapshot(&world.repo()), before);
    assert_eq!(std::fs::read_to_string(world.repo().join("src/greeter.py")).unwrap(), "changed, not committed\n");
    let mut world = world;
    world.delivered();
}

#[test]
fn odd_paths_work() {
    let world = World::python();
    for name in ["with spaces", "it's \"quoted\"", "$(touch evil)", "Müller & Söhne", "-dash", "new\nline"] {
        let repo = world.path("odd").join(name);
        std::fs::create_dir_all(&repo).unwrap();
        project::git(&repo, &["init", "-q", "-b", "main"]);
        project::git(&repo, &["commit", "-q", "--allow-empty", "-m", "first"]);
        let agent = world.path("agent");
        let arguments = ["bootstrap", "--agent", agent.to_str().unwrap(), "--detach", "--yes", "--", repo.to_str().unwrap()];
        let said = world.orchestrate(&arguments);
        assert_eq!(said.code, 0, "{name:?}: {said}");
        world.orchestrate(&["-C", repo.to_str().unwrap(), "status"]).ok();
        world.orchestrate(&["-C", repo.to_str().unwrap(), "down"]).ok();
        assert!(!world.path("home/evil").exists() && !repo.join("evil").exists());
    }
}

#[test]
fn a_missing_program_is_named() {
    let world = World::python();
    let agent = world.path("agent").display().to_string();
    let repo = world.repo().display().to_string();
    let absent = world.orchestrate(&["bootstrap", &repo, "--agent", "no-such-agent --flag", "--detach", "--yes"]);
    failed(&world, absent, "no-such-agent");
    let deaf = world.orchestrate(&["bootstrap", &repo, "--agent", "'", "--detach", "--yes"]);
    assert_ne!(deaf.code, 0, "{deaf}");
    nothing_left(&world);
    for missing in ["tmux", "git", "bwrap"] {
        let path = world.path(&format!("without-{missing}"));
        programs_but(&path, missing);
        let env = format!("PATH={}", path.display());
        let program = env!("CARGO_BIN_EXE_orchestrate");
        let said = world.command("/usr/bin/env", &[&env, program, "bootstrap", &repo, "--agent", &agent, "--detach", "--yes"], "");
        if said.code == 0 {
            // The system's own places are looked at too, and it stands there.
            world.down().ok();
            continue;
        }
        failed(&world, said, missing);
    }
}

/// A folder with links to the system's programs, all but one.
fn programs_but(folder: &Path, missing: &str) {
    std::fs::create_dir(folder).unwrap();
    for place in ["/usr/bin", "/usr/local/bin"] {
        for entry in std::fs::read_dir(place).unwrap().flatten() {
            let target = folder.join(entry.file_name());
            if entry.file_name().as_bytes() != missing.as_bytes() && !target.exists() {
                std::os::unix::fs::symlink(entry.path(), target).unwrap_or_default();
            }
        }
    }
}

#[test]
fn an_odd_state_folder_is_refused() {
    let world = World::python();
    let state = world.state();
    std::fs::create_dir(&state).unwrap();
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o755)).unwrap();
    world.start().ends(10).says("others can enter it").says("chmod 700");
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::write(state.join("letters.txt"), "mine").unwrap();
    world.start().ends(10).says("not a workshop's");
    assert_eq!(std::fs::read_dir(&state).unwrap().count(), 1, "something was made in a foreign folder");
    std::fs::remove_file(state.join("letters.txt")).unwrap();
    std::fs::write(state.join("repository"), "/somebody/else").unwrap();
    world.start().ends(10).says("belongs to /somebody/else");
    std::fs::remove_dir_all(&state).unwrap();
    std::os::unix::fs::symlink(world.path("home"), &state).unwrap();
    world.start().ends(10);
    std::fs::remove_file(&state).unwrap();
    let long = world.path("a").join("b".repeat(120));
    let env = format!("ORCHESTRATE_STATE={}", long.display());
    let (repo, agent) = (world.repo().display().to_string(), world.path("agent").display().to_string());
    let said =
        world.command("/usr/bin/env", &[&env, env!("CARGO_BIN_EXE_orchestrate"), "bootstrap", &repo, "--agent", &agent, "--detach"], "");
    said.ends(10).says("too long").says("ORCHESTRATE_STATE");
    nothing_left(&world);
}

#[test]
fn two_starts_at_once_make_one_workshop() {
    let world = World::python();
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| world.start());
        let second = scope.spawn(|| world.start());
        (first.join().unwrap(), second.join().unwrap())
    });
    assert!(first.code == 0 || second.code == 0, "{first}\n{second}");
    for said in [first, second] {
        assert!(said.code == 0 || (said.code == 10 && said.err.contains("another start")), "{said}");
    }
    world.owner(&["ledger", "verify"]).ok();
    let founded = world.entries().iter().filter(|entry| orchestrate::view::line(entry).contains("founded on")).count();
    assert_eq!(founded, 1);
}

#[test]
fn a_damaged_ledger_starts_nothing() {
    let world = World::python().bootstrap();
    world.owner(&["task", "open", "something to look at"]).ok();
    world.down().ok();
    let path = world.state().join("ledger.db");
    rusqlite::Connection::open(&path).unwrap().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let at = whole.windows(9).position(|nine| nine == b"something").expect("the entry is in the file");
    let mut damaged = whole.clone();
    damaged[at] ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    world.start().ends(10).says("orchestrate ledger verify");
    world.owner(&["ledger", "verify"]).ends(1);
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let said = world.start().ends(10);
    assert!(said.err.contains("hint"), "{said}");
    std::fs::write(&path, &whole).unwrap();
    world.start().ok();
    world.owner(&["ledger", "verify"]).ok();
}

#[test]
fn an_unknown_key_in_the_owners_rules_names_file_and_line() {
    let world = World::python();
    let config = world.path("rules/config.toml");
    let before = std::fs::read_to_string(&config).unwrap();
    let cases = [
        ("rules/config.toml", format!("{before}\n[thresholds]\nsingle_review_line = 50\n"), "single_review_line"),
        ("rules/config.toml", format!("{before}\n[no-such]\nx = 1\n"), "no-such"),
        ("rules/config.toml", format!("{before}\nnot toml at all"), "config.toml:"),
        ("rules/config.toml", format!("{before}\n[thresholds]\nsingle_review_lines = \"many\"\n"), "single_review_lines"),
        ("rules/gates/10-red.toml", "name = \"red\"\nabout = \"x\"\nchecks = [\"no-such-check\"]\n".to_owned(), "no-such-check"),
        ("rules/gates/10-red.toml", "name = \"red\"\nabout = \"x\"\nchecks = [\"new-tests-fail\"]\nlimit = 3\n".to_owned(), "limit"),
        ("rules/gates/45-canary.toml", "name = \"red\"\nabout = \"x\"\nchecks = []\n".to_owned(), "45-canary.toml"),
        ("rules/roles/dev.md", "+++\nname = \"dev\"\ncolor = \"red\"\n+++\nx\n".to_owned(), "dev.md:"),
        ("rules/roles/dev.md", "no front matter".to_owned(), "dev.md:1"),
    ];
    std::fs::create_dir(world.path("rules/gates")).unwrap();
    for (name, text, words) in cases {
        let path = world.path(name);
        let kept = std::fs::read(&path).ok();
        std::fs::write(&path, text).unwrap();
        failed(&world, world.start(), words);
        match kept {
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
    }
    world.start().ok();
}

/// A state folder that others can enter, that is a link, or that is too deep for a socket's path: told with the fix, before anything is made.
#[test]
fn a_state_folder_that_cannot_be_trusted_or_used_is_refused() {
    let mut world = World::bare();
    project::git(&world.path("home"), &["init", "-q", "-b", "main", "../mine"]);
    project::git(&world.path("mine"), &["commit", "-q", "--allow-empty", "-m", "x"]);
    let (open, link, deep) = (world.path("open"), world.path("link"), world.path(&"d".repeat(90)));
    for (folder, mode) in [(&open, 0o750), (&deep, 0o700)] {
        std::fs::create_dir(folder).unwrap();
        std::fs::set_permissions(folder, PermissionsExt::from_mode(mode)).unwrap();
    }
    std::os::unix::fs::symlink(world.path("state"), &link).unwrap();
    for (folder, words, fix) in
        [(open, "others can enter it", "chmod 700"), (link, "not a folder of yours", "ls -ld"), (deep, "too long", "export ORCHESTRATE_STATE=")]
    {
        world.set("ORCHESTRATE_STATE", folder.to_str().unwrap());
        start_at(&world, &world.path("mine")).ends(10).says(words).says(fix);
        let made = std::fs::read_dir(&folder).unwrap().flatten().filter(|entry| entry.path().is_dir()).count();
        assert_eq!(made, 0, "something was made in {}", folder.display());
    }
    nothing_left(&world);
}

#[test]
fn a_clone_that_became_a_link_is_not_followed_and_keeps_nobody_else_from_starting() {
    let world = World::python().bootstrap();
    world.down().ok();
    let (clone, home) = (world.seat("dev-a").clone_folder(), world.path("home"));
    std::fs::rename(&clone, world.path("taken")).unwrap();
    std::os::unix::fs::symlink(&home, &clone).unwrap();
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o755)).unwrap();
    world.start().ok().says("7 panes, 7 started");
    let log = std::fs::read_to_string(world.state().join("supervisor.log")).unwrap();
    assert!(log.contains("dev-a stays as it is: cannot use") && log.contains("dev-a.away"), "{log}");
    assert_eq!(std::fs::metadata(&home).unwrap().permissions().mode() & 0o777, 0o755);
    world.seat("dev-b").run("orchestrate whoami").ok();
    std::fs::remove_file(&clone).unwrap();
    std::fs::rename(world.path("taken"), &clone).unwrap();
}

/// The whole workshop on a small file system that fills up: every command says so, nothing is kept by halves, and with space it goes on.
#[test]
fn a_disk_that_fills_up_stops_what_writes_and_loses_nothing() {
    let world = World::python();
    let (state, repo, agent) = (world.path("state"), world.repo(), world.path("agent"));
    let script = format!(
        r#"
o() {{ {program:?} -C {repo:?} "$@"; echo "[$?]"; }}
o bootstrap {repo:?} --agent {agent:?} --detach --yes
o task open 'while there is space'
{{ head -c 2000000000 /dev/zero >{state:?}/ballast; }} 2>/dev/null
echo FULL
o task open 'the last page' >/dev/null 2>&1
o task open 'nowhere to write this down'
o freeze --reason 'nor this'
o status
o doctor
o ledger verify
o down
rm {state:?}/ballast
echo FREED
o bootstrap {repo:?} --agent {agent:?} --detach --yes
o task open 'and on it goes'
o task list
o ledger verify
o down
"#,
        program = env!("CARGO_BIN_EXE_orchestrate")
    );
    let size = (std::fs::metadata(env!("CARGO_BIN_EXE_orchestrate")).unwrap().len() + 80_000_000).to_string();
    let walls = ["--dev-bind", "/", "/", "--perms", "0700", "--size", &size, "--tmpfs", state.to_str().unwrap()];
    let said = world.command("bwrap", &[&walls[..], &["sh", "-c", &script]].concat(), "").ok();
    let (before, rest) = said.out.split_once("FULL\n").unwrap_or_else(|| panic!("{said}"));
    let (full, after) = rest.split_once("FREED\n").unwrap_or_else(|| panic!("{said}"));
    assert!(before.ends_with("[0]\n") && before.contains("T1"), "{said}");
    assert_eq!(full.matches("[10]").count(), 3, "two that write, and doctor: {said}");
    assert!(full.contains("the ledger holds") && full.contains("too little free disk"), "{said}");
    assert!(full.contains("it was stopped is not on record") && full.ends_with("[0]\n"), "the way down is open: {said}");
    assert!(said.err.contains("database or disk is full\nhint: look for space and disk errors: df -h "), "{said}");
    assert!(!after.contains("[10]") && after.contains("while there is space") && after.contains("and on it goes"), "{said}");
    assert!(!after.contains("nowhere to write") && after.contains("the ledger holds"), "{said}");
}

/// Twenty freezes by a librarian who has gone wild: the owner ends each alone, is told in a few messages, and takes the right from her.
/// After that the machine's clock is set back by it all: time goes on from where it stood.
#[test]
fn a_rogue_librarian_is_outlasted_and_a_clock_that_goes_back_is_no_matter() {
    let world = World::python();
    let mail = Post::mail(Manner::Plain);
    world.rule(&format!(
        "[mail]\nserver = \"{}\"\nsecurity = \"loopback\"\nfrom = \"workshop@example.org\"\nto = [\"owner@example.org\"]\n",
        mail.address
    ));
    let world = world.bootstrap();
    for number in 1..=20 {
        world.seat("librarian").run(&format!("orchestrate freeze --reason 'because, {number}'")).ok();
        world.seat("dev-a").run("orchestrate lock acquire src").ends(4).says("because");
        world.owner_types(&["thaw", "--alone"], &format!("{}\n", world.code_at(number * 30))).ok();
    }
    world.seat("dev-a").run("orchestrate lock acquire src && orchestrate lock release").ok();
    mail.wait(|text| text.contains("FROZEN: because, 1"));
    assert!(mail.taken().len() < 6, "a digest, not a flood: {}", mail.taken().len());
    let role = std::fs::read_to_string(world.path("rules/roles/librarian.md")).unwrap();
    world.rules("roles/librarian.md", &role.replace("\"freeze\", ", "").replace(", \"freeze\"", ""));
    world.owner(&["config", "adopt", "--alone"]).ok();
    world.seat("librarian").run("orchestrate freeze --reason 'once more'").ends(1).says("not-your-role");
    world.ahead(400 * 86_400);
    world.owner(&["task", "open", "in the far future"]).ok();
    world.ahead(0);
    world.owner(&["task", "open", "and not before it"]).ok();
    world.down().ok();
    let said = world.start().ok();
    assert!(said.out.contains("behind the record") || said.err.contains("behind the record"), "{said}");
    world.seat("dev-a").run("orchestrate lock acquire src && orchestrate mail send dev-b --subject hello --body there").ok();
    let times: Vec<u64> = world.entries().iter().map(|entry| entry.time).collect();
    assert!(times.is_sorted());
    world.owner(&["report", "daily"]).ok();
    world.owner(&["ledger", "verify"]).ok();
}
