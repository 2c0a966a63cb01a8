//! Tokens and money: what the relay saw the model's API answer, by seat, task and day; and where the owner's limits are.

use super::entry::Millis;
use super::event::Event as Any;
use super::fleet;
use super::message;
use super::name::{SeatName, TaskId};
use super::policy::Invalid;
use super::refusal::Refusal;
use super::state::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A day as limits count it: of UTC.
const DAY: Millis = 86_400_000;
/// Millionths of a dollar in a cent.
const CENT: u64 = 10_000;

/// What was used, by the kinds that are priced apart, and its price in millionths of a dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write: u64,
    pub micros: u64,
}

impl Used {
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    pub fn tokens(&self) -> u64 {
        [self.output, self.cache_read, self.cache_write].into_iter().fold(self.input, u64::saturating_add)
    }

    pub fn add(&mut self, more: &Self) {
        self.input = self.input.saturating_add(more.input);
        self.output = self.output.saturating_add(more.output);
        self.cache_read = self.cache_read.saturating_add(more.cache_read);
        self.cache_write = self.cache_write.saturating_add(more.cache_write);
        self.micros = self.micros.saturating_add(more.micros);
    }

    fn with(mut self, more: &Self) -> Self {
        self.add(more);
        self
    }
}

/// Cents for a million tokens of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    pub input: u32,
    pub output: u32,
    pub cache_read: u32,
    pub cache_write: u32,
}

/// The section `spending` of the policy; a charter without it sets no limit. 0 is no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    pub seat_tokens_per_day: u64,
    pub tokens_per_day: u64,
    pub seat_cents_per_day: u64,
    pub cents_per_day: u64,
    /// By the beginning of a model's name; the longest that fits counts.
    pub prices: BTreeMap<String, Price>,
}

impl Terms {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub fn limited(&self) -> bool {
        [self.seat_tokens_per_day, self.tokens_per_day, self.seat_cents_per_day, self.cents_per_day].iter().any(|limit| *limit > 0)
    }

    /// Fills in what these tokens of a model cost; nothing where the owner gave no price.
    pub fn priced(&self, model: &str, used: Used) -> Used {
        let fits = self.prices.iter().filter(|(name, _)| model.starts_with(name.as_str())).max_by_key(|(name, _)| name.len());
        let price = fits.map(|(_, price)| *price).unwrap_or_default();
        let cost = |tokens: u64, cents: u32| tokens.saturating_mul(cents.into()) / 100;
        let micros = cost(used.input, price.input) + cost(used.output, price.output);
        Used { micros: micros + cost(used.cache_read, price.cache_read) + cost(used.cache_write, price.cache_write), ..used }
    }

    pub fn check(&self) -> Result<(), Invalid> {
        let wants_prices = self.seat_cents_per_day + self.cents_per_day > 0;
        if wants_prices && self.prices.is_empty() {
            return Err(Invalid::new("spending.prices", "a limit in money needs prices"));
        }
        Ok(())
    }
}

/// What has been used so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Spending {
    pub seats: BTreeMap<SeatName, Used>,
    pub tasks: BTreeMap<TaskId, Used>,
    /// What seats used beside the relay, by their own transcripts: no limit rests on it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub told: BTreeMap<SeatName, Used>,
    /// The day of the newest use, and what was used on it.
    day: u64,
    today: BTreeMap<SeatName, Used>,
}

impl Spending {
    pub fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// What a seat has used on the day of this moment.
    pub fn today(&self, seat: &SeatName, now: Millis) -> Used {
        self.today.get(seat).copied().filter(|_| self.day == now / DAY).unwrap_or_default()
    }

    /// What all seats have used on the day of this moment.
    pub fn all_today(&self, now: Millis) -> Used {
        let seats = self.today.values().filter(|_| self.day == now / DAY);
        seats.fold(Used::default(), |sum, used| sum.with(used))
    }

