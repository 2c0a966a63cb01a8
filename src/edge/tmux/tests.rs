use super::*;
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// A private server in a folder of its own, ended with the test.
struct Server {
    folder: tempfile::TempDir,
    tmux: Tmux,
}

impl Server {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tmux = Tmux::find(&folder.path().join("tmux.sock")).unwrap();
        Self { folder, tmux }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn ask(&self, words: &[&str]) -> String {
        self.tmux.batch(&command(words)).unwrap()
    }

    /// Builds one pane that runs this, and opens a connection that also carries output.
    fn one(&self, argv: &[&str]) -> (String, Control, Receiver<Event>) {
        let pane = self.tmux.build("team", &grid(&[1], argv)).unwrap().remove(0);
        let (control, events) = Control::open(&self.tmux, "team", Feed::Output).unwrap();
        (pane, control, events)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tmux.stop().unwrap();
    }
}

fn spec(seat: &str, argv: &[impl AsRef<OsStr>]) -> PaneSpec {
    let argv = argv.iter().map(|each| each.as_ref().to_owned()).collect();
    PaneSpec { seat: seat.into(), title: format!("the {seat}"), colour: "colour39".into(), argv, cwd: "/".into() }
}

fn grid(columns: &[usize], argv: &[impl AsRef<OsStr>]) -> Grid {
    let row = |(at, count): (usize, &usize)| (0..*count).map(|column| spec(&format!("seat-{at}-{column}"), argv)).collect();
    Grid { rows: columns.iter().enumerate().map(row).collect(), width: 80, height: 24, config: None }
}

fn cat() -> Vec<OsString> {
    vec!["/bin/cat".into(), "-u".into()]
}

fn until(events: &Receiver<Event>, wanted: impl Fn(&Event) -> bool) -> Event {
    loop {
        let event = events.recv_timeout(Duration::from_secs(20)).expect("the event that the test waits for");
        if wanted(&event) {
            return event;
        }
    }
}

/// The distinct tops and lefts, and the least and greatest height and width, in cells with their captions.
fn shape(server: &Server) -> (usize, usize, [u32; 4]) {
    let panes = server.tmux.panes().unwrap();
    let said = server.ask(&["list-panes", "-t", "=team:", "-F", "#{pane_top} #{pane_left}"]);
    let column = |at: usize| {
        let mut all: Vec<&str> = said.lines().map(|line| line.split(' ').nth(at).unwrap()).collect();
        all.sort_unstable();
        all.dedup();
        all.len()
    };
    let range = |of: fn(&Pane) -> u32| [panes.iter().map(of).min().unwrap(), panes.iter().map(of).max().unwrap()];
    let ([low, high], [narrow, wide]) = (range(|pane| pane.height), range(|pane| pane.width));
    (column(0), column(1), [low, high, narrow, wide])
}

/// Waits until tmux has fitted the window to this size, and then our hook has, too.
fn evened(events: &Receiver<Event>, size: &str) {
    let layout = format!(",{size},0,0[");
    for _ in ["tmux", "hook"] {
        until(events, |event| matches!(event, Event::Other(line) if String::from_utf8_lossy(line).contains(&layout)));
    }
}

#[test]
fn twelve_panes_keep_four_rows_of_three_at_every_size() {
    let server = Server::new();
    let ids = server.tmux.build("team", &grid(&[3, 3, 3, 3], &cat())).unwrap();
    assert_eq!(ids.len(), 12);
    assert_eq!(shape(&server), (4, 3, [4, 5, 26, 26]), "one line is the status line's");
    let (mut control, events) = Control::open(&server.tmux, "team", Feed::Output).unwrap();
    // A control client has no status line.
    let sizes = [("80x24", [5, 5, 26, 26]), ("200x60", [14, 14, 66, 66]), ("133x41", [9, 10, 43, 44]), ("80x24", [5, 5, 26, 26])];
    let resize = |control: &mut Control, size: &str| {
        control.call(&["refresh-client", "-C", size]).unwrap();
        evened(&events, size);
    };
    for (size, even) in sizes {
        resize(&mut control, size);
        assert_eq!(shape(&server), (4, 3, even), "{size}");
    }
    for height in 25..=60 {
        resize(&mut control, &format!("80x{height}"));
    }
    assert_eq!(shape(&server), (4, 3, [14, 14, 26, 26]), "pulled larger line by line");
    control.call(&["resize-pane", "-Z", "-t", &ids[4]]).unwrap();
    control.call(&["refresh-client", "-C", "100x40"]).unwrap();
    assert_eq!(server.ask(&["display-message", "-p", "-t", "=team:", "#{window_zoomed_flag}"]), "1\n");
    assert_eq!(server.tmux.panes().unwrap().into_iter().map(|pane| pane.id).collect::<Vec<_>>(), ids);
}

