//! Where a run happens: a fresh folder beside the checkout, and the paths under which the sandbox shows it.

use super::execute::Trouble;
use crate::edge::sandbox::{Bind, Isolation, clear};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

const REPORT: u64 = 16 << 20;

/// The folders of one run; they go away with this value.
pub(super) struct Place {
    /// On the host.
    root: PathBuf,
    checkout: PathBuf,
    /// As the tests see them.
    pub(super) tree: PathBuf,
    pub(super) target: PathBuf,
    pub(super) home: PathBuf,
    pub(super) out: PathBuf,
}

impl Place {
    pub(super) fn new(checkout: &Path, isolation: Isolation) -> Result<Self, Trouble> {
        let what = "cannot make room for the run beside the checkout";
        let checkout = checkout.canonicalize().map_err(|why| Trouble::outside(what, why))?;
        let mut chance = [0; 8];
        getrandom::fill(&mut chance).map_err(|why| Trouble::outside(what, why))?;
        let root = checkout.parent().unwrap_or(Path::new("/")).join(format!(".run-{}", hex::encode(chance)));
        let shown = |name: &str| if isolation == Isolation::None { root.join(name) } else { Path::new("/work").join(name) };
        let tree = if isolation == Isolation::None { checkout.clone() } else { super::TREE.into() };
        let place = Self { tree, target: shown("target"), home: shown("home"), out: shown("out"), root: root.clone(), checkout };
        for folder in [root.clone(), root.join("target"), root.join("home"), root.join("out")] {
            fs::DirBuilder::new().mode(0o700).create(&folder).map_err(|why| Trouble::outside(what, why))?;
        }
        Ok(place)
    }

    /// The host's path of one of the run's own folders.
    pub(super) fn host(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(super) fn checkout(&self) -> &Path {
        &self.checkout
    }

    pub(super) fn binds(&self) -> Vec<Bind> {
        let own = [("target", &self.target), ("home", &self.home), ("out", &self.out)];
        let own = own.into_iter().map(|(name, shown)| Bind::writable(self.root.join(name), shown));
        own.chain([Bind::writable(&self.checkout, &self.tree)]).collect()
    }

    /// What every program of a run finds in its environment.
    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        let home = self.home.to_string_lossy().into_owned();
        let fixed = [("HOME", home.as_str()), ("LANG", "C.UTF-8"), ("TERM", "dumb"), ("TZ", "UTC"), ("NO_COLOR", "1"), ("CI", "true")];
        fixed.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    pub(super) fn free(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.root)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Reads a report from the `out` folder, which the tests could write: no links, no devices, no endless file.
    pub(super) fn report(&self, name: &str) -> io::Result<Vec<u8>> {
        let folder = fs::File::open(self.host("out"))?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let file = fs::File::from(openat2(&folder, name, flags, Mode::empty(), resolve)?);
        let found = file.metadata()?;
        if !found.is_file() || found.len() > REPORT {
            return Err(io::Error::other(format!("{name} is not a plain file of at most {REPORT} bytes")));
        }
        let mut bytes = Vec::new();
        file.take(REPORT).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(why) = clear(&self.root) {
            eprintln!("orchestrate: cannot remove {}: {why}", self.root.display());
        }
    }
}
