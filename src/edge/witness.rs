//! A witness's folder: its key, and a file for each log with what was seen of it last.

use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::Digest;
use ed25519_dalek::SigningKey;
use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

const KEY: &str = "key";
const NAME: &str = "name";
const SEEN: &str = ".seen";

/// The folder.
pub struct Shelf {
    folder: PathBuf,
}

/// One log's file, held so that two cannot answer at once.
pub struct Held<'a> {
    shelf: &'a Shelf,
    name: String,
    _lock: File,
}

impl Shelf {
    /// Opens the folder, and makes it where there is none.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        let made = DirBuilder::new().mode(0o700).recursive(true).create(folder);
        made.doing(format!("cannot make {}", folder.display()))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The key and the name under which it signs; the first time both are made, of the seed given, and a name has to be told.
    pub fn identity(&self, name: Option<&str>, fresh: [u8; 32]) -> Result<(SigningKey, String), Failure> {
        const WHAT: &str = "cannot open the witness's key";
        let lock = self.lock("identity")?;
        if self.read(KEY)?.is_none() {
            let name =
                name.ok_or_else(|| Failure::new(WHAT, "there is none yet").hint("orchestrate witness key --name cellar.example.org"))?;
            self.write(NAME, name.as_bytes())?;
            self.write(KEY, &fresh)?;
        }
        drop(lock);
        let seed =
            self.read(KEY)?.and_then(|seed| <[u8; 32]>::try_from(seed).ok()).ok_or_else(|| Failure::new(WHAT, "it is not 32 bytes"))?;
        let kept = self.read(NAME)?.and_then(|name| String::from_utf8(name).ok()).ok_or_else(|| Failure::new(WHAT, "it has no name"))?;
        match name {
            Some(name) if name != kept => Err(Failure::new(WHAT, format!("it is called {kept}")).hint("orchestrate witness key")),
            _ => Ok((SigningKey::from_bytes(&seed), kept)),
        }
    }

    /// Holds what is kept of one log.
    pub fn hold(&self, origin: &str) -> Result<Held<'_>, Failure> {
        let name = Digest::of(origin.as_bytes()).to_string();
        let lock = self.lock(&name)?;
        Ok(Held { shelf: self, name: format!("{name}{SEEN}"), _lock: lock })
    }

    /// What is kept of every log.
    pub fn all(&self) -> Result<Vec<String>, Failure> {
        const WHAT: &str = "cannot list what was seen";
        let mut all = Vec::new();
        for entry in std::fs::read_dir(&self.folder).doing(WHAT)? {
            let name = entry.doing(WHAT)?.file_name().to_string_lossy().into_owned();
            if name.ends_with(SEEN) {
                all.extend(self.read(&name)?.and_then(|bytes| String::from_utf8(bytes).ok()));
            }
        }
        all.sort();
        Ok(all)
    }

    fn lock(&self, name: &str) -> Result<File, Failure> {
        const WHAT: &str = "cannot lock the witness's folder";
        let file = File::options()
            .create(true)
            .write(true)
            .truncate(false)
            .mode(0o600)
            .open(self.folder.join(format!(".{name}.lock")))
            .doing(WHAT)?;
        flock(&file, FlockOperation::LockExclusive).doing(WHAT)?;
        Ok(file)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        match std::fs::read(self.folder.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(why) if why.kind() == ErrorKind::NotFound => Ok(None),
            Err(why) => Err(Failure::new(format!("cannot read {name} of the witness"), why)),
        }
    }

    /// Writes a whole file or none, and returns when it is on the disk.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let what = format!("cannot write {name} of the witness");
        let draft = self.folder.join(format!(".{name}.part"));
        let mut file = File::options().create(true).write(true).truncate(true).mode(0o600).open(&draft).doing(&what)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).doing(&what)?;
        std::fs::rename(&draft, self.folder.join(name)).doing(&what)?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).doing(what)
    }
}

impl Held<'_> {
    pub fn read(&self) -> Result<Option<String>, Failure> {
        let bytes = self.shelf.read(&self.name)?;
        bytes.map(String::from_utf8).transpose().doing("cannot read what was seen of this log")
    }

    pub fn write(&self, text: &str) -> Result<(), Failure> {
        self.shelf.write(&self.name, text.as_bytes())
    }
}
