//! An attack as data: what is tried, what has to come of it, and the judgement over what came.

use super::isolation::Isolation;
use super::name::RefName;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One row of the catalogue in `attacks/`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attack {
    /// The public catalogue's number; a second script of the same line has a letter behind it.
    pub id: String,
    pub about: String,
    /// The lowest level at which it must be refused.
    pub level: Isolation,
    #[serde(default = "dev_a")]
    pub seat: String,
    /// Where the script runs: in the seat, or outside on copies of the record.
    #[serde(default, rename = "where")]
    pub place: Place,
    /// What honest seats, or the same one, did before.
    #[serde(default)]
    pub before: Vec<Before>,
    /// POSIX sh.
    #[serde(rename = "try")]
    pub script: String,
    /// The code that a refusal entry of the seat must have.
    #[serde(default)]
    pub refused: Option<String>,
    /// What the output must hold; `|` stands between texts of which one is enough.
    #[serde(default)]
    pub says: Option<String>,
    /// What is printed only when the attack got through.
    #[serde(default)]
    pub open: Option<String>,
    /// Sh that looks from outside afterwards, and prints `open` when the attack had its effect.
    #[serde(default)]
    pub after: Option<String>,
    /// SQL that forges the ledger's copy first; only outside.
    #[serde(default)]
    pub sql: Option<String>,
    /// Works the leaf hashes of the forged copy out again, as a forger with time would.
    #[serde(default)]
    pub rehash: bool,
    /// A reference may move: what is tried is a wanted function.
    #[serde(default)]
    pub moves: bool,
    /// Objects may stay that no reference reaches, such as those of a branch that its own seat pushed over.
    #[serde(default)]
    pub leaves: bool,
    /// Seconds that the try may take.
    #[serde(default = "seconds")]
    pub seconds: u32,
}

/// A step before the try; it has to end well, or there is nothing to be judged.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    #[serde(default = "dev_a")]
    pub seat: String,
    /// How many seconds the clock goes on first.
    #[serde(default)]
    pub ahead: u64,
    #[serde(rename = "try")]
    pub script: String,
}

fn dev_a() -> String {
    "dev-a".to_owned()
}

fn seconds() -> u32 {
    60
}

/// Where an attack is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    #[default]
    Seat,
    Outside,
}

/// What came of a try, seen from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tried {
    /// All that the script printed.
    pub output: String,
    /// Its exit code; none where it did not end in time.
    pub code: Option<i32>,
    /// What the look from outside printed.
    pub after: String,
    /// The codes of the refusals recorded in the seat's name.
    pub refusals: Vec<String>,
    /// The references that changed.
    pub moved: Vec<RefName>,
    /// How many more objects there are that no reference reaches.
    pub left: usize,
}

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Stopped, for the reason that was expected, at a level that promises it.
    Refused,
    /// It got through, at a level that does not promise to stop it.
    Open,
    /// It was stopped, at a level that does not promise it.
    NotPromised,
    /// It got through, and must not.
    Through,
    /// Neither was seen: no expected refusal, no end in time.
    Unjudged,
}

impl Outcome {
    pub fn words(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Open => "open at this level",
            Self::NotPromised => "stopped, but not promised at this level",
            Self::Through => "GOT THROUGH",
            Self::Unjudged => "NOT JUDGED",
        }
    }

    /// Whether the attack had its effect, promised or not.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Through)
    }
}

/// A try's end, and what was seen that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    pub outcome: Outcome,
    pub happened: String,
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.outcome.words(), self.happened)
    }
}

impl Attack {
    /// Names what keeps a row from being judged at all.
    pub fn fault(&self) -> Option<String> {
        let outside = self.place == Place::Outside;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        match self {
            _ if self.id.is_empty() || !self.id.chars().all(plain) => Some("its id is not made of letters, digits and -".to_owned()),
            _ if self.refused.is_none() && self.says.is_none() => Some("it expects nothing: neither `refused` nor `says`".to_owned()),
            _ if outside && self.refused.is_some() => Some("nothing tried outside is refused by the supervisor".to_owned()),
            _ if !outside && (self.sql.is_some() || self.rehash) => Some("`sql` and `rehash` are for copies outside".to_owned()),
            _ if self.after.is_some() && self.open.is_none() => Some("`after` has no word `open` to print".to_owned()),
            _ => None,
        }
    }

    /// What has to come of it, in words.
    pub fn expected(&self) -> String {
        let code = self.refused.as_ref().map(|code| format!("a refusal on record, {code}"));
        let says = self.says.as_ref().map(|text| format!("the answer {text:?}"));
        let open = self.open.as_ref().map(|word| format!("never {word:?}"));
        code.into_iter().chain(says).chain(open).collect::<Vec<_>>().join(", ")
    }

    /// Judges what came of the try at the level that was observed.
    pub fn judge(&self, tried: &Tried, observed: Isolation) -> Judgement {
        let promised = observed <= self.level;
        let (stopped, happened) = match self.effect(tried) {
            Some(effect) => return Judgement { outcome: if promised { Outcome::Through } else { Outcome::Open }, happened: effect },
            None => match self.missing(tried) {
                None => (true, self.seen(tried)),
                Some(missing) => (false, missing),
            },
        };
        let outcome = match (promised, stopped) {
            (true, true) => Outcome::Refused,
            (false, _) => Outcome::NotPromised,
            (true, false) => Outcome::Unjudged,
        };
        Judgement { outcome, happened }
    }

