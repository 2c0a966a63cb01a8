//! A seat's socket, spoken to by somebody who read the protocol.

use crate::world::{World, wire};
use serde_json::{Value, json};
use std::io::Write;

#[test]
fn a_seats_socket_offers_a_seats_requests_only() {
    let world = World::python().outsiders().bootstrap();
    let before = world.refs();
    owners_requests(&world);
    hooks_requests(&world);
    nonsense(&world);
    long_and_broken(&world);
    assert_eq!(world.refs(), before);
    world.seat("dev-a").run("orchestrate whoami").ok();
    world.owner(&["ledger", "verify"]).ok();
}

fn owners_requests(world: &World) {
    let digest = "0".repeat(64);
    let requests: [Value; 14] = [
        json!("down"),
        json!("deliver"),
        json!({"recharter": {}}),
        json!("config-show"),
        json!("totp-show"),
        json!("ledger-verify"),
        json!("checkpoint"),
        json!("resume"),
        json!({"thaw": {"code": "000000"}}),
        json!({"task-confirm": {"task": "T1", "shown": digest, "code": "000000"}}),
        json!({"ledger": {"from": 0, "most": 10, "wait": 0}}),
        json!({"ledger-prove": {"seq": 0}}),
        json!({"bundle": {"path": "/tmp/stolen"}}),
        json!({"attach": {"seat": "dev-b"}}),
    ];
    for request in requests {
        each_is(world, &request, "not-offered");
    }
}

/// The hooks of the gate are not a seat, even when the seat knows what they say; a push that is not under way is nobody's.
fn hooks_requests(world: &World) {
    let (zero, commit) = ("0".repeat(40), world.gate(&["rev-parse", "main"]));
    let updates = json!([{"name": "refs/heads/main", "old": commit, "new": zero}]);
    each_is(
        world,
        &json!({"pre-receive": {"push": "00".repeat(16), "updates": updates, "quarantine": "/tmp", "alternates": []}}),
        "not-offered",
    );
    each_is(world, &json!({"proc-receive": {"push": "00".repeat(16), "updates": updates}}), "not-offered");
    let hook = world.state().join("run/hook.sock");
    let answer = wire::ask(&hook, &json!({"proc-receive": {"push": "00".repeat(16), "updates": updates}}));
    assert_eq!(answer.code(), "unknown-push");
}

#[track_caller]
fn each_is(world: &World, request: &Value, code: &str) {
    let mark = world.mark();
    assert_eq!(world.seat("dev-a").ask(request).code(), code, "{request}");
    assert_eq!(world.refusals(mark), [("dev-a".to_owned(), code.to_owned())], "{request}");
}

fn nonsense(world: &World) {
    let requests: [&[u8]; 9] = [
        b"",
        b"{}",
        b"null",
        b"\"become-owner\"",
        br#"{"whoami":null,"from":"owner"}"#,
        br#"{"task-take":{"task":"T1","from":"librarian"}}"#,
        br#"{"task-take":{"task":"T1","task":"T2"}}"#,
        b"{\"task-take\":{\"task\":\"\xff\xfe\"}}",
        br#"{"task-take":{"task":"../../T1"}}"#,
    ];
    for request in requests {
        let mark = world.mark();
        let answer = wire::post(&world.seat("dev-a").socket(), request);
        assert_eq!(answer.code(), "malformed", "{}", String::from_utf8_lossy(request));
        assert_eq!(world.refusals(mark).len(), 1);
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(wire::post(&world.seat("dev-a").socket(), deep.as_bytes()).code(), "malformed");
}

fn long_and_broken(world: &World) {
    let socket = world.seat("dev-a").socket();
    let answer = wire::post(&socket, &vec![b'x'; 10 << 20]);
    assert_ne!(answer.status, 200, "{}", answer.body.to_string().len());
    for bytes in [
        &b"\x16\x03\x01\x02\x00"[..],
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /v1/call HTTP/9.9\r\n\r\n",
        b"POST /v1/call HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    ] {
        let heard = String::from_utf8_lossy(&wire::say(&socket, bytes)).into_owned();
        assert!(!heard.starts_with("HTTP/1.1 200"), "{heard}");
    }
    // Connections that say half a sentence and stay; the seat and all others are served all the same.
    let mut open: Vec<_> = (0..64).map(|_| wire::connect(&socket)).collect();
    open.iter_mut().for_each(|stream| stream.write_all(b"POST /v1/call HTTP/1.1\r\ncontent-le").unwrap());
    world.seat("dev-a").run("orchestrate whoami").ok();
    world.seat("dev-b").run("orchestrate whoami").ok();
    let git = world.state().join("run/dev-a/git.sock");
    for line in ["git-upload-archive\n", "git-receive-pack /etc\n\n", &"x".repeat(4000), "git-upload-pack version=2\0evil\n"] {
        let heard = wire::say(&git, line.as_bytes());
        assert!(!String::from_utf8_lossy(&heard).contains("root:"), "{line:?}");
    }
}
