//! One judge, two processors.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Work on many items that threads share: whoever is free takes the next.
pub(super) struct Shared<'a, T, R, F> {
    items: &'a [T],
    work: F,
    next: AtomicUsize,
    done: Vec<OnceLock<R>>,
}

impl<'a, T, R, F> Shared<'a, T, R, F> {
    pub fn new<S>(items: &'a [T], work: F) -> Self
    where
        F: Fn(&mut S, &T) -> R,
    {
        Self { items, work, next: AtomicUsize::new(0), done: items.iter().map(|_| OnceLock::new()).collect() }
    }

    /// Takes items until there are no more, with something of the thread's own; others may still be at their last.
    pub fn help<S>(&self, mut own: S)
    where
        F: Fn(&mut S, &T) -> R,
    {
        while let Some((item, done)) = self.next() {
            done.get_or_init(|| (self.work)(&mut own, item));
        }
    }

    fn next(&self) -> Option<(&T, &OnceLock<R>)> {
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        self.items.get(at).zip(self.done.get(at))
    }

    /// The results in the order of the items, once all who helped have come back.
    pub fn end(self) -> Vec<R> {
        self.done.into_iter().map(|done| done.into_inner().expect("BUG: nobody helped")).collect()
    }
}

/// Does the same to every item, in two threads, and gives the results in order.
pub(super) fn in_two<T: Sync, R: Send + Sync>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    in_two_with(items, [(), ()], |(), item| work(item))
}

/// The same, each thread with something of its own.
pub(super) fn in_two_with<T: Sync, S: Send, R: Send + Sync>(items: &[T], own: [S; 2], work: impl Fn(&mut S, &T) -> R + Sync) -> Vec<R> {
    let (shared, [mine, theirs]) = (Shared::new(items, work), own);
    beside(|| shared.help(theirs), || shared.help(mine));
    shared.end()
}

/// Does one thing in a thread of its own while the other is done here.
pub(super) fn beside<A: Send, B>(there: impl FnOnce() -> A + Send, here: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let other = scope.spawn(there);
        let here = here();
        (other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), here)
    })
}
