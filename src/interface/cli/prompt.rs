//! Questions to a person, where there is one.

use crate::domain::failure::Doing;
use crate::interface::exit::Trouble;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;
use std::io::{BufRead, IsTerminal, Read, Stdin, Write};

/// A code or passphrase is this long at most; more is a slip of the hand.
const MOST: usize = 256;

/// Reads a code: typed without echo on a terminal, else the first line of standard input.
pub fn code(question: &str) -> Result<String, Trouble> {
    let stdin = std::io::stdin();
    let text = if stdin.is_terminal() { typed(&stdin, question)? } else { line(&stdin)? };
    let code: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if code.is_empty() { Err(Trouble::usage("no code was given", "type it at the prompt, or send it to standard input")) } else { Ok(code) }
}

/// Asks for a secret, without echo; only where standard input is a terminal.
pub fn secret(question: &str) -> Result<Option<Zeroizing<String>>, Trouble> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() { typed(&stdin, question).map(|text| Some(Zeroizing::new(text))) } else { Ok(None) }
}

/// Asks for a line; only where standard input is a terminal.
pub fn ask(question: &str) -> Result<Option<String>, Trouble> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(None);
    }
    show(question)?;
    Ok(Some(line(&stdin)?.trim().to_owned()))
}

/// All of standard input.
pub fn everything() -> Result<String, Trouble> {
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text).doing("cannot read standard input")?;
    Ok(text)
}

fn show(question: &str) -> Result<(), Trouble> {
    let mut err = std::io::stderr().lock();
    Ok(err.write_all(question.as_bytes()).and_then(|()| err.flush()).doing("cannot write to the terminal")?)
}

fn line(stdin: &Stdin) -> Result<String, Trouble> {
    let mut text = String::new();
    stdin.lock().read_line(&mut text).doing("cannot read standard input")?;
    Ok(text)
}

/// Byte by byte, with echo, line editing and signals off, so that nothing can end us before the terminal is as it was.
fn typed(stdin: &Stdin, question: &str) -> Result<String, Trouble> {
    show(question)?;
    let silence = Silence::begin(stdin)?;
    let end = keys(&mut stdin.lock());
    drop(silence);
    show("\n")?;
    end
}

fn keys(input: &mut impl Read) -> Result<String, Trouble> {
    let mut text = String::new();
    let mut byte = [0];
    loop {
        if input.read(&mut byte).doing("cannot read the terminal")? == 0 {
            return Ok(text);
        }
        match byte[0] {
            b'\r' | b'\n' | 4 => return Ok(text),
            3 | 28 => return Err(Trouble::Interrupted),
            8 | 127 => drop(text.pop()),
            21 => text.clear(),
            key if (key.is_ascii_graphic() || key == b' ') && text.len() < MOST => text.push(char::from(key)),
            _ => {}
        }
    }
}

/// The terminal without echo; as it was again when this is dropped.
struct Silence<'a> {
    stdin: &'a Stdin,
    before: Termios,
}

impl<'a> Silence<'a> {
    fn begin(stdin: &'a Stdin) -> Result<Self, Trouble> {
        let before = tcgetattr(stdin).doing("cannot read the terminal's settings")?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(stdin, OptionalActions::Flush, &silent).doing("cannot turn the echo off")?;
        Ok(Self { stdin, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        if tcsetattr(self.stdin, OptionalActions::Flush, &self.before).is_err() {
            super::complain("cannot turn the echo on again\nhint: stty sane");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_end_with_enter_and_can_be_taken_back() {
        assert_eq!(keys(&mut &b"12x\x7f3\r9"[..]).unwrap(), "123");
        assert_eq!(keys(&mut &b"99\x15123456\n"[..]).unwrap(), "123456");
        assert_eq!(keys(&mut &b"12"[..]).unwrap(), "12");
        assert!(matches!(keys(&mut &b"12\x03"[..]), Err(Trouble::Interrupted)));
    }
}
