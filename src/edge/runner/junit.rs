//! Reads JUnit reports strictly: no document types, no own entities, bounded depth and count.

use crate::domain::run::Outcome;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::BTreeMap;

const DEEPEST: usize = 32;
const MOST: usize = 200_000;
const SAID: usize = 8192;

/// One test case of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Case {
    /// Names of the suites around it, outermost first.
    pub(super) suites: Vec<String>,
    pub(super) class: String,
    pub(super) name: String,
    pub(super) outcome: Outcome,
    /// The `type` of its failure, as the harness names it.
    pub(super) kind: String,
    /// What a failure or error said, shortened.
    pub(super) said: String,
}

impl Case {
    /// The id of a case in reports whose classes and names are all there is.
    pub(super) fn id(&self) -> String {
        if self.class.is_empty() { self.name.clone() } else { format!("{}::{}", self.class, self.name) }
    }
}

/// Puts outcomes by id; an id that stands twice cannot be judged.
pub(super) fn by_id(all: impl IntoIterator<Item = (String, Outcome)>) -> BTreeMap<String, Outcome> {
    let mut results = BTreeMap::new();
    for (id, outcome) in all {
        results.entry(id).and_modify(|known| *known = Outcome::Broken).or_insert(outcome);
    }
    results
}

/// Gives all test cases of a report, or says which rule it breaks.
pub(super) fn read(xml: &[u8]) -> Result<Vec<Case>, String> {
    let text = std::str::from_utf8(xml).map_err(|why| why.to_string())?;
    let mut reader = Reader::from_str(text);
    reader.config_mut().enable_all_checks(true);
    let mut report = Report::default();
    loop {
        let event = reader.read_event().map_err(|why| format!("at byte {}: {why}", reader.error_position()))?;
        match event {
            Event::Start(element) => report.open(&element)?,
            Event::Empty(element) => report.open(&element).and_then(|()| report.close())?,
            Event::End(_) => report.close()?,
            Event::Text(words) => report.says(&words.decode().map_err(|why| why.to_string())?)?,
            Event::CData(words) => report.says(&words.decode().map_err(|why| why.to_string())?)?,
            Event::GeneralRef(name) => report.says(&reference(&name)?)?,
            Event::Comment(_) | Event::Decl(_) => {}
            Event::DocType(_) | Event::PI(_) => return Err("document types and instructions are refused".into()),
            Event::Eof => return report.end(),
        }
    }
}

fn reference(name: &quick_xml::events::BytesRef) -> Result<String, String> {
    if let Some(char) = name.resolve_char_ref().map_err(|why| why.to_string())? {
        return Ok(char.into());
    }
    let known = [("lt", "<"), ("gt", ">"), ("amp", "&"), ("quot", "\""), ("apos", "'")];
    let name = name.decode().map_err(|why| why.to_string())?;
    let found = known.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| (*text).into()).ok_or_else(|| format!("the entity &{name}; is refused"))
}

/// What an open element is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Suites,
    Suite,
    Case,
    /// `failure`, `error` or `skipped` right below a case.
    Verdict,
    Other,
}

#[derive(Default)]
struct Report {
    open: Vec<Part>,
    suites: Vec<String>,
    cases: Vec<Case>,
    roots: usize,
}

impl Report {
    fn open(&mut self, element: &BytesStart) -> Result<(), String> {
        let part = self.part(element)?;
        match part {
            _ if self.open.len() >= DEEPEST => return Err("too deep".into()),
            _ if self.cases.len() >= MOST => return Err("too many test cases".into()),
            Part::Suite => self.suites.push(attribute(element, "name")?),
            Part::Case => self.case(element)?,
            Part::Verdict => self.verdict(element)?,
            Part::Suites | Part::Other => {}
        }
        self.open.push(part);
        Ok(())
    }

    fn part(&mut self, element: &BytesStart) -> Result<Part, String> {
        match (self.open.last(), element.name().as_ref()) {
            (None, b"testsuites" | b"testsuite") if self.roots > 0 => Err("two roots".into()),
            (None, name @ (b"testsuites" | b"testsuite")) => {
                self.roots += 1;
                Ok(if name == b"testsuites" { Part::Suites } else { Part::Suite })
            }
            (None, _) => Err("the root is not testsuites or testsuite".into()),
            (Some(Part::Suites | Part::Suite), b"testsuite") => Ok(Part::Suite),
            (Some(Part::Suites | Part::Suite), b"testcase") => Ok(Part::Case),
            (Some(Part::Case), b"failure" | b"error" | b"skipped") => Ok(Part::Verdict),
            (_, b"testcase" | b"testsuite" | b"testsuites") => Err("a test case or suite in a wrong place".into()),
            _ => Ok(Part::Other),
        }
    }

