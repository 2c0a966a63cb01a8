//! Reading objects: off the disk where they stand there whole and hash to their names, else through `cat-file --batch`, a few over one
//! process that stays, many over one of their own, answered in order.

use super::Gate;
use super::stored::{self, Place, Stored, Type};
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::Oid;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Content above this size is not taken into memory; it counts as opaque.
pub(super) const MOST_BYTES: u64 = stored::MOST as u64;
/// Content above this size is not even skipped: the question fails.
const MOST_SKIPPED: u64 = 1 << 30;
/// Above so many questions they are worth a process of their own.
const MANY: usize = 64;
/// Files made durable at the same time.
const SYNCS: usize = 32;

/// Where receive-pack keeps pushed objects until they are accepted, as its hook's environment names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    pub objects: PathBuf,
    pub alternates: Vec<PathBuf>,
}

impl Quarantine {
    /// Makes git read the quarantine, after proving that it is one of this gate's.
    pub(super) fn enter(&self, gate: &Gate, command: &mut Command) -> Result<(), Failure> {
        let store = real(&gate.dir().join("objects"))?;
        let objects = real(&self.objects)?;
        let name = objects.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let ours = objects.parent() == Some(&store) && (name.starts_with("tmp_objdir-") || name.starts_with("incoming-"));
        let alternates = self.alternates.iter().map(|path| real(path)).collect::<Result<Vec<_>, _>>()?;
        if !ours || alternates.iter().any(|path| *path != store) {
            return Err(Failure::new("cannot read pushed objects", format!("{} is no quarantine of the gate", objects.display())));
        }
        command.env("GIT_OBJECT_DIRECTORY", objects).env("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted(&store));
        Ok(())
    }
}

impl Quarantine {
    /// Starts to make the pushed loose objects durable; packs git has made so itself.
    pub(super) fn keep(&self) -> Keeping {
        let folder = self.objects.clone();
        Keeping(std::thread::spawn(move || keep(&folder)))
    }
}

/// Pushed objects on their way to the disk.
pub(super) struct Keeping(std::thread::JoinHandle<std::io::Result<()>>);

impl Keeping {
    pub fn end(self) -> Result<(), Failure> {
        let end = self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        end.doing("cannot make the pushed objects durable")
    }
}

/// Waits for the disk once for many files: each has a thread that does nothing else.
fn keep(folder: &Path) -> std::io::Result<()> {
    let mut files = Vec::new();
    for part in std::fs::read_dir(folder)? {
        let part = part?;
        if part.file_name().len() == 2 && part.file_type()?.is_dir() {
            files.extend(std::fs::read_dir(part.path())?.map(|file| file.map(|file| file.path())).collect::<Result<Vec<_>, _>>()?);
        }
    }
    durable(&files)
}

fn durable(files: &[PathBuf]) -> std::io::Result<()> {
    for group in files.chunks(SYNCS) {
        std::thread::scope(|scope| {
            let syncs: Vec<_> = group.iter().map(|file| scope.spawn(move || std::fs::File::open(file)?.sync_all())).collect();
            syncs.into_iter().try_for_each(|sync| sync.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })?;
    }
    Ok(())
}

impl Gate {
    /// Makes loose objects durable; what stands in a pack is so already.
    pub(super) fn make_durable(&self, ids: &[Oid]) -> Result<(), Failure> {
        let files = ids.iter().map(|id| self.dir().join("objects").join(&id.as_str()[..2]).join(&id.as_str()[2..]));
        durable(&files.filter(|file| file.is_file()).collect::<Vec<_>>()).doing("cannot make objects durable")
    }
}

fn real(path: &Path) -> Result<PathBuf, Failure> {
    path.canonicalize().doing(format!("cannot find {}", path.display()))
}

/// Spells a folder for `GIT_ALTERNATE_OBJECT_DIRECTORIES`, in which a colon separates and a quote opens a C string.
pub(super) fn quoted(path: &Path) -> std::ffi::OsString {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    let mut text = vec![b'"'];
    for &byte in path.as_os_str().as_bytes() {
        if matches!(byte, b'"' | b'\\') {
            text.push(b'\\');
        }
        text.push(byte);
    }
    text.push(b'"');
    std::ffi::OsString::from_vec(text)
}

/// One object as it is stored.
#[derive(Debug)]
pub(super) struct Object {
    pub kind: Type,
    pub size: u64,
    /// Nothing where the content is larger than `MOST_BYTES`.
    pub bytes: Option<Vec<u8>>,
}

impl Object {
    /// The content, of an object that has to be of this kind and of bearable size.
    pub fn take(self, kind: Type, id: &Oid) -> Result<Vec<u8>, Failure> {
        match self.bytes {
            Some(bytes) if self.kind == kind => Ok(bytes),
            Some(_) => Err(Failure::new(format!("cannot read {id}"), format!("it is a {:?}, not a {kind:?}", self.kind))),
            None => Err(Failure::new(format!("cannot read {id}"), format!("it has {} bytes", self.size))),
        }
    }
}

/// Makes a run of git on the repository that is read.
type Asking = dyn Fn() -> Result<Command, Failure> + Send;

/// An open repository's objects.
pub(super) struct Objects {
    asking: Box<Asking>,
    /// What can be read without git; nothing where the repository is somebody else's.
    stored: Option<Arc<Stored>>,
    /// Started with the first question that only git can answer.
    batch: Option<Batch>,
}

impl Objects {
    /// Opens the objects that git sees when it is run so.
    pub fn open(asking: impl Fn() -> Result<Command, Failure> + Send + 'static) -> Self {
        Self { asking: Box::new(asking), stored: None, batch: None }
    }

    /// Looks into these folders first; git's own word is asked for where they do not have an object whole.
    pub fn beside(self, stored: Arc<Stored>) -> Self {
        Self { stored: Some(stored), ..self }
    }

    /// Starts anew: after an answer that could not be read to its end, the next would be misread.
    pub fn reopen(&mut self) {
        self.batch = None;
    }

    /// Reads one object, or nothing where it is not there.
    pub fn find(&mut self, id: &Oid) -> Result<Option<Object>, Failure> {
        if let Some(object) = self.off_disk(id) {
            return Ok(Some(object));
        }
        let batch = self.batch()?;
        batch.ask(std::slice::from_ref(id))?;
        batch.answer(id)
    }

    /// Reads one object that has to be there.
    pub fn read(&mut self, id: &Oid, kind: Type) -> Result<Vec<u8>, Failure> {
        self.find(id)?.ok_or_else(|| missing(id))?.take(kind, id)
    }

    /// Reads many objects and hands each over in the order asked.
    pub fn each(&mut self, ids: &[Oid], mut f: impl FnMut(usize, Object) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut at = 0;
        while let Some(object) = ids.get(at).and_then(|id| self.off_disk(id)) {
            f(at, object)?;
            at += 1;
        }
        self.ask(&ids[at..], |more, object| f(at + more, object))
    }

    /// The same where each is worth less than the reading: half of them are unpacked by another thread meanwhile, and found known. It
    /// stops with the reader: one object can be named so often that reading it each time would take hours.
    pub fn each_small(&mut self, ids: &[Oid], f: impl FnMut(usize, Object) -> Result<(), Failure>) -> Result<(), Failure> {
        let Some(stored) = self.stored.clone().filter(|_| ids.len() > MANY) else { return self.each(ids, f) };
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let half = ids[ids.len() / 2..].iter().take_while(|_| !over.load(Ordering::Relaxed));
            scope.spawn(move || half.filter_map(Raw::of).for_each(|id| drop(stored.find(id.bytes()))));
            let ended = self.each(ids, f);
            over.store(true, Ordering::Relaxed);
            ended
        })
    }

