//! `session-start`: an agent's session begins. Asking who this seat is shows the supervisor that its instance answers.

use super::wire;
use crate::supervisor::protocol::Request;
use serde_json::{Value, json};
use std::ffi::OsString;

pub(super) fn run(_: &[OsString]) -> u8 {
    let answer = wire::call(&wire::seat_socket(), &Request::Whoami, wire::SHORT);
    println!("{}", json!({"hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": told(answer)}}));
    0
}

fn told(answer: Result<Value, wire::No>) -> String {
    match answer {
        Ok(who) => {
            format!("The supervisor says who you are: {who}. `orchestrate --help` lists what you can ask it; mail arrives by itself.")
        }
        Err(no) => format!("{}\nWork on; ask again with `orchestrate whoami` before you push.", super::say::words(&no)),
    }
}
