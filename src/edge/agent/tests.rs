use super::launch::resolve_on;
use super::*;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

fn program(path: &Path, content: &str) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_owned()
}

fn seating<'a>(home: &'a Path, credentials: &'a BTreeMap<String, String>) -> Seating<'a> {
    Seating {
        seat: "dev-a",
        home,
        home_inside: "/home/dev-a",
        clone_inside: "/work/repo",
        binary_inside: "/opt/orchestrate/bin/orchestrate",
        prompt: "You are dev-a.",
        first: "Read your mail.",
        again: None,
        managed: false,
        relay: Some("http://127.0.0.1:8118"),
        credentials,
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_native_client_is_shown_with_its_versions() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let real = program(&root.join("share/claude/versions/2.1.197"), "\x7fELF");
    fs::create_dir(root.join("bin")).unwrap();
    symlink(&real, root.join("bin/claude")).unwrap();
    let launch = resolve_on("claude --model haiku", root.join("bin").as_os_str()).unwrap();
    assert_eq!(launch.kind, Kind::Claude);
    assert_eq!(launch.argv, [real.to_str().unwrap(), "--model", "haiku"]);
    assert_eq!(launch.read_only, [real.parent().unwrap()]);
}

#[test]
fn a_node_program_is_shown_with_its_packages_and_its_node() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let cli = program(&root.join("node/lib/node_modules/@anthropic-ai/claude-code/cli.js"), "#!/usr/bin/env -S node\n");
    let node = program(&root.join("node/bin/node"), "\x7fELF");
    symlink(&cli, root.join("node/bin/claude")).unwrap();
    let launch = resolve_on("claude", root.join("node/bin").as_os_str()).unwrap();
    assert_eq!(launch.argv, [cli.to_str().unwrap()]);
    assert_eq!(launch.read_only, [node, root.join("node/lib/node_modules")]);
}

#[test]
fn a_script_is_shown_alone_and_never_with_its_neighbours() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let script = program(&root.join("home/bin/agent"), "#!/bin/sh\n");
    fs::write(root.join("home/bin/secret"), "x").unwrap();
    let launch = resolve_on(&format!("'{}' --go", script.display()), "".as_ref()).unwrap();
    assert_eq!((launch.kind, &launch.read_only), (Kind::Other, &vec![script]));
}

#[test]
fn a_script_in_a_virtual_environment_sees_it() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let script = program(&root.join("venv/bin/agent"), &format!("#!{}/venv/bin/python\n", root.display()));
    fs::write(root.join("venv/pyvenv.cfg"), "").unwrap();
    let python = program(&root.join("pyenv/bin/python3.12"), "\x7fELF");
    fs::create_dir_all(root.join("pyenv/lib/python3.12")).unwrap();
    symlink(&python, root.join("venv/bin/python")).unwrap();
    let launch = resolve_on(script.to_str().unwrap(), "".as_ref()).unwrap();
    for needed in [root.join("venv"), python, root.join("pyenv/lib/python3.12")] {
        assert!(launch.read_only.contains(&needed), "{needed:?} in {:?}", launch.read_only);
    }
}

#[test]
fn what_the_system_has_is_not_named_and_what_is_missing_has_a_hint() {
    let launch = resolve_on("sh -c 'exit 0'", "relative:/bin".as_ref()).unwrap();
    assert!(launch.read_only.is_empty(), "{launch:?}");
    let failure = resolve_on("claude", "/nowhere".as_ref()).unwrap_err();
    assert!(failure.hint.contains("npm install"), "{failure:?}");
    let root = tempfile::tempdir().unwrap();
    let script = program(&root.path().join("x"), "#!/usr/bin/env nothing-of-this-name\n");
    assert!(resolve_on(script.to_str().unwrap(), "/bin".as_ref()).unwrap_err().hint.contains("nothing-of-this-name"));
}

