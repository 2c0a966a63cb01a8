use super::super::policy::RawPolicy;
use super::super::sample::{self, seats};
use super::*;

const LIMITS: Cumulative = Cumulative { hours: 24, lines: 500, files: 20, fast_track: 10 };

fn policy(limits: Cumulative) -> Policy {
    let mut raw: RawPolicy = sample::charter().policy.clone().into();
    raw.cumulative = limits;
    raw.try_into().unwrap()
}

fn task(number: u32) -> TaskId {
    TaskId::new(format!("T{number}")).unwrap()
}

/// A change of so many lines in these files, by these seats, for a task of a family.
#[derive(Clone)]
struct Slice {
    change: Change,
    seats: BTreeSet<SeatName>,
    family: TaskId,
}

fn slice(by: &[&str], family: u32, paths: &[&str], lines: u64) -> Slice {
    let change = sample::change(paths, lines);
    Slice { change, seats: seats(by).into_iter().collect(), family: task(family) }
}

impl Slice {
    fn piece(&self) -> Piece<'_> {
        Piece::of(&policy(LIMITS), &self.change, &self.seats, &self.family)
    }
}

/// What the last of these slices is told.
fn told(slices: &[Slice]) -> Vec<String> {
    let pieces: Vec<Piece<'_>> = slices.iter().map(Slice::piece).collect();
    let (last, others) = pieces.split_last().unwrap();
    over(&policy(LIMITS), last, others)
}

fn is_told(slices: &[Slice], words: &str) {
    let told = told(slices);
    assert!(told.iter().any(|reason| reason.contains(words)), "{words}: {told:?}");
}

#[test]
fn lines_hold_at_both_edges_for_seat_folder_and_tasks() {
    for (last, more) in [(50, false), (51, true)] {
        let by_seat: Vec<Slice> = (0..9).map(|n| slice(&["dev-a"], n + 1, &[&format!("d{n}/a.rs")], 50)).collect();
        let found = told(&[by_seat, vec![slice(&["dev-a"], 20, &["z/a.rs"], last)]].concat());
        assert_eq!(found.iter().any(|reason| reason.contains("dev-a has")), more, "{last}: {found:?}");
        let by_folder: Vec<Slice> = (0..9).map(|n| slice(&[&format!("s-{n}")], n + 1, &["src/x/a.rs"], 50)).collect();
        let found = told(&[by_folder, vec![slice(&["dev-a"], 20, &["src/x/deep/b.rs"], last)]].concat());
        assert_eq!(found.iter().any(|reason| reason.contains("src/x/ has")), more, "{last}: {found:?}");
        let by_tasks: Vec<Slice> = (0..9).map(|n| slice(&[&format!("s-{n}")], 1, &[&format!("d{n}/a.rs")], 50)).collect();
        let found = told(&[by_tasks, vec![slice(&["dev-a"], 1, &["z/a.rs"], last)]].concat());
        assert_eq!(found.iter().any(|reason| reason.contains("T1 and the tasks")), more, "{last}: {found:?}");
        assert_eq!(found.len(), usize::from(more), "{found:?}");
    }
}

#[test]
fn files_hold_at_both_edges_and_the_same_file_counts_once() {
    for (count, more) in [(20, false), (21, true)] {
        let paths: Vec<String> = (0..count).map(|n| format!("src/f{n}.rs")).collect();
        let slices: Vec<Slice> = paths.iter().map(|path| slice(&["dev-a"], 1, &[path], 1)).collect();
        assert_eq!(!told(&slices).is_empty(), more, "{count}");
    }
    let same: Vec<Slice> = (0..30).map(|_| slice(&["dev-a"], 1, &["src/f.rs"], 1)).collect();
    assert_eq!(told(&same), [""; 0]);
}

