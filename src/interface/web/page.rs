//! The rows of the dashboard as HTML. Whatever a seat wrote is text in it and nothing else.

use crate::interface::rows::{Cell, Panel, Row, Skin, Tone, entry, headline, rows};
use crate::domain::freeze::who;
use crate::view::{Dashboard, Frozen};
use crate::view::text::{count, markup, one_line};
use serde_json::{Map, Value, json};

const SKIN: Skin = Skin { colour: true, unicode: true };

/// One look at everything: a part of the page under each name, the title, and how much of the ledger is known.
pub fn board(page: &Dashboard) -> Value {
    let html = |rows: &[Row]| rows.iter().map(row).collect::<String>();
    let shown = |panel: Panel| match rows(page, panel, SKIN).as_slice() {
        [] => line(Tone::Dim, panel.empty()),
        rows => html(rows),
    };
    // The ledger only grows: its new rows are added to those that the reader has.
    let panels = Panel::ALL.into_iter().filter(|panel| *panel != Panel::Ledger);
    let panels: Map<String, Value> = panels.map(|panel| (panel.name().to_owned(), shown(panel).into())).collect();
    let tail: Vec<Row> = page.entries.iter().zip(page.from..).map(|(text, seq)| entry(seq, text)).collect();
    json!({
        "known": page.from + page.entries.len() as u64,
        "head": markup(&headline(page)),
        "title": markup(&title(page)),
        "frozen": page.status.frozen.as_ref().map(frozen),
        "panels": panels,
        "tail": html(&tail),
    })
}

/// What a thaw is asked for: plain text, which the script sets as such.
fn frozen(freeze: &Frozen) -> Value {
    let seats: Vec<&str> = freeze.agreed.iter().map(|seat| seat.as_str()).collect();
    let agreed = if seats.is_empty() { "nobody has agreed to a thaw".to_owned() } else { format!("{} says that it may go on", seats.join(", ")) };
    let text = format!("frozen by {}: {} ({agreed})", who(&freeze.by), freeze.reason);
    json!({"text": one_line(&text), "agreed": !seats.is_empty()})
}

/// What a tab says that nobody looks at.
fn title(page: &Dashboard) -> String {
    let status = &page.status;
    let state = match status.waiting.len() {
        _ if status.frozen.is_some() => "FROZEN: ".to_owned(),
        0 => String::new(),
        some => format!("({}) ", count(some as u64, "question")),
    };
    format!("{state}{}", one_line(&status.workshop))
}

fn row(row: &Row) -> String {
    let words: String = row.words.iter().map(word).collect();
    let told: String = row.told.iter().filter(|(_, text)| !text.is_empty()).map(|(tone, text)| line(*tone, text)).collect();
    let more = row.task.as_ref().map(|task| format!("<button data-task=\"{0}\">open {0}</button>", markup(task.as_str())));
    let more = more.unwrap_or_default();
    format!("<details data-key=\"{}\"><summary>{words}</summary>{told}{more}</details>\n", markup(&row.key))
}

fn word(word: &Cell) -> String {
    let width = if word.width == 0 { "rest".to_owned() } else { format!("w{}", word.width) };
    format!("<span class=\"{} {width}\">{}</span>", class(word.tone), markup(&word.text))
}

fn line(tone: Tone, text: &str) -> String {
    format!("<p class=\"{}\">{}</p>", class(tone), markup(text))
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Bold => "bold",
        Tone::Dim => "dim",
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Wait => "wait",
    }
}