    /// Where an object stands on the disk; those that are close together are best read one after the other.
    pub fn place(&self, id: &Oid) -> Option<Place> {
        self.stored.as_ref()?.place(Raw::of(id)?.bytes())
    }

    fn off_disk(&self, id: &Oid) -> Option<Object> {
        let (kind, bytes) = self.stored.as_ref()?.find(Raw::of(id)?.bytes())?;
        Some(Object { kind, size: bytes.len() as u64, bytes: Some(bytes) })
    }

    fn batch(&mut self) -> Result<&mut Batch, Failure> {
        let started = self.batch.take().map_or_else(|| Batch::start((self.asking)()?, &[]), Ok)?;
        Ok(self.batch.insert(started))
    }

    fn ask(&mut self, ids: &[Oid], mut f: impl FnMut(usize, Object) -> Result<(), Failure>) -> Result<(), Failure> {
        if ids.len() > MANY {
            return self.stream(ids, f);
        }
        if ids.is_empty() {
            return Ok(());
        }
        let batch = self.batch()?;
        batch.ask(ids)?;
        ids.iter().enumerate().try_for_each(|(at, id)| f(at, batch.must(id)?))
    }

    /// Has a process of their own answer many questions: it need not hand over each answer at once, as nobody waits for it to ask on.
    fn stream(&self, ids: &[Oid], mut f: impl FnMut(usize, Object) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut batch = Batch::start((self.asking)()?, &["--buffer"])?;
        let asked = batch.asked.take();
        std::thread::scope(|scope| {
            let asking = scope.spawn(move || asked.map_or(Ok(()), |mut asked| asked.write_all(&lines(ids))));
            let ended = ids.iter().enumerate().try_for_each(|(at, id)| f(at, batch.must(id)?));
            // Killed first: whoever still asks would wait for somebody to read the answers.
            drop(batch);
            let asked = asking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            ended.and_then(|()| asked.doing(ASK))
        })
    }
}

