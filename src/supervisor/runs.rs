//! Who runs tests next: fair by author, so that nobody's slow or many tests stand before everybody's.

use crate::domain::failure::Failure;
use crate::domain::name::SeatName;
use crate::domain::planted;
use crate::domain::task::RunKind;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot;

/// Test runs at the same time; each uses the machine's cores itself.
pub const AT_ONCE: usize = 2;

/// What a run is for: lines are served in turn, so that neither candidates nor merges wait for the other's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    Candidate,
    /// What the branch is, and what would enter it.
    Branch,
}

impl Line {
    pub fn of(kind: RunKind) -> Self {
        match kind {
            RunKind::Red | RunKind::Green | RunKind::Kept => Self::Candidate,
            RunKind::Base | RunKind::Merge | RunKind::Tip | RunKind::Sample | RunKind::Cover => Self::Branch,
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Candidate => Self::Branch,
            Self::Branch => Self::Candidate,
        }
    }
}

/// Those who wait in one line, and the time that each author's runs took there.
struct Waiting<T> {
    took: BTreeMap<SeatName, u64>,
    /// Where the last one served stood: who was away for long has saved up nothing.
    floor: u64,
    all: Vec<(SeatName, T)>,
}

impl<T> Waiting<T> {
    fn new() -> Self {
        Self { took: BTreeMap::new(), floor: 0, all: Vec::new() }
    }

    fn stands(&self, author: &SeatName) -> u64 {
        self.took.get(author).copied().unwrap_or(0).max(self.floor)
    }

    /// Takes out whose runs took least; of equals, who came first.
    fn next(&mut self, may: impl Fn(&SeatName) -> bool) -> Option<(SeatName, T)> {
        let able = self.all.iter().enumerate().filter(|(_, (author, _))| may(author));
        let (at, _) = able.min_by_key(|(_, (author, _))| self.stands(author))?;
        let (author, waiter) = self.all.remove(at);
        self.floor = self.stands(&author);
        self.took.insert(author.clone(), self.floor);
        Some((author, waiter))
    }
}

/// The order alone, without clock or tasks.
struct Queue<T> {
    candidates: Waiting<T>,
    branch: Waiting<T>,
    served: Line,
    running: Vec<SeatName>,
}

impl<T> Queue<T> {
    fn new() -> Self {
        Self { candidates: Waiting::new(), branch: Waiting::new(), served: Line::Candidate, running: Vec::new() }
    }

    fn waiting(&mut self, line: Line) -> &mut Waiting<T> {
        match line {
            Line::Candidate => &mut self.candidates,
            Line::Branch => &mut self.branch,
        }
    }

    fn join(&mut self, line: Line, author: &SeatName, waiter: T) {
        self.waiting(line).all.push((author.clone(), waiter));
    }

    /// Who begins now. The last place is never an author's who has all the others: whoever comes next finds one that others give back.
    fn next(&mut self) -> Option<(Line, SeatName, T)> {
        if self.running.len() >= AT_ONCE {
            return None;
        }
        let (last, running) = (self.served, self.running.clone());
        let others = |author: &SeatName| running.iter().filter(|other| *other == author).count() + 1 < AT_ONCE;
        let may = |author: &SeatName| others(author) || planted::out("fair-queue");
        let mut take = |line: Line| self.waiting(line).next(may).map(|(author, waiter)| (line, author, waiter));
        let (line, author, waiter) = take(last.other()).or_else(|| take(last))?;
        self.served = line;
        self.running.push(author.clone());
        Some((line, author, waiter))
    }

    fn end(&mut self, line: Line, author: &SeatName, took: u64) {
        if let Some(at) = self.running.iter().position(|other| other == author) {
            self.running.swap_remove(at);
        }
        *self.waiting(line).took.entry(author.clone()).or_default() += took.max(1);
    }
}

/// The places in which tests are run.
pub struct Runs {
    queue: Mutex<Queue<oneshot::Sender<Running>>>,
}

impl Runs {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { queue: Mutex::new(Queue::new()) })
    }

    /// Ends when it is this author's turn.
    pub async fn turn(self: &Arc<Self>, line: Line, author: &SeatName) -> Result<Running, Failure> {
        let (called, turn) = oneshot::channel();
        self.queue().join(line, author, called);
        self.call();
        turn.await.map_err(|why| Failure::new("cannot run the tests", why))
    }

    /// Calls as many as there is room for. One that has gone away gives its place back by not taking it.
    fn call(self: &Arc<Self>) {
        while let Some((running, called)) = self.begin() {
            drop(called.send(running));
        }
    }

    fn begin(self: &Arc<Self>) -> Option<(Running, oneshot::Sender<Running>)> {
        let (line, author, called) = self.queue().next()?;
        Some((Running { runs: Arc::clone(self), line, author, since: Instant::now() }, called))
    }

    fn queue(&self) -> MutexGuard<'_, Queue<oneshot::Sender<Running>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place to run tests in, until it is dropped.
pub struct Running {
    runs: Arc<Runs>,
    line: Line,
    author: SeatName,
    since: Instant,
}

