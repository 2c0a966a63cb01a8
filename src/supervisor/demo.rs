//! What the demo stands on: a fresh folder with a small project and the program that sits in its seats.

use super::place::make_private;
use crate::domain::failure::{Doing, Failure};
use crate::edge::git::{Git, found, plain_clone as clone};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The project's files; `.gitignore` lies here under another name, so that it does not act on this repository.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../../bootstrap/demo/greeter/Cargo.toml")),
    ("Cargo.lock", include_str!("../../bootstrap/demo/greeter/Cargo.lock")),
    ("README.md", include_str!("../../bootstrap/demo/greeter/README.md")),
    ("src/lib.rs", include_str!("../../bootstrap/demo/greeter/src/lib.rs")),
    ("tests/greets.rs", include_str!("../../bootstrap/demo/greeter/tests/greets.rs")),
    (".gitignore", include_str!("../../bootstrap/demo/greeter/gitignore")),
];
const SEAT: &str = include_str!("../../bootstrap/demo/seat");
/// More demos than this do not stand beside each other.
const MOST: u32 = 10_000;

/// Where a demo plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoStage {
    /// Everything of this demo but the workshop's state.
    pub folder: PathBuf,
    /// A git repository with a small Rust crate and its tests.
    pub project: PathBuf,
    /// The command that a seat runs, quoted as `--agent` wants it.
    pub agent: String,
}

/// Makes a fresh stage in the cache folder; what earlier demos left stays as it is.
pub fn demo_stage() -> Result<DemoStage, Failure> {
    let folder = fresh(&cache()?)?;
    let (project, seat) = (folder.join("greeter"), folder.join("seat"));
    let what = format!("cannot write into {}", folder.display());
    std::fs::create_dir(&project).doing(&what)?;
    std::fs::write(&seat, SEAT).doing(&what)?;
    std::fs::set_permissions(&seat, PermissionsExt::from_mode(0o755)).doing(&what)?;
    found(&Git::find()?, &project, FILES, "greet people")?;
    let seat = seat.to_str().ok_or_else(|| Failure::new(what, "its name is not UTF-8").hint("export XDG_CACHE_HOME=/another/folder"))?;
    let agent = format!("\"{}\"", seat.replace('\\', "\\\\").replace('"', "\\\""));
    Ok(DemoStage { folder, project, agent })
}

/// Makes an ordinary clone of a repository, as anybody could on another machine.
pub fn plain_clone(from: &Path, to: &Path) -> Result<(), Failure> {
    clone(&Git::find()?, from, to)
}

/// `$XDG_CACHE_HOME/orchestrate` or `~/.cache/orchestrate`.
fn cache() -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    let base = base
        .ok_or_else(|| Failure::new("cannot find a folder for the demo", "neither HOME nor XDG_CACHE_HOME is set").hint("export HOME=…"))?;
    Ok(base.join("orchestrate"))
}

/// The first `demo-<n>` that is not there yet.
fn fresh(cache: &Path) -> Result<PathBuf, Failure> {
    make_private(cache)?;
    for number in 1..MOST {
        let folder = cache.join(format!("demo-{number}"));
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(why) if why.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(why) => return Err(Failure::new(format!("cannot make {}", folder.display()), why)),
        }
    }
    Err(Failure::new("cannot make a folder for the demo", "there are too many already").hint(format!("rm -r '{}'/demo-*", cache.display())))
}
