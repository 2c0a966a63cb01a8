//! The grid of seats as one batch of tmux commands.

use super::quote::{colour, command, plain, word};
use crate::domain::failure::Failure;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// One seat's pane: who sits there and what runs there.
#[derive(Debug, Clone)]
pub struct PaneSpec {
    pub seat: String,
    pub title: String,
    pub colour: String,
    /// Executed as it is, by no shell.
    pub argv: Vec<OsString>,
    pub cwd: PathBuf,
}

/// Rows of panes, each row with as many columns as it has panes.
#[derive(Debug, Clone)]
pub struct Grid {
    pub rows: Vec<Vec<PaneSpec>>,
    pub width: u16,
    pub height: u16,
    /// The owner's tmux configuration; without it the embedded one holds.
    pub config: Option<PathBuf>,
}

/// How many panes each row has, and the size that they share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    pub rows: Vec<usize>,
    pub width: u16,
    pub height: u16,
}

/// What holds whatever a configuration says. The name of the window carries the news of an ended pane to control clients, at once and
/// without a process; no program in a pane can set it. What a hook itself does is not told to clients, hence `run-shell -C`: no shell.
const WALLS: &str = "set -sq set-clipboard off
set -gq allow-passthrough off
set -gq allow-rename off
set -gq automatic-rename off
set -gq remain-on-exit on
set -gq update-environment ''
set-hook -g pane-died 'run-shell -b -C \"rename-window \\\"ended #{hook_pane}\\\"\"'
";

impl Grid {
    /// Lists the seats in the order of their panes.
    pub fn seats(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().flatten().map(|pane| pane.seat.as_str())
    }

    /// Says what cannot be built, before anything is.
    pub fn check(&self, session: &str) -> Result<(), Failure> {
        let bad = |why: String| Err(Failure::new("cannot build the grid", why));
        if !is_name(session) {
            return bad(format!("{session:?} is not a session name"));
        }
        if self.rows.is_empty() || self.rows.iter().any(Vec::is_empty) {
            return bad("a row has no pane".to_owned());
        }
        self.rows.iter().flatten().find_map(fault).map_or(Ok(()), bad)
    }

    /// Writes the whole grid as one batch. All commands of the grid stand on one line, so that the first that fails is the last that runs.
    pub fn batch(&self, session: &str) -> String {
        let conf = if self.config.is_some() { "" } else { super::CONF };
        format!("{conf}\n{WALLS}{}\n", self.commands(session).join(" ; "))
    }

    fn commands(&self, session: &str) -> Vec<String> {
        let target = format!("={session}:");
        let mut commands = Vec::new();
        for (row, panes) in self.rows.iter().enumerate() {
            for (column, pane) in panes.iter().enumerate() {
                let place = match (row, column) {
                    (0, 0) => self.first(session),
                    (_, 0) => format!("split-window -f -v -l {} -t {}", share(self.height, row + 1), word(&target)),
                    _ => format!("split-window -h -l {}% -t {}", remaining(column, panes.len()), word(&target)),
                };
                commands.push(command(&["set-option", "-s", "@cwd"]) + " " + &word(pane.cwd.as_os_str().as_bytes()));
                commands.push(format!("{place} {}", start(&pane.argv)));
                commands.extend(labels(&target, pane));
            }
        }
        let layout = command(&["select-layout", "-t", &target, &self.shape().layout()]);
        commands.push(again(&target, &layout));
        commands.push(layout);
        commands.push(command(&["select-pane", "-t", &format!("{target}.{{top-left}}")]));
        commands.push(command(&["list-panes", "-t", &target, "-F", "#{pane_id} #{@seat}"]));
        commands
    }

    fn first(&self, session: &str) -> String {
        let (width, height) = (self.width.to_string(), self.height.to_string());
        command(&["new-session", "-d", "-P", "-F", "made", "-s", session, "-n", "grid", "-x", &width, "-y", &height])
    }

    pub fn shape(&self) -> Shape {
        Shape { rows: self.rows.iter().map(Vec::len).collect(), width: self.width, height: self.height }
    }
}

impl Shape {
    /// Computes tmux's own layout text: even rows, each of even columns, with its checksum.
    pub fn layout(&self) -> String {
        let (width, height) = (usize::from(self.width), usize::from(self.height).saturating_sub(1));
        let mut top = 0;
        let rows: Vec<String> = even(height, self.rows.len())
            .zip(&self.rows)
            .map(|(tall, panes)| {
                let row = row_layout(width, tall, top, *panes);
                top += tall + 1;
                row
            })
            .collect();
        let body = match rows.as_slice() {
            [only] => only.clone(),
            _ => format!("{width}x{height},0,0[{}]", rows.join(",")),
        };
        format!("{:04x},{body}", checksum(&body))
    }
}

/// Applies the layout again when the window gets another size: on its own tmux gives every single line more to the first row. The layout
/// brings its own size along; setting `window-size` then fits it to the terminal again, evenly, and `@even` remembers that this second
/// change of size is our own. A zoomed pane stays zoomed.
fn again(target: &str, layout: &str) -> String {
    let wanted = format!("#{{?#{{||:#{{window_zoomed_flag}},#{{==:#{{@even}},{SIZE}}}}},0,1}}");
    let even = command(&["if-shell", "-F", &wanted, &fitted(target, layout)]);
    command(&["set-option", "-w", "-q", "-t", target, "window-resized", &even])
}

