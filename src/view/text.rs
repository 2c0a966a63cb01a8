//! Text from seats made harmless, and numbers made readable.
//!
//! A title, a note or a diff is written by whoever wants to be believed: what could move a cursor, hide a character or
//! turn the reading direction is shown as what it is.

use crate::domain::entry::Millis;

/// One line of harmless text: line breaks and tabs become spaces.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c }).map(shown).collect()
}

/// Several lines of harmless text; line breaks and tabs stay.
pub fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").chars().map(|c| if matches!(c, '\n' | '\t') { c.to_string() } else { shown(c) }).collect()
}

fn shown(c: char) -> String {
    if is_treacherous(c) { format!("<{:02X}>", u32::from(c)) } else { c.to_string() }
}

/// A text as HTML that shows it, between tags or inside a quoted attribute.
pub fn markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// Tells whether a character acts on a terminal or a reader without being seen.
pub fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0xAD | 0x061C | 0x180E | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xFFF9..=0xFFFB | 0xE0000..=0xE007F)
}

/// At most so many characters, with a mark where something was left out.
pub fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}~")
}

/// A text in lines of at most so many characters, broken at spaces where there are any.
pub fn broken(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut left = 0;
    for word in text.split(' ') {
        let chars: Vec<char> = word.chars().collect();
        for (at, piece) in chars.chunks(room).enumerate() {
            let piece: String = piece.iter().collect();
            let length = piece.chars().count();
            match lines.last_mut() {
                Some(line) if at == 0 && length < left => {
                    line.push(' ');
                    line.push_str(&piece);
                    left -= length + 1;
                }
                Some(_) | None => {
                    lines.push(piece);
                    left = room - length;
                }
            }
        }
    }
    if lines.is_empty() { vec![String::new()] } else { lines }
}

/// A time as `2026-11-20 23:50:49Z`.
pub fn time(at: Millis) -> String {
    let (days, rest) = (at / 86_400_000, at / 1000 % 86_400);
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// The calendar day of a count of days since 1970-01-01 (Hinnant's `civil_from_days`).
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// A span of time in its largest unit: `12s`, `4m`, `3h`, `2d`.
pub fn span(millis: Millis) -> String {
    match millis / 1000 {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..172_800 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// `1 file`, `2 files`.
pub fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// The kebab-case word under which a plain enum value is written.
pub fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(why) => format!("({why})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_shown_instead() {
        assert_eq!(one_line("a\u{1b}[2Jb\nc"), "a<1B>[2Jb c");
        assert_eq!(lines("a\r\nb\u{202e}c\rd\u{9b}"), "a\nb<202E>c<0D>d<9B>");
        assert_eq!(one_line("Grüße ✓"), "Grüße ✓");
    }

    #[test]
    fn times_are_calendar_days() {
        assert_eq!(time(0), "1970-01-01 00:00:00Z");
        assert_eq!(time(951_782_400_000), "2000-02-29 00:00:00Z");
        assert_eq!(time(1_795_218_649_999), "2026-11-20 23:50:49Z");
    }

    #[test]
    fn spans_counts_and_clips() {
        assert_eq!([span(0), span(59_999), span(60_000), span(3_600_000), span(172_800_000)], ["0s", "59s", "1m", "1h", "2d"]);
        assert_eq!([count(1, "file"), count(0, "file")], ["1 file", "0 files"]);
        assert_eq!([clip("abc", 3), clip("abcd", 3)], ["abc", "ab~"]);
    }
}