#[test]
fn a_real_terminal_gets_the_grid_and_detaches() {
    let server = Server::new();
    server.tmux.build("team", &grid(&[3, 3, 3, 3], &cat())).unwrap();
    let (_control, events) = Control::open(&server.tmux, "team", Feed::Quiet).unwrap();
    let quoted = |word: &OsString| format!("'{}'", word.to_str().unwrap());
    let attach = server.tmux.attach("team", None).iter().map(quoted).collect::<Vec<_>>().join(" ");
    let mut terminal = Command::new("script")
        .args(["-qec", &format!("stty rows 60 cols 200; {attach}"), "/dev/null"])
        .envs([("TERM", "xterm-256color"), ("TMUX", "/nowhere,1,0"), ("SHELL", "/bin/sh")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    evened(&events, "200x59");
    assert_eq!(shape(&server), (4, 3, [13, 14, 66, 66]));
    terminal.stdin.as_mut().unwrap().write_all(b"\x02d").unwrap();
    let output = terminal.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("seat-3-2"), "the captions are on the screen");
    assert!(server.tmux.runs().unwrap());
}

#[test]
fn other_shapes_are_built_too() {
    for (columns, rows) in [(vec![1], 1), (vec![1, 1], 2), (vec![3], 1), (vec![1, 4, 2], 3), (vec![2, 2, 2, 2, 2, 2], 6)] {
        let server = Server::new();
        assert_eq!(server.tmux.build("team", &grid(&columns, &cat())).unwrap().len(), columns.iter().sum::<usize>());
        assert_eq!(shape(&server).0, rows, "{columns:?}");
        let layout = server.ask(&["display-message", "-p", "-t", "=team:", "#{window_layout}"]);
        assert!(layout.contains("80x2"), "{layout}");
    }
}

#[test]
fn every_argument_arrives_as_it_is() {
    let server = Server::new();
    let folder = server.path("a ;b 'c' \"d\" $(touch x) #(touch y) #[fg=red] #{pid} ##\n \u{fc};");
    std::fs::create_dir(&folder).unwrap();
    let script = "printf '%s\\0' \"$PWD\" \"$@\" > $0; exec cat";
    let nasty: Vec<OsString> = [
        &b";"[..],
        b"a;",
        b"a\\;",
        b"\\",
        b"",
        b" ",
        b"'",
        b"\"",
        b"$HOME",
        b"$(touch x)",
        b"`touch x`",
        b"#(touch x)",
        b"#{pid}",
        b"##",
        b"#",
        b"~",
        b"-x",
        b"--",
        b"{",
        b"}",
        b"%if",
        b"a\nb \n  c",
        b"\n# not a comment",
        b"\t",
        b"\x1b[2J",
        b"\xc3\xa9",
        b"\xff\xfe",
        b"!",
        b"*",
        b"kill-server",
    ]
    .iter()
    .map(|bytes| OsStr::from_bytes(bytes).to_owned())
    .collect();
    let out = server.path("out");
    let mut argv: Vec<OsString> = vec!["/bin/sh".into(), "-c".into(), script.into(), out.clone().into()];
    argv.extend(nasty.clone());
    // Far more than the 16 KiB that tmux takes as arguments.
    argv.push("x".repeat(60_000).into());
    let mut wanted: Vec<u8> = folder.as_os_str().as_bytes().to_vec();
    argv[4..].iter().for_each(|word| {
        wanted.push(0);
        wanted.extend(word.as_bytes());
    });
    wanted.push(0);
    let mut grid = grid(&[1], &argv);
    grid.rows[0][0].cwd = folder.clone();
    let pane = server.tmux.build("team", &grid).unwrap().remove(0);
    let (_control, events) = Control::open(&server.tmux, "team", Feed::Quiet).unwrap();
    let ended = |events: &Receiver<Event>| until(events, |event| matches!(event, Event::PaneDied(_)));
    server.ask(&["send-keys", "-t", &pane, "C-d"]);
    ended(&events);
    assert_eq!(std::fs::read(&out).unwrap(), wanted);
    std::fs::remove_file(&out).unwrap();
    server.tmux.respawn(&pane, &argv, &folder).unwrap();
    server.ask(&["send-keys", "-t", &pane, "C-d"]);
    ended(&events);
    assert_eq!(std::fs::read(&out).unwrap(), wanted);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "something ran");
}

