//! Finding an agent's program on the host, and what of the host it needs to see to run.

use super::words;
use crate::domain::failure::{Doing as _, Failure};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Agents that are known by name, and all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Claude,
    Other,
}

/// A program that was found, ready to be shown and run in a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    pub kind: Kind,
    /// What to run inside: an absolute path without links, and the arguments that the owner gave.
    pub argv: Vec<String>,
    /// Host paths to show read-only at the same place. What is below the system's own folders is not named.
    pub read_only: Vec<PathBuf>,
}

/// Folders that every sandbox shows.
const SYSTEM: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"];
const DEEPEST: u32 = 4;

/// Finds what a command runs, on the path of this process.
pub fn resolve(command: &str) -> Result<Launch, Failure> {
    resolve_on(command, &std::env::var_os("PATH").unwrap_or_default())
}

pub(super) fn resolve_on(command: &str, path: &OsStr) -> Result<Launch, Failure> {
    let words = words::split(command)?;
    let named = find(&words[0], path).ok_or_else(|| missing(&words[0]))?;
    let program = named.canonicalize().doing(format!("cannot follow {}", named.display()))?;
    let mut needs = BTreeSet::new();
    require(&program, path, &mut needs, 0)?;
    let mut argv = vec![text(&program)?];
    argv.extend(words[1..].iter().cloned());
    Ok(Launch { kind: kind(&words[0]), argv, read_only: needs.into_iter().collect() })
}

fn kind(word: &str) -> Kind {
    if Path::new(word).file_name() == Some(OsStr::new("claude")) { Kind::Claude } else { Kind::Other }
}

fn text(path: &Path) -> Result<String, Failure> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| Failure::new("cannot name the agent's program", format!("{} is no UTF-8", path.display())))
}

fn missing(word: &str) -> Failure {
    let hint = match kind(word) {
        Kind::Claude => "npm install -g @anthropic-ai/claude-code   (or name another agent: --agent CMD)".to_owned(),
        Kind::Other => format!("install {word}, or name another agent: --agent CMD"),
    };
    Failure::new("cannot find the agent", format!("there is no program {word:?} on the path")).hint(hint)
}

fn find(word: &str, path: &OsStr) -> Option<PathBuf> {
    let candidates: Vec<PathBuf> = if word.contains('/') {
        vec![std::path::absolute(word).ok()?]
    } else {
        std::env::split_paths(path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(word)).collect()
    };
    candidates.into_iter().find(|file| file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0))
}

/// Collects what a program needs: its file or the folder it was installed to, and what its first line names.
fn require(program: &Path, path: &OsStr, needs: &mut BTreeSet<PathBuf>, depth: u32) -> Result<(), Failure> {
    if depth > DEEPEST {
        return Err(Failure::new("cannot find what the agent needs", format!("{} is a script of scripts of scripts", program.display())));
    }
    needs.extend(installed(program).into_iter().filter(|needed| !is_system(needed)));
    match interpreter(program)? {
        None => Ok(()),
        Some(word) => {
            let named = find(&word, path).ok_or_else(|| {
                let why = format!("{} wants {word:?}, which is not there", program.display());
                Failure::new("cannot run the agent", why).hint(format!("install {word}"))
            })?;
            let real = named.canonicalize().doing(format!("cannot follow {}", named.display()))?;
            // The script names the interpreter as it was written: that place has to exist inside as well.
            needs.extend(environment(&named).filter(|folder| !is_system(folder)));
            if word.contains('/') && !is_system(&named) {
                needs.insert(named);
            }
            require(&real, path, needs, depth + 1)
        }
    }
}

fn is_system(path: &Path) -> bool {
    SYSTEM.iter().any(|folder| path.starts_with(folder))
}

/// What belongs to a program's file. Never a folder that holds more than an installation: that could be somebody's home.
fn installed(program: &Path) -> Vec<PathBuf> {
    let package = program.ancestors().skip(1).filter(|folder| folder.file_name() == Some(OsStr::new("node_modules"))).last();
    let versions = program.parent().filter(|folder| folder.file_name() == Some(OsStr::new("versions")) && folder.ancestors().count() > 3);
    if let Some(folder) = package.or(versions) {
        return vec![folder.to_owned()];
    }
    let prefix = program.parent().filter(|folder| folder.file_name() == Some(OsStr::new("bin"))).and_then(Path::parent);
    let mut paths = vec![program.to_owned()];
    paths.extend(prefix.into_iter().flat_map(libraries));
    paths
}

/// The standard library of a Python that was installed outside the system.
fn libraries(prefix: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(prefix.join("lib")) else { return Vec::new() };
    let ours = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("python3") || name.to_string_lossy().starts_with("libpython3"))
    };
    entries.flatten().map(|entry| entry.path()).filter(ours).collect()
}

/// The virtual environment that an interpreter stands in.
fn environment(interpreter: &Path) -> Option<PathBuf> {
    let prefix = interpreter.parent()?.parent()?;
    prefix.join("pyvenv.cfg").is_file().then(|| prefix.to_owned())
}

/// What a script's first line runs: a path, or a name where `env` looks it up.
fn interpreter(program: &Path) -> Result<Option<String>, Failure> {
    let mut head = Vec::new();
    let file = File::open(program).doing(format!("cannot read {}", program.display()))?;
    file.take(256).read_to_end(&mut head).doing(format!("cannot read {}", program.display()))?;
    let Some(line) = head.strip_prefix(b"#!").and_then(|rest| rest.split(|b| *b == b'\n').next()) else { return Ok(None) };
    let line = String::from_utf8_lossy(line).into_owned();
    let mut words = line.split_whitespace();
    let first =
        words.next().ok_or_else(|| Failure::new("cannot run the agent", format!("{} has an empty first line", program.display())))?;
    let looked_up = Path::new(first).file_name() == Some(OsStr::new("env"));
    let mut by_name = || words.find(|word| !word.starts_with('-') && !word.contains('=')).map(str::to_owned);
    Ok(if looked_up { by_name() } else { Some(first.to_owned()) })
}