    fn take(&mut self, seat: &SeatName, task: Option<TaskId>, used: &Used, now: Millis) {
        if self.day != now / DAY {
            (self.day, self.today) = (now / DAY, BTreeMap::new());
        }
        self.seats.entry(seat.clone()).or_default().add(used);
        self.today.entry(seat.clone()).or_default().add(used);
        if let Some(task) = task {
            self.tasks.entry(task).or_default().add(used);
        }
    }
}

/// A limit that is reached: whose, and which.
struct Reached {
    whole: bool,
    why: String,
}

fn reached(terms: &Terms, seat: &SeatName, own: &Used, all: &Used) -> Option<Reached> {
    let over = |limit: u64, used: u64| limit > 0 && used >= limit;
    let money = |cents: u64| format!("${}.{:02}", cents / 100, cents % 100);
    let (whole, why) = match () {
        () if over(terms.tokens_per_day, all.tokens()) => (true, format!("all seats together used {} tokens today", terms.tokens_per_day)),
        () if over(terms.cents_per_day, all.micros / CENT) => (true, format!("all seats together used {} today", money(terms.cents_per_day))),
        () if over(terms.seat_tokens_per_day, own.tokens()) => (false, format!("{seat} used {} tokens today", terms.seat_tokens_per_day)),
        () if over(terms.seat_cents_per_day, own.micros / CENT) => (false, format!("{seat} used {} today", money(terms.seat_cents_per_day))),
        () => return None,
    };
    Some(Reached { whole, why })
}

/// Says no where the owner's limit for the day is reached; nothing is ended, and the next day goes on.
pub fn open(state: &State, seat: &SeatName, now: Millis) -> Result<(), Refusal> {
    let (own, all) = (state.spending.today(seat, now), state.spending.all_today(now));
    match reached(&state.charter().policy.spending, seat, &own, &all) {
        None => Ok(()),
        Some(reached) => Err(Refusal::new("spent-out", format!("{}: it goes on tomorrow (UTC), or when the owner says so", reached.why), "orchestrate status")),
    }
}

/// The pause that this use brings about, told to the owner once.
pub fn crossed(state: &State, now: Millis, seat: &SeatName, used: &Used) -> Vec<Any> {
    let terms = &state.charter().policy.spending;
    let (own, all) = (state.spending.today(seat, now), state.spending.all_today(now));
    let Some(after) = reached(terms, seat, &own.with(used), &all.with(used)) else { return Vec::new() };
    if reached(terms, seat, &own, &all).is_some_and(|before| before.whole || !after.whole) {
        return Vec::new();
    }
    let who = if after.whole { "every seat".to_owned() } else { seat.to_string() };
    let paused = Any::Fleet(fleet::Event::Paused { seat: (!after.whole).then(|| seat.clone()), why: after.why.clone() });
    let text = format!("{}: the relay lets nothing more through for {who} until tomorrow (UTC). Work, mail and locks stay.\n\nMore: [spending] in config.toml, then orchestrate config adopt\n", after.why);
    std::iter::once(paused).chain(message::notice_owner(state, now, &format!("{who} is paused: the day's limit is reached"), &text, None)).collect()
}

/// Adds what a seat's own transcripts tell.
pub fn tell(state: &mut State, seat: &SeatName, told: &Used) {
    if !told.is_nothing() {
        state.spending.told.entry(seat.clone()).or_default().add(told);
    }
}

/// Adds what a seat used to its sums, and to the task that it took last and that is under way.
pub fn apply(state: &mut State, time: Millis, seat: &SeatName, used: &Used) {
    if used.is_nothing() {
        return;
    }
    let own = state.tasks.iter().filter(|(_, task)| task.author.as_ref() == Some(seat) && task.merged.is_none() && task.veto.is_none());
    let task = own.max_by_key(|(_, task)| task.opened).map(|(id, _)| id.clone());
    state.spending.take(seat, task, used, time);
}
