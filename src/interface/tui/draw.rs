//! Where things stand on the screen.

use super::board::{Board, Mode};
use super::keys::HELP;
use crate::interface::rows::{Panel, Row, Tone, headline};
use crate::view::text::{broken, one_line};
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

/// From this width on there are three columns.
const WIDE: u16 = 120;
/// Below this there is only a sentence.
const LEAST: (u16, u16) = (40, 14);
/// A panel's least height: its frame and one row.
const ROW: u16 = 3;

const PLAIN_BORDER: border::Set = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

pub fn draw(frame: &mut Frame, board: &Board) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let text = format!("{}x{} is too small; {}x{} is enough", area.width, area.height, 80, 24);
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
        return;
    }
    let [head, body, foot] = Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(1)]).areas(area);
    frame.render_widget(Paragraph::new(heading(board)), head);
    for (panel, place) in places(body, board) {
        render(frame, board, panel, place);
    }
    frame.render_widget(Paragraph::new(footing(board)), foot);
    over(frame, board, body);
}

fn style(board: &Board, tone: Tone) -> Style {
    let coloured = |colour: Color| if board.skin.colour { Style::new().fg(colour) } else { Style::new() };
    match tone {
        Tone::Plain => Style::new(),
        Tone::Bold => Style::new().add_modifier(Modifier::BOLD),
        Tone::Dim => Style::new().add_modifier(Modifier::DIM),
        Tone::Good => coloured(Color::Green),
        Tone::Bad => coloured(Color::Red),
        Tone::Wait => coloured(Color::Yellow),
    }
}

fn heading(board: &Board) -> Line<'static> {
    let text = board.page.as_ref().map(headline).unwrap_or_default();
    let mut spans = vec![Span::styled(text, style(board, Tone::Bold))];
    if board.frozen() {
        spans.insert(0, Span::styled(" FROZEN ", style(board, Tone::Bad).add_modifier(Modifier::REVERSED | Modifier::BOLD)));
        spans.insert(1, Span::raw(" "));
    }
    Line::from(spans)
}

fn footing(board: &Board) -> Line<'static> {
    let told = |tone, text: &str| Line::from(Span::styled(one_line(text), style(board, tone)));
    match (&board.mode, &board.said, &board.lost) {
        (Mode::Search, ..) => told(Tone::Bold, &format!("/{}_   Enter keeps it, Esc shows all", board.query)),
        (_, Some((tone, text)), _) => told(*tone, text),
        (_, None, Some(why)) => told(Tone::Bad, &format!("no news: {}", why.replace('\n', "  "))),
        _ if !board.query.is_empty() => told(Tone::Wait, &format!("only what holds \"{}\"   Esc shows all", board.query)),
        _ => told(Tone::Dim, "Tab panel  j/k move  Enter open  / search  F freeze  ? help  q quit"),
    }
}

/// The panels' columns; a wide screen has three of them.
fn columns(width: u16) -> &'static [&'static [Panel]] {
    if width >= WIDE {
        &[&[Panel::Seats, Panel::Locks], &[Panel::Tasks, Panel::Alerts], &[Panel::Mail, Panel::Ledger]]
    } else {
        &[&[Panel::Seats, Panel::Mail, Panel::Locks], &[Panel::Tasks, Panel::Alerts, Panel::Ledger]]
    }
}

fn places(area: Rect, board: &Board) -> Vec<(Panel, Rect)> {
    let columns = columns(area.width);
    let split = if columns.len() == 3 {
        vec![Constraint::Fill(4), Constraint::Fill(4), Constraint::Fill(5)]
    } else {
        vec![Constraint::Fill(19), Constraint::Fill(21)]
    };
    let split = Layout::horizontal(split).split(area);
    let column = |(panels, place): (&&[Panel], &Rect)| {
        let heights = heights(panels, place.height, board);
        let rows = Layout::vertical(heights.into_iter().map(Constraint::Length)).split(*place);
        panels.iter().copied().zip(rows.iter().copied()).collect::<Vec<_>>()
    };
    columns.iter().zip(split.iter()).flat_map(column).collect()
}

/// Everyone gets a row; then the panel that is read gets what it needs, then the others in order, two thirds of the rest at most; the
/// last takes what is left.
fn heights(panels: &[Panel], room: u16, board: &Board) -> Vec<u16> {
    let wants = |panel: &Panel| u16::try_from(board.rows(*panel).len()).unwrap_or(u16::MAX).saturating_add(2).max(ROW);
    let mut heights = vec![ROW; panels.len()];
    let mut left = room.saturating_sub(ROW * u16::try_from(panels.len()).unwrap_or(0));
    let mut order: Vec<usize> = (0..panels.len()).collect();
    order.sort_by_key(|at| panels[*at] != board.focus);
    for at in order {
        let most = if panels[at] == board.focus { left } else { left * 2 / 3 };
        let more = (wants(&panels[at]) - ROW).min(most);
        heights[at] += more;
        left -= more;
    }
    if let Some(last) = heights.last_mut() {
        *last += left;
    }
    heights
}

