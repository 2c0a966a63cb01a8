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

impl<'a, T: Sync, R: Send + Sync, F: Fn(&T) -> R + Sync> Shared<'a, T, R, F> {
    pub fn new(items: &'a [T], work: F) -> Self {
        Self { items, work, next: AtomicUsize::new(0), done: items.iter().map(|_| OnceLock::new()).collect() }
    }

    /// Takes items until there are no more; others may still be at their last.
    pub fn help(&self) {
        while let Some((item, done)) = self.next() {
            done.get_or_init(|| (self.work)(item));
        }
    }

    fn next(&self) -> Option<(&T, &OnceLock<R>)> {
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        self.items.get(at).zip(self.done.get(at))
    }

    /// The results in the order of the items, once all who helped have come back; what nobody did is done here.
    pub fn end(self) -> Vec<R> {
        let Self { items, work, done, .. } = self;
        done.into_iter().zip(items).map(|(done, item)| done.into_inner().unwrap_or_else(|| work(item))).collect()
    }
}

/// Does the same to every item, in two threads, and gives the results in order.
pub(super) fn in_two<T: Sync, R: Send + Sync>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let shared = Shared::new(items, work);
    beside(|| shared.help(), || shared.help());
    shared.end()
}

/// The same, each thread with something of its own: one half for each.
pub(super) fn in_two_with<T: Sync, S: Send, R: Send>(items: &[T], own: [S; 2], work: impl Fn(&mut S, &T) -> R + Sync) -> Vec<R> {
    let (left, right) = items.split_at(items.len() / 2);
    let half = |items: &[T], mut own: S| items.iter().map(|item| work(&mut own, item)).collect::<Vec<R>>();
    let [mine, theirs] = own;
    let (theirs, mut all) = beside(|| half(right, theirs), || half(left, mine));
    all.extend(theirs);
    all
}

/// Does one thing in a thread of its own while the other is done here.
pub(super) fn beside<A: Send, B>(there: impl FnOnce() -> A + Send, here: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let other = scope.spawn(there);
        let here = here();
        (other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), here)
    })
}
