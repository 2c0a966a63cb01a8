//! How things look on a terminal: columns, colours, icons; all of it plain when it is not one.

pub use crate::interface::look::Look;
use crate::interface::look;
use crate::view::text::{broken, clip, one_line};
use crate::view::{Doing, GateState, Standing};
use std::io::IsTerminal;

/// What the output can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    pub colour: bool,
    pub unicode: bool,
    /// Columns of the terminal; lines are clipped and wrapped to it.
    pub width: usize,
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    look: Look,
    text: String,
}

/// A plain cell of harmless text.
pub fn cell(text: impl AsRef<str>) -> Cell {
    looking(Look::Plain, text)
}

pub fn looking(look: Look, text: impl AsRef<str>) -> Cell {
    Cell { look, text: one_line(text.as_ref()) }
}

impl Cell {
    /// The same, at least so wide.
    pub fn wide(self, width: usize) -> Self {
        Self { text: format!("{:<width$}", self.text), ..self }
    }
}

impl Paint {
    /// What standard output can show: colours only on a terminal that has them and without `NO_COLOR`.
    pub fn of_stdout() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let terminal = std::io::stdout().is_terminal();
        let dumb = set("TERM").is_none_or(|term| term == "dumb");
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default().to_lowercase();
        Self {
            colour: terminal && !dumb && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            unicode: locale.contains("utf-8") || locale.contains("utf8"),
            width: columns().unwrap_or(80).clamp(40, 200),
        }
    }

    #[cfg(test)]
    pub fn plain() -> Self {
        Self { colour: false, unicode: false, width: 80 }
    }

    pub fn with(&self, look: Look, text: &str) -> String {
        let code = match look {
            Look::Plain => return text.to_owned(),
            Look::Bold => "1",
            Look::Dim => "2",
            Look::Good => "32",
            Look::Bad => "31",
            Look::Wait => "33",
        };
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// A heading, broken where it is longer than a line.
    pub fn title(&self, text: &str) -> String {
        self.wrapped(text, 0).lines().map(|line| format!("{}\n", self.with(Look::Bold, line))).collect()
    }

    /// Rows under each other, one line each; the last column is clipped to what is left of the line.
    pub fn table(&self, rows: &[Vec<Cell>]) -> String {
        self.rows(rows, |text, room| vec![clip(text, room)])
    }

    /// Rows under each other; the last column is told in full, on as many lines as it takes.
    pub fn told(&self, rows: &[Vec<Cell>]) -> String {
        self.rows(rows, broken)
    }

    fn rows(&self, rows: &[Vec<Cell>], fit: impl Fn(&str, usize) -> Vec<String>) -> String {
        let most = rows.iter().map(Vec::len).max().unwrap_or(0);
        let wide = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..most).map(wide).collect();
        rows.iter().map(|row| self.row(row, &widths, &fit)).collect()
    }

    fn row(&self, row: &[Cell], widths: &[usize], fit: &impl Fn(&str, usize) -> Vec<String>) -> String {
        let end = row.iter().rposition(|cell| !cell.text.trim().is_empty()).map_or(0, |last| last + 1);
        let Some((last, first)) = row[..end].split_last() else { return "\n".to_owned() };
        let mut line = "  ".to_owned();
        let mut used = 2;
        for (cell, width) in first.iter().zip(widths) {
            let pad = (width + 2).saturating_sub(cell.text.chars().count());
            line.push_str(&format!("{}{}", self.with(cell.look, &cell.text), " ".repeat(pad)));
            used += cell.text.chars().count() + pad;
        }
        let parts = fit(last.text.trim_end(), self.width.saturating_sub(used).max(16));
        let between = format!("\n{}", " ".repeat(used));
        let told: Vec<String> = parts.iter().map(|part| self.with(last.look, part)).collect();
        format!("{line}{}\n", told.join(&between))
    }

    /// Harmless text broken at spaces, each line led by so many blanks.
    pub fn wrapped(&self, text: &str, indent: usize) -> String {
        let room = self.width.saturating_sub(indent).max(20);
        broken(&one_line(text), room).iter().map(|line| format!("{}{line}\n", " ".repeat(indent))).collect()
    }

    /// Somebody else's text, marked as such on every line so that it cannot pass for ours.
    pub fn quote(&self, text: &str) -> String {
        let bar = if self.unicode { "│" } else { "|" };
        let bar = self.with(Look::Dim, bar);
        crate::view::text::lines(text).trim_end().split('\n').map(|line| format!("  {bar} {line}\n")).collect()
    }

    fn icon(&self, unicode: &str, ascii: &str) -> String {
        if self.unicode { unicode } else { ascii }.to_owned()
    }

    pub fn seat(&self, doing: Doing) -> Cell {
        let word = crate::view::text::word(&doing);
        let (look, [unicode, ascii]) = look::doing(doing);
        let icon = self.icon(unicode, ascii);
        looking(look, format!("{icon} {word}"))
    }

    pub fn standing(&self, standing: Standing) -> Cell {
        let word = crate::view::text::word(&standing);
        let (look, icon) = match standing {
            Standing::Merged => (Look::Good, self.icon("●", "+")),
            Standing::Open | Standing::Taken => (Look::Plain, self.icon("○", "o")),
            Standing::Back | Standing::Vetoed => (Look::Bad, self.icon("✕", "x")),
            Standing::Stalled => (Look::Bad, self.icon("⏸", "=")),
            Standing::Measuring
            | Standing::Merging
            | Standing::Red
            | Standing::Green
            | Standing::Peer
            | Standing::Qa
            | Standing::Deploy => (Look::Wait, self.icon("◐", "~")),
        };
        looking(look, format!("{icon} {word}"))
    }

    pub fn gate(&self, state: GateState) -> Cell {
        let (look, icon, word) = match state {
            GateState::Passed => (Look::Good, self.icon("●", "+"), "passed"),
            GateState::At => (Look::Wait, self.icon("◐", "~"), "here"),
            GateState::NotJudged => (Look::Dim, self.icon("○", "o"), "not judged"),
            GateState::Failed => (Look::Bad, self.icon("✕", "x"), "failed"),
        };
        looking(look, format!("{icon} {word}"))
    }

    pub fn verdict(&self, word: &str) -> Cell {
        let look = match word {
            "pass" => Look::Good,
            "fail" => Look::Bad,
            "wait" => Look::Wait,
            _ => Look::Dim,
        };
        looking(look, word)
    }

    pub fn mark(&self, ok: bool) -> Cell {
        if ok { looking(Look::Good, self.icon("●", "+")) } else { looking(Look::Bad, self.icon("✕", "x")) }
    }
}

