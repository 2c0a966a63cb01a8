//! The hours of the span as bars: entries, and how many of them were refusals.

use super::page::Hand;
use super::{Hour, Report, Subject};

const HOUR: u64 = 3_600_000;
/// Bars shown; a week's hours are put together.
const MOST: usize = 25;
/// The picture's size.
const WIDTH: u64 = 720;
const HEIGHT: u64 = 96;
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

struct Bar {
    label: String,
    hour: Hour,
}

fn bars(report: &Report) -> Vec<Bar> {
    let hand = Hand::of(report);
    let together = report.hours.len().div_ceil(MOST).max(1);
    let at = |place: usize| report.span.from + (place * together) as u64 * HOUR;
    let label = |place: usize| if report.subject == Subject::Day { hand.hour(at(place)) } else { hand.time(at(place)) };
    let sum = |hours: &[Hour]| {
        hours.iter().fold(Hour::default(), |sum, hour| Hour { entries: sum.entries + hour.entries, refused: sum.refused + hour.refused })
    };
    report.hours.chunks(together).enumerate().map(|(place, hours)| Bar { label: label(place), hour: sum(hours) }).collect()
}

/// One line of blocks, with the hours below it; nothing where nothing happened.
pub fn lines(report: &Report) -> String {
    let bars = bars(report);
    let most = bars.iter().map(|bar| bar.hour.entries).max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let block = |bar: &Bar| BLOCKS[((bar.hour.entries * 8).div_ceil(most)) as usize];
    let row: String = bars.iter().map(|bar| format!("{0}{0} ", block(bar))).collect();
    let day = report.subject == Subject::Day;
    let labels: String = if day { bars.iter().map(|bar| format!("{:<3}", bar.label)).collect() } else { String::new() };
    let labels = if day { format!("{}\n", labels.trim_end()) } else { String::new() };
    format!("\nentries, the fullest bar is {most}\n{}\n{labels}", row.trim_end())
}

/// The same as a picture in SVG. All text in it is ours; it takes its colours from the page.
pub fn svg(report: &Report) -> String {
    let bars = bars(report);
    let most = bars.iter().map(|bar| bar.hour.entries).max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let step = WIDTH / bars.len() as u64;
    let each: String =
        bars.iter().enumerate().map(|(at, bar)| svg_bar(at as u64 * step, step, most, bar, report.subject == Subject::Day)).collect();
    format!(
        "<figure><svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"entries and refusals, hour by hour\">{each}</svg>\
<figcaption>Entries hour by hour (the fullest bar is {most}); refusals in red.</figcaption></figure>\n",
        HEIGHT + 18
    )
}

fn svg_bar(x: u64, step: u64, most: u64, bar: &Bar, labelled: bool) -> String {
    let high = |count: u64| (count * HEIGHT).div_ceil(most);
    let (all, no) = (high(bar.hour.entries), high(bar.hour.refused));
    let width = step.saturating_sub(3).max(1);
    let title = format!("{}: {} entries, {} refused", bar.label, bar.hour.entries, bar.hour.refused);
    let label = if labelled { format!("<text x=\"{}\" y=\"{}\">{}</text>", x + width / 2, HEIGHT + 14, bar.label) } else { String::new() };
    format!(
        "<g><title>{title}</title><rect class=\"all\" x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"{all}\"/>\
<rect class=\"no\" x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"{no}\"/>{label}</g>",
        HEIGHT - all,
        HEIGHT - no
    )
}