impl Drop for Running {
    fn drop(&mut self) {
        let took = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.runs.queue().end(self.line, &self.author, took);
        self.runs.call();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sample::seat;

    /// A queue in which each of these waits, in this order.
    fn queue(waiting: &[(Line, &str)]) -> Queue<usize> {
        let mut queue = Queue::new();
        waiting.iter().enumerate().for_each(|(number, (line, author))| queue.join(*line, &seat(author), number));
        queue
    }

    fn next(queue: &mut Queue<usize>) -> Option<String> {
        queue.next().map(|(_, author, _)| author.to_string())
    }

    /// Ends a run of so many milliseconds, and tells who is next.
    fn after(queue: &mut Queue<usize>, author: &str, took: u64) -> Option<String> {
        queue.end(Line::Candidate, &seat(author), took);
        next(queue)
    }

    #[test]
    fn the_last_place_is_never_the_same_authors() {
        let mut queue = queue(&[(Line::Candidate, "dev-a"), (Line::Candidate, "dev-a"), (Line::Branch, "dev-a")]);
        assert_eq!(next(&mut queue).as_deref(), Some("dev-a"));
        assert_eq!(next(&mut queue), None, "one place is left for others");
        queue.join(Line::Candidate, &seat("dev-b"), 3);
        assert_eq!(next(&mut queue).as_deref(), Some("dev-b"));
        queue.join(Line::Candidate, &seat("dev-c"), 4);
        assert_eq!(next(&mut queue), None, "both places are taken");
        assert_eq!(after(&mut queue, "dev-b", 1).as_deref(), Some("dev-c"), "dev-a came first, and has a place");
        assert_eq!(after(&mut queue, "dev-c", 1), None);
    }

    #[test]
    fn whose_runs_took_least_goes_first_and_of_equals_who_came_first() {
        let mut queue = queue(&[]);
        queue.running.push(seat("holds"));
        for (author, took) in [("slow", 600_000), ("quick", 500)] {
            queue.join(Line::Candidate, &seat(author), 0);
            assert_eq!(next(&mut queue).as_deref(), Some(author));
            queue.end(Line::Candidate, &seat(author), took);
        }
        for author in ["slow", "slow", "quick", "quick", "new"] {
            queue.join(Line::Candidate, &seat(author), 0);
        }
        let first = next(&mut queue).unwrap();
        let order: Vec<String> = std::iter::successors(Some(first), |author| after(&mut queue, author, 500)).collect();
        assert_eq!(order, ["new", "quick", "quick", "slow", "slow"]);
    }

    #[test]
    fn who_was_away_has_saved_up_nothing() {
        let mut queue = queue(&[(Line::Candidate, "old")]);
        queue.running.push(seat("holds"));
        assert_eq!(next(&mut queue).as_deref(), Some("old"));
        queue.join(Line::Candidate, &seat("old"), 0);
        assert_eq!(after(&mut queue, "old", 36_000_000).as_deref(), Some("old"), "nobody else was there");
        for author in ["new", "new", "new", "old", "old"] {
            queue.join(Line::Candidate, &seat(author), 0);
        }
        let order: Vec<String> = std::iter::successors(Some("old".to_owned()), |author| after(&mut queue, author, 1000)).skip(1).collect();
        assert_eq!(order, ["new", "new", "old", "new", "old"], "ten hours of work are not held against who did it");
    }

    #[test]
    fn candidates_and_merges_take_turns_however_many_wait() {
        let mut queue =
            queue(&[(Line::Candidate, "a"), (Line::Candidate, "b"), (Line::Candidate, "c"), (Line::Branch, "d"), (Line::Branch, "e")]);
        queue.running.push(seat("holds"));
        let mut order = Vec::new();
        while let Some((line, author, _)) = queue.next() {
            // However long a merge's run takes, and a candidate's does not: one does not stand before the other.
            queue.end(line, &author, if line == Line::Branch { 900_000 } else { 1 });
            order.push(author.to_string());
        }
        assert_eq!(order, ["d", "a", "e", "b", "c"]);
    }

    #[test]
    fn everybody_comes_to_their_turn_among_those_who_never_stop() {
        let mut queue = queue(&[]);
        queue.running.push(seat("holds"));
        for author in ["fast", "flood", "slow"] {
            queue.join(Line::Candidate, &seat(author), 0);
            queue.join(Line::Branch, &seat(author), 0);
        }
        let mut turns: BTreeMap<(String, bool), u64> = BTreeMap::new();
        for _ in 0..10_000 {
            let (line, author, _) = queue.next().unwrap();
            let took = match author.as_str() {
                "fast" => 10,
                "flood" => 0,
                _ => 100,
            };
            *turns.entry((author.to_string(), line == Line::Branch)).or_default() += took.max(1);
            queue.end(line, &author, took);
            queue.join(line, &author, 0);
        }
        // In each line nobody had more than the others, but for one run.
        for branch in [false, true] {
            let took: Vec<u64> = turns.iter().filter(|((_, line), _)| *line == branch).map(|(_, took)| *took).collect();
            assert!(took.len() == 3 && took.iter().max().unwrap() - took.iter().min().unwrap() <= 110, "{turns:?}");
        }
    }

    #[test]
    fn whoever_has_gone_away_stands_in_nobodys_way() {
        let runs = Runs::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let first = runs.turn(Line::Candidate, &seat("dev-a")).await.unwrap();
            let second = runs.turn(Line::Branch, &seat("dev-b")).await.unwrap();
            let (called, gone) = oneshot::channel();
            runs.queue().join(Line::Candidate, &seat("dev-c"), called);
            drop(gone);
            let last = seat("dev-d");
            let (third, ()) = tokio::join!(runs.turn(Line::Candidate, &last), async { drop(second) });
            drop((first, third.unwrap()));
            assert!(runs.queue().running.is_empty());
        });
    }
}