#[test]
fn small_changes_hold_at_both_edges_and_only_low_ones_are_fast() {
    let small = |n: u32, path: &str| slice(&["dev-a"], n, &[path], 1);
    let slices = |count: u32| (0..count).map(|n| small(n + 1, &format!("d{n}/a.md"))).collect::<Vec<_>>();
    assert_eq!(told(&slices(9)), [""; 0]);
    is_told(&slices(10), "10 small changes");
    assert_eq!(told(&(0..10).map(|n| small(n + 1, &format!("d{n}/a.rs"))).collect::<Vec<_>>()), [""; 0], "medium is not fast");
    let large = |n: u32| slice(&["dev-a"], n, &[&format!("d{n}/a.md")], 51);
    assert_eq!(told(&[slices(8), vec![large(30), small(31, "x/a.md")]].concat()), [""; 0], "51 lines are not small: nine");
    is_told(&[slices(10), vec![large(30)]].concat(), "10 small changes");
}

#[test]
fn splitting_over_seats_does_not_reset_a_folder_nor_over_folders_a_seat() {
    let mut two = vec![slice(&["dev-a"], 1, &["src/x/a.rs"], 260), slice(&["dev-b"], 2, &["src/x/b.rs"], 241)];
    is_told(&two, "src/x/ has 501 lines");
    two[1] = slice(&["dev-b", "dev-a"], 2, &["docs/b.rs"], 241);
    is_told(&two, "dev-a has 501 lines");
    two[1] = slice(&["dev-b"], 2, &["docs/b.rs"], 241);
    assert_eq!(told(&two), [""; 0]);
    two[1] = slice(&["dev-b"], 2, &["SRC/X/b.rs"], 241);
    is_told(&two, "src/x/ has 501 lines");
}

#[test]
fn what_was_written_and_taken_back_counts() {
    let mut churned = slice(&["dev-b"], 2, &["src/x/b.rs"], 1);
    churned.change.churn = 300;
    is_told(&[slice(&["dev-a"], 1, &["src/x/a.rs"], 201), churned], "src/x/ has 501 lines");
    let mut touched = slice(&["dev-b"], 2, &["docs/b.rs"], 1);
    (touched.change.churn, touched.change.touched) = (300, vec!["docs/b.rs".to_owned(), "src/x/gone.rs".to_owned()]);
    is_told(&[touched, slice(&["dev-a"], 1, &["src/x/a.rs"], 202)], "src/x/ has 501 lines");
}

#[test]
fn folders_are_the_first_two_and_the_roots_files_are_one() {
    for (path, family) in [("README.md", "/"), ("src/a", "src/"), ("src/b/c", "src/b/"), ("src/b/c/d/e", "src/b/"), ("Src/B/c", "src/b/")] {
        assert_eq!(folder(path), family, "{path}");
    }
}

#[test]
fn a_limit_of_nought_is_none() {
    let none = policy(Cumulative { hours: 24, ..Cumulative::default() });
    let slices: Vec<Slice> = (0..30).map(|n| slice(&["dev-a"], 1, &[&format!("src/{n}.md")], 40)).collect();
    let pieces: Vec<Piece<'_>> = slices.iter().map(Slice::piece).collect();
    assert_eq!(over(&none, &pieces[0], &pieces[1..]), [""; 0]);
    assert!(LIMITS.check().is_ok() && Cumulative { hours: 169, ..LIMITS }.check().is_err());
}

#[test]
fn tasks_belong_together_when_they_name_each_other_or_differ_by_numbers() {
    let mut families = Families::default();
    let all = [
        ("limit the logins", ""),
        ("Limit the logins (2)", ""),
        ("something else", "it goes with t1."),
        ("part 1 of the parser", ""),
        ("part 2 of the parser", ""),
        ("alone", "T99 is not there, and XT1 is no task"),
        ("after T3 and T4", ""),
        ("123", ""),
        ("456", ""),
    ];
    for (number, (title, body)) in (1..).zip(all) {
        families.open(&task(number), title, body);
        if number == 6 {
            let found: Vec<&str> = (1..=6).map(|n| families.of.get(&task(n)).unwrap().as_str()).collect();
            assert_eq!(found, ["T1", "T1", "T1", "T4", "T4", "T6"]);
        }
    }
    let found: Vec<&str> = (1..=9).map(|n| families.of.get(&task(n)).unwrap().as_str()).collect();
    assert_eq!(found, ["T1", "T1", "T1", "T1", "T1", "T6", "T1", "T8", "T9"], "a task joins families, and numbers alone are no name");
    assert_eq!(families.of(&task(77)), &task(77));
}