    /// The effect that the attack had, if it had one.
    fn effect(&self, tried: &Tried) -> Option<String> {
        let own = format!("refs/heads/{}/", self.seat);
        let foreign: Vec<&str> = tried.moved.iter().map(RefName::as_str).filter(|name| !name.starts_with(&own)).collect();
        let printed = self.open.as_ref().filter(|word| tried.output.contains(*word) || tried.after.contains(*word));
        match printed {
            Some(word) => Some(format!("{word:?} was printed: {}", last_lines(&format!("{}{}", tried.output, tried.after)))),
            None if !foreign.is_empty() && !self.moves => Some(format!("references moved: {}", foreign.join(", "))),
            None if tried.left > 0 && !self.leaves => Some(format!("{} objects were left in the gate", tried.left)),
            None => None,
        }
    }

    /// The evidence of the refusal that is not there.
    fn missing(&self, tried: &Tried) -> Option<String> {
        let said = || last_lines(&tried.output);
        if tried.code.is_none() {
            return Some(format!("no end within {} s; so far: {}", self.seconds, said()));
        }
        if let Some(code) = self.refused.as_ref().filter(|code| !tried.refusals.contains(code)) {
            let on_record = if tried.refusals.is_empty() { "nothing".to_owned() } else { tried.refusals.join(", ") };
            return Some(format!("no refusal {code} is on record, but {on_record}; it said: {}", said()));
        }
        let says = self.says.as_ref()?;
        let heard = says.split('|').any(|text| tried.output.contains(text.trim()) || tried.after.contains(text.trim()));
        (!heard).then(|| format!("it did not say {says:?} but: {}", said()))
    }

    /// What was seen of the refusal.
    fn seen(&self, tried: &Tried) -> String {
        let recorded = self.refused.as_ref().map(|code| format!("on record: {code}"));
        let line = |text: &str| tried.output.lines().find(|line| line.contains(text.trim())).map(|line| clipped(line.trim()));
        let said = self.says.as_ref().map(|says| says.split('|').find_map(line).unwrap_or_else(|| "as expected".to_owned()));
        recorded.into_iter().chain(said).collect::<Vec<_>>().join("; ")
    }
}

const MOST: usize = 300;

fn clipped(text: &str) -> String {
    let mut cut: String = text.chars().take(MOST).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(3)..].join(" / ");
    if last.is_empty() { "nothing".to_owned() } else { clipped(&last) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Isolation::{None as Bare, Sandbox, Users};
    use Outcome::{NotPromised, Open, Refused, Through, Unjudged};

    fn row() -> Attack {
        let text =
            r#"{"id": "C1", "about": "a push", "level": "sandbox", "try": "x", "refused": "ref", "says": "no|never", "open": "LEAK"}"#;
        serde_json::from_str(text).unwrap()
    }

    fn stopped() -> Tried {
        Tried { output: "well\nnever\n".into(), code: Some(1), refusals: vec!["other".into(), "ref".into()], ..Tried::default() }
    }

    fn end(tried: &Tried, level: Isolation) -> Outcome {
        row().judge(tried, level).outcome
    }

    #[test]
    fn green_is_only_the_expected_refusal_at_a_level_that_promises_it() {
        assert_eq!([Users, Sandbox, Bare].map(|level| end(&stopped(), level)), [Refused, Refused, NotPromised]);
        assert_eq!(row().judge(&stopped(), Sandbox).happened, "on record: ref; never");
        let silent = Tried { output: "connection lost".into(), ..stopped() };
        let unrecorded = Tried { refusals: vec!["other".into()], ..stopped() };
        let endless = Tried { code: None, ..stopped() };
        for tried in [silent, unrecorded, endless, Tried::default()] {
            assert_eq!((end(&tried, Sandbox), end(&tried, Bare)), (Unjudged, NotPromised), "{tried:?}");
        }
    }

    #[test]
    fn an_effect_outweighs_every_refusal() {
        let printed = Tried { output: "never\nLEAK".into(), ..stopped() };
        let seen = Tried { after: "LEAK".into(), ..stopped() };
        let moved = Tried { moved: vec![RefName::new("refs/heads/main").unwrap()], ..stopped() };
        let left = Tried { left: 1, ..stopped() };
        for tried in [printed, seen, moved.clone(), left.clone()] {
            assert_eq!((end(&tried, Sandbox), end(&tried, Bare)), (Through, Open), "{tried:?}");
        }
        let allowing = Attack { moves: true, leaves: true, ..row() };
        assert_eq!([moved, left].map(|tried| allowing.judge(&tried, Sandbox).outcome), [Refused, Refused]);
        let own = Tried { moved: vec![RefName::new("refs/heads/dev-a/x").unwrap()], ..stopped() };
        let other = Tried { moved: vec![RefName::new("refs/heads/dev-ab/x").unwrap()], ..stopped() };
        assert_eq!([own, other].map(|tried| end(&tried, Sandbox)), [Refused, Through]);
    }

    #[test]
    fn a_row_that_cannot_be_judged_is_a_fault() {
        assert_eq!(row().fault(), None);
        let faulty: [fn(&mut Attack); 5] = [
            |row| row.id = "C 1".into(),
            |row| (row.refused, row.says) = (None, None),
            |row| row.place = Place::Outside,
            |row| row.sql = Some("x".into()),
            |row| (row.after, row.open) = (Some("x".into()), None),
        ];
        for spoil in faulty {
            let mut bad = row();
            spoil(&mut bad);
            assert!(bad.fault().is_some(), "{bad:?}");
        }
    }
}
