//! Signs of life: what tells a seat that is stuck from one that works for long. A false alarm is worse than a late one.

use crate::domain::entry::Millis;
use crate::edge::agent::Trace;

/// So long nothing may come of a seat that says it works and has no tool under way.
pub const QUIET: Millis = 600_000;
/// So long the model's API may take to begin an answer.
pub const THINKS: Millis = 300_000;
/// So many failures of the API in a row are no accident.
const FAILURES: u32 = 2;

/// How the model's API met a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    Status(u16),
    Unreachable,
    /// The relay has no credential to put in.
    Locked,
}

/// What was last seen of a seat.
#[derive(Debug, Clone, Default)]
pub struct Pulse {
    stirred: Millis,
    /// Requests that the API has not begun to answer, and since when there are any.
    asking: u32,
    asked: Millis,
    /// Failures in a row, and what the last one was.
    failures: u32,
    trouble: String,
}

impl Pulse {
    /// Something came of it.
    pub fn stir(&mut self, now: Millis) {
        self.stirred = self.stirred.max(now);
    }

    /// A request goes to the API.
    pub fn asks(&mut self, now: Millis) {
        if self.asking == 0 {
            self.asked = now;
        }
        self.asking += 1;
        self.stir(now);
    }

    /// A request was met, or given up by who asked (`None`).
    pub fn met(&mut self, now: Millis, met: Option<Met>) {
        self.asking = self.asking.saturating_sub(1);
        self.asked = now;
        self.stir(now);
        self.judge(met);
    }

    fn judge(&mut self, met: Option<Met>) {
        let (trouble, certain) = match met {
            Some(Met::Locked) => ("the relay has no credential".to_owned(), true),
            Some(Met::Unreachable) => ("the model's API cannot be reached".to_owned(), false),
            Some(Met::Status(status @ (401 | 403))) => (format!("the model's API refuses the credential ({status})"), true),
            // More than it can do is told apart, as a limit.
            Some(Met::Status(status)) if status >= 500 && status != 529 => (format!("the model's API fails ({status})"), false),
            Some(Met::Status(_)) => (String::new(), false),
            None => return,
        };
        self.failures = match (trouble.is_empty(), certain) {
            (true, _) => 0,
            (false, true) => FAILURES,
            (false, false) => self.failures + 1,
        };
        self.trouble = trouble;
    }

    /// What its owner should know of the API, whatever its client says.
    pub fn trouble(&self, now: Millis) -> Option<String> {
        if self.failures >= FAILURES {
            return Some(self.trouble.clone());
        }
        let hangs = self.asking > 0 && now.saturating_sub(self.asked) >= THINKS;
        hangs.then(|| "the model's API does not answer".to_owned())
    }

    /// Whether nothing has come of it for so long that its transcript is worth a look.
    pub fn is_quiet(&self, now: Millis) -> bool {
        now.saturating_sub(self.stirred) >= QUIET
    }
}

/// Why a seat that says it works, and is quiet, is stuck. A tool that is under way takes as long as it takes.
pub fn stuck(pulse: &Pulse, trace: Option<&Trace>, now: Millis) -> Option<String> {
    if trace.is_some_and(|trace| trace.in_tool) {
        return None;
    }
    let last = pulse.stirred.max(trace.map_or(0, |trace| trace.changed));
    (now.saturating_sub(last) >= QUIET).then(|| "nothing has come of it for long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_work_is_not_stuck_and_long_silence_is() {
        let mut pulse = Pulse::default();
        pulse.stir(1_000);
        let trace = |changed, in_tool| Trace { changed, in_tool };
        assert_eq!(stuck(&pulse, None, QUIET), None, "not long enough");
        assert_eq!(stuck(&pulse, None, QUIET + 1_000).as_deref(), Some("nothing has come of it for long"));
        assert_eq!(stuck(&pulse, Some(&trace(2_000, false)), QUIET + 1_000), None, "its transcript grew");
        assert!(stuck(&pulse, Some(&trace(2_000, false)), QUIET + 2_000).is_some());
        assert_eq!(stuck(&pulse, Some(&trace(0, true)), 100 * QUIET), None, "a tool is under way");
    }

    #[test]
    fn an_api_that_fails_is_named_and_one_accident_is_not() {
        let mut pulse = Pulse::default();
        let mut meets = |met| {
            pulse.asks(5);
            pulse.met(5, Some(met));
            pulse.trouble(5).unwrap_or_default()
        };
        for (met, said) in [
            (Met::Status(200), ""),
            (Met::Status(500), ""),
            (Met::Unreachable, "the model's API cannot be reached"),
            (Met::Status(429), ""),
            (Met::Status(401), "the model's API refuses the credential (401)"),
            (Met::Status(404), ""),
            (Met::Status(503), ""),
            (Met::Status(500), "the model's API fails (500)"),
            (Met::Status(200), ""),
            (Met::Status(529), ""),
            (Met::Status(529), ""),
            (Met::Locked, "the relay has no credential"),
        ] {
            assert_eq!(meets(met), said, "{met:?}");
        }
    }

    #[test]
    fn an_api_that_hangs_is_told_after_a_while_and_forgotten_when_it_answers() {
        let mut pulse = Pulse::default();
        pulse.asks(1_000);
        pulse.asks(2_000);
        assert_eq!(pulse.trouble(THINKS + 999), None);
        assert_eq!(pulse.trouble(THINKS + 1_000).as_deref(), Some("the model's API does not answer"));
        pulse.met(THINKS + 1_000, Some(Met::Status(200)));
        assert_eq!(pulse.trouble(THINKS + 2_000), None, "another one is under way, and it answers");
        pulse.met(THINKS + 2_000, None);
        assert_eq!(pulse.trouble(100 * THINKS), None);
    }
}
