//! The owner's page, asked as a browser asks, and by those who should not.

use crate::world::{DEADLINE, World};
use orchestrate::domain::event::Event;
use orchestrate::domain::freeze;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

/// `orchestrate web`, as long as it is kept.
struct Page {
    child: Child,
    address: SocketAddr,
    key: String,
}

impl Page {
    fn open(world: &World) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orchestrate"));
        command.arg("-C").arg(world.repo()).args(["web", "--json"]).env("ORCHESTRATE_STATE", world.state().parent().unwrap());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let (address, key) = said["done"]["address"].as_str().unwrap().strip_prefix("http://").unwrap().split_once("/#").unwrap();
        Self { child, address: address.parse().unwrap(), key: key.to_owned() }
    }

    /// One request; gives the status and the whole answer.
    fn ask(&self, line: &str, key: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let head = format!("{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n", self.address);
        write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        (said.split(' ').nth(1).unwrap().parse().unwrap(), said)
    }

    /// What the page's own script would get.
    fn get(&self, line: &str, act: &Value) -> (u16, Value) {
        let body = if act.is_null() { String::new() } else { act.to_string() };
        let (status, said) = self.ask(line, &self.key, &body);
        (status, serde_json::from_str(said.split_once("\r\n\r\n").unwrap().1).unwrap())
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn the_page_shows_the_workshop_stops_it_and_thaws_it_with_a_code() {
    let world = World::python().bootstrap();
    let page = Page::open(&world);
    world.owner(&["task", "open", "greet <b>everyone</b>"]).ok();
    let (status, board) = page.get("GET /board?since=0", &Value::Null);
    assert!(status == 200 && board["panels"]["seats"].as_str().unwrap().contains("dev-a"), "{board}");
    assert!(board["panels"]["tasks"].as_str().unwrap().contains("greet &lt;b&gt;everyone&lt;/b&gt;"), "{board}");
    let (_, task) = page.get("GET /task/T1", &Value::Null);
    assert!(task["text"].as_str().unwrap().contains("T1: greet <b>everyone</b>") && task["confirm"].is_null(), "{task}");

    let act = |act: Value| page.get("POST /act", &act);
    let (status, said) = act(json!({"freeze": {"reason": "odd"}}));
    assert_eq!(status, 200, "{said}");
    let (_, board) = page.get(&format!("GET /board?since={}", board["known"]), &Value::Null);
    assert!(board["frozen"]["agreed"] == false && board["title"].as_str().unwrap().starts_with("FROZEN"), "{board}");
    let (status, said) = act(json!({"thaw": {"code": "000000"}}));
    assert!(status == 403 && said["trouble"].as_str().unwrap().contains("[not-agreed]"), "{said}");
    world.seat("librarian").run("orchestrate thaw --agree").ok();
    let (status, said) = act(json!({"thaw": {"code": "000000"}}));
    assert!(status == 403 && said["trouble"].as_str().unwrap().contains("[wrong-code]"), "{said}");
    let code = world.code_at(0);
    assert_eq!(act(json!({"thaw": {"code": code}})), (200, json!({"outcome": "the code is taken"})));
    world.wait_for("the thaw", |entry| matches!(entry.event, Event::Freeze(freeze::Event::Thawed { .. })).then_some(()));
    assert_eq!(act(json!({"task-veto": {"task": "T1", "reason": "no"}})).0, 200);
    let entries: String = world.entries().iter().map(|entry| String::from_utf8(entry.bytes()).unwrap()).collect();
    assert!(!entries.contains(&page.key) && !entries.contains(&code), "neither key nor code is in an entry");
}

#[test]
fn nobody_without_the_key_sees_or_does_anything() {
    let world = World::python().bootstrap();
    let page = Page::open(&world);
    let freeze = r#"{"freeze":{"reason":"mine"}}"#;
    for line in ["GET /board?since=0", "GET /task/T1", "POST /act"] {
        let (status, said) = page.ask(line, "guess", freeze);
        assert!(status == 401 && !said.contains("dev-a"), "{said}");
    }
    let (_, shell) = page.ask("GET /", "", "");
    assert!(shell.contains("default-src 'none'; script-src 'self'") && shell.contains("no-store") && !shell.contains(&page.key), "{shell}");
    assert_eq!(page.ask("POST /act", &page.key, &"x".repeat(100_000)).0, 413);
    // A seat has no way to the owner's loopback, by itself or through the relay, and cannot open a page of its own.
    let reach = format!("python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {}))'", page.address.port());
    world.seat("dev-a").run(&reach).ends(1).says("ConnectionRefusedError");
    world.seat("dev-a").run("orchestrate web").ends(1).says("not-offered");
    assert!(world.entries().iter().all(|entry| !matches!(entry.event, Event::Freeze(freeze::Event::Frozen { .. }))), "nothing was stopped");
}

#[test]
fn the_page_is_opened_on_loopback_only() {
    let world = World::python();
    world.owner(&["web", "--listen", "0.0.0.0:0"]).ends(2).says("is not loopback").says("ssh -L");
    world.owner(&["web"]).ends(10).says("orchestrate bootstrap");
}