/// An object id as the disk has it.
struct Raw([u8; 32], usize);

impl Raw {
    fn of(id: &Oid) -> Option<Self> {
        let (mut bytes, width) = ([0; 32], id.as_str().len() / 2);
        hex::decode_to_slice(id.as_str(), bytes.get_mut(..width)?).ok()?;
        Some(Self(bytes, width))
    }

    fn bytes(&self) -> &[u8] {
        &self.0[..self.1]
    }
}

const ASK: &str = "cannot ask git for objects";

/// The questions for these objects, which surely fit into a pipe together where they are not many.
fn lines(ids: &[Oid]) -> Vec<u8> {
    let mut text = Vec::with_capacity(ids.len() * 65);
    for id in ids {
        text.extend_from_slice(id.as_str().as_bytes());
        text.push(b'\n');
    }
    text
}

/// A `cat-file --batch` that runs.
struct Batch {
    child: Child,
    asked: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Batch {
    fn start(mut command: Command, options: &[&str]) -> Result<Self, Failure> {
        let what = format!("cannot start {}", command.get_program().display());
        command.args(["cat-file", "--batch"]).args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().doing(&what)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(asked), Some(out)) => Ok(Self { child, asked: Some(asked), answers: BufReader::with_capacity(1 << 16, out) }),
            (None, _) | (_, None) => Err(Failure::new(what, "it has no pipes")),
        }
    }

    fn ask(&mut self, ids: &[Oid]) -> Result<(), Failure> {
        self.asked.as_mut().map_or(Ok(()), |asked| asked.write_all(&lines(ids))).doing(ASK)
    }

    /// The answer for an object that has to be there.
    fn must(&mut self, id: &Oid) -> Result<Object, Failure> {
        self.answer(id)?.ok_or_else(|| missing(id))
    }

    fn answer(&mut self, id: &Oid) -> Result<Option<Object>, Failure> {
        let mut head = String::new();
        (&mut self.answers).take(200).read_line(&mut head).doing("cannot read git's answer")?;
        let words: Vec<&str> = head.trim_end().split(' ').collect();
        match words.as_slice() {
            [name, "missing"] if *name == id.as_str() => Ok(None),
            [name, kind, size] if *name == id.as_str() => self.content(id, kind, size).map(Some),
            _ => Err(Failure::new(format!("cannot read {id}"), format!("git answered {head:?}"))),
        }
    }

    fn content(&mut self, id: &Oid, kind: &str, size: &str) -> Result<Object, Failure> {
        let what = format!("cannot read {id}");
        let kind = Type::parse(kind).ok_or_else(|| Failure::new(&what, format!("it is a {kind:?}")))?;
        let size: u64 = size.parse().doing(&what)?;
        let bytes = if size <= MOST_BYTES { Some(self.bytes(size, &what)?) } else { self.skip(size, &what)? };
        let mut end = [0];
        self.answers.read_exact(&mut end).doing(&what)?;
        Ok(Object { kind, size, bytes })
    }

    fn bytes(&mut self, size: u64, what: &str) -> Result<Vec<u8>, Failure> {
        let mut bytes = vec![0; usize::try_from(size).doing(what)?];
        self.answers.read_exact(&mut bytes).doing(what)?;
        Ok(bytes)
    }

    fn skip(&mut self, size: u64, what: &str) -> Result<Option<Vec<u8>>, Failure> {
        if size > MOST_SKIPPED {
            return Err(Failure::new(what, format!("it has {size} bytes")));
        }
        std::io::copy(&mut (&mut self.answers).take(size), &mut std::io::sink()).doing(what)?;
        Ok(None)
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // Killed rather than closed: an answer may still be under way when a question failed in the middle.
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

fn missing(id: &Oid) -> Failure {
    Failure::new(format!("cannot read {id}"), "it is not in the repository")
}