fn title(panel: Panel) -> String {
    format!("{} {}", panel as usize + 1, panel.name())
}

fn block(board: &Board, text: String, tone: Tone) -> Block<'static> {
    let set = if board.skin.unicode { border::ROUNDED } else { PLAIN_BORDER };
    Block::bordered().border_set(set).border_style(style(board, tone)).title(Span::styled(text, style(board, tone)))
}

fn render(frame: &mut Frame, board: &Board, panel: Panel, area: Rect) {
    let rows = board.rows(panel);
    let focused = board.focus == panel;
    let at = board.at(panel, &rows);
    let shown = usize::from(area.height.saturating_sub(2));
    let first = (at + 1).saturating_sub(shown).max(if focused { 0 } else { first_at_rest(panel, rows.len(), shown) });
    let name = if rows.len() > shown { format!(" {} {}/{} ", title(panel), at + 1, rows.len()) } else { format!(" {} ", title(panel)) };
    let block = block(board, name, if focused { Tone::Wait } else { Tone::Dim });
    let lines: Vec<Line> = if rows.is_empty() {
        let text = if board.query.is_empty() { panel.empty() } else { "nothing that holds it" };
        vec![Line::from(Span::styled(text, style(board, Tone::Dim)))]
    } else {
        rows.iter().enumerate().skip(first).take(shown).map(|(index, row)| line(board, row, focused && index == at)).collect()
    };
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// A list that nobody reads shows its beginning; the ledger its end.
fn first_at_rest(panel: Panel, rows: usize, shown: usize) -> usize {
    if panel == Panel::Ledger { rows.saturating_sub(shown) } else { 0 }
}

fn line(board: &Board, row: &Row, chosen: bool) -> Line<'static> {
    let spans: Vec<Span> = row.words.iter().map(|word| Span::styled(word.fitted(), style(board, word.tone))).collect();
    let line = Line::from(spans);
    if chosen { line.style(Style::new().add_modifier(Modifier::REVERSED)) } else { line }
}

/// What lies over the panels, where something does.
fn over(frame: &mut Frame, board: &Board, area: Rect) {
    const FREEZE: &str = "FREEZE the workshop";
    const STOPS: &str = "No push, merge, signature or approval goes through until the owner thaws.";
    let told = |lines: &[(Tone, &str)]| lines.iter().map(|(tone, text)| (*tone, (*text).to_owned())).collect::<Vec<_>>();
    match &board.mode {
        Mode::Browse | Mode::Search => {}
        Mode::Help => {
            let keys = HELP.iter().map(|(key, what)| (Tone::Plain, format!("{key:<15}{what}"))).collect::<Vec<_>>();
            popup(frame, board, area, "keys", &keys);
        }
        Mode::Detail(name, lines) => popup(frame, board, area, name, lines),
        Mode::Reason(text) => {
            let typed = format!("> {text}_");
            let lines =
                [(Tone::Plain, "Why? Everybody is shown it."), (Tone::Bold, typed.as_str()), (Tone::Dim, "Enter goes on, Esc leaves it")];
            popup(frame, board, area, FREEZE, &told(&lines));
        }
        Mode::Sure(text) => {
            let asked = format!("Freeze everything now: {text}");
            let lines = [(Tone::Bold, asked.as_str()), (Tone::Plain, STOPS), (Tone::Bad, "y freezes, any other key does not")];
            popup(frame, board, area, FREEZE, &told(&lines));
        }
    }
}

fn popup(frame: &mut Frame, board: &Board, area: Rect, name: &str, told: &[(Tone, String)]) {
    let width = area.width.saturating_sub(4).min(90);
    let room = usize::from(width.saturating_sub(4)).max(1);
    let fit = |text: String| if text.chars().count() <= room { vec![text] } else { broken(&text, room) };
    let parts = told.iter().flat_map(|(tone, text)| fit(one_line(text)).into_iter().map(|part| (*tone, part)));
    let lines: Vec<Line> = parts.map(|(tone, part)| Line::from(Span::styled(format!(" {part}"), style(board, tone)))).collect();
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(area.height);
    let place = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    let around = block(board, format!(" {} ", one_line(name)), Tone::Wait).title_alignment(Alignment::Center);
    frame.render_widget(Clear, place);
    frame.render_widget(Paragraph::new(lines).block(around), place);
}
