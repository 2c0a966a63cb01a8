//! The relay: the owner's key is used outside and seen by nobody inside, and a seat asks for no more than the owner offers.

use crate::world::World;
use orchestrate::domain::event::Event;
use orchestrate::domain::fleet;
use crate::attacks::fleet::shows;
use crate::world::model::{Manner, Model};
use crate::world::processes::Family;

const KEY: &str = "sk-ant-real-0123456789-key-of-the-owner";

fn world(model: &Model, rules: &str) -> World {
    let mut world = World::python();
    world.rule(&format!("[agent]\nupstream = \"http://{}\"\n{rules}", model.address));
    world.set("ANTHROPIC_API_KEY", KEY);
    world.bootstrap()
}

/// A request as a client in the seat makes it; prints the status and the body.
fn ask(verb: &str, path: &str, body: &str) -> String {
    format!(
        r#"python3 - <<'END'
import http.client, os
c = http.client.HTTPConnection(os.environ["ANTHROPIC_BASE_URL"][7:])
c.request("{verb}", "{path}", body="""{body}""" or None, headers={{"x-api-key": os.environ["ANTHROPIC_API_KEY"], "authorization": "Bearer mine", "anthropic-version": "2023-06-01", "cookie": "a=b"}})
r = c.getresponse()
print(r.status, r.getheader("retry-after"), r.getheader("set-cookie"), r.read().decode())
END"#
    )
}

#[test]
fn the_key_is_put_in_outside_and_seen_by_nobody_inside() {
    let model = Model::start();
    let world = world(&model, "");
    let seat = world.seat("dev-a");
    seat.run(&ask("POST", "/v1/messages?beta=true", "words")).ok().says("200 None None").says("through the wall");
    let heard = model.heard().pop().unwrap();
    assert!(heard.starts_with("POST /v1/messages?beta=true HTTP/1.1\r\n") && heard.ends_with("\r\n\r\nwords"), "{heard}");
    assert!(heard.contains(&format!("x-api-key: {KEY}\r\n")) && heard.contains("anthropic-version: 2023-06-01\r\n"), "{heard}");
    assert!(!heard.contains("mine") && !heard.contains("cookie"), "{heard}");
    let inside = seat.run("env; cat /proc/self/environ /proc/1/environ; grep -rs key-of-the-owner / --exclude-dir=proc --exclude-dir=sys --exclude-dir=usr; true");
    assert!(!inside.out.contains(KEY), "{inside}");
    outside(&world);
    let status = world.orchestrate(&["-C", world.repo().to_str().unwrap(), "status", "--json"]).done();
    let line = status["seats"].as_array().unwrap().iter().find(|line| line["seat"] == "dev-a").unwrap().clone();
    assert_eq!(line["requests"], 1, "{line}");
}

/// Neither in a process of the workshop, nor in a file of it.
fn outside(world: &World) {
    for pid in Family::of(&world.path("")).all() {
        let of = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        for name in ["environ", "cmdline"] {
            assert!(!String::from_utf8_lossy(&of(name)).contains(KEY), "{pid} has the key in its {name}");
        }
    }
    let found = world.command("/bin/grep", &["-rslF", "--devices=skip", KEY, world.state().to_str().unwrap()], "");
    assert_eq!(found.out, "", "the key lies in a file");
}

#[test]
fn an_answer_streams_as_it_comes() {
    let model = Model::start();
    let world = world(&model, "");
    let lines = r#"python3 - <<'END'
import http.client
c = http.client.HTTPConnection("127.0.0.1:3129")
c.request("POST", "/v1/messages", body="wait for me")
r = c.getresponse()
first = r.readline()
d = http.client.HTTPConnection("127.0.0.1:3129")
d.request("GET", "/v1/models")
print(first, d.getresponse().status, r.read().decode().count("event:"))
END"#;
    world.seat("dev-a").run(lines).ok().says("b'event: message_start\\n' 200 5");
}

#[test]
fn what_the_owner_does_not_offer_stays_inside_and_is_on_record() {
    let model = Model::start();
    let world = world(&model, "requests = { per_hour = 2 }\n");
    let (seat, mark) = (world.seat("dev-a"), world.mark());
    for (verb, path) in
        [("POST", "/v1/files"), ("GET", "/v1/models/../files"), ("DELETE", "/v1/messages"), ("POST", "http://example.org/v1/messages")]
    {
        seat.run(&ask(verb, path, "")).ok().says("403 None None {\"error\":{\"message\":\"orchestrate:").says("permission_error");
    }
    smuggle(&world, &model);
    seat.run(&ask("GET", "/v1/models", "")).ok().says("200");
    seat.run(&ask("GET", "/v1/models", "")).ok().says("429 3").says("rate_limit_error").says("over-budget");
    world.orchestrate(&["-C", world.repo().to_str().unwrap(), "freeze", "--reason", "a look"]).ok();
    seat.run(&ask("GET", "/v1/models", "")).ok().says("403").says("frozen");
    let codes: Vec<String> = world.refusals(mark).into_iter().map(|(_, code)| code).collect();
    assert_eq!(codes, ["relay-path", "over-budget", "frozen"]);
    assert_eq!(model.heard().len(), 2);
}

