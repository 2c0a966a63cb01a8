//! The start of twelve seats, beside the bare work that it contains.

use super::shop::{Shop, WAITING};
use super::table::{Goal, Row, median};
use std::fmt::Write as _;
use std::time::Instant;

const REPEATS: usize = 5;
/// Twelve worktrees, two at a time, and one call of tmux for twelve panes.
const BARE: &str = r#"set -e
mkdir "$2"
seq 12 | xargs -P2 -I{} git -C "$1" worktree add -q --detach "$2/{}" main
eval "set -- \"\$2\" $3"
where=$1; shift
exec tmux -f /dev/null -S "$where/tmux" "$@"
"#;

pub fn rows(shop: &Shop) -> Vec<Row> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..REPEATS {
        theirs.push(bare(shop, &format!("bare{round}")));
        ours.push(shop.open(&format!("s{round}"), WAITING).took);
    }
    eprintln!("figures: boot: ours {ours:.0?}, bare {theirs:.0?}");
    let what = "start of 12 seats, 3,000 files, until all answered".to_owned();
    vec![Row {
        what,
        unit: "ms",
        ours: median(&ours),
        beside: "12 worktrees + 1 tmux call",
        theirs: median(&theirs),
        goal: Goal::Ratio(1.5),
    }]
}

fn bare(shop: &Shop, name: &str) -> f64 {
    let folder = shop.join(name);
    let since = Instant::now();
    shop.must(shop.command("sh").args(["-c", BARE, "bare"]).arg(shop.repo()).arg(&folder).arg(panes()));
    let took = since.elapsed().as_secs_f64() * 1000.0;
    shop.must(shop.command("tmux").arg("-S").arg(folder.join("tmux")).arg("kill-server"));
    took
}

fn panes() -> String {
    let mut text = "new-session -d -x 200 -y 60 -c \"\\$2/1\" cat".to_owned();
    for pane in 2..=12 {
        write!(text, " \\; split-window -c \"\\$2/{pane}\" cat \\; select-layout tiled").expect("text");
    }
    text
}
