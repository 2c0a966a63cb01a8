//! Private keys on disk: one file per holder, for the supervisor's eyes only.

use super::SecretKey;
use super::seal::{self, Seal};
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::SeatName;
use ed25519_dalek::SigningKey;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const NOTE_SEED: &str = "note.seed";
/// The header of a sealed folder.
const SEAL: &str = "seal.json";
const FILE_LIMIT: u64 = 1 << 16;

/// The folder of private keys. It is held open, so that no later link or rename leads elsewhere.
#[derive(Debug)]
pub struct KeyStore {
    folder: OwnedFd,
    path: PathBuf,
    /// What its files are sealed with, where they are.
    pub(super) seal: Option<Seal>,
}

impl KeyStore {
    /// Opens the folder, and makes it where there is none; refuses a link, another's folder, and one that others can enter.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        const WHAT: &str = "cannot open the key folder";
        let hint = format!("chmod 700 '{}'", path.display());
        match DirBuilder::new().mode(0o700).create(path) {
            Err(why) if why.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(Failure::new(WHAT, format!("{}: {why}", path.display())));
            }
            _ => {}
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(CWD, path, flags, Mode::empty())
            .map_err(|why| Failure::new(WHAT, format!("{}: {why}", path.display())).hint("name a folder of your own, not a link to one"))?;
        let found = rustix::fs::fstat(&folder).doing(WHAT)?;
        must_be_private(&found).map_err(|why| Failure::new(WHAT, format!("{}: {why}", path.display())).hint(hint))?;
        Ok(Self { folder, path: path.to_owned(), seal: None })
    }

    /// Opens the folder and, where it is sealed, its seal. A folder without a key yet is sealed when there is a passphrase.
    pub fn unlock(path: &Path, passphrase: Option<&str>) -> Result<Self, Failure> {
        let mut store = Self::open(path)?;
        store.seal = match (store.read_raw(SEAL)?, passphrase) {
            (Some(header), Some(passphrase)) => Some(Seal::open(passphrase, &header)?),
            (Some(_), None) => return Err(locked()),
            (None, Some(passphrase)) if store.names()?.is_empty() => Some(store.begin_seal(passphrase)?),
            (None, _) => None,
        };
        Ok(store)
    }

    /// Whether the keys lie there encrypted.
    pub fn sealed(&self) -> bool {
        self.seal.is_some()
    }

    /// Whether a folder is sealed, without opening the seal.
    pub fn is_sealed(path: &Path) -> Result<bool, Failure> {
        Ok(path.exists() && Self::open(path)?.read_raw(SEAL)?.is_some())
    }

    fn begin_seal(&self, passphrase: &str) -> Result<Seal, Failure> {
        let (seal, header) = Seal::make(passphrase)?;
        self.put(SEAL, &header, RenameFlags::NOREPLACE)?;
        Ok(seal)
    }

    /// Seals every file that is not sealed yet. The header comes first: at any moment each key is there, sealed or not.
    pub fn seal_all(path: &Path, passphrase: &str) -> Result<usize, Failure> {
        let mut store = Self::open(path)?;
        store.seal = Some(match store.read_raw(SEAL)? {
            Some(header) => Seal::open(passphrase, &header)?,
            None => store.begin_seal(passphrase)?,
        });
        let mut count = 0;
        for name in store.names()? {
            let bytes = store.read_raw(&name)?.ok_or_else(|| Failure::new("cannot seal the keys", format!("{name} went away")))?;
            if !seal::is_sealed(&bytes) {
                let before = store.file(&name, OFlags::WRONLY)?;
                store.write(&name, &bytes, RenameFlags::empty())?;
                overwrite(before, bytes.len()).map_err(|why| store.of_file(&name, Failure::new("cannot wipe the unsealed key", why)))?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Opens every file for good. The header goes last: at any moment each key can be read.
    pub fn unseal_all(path: &Path, passphrase: &str) -> Result<usize, Failure> {
        let mut store = Self::unlock(path, Some(passphrase))?;
        let names = store.names()?;
        let opened = names.iter().map(|name| Ok((name, store.read(name)?))).collect::<Result<Vec<_>, Failure>>()?;
        store.seal = None;
        for (name, bytes) in opened {
            store.write(name, &bytes.unwrap_or_default(), RenameFlags::empty())?;
        }
        store.remove(SEAL)?;
        rustix::fs::fsync(&store.folder).doing("cannot unseal the keys")?;
        Ok(names.len())
    }

    /// Every kept file, but for drafts and the seal's own header.
    fn names(&self) -> Result<Vec<String>, Failure> {
        const WHAT: &str = "cannot list the key folder";
        let mut names = Vec::new();
        for item in Dir::read_from(&self.folder).doing(WHAT)? {
            let name = item.doing(WHAT)?.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') && name != SEAL {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Keeps a holder's key; durable when it returns. A key that is there is never written over.
    pub fn save(&self, holder: &SeatName, key: &SecretKey) -> Result<(), Failure> {
        self.write_new(&format!("{holder}.pgp"), &key.to_bytes()?)
    }

    /// Puts a new key in the place of a holder's old one: at any moment there is one of the two, whole.
    pub fn replace(&self, holder: &SeatName, key: &SecretKey) -> Result<(), Failure> {
        self.write(&format!("{holder}.pgp"), &key.to_bytes()?, RenameFlags::empty())
    }

    /// A holder's key, if there is one.
    pub fn load(&self, holder: &SeatName) -> Result<Option<SecretKey>, Failure> {
        let name = format!("{holder}.pgp");
        let Some(bytes) = self.read(&name)? else { return Ok(None) };
        SecretKey::from_bytes(&bytes).map(Some).map_err(|failure| self.of_file(&name, failure))
    }

    /// Every holder's key.
    pub fn load_all(&self) -> Result<BTreeMap<SeatName, SecretKey>, Failure> {
        let holders = self.holders()?.into_iter();
        let loaded = holders.map(|holder| Ok(self.load(&holder)?.map(|key| (holder, key))));
        loaded.filter_map(Result::transpose).collect()
    }

    fn holders(&self) -> Result<Vec<SeatName>, Failure> {
        const WHAT: &str = "cannot list the key folder";
        let mut holders = Vec::new();
        for item in Dir::read_from(&self.folder).doing(WHAT)? {
            let item = item.doing(WHAT)?;
            let Some(stem) = item.file_name().to_str().ok().and_then(|name| name.strip_suffix(".pgp")) else { continue };
            holders.push(SeatName::new(stem).doing(WHAT)?);
        }
        Ok(holders)
    }

    /// The key that signs checkpoints, if there is one.
    pub fn note_key(&self) -> Result<Option<SigningKey>, Failure> {
        let Some(bytes) = self.read(NOTE_SEED)? else { return Ok(None) };
        match <&[u8; 32]>::try_from(bytes.as_slice()) {
            Ok(seed) => Ok(Some(SigningKey::from_bytes(seed))),
            Err(_) => Err(self.of_file(NOTE_SEED, Failure::new("cannot read the checkpoint key", "it is not 32 bytes"))),
        }
    }

    /// Makes the key that signs checkpoints, where there is none yet.
    pub fn make_note_key(&self) -> Result<SigningKey, Failure> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).doing("cannot make the checkpoint key")?;
        self.write_new(NOTE_SEED, &*seed)?;
        Ok(SigningKey::from_bytes(&seed))
    }

    /// Random bytes kept under a name, made where there are none yet.
    pub fn secret(&self, name: &str, length: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
        if let Some(bytes) = self.read(name)? {
            let whole = bytes.len() == length;
            return if whole { Ok(bytes) } else { Err(self.of_file(name, Failure::new("cannot read a secret", format!("it is not {length} bytes")))) };
        }
        let mut bytes = Zeroizing::new(vec![0; length]);
        getrandom::fill(&mut bytes).doing("cannot make a secret")?;
        self.write_new(name, &bytes)?;
        Ok(bytes)
    }

    pub(super) fn write_new(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.write(name, bytes, RenameFlags::NOREPLACE)
    }

    fn write(&self, name: &str, bytes: &[u8], how: RenameFlags) -> Result<(), Failure> {
        match &self.seal {
            Some(seal) => self.put(name, &seal.close(name, bytes)?, how),
            None => self.put(name, bytes, how),
        }
    }

    pub(super) fn put(&self, name: &str, bytes: &[u8], how: RenameFlags) -> Result<(), Failure> {
        let draft = format!(".{name}.new");
        let done = self.try_write(name, &draft, bytes, how);
        if done.is_err() {
            self.remove(&draft)?;
        }
        done.map_err(|why| self.of_file(name, Failure::new("cannot keep the key", why)))
    }

    fn try_write(&self, name: &str, draft: &str, bytes: &[u8], how: RenameFlags) -> std::io::Result<()> {
        match rustix::fs::unlinkat(&self.folder, draft, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(why) => return Err(why.into()),
        }
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&self.folder, draft, flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(bytes)?;
        file.sync_all()?;
        rustix::fs::renameat_with(&self.folder, draft, &self.folder, name, how)?;
        Ok(rustix::fs::fsync(&self.folder)?)
    }

    fn remove(&self, name: &str) -> Result<(), Failure> {
        match rustix::fs::unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(why) => Err(self.of_file(name, Failure::new("cannot remove a draft", why))),
        }
    }

    pub(super) fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
        let Some(bytes) = self.read_raw(name)? else { return Ok(None) };
        match &self.seal {
            _ if !seal::is_sealed(&bytes) => Ok(Some(bytes)),
            Some(seal) => seal.reveal(name, &bytes).map(Some).map_err(|failure| self.of_file(name, failure)),
            None => Err(locked()),
        }
    }

    fn file(&self, name: &str, how: OFlags) -> Result<OwnedFd, Failure> {
        let flags = how | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        rustix::fs::openat(&self.folder, name, flags, Mode::empty()).map_err(|why| self.of_file(name, Failure::new("cannot open the key", why)))
    }

    fn read_raw(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
        // Without NONBLOCK a pipe in the file's place would hold the supervisor for ever.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let refuse = |why: String| self.of_file(name, Failure::new("cannot read the key", why));
        let file = match rustix::fs::openat(&self.folder, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(why) => return Err(refuse(why.to_string())),
        };
        let found = rustix::fs::fstat(&file).map_err(|why| refuse(why.to_string()))?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(refuse("it is not a plain file".to_owned()));
        }
        must_be_private(&found).map_err(|why| refuse(why.to_owned()))?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
        File::from(file).take(FILE_LIMIT).read_to_end(&mut bytes).map_err(|why| refuse(why.to_string()))?;
        Ok(Some(bytes))
    }

    fn of_file(&self, name: &str, failure: Failure) -> Failure {
        let path = self.path.join(name);
        Failure::new(failure.what, format!("{}: {}", path.display(), failure.why)).hint(format!("ls -l '{}'", path.display()))
    }
}

fn locked() -> Failure {
    Failure::new("cannot open the keys", "they are sealed, and no passphrase was given")
        .hint("orchestrate bootstrap   (at a terminal, or with --passphrase-file FILE or --passphrase-fd N)")
}

/// Wipes what a file held before it was replaced, as far as the file system lets anyone.
fn overwrite(file: OwnedFd, length: usize) -> std::io::Result<()> {
    let mut file = File::from(file);
    file.write_all(&vec![0; length])?;
    file.sync_all()
}

fn must_be_private(found: &Stat) -> Result<(), &'static str> {
    if found.st_uid != rustix::process::geteuid().as_raw() {
        return Err("it belongs to another user");
    }
    if found.st_mode & 0o077 != 0 {
        return Err("others than its owner can use it");
    }
    Ok(())
}
