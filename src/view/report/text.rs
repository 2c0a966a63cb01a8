//! The report for a terminal or the plain part of a mail: no colour, no width to know.

use super::page::{Table, attention_lines, foot, head, sections};
use super::{Report, chart};
use crate::view::text::one_line;

/// Columns wider than this are broken.
const WIDEST: usize = 60;
const WIDTH: usize = 100;

/// The whole report as plain text. Whatever seats wrote is harmless in it.
pub fn text(report: &Report) -> String {
    let head: String = head(report).iter().map(|(label, value)| hanging(&format!("{label:<10} "), value)).collect();
    let sections: String = sections(report)
        .iter()
        .map(|section| {
            let says: String = section.says.iter().map(|line| hanging("", line)).collect();
            let tables: String = section.tables.iter().map(table).collect();
            format!("\n{}\n{says}{tables}", underlined(section.heading, '-'))
        })
        .collect();
    let foot: String = foot(report).iter().map(|line| hanging("", line)).collect();
    let attention: String = attention_lines(report).iter().map(|line| hanging("* ", line)).collect();
    let bars = chart::lines(report);
    format!("{}\n\n{head}\n{attention}{bars}{sections}\n{foot}\n{}", underlined(report.title(), '='), report.checkpoint)
}

fn underlined(text: &str, with: char) -> String {
    format!("{text}\n{}", with.to_string().repeat(text.chars().count()))
}

/// Wraps a line, what follows standing under the text after the label.
fn hanging(label: &str, line: &str) -> String {
    let indent = " ".repeat(label.chars().count());
    let lines = wrapped(line, WIDTH - indent.len());
    lines.iter().enumerate().map(|(at, line)| format!("{}{line}\n", if at == 0 { label } else { &indent })).collect()
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in one_line(text).split(' ').flat_map(|word| pieces(word, width)) {
        let last = lines.last_mut().expect("BUG: there is a line from the beginning");
        if last.is_empty() {
            *last = word;
        } else if last.chars().count() + 1 + word.chars().count() <= width {
            last.push(' ');
            last.push_str(&word);
        } else {
            lines.push(word);
        }
    }
    lines
}

/// A word too long for a line is broken.
fn pieces(word: &str, width: usize) -> Vec<String> {
    let chars: Vec<char> = word.chars().collect();
    if chars.is_empty() { vec![String::new()] } else { chars.chunks(width.max(1)).map(|piece| piece.iter().collect()).collect() }
}

fn table(table: &Table) -> String {
    let head: Vec<String> = table.head.iter().map(|name| (*name).to_owned()).collect();
    let rows: Vec<Vec<Vec<String>>> =
        std::iter::once(&head).chain(&table.rows).map(|row| row.iter().map(|cell| wrapped(cell, WIDEST)).collect()).collect();
    let columns = table.head.len();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).flatten().map(|line| line.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let shown: String = rows.iter().map(|row| row_lines(row, &widths)).collect();
    format!("\n{shown}")
}

fn row_lines(row: &[Vec<String>], widths: &[usize]) -> String {
    let high = row.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |column: usize, at: usize| row.get(column).and_then(|lines| lines.get(at)).map_or("", String::as_str);
    let line = |at: usize| {
        let cells: Vec<String> = widths.iter().enumerate().map(|(column, width)| format!("{:<width$}", cell(column, at))).collect();
        format!("  {}\n", cells.join("  ").trim_end())
    };
    (0..high).map(line).collect()
}
