//! Words in tmux's own command language, spelt so that none can be more than a word.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

/// Writes one word: double quotes, and an octal escape for every byte that could mean something to tmux.
pub fn word(bytes: impl AsRef<[u8]>) -> String {
    let mut text = String::from("\"");
    for &byte in bytes.as_ref() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'/' | b':' | b',' | b'=' | b'@' | b'+' | b'%' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("\\{byte:03o}")),
        }
    }
    text.push('"');
    text
}

/// Writes one command out of its words.
pub fn command<W: AsRef<OsStr>>(words: &[W]) -> String {
    words.iter().map(|each| word(each.as_ref().as_bytes())).collect::<Vec<_>>().join(" ")
}

/// Keeps what a caption may show: no `#` (tmux's own language), no control bytes, no marks that reorder or hide text.
pub fn plain(text: &str) -> String {
    let hidden = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    text.chars().filter(|&c| c != '#' && !c.is_control() && !hidden(c)).take(120).collect()
}

/// Keeps a colour if it is one by form (`green`, `colour39`, `#ff8800`); anything else is the terminal's own.
pub fn colour(text: &str) -> &str {
    let hex = text.strip_prefix('#').is_some_and(|rest| rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_hexdigit()));
    let name = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if hex || name { text } else { "default" }
}

/// Undoes control mode's `\ooo`; bytes above 0x7f come as they are.
pub fn unescape(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        match octal(after).filter(|_| first == b'\\') {
            Some(byte) => {
                plain.push(byte);
                rest = &after[3..];
            }
            None => {
                plain.push(first);
                rest = after;
            }
        }
    }
    plain
}

fn octal(bytes: &[u8]) -> Option<u8> {
    let digits = bytes.get(..3).filter(|digits| digits.iter().all(|b| (b'0'..=b'7').contains(b)))?;
    u8::try_from(digits.iter().fold(0u32, |sum, b| sum * 8 + u32::from(b - b'0'))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_no_byte_with_a_meaning() {
        assert_eq!(word("a b;'\"$\\#\n"), r#""a\040b\073\047\042\044\134\043\012""#);
        assert_eq!(word([0xc3, 0xa9]), r#""\303\251""#);
        assert_eq!(command(&["set", ""]), r#""set" """#);
    }

    #[test]
    fn captions_lose_what_could_act_or_hide() {
        assert_eq!(plain("a#(touch x)\u{1b}[2J\u{202e}b\u{9b}\n"), "a(touch x)[2Jb");
        assert_eq!(colour("#ff8800"), "#ff8800");
        assert_eq!(colour("colour39"), "colour39");
        for bad in ["", "#(id)", "red]#[x", "red,bold", "#12345g"] {
            assert_eq!(colour(bad), "default", "{bad}");
        }
    }

    #[test]
    fn escapes_are_undone_once() {
        assert_eq!(unescape(br"a\033[m\134012\"), b"a\x1b[m\\012\\");
        assert_eq!(unescape(b"\xc3\\777\\12"), b"\xc3\\777\\12");
    }
}
