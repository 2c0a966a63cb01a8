//! The documents are true: what they mark as runnable runs, the commands that they name exist, the files that they link are there.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const TOP: &str = env!("CARGO_MANIFEST_DIR");
const BINARY: &str = env!("CARGO_BIN_EXE_orchestrate");
const PAGES: [&str; 4] = ["README.md", "SECURITY.md", "CHANGELOG.md", "src/README.md"];

fn page(name: &str) -> String {
    std::fs::read_to_string(Path::new(TOP).join(name)).unwrap()
}

/// The fenced blocks whose first line is this.
fn blocks(text: &str, mark: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), open) {
            (Some(head), None) => open = Some(head == mark),
            (Some(_), Some(_)) => open = None,
            (None, Some(true)) => found.last_mut().unwrap().push_str(&format!("{line}\n")),
            (None, _) => {}
        }
        if line == format!("```{mark}") && open == Some(true) {
            found.push(String::new());
        }
    }
    found
}

/// A newcomer's account: an empty home, the tools of the machine, and `orchestrate` on the path.
fn newcomer(home: &Path, script: &str) -> Output {
    let real = |name: &str, otherwise: String| std::env::var(name).unwrap_or(otherwise);
    let owner = real("HOME", "/root".to_owned());
    let cargo = real("CARGO_HOME", format!("{owner}/.cargo"));
    let rustup = real("RUSTUP_HOME", format!("{owner}/.rustup"));
    let bin = home.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    if !bin.join("orchestrate").exists() {
        std::os::unix::fs::symlink(BINARY, bin.join("orchestrate")).unwrap();
    }
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin:{cargo}/bin", bin.display());
    let mut command = Command::new("/bin/sh");
    command.args(["-eu", "-c", script]).current_dir(home).env_clear();
    command.envs([
        ("HOME", home.to_str().unwrap()),
        ("PATH", &path),
        ("LANG", "C.UTF-8"),
        ("CARGO_HOME", &cargo),
        ("RUSTUP_HOME", &rustup),
    ]);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn what_the_readme_marks_as_runnable_runs_and_the_demo_runs_again() {
    let blocks = blocks(&page("README.md"), "sh run");
    assert!(blocks.len() >= 2 && blocks.contains(&"orchestrate demo\n".to_owned()), "{blocks:?}");
    let home = tempfile::tempdir().unwrap();
    for block in blocks {
        let output = newcomer(home.path(), &block);
        assert_eq!(output.status.code(), Some(0), "{block}{}", said(&output));
    }
    plays_again(home.path());
}

/// A second demo stands beside the first, says for programs what it showed, and leaves nothing running.
fn plays_again(home: &Path) {
    let output = newcomer(home, "orchestrate demo --json");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let last: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    let played = &last["done"];
    let gates: Vec<&str> = played["gates"].as_array().unwrap().iter().map(|gate| gate["gate"].as_str().unwrap()).collect();
    assert_eq!(gates, ["red", "green", "peer", "qa", "deploy"]);
    assert_eq!(played["refused"].as_array().unwrap().len(), 2, "{said}");
    assert!(!played["proof"]["found"].as_array().unwrap().is_empty());
    assert!(played["folder"].as_str().unwrap().ends_with("demo-2"), "{said}");
    let socket = PathBuf::from(played["state"].as_str().unwrap()).join("run/owner.sock");
    assert!(std::os::unix::net::UnixStream::connect(socket).is_err(), "the workshop still runs");
}

/// The words of a command up to the first that is no name of one.
fn words(line: &str) -> Vec<&str> {
    let plain = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') && !word.starts_with('-');
    line.split(' ').skip(1).take_while(plain).collect()
}

#[test]
fn every_command_that_is_named_exists() {
    let quoted = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let mut seen = 0;
    for name in PAGES {
        let text = page(name);
        let lines = text.lines().map(str::to_owned).chain(text.lines().flat_map(quoted));
        for line in lines.filter(|line| line.starts_with("orchestrate ")) {
            let words = words(&line);
            let output = Command::new(BINARY).args(&words).arg("--help").output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{name}: {line}: {}", said(&output));
            seen += 1;
        }
    }
    assert!(seen > 15, "only {seen} commands were found");
}

#[test]
fn every_file_that_is_linked_is_there() {
    for name in PAGES {
        let text = page(name);
        let folder = Path::new(TOP).join(name).parent().unwrap().to_owned();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            assert!(folder.join(target).exists(), "{name} links {target}");
        }
    }
}

#[test]
fn blocks_are_found_by_their_mark() {
    let text = "a\n```sh run\nx\ny\n```\n```sh\nz\n```\n```sh run\nw\n```\n";
    assert_eq!(blocks(text, "sh run"), ["x\ny\n", "w\n"]);
    assert_eq!(words("orchestrate task open 'x'"), ["task", "open"]);
}
