//! Where every command sits: the workshop it asks, and how it prints.

use super::paint::Paint;
use super::prompt;
use crate::interface::client::Client;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::{Request, Response};
use crate::view::text::is_treacherous;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The options that all commands share, and the means to answer.
#[derive(Debug, Clone)]
pub struct Desk {
    pub repo: Option<PathBuf>,
    pub json: bool,
    pub paint: Paint,
    /// Where answers go instead of standard output.
    pub sink: Option<Arc<Mutex<String>>>,
}

impl Desk {
    pub fn new(repo: Option<PathBuf>, json: bool) -> Self {
        Self { repo, json, paint: Paint::of_stdout(), sink: None }
    }

    /// A desk that keeps what it would print, as JSON.
    pub fn quiet(repo: Option<PathBuf>) -> Self {
        Self { repo, json: true, paint: Paint::of_stdout(), sink: Some(Arc::default()) }
    }

    /// What a quiet desk was to print.
    pub fn said(&self) -> Value {
        let kept = self.sink.as_ref().map(|sink| sink.lock().unwrap_or_else(PoisonError::into_inner).clone());
        serde_json::from_str(&kept.unwrap_or_default()).unwrap_or(Value::Null)
    }

    pub fn client(&self) -> Result<Client, Trouble> {
        Ok(Client::find(self.repo.as_deref())?)
    }

    /// Asks; anything but "done" is trouble.
    pub fn ask(&self, request: &Request) -> Result<Value, Trouble> {
        self.client()?.ask(request)
    }

    /// Asks for a page that the command itself has to read.
    pub fn read<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Trouble> {
        self.client()?.read(request)
    }

    /// Asks and prints the page; with `--json` the whole answer as it came.
    pub fn show<T: DeserializeOwned>(&self, request: &Request, page: impl FnOnce(&T, &Paint) -> String) -> Result<Exit, Trouble> {
        let value = self.ask(request)?;
        self.print(value, page)
    }

    /// Prints an answer. What is not the page that was expected is printed as it is, never left out.
    pub fn print<T: DeserializeOwned>(&self, value: Value, page: impl FnOnce(&T, &Paint) -> String) -> Result<Exit, Trouble> {
        if self.json {
            self.say_json(&Response::Done(value));
            return Ok(Exit::Done);
        }
        match serde_json::from_value::<T>(value.clone()) {
            Ok(answer) => self.say(&page(&answer, &self.paint)),
            Err(_) => self.say(&receipt(&value)),
        }
        Ok(Exit::Done)
    }

    /// Asks for something that ends in one sentence.
    pub fn order(&self, request: &Request) -> Result<Exit, Trouble> {
        self.show(request, |value: &Value, _| receipt(value))
    }

    pub fn say(&self, text: &str) {
        match &self.sink {
            Some(sink) => sink.lock().unwrap_or_else(PoisonError::into_inner).push_str(text),
            None => say(text),
        }
    }

    pub fn say_json(&self, value: &impl serde::Serialize) {
        self.say(&json(value));
    }

    /// A one-time code, typed without echo or read from standard input; never an argument.
    pub fn code(&self, question: &str) -> Result<String, Trouble> {
        prompt::code(question)
    }
}

/// Writes to standard output. A reader that went away is no error of ours: the command just ends.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(i32::from(Exit::Done.code()));
    }
}

/// Writes a line to standard error; where that is closed there is nobody left to tell.
pub fn complain(text: &str) {
    if writeln!(std::io::stderr().lock(), "{text}").is_err() {
        std::process::exit(i32::from(Exit::Failed.code()));
    }
}

/// One line of JSON in which no character acts on a terminal.
pub fn json(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_string(value).expect("BUG: an answer is always writable as JSON");
    let escape = |c: char| {
        let mut units = [0; 2];
        c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>()
    };
    let safe: String = text.chars().map(|c| if is_treacherous(c) { escape(c) } else { c.to_string() }).collect();
    format!("{safe}\n")
}

/// A short answer in words.
fn receipt(value: &Value) -> String {
    let sentence = |value: &Value| value.as_str().map(crate::view::text::lines);
    let text = match value {
        Value::Null => Some("done".to_owned()),
        Value::String(_) => sentence(value),
        Value::Object(fields) => fields.get("outcome").and_then(sentence),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    };
    let pretty = || crate::view::text::lines(&serde_json::to_string_pretty(value).unwrap_or_default());
    format!("{}\n", text.unwrap_or_else(pretty))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json as value;

    #[test]
    fn short_answers_become_words() {
        assert_eq!(receipt(&Value::Null), "done\n");
        assert_eq!(receipt(&value!({"outcome": "main moved"})), "main moved\n");
        assert_eq!(receipt(&value!("a\u{1b}b")), "a<1B>b\n");
        assert!(receipt(&value!({"odd": 1})).contains("\"odd\": 1"));
    }

    #[test]
    fn json_stays_json_and_cannot_act() {
        let text = json(&value!({"a": "x\u{202e}\u{9b}\u{e0001}"}));
        assert_eq!(text, "{\"a\":\"x\\u202e\\u009b\\udb40\\udc01\"}\n");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value!({"a": "x\u{202e}\u{9b}\u{e0001}"}));
    }
}
