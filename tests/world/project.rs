//! Small real repositories, and other things that a world is furnished with.

use orchestrate::edge::totp::Totp;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Rust,
    Python,
}

const RUST: &[(&str, &str)] = &[
    ("Cargo.toml", "[package]\nname = \"greeter\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
    ("Cargo.lock", "version = 3\n\n[[package]]\nname = \"greeter\"\nversion = \"0.1.0\"\n"),
    ("src/lib.rs", "pub fn greet(name: &str) -> String {\n    format!(\"Hello, {name}.\")\n}\n"),
    ("tests/greet.rs", "#[test]\nfn greets() {\n    assert_eq!(greeter::greet(\"Ada\"), \"Hello, Ada.\");\n}\n"),
    (".gitignore", "target\n"),
];

const PYTHON: &[(&str, &str)] = &[
    ("pyproject.toml", "[tool.pytest.ini_options]\npythonpath = [\"src\"]\ntestpaths = [\"tests\"]\n"),
    ("src/greeter.py", "def greet(name):\n    return f\"Hello, {name}.\"\n"),
    ("tests/test_greet.py", "from greeter import greet\n\n\ndef test_greets():\n    assert greet(\"Ada\") == \"Hello, Ada.\"\n"),
    (".gitignore", "__pycache__\n.pytest_cache\n"),
];

/// Makes a repository with one commit.
pub fn make(kind: Kind, repo: &Path) {
    let files = if kind == Kind::Rust { RUST } else { PYTHON };
    for (name, text) in files {
        put(repo, name, text);
    }
    git(repo, &["init", "-q", "-b", "main"]);
    git(repo, &["add", "-A"]);
    git(repo, &["commit", "-q", "-m", "a greeter"]);
}

/// Writes a file, and the folders above it.
pub fn put(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Git as its owner would run it, without anyone's settings.
pub fn git(repo: &Path, args: &[&str]) -> String {
    let seen = Command::new("git")
        .args(["-c", "user.name=Owner", "-c", "user.email=owner@example.org"])
        .args(args)
        .current_dir(repo)
        .env_clear()
        .envs([("PATH", "/usr/local/bin:/usr/bin:/bin"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1"), ("LC_ALL", "C")])
        .output()
        .unwrap();
    assert!(seen.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&seen.stderr));
    String::from_utf8_lossy(&seen.stdout).into_owned()
}

/// All that nobody may change in the owner's repository: commits, settings, hooks, work.
pub fn snapshot(repo: &Path) -> String {
    if !repo.join(".git").is_dir() {
        return String::new();
    }
    let config = std::fs::read_to_string(repo.join(".git/config")).unwrap();
    let refs = git(repo, &["for-each-ref"]);
    let status = git(repo, &["--no-optional-locks", "status", "--porcelain=v2", "--branch", "--ignored"]);
    format!("{config}\n{refs}\n{status}")
}

pub fn write_program(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// The code that an authenticator shows for an otpauth URI, so many seconds from now.
pub fn one_time_code(uri: &str, ahead: u64) -> String {
    let secret = uri.split_once("secret=").unwrap().1.split('&').next().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    Totp::new(&base32(secret)).code(Totp::step(u64::try_from(now).unwrap() + ahead * 1000))
}

fn base32(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let value = |letter: u8| alphabet.iter().position(|known| *known == letter).unwrap();
    let bits: Vec<bool> = text.bytes().map(value).flat_map(|five| (0..5).map(move |at| five >> (4 - at) & 1 == 1)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | u8::from(*bit))).collect()
}
