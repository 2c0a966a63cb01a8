//! The figures, from the owner's socket and from loopback, to whom they are meant for.

use crate::attacks::refused;
use crate::world::{DEADLINE, World, wire};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;

fn get(address: SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect_timeout(&address, DEADLINE).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    write!(stream, "{head}\r\nHost: x\r\n\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

#[test]
fn figures_are_for_the_owner_and_for_whoever_brings_the_token() {
    let world = World::python();
    let token = world.path("rules/metrics.token");
    std::fs::write(&token, "a-long-token\n").unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    // All of 127/8 is loopback: an address of this process's own is nobody else's.
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let address: SocketAddr = format!("127.77.{high}.{low}:9464").parse().unwrap();
    world.rule(&format!("[metrics]\nlisten = \"{address}\"\ntoken_file = \"{}\"\n", token.display()));
    let world = world.bootstrap();
    world.owner(&["task", "open", "a title that is no label"]).ok();

    let page = world.owner(&["metrics"]).ok().out;
    assert!(page.contains("orchestrate_tasks{standing=\"open\"} 1\n") && !page.contains("no label"), "{page}");
    assert!(page.contains("orchestrate_seat_ready{seat=\"dev-a\",role=\"dev\"} 1\n"), "{page}");
    let socket = world.state().join("run/owner.sock");
    let mut stream = wire::connect(&socket);
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    assert!(heard.starts_with("HTTP/1.1 200 OK\r\n") && heard.contains("text/plain; version=0.0.4"), "{heard}");
    assert!(heard.contains("orchestrate_tasks{standing=\"open\"} 1\n"), "{heard}");

    let bearer = |token: &str| format!("GET /metrics HTTP/1.1\r\nAuthorization: Bearer {token}");
    assert!(get(address, &bearer("a-long-token")).contains("orchestrate_tasks{standing=\"open\"} 1\n"));
    for head in ["GET /metrics HTTP/1.1", &bearer("a-long-toke"), &bearer(""), "GET /metrics HTTP/1.1\r\nAuthorization: a-long-token"] {
        let said = get(address, head);
        assert!(said.starts_with("HTTP/1.1 401") && !said.contains("orchestrate_"), "{head}: {said}");
    }
    assert!(get(address, &bearer("a-long-token").replace("/metrics", "/v1/call")).starts_with("HTTP/1.1 404"));
    assert!(get(address, &bearer("a-long-token").replace("GET", "POST")).starts_with("HTTP/1.1 405"));

    refused(&world, "dev-a", "orchestrate metrics", &["not-offered"]);
    let entries: String = world.entries().iter().map(|entry| String::from_utf8(entry.bytes()).unwrap()).collect();
    assert!(!entries.contains("a-long-token"), "the token is in no entry");
}