    fn case(&mut self, element: &BytesStart) -> Result<(), String> {
        let name = attribute(element, "name")?;
        if name.is_empty() {
            return Err("a test case without a name".into());
        }
        let (class, kind, said) = (attribute(element, "classname")?, String::new(), String::new());
        self.cases.push(Case { suites: self.suites.clone(), class, name, outcome: Outcome::Passed, kind, said });
        Ok(())
    }

    /// The worst word about a case counts.
    fn verdict(&mut self, element: &BytesStart) -> Result<(), String> {
        let (kind, message) = (attribute(element, "type")?, attribute(element, "message")?);
        let case = self.cases.last_mut().ok_or("a verdict without a case")?;
        case.outcome = match (element.name().as_ref(), case.outcome) {
            (b"error", _) | (_, Outcome::Broken) => Outcome::Broken,
            (b"failure", _) | (_, Outcome::Failed) => Outcome::Failed,
            _ => Outcome::Skipped,
        };
        case.kind = kind;
        self.says(&format!("{message}\n"))
    }

    fn says(&mut self, text: &str) -> Result<(), String> {
        if self.open.is_empty() && self.cases.is_empty() && !text.trim().is_empty() {
            return Err("text outside the root".into());
        }
        let speaking = self.open.last() == Some(&Part::Verdict) || self.open.last() == Some(&Part::Case);
        if let Some(case) = self.cases.last_mut().filter(|case| speaking && case.said.len() < SAID) {
            let room = SAID - case.said.len();
            case.said.extend(text.chars().take(room));
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        if self.open.pop().ok_or("an end without a beginning")? == Part::Suite {
            self.suites.pop();
        }
        Ok(())
    }

    fn end(self) -> Result<Vec<Case>, String> {
        match self.open.is_empty() && self.roots == 1 {
            true => Ok(self.cases),
            false => Err("it ends before its root does".into()),
        }
    }
}

fn attribute(element: &BytesStart, name: &str) -> Result<String, String> {
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|why| why.to_string())?;
        if attribute.key.as_ref() == name.as_bytes() {
            return attribute.unescape_value().map(Into::into).map_err(|why| why.to_string());
        }
    }
    Ok(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(body: &str) -> Result<Vec<(String, Outcome)>, String> {
        let cases = read(format!("<?xml version=\"1.0\"?><testsuites><testsuite name=\"s\">{body}</testsuite></testsuites>").as_bytes())?;
        Ok(cases.iter().map(|case| (case.id(), case.outcome)).collect())
    }

    #[test]
    fn the_worst_word_counts() {
        let body = "<testcase classname='m' name='a'/><testcase name='b'><failure>no &lt;b&gt; &#65;</failure><error/></testcase>\
                    <testcase name='c'><failure message='x'/><skipped/></testcase><testcase name='d'><skipped/></testcase>\
                    <testcase name='e'><system-out><failure/></system-out></testcase>";
        let expect =
            [("m::a", Outcome::Passed), ("b", Outcome::Broken), ("c", Outcome::Failed), ("d", Outcome::Skipped), ("e", Outcome::Passed)];
        assert_eq!(outcomes(body), Ok(expect.map(|(id, outcome)| (id.into(), outcome)).to_vec()));
    }

    #[test]
    fn what_is_not_strict_is_refused() {
        let deep = "<x>".repeat(40) + &"</x>".repeat(40);
        for bad in [
            "<testcase name='a'>",
            "<testcase/>",
            "<testcase name='&x;'/>",
            "<testcase name='a'><failure>&x;</failure></testcase>",
            "<?php x?>",
            "<testcase name='a' name='b'/>",
            "<testcase name='a'><testcase name='b'/></testcase>",
            "</testsuite>",
            deep.as_str(),
        ] {
            assert!(outcomes(bad).is_err(), "{bad}");
        }
        for bad in
            ["", "<html/>", "<!DOCTYPE x [<!ENTITY a 'b'>]><testsuites/>", "<testsuites/><testsuites/>", "<testsuites>", "x<testsuites/>"]
        {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(read(b"<testsuites>\xff</testsuites>").is_err());
    }

    #[test]
    fn an_id_that_stands_twice_is_broken() {
        let twice = [("a".to_owned(), Outcome::Passed), ("b".to_owned(), Outcome::Passed), ("a".to_owned(), Outcome::Passed)];
        assert_eq!(by_id(twice), BTreeMap::from([("a".into(), Outcome::Broken), ("b".into(), Outcome::Passed)]));
    }
}
