//! What changes add up to is worked out again, from the entries and not from what they say.

use super::world::{Plan, World};
use super::{history, verify};

/// A second change that asks for nothing by itself: one reviewer was asked for, and one gave a word.
fn plain(two: &mut Plan, code: &'static str, test: &'static str) {
    two.files = vec![(code, "pub fn door() {}\n".to_owned()), (test, format!("#[test]\nfn door() {{}}\n{}", "//\n".repeat(30)))];
    (two.peers, two.owner) = (vec!["dev-a"], false);
}

fn problems(change: impl FnOnce(&mut Plan, &mut Plan)) -> Vec<String> {
    let long = |one: &mut Plan, two: &mut Plan| {
        one.files[1].1.push_str(&"//\n".repeat(30));
        change(one, two);
    };
    verify(&history(World::found(None, None), long), None).problems
}

#[test]
fn a_slice_that_one_reviewer_let_through_is_seen() {
    let apart = problems(|_, two| plain(two, "src/x/door.rs", "tests/y/door.rs"));
    assert_eq!(apart, Vec::<String>::new(), "another seat, other folders, another task");
    let asked = |problems: &[String]| problems.iter().any(|problem| problem.contains("it asks for other gates or words than the charter"));
    assert!(asked(&problems(|_, two| plain(two, "src/x/door.rs", "tests/door.rs"))), "64 lines in tests/");
    let same_title = problems(|one, two| {
        plain(two, "src/x/door.rs", "tests/y/door.rs");
        (one.title, two.title) = ("a door, part 1".to_owned(), "a door, part 2".to_owned());
    });
    assert!(asked(&same_title), "66 lines in one family of tasks");
    let same_seat = problems(|_, two| {
        plain(two, "src/x/door.rs", "tests/y/door.rs");
        (two.author, two.commits, two.peers) = ("dev-a", vec!["dev-a"], vec!["dev-b"]);
    });
    assert!(asked(&same_seat), "66 lines of dev-a");
}
