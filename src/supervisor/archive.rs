//! Puts the bodies of old messages into an archive, and brings them back.
//!
//! The archive is whole, on the disk and read back before the first body goes; then, message by message in batches, an entry vouches for the husks,
//! and they take the places. Broken off anywhere, nothing is lost: what has no husk yet is put away by the next call.

use super::answer::{denial, page, said};
use super::drive::Denied;
use super::protocol::Response;
use super::yard::{Yard, blocking};
use crate::domain::actor::Actor;
use crate::domain::archive::{self, Kept, MOST};
use crate::domain::command::Act;
use crate::domain::day::{self, Zone};
use crate::domain::entry::{Entry, Head, Millis};
use crate::domain::event::Event;
use crate::domain::failure::{Doing, Failure};
use crate::domain::message;
use crate::domain::name::Digest;
use crate::domain::refusal::Refusal;
use crate::domain::workshop;
use crate::ledger::archive::{HEAD, MOST_BYTES, add, begin, is_encrypted};
use crate::ledger::husk::husk_of;
use crate::ledger::sqlite::walk;
use crate::view::answer::Written;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Handle;

const DAY: Millis = 86_400_000;
const HINT: &str = "orchestrate ledger seal --before 2026-10-01 mail.archive";
const WHAT: &str = "cannot put bodies away";

/// Which messages are meant, and which of them have to stay.
struct Reach {
    until: u64,
    before: Millis,
    kept: Kept,
}

pub async fn seal(yard: &Arc<Yard>, before: &str, path: PathBuf) -> Response {
    match put_away(yard, before, path).await {
        Ok(written) => page(Ok(written)),
        Err(denied) => denial(denied),
    }
}

async fn put_away(yard: &Arc<Yard>, before: &str, path: PathBuf) -> Result<Written, Denied> {
    if !path.is_absolute() {
        return Err(Failure::new(WHAT, "the archive's path is not absolute").into());
    }
    let reach = reach(yard, before).await?;
    let here = Arc::clone(yard);
    let (ask, file) = (Arc::clone(yard), path.clone());
    let archive = blocking(move || write(&here, &reach, &path)).await?;
    let Some(archive) = archive else {
        let why = "no message before that is over and still has its body";
        return Err(Denied::Refused(Refusal::new("nothing-to-seal", why, HINT)));
    };
    let bytes = std::fs::metadata(&file).map(|seen| seen.len()).doing(WHAT)?;
    let shown = file.display().to_string();
    let entries = beside(move || reading(&ask, &file, |inside| in_batches(inside, MOST, |batch| husk(&ask, &archive, &batch)))).await?;
    Ok(Written { path: shown, entries, bytes })
}

/// Runs blocking work that itself asks the loop.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> Result<T, Denied> + Send + 'static) -> Result<T, Denied> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.unwrap_or_else(|why| Err(Failure::new("BUG: a step of the supervisor panicked", why).into()))
}

/// What `--before` means: an entry's number, or a day of the owner's zone; never beyond the floor of the policy.
async fn reach(yard: &Arc<Yard>, before: &str) -> Result<Reach, Denied> {
    let (asked, clock) = (before.trim().to_owned(), yard.clock.now());
    let looked = yard.see(move |state, ledger| {
        let policy = &state.charter().policy;
        let floor = clock.max(state.now).saturating_sub(u64::from(policy.retention.keep_days) * DAY);
        let refuse = |code: &str, why: String| Denied::Refused(Refusal::new(code, why, HINT));
        let zone = Zone::named(&policy.report.zone).map_err(|why| refuse("no-such-zone", why))?;
        let (until, before) = match asked.parse::<u64>() {
            Ok(0) => (0, 0),
            Ok(until) if until > ledger.len() => return Err(refuse("no-such-entry", format!("the ledger has {} entries", ledger.len()))),
            Ok(until) => {
                let last = ledger.read(until - 1, 1)?.pop();
                (until, last.and_then(|record| Head::read(&record.bytes).map(|head| head.time + 1)).unwrap_or(Millis::MAX))
            }
            Err(_) => {
                let day = day::date(&asked).and_then(|date| zone.day(date)).map_err(|why| refuse("no-such-day", why))?;
                (ledger.len(), day.from)
            }
        };
        if before > floor && until > 0 {
            let why = format!("the policy keeps {} days at hand: not beyond {}", policy.retention.keep_days, zone.shown(floor));
            return Err(refuse("too-young", why));
        }
        Ok(Reach { until, before, kept: Kept::of(state) })
    });
    looked.await?
}

