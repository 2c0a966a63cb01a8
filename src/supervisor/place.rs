//! Where a workshop keeps its things: one private folder per repository.

use crate::domain::failure::{Doing, Failure};
use crate::domain::name::{Digest, SeatName};
use std::collections::BTreeMap;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The longest path a unix socket can have, less the longest name we put below the state folder.
const LONGEST: usize = 107 - "/run/abcdefghijklmnopqrstuvwxyz12345/relay.sock".len();

/// How deep a seat's folders are handed over.
pub const DEEPEST: u32 = 256;
/// The file that names the seats' unix users.
const USERS: &str = "users.json";

/// A workshop's private state folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    root: PathBuf,
}

/// The workshop's name: the repository's folder name and a digest of its full path.
pub fn workshop_id(repo: &Path) -> String {
    let full = std::fs::canonicalize(repo).unwrap_or_else(|_| repo.to_path_buf());
    let name: String = full.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let plain: String = name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    let plain = words.join("-").chars().take(24).collect::<String>();
    let plain = if plain.is_empty() { "repository".to_owned() } else { plain };
    format!("{}-{}", plain.trim_end_matches('-'), &Digest::of(full.as_os_str().as_encoded_bytes()).as_str()[..8])
}

/// Where all workshops are: `$ORCHESTRATE_STATE`, `$XDG_STATE_HOME/orchestrate` or `~/.local/state/orchestrate`.
pub fn states() -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let fallback = || set("HOME").map(|home| home.join(".local/state"));
    set("ORCHESTRATE_STATE")
        .or_else(|| set("XDG_STATE_HOME").or_else(fallback).map(|base| base.join("orchestrate")))
        .ok_or_else(|| Failure::new("cannot find the state folder", "neither HOME nor XDG_STATE_HOME is set").hint("export HOME=…"))
}

/// The owner's folder with policy, gates and roles: `$ORCHESTRATE_CONFIG`, `$XDG_CONFIG_HOME/orchestrate` or `~/.config/orchestrate`.
pub fn config() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = || set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
    set("ORCHESTRATE_CONFIG").or_else(|| base().map(|base| base.join("orchestrate")))
}

impl Place {
    pub fn of(repo: &Path) -> Result<Self, Failure> {
        Ok(Self { root: states()?.join(workshop_id(repo)) })
    }

    pub fn at(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    /// Makes the folder, or takes it as it is when it is ours, private and this repository's.
    pub fn prepare(&self, repo: &Path) -> Result<bool, Failure> {
        let fresh = !self.root.exists();
        if self.root.as_os_str().len() > LONGEST {
            let why = format!("{} is too long for the sockets below it", self.root.display());
            return Err(Failure::new("cannot use the state folder", why).hint("export ORCHESTRATE_STATE=/a/shorter/path"));
        }
        make_private(&self.root)?;
        self.claim(repo)?;
        // At level `users` this one is opened to the seats' users, below a folder that is closed.
        if self.join("bin").exists() {
            make_seats_own(&self.join("bin"))?;
        }
        for name in ["keys", "run", "clones", "homes", "work", "bin", "hooks", "prompts", "counted"] {
            make_private(&self.root.join(name))?;
        }
        Ok(fresh)
    }

    /// Writes down whose folder this is; another repository's is refused.
    fn claim(&self, repo: &Path) -> Result<(), Failure> {
        let path = self.root.join("repository");
        let mine = repo.as_os_str().as_encoded_bytes();
        match std::fs::read(&path) {
            Ok(found) if found == mine => Ok(()),
            Ok(found) => Err(Failure::new(
                "cannot use the state folder",
                format!("{} belongs to {}", self.root.display(), String::from_utf8_lossy(&found)),
            )
            .hint("export ORCHESTRATE_STATE=/another/folder")),
            Err(why) if why.kind() == std::io::ErrorKind::NotFound && self.is_bare_of_state() => {
                std::fs::write(&path, mine).doing("cannot write into the state folder")
            }
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
                let why = format!("{} has things in it that are not a workshop's", self.root.display());
                Err(Failure::new("cannot use the state folder", why).hint("export ORCHESTRATE_STATE=/another/folder"))
            }
            Err(why) => Err(Failure::new("cannot read the state folder", why)),
        }
    }

    fn is_bare_of_state(&self) -> bool {
        std::fs::read_dir(&self.root).is_ok_and(|mut entries| entries.next().is_none())
    }

