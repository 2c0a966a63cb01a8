//! A film of twelve real clients that work one change, for docs/: `FILM=docs/twelve.cast cargo test --test all real::film`, with `CLAUDE` set.
//!
//! It is an asciinema file (v2) of a terminal that looks at the grid, and some frames of it as text beside it.

use super::program;
use crate::stories::told;
use crate::world::World;
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const WIDTH: usize = 200;
const HEIGHT: usize = 60;
/// Where in the film the frames are taken, in hundredths.
const FRAMES: [usize; 3] = [40, 65, 97];

#[test]
fn twelve_clients_work_one_change_before_a_camera() {
    let (Some(client), Some(film)) = (program(), std::env::var_os("FILM")) else { return };
    let (folder, mut camera) = (tempfile::tempdir().unwrap(), None);
    told("main-path.md", |world| {
        let world = world.every_seat().with_client(&client);
        camera = Some(start(&world, folder.path()));
        world
    });
    camera.unwrap().wait().unwrap();
    let film = Path::new(env!("CARGO_MANIFEST_DIR")).join(film);
    let events = events(folder.path());
    std::fs::write(&film, cast(&events)).unwrap();
    std::fs::write(film.with_extension("txt"), frames(folder.path(), &events)).unwrap();
}

/// Looks at the grid as soon as there is one, until there is none any more.
fn start(world: &World, folder: &Path) -> Child {
    let socket = world.state().join("run/tmux.sock");
    let tmux = format!("tmux -S '{}'", socket.display());
    let line = format!("stty cols {WIDTH} rows {HEIGHT}; until {tmux} has-session 2>/dev/null; do sleep 0.2; done; exec {tmux} attach -r");
    let mut camera = Command::new("script");
    camera.args(["-q", "-f", "-e", "--logging-format", "classic", "--log-timing", "times", "--log-out", "film", "-c"]);
    camera.arg(format!("exec bash -c \"{}\"", line.replace('"', "\\\"")));
    camera.current_dir(folder).env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env_remove("TMUX");
    camera.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// What came when, in seconds from the first of it.
fn events(folder: &Path) -> Vec<(f64, Vec<u8>)> {
    let film = std::fs::read(folder.join("film")).unwrap();
    let times = std::fs::read_to_string(folder.join("times")).unwrap();
    // The first line is the camera's own.
    let mut at = film.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let (mut now, mut events) = (0.0, Vec::new());
    for (pause, bytes) in times.lines().filter_map(|line| line.split_once(' ')) {
        let (pause, bytes): (f64, usize) = (pause.parse().unwrap(), bytes.trim().parse().unwrap());
        now += if events.is_empty() { 0.0 } else { pause.min(1.0) };
        events.push((now, film[at..film.len().min(at + bytes)].to_vec()));
        at += bytes;
    }
    events
}

fn cast(events: &[(f64, Vec<u8>)]) -> String {
    let mut text = json!({"version": 2, "width": WIDTH, "height": HEIGHT, "title": "twelve Claude Code clients work one change"}).to_string();
    let mut rest = Vec::new();
    for (now, bytes) in events {
        rest.extend_from_slice(bytes);
        // A letter that is not whole yet waits for its end.
        let whole = std::str::from_utf8(&rest).map_or_else(|why| why.valid_up_to(), str::len);
        let said: String = String::from_utf8_lossy(&rest[..whole]).into_owned();
        rest.drain(..whole);
        write!(text, "\n{}", json!([(now * 1000.0).round() / 1000.0, "o", said])).unwrap();
    }
    text + "\n"
}

/// The screen at some moments, as another terminal of the same size shows it.
fn frames(folder: &Path, events: &[(f64, Vec<u8>)]) -> String {
    let end = events.last().unwrap().0;
    let mut text = String::new();
    for part in FRAMES {
        let when = end * part as f64 / 100.0;
        let until: Vec<u8> = events.iter().take_while(|(now, _)| *now <= when).flat_map(|(_, bytes)| bytes.clone()).collect();
        std::fs::write(folder.join("until"), until).unwrap();
        let tmux = |words: &[&str]| {
            let socket = folder.join("tmux");
            let mut command = Command::new("tmux");
            command.args(["-S", socket.to_str().unwrap(), "-f", "/dev/null"]).args(words).env("LANG", "C.UTF-8").env_remove("TMUX");
            String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned()
        };
        let (width, height) = (WIDTH.to_string(), HEIGHT.to_string());
        let show = format!("stty raw; cat '{0}/until'; tmux -S '{0}/tmux' wait-for -S shown; cat", folder.display());
        tmux(&["new-session", "-d", "-x", &width, "-y", &height, &show, ";", "set", "-g", "status", "off"]);
        tmux(&["wait-for", "shown"]);
        let screen = tmux(&["capture-pane", "-p"]);
        tmux(&["kill-server"]);
        writeln!(text, "after {when:.0} s\n\n{}", screen.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end()).unwrap();
        text.push_str("\n\n");
    }
    text
}
