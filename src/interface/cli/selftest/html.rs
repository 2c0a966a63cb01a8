//! The same as one page that needs nothing beside it.

use super::{Line, Report};
use crate::domain::attack::Outcome;
use crate::view::text::{lines, markup, one_line};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#1c1c1e;background:#fff}\
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}table{border-collapse:collapse;width:100%;table-layout:fixed}\
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid #ddd;overflow-wrap:anywhere}\
th{font-size:.85rem;color:#555}.id{width:6rem;font-family:ui-monospace,monospace}.end{width:9rem;font-weight:600}.level{width:6rem}\
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f5f5f7;padding:.6rem;border-radius:4px;font-size:.85rem;margin:.3rem 0}\
summary{cursor:pointer}.seen{color:#555;font-size:.9rem}.good{color:#17692b}.bad{color:#b3140b}.warn{color:#8a5300}.dim{color:#555}\
@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#151517}th,.seen,.dim{color:#aaa}th,td{border-color:#333}\
pre{background:#222226}.good{color:#6fd48a}.bad{color:#ff7b72}.warn{color:#e0b15a}}";

pub fn page(report: &Report) -> String {
    let verdict = match report.ok {
        true => ("good", "everything that was tried was refused"),
        false => ("bad", "not everything that was tried was refused"),
    };
    let mut groups: Vec<&str> = report.attacks.iter().map(|line| line.group).collect();
    groups.dedup();
    let tables: String = groups.iter().map(|group| table(report, group)).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
<title>orchestrate selftest</title><style>{STYLE}</style></head><body>\n<h1>orchestrate selftest</h1>\n<p>Version {}, isolation level \
<b>{}</b> as observed, {} attacks in {} s.</p>\n<p class=\"{}\"><b>{}</b></p>\n{}{tables}</body></html>\n",
        report.version,
        report.level,
        report.attacks.len(),
        report.milliseconds / 1000,
        verdict.0,
        verdict.1,
        counts(report),
    )
}

fn counts(report: &Report) -> String {
    let named = |outcome: Outcome, names: &[String]| match names {
        [] => String::new(),
        names => format!("<li class=\"{}\">{} {}: {}</li>\n", class(outcome), names.len(), outcome.words(), markup(&names.join(", "))),
    };
    let rest = [
        named(Outcome::Through, &report.through),
        named(Outcome::Unjudged, &report.unjudged),
        named(Outcome::Open, &report.open),
        named(Outcome::NotPromised, &report.not_promised),
    ];
    format!("<ul>\n<li class=\"good\">{} refused</li>\n{}</ul>\n", report.refused, rest.concat())
}

fn table(report: &Report, group: &str) -> String {
    let rows: String = report.attacks.iter().filter(|line| line.group == group).map(row).collect();
    format!(
        "<h2>{}</h2>\n<table><thead><tr><th class=\"id\">attack</th><th>what was tried, and what happened</th><th class=\"level\">promised \
from</th><th class=\"end\">end</th></tr></thead><tbody>\n{rows}</tbody></table>\n",
        markup(group)
    )
}

fn row(line: &Line) -> String {
    let wrong = matches!(line.outcome, Outcome::Through | Outcome::Unjudged);
    format!(
        "<tr><td class=\"id\">{}</td><td><details{}><summary>{}</summary><p>By {}, tried:</p><pre>{}</pre><p>Expected: {}</p><p>It said:</p>\
<pre>{}</pre></details><span class=\"seen\">{}</span></td><td class=\"level\">{}</td><td class=\"end {}\">{}</td></tr>\n",
        markup(&line.id),
        if wrong { " open" } else { "" },
        markup(&one_line(&line.about)),
        markup(&line.seat),
        markup(&lines(&line.tried)),
        markup(&one_line(&line.expected)),
        markup(&lines(&line.output)),
        markup(&one_line(&line.happened)),
        line.level,
        class(line.outcome),
        line.outcome.words(),
    )
}

fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Refused => "good",
        Outcome::Open => "warn",
        Outcome::NotPromised => "dim",
        Outcome::Through | Outcome::Unjudged => "bad",
    }
}