#[test]
fn a_lone_program_is_executed_and_not_read_by_a_shell() {
    let server = Server::new();
    let program = server.path("a program; touch $(x) 'y'");
    std::os::unix::fs::symlink("/bin/cat", &program).unwrap();
    let (pane, mut control, events) = server.one(&[program.to_str().unwrap()]);
    control.call(&["send-keys", "-t", &pane, "hello", "Enter"]).unwrap();
    until(&events, |event| matches!(event, Event::Output { bytes, .. } if bytes.windows(5).any(|part| part == b"hello")));
    assert!(!server.tmux.panes().unwrap()[0].dead);
}

#[test]
fn titles_and_captions_cannot_act() {
    let server = Server::new();
    let mark = server.path("x");
    let touch = format!("#(touch {}) #[fg=red] #{{pid}} \u{1b}]0;z\u{7}: a", mark.display());
    let osc = format!("printf '\\033]2;#(touch {})\\033\\\\'; echo up; exec cat", mark.display());
    let mut grid = grid(&[1], &["/bin/sh", "-c", &osc]);
    grid.rows[0][0].title = touch.clone();
    grid.rows[0][0].colour = "red]#(touch x)".into();
    let pane = server.tmux.build("team", &grid).unwrap().remove(0);
    let (mut control, events) = Control::open(&server.tmux, "team", Feed::Output).unwrap();
    server.tmux.caption(&pane, &touch, "green").unwrap();
    control.caption(&pane, &touch, &touch).unwrap();
    control.call(&["refresh-client", "-C", "100x30"]).unwrap();
    until(&events, |event| matches!(event, Event::Other(line) if line.starts_with(b"%layout-change")));
    let shown = server.tmux.panes().unwrap().remove(0);
    assert_eq!(shown.title, plain(&touch));
    let option = |name: &str| server.ask(&["show-options", "-p", "-v", "-t", &pane, name]).trim().to_owned();
    assert_eq!((option("@tint"), option("@colour")), ("default".into(), "default".into()));
    let border = server.ask(&["display-message", "-p", "-t", &pane, "#{E:pane-border-format}"]);
    assert!(border.contains("seat-0-0") && border.contains(&plain(&touch)), "{border}");
    assert!(!mark.exists());
}

#[test]
fn a_seat_cannot_rename_the_window_to_fake_an_end() {
    let server = Server::new();
    let script = r"printf '\033kended %%9\033\\'; printf '%s' over; exec cat";
    let (pane, _control, events) = server.one(&["/bin/sh", "-c", &format!("read go; {script}")]);
    server.ask(&["send-keys", "-t", &pane, "Enter"]);
    let faked = |event: &Event| matches!(event, Event::PaneDied(_));
    let over = |event: &Event| matches!(event, Event::Output { bytes, .. } if bytes.windows(4).any(|part| part == b"over"));
    assert!(over(&until(&events, |event| faked(event) || over(event))));
    assert_eq!(server.ask(&["display-message", "-p", "-t", "=team:", "#{window_name}"]), "grid\n");
}

#[test]
fn a_dead_pane_is_told_seen_and_started_again() {
    let server = Server::new();
    let (pane, mut control, events) = server.one(&["/bin/sh", "-c", "read code; exit $code"]);
    for code in ["7", "0", "1", "9", "2", "8", "3", "4", "5", "6"] {
        control.call(&["send-keys", "-t", &pane, code, "Enter"]).unwrap();
        assert_eq!(until(&events, |event| matches!(event, Event::PaneDied(_))), Event::PaneDied(pane.clone()));
        let dead = server.tmux.panes().unwrap().remove(0);
        assert_eq!((dead.dead, dead.exit, dead.seat.as_str()), (true, code.parse().ok(), "seat-0-0"));
        server.tmux.respawn(&pane, &["/bin/sh".into(), "-c".into(), "read code; exit $code".into()], Path::new("/")).unwrap();
        let again = server.tmux.panes().unwrap().remove(0);
        assert!(!again.dead && again.id == pane && again.pid != dead.pid && again.seat == dead.seat);
    }
}