/// Two framings of one request, a hidden second one, broken lines: what arrives is one request, or none.
fn smuggle(world: &World, model: &Model) {
    let before = model.heard().len();
    let raw = [
        r"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/files HTTP/1.1\r\nhost: x\r\n\r\n",
        r"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 99\r\n\r\nx",
        r"GET /v1/models\r\nx-api-key: y HTTP/1.1\r\n\r\n",
        r"GET /v1/models HTTP/1.1\r\nhost: x\r\nanthropic-a: b\nx-evil: c\rGET /v1/files HTTP/1.1\r\n\r\n",
        r"GET http://127.0.0.1/v1/models HTTP/1.1\r\nhost: x\r\n\r\n",
    ];
    for bytes in raw {
        let lines = format!(
            "python3 - <<'END'\nimport socket\ns = socket.create_connection(('127.0.0.1', 3129))\ns.sendall(b\"\"\"{bytes}\"\"\")\ns.shutdown(socket.SHUT_WR)\nprint(s.makefile('rb').read())\nEND"
        );
        world.seat("dev-a").run(&lines).ok();
    }
    let heard = model.heard();
    let (new, framed) = (&heard[before..], |text: &&String| text.matches(" HTTP/1.1\r\n").count() == 1 && !text.contains("files"));
    assert!(new.len() <= 1 && new.iter().all(|text| framed(&text) && text.starts_with("POST /v1/messages ")), "{new:?}");
}

#[test]
fn without_a_credential_after_a_restart_the_relay_says_who_has_to_do_what() {
    let model = Model::start();
    let mut world = world(&model, "");
    world.down().ok();
    world.set("ANTHROPIC_API_KEY", "");
    world.start().ok();
    let post = "python3 -c \"import http.client as h; c = h.HTTPConnection('127.0.0.1:3129'); c.request('GET', '/v1/models'); r = c.getresponse(); print(r.status, r.read())\"";
    world.seat("dev-a").run(post).ok().says("401").says("no-credential").says("orchestrate bootstrap");
    world.set("ANTHROPIC_API_KEY", KEY);
    world.start().ok();
    world.seat("dev-a").run(post).ok().says("200");
}

#[test]
fn what_is_used_is_counted_by_seat_task_and_day_and_a_limit_pauses_and_tells() {
    let model = Model::start();
    let mut world = World::python();
    world.rule(&format!("[agent]\nupstream = \"http://{}\"\n[spending]\nseat_tokens_per_day = 8\ncents_per_day = 100000\n", model.address));
    world.rule("prices = { \"claude-opus\" = { input = 1000000, output = 2000000, cache_read = 0, cache_write = 0 } }\n");
    world.set("ANTHROPIC_API_KEY", KEY);
    let world = world.bootstrap();
    world.owner(&["task", "open", "a note"]).ok();
    world.seat("dev-a").run("orchestrate task take T1").ok();
    let question = ask("POST", "/v1/messages", "words");
    for _ in 0..2 {
        world.seat("dev-a").run(&question).ok().says("200 None None");
    }
    world.wait_for("the pause", |entry| match &entry.event {
        Event::Fleet(fleet::Event::Paused { seat: Some(seat), .. }) if seat.as_str() == "dev-a" => Some(()),
        _ => None,
    });
    let mark = world.mark();
    world.seat("dev-a").run(&question).ok().says("403 None None").says("spent-out");
    assert!(world.refusals(mark).contains(&("dev-a".to_owned(), "spent-out".to_owned())));
    assert_eq!(model.heard().len(), 2, "nothing left");
    world.seat("dev-b").run(&question).ok().says("200 None None");
    world.owner(&["mail", "inbox"]).ok().says("dev-a is paused");
    let status = world.owner(&["status", "--json"]).ok().done();
    let line = status["seats"].as_array().unwrap().iter().find(|line| line["seat"] == "dev-a").unwrap().clone();
    assert_eq!((&line["used"]["input"], &line["used"]["output"], &line["doing"]), (&2.into(), &6.into(), &"out-of-budget".into()), "{line}");
    assert_eq!(line["used"]["micros"], 2 * 10_000 + 6 * 20_000, "{line}");
    world.owner(&["status"]).ok().says("8 tokens, $0.14");
    let task = world.owner(&["task", "show", "T1", "--json"]).ok().done();
    assert_eq!(task["used"]["output"], 6, "{task}");
    world.ahead(86_400);
    world.seat("dev-a").run(&question).ok().says("200 None None");
    world.owner(&["ledger", "verify"]).ok();
}

