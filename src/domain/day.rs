//! Calendar days in a stated time zone, by the zone rules that the program itself carries.

use super::entry::Millis;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

/// A time zone by its IANA name; the rules are built in, so that every machine cuts the same day alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

/// A stretch of time: from its first millisecond to the first that is no part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// `2026-11-20`, or `2026-11-14 to 2026-11-20`.
    pub name: String,
    pub zone: String,
    pub from: Millis,
    pub until: Millis,
}

impl Zone {
    /// The zone of this name, in the one spelling that its rules have.
    pub fn named(name: &str) -> Result<Self, String> {
        let rules = TimeZoneDatabase::bundled()
            .get(name)
            .map_err(|_| format!("there is no time zone {name:?}; it is one such as Europe/Berlin"))?;
        let name = rules.iana_name().unwrap_or("UTC").to_owned();
        Ok(Self { name, rules })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The day on which a moment falls.
    pub fn date(&self, at: Millis) -> Date {
        self.zoned(at).date()
    }

    /// The day's own span: 23 or 25 hours where the clocks are changed, and empty where the zone left the day out.
    pub fn day(&self, date: Date) -> Result<Span, String> {
        self.days(date, date, date.to_string())
    }

    /// The seven days that end with this one.
    pub fn week(&self, last: Date) -> Result<Span, String> {
        let first = last.checked_sub(6.days()).map_err(|why| why.to_string())?;
        self.days(first, last, format!("{first} to {last}"))
    }

    fn days(&self, first: Date, last: Date, name: String) -> Result<Span, String> {
        let after = last.tomorrow().map_err(|why| why.to_string())?;
        Ok(Span { name, zone: self.name.clone(), from: self.begin(first)?, until: self.begin(after)? })
    }

    /// The first millisecond of a day; days before 1970 begin with it.
    fn begin(&self, date: Date) -> Result<Millis, String> {
        let begin = date.to_zoned(self.rules.clone()).and_then(|day| day.start_of_day()).map_err(|why| why.to_string())?;
        Ok(Millis::try_from(begin.timestamp().as_millisecond()).unwrap_or(0))
    }

    /// A moment as the zone's clocks show it, such as `2026-11-20 23:50 +01`.
    pub fn shown(&self, at: Millis) -> String {
        self.zoned(at).strftime("%Y-%m-%d %H:%M %Z").to_string()
    }

    /// The hour that the zone's clocks show.
    pub fn hour(&self, at: Millis) -> u8 {
        self.zoned(at).hour().unsigned_abs()
    }

    fn zoned(&self, at: Millis) -> jiff::Zoned {
        let at = i64::try_from(at).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
        at.unwrap_or(Timestamp::MAX).to_zoned(self.rules.clone())
    }
}

/// Reads `2026-11-20`, and no other spelling.
pub fn date(text: &str) -> Result<Date, String> {
    let odd = || format!("{text:?} is no day; it is written like 2026-11-20");
    let date: Date = text.parse().map_err(|_| odd())?;
    if date.to_string() == text { Ok(date) } else { Err(odd()) }
}

impl Span {
    pub fn holds(&self, at: Millis) -> bool {
        (self.from..self.until).contains(&at)
    }

    pub fn minutes(&self) -> u64 {
        (self.until - self.from) / 60_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(zone: &str, day: &str) -> u64 {
        Zone::named(zone).unwrap().day(date(day).unwrap()).unwrap().minutes()
    }

    #[test]
    fn days_are_as_long_as_the_zone_makes_them() {
        let rows = [
            ("UTC", "2026-03-29", 24 * 60),
            ("Europe/Berlin", "2026-03-28", 24 * 60),
            ("Europe/Berlin", "2026-03-29", 23 * 60),
            ("Europe/Berlin", "2026-10-25", 25 * 60),
            ("America/New_York", "2026-03-08", 23 * 60),
            ("America/New_York", "2026-11-01", 25 * 60),
            ("Australia/Lord_Howe", "2026-04-05", 24 * 60 + 30),
            ("Asia/Kathmandu", "2026-11-20", 24 * 60),
            ("Pacific/Apia", "2011-12-30", 0),
        ];
        for (zone, day, expected) in rows {
            assert_eq!(minutes(zone, day), expected, "{zone} {day}");
        }
    }

    #[test]
    fn days_follow_each_other_without_gap_or_overlap() {
        for name in ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Africa/Cairo", "Pacific/Apia", "Australia/Lord_Howe"] {
            let zone = Zone::named(name).unwrap();
            let mut day = date("2010-01-01").unwrap();
            for _ in 0..(20 * 366) {
                let (span, next) = (zone.day(day).unwrap(), zone.day(day.tomorrow().unwrap()).unwrap());
                assert_eq!(span.until, next.from, "{name} {day}");
                assert!(span.from == span.until || (zone.date(span.from) == day && zone.date(span.until - 1) == day), "{name} {day}");
                day = day.tomorrow().unwrap();
            }
        }
    }

    #[test]
    fn a_week_is_the_seven_days_that_end_with_the_named_one() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let week = zone.week(date("2026-10-25").unwrap()).unwrap();
        assert_eq!((week.name.as_str(), week.minutes()), ("2026-10-19 to 2026-10-25", 7 * 24 * 60 + 60));
    }

    #[test]
    fn what_is_no_zone_or_day_is_told() {
        assert_eq!(Zone::named("utc").unwrap().name(), "UTC");
        for bad in ["", "Mars/Olympus", "../etc/passwd", "CET-1CEST"] {
            assert!(Zone::named(bad).is_err(), "{bad}");
        }
        for bad in ["", "today", "2026-2-3", "2026-02-30", "20261120", "2026-11-20T00:00:00", "2026-11-20 "] {
            assert!(date(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn moments_are_shown_by_the_zones_own_clock() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        assert_eq!(zone.shown(1_795_218_649_999), "2026-11-21 00:50 CET");
        assert_eq!((zone.hour(1_795_218_649_999), zone.hour(0)), (0, 1));
    }
}