#[test]
fn panes_that_were_closed_come_back_in_their_places() {
    let server = Server::new();
    let whole = grid(&[3, 3, 3, 3], &cat());
    let ids = server.tmux.build("team", &whole).unwrap();
    let (control, events) = Control::open(&server.tmux, "team", Feed::Quiet).unwrap();
    let order: Vec<&str> = whole.seats().collect();
    let before: Vec<Pane> = server.tmux.panes().unwrap();
    for gone in [vec![0], vec![11], vec![3, 4, 5], vec![0, 1, 7, 11]] {
        let living = server.tmux.panes().unwrap();
        for at in &gone {
            server.ask(&["kill-pane", "-t", &living[*at].id]);
            until(&events, Event::reshapes);
        }
        let specs: Vec<PaneSpec> = gone.iter().map(|at| spec(order[*at], &cat())).collect();
        server.tmux.restore("team", &order, &specs, &whole.shape()).unwrap();
        let now = server.tmux.panes().unwrap();
        let place = |pane: &Pane| (pane.seat.clone(), pane.title.clone(), pane.width, pane.height, pane.dead);
        assert_eq!(now.iter().map(place).collect::<Vec<_>>(), before.iter().map(place).collect::<Vec<_>>(), "{gone:?}");
        let kept = |at: &usize| !gone.contains(at);
        assert!((0..12).filter(kept).all(|at| now[at].id == living[at].id), "those that lived go on");
    }
    assert!(ids.contains(&server.tmux.panes().unwrap()[2].id));
    drop(control);
}

#[test]
fn split_characters_and_forged_lines_pass_through_control_mode() {
    let server = Server::new();
    let script = r"printf '\303'; read go; printf '\251 \033[1m\\ %%end 1 1 1'; printf 'END'; exec cat";
    let (pane, mut control, events) = server.one(&["/bin/sh", "-c", &format!("read go; stty -echo; echo up; read go; {script}")]);
    let collect = |end: &[u8]| {
        let mut all = Vec::new();
        while !all.ends_with(end) {
            if let Event::Output { bytes, .. } = until(&events, |event| matches!(event, Event::Output { .. })) {
                all.extend(bytes);
            }
        }
        all
    };
    control.call(&["send-keys", "-t", &pane, "Enter"]).unwrap();
    collect(b"up\r\n");
    control.call(&["send-keys", "-t", &pane, "Enter"]).unwrap();
    assert_eq!(collect(b"\xc3"), b"\xc3");
    control.call(&["send-keys", "-t", &pane, "Enter"]).unwrap();
    assert_eq!(collect(b"END"), b"\xa9 \x1b[1m\\ %end 1 1 1END");
    assert!(server.tmux.capture(&pane).unwrap().contains("\u{e9} \\ %end 1 1 1END"));
}

#[test]
fn a_call_answers_every_line_or_says_what_was_wrong() {
    let server = Server::new();
    let (_, mut control, events) = server.one(&["/bin/cat"]);
    assert_eq!(
        control.call(&["display-message", "-p", "a\nb;'\"\\#{session_name} \u{e9}"]).unwrap().concat(),
        "ab;'\"\\team \u{e9}".as_bytes()
    );
    assert_eq!(control.call(&["list-sessions", "-F", "#{session_name}"]).unwrap(), [b"team"]);
    assert!(control.call(&["no-such-command"]).unwrap_err().why.contains("no-such-command"));
    assert!(control.call(&["select-pane", "-t", "%77"]).is_err());
    assert!(control.call(&[]).is_err());
    assert!(Control::open(&server.tmux, "nobody", Feed::Quiet).is_err_and(|failure| failure.why.contains("nobody")));
    assert_eq!(control.call(&["display-message", "-p", "still"]).unwrap(), [b"still"]);
    server.tmux.stop().unwrap();
    until(&events, |event| matches!(event, Event::Exit(_)));
    assert!(control.call(&["list-sessions"]).is_err());
}

#[test]
fn stop_ends_our_server_and_no_other() {
    let (ours, theirs) = (Server::new(), Server::new());
    ours.tmux.build("team", &grid(&[1], &cat())).unwrap();
    theirs.tmux.build("team", &grid(&[2], &cat())).unwrap();
    let pid = ours.ask(&["display-message", "-p", "#{pid}"]);
    ours.tmux.stop().unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "the server is gone when stop returns: {stat}");
    assert!(ours.tmux.panes().unwrap().is_empty());
    assert_eq!(theirs.tmux.panes().unwrap().len(), 2);
    ours.tmux.stop().unwrap();
    assert_eq!(ours.tmux.build("team", &grid(&[1], &cat())).unwrap().len(), 1, "a new one can follow at once");
}

