//! The wall: what a seat cannot see, reach or leave behind for somebody outside to run.

use crate::world::processes::Family;
use crate::world::{World, project};
use std::net::TcpListener;

#[test]
fn a_seat_sees_its_own_things_and_nothing_else() {
    let world = World::python().bootstrap();
    files(&world);
    processes(&world);
    network(&world);
    world.seat("dev-a").run("orchestrate whoami").ok();
}

fn files(world: &World) {
    let (seat, state) = (world.seat("dev-a"), world.state());
    let shown = |name: &str| state.join(name).display().to_string();
    for name in ["", "keys", "ledger.db", "gate.git", "clones/dev-b", "homes/dev-b", "run/owner.sock", "run/hook.sock", "run/tmux.sock", "start.json"] {
        let said = seat.run(&format!("ls -d '{}'", shown(name)));
        assert_ne!(said.code, 0, "{said}");
    }
    seat.run(&format!("ls -d '{}'", world.repo().display())).ends(2);
    seat.run("ls /run/orchestrate/seat.sock").ok();
    for name in ["owner.sock", "hook.sock", "tmux.sock", "totp.secret", "ledger.db"] {
        let said = seat.run(&format!("find / -name {name} -not -path '/proc/*' 2>/dev/null | grep ."));
        assert_ne!(said.code, 0, "{said}");
    }
    for file in ["/opt/orchestrate/mirror.git/evil", "/opt/orchestrate/bin/evil", "/run/orchestrate/evil", "/usr/evil", "/etc/evil"] {
        let said = seat.run(&format!("touch {file}"));
        assert_ne!(said.code, 0, "{said}");
    }
    let said = seat.run("git -C /opt/orchestrate/mirror.git update-ref refs/heads/evil HEAD; echo > /opt/orchestrate/mirror.git/HEAD");
    assert_ne!(said.code, 0, "{said}");
    assert!(!std::fs::read_to_string(state.join("mirror.git/HEAD")).unwrap().trim().is_empty());
}

fn processes(world: &World) {
    let seat = world.seat("dev-a");
    let supervisor = Family::of(&world.path("")).supervisor();
    let own = std::process::id();
    for pid in [supervisor.to_string(), own.to_string()] {
        let seen = seat.run(&format!("tr '\\0' ' ' < /proc/{pid}/cmdline")).out;
        assert!(!seen.contains("supervise") && !seen.contains("deps/all"), "{seen}");
    }
    let all = seat.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '").out;
    assert!(!all.contains("supervise") && !all.contains("tmux -S"), "{all}");
    let said = seat.run("unshare -Ur true || unshare -r true");
    assert_ne!(said.code, 0, "a namespace of its own: {said}");
}

fn network(world: &World) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let seat = world.seat("dev-a");
    seat.run("awk 'NR > 2 { print $1 }' /proc/net/dev | grep -v lo: | grep .").ends(1);
    let said = seat.run(&format!("bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}'"));
    assert_ne!(said.code, 0, "{said}");
    let relay = |target: &str| {
        format!("bash -c 'exec 3<>/dev/tcp/127.0.0.1/3128 && printf \"CONNECT {target} HTTP/1.1\\r\\n\\r\\n\" >&3 && head -c 12 <&3 | grep -q \" 200\"'")
    };
    for target in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), "169.254.169.254:80".to_owned(), "api.anthropic.com:22".to_owned()] {
        let said = seat.run(&relay(&target));
        assert_ne!(said.code, 0, "the relay leads to {target}: {said}");
    }
    assert!(listener.accept().is_err(), "somebody came through");
}

/// What a seat plants in its clone and home is run and followed by nobody outside. The last line shows that the trap is a real one.
#[test]
fn nothing_that_a_seat_plants_runs_outside() {
    let mut world = World::python().bootstrap();
    world.delivered();
    let (clone, sprung) = (world.seat("dev-a").clone_folder(), world.path("sprung"));
    let trap = clone.join("trap");
    let script = format!("#!/bin/sh\n[ -e /opt/orchestrate/bin ] || touch '{}'\ncat 2>/dev/null\n", sprung.display());
    std::fs::write(world.seat("dev-a").home().join("script"), script).unwrap();
    let host = trap.display();
    let plant = format!(
        "cp ~/script trap && chmod +x trap && mkdir -p .git/evil && for hook in post-checkout pre-commit post-merge pre-push reference-transaction post-index-change fsmonitor-watchman; do cp trap .git/evil/$hook; done
git config core.fsmonitor '{host}'; git config core.hooksPath '{}/.git/evil'; git config core.sshCommand '{host}'; git config core.pager '{host}'
git config diff.external '{host}'; git config filter.x.clean '{host}'; git config filter.x.smudge '{host}'; git config uploadpack.packObjectsHook '{host}'
git config alias.status '!{host}'; git config core.alternateRefsCommand '{host}'; git config gpg.program '{host}'; echo '* filter=x diff=x' > .gitattributes
cp .git/config ~/.gitconfig; rm -rf ~/.orchestrate && ln -s '{}' ~/.orchestrate; ln -sf '{}' ~/whoami",
        clone.display(),
        world.path("home").display(),
        world.path("home/evil").display()
    );
    world.seat("dev-a").run(&plant).ok();
    let outside = |world: &World| {
        world.owner(&["status"]).ok();
        world.owner(&["task", "list"]).ok();
        world.owner(&["deliver"]).ok();
        world.start().ok();
        world.owner(&["doctor"]);
    };
    outside(&world);
    world.down().ok();
    world.start().ok();
    outside(&world);
    assert!(!sprung.exists(), "something planted ran outside");
    let home: Vec<_> = std::fs::read_dir(world.path("home")).unwrap().collect();
    assert!(home.is_empty(), "a link was followed: {home:?}");
    std::process::Command::new("git").args(["status"]).current_dir(&clone).output().unwrap();
    assert!(sprung.exists(), "the trap is no trap");
    assert!(project::snapshot(&world.repo()).contains("refs/heads/main"));
}