const SIZE: &str = "#{window_width}x#{window_height}";

fn fitted(target: &str, layout: &str) -> String {
    let note = command(&["set-option", "-w", "-F", "-t", target, "@even", SIZE]);
    let fit = command(&["set-option", "-w", "-t", target, "window-size", "latest"]);
    format!("{note} ; {layout} ; {fit}")
}

/// Gives a grid its shape again.
pub fn evened(session: &str, shape: &Shape) -> String {
    let target = format!("={session}:");
    fitted(&target, &command(&["select-layout", "-t", &target, &shape.layout()]))
}

/// Makes a pane beside another and starts its program; the pane that was in front stays in front.
pub fn insert(session: &str, pane: &PaneSpec, beside: &str, first: bool) -> String {
    let target = format!("={session}:");
    let folder = command(&["set-option", "-s", "@cwd"]) + " " + &word(pane.cwd.as_os_str().as_bytes());
    let split = command(&["split-window", if first { "-bv" } else { "-v" }, "-t", beside]);
    // Many missing at once would halve one pane until there is no room.
    let room = command(&["select-layout", "-t", &target, "tiled"]);
    let mut commands = vec![room, folder, format!("{split} {}", start(&pane.argv))];
    commands.extend(labels(&target, pane));
    commands.push(command(&["set-option", "-F", "-s", "-t", &target, "@started", "#{pane_id} #{pane_pid}"]));
    commands.push(command(&["rename-window", "-t", &target, "started #{@started}"]));
    commands.push(command(&["last-pane", "-t", &target]));
    commands.join(" ; ")
}

fn row_layout(width: usize, tall: usize, top: usize, count: usize) -> String {
    let mut left = 0;
    let cells: Vec<String> = even(width, count)
        .map(|wide| {
            let cell = format!("{wide}x{tall},{left},{top},0");
            left += wide + 1;
            cell
        })
        .collect();
    match cells.as_slice() {
        [only] => only.clone(),
        _ => format!("{width}x{tall},0,{top}{{{}}}", cells.join(",")),
    }
}

/// Divides a length among `count` cells with one line between each; the first ones get what is left over.
fn even(total: usize, count: usize) -> impl Iterator<Item = usize> {
    let free = total.saturating_sub(count - 1);
    (0..count).map(move |at| (free / count + usize::from(at < free % count)).max(1))
}

/// The checksum that tmux wants before a layout.
fn checksum(body: &str) -> u16 {
    body.bytes().fold(0u16, |sum, byte| sum.rotate_right(1).wrapping_add(u16::from(byte)))
}

/// The lines of a new row while rows are added: an even share, which the layout then makes exact.
fn share(height: u16, rows: usize) -> usize {
    (usize::from(height) / (rows + 1)).max(1)
}

fn remaining(column: usize, columns: usize) -> usize {
    100 * (columns - column) / (columns - column + 1)
}

fn labels(target: &str, pane: &PaneSpec) -> [String; 4] {
    let (seat, title) = (plain(&pane.seat), plain(&pane.title));
    let option = |name: &str, value: &str| command(&["set-option", "-p", "-t", target, name, value]);
    let own = command(&["select-pane", "-t", target, "-T", &format!("{seat} {title}")]);
    [option("@seat", &seat), option("@title", &title), option("@colour", colour(&pane.colour)), own]
}

/// The end of a command that starts a program: its folder and its words. The folder goes by way of an option, because tmux expands `-c` as a
/// format, and `#(...)` in a format is a shell command.
pub fn start(argv: &[OsString]) -> String {
    let words: Vec<String> = direct(argv).iter().map(|each| word(each.as_bytes())).collect();
    format!("-c {} -- {}", word("#{@cwd}"), words.join(" "))
}

/// Gives a single word company: alone, tmux would hand it to a shell as a command line.
fn direct(argv: &[OsString]) -> Vec<&OsStr> {
    let lone: &[&str] = if argv.len() == 1 { &["/bin/sh", "-c", "exec \"$0\""] } else { &[] };
    lone.iter().map(OsStr::new).chain(argv.iter().map(OsString::as_os_str)).collect()
}

/// Says why this pane cannot be started.
pub fn fault(pane: &PaneSpec) -> Option<String> {
    let nul = |text: &OsStr| text.as_bytes().contains(&0);
    match pane {
        _ if !is_name(&pane.seat) => Some(format!("{:?} is not a seat name", pane.seat)),
        _ if pane.argv.first().is_none_or(|program| program.is_empty()) => Some(format!("{} has no command", pane.seat)),
        _ if pane.argv.iter().any(|each| nul(each)) || nul(pane.cwd.as_os_str()) => {
            Some(format!("{} has a NUL byte in its command", pane.seat))
        }
        _ => None,
    }
}

/// A name that tmux takes as it is, in every place.
pub fn is_name(text: &str) -> bool {
    let bytes = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    bytes && !text.starts_with('-')
}
