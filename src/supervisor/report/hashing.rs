//! Hashes entries beside the fold that reads them: two threads, one pass.

use crate::domain::failure::Failure;
use crate::ledger::chain::Frontier;
use crate::ledger::husk::leaf_of;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

/// Bytes that are handed over at once, and how many such loads may wait.
const LOAD: usize = 1 << 20;
const WAITING: usize = 4;

enum Job {
    /// Entries, one behind the other, and where each ends.
    Load(Vec<u8>, Vec<usize>),
    /// Here the span ends: the tree so far is kept.
    Cut,
}

/// The tree over what was hashed, and over what came before the cut.
pub struct Hashed {
    pub all: Frontier,
    pub cut: Option<Frontier>,
}

/// Takes entries in order and has them hashed.
pub struct Hashing<'scope> {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    jobs: SyncSender<Job>,
    thread: ScopedJoinHandle<'scope, Hashed>,
}

impl<'scope> Hashing<'scope> {
    /// Goes on from where an earlier pass stood.
    pub fn start<'env>(scope: &'scope Scope<'scope, 'env>, from: Hashed) -> Self {
        let (jobs, work) = sync_channel(WAITING);
        Self { bytes: Vec::with_capacity(LOAD), ends: Vec::new(), jobs, thread: scope.spawn(move || hash(from, &work)) }
    }

    pub fn take(&mut self, entry: &[u8]) -> Result<(), Failure> {
        self.bytes.extend_from_slice(entry);
        self.ends.push(self.bytes.len());
        if self.bytes.len() >= LOAD { self.flush() } else { Ok(()) }
    }

    pub fn cut(&mut self) -> Result<(), Failure> {
        self.flush()?;
        self.send(Job::Cut)
    }

    pub fn end(mut self) -> Result<Hashed, Failure> {
        self.flush()?;
        drop(self.jobs);
        self.thread.join().map_err(|_| stopped())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(LOAD));
        let ends = std::mem::take(&mut self.ends);
        self.send(Job::Load(bytes, ends))
    }

    fn send(&self, job: Job) -> Result<(), Failure> {
        self.jobs.send(job).map_err(|_| stopped())
    }
}

fn stopped() -> Failure {
    Failure::new("cannot hash the ledger", "BUG: the thread that hashes it ended")
}

fn hash(mut hashed: Hashed, work: &Receiver<Job>) -> Hashed {
    for job in work {
        match job {
            Job::Cut => hashed.cut = Some(hashed.all.clone()),
            Job::Load(bytes, ends) => {
                let mut begin = 0;
                for end in ends {
                    hashed.all.append(leaf_of(&bytes[begin..end]));
                    begin = end;
                }
            }
        }
    }
    hashed
}