    /// Clears away what test runs left when a supervisor was killed; nothing else ever lies there.
    pub fn clear_work(&self) -> Result<(), Failure> {
        const WHAT: &str = "cannot clear the work folder";
        for entry in std::fs::read_dir(self.root.join("work")).doing(WHAT)? {
            let path = entry.doing(WHAT)?.path();
            // What hostile tests left behind never keeps a workshop from starting.
            if let Err(why) = crate::edge::sandbox::clear(&path) {
                eprintln!("orchestrate: cannot remove {}: {why}", path.display());
            }
        }
        Ok(())
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub fn ledger(&self) -> PathBuf {
        self.root.join("ledger.db")
    }

    pub fn gate(&self) -> PathBuf {
        self.root.join("gate.git")
    }

    pub fn mirror(&self) -> PathBuf {
        self.root.join("mirror.git")
    }

    pub fn clone_of(&self, seat: &SeatName) -> PathBuf {
        self.root.join("clones").join(seat.as_str())
    }

    pub fn home_of(&self, seat: &SeatName) -> PathBuf {
        self.root.join("homes").join(seat.as_str())
    }

    pub fn sockets_of(&self, seat: &SeatName) -> PathBuf {
        self.root.join("run").join(seat.as_str())
    }

    /// How far a seat's transcripts are counted in the record.
    pub fn counted_of(&self, seat: &SeatName) -> PathBuf {
        self.root.join("counted").join(format!("{seat}.json"))
    }

    /// The unix users that `orchestrate users setup` gave to the seats; none at any other level.
    pub fn users(&self) -> Result<BTreeMap<SeatName, u32>, Failure> {
        const WHAT: &str = "cannot read the seats' users";
        match read_private(&self.join(USERS)) {
            Ok(text) => serde_json::from_slice(&text).doing(WHAT),
            Err(_) if !self.join(USERS).exists() => Ok(BTreeMap::new()),
            Err(failure) => Err(failure),
        }
    }

    /// Writes down which users the seats have; none takes them away.
    pub fn set_users(&self, users: &BTreeMap<SeatName, u32>) -> Result<(), Failure> {
        const WHAT: &str = "cannot write down the seats' users";
        let path = self.join(USERS);
        if users.is_empty() {
            return std::fs::remove_file(path).doing(WHAT);
        }
        let text = serde_json::to_vec_pretty(users).doing(WHAT)?;
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).doing(WHAT)?;
        std::io::Write::write_all(&mut file, &text).doing(WHAT)
    }

    pub fn tmux(&self) -> PathBuf {
        self.root.join("run/tmux.sock")
    }
}

/// Makes a seat's own folder, or closes it to others again: its seat may have opened it, which must not keep the workshop from starting.
pub fn make_seats_own(path: &Path) -> Result<(), Failure> {
    let what = format!("cannot make {}", path.display());
    std::fs::DirBuilder::new().mode(0o700).recursive(true).create(path).doing(&what)?;
    let flags = rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::CLOEXEC;
    let folder = rustix::fs::open(path, flags, rustix::fs::Mode::empty()).doing(&what)?;
    rustix::fs::fchmod(&folder, rustix::fs::Mode::RWXU).doing(what)
}

/// Makes a folder that only its owner can enter, and refuses one that others can.
pub fn make_private(path: &Path) -> Result<(), Failure> {
    let what = format!("cannot make {}", path.display());
    std::fs::DirBuilder::new().mode(0o700).recursive(true).create(path).doing(what.clone())?;
    let seen = std::fs::symlink_metadata(path).doing(what.clone())?;
    let own = rustix::process::geteuid().as_raw();
    if !seen.is_dir() || seen.uid() != own {
        return Err(Failure::new(what, "it is not a folder of yours").hint(format!("ls -ld {}", path.display())));
    }
    if seen.permissions().mode() & 0o077 != 0 {
        return Err(Failure::new(what, "others can enter it").hint(format!("chmod 700 '{}'", path.display())));
    }
    Ok(())
}

/// Reads a small file that belongs to us, or to root, and that nobody else can read; no link is followed.
pub fn read_private(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, Failure> {
    use rustix::fs::{FileType, Mode, OFlags, fstat, open};
    use std::io::Read;
    const MOST: u64 = 64 << 10;
    let what = format!("cannot read {}", path.display());
    let file = open(path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).doing(&what)?;
    let seen = fstat(&file).doing(&what)?;
    let refuse = |why: &str| Err(Failure::new(&what, why).hint(format!("chmod 600 '{}'", path.display())));
    match () {
        () if FileType::from_raw_mode(seen.st_mode) != FileType::RegularFile => return refuse("it is not a plain file"),
        () if seen.st_uid != rustix::process::geteuid().as_raw() && seen.st_uid != 0 => return refuse("it belongs to another user"),
        () if seen.st_mode & 0o077 != 0 => return refuse("others than its owner can use it"),
        () => {}
    }
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(MOST as usize));
    std::fs::File::from(file).take(MOST).read_to_end(&mut bytes).doing(what)?;
    Ok(bytes)
}
