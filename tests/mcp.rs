//! The tools that an agent's client is offered, over the protocol itself, inside a real seat.

use crate::world::{Said, World};
use serde_json::{Value, json};

/// Says these lines to the server in a seat and gives what it answered, by the number of the question.
#[track_caller]
fn converse(world: &World, seat: &str, version: &str, calls: &[Value]) -> (Said, Vec<Value>) {
    let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}});
    let numbered = |(at, call): (usize, &Value)| {
        let mut call = call.clone();
        call["jsonrpc"] = "2.0".into();
        call["id"] = (at + 1).into();
        call.to_string()
    };
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string();
    let lines: Vec<String> = [hello.to_string(), ready].into_iter().chain(calls.iter().enumerate().map(numbered)).collect();
    // One after the other: the next question is asked when the last one is answered.
    let script = format!(
        "python3 - <<'END'\nimport json, subprocess\nserver = subprocess.Popen(['orchestrate', 'mcp'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)\nfor line in {}:\n    server.stdin.write(line + '\\n'); server.stdin.flush()\n    if 'id' in json.loads(line):\n        print(server.stdout.readline(), end='')\nserver.stdin.close()\nassert server.stdout.read() == '' and server.wait() == 0\nEND",
        serde_json::to_string(&lines).unwrap()
    );
    let said = world.seat(seat).run(&script).ok();
    let answers: Vec<Value> =
        said.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line:?}"))).collect();
    assert!(answers.iter().zip(0..).all(|(answer, at)| answer["id"] == json!(at)), "{said}");
    assert_eq!(answers.len(), calls.len() + 1, "{said}");
    (said, answers)
}

fn call(tool: &str, arguments: Value) -> Value {
    json!({"method": "tools/call", "params": {"name": tool, "arguments": arguments}})
}

