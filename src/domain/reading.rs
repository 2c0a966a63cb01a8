//! What a reviewer says of each file of a change, and the lines of the difference that it quotes: a word that was not read cannot be given.

use super::change::Change;
use super::glob::shown;
use super::name::Oid;
use super::planted;
use super::refusal::Refusal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The check that asks for this; a gate that does not list it takes words without.
pub const CHECK: &str = "files-judged";
/// Letters and digits that a quote holds at least, where the change has a line with so many.
const LEAST: usize = 5;
const MOST_QUOTES: usize = 20;
const LONGEST_QUOTE: usize = 4000;

/// What a reviewer says, as it was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    #[serde(default)]
    pub ok: Vec<String>,
    #[serde(default)]
    pub bad: Vec<String>,
    #[serde(default)]
    pub quotes: Vec<String>,
}

/// A file's difference, as the gate spells it for reviewers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileText {
    pub path: String,
    pub text: String,
}

/// The difference that the gate made of a candidate, and of earlier ones of the task where a quote asks for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    pub commit: Oid,
    pub files: Vec<FileText>,
    pub earlier: Vec<(u32, Vec<FileText>)>,
}

/// A verdict on each file, and lines of the difference.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, bool>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quotes: Vec<String>,
}

impl Said {
    pub fn is_empty(&self) -> bool {
        self.ok.is_empty() && self.bad.is_empty() && self.quotes.is_empty()
    }
}

impl Reading {
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.quotes.is_empty()
    }

    /// Whether this is enough for a yes to the change: every file is well, nothing else is named, and something is quoted.
    pub fn covers(&self, change: &Change) -> bool {
        self.files.len() == change.files.len() && change.files.iter().all(|file| self.files.get(&file.path) == Some(&true)) && !self.quotes.is_empty()
    }

    /// Judges what a reviewer says against what the gate shows of exactly this candidate.
    pub fn of(said: &Said, accept: bool, change: &Change, bundle: Option<&Bundle>) -> Result<Self, Refusal> {
        let files = files(said, accept, change)?;
        let Some(bundle) = bundle.filter(|bundle| bundle.commit == change.commit) else {
            return Err(Refusal::new("other-commit", format!("the task is at {} by now", change.commit.short()), "orchestrate review show <task>"));
        };
        quoted(said, bundle)?;
        Ok(Self { files, quotes: said.quotes.clone() })
    }
}

/// A yes has a verdict on every file, a no on at least one; where there is one file only, the word itself is the verdict.
fn files(said: &Said, accept: bool, change: &Change) -> Result<BTreeMap<String, bool>, Refusal> {
    const SHOW: &str = "orchestrate review show <task>   (it ends with the command to fill in)";
    let told = said.ok.iter().map(|path| (path, true)).chain(said.bad.iter().map(|path| (path, false)));
    let mut files: BTreeMap<String, bool> = BTreeMap::new();
    for (path, good) in told {
        if files.insert(path.clone(), good).is_some_and(|before| before != good) {
            return Err(Refusal::new("torn-word", format!("{} is called good and bad", shown(path)), SHOW));
        }
    }
    let known = |path: &str| change.files.iter().any(|file| file.path == path);
    if let Some(path) = files.keys().find(|path| !known(path)) {
        return Err(Refusal::new("file-not-in-change", format!("the change does not touch {}", shown(path)), SHOW));
    }
    if let ([only], true) = (&change.files[..], files.is_empty()) {
        files.insert(only.path.clone(), accept);
    }
    let open: Vec<String> = change.files.iter().filter(|file| !files.contains_key(&file.path)).map(|file| shown(&file.path)).collect();
    match (accept, files.iter().find(|(_, good)| !**good)) {
        (true, Some((path, _))) => Err(Refusal::new("torn-word", format!("you accept the change and call {} bad", shown(path)), SHOW)),
        (true, None) if !open.is_empty() => {
            let (first, more) = (open[..open.len().min(5)].join(", "), open.len().saturating_sub(5));
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            Err(Refusal::new("files-unjudged", format!("there is no verdict on {first}{more}"), SHOW))
        }
        (false, None) => Err(Refusal::new("files-unjudged", "a no names at least one file that is bad", SHOW)),
        (true, None) | (false, Some(_)) => Ok(files),
    }
}

fn quoted(said: &Said, bundle: &Bundle) -> Result<(), Refusal> {
    const HINT: &str = "orchestrate review show <task>   (quote whole lines of the difference, with the sign in front)";
    let long = said.quotes.len() > MOST_QUOTES || said.quotes.iter().any(|quote| quote.len() > LONGEST_QUOTE);
    if said.quotes.is_empty() || long {
        let why = format!("a review quotes lines of the difference: 1 to {MOST_QUOTES} quotes, none longer than {LONGEST_QUOTE} bytes");
        return Err(Refusal::new("no-quote", why, HINT));
    }
    let stranger = said.quotes.iter().find(|quote| !stands_in(&bundle.files, quote)).filter(|_| !planted::out("quotes"));
    if let Some(quote) = stranger {
        let first = shown(quote.lines().next().unwrap_or_default());
        return Err(match bundle.earlier.iter().find(|(_, files)| stands_in(files, quote)) {
            Some((attempt, _)) => Refusal::new("quote-of-another-attempt", format!("{first:?} is of attempt {attempt}, which is over"), HINT),
            None => Refusal::new("quote-not-in-change", format!("{first:?} does not stand in the difference that the gate shows"), HINT),
        });
    }
    if said.quotes.iter().any(|quote| says_enough(&bundle.files, quote)) || planted::out("quotes") {
        return Ok(());
    }
    Err(Refusal::new("no-quote", "none of the quotes says anything: take a line that was added or taken away", HINT))
}

