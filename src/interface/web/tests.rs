//! Who is heard, and that nothing that a seat wrote is more than text.

use super::route::answer;
use super::{Site, Told, page};
use crate::domain::actor::Actor;
use crate::domain::command::Act;
use crate::domain::name::Digest;
use crate::interface::client::Client;
use crate::view;
use crate::view::tests::Journey;
use hyper::body::Bytes;
use hyper::{Request, Response, StatusCode};
use std::path::Path;

const KEY: &str = "the-key";

/// A page of a workshop whose supervisor is gone.
fn site() -> Site {
    let client = Client::at(Path::new("/nonexistent/owner.sock"));
    let tell = |_: &_| Ok(Told { text: "T1 <b>".to_owned(), confirm: None });
    Site { client, key: Digest::of(KEY.as_bytes()), tell: Box::new(tell) }
}

fn ask(line: &str, host: &str, key: &str, body: &str) -> Response<String> {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path).header("host", host);
    if !key.is_empty() {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    answer(&site(), &request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap())
}

fn status(line: &str, key: &str, body: &str) -> u16 {
    ask(line, "127.0.0.1:8300", key, body).status().as_u16()
}

#[test]
fn the_empty_page_is_for_all_and_nothing_else_is_without_the_key() {
    for file in ["/", "/board.css", "/board.js"] {
        assert_eq!(status(&format!("GET {file}"), "", ""), 200, "{file}");
        assert_eq!(status(&format!("POST {file}"), KEY, ""), 405, "{file}");
    }
    for line in ["GET /board?since=0", "GET /task/T1", "POST /act", "GET /nowhere"] {
        for key in ["", "the-ke", "the-key2", "Bearer the-key"] {
            assert_eq!(status(line, key, r#"{"freeze":{"reason":"x"}}"#), 401, "{line} with {key:?}");
        }
    }
}

#[test]
fn with_the_key_each_way_says_what_is_wrong() {
    assert_eq!(status("GET /board?since=0", KEY, ""), 502, "the supervisor is gone");
    let gone = ask("GET /board?since=0", "localhost", KEY, "");
    assert!(gone.body().contains("no supervisor answers") && gone.body().contains("hint: "), "{}", gone.body());
    assert_eq!([status("GET /board", KEY, ""), status("GET /board?since=-1", KEY, ""), status("GET /task/xx", KEY, "")], [400; 3]);
    assert_eq!([status("POST /board", KEY, ""), status("GET /act", KEY, "")], [405; 2]);
    assert_eq!([status("GET /nowhere", KEY, ""), status("GET /boards", KEY, "")], [404; 2]);
    assert_eq!(ask("GET /task/T1", "[::1]:9", KEY, "").body(), r#"{"confirm":null,"task":"T1","text":"T1 <b>"}"#);
}

#[test]
fn only_what_stops_things_and_what_wants_a_code_can_be_done() {
    let offered = [r#"{"freeze":{"reason":"x"}}"#, r#"{"thaw":{"code":"1"}}"#, r#"{"task-veto":{"task":"T1","reason":"x"}}"#];
    assert!(offered.iter().all(|act| status("POST /act", KEY, act) == 502), "they reach for the supervisor");
    for other in
        [r#""down""#, r#""totp-show""#, r#"{"key-revoke":{"seat":"dev-a","reason":"x"}}"#, r#""deliver""#, "{}", "", "{\"freeze\":{}}"]
    {
        assert_eq!(status("POST /act", KEY, other), 400, "{other}");
    }
}

#[test]
fn a_name_that_points_here_from_elsewhere_is_not_answered() {
    for host in ["evil.example", "evil.example:8300", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "[::2]", ""] {
        assert_eq!(ask("GET /", host, KEY, "").status(), StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    for host in ["localhost", "localhost:1", "127.0.0.1", "127.1.2.3:8300", "[::1]", "[::1]:8300"] {
        assert_eq!(ask("GET /", host, "", "").status(), StatusCode::OK, "{host}");
    }
}

#[test]
fn what_seats_wrote_is_text_and_nothing_else() {
    let mut journey = Journey::at_deploy();
    journey.mail();
    let title = "<img src=x onerror=alert(1)>\"'&";
    let open = Act::OpenTask { title: title.into(), body: title.into(), assign: None };
    journey.run(&Actor::Owner, open);
    journey.run(&Actor::Owner, Act::Freeze { reason: "<img>".into() });
    let mut seen = view::dashboard(&journey.state, journey.state.now + 5_000);
    seen.from = 0;
    seen.entries = journey.entries.iter().map(|entry| String::from_utf8(entry.bytes()).unwrap()).collect();
    let board = page::board(&seen);
    assert_eq!(board["known"], journey.state.len);
    assert_eq!(board["frozen"]["text"], "frozen by owner: <img> (nobody has agreed to a thaw)", "the script sets it as text");
    let panels = board["panels"].as_object().unwrap();
    let html: String =
        panels.values().chain([&board["head"], &board["title"], &board["tail"]]).map(|part| part.as_str().unwrap()).collect();
    assert!(html.contains("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;") && html.contains("may&lt;202E&gt; I?"), "{html}");
    assert!(!html.contains("<img") && !html.chars().any(|c| c != '\n' && view::text::is_treacherous(c)), "{html}");
    assert!(board["title"].as_str().unwrap().starts_with("FROZEN: "));
    assert!(panels["tasks"].as_str().unwrap().contains("<button data-task=\"T1\">open T1</button>"));
    assert!(panels["locks"].as_str().unwrap().contains("no locks") && panels.get("ledger").is_none());
}