#[test]
fn claude_starts_without_a_dialog_and_keeps_no_secret() {
    let home = tempfile::tempdir().unwrap();
    let key = "sk-ant-0123456789-abcdefghijklmnopqrst";
    let credentials = BTreeMap::from([("ANTHROPIC_API_KEY".to_owned(), key.to_owned())]);
    let furniture = furnish(Kind::Claude, &seating(home.path(), &credentials)).unwrap();
    let state = json(&home.path().join(".claude/.claude.json"));
    assert_eq!(state["hasCompletedOnboarding"], true);
    assert_eq!(state["projects"]["/work/repo"]["hasTrustDialogAccepted"], true);
    assert_eq!(state["customApiKeyResponses"]["approved"][0], "abcdefghijklmnopqrst");
    let settings = json(&home.path().join(".claude/settings.json"));
    assert_eq!(settings["permissions"]["defaultMode"], "bypassPermissions");
    assert_eq!(settings["hooks"]["SessionStart"][0]["hooks"][0]["args"][1], "session-start");
    assert_eq!(settings["hooks"]["Stop"][0]["hooks"][0]["asyncRewake"], true);
    assert_eq!(furniture.env["CLAUDE_CONFIG_DIR"], "/home/dev-a/.claude");
    assert_eq!(furniture.env["ANTHROPIC_API_KEY"], key);
    assert_eq!(furniture.env["HTTPS_PROXY"], "http://127.0.0.1:8118");
    assert_eq!(furniture.args.last().unwrap(), "Read your mail.");
    assert_eq!(furniture.args[4], "--mcp-config=/home/dev-a/.orchestrate/mcp.json");
    let server = &json(&home.path().join(".orchestrate/mcp.json"))["mcpServers"]["orchestrate"];
    assert_eq!((&server["command"], &server["args"]), (&"/opt/orchestrate/bin/orchestrate".into(), &serde_json::json!(["mcp"])));
    for file in [".claude/.claude.json", ".claude/settings.json", ".orchestrate/prompt.md"] {
        let path = home.path().join(file);
        assert!(!fs::read_to_string(&path).unwrap().contains(key), "{file}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn behind_walls_each_tool_waits_for_a_yes() {
    let home = tempfile::tempdir().unwrap();
    let none = BTreeMap::new();
    let walled = Seating { managed: true, ..seating(home.path(), &none) };
    let furniture = furnish(Kind::Claude, &walled).unwrap();
    assert_eq!(furniture.args[..2], ["--permission-mode", "dontAsk"]);
    assert_eq!(json(&home.path().join(".claude/settings.json"))["permissions"]["defaultMode"], "dontAsk");
    let managed: Value = serde_json::from_str(&managed("/opt/orchestrate/bin/orchestrate")).unwrap();
    assert_eq!(managed["permissions"]["disableBypassPermissionsMode"], "disable");
    let guard = &managed["hooks"]["PreToolUse"][0];
    assert!(guard["matcher"].is_null(), "every tool");
    assert_eq!((&guard["hooks"][0]["command"], &guard["hooks"][0]["args"]), (&"/opt/orchestrate/bin/orchestrate".into(), &serde_json::json!(["hook", "guard"])));
}

#[test]
fn claude_goes_on_with_its_newest_session_where_it_is_asked_to() {
    let home = tempfile::tempdir().unwrap();
    let none = BTreeMap::new();
    let seating = seating(home.path(), &none);
    let args = |again| furnish(Kind::Claude, &Seating { again, ..seating.clone() }).unwrap().args;
    assert_eq!(args(Some("Go on."))[5..], ["--", "Read your mail."], "there is none");
    let folder = home.path().join(".claude/projects/-work-repo");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee.jsonl"), "{}").unwrap();
    assert_eq!(args(Some("Go on."))[5..], ["--resume", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "--", "Go on."]);
    assert_eq!(args(None)[5..], ["--", "Read your mail."]);
}

#[test]
fn a_second_start_keeps_what_the_seat_has() {
    let home = tempfile::tempdir().unwrap();
    let none = BTreeMap::new();
    furnish(Kind::Claude, &seating(home.path(), &none)).unwrap();
    let settings = home.path().join(".claude/settings.json");
    let mut own = json(&settings);
    own["model"] = "haiku".into();
    own["hooks"]["Stop"].as_array_mut().unwrap().insert(0, serde_json::json!({"hooks": [{"type": "command", "command": "mine"}]}));
    own["permissions"] = "damaged".into();
    fs::write(&settings, own.to_string()).unwrap();
    fs::write(home.path().join(".claude/.claude.json"), "not json").unwrap();
    fs::write(home.path().join(".claude/notes"), "keep").unwrap();
    furnish(Kind::Claude, &seating(home.path(), &none)).unwrap();
    let after = json(&settings);
    assert_eq!((&after["model"], &after["permissions"]["defaultMode"]), (&"haiku".into(), &"bypassPermissions".into()));
    let stop: Vec<&Value> = after["hooks"]["Stop"].as_array().unwrap().iter().map(|group| &group["hooks"][0]["command"]).collect();
    assert_eq!(stop, ["mine", "/opt/orchestrate/bin/orchestrate"]);
    assert_eq!(fs::read_to_string(home.path().join(".claude/.claude.json.unreadable")).unwrap(), "not json");
    assert_eq!(fs::read_to_string(home.path().join(".claude/notes")).unwrap(), "keep");
}

#[test]
fn no_link_of_a_seat_is_followed() {
    let (home, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let none = BTreeMap::new();
    let victim = outside.path().join("victim");
    fs::write(&victim, "{\"secret\": 1}").unwrap();
    fs::create_dir(home.path().join(".claude")).unwrap();
    for name in [".claude.json", "settings.json", ".settings.json.new"] {
        symlink(&victim, home.path().join(".claude").join(name)).unwrap();
    }
    furnish(Kind::Claude, &seating(home.path(), &none)).unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "{\"secret\": 1}");
    assert_eq!(json(&home.path().join(".claude/settings.json")).get("secret"), None);

    fs::remove_dir_all(home.path().join(".claude")).unwrap();
    symlink(outside.path(), home.path().join(".claude")).unwrap();
    furnish(Kind::Claude, &seating(home.path(), &none)).unwrap();
    assert!(home.path().join(".claude").symlink_metadata().unwrap().is_dir());
    assert_eq!(fs::read_link(home.path().join(".claude.unreadable")).unwrap(), outside.path());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn a_pipe_in_a_file_s_place_does_not_hang_the_start() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".claude")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, home.path().join(".claude/settings.json"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();
    furnish(Kind::Claude, &seating(home.path(), &BTreeMap::new())).unwrap();
    assert_eq!(json(&home.path().join(".claude/settings.json"))["permissions"]["defaultMode"], "bypassPermissions");
}

#[test]
fn another_agent_gets_its_prompt_and_no_settings_of_claude() {
    let home = tempfile::tempdir().unwrap();
    let furniture = furnish(Kind::Other, &seating(home.path(), &BTreeMap::new())).unwrap();
    assert!(furniture.args.is_empty() && !home.path().join(".claude").exists());
    assert_eq!(furniture.env["ORCHESTRATE_PROMPT"], "/home/dev-a/.orchestrate/prompt.md");
    assert_eq!(fs::read_to_string(home.path().join(".orchestrate/prompt.md")).unwrap(), "You are dev-a.");
    let long = "x".repeat(MOST_PROMPT + 1);
    let none = BTreeMap::new();
    assert!(furnish(Kind::Other, &Seating { prompt: &long, ..seating(home.path(), &none) }).is_err());
}