#[test]
fn the_owners_login_is_shared_as_it_is_at_the_moment_and_never_made_anew() {
    let model = Model::start();
    let mut world = World::python();
    world.rule(&format!("[agent]\nupstream = \"http://{}\"\n", model.address));
    let (folder, file) = (world.path("mine"), world.path("mine/.credentials.json"));
    std::fs::create_dir(&folder).unwrap();
    let login = |token: &str| {
        let text = format!(r#"{{"claudeAiOauth":{{"accessToken":"{token}","refreshToken":"sk-ant-ort01-never","expiresAt":1,"scopes":[]}}}}"#);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    };
    login("sk-ant-oat01-one");
    world.set("CLAUDE_CONFIG_DIR", folder.to_str().unwrap());
    world.owner(&["doctor", "--json"]).says("your own login").says("never made anew here");
    let world = world.bootstrap();
    let question = ask("POST", "/v1/messages", "words");
    let seat = world.seat("dev-a");
    for token in ["sk-ant-oat01-one", "sk-ant-oat01-two"] {
        login(token);
        seat.run(&question).ok().says("200");
        let heard = model.heard().pop().unwrap();
        assert!(heard.contains(&format!("authorization: Bearer {token}\r\n")) && heard.contains("oauth-2025-04-20"), "{heard}");
        assert!(!heard.contains("mine") && !heard.contains("ort01"), "{heard}");
    }
    std::fs::write(&file, "half a fi").unwrap();
    seat.run(&question).ok().says("401").says("no-credential");
    shows(&world, "dev-a", "stuck: the relay has no credential");
    login("sk-ant-oat01-three");
    seat.run(&question).ok().says("200");
    let inside = seat.run("env; cat /proc/1/environ; ls -la ~/.claude /root/.claude; grep -rs ant-oat''01 / --exclude-dir=proc --exclude-dir=sys --exclude-dir=usr; true");
    assert!(!inside.out.contains("oat01"), "{inside}");
}

#[test]
fn an_api_that_fails_is_shown_as_such_until_it_answers_again() {
    let model = Model::start();
    let world = world(&model, "");
    let seat = world.seat("dev-a");
    let question = ask("POST", "/v1/messages", "words");
    for (manner, answer, shown) in [
        (Manner::Status(401), "401", "stuck: the model's API refuses the credential (401)"),
        (Manner::Status(500), "500", "stuck: the model's API fails (500)"),
        (Manner::Status(529), "529", "rate-limited"),
        (Manner::Status(429), "429", "rate-limited"),
        (Manner::Gone, "502", "stuck: the model's API cannot be reached"),
    ] {
        model.behave(manner);
        for _ in 0..2 {
            seat.run(&question).ok().says(answer);
        }
        shows(&world, "dev-a", shown);
        model.behave(Manner::Well);
        seat.run(&question).ok().says("200");
        shows(&world, "dev-a", "ready");
    }
    model.behave(Manner::Silent);
    let before = model.heard().len();
    let waiting = seat.start(&question);
    model.wait_count(before + 1);
    world.ahead(301);
    world.seat("dev-b").run("orchestrate mail send qa-a --subject x --body x").ok();
    shows(&world, "dev-a", "stuck: the model's API does not answer");
    model.behave(Manner::Well);
    waiting.end().ok().says("200");
    shows(&world, "dev-a", "ready");
}

#[test]
fn a_key_file_is_read_when_it_is_private() {
    let model = Model::start();
    let mut world = World::python();
    let file = world.path("key");
    std::fs::write(&file, format!("{KEY}\n")).unwrap();
    world.rule(&format!("[agent]\nupstream = \"http://{}\"\nkey_file = {:?}\n", model.address, file.to_str().unwrap()));
    world.start().ends(10).says("others than its owner can use it").says("chmod 600");
    let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(&file, mode(0o600)).unwrap();
    world = world.bootstrap();
    world.seat("dev-a").run(&ask("GET", "/v1/models", "")).ok().says("200");
    assert!(model.heard()[0].contains(&format!("x-api-key: {KEY}\r\n")));
}