/// The terminal's width, where standard output is one.
fn columns() -> Option<usize> {
    rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_line_up_and_fit() {
        let rows = [vec![cell("a"), cell("long word"), cell("x".repeat(200))], vec![cell("bb\u{1b}[2J"), cell("c"), cell("d")]];
        let text = Paint::plain().table(&rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].chars().count(), 80);
        assert!(lines[0].ends_with("x~"));
        assert_eq!(lines[1], "  bb<1B>[2J  c          d");
    }

    #[test]
    fn colours_only_where_they_are_wanted() {
        let coloured = Paint { colour: true, ..Paint::plain() };
        assert_eq!(coloured.with(Look::Good, "ok"), "\u{1b}[32mok\u{1b}[0m");
        assert_eq!(Paint::plain().with(Look::Good, "ok"), "ok");
    }

    #[test]
    fn foreign_text_is_marked_on_every_line() {
        assert_eq!(Paint::plain().quote("a\nmerged as 1\u{1b}[1A\n"), "  | a\n  | merged as 1<1B>[1A\n");
    }

    #[test]
    fn sentences_wrap_and_long_words_break() {
        let narrow = Paint { width: 40, ..Paint::plain() };
        let text = narrow.wrapped("one two three four five six seven eight nine ten", 4);
        assert_eq!(text, "    one two three four five six seven\n    eight nine ten\n");
        assert_eq!(broken(&"x".repeat(9), 4), ["xxxx", "xxxx", "x"]);
        assert_eq!(broken("ab cd", 5), ["ab cd"]);
        assert_eq!(broken("ab cde", 5), ["ab", "cde"]);
        let row = vec![cell("name"), cell("one two three four five six seven eight nine")];
        assert_eq!(narrow.told(&[row]), "  name  one two three four five six\n        seven eight nine\n");
    }
}
