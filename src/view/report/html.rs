//! The report as one page that needs nothing beside it, in light or dark, on paper or a small screen.

use super::page::{Look, Section, Table, attention_lines, foot, head, sections};
use super::{Report, chart};
use crate::view::text::{lines, markup, one_line};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1c1c1e;background:#fff}\
h1{font-size:1.5rem;margin:0 0 1rem;letter-spacing:.03em}h2{font-size:1.1rem;margin:2.2rem 0 .4rem}p{margin:.4rem 0}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.2rem;margin:0}dt{color:#555}dd{margin:0;overflow-wrap:anywhere}\
.attention{margin:1.2rem 0;padding:.7rem 1rem;border-left:4px solid;background:#f5f5f7}.attention ul{margin:.3rem 0;padding-left:1.2rem}\
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;margin:.6rem 0;font-size:.9rem}\
th,td{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #ddd}td{overflow-wrap:break-word;min-width:3rem;max-width:32rem}\
th{font-size:.8rem;color:#555;font-weight:600;vertical-align:bottom}pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f5f5f7;padding:.7rem;font-size:.8rem}\
.good{color:#17692b}.bad{color:#b3140b}.watch{color:#8a5300}.dim{color:#555;font-size:.9rem}figure{margin:1.2rem 0}\
svg{width:100%;height:auto}svg text{font:10px system-ui,sans-serif;text-anchor:middle;fill:#555}svg .all{fill:#9db8d9}svg .no{fill:#b3140b}\
figcaption{color:#555;font-size:.85rem}@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#151517}\
dt,th,.dim,figcaption{color:#aaa}th,td{border-color:#333}pre,.attention{background:#222226}.good{color:#6fd48a}.bad{color:#ff7b72}\
.watch{color:#e0b15a}svg text{fill:#aaa}svg .all{fill:#4a6d99}svg .no{fill:#ff7b72}}@media print{.scroll{overflow:visible}}";

/// The whole report as one page of HTML. Whatever seats wrote is text in it and nothing else.
pub fn html(report: &Report) -> String {
    let head: String = head(report).iter().map(|(label, value)| format!("<dt>{label}</dt><dd>{}</dd>\n", escaped(value))).collect();
    let sections: String = sections(report).iter().map(section).collect();
    let foot: String = foot(report).iter().map(|line| format!("<p class=\"dim\">{}</p>\n", escaped(line))).collect();
    let title = format!("{}: {} {}", report.title(), report.workshop, report.span.name);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
<meta name=\"color-scheme\" content=\"light dark\"><title>{}</title><style>{STYLE}</style></head><body>\n<h1>{}</h1>\n<dl>\n{head}</dl>\n\
{}{}{sections}<h2>Checkpoint</h2>\n{foot}<pre>{}</pre>\n</body></html>\n",
        escaped(&title),
        report.title(),
        attention(report),
        chart::svg(report),
        escaped_lines(&report.checkpoint),
    )
}

fn attention(report: &Report) -> String {
    let class = if report.attention.is_empty() { "good" } else { "bad" };
    let lines: String = attention_lines(report).iter().map(|line| format!("<li>{}</li>\n", escaped(line))).collect();
    format!("<div class=\"attention {class}\"><ul>\n{lines}</ul></div>\n")
}

fn section(section: &Section) -> String {
    let class = match section.look {
        Look::Plain => "plain",
        Look::Good => "good",
        Look::Watch => "watch",
        Look::Bad => "bad",
    };
    let says = |(at, line): (usize, &String)| format!("<p class=\"{}\">{}</p>\n", if at == 0 { class } else { "dim" }, escaped(line));
    let says: String = section.says.iter().enumerate().map(says).collect();
    let tables: String = section.tables.iter().map(table).collect();
    format!("<h2>{}</h2>\n{says}{tables}", section.heading)
}

fn table(table: &Table) -> String {
    let head: String = table.head.iter().map(|name| format!("<th>{name}</th>")).collect();
    let cells = |row: &Vec<String>| row.iter().map(|cell| format!("<td>{}</td>", escaped(cell))).collect::<String>();
    let rows: String = table.rows.iter().map(|row| format!("<tr>{}</tr>\n", cells(row))).collect();
    format!("<div class=\"scroll\"><table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>\n")
}

fn escaped(text: &str) -> String {
    markup(&one_line(text))
}

fn escaped_lines(text: &str) -> String {
    markup(&lines(text))
}