/// Writes the archive and reads it back; none where there is nothing to be put away.
fn write(yard: &Yard, reach: &Reach, path: &Path) -> Result<Option<Digest>, Failure> {
    if path.symlink_metadata().is_ok() {
        return Err(Failure::new(WHAT, format!("{} is there already", path.display())).hint("name a new file"));
    }
    let draft = path.with_extension("part");
    let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft).doing(WHAT)?;
    let mut sink = BufWriter::new(file);
    let (count, written) = yard.keys.vault()?.encrypt(&mut sink, |out| fill(yard, reach, out))?;
    sink.into_inner().map_err(|why| why.into_error()).and_then(|file| file.sync_all()).doing(WHAT)?;
    if count == 0 {
        return std::fs::remove_file(&draft).doing(WHAT).map(|()| None);
    }
    // A link, not a rename: it takes nobody's place.
    std::fs::hard_link(&draft, path).and_then(|()| std::fs::remove_file(&draft)).doing(WHAT)?;
    File::open(path.parent().unwrap_or(path)).and_then(|folder| folder.sync_all()).doing(WHAT)?;
    if reading(yard, path, digest)? != written {
        return Err(Failure::new(WHAT, format!("{} does not read as it was written; no body has gone", path.display())));
    }
    Ok(Some(written))
}

/// Writes what goes; gives the number of entries, and the digest by which the ledger will know them, which is that of what is inside.
fn fill(yard: &Yard, reach: &Reach, out: &mut dyn Write) -> Result<(u64, Digest), Failure> {
    let mut out = Hashed { out, hash: Sha256::new(), bytes: 0 };
    begin(&mut out, &yard.workshop).doing(WHAT)?;
    let mut count = 0;
    walk(&yard.place.ledger(), 0, reach.until, |_, bytes| {
        if out.bytes + bytes.len() as u64 + 1 < MOST_BYTES && goes(reach, bytes) {
            count += 1;
            add(&mut out, bytes).doing(WHAT)?;
        }
        Ok(())
    })?;
    Ok((count, Digest::new(hex::encode(out.hash.finalize())).doing(WHAT)?))
}

fn goes(reach: &Reach, bytes: &[u8]) -> bool {
    let Some(head) = Head::read(bytes) else { return false };
    if (head.noun, head.kind) != ("message", "sent") || head.time >= reach.before {
        return false;
    }
    match Entry::parse(bytes).map(|entry| entry.event) {
        Ok(Event::Message(message::Event::Sent { statement, .. })) => {
            message::letter(&statement).is_some_and(|letter| !reach.kept.keeps(head.seq, letter.task.as_ref()))
        }
        Ok(_) | Err(_) => false,
    }
}

struct Hashed<'a> {
    out: &'a mut dyn Write,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// Reads an archive; where it is encrypted, what is inside.
fn reading<T, E: From<Failure>>(yard: &Yard, path: &Path, read: impl FnOnce(&mut dyn Read) -> Result<T, E>) -> Result<T, E> {
    let what = format!("cannot read the archive {}", path.display());
    let mut file = BufReader::new(File::open(path).doing(&what)?);
    if !is_encrypted(file.fill_buf().doing(&what)?) {
        return read(&mut file);
    }
    let vault = yard.keys.vault()?;
    let mut inside = vault.decrypt(file)?;
    read(&mut inside)
}

fn digest(archive: &mut dyn Read) -> Result<Digest, Failure> {
    let what = "cannot read the archive";
    let mut archive = archive.take(MOST_BYTES + 1);
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match archive.read(&mut buffer).doing(what)? {
            0 => return Digest::new(hex::encode(hash.finalize())).doing(what),
            count => hash.update(&buffer[..count]),
        }
    }
}

type Batch = Vec<(u64, Vec<u8>)>;

/// Hands over the archive's entries, so many at a time; gives their number.
fn in_batches(archive: &mut dyn Read, most: usize, mut each: impl FnMut(Batch) -> Result<(), Denied>) -> Result<u64, Denied> {
    let what = "cannot read the archive";
    let mut lines = BufReader::new(archive).split(b'\n');
    let first = lines.next().transpose().doing(what)?;
    if first.as_deref() != Some(HEAD.as_bytes()) || lines.next().is_none() {
        return Err(Failure::new(what, format!("it does not begin with {HEAD}")).into());
    }
    let (mut count, mut batch) = (0, Batch::new());
    for line in lines {
        let line = line.doing(what)?;
        let seq = Head::read(&line).map(|head| head.seq).ok_or_else(|| Failure::new(what, "a line of it is no entry"))?;
        batch.push((seq, line));
        count += 1;
        if batch.len() == most {
            each(std::mem::take(&mut batch))?;
        }
    }
    if !batch.is_empty() {
        each(batch)?;
    }
    Ok(count)
}

