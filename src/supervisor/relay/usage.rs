//! What an answer of the model's API says it used, read as it passes by. The seat cannot write here: it is the API's own word.

use crate::domain::spend::Used;
use crate::edge::upstream::Body;
use http_body_util::BodyExt as _;
use serde_json::Value;

/// The longest line that is looked at.
const MOST_LINE: usize = 1 << 20;

/// Reads an answer, streamed or whole, line by line.
#[derive(Debug, Default)]
struct Reading {
    line: Vec<u8>,
    /// This line is too long to be looked at.
    long: bool,
    said: Said,
    used: Used,
}

/// Which message it was, and the model that wrote it.
#[derive(Debug, Default)]
pub struct Said {
    pub message: String,
    pub model: String,
}

impl Reading {
    fn take(&mut self, bytes: &[u8]) {
        let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            self.long |= self.line.len() + piece.len() > MOST_LINE;
            if !self.long {
                self.line.extend_from_slice(piece);
            }
            if pieces.peek().is_some() {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let looked = !std::mem::take(&mut self.long) && line.windows(7).any(|window| window == b"\"usage\"");
        let text = line.strip_prefix(b"data:").unwrap_or(&line);
        if let Some(value) = looked.then(|| serde_json::from_slice::<Value>(text).ok()).flatten() {
            self.note(&value);
        }
    }

    /// Only whole messages and what begins and ends one say what was used; the figures of a message only ever grow.
    fn note(&mut self, value: &Value) {
        let message = match value["type"].as_str() {
            Some("message_start") => &value["message"],
            Some("message" | "message_delta") => value,
            _ => return,
        };
        for (known, name) in [(&mut self.said.model, "model"), (&mut self.said.message, "id")] {
            if let Some(text) = message[name].as_str() {
                *known = text.chars().take(100).collect();
            }
        }
        let usage = &message["usage"];
        let most = |known: &mut u64, name: &str| *known = (*known).max(usage[name].as_u64().unwrap_or(0).min(1 << 40));
        most(&mut self.used.input, "input_tokens");
        most(&mut self.used.output, "output_tokens");
        most(&mut self.used.cache_read, "cache_read_input_tokens");
        most(&mut self.used.cache_write, "cache_creation_input_tokens");
    }
}

/// Tells what was read when the answer is over, however it ends.
struct Tap<F: FnOnce(Said, Used)> {
    reading: Reading,
    told: Option<F>,
}

impl<F: FnOnce(Said, Used)> Drop for Tap<F> {
    fn drop(&mut self) {
        self.reading.end_line();
        if let Some(told) = self.told.take() {
            told(std::mem::take(&mut self.reading.said), self.reading.used);
        }
    }
}

/// Passes an answer on as it comes; `stir` hears of each piece, `told` which message it was and what was used, once.
pub fn tapped(body: Body, stir: impl Fn() + Send + 'static, told: impl FnOnce(Said, Used) + Send + 'static) -> Body {
    let mut tap = Tap { reading: Reading::default(), told: Some(told) };
    let passed = body.map_frame(move |frame| {
        stir();
        if let Some(bytes) = frame.data_ref() {
            tap.reading.take(bytes);
        }
        frame
    });
    passed.boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&str]) -> (String, [u64; 4]) {
        let mut reading = Reading::default();
        pieces.iter().for_each(|piece| reading.take(piece.as_bytes()));
        reading.end_line();
        let Used { input, output, cache_read, cache_write, .. } = reading.used;
        (reading.said.model, [input, output, cache_read, cache_write])
    }

    const START: &str = r#"data: {"type":"message_start","message":{"model":"m-1","usage":{"input_tokens":5,"cache_read_input_tokens":7,"cache_creation_input_tokens":3,"output_tokens":1}}}"#;
    const END: &str = r#"data: {"type":"message_delta","delta":{},"usage":{"output_tokens":9}}"#;

    #[test]
    fn a_stream_is_read_however_it_is_cut() {
        let whole = format!("event: message_start\n{START}\n\nevent: x\n{END}\n\n");
        let expected = ("m-1".to_owned(), [5, 9, 7, 3]);
        assert_eq!(read(&[&whole]), expected);
        for cut in 1..whole.len() {
            let (first, rest) = whole.split_at(cut);
            assert_eq!(read(&[first, rest]), expected, "{cut}");
        }
        assert_eq!(read(&[START, "\n"]).1, [5, 1, 7, 3], "broken off after its beginning");
    }

    #[test]
    fn an_answer_in_one_piece_is_read_and_words_of_the_model_are_not_figures() {
        assert_eq!(read(&[r#"{"type":"message","model":"m-2","usage":{"input_tokens":2,"output_tokens":4}}"#]), ("m-2".to_owned(), [2, 4, 0, 0]));
        for words in [
            r#"data: {"type":"content_block_delta","delta":{"text":"\"usage\""},"usage":{"output_tokens":99}}"#,
            r#"data: {"type":"error","usage":{"output_tokens":99}}"#,
            r#"data: "usage""#,
            "{\"usage\":",
        ] {
            assert_eq!(read(&[words, "\n"]).1, [0; 4], "{words}");
        }
        let long = format!("data: {{\"usage\":\"{}\"}}\n{END}\n", "x".repeat(MOST_LINE));
        assert_eq!(read(&[&long]).1, [0, 9, 0, 0], "what follows an overlong line is read again");
    }
}