#[test]
fn stop_leaves_nobody_who_does_not_hear_that_the_terminal_is_gone() {
    let server = Server::new();
    let said = server.path("orphan");
    assert!(Command::new("mkfifo").arg(&said).status().unwrap().success());
    // As a sandbox that is only being put up: the child is not bound to its parent yet, and hears of nothing.
    let script = format!("(trap '' HUP TERM; sh -c 'echo $PPID >{}; exec tail -f /dev/null') & exec cat", said.display());
    let _pane = server.one(&["/bin/sh", "-c", &script]);
    let orphan: i32 = std::fs::read_to_string(&said).unwrap().trim().parse().unwrap();
    let lives = || std::fs::read_to_string(format!("/proc/{orphan}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    assert!(lives());
    server.tmux.stop().unwrap();
    assert!(!lives(), "{orphan} outlived its terminal");
}

#[test]
fn nothing_of_the_callers_environment_reaches_a_pane() {
    let server = Server::new();
    let (pane, mut control, events) = server.one(&["/bin/sh", "-c", "read go; env | cut -d= -f1 | sort | tr '\\n' ' '; exec cat"]);
    control.call(&["send-keys", "-t", &pane, "Enter"]).unwrap();
    until(&events, |event| matches!(event, Event::Output { bytes, .. } if bytes.windows(4).any(|part| part == b"TMUX")));
    let known = ["LANG", "OLDPWD", "PATH", "PWD", "SHELL", "TERM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "TMUX", "TMUX_PANE", "_"];
    let seen = server.tmux.capture(&pane).unwrap();
    let strange: Vec<&str> = seen.split_whitespace().filter(|name| !known.contains(name)).collect();
    assert_eq!(strange, Vec::<&str>::new());
}

#[test]
fn a_grid_that_cannot_be_built_leaves_nothing_and_harms_nothing() {
    let server = Server::new();
    let mut crowded = grid(&[60], &cat());
    assert!(server.tmux.build("team", &crowded).unwrap_err().why.contains("no space"));
    assert!(server.tmux.panes().unwrap().is_empty());
    server.tmux.build("team", &grid(&[2], &cat())).unwrap();
    assert!(server.tmux.build("team", &grid(&[3], &cat())).unwrap_err().why.contains("duplicate"));
    assert_eq!(server.tmux.panes().unwrap().len(), 2);
    for session in ["", "a:b", "a.b", "=a", "-a", "a b", "$(x)"] {
        assert!(server.tmux.build(session, &grid(&[1], &cat())).is_err(), "{session}");
    }
    crowded.rows = vec![vec![]];
    assert!(server.tmux.build("other", &crowded).is_err());
    for bad in [vec![], vec![OsString::new()], vec!["a\0b".into()]] {
        assert!(server.tmux.build("other", &grid(&[1], &bad)).is_err());
        assert!(server.tmux.respawn("%0", &bad, Path::new("/")).is_err());
    }
    for pane in ["", "0", "%", "%x", "team:", "%1;kill-server", "{last}"] {
        assert!(server.tmux.caption(pane, "x", "red").is_err(), "{pane}");
    }
}

#[test]
fn the_owners_configuration_cannot_open_the_walls() {
    let server = Server::new();
    let config = server.path("own.conf");
    std::fs::write(&config, "set -g allow-rename on\nset -g mouse off\nset -g remain-on-exit off\n").unwrap();
    let mut grid = grid(&[1], &cat());
    grid.config = Some(config);
    server.tmux.build("team", &grid).unwrap();
    let option = |name: &str| server.ask(&["show-options", "-g", "-A", "-v", name]).trim().to_owned();
    assert_eq!([option("mouse"), option("allow-rename"), option("remain-on-exit")], ["off", "off", "on"]);
}

#[test]
fn every_option_of_ours_is_one_that_tmux_knows() {
    let server = Server::new();
    server.tmux.build("team", &grid(&[1], &cat())).unwrap();
    for line in CONF.lines().filter(|line| line.starts_with("set ")) {
        let name = line.split(' ').nth(2).unwrap();
        assert!(!server.ask(&["show-options", "-A", if line.contains("-sq") { "-s" } else { "-g" }, name]).is_empty(), "{name}");
    }
}

#[test]
fn versions_are_read_in_every_spelling() {
    let cases = [("tmux 3.3a", Some((3, 3))), ("tmux 3.0", Some((3, 0))), ("tmux next-3.6", Some((3, 6))), ("tmux 10.1-rc", Some((10, 1)))];
    for (said, wanted) in cases.into_iter().chain([("tmux master", Some((u32::MAX, 0))), ("screen 4.0", None), ("tmux x", None)]) {
        assert_eq!(version(said), wanted, "{said}");
    }
}