/// Has the ledger vouch for a batch's husks, and then puts them in the entries' places.
fn husk(yard: &Yard, archive: &Digest, batch: &Batch) -> Result<(), Denied> {
    let husks = batch.iter().map(|(seq, bytes)| husk_of(bytes).map(|husk| (*seq, husk))).collect::<Option<Batch>>();
    let husks = husks.ok_or_else(|| Failure::new(WHAT, "BUG: the archive holds what is no message"))?;
    let entries = husks.iter().map(|(seq, _)| *seq).collect();
    let digest = archive::digest(husks.iter().map(|(_, husk)| husk.as_slice()));
    let act = Act::Archive { entries, husks: digest, archive: archive.clone() };
    Handle::current().block_on(yard.ask(Actor::Owner, act))?;
    Ok(Handle::current().block_on(yard.replace(husks))?)
}

/// Brings back what an archive of this very ledger holds, or only writes down what is inside, for a judge who has no key.
pub async fn unseal(yard: &Arc<Yard>, path: PathBuf, plain: Option<PathBuf>) -> Response {
    let here = Arc::clone(yard);
    if let Some(plain) = plain {
        return match blocking(move || write_plain(&here, &path, &plain)).await {
            Ok(bytes) => said(format!("{bytes} bytes are written, readable for you alone; nothing in the ledger has changed")),
            Err(failure) => Response::Failed(failure),
        };
    }
    match beside(move || bring_back(&here, &path)).await {
        Ok(0) => said("nothing to bring back: every entry of this archive has its body"),
        Ok(count) => said(format!("{count} bodies are back")),
        Err(denied) => denial(denied),
    }
}

fn write_plain(yard: &Yard, path: &Path, plain: &Path) -> Result<u64, Failure> {
    let what = format!("cannot write {}", plain.display());
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(plain).doing(&what)?;
    let written = reading(yard, path, |inside| std::io::copy(&mut inside.take(MOST_BYTES), &mut file).and_then(|bytes| file.sync_all().map(|()| bytes)).doing(&what));
    if written.is_err() {
        std::fs::remove_file(plain).doing(what)?;
    }
    written
}

fn bring_back(yard: &Arc<Yard>, path: &Path) -> Result<u64, Denied> {
    let archive = reading(yard, path, digest)?;
    let (lists, mut gone) = vouched(yard, &archive)?;
    if lists.is_empty() {
        let why = format!("no entry of this ledger says that anything was put into an archive with the digest {}", archive.short());
        return Err(Denied::Refused(Refusal::new("other-archive", why, "orchestrate log   (it names the archives)")));
    }
    gone.retain(|seq| lists.iter().any(|list| list.binary_search(seq).is_ok()));
    if gone.is_empty() {
        return Ok(0);
    }
    let act = Act::Restore { entries: gone.len() as u64, archive };
    Handle::current().block_on(yard.ask(Actor::Owner, act))?;
    // What one entry vouches for together comes back together: a part of it would be vouched for by nobody.
    let (mut open, mut next) = (lists.iter(), Batch::new());
    let mut list = open.next();
    let back = |batch: Batch| {
        next.extend(batch);
        while let Some(wanted) = list.filter(|wanted| next.last().is_some_and(|(seq, _)| wanted.last() <= Some(seq))) {
            next.retain(|(seq, _)| wanted.binary_search(seq).is_ok());
            Handle::current().block_on(yard.replace(std::mem::take(&mut next)))?;
            list = open.next();
        }
        if list.is_none() {
            next.clear();
        }
        Ok(())
    };
    reading(yard, path, |inside| in_batches(inside, 1, back))?;
    Ok(gone.len() as u64)
}

/// The messages that each entry about this archive vouches for, and all whose bodies are gone.
fn vouched(yard: &Arc<Yard>, archive: &Digest) -> Result<(Vec<Vec<u64>>, Vec<u64>), Failure> {
    let size = Handle::current().block_on(yard.see(|_, ledger| ledger.len()))?;
    let (mut lists, mut gone) = (Vec::new(), Vec::new());
    walk(&yard.place.ledger(), 0, size, |seq, bytes| {
        match Head::read(bytes).map(|head| (head.noun, head.kind)) {
            Some(("message", "sealed")) => gone.push(seq),
            Some(("workshop", "archived")) => {
                let entry = Entry::parse(bytes).map_err(|why| Failure::new(format!("entry {seq} cannot be read"), why))?;
                if let Event::Workshop(workshop::Event::Archived { entries, archive: of, .. }) = entry.event {
                    lists.extend((of == *archive).then_some(entries));
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok((lists, gone))
}