/// Whether whole lines of a file's difference read exactly so, one of them a line that changes something.
pub fn stands_in(files: &[FileText], quote: &str) -> bool {
    let wanted: Vec<&str> = quote.trim_end_matches('\n').split('\n').collect();
    let holds = |file: &FileText| file.text.lines().collect::<Vec<_>>().windows(wanted.len()).any(|lines| lines == wanted);
    wanted.iter().any(|line| changes(line)) && files.iter().any(holds)
}

/// Whether a quote holds as much as a line that says something: one brace is no reading.
pub fn says_enough(files: &[FileText], quote: &str) -> bool {
    let letters = |line: &str| line.chars().filter(|c| c.is_alphanumeric()).count();
    let best = files.iter().flat_map(|file| file.text.lines()).filter(|line| changes(line)).map(letters).max().unwrap_or(0);
    quote.lines().filter(|line| changes(line)).map(letters).sum::<usize>() >= best.min(LEAST)
}

/// Context begins with a blank, a place with `@@`; all else of a difference is what changes.
fn changes(line: &str) -> bool {
    !line.is_empty() && !line.starts_with(' ') && !line.starts_with("@@ ")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn texts(files: &[(&str, &str)]) -> Vec<FileText> {
        files.iter().map(|(path, text)| FileText { path: (*path).to_owned(), text: (*text).to_owned() }).collect()
    }

    /// Two files, of which the second has a line of its own; attempt 1 had another.
    fn code(accept: bool, ok: &[&str], bad: &[&str], quotes: &[&str]) -> String {
        let change = sample::change(&["src/a.rs", "tests/a.rs"], 10);
        let files = texts(&[("src/a.rs", "@@ -1 +1 @@\n fn a() {\n-    old_and_slow();\n+    new_and_quick();\n }\n"), ("tests/a.rs", "@@ -1 +1 @@\n+}\n")]);
        let earlier = vec![(1, texts(&[("src/a.rs", "@@ -1 +1 @@\n+    first_and_wrong();\n")]))];
        let bundle = Bundle { commit: change.commit.clone(), files, earlier };
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let said = Said { ok: owned(ok), bad: owned(bad), quotes: owned(quotes) };
        match Reading::of(&said, accept, &change, Some(&bundle)) {
            Ok(reading) => (if reading.covers(&change) { "covers" } else { "taken" }).to_owned(),
            Err(refusal) => refusal.code,
        }
    }

    #[test]
    fn a_yes_has_a_verdict_on_every_file_and_a_quote() {
        let (all, quote) = (["src/a.rs", "tests/a.rs"], "+    new_and_quick();");
        assert_eq!(code(true, &all, &[], &[quote]), "covers");
        assert_eq!(code(true, &all, &[], &["-    old_and_slow();\n+    new_and_quick();\n"]), "covers", "lines that stand together");
        assert_eq!(code(true, &all[..1], &[], &[quote]), "files-unjudged");
        assert_eq!(code(true, &[], &[], &[quote]), "files-unjudged");
        assert_eq!(code(true, &["src/a.rs", "tests/b.rs"], &[], &[quote]), "file-not-in-change");
        assert_eq!(code(true, &all[..1], &all[1..], &[quote]), "torn-word");
        assert_eq!(code(true, &all, &all[..1], &[quote]), "torn-word");
    }

    #[test]
    fn a_no_names_what_is_bad() {
        let quote = "+    new_and_quick();";
        assert_eq!(code(false, &[], &["src/a.rs"], &[quote]), "taken");
        assert_eq!(code(false, &["src/a.rs"], &[], &[quote]), "files-unjudged");
        assert_eq!(code(false, &[], &["src/a.rs"], &[]), "no-quote");
    }

    #[test]
    fn a_quote_is_whole_lines_of_this_difference() {
        let all = ["src/a.rs", "tests/a.rs"];
        for (quote, code_of) in [
            ("+    new_and_quick()", "quote-not-in-change"),
            ("+    NEW_and_quick();", "quote-not-in-change"),
            ("    new_and_quick();", "quote-not-in-change"),
            (" fn a() {", "quote-not-in-change"),
            ("@@ -1 +1 @@", "quote-not-in-change"),
            ("+    first_and_wrong();", "quote-of-another-attempt"),
            ("+}", "no-quote"),
            ("", "quote-not-in-change"),
        ] {
            assert_eq!(code(true, &all, &[], &[quote]), code_of, "{quote:?}");
        }
        assert_eq!(code(true, &all, &[], &["+    new_and_quick();", "+}"]), "covers", "one that says enough is enough");
        assert_eq!(code(true, &all, &[], &["+    new_and_quick();", "+nothing of it"]), "quote-not-in-change", "each has to stand there");
    }

    #[test]
    fn where_there_is_one_file_the_word_is_its_verdict() {
        let change = sample::change(&["README.md"], 1);
        let files = texts(&[("README.md", "@@ -1 +1 @@\n+x\n")]);
        let bundle = Bundle { commit: change.commit.clone(), files, earlier: Vec::new() };
        let said = Said { quotes: vec!["+x".to_owned()], ..Said::default() };
        assert!(Reading::of(&said, true, &change, Some(&bundle)).unwrap().covers(&change));
        assert!(!Reading::of(&said, false, &change, Some(&bundle)).unwrap().files["README.md"]);
        let other = Bundle { commit: sample::oid('9'), ..bundle };
        assert_eq!(Reading::of(&said, true, &change, Some(&other)).unwrap_err().code, "other-commit");
        assert_eq!(Reading::of(&said, true, &change, None).unwrap_err().code, "other-commit");
    }
}