#[test]
fn every_tool_answers_as_the_command_line_does() {
    let world = World::python().bootstrap();
    world.owner(&["task", "open", "a note"]).ok();
    let calls = [
        json!({"method": "tools/list"}),
        call("whoami", json!({})),
        call("tasks", json!({})),
        call("task", json!({"task": "T1"})),
        call("send", json!({"to": ["dev-b"], "subject": "--from=owner", "body": "two\nlines"})),
        call("status", json!({})),
        call("explain", json!({"word": "not-drawn"})),
        call("lock", json!({"paths": ["docs/"]})),
        call("gate", json!({"task": "T1"})),
    ];
    let (_, answers) = converse(&world, "dev-a", "2025-11-25", &calls);
    assert!(answers[0]["result"]["instructions"].as_str().unwrap().contains("whoami"), "{}", answers[0]);
    let names: Vec<&str> = answers[1]["result"]["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    for name in [
        "inbox", "read", "send", "ack", "tasks", "take", "submit", "gate", "reviews", "review", "approve", "reject", "locks", "status",
        "explain", "wait", "veto", "withdraw", "motions", "move", "yes", "no", "freeze",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    for answer in &answers[2..] {
        let result = &answer["result"];
        assert!(result["isError"] != json!(true) && !result["structuredContent"]["done"].is_null(), "{answer}");
        let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(text, result["structuredContent"], "{answer}");
    }
    let structured = |at: usize| answers[at]["result"]["structuredContent"].clone();
    for (at, line) in [(2, "whoami"), (3, "task list"), (4, "task show T1"), (7, "explain not-drawn"), (9, "gate show T1")] {
        let said: Value = serde_json::from_str(&world.seat("dev-a").run(&format!("orchestrate {line} --json")).ok().out).unwrap();
        assert_eq!(structured(at), said, "{line}");
    }
    let mail = world.seat("dev-b").run("orchestrate mail inbox --json").ok().done();
    let sent = mail.as_array().unwrap().iter().find(|line| line["from"] == "dev-a").unwrap();
    assert_eq!(sent["subject"], "--from=owner", "a value is no option: {mail}");
    world.owner(&["ledger", "verify"]).ok();
}

#[test]
fn a_refused_act_has_the_code_that_the_command_line_gives_and_is_on_record() {
    let world = World::python().bootstrap();
    world.owner(&["task", "open", "a note"]).ok();
    let mark = world.mark();
    let calls = [
        call("submit", json!({"task": "T1"})),
        call("approve", json!({"task": "T1", "note": "looked at every line of it"})),
        call("take", json!({"task": "T9"})),
        call("take", json!({"task": "nonsense"})),
        call("send", json!({"to": ["dev-b"], "subject": "s", "body": "b", "from": "owner"})),
        call("thaw", json!({})),
        json!({"method": "no/such"}),
    ];
    let (_, answers) = converse(&world, "dev-a", "2025-06-18", &calls);
    for (at, line) in [(1, "task submit T1"), (2, "review approve T1 --note 'looked at every line of it'"), (3, "task take T9")] {
        let result = &answers[at]["result"];
        let said = world.seat("dev-a").run(&format!("orchestrate {line} --json"));
        let told: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!((&result["isError"], &result["structuredContent"]["refused"]), (&json!(true), &told["refused"]), "{line}: {said}");
        assert_eq!(result["structuredContent"]["exit"], json!(said.code), "{line}");
    }
    for usage in [4, 5] {
        assert_eq!(answers[usage]["result"]["structuredContent"]["exit"], 2, "{}", answers[usage]);
    }
    assert_eq!(answers[6]["error"]["code"], -32602, "{}", answers[6]);
    assert_eq!(answers[7]["error"]["code"], -32601, "{}", answers[7]);
    let refused = world.refusals(mark);
    let (half, rest) = refused.split_at(refused.len() / 2);
    assert!(half.len() >= 2 && half == rest, "both ways leave the same record: {refused:?}");
}

#[test]
fn a_client_of_another_time_is_answered_in_a_version_that_there_is() {
    let world = World::python().bootstrap();
    // The real client, in the version that the tests know (2.1.197), says 2025-11-25.
    for version in ["1999-01-01", "2024-11-05", "2025-11-25", "2099-12-31", "nonsense", ""] {
        let (_, answers) = converse(&world, "qa-a", version, &[call("whoami", json!({}))]);
        let spoken = answers[0]["result"]["protocolVersion"].as_str().unwrap_or_else(|| panic!("{}", answers[0]));
        let known = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
        assert!(known.contains(&spoken) && (spoken == version || !known.contains(&version)), "{version}: {spoken}");
        assert_eq!(answers[1]["result"]["structuredContent"]["done"]["actor"], "qa-a", "{}", answers[1]);
    }
}

#[test]
fn tasks_are_resources_and_who_may_stops_everything_by_a_tool() {
    let world = World::python().bootstrap();
    world.owner(&["task", "open", "a note"]).ok();
    let calls = [
        json!({"method": "resources/list"}),
        json!({"method": "resources/templates/list"}),
        json!({"method": "resources/read", "params": {"uri": "orchestrate://task/T1"}}),
        json!({"method": "resources/read", "params": {"uri": "orchestrate://task/T9"}}),
        json!({"method": "resources/read", "params": {"uri": "file:///etc/passwd"}}),
        call("wait", json!({"seconds": "0"})),
        call("wait", json!({"seconds": "0"})),
        call("freeze", json!({"reason": "to see it"})),
    ];
    let (_, answers) = converse(&world, "dev-a", "2025-06-18", &calls);
    assert!(answers[0]["result"]["capabilities"]["resources"].is_object(), "{}", answers[0]);
    let listed = &answers[1]["result"]["resources"];
    assert_eq!((&listed[0]["uri"], &listed[0]["description"]), (&"orchestrate://task/T1".into(), &"a note".into()), "{listed}");
    assert_eq!(answers[2]["result"]["resourceTemplates"][0]["uriTemplate"], "orchestrate://task/{task}", "{}", answers[2]);
    let read: Value = serde_json::from_str(answers[3]["result"]["contents"][0]["text"].as_str().unwrap()).unwrap();
    for (name, line) in [("task", "task show T1"), ("gate", "gate show T1")] {
        assert_eq!(read[name], world.seat("dev-a").run(&format!("orchestrate {line} --json")).ok().done(), "{line}");
    }
    assert!(answers[4]["error"]["data"]["refused"]["code"] == "no-such-task" && !answers[5]["error"].is_null(), "{} {}", answers[4], answers[5]);
    assert_eq!(answers[6]["result"]["structuredContent"]["done"][0]["subject"], "T1 is open", "{}", answers[6]);
    assert_eq!(answers[7]["result"]["structuredContent"], json!({"done": [], "exit": 3}), "{}", answers[7]);
    assert_eq!(answers[8]["result"]["isError"], true, "a developer may not freeze: {}", answers[8]);
    assert!(world.fold().frozen.is_none());
    let (_, answers) = converse(&world, "librarian", "2025-06-18", &[call("freeze", json!({"reason": "to see it"}))]);
    assert!(!answers[1]["result"]["structuredContent"]["done"].is_null(), "{}", answers[1]);
    assert!(world.fold().frozen.is_some());
}
