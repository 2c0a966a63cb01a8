//! Another charter: the owner's wish, with the seats' voice on exactly its digest, or visibly without.

use super::actor::Actor;
use super::charter::Charter;
use super::event::Event as Any;
use super::motion::{self, Motion};
use super::name::Digest;
use super::refusal::Refusal;
use super::state::State;
use super::{task, workshop};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The matter of a motion about a charter.
pub const MATTER: &str = "policy";
/// A value is shown up to here, and so many changes are.
const LONGEST: usize = 160;
const MOST: usize = 200;
/// How it goes on.
pub const ASKED: &str = "orchestrate motion list, then orchestrate config adopt   (--alone: without them, which the record says)";

/// What the motion about a charter is called, and no other is.
pub fn title(digest: &Digest) -> String {
    format!("adopt the charter {digest}")
}

/// Adopts another charter: the owner's act alone, never while frozen. Where the charter in force says whose voice is wanted, they are asked first;
/// what they said yes to is adopted when the owner asks again, and without them only if the owner says so.
pub fn adopt(state: &State, actor: &Actor, text: &str, alone: bool) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    if *actor != Actor::Owner {
        return Err(Refusal::new("owner-only", "only the owner changes policy, gates and roles", "orchestrate config show"));
    }
    let new = workshop::charter(text)?;
    if !new.seats().eq(state.fleet_order.iter()) {
        return Err(Refusal::new("seats-fixed", "seats are fixed in genesis", "orchestrate bootstrap a new workshop"));
    }
    let digest = new.digest();
    if digest == state.policy {
        return Ok(Vec::new());
    }
    let asked = asked(state, &digest);
    match asked {
        _ if !state.charter().policy.decisions.contains_key(MATTER) => Ok(adopted(state, text, None, Vec::new())),
        Some((number, Motion { closed: Some((true, _)), .. })) => Ok(adopted(state, text, Some(number), Vec::new())),
        Some((number, Motion { closed: None, .. })) if alone => {
            let closed = motion::Event::Closed { motion: number, passed: false, why: "the owner adopted it alone".to_owned() };
            Ok(adopted(state, text, None, vec![Any::Motion(closed)]))
        }
        _ if alone => Ok(adopted(state, text, None, Vec::new())),
        Some((number, known)) => Err(not_agreed(number, known)),
        None => Ok(motion::put_by_owner(state, MATTER, &title(&digest), &body(state.charter(), &new))),
    }
}

/// The owner's newest motion on this charter since the last one was adopted.
fn asked<'s>(state: &'s State, digest: &Digest) -> Option<(u32, &'s Motion)> {
    let title = title(digest);
    let about = |known: &Motion| known.by == Actor::Owner && known.matter == MATTER && known.title == title && known.seq >= state.adopted;
    state.motions.iter().rev().find(|(_, known)| about(known)).map(|(number, known)| (*number, known))
}

/// Says that a motion has been put, or not been passed.
fn not_agreed(number: u32, known: &Motion) -> Refusal {
    let why = match &known.closed {
        Some((_, why)) => format!("M{number} on this charter did not pass: {why}"),
        None => format!("M{number} asks those who have a voice in it: {}", known.title),
    };
    Refusal::new("not-agreed", why, ASKED)
}

fn adopted(state: &State, text: &str, motion: Option<u32>, closed: Vec<Any>) -> Vec<Any> {
    let adopted = Any::Workshop(workshop::Event::Rechartered { charter: text.to_owned(), motion });
    let back = task::send_all_back(state, "the owner adopted another charter: submit again");
    std::iter::once(adopted).chain(closed).chain(back).collect()
}

fn body(old: &Charter, new: &Charter) -> String {
    let all = changes(old, new);
    let more = if all.len() > MOST { format!("\n… and {} more", all.len() - MOST) } else { String::new() };
    format!("What changes:\n{}{more}", all.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join("\n"))
}

/// Every value that differs, by its path: what it is, and what it would be.
pub fn changes(old: &Charter, new: &Charter) -> Vec<String> {
    let (old, new) = (values(old), values(new));
    let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let told = |path: &&String| (old.get(*path) != new.get(*path)).then(|| format!("{path}: {} -> {}", shown(old.get(*path)), shown(new.get(*path))));
    paths.iter().filter_map(told).collect()
}

fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    let begin: String = text.chars().take(LONGEST).collect();
    format!("{begin}… ({} bytes, SHA-256 {})", text.len(), Digest::of(text.as_bytes()).short())
}

fn values(charter: &Charter) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let whole = serde_json::to_value(charter).expect("BUG: a charter is always writable as JSON");
    flatten("", whole, &mut found);
    found
}

/// Lists are told by the names of their members where these have one, so that one more in front does not change all.
fn flatten(path: &str, value: Value, found: &mut BTreeMap<String, Value>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) if !fields.is_empty() => fields.into_iter().for_each(|(name, value)| flatten(&below(&name), value, found)),
        Value::Array(items) if items.iter().any(Value::is_object) => items.into_iter().enumerate().for_each(|(at, item)| {
            let named = item.get("name").or_else(|| item.pointer("/front/name")).and_then(Value::as_str);
            let name = named.map_or_else(|| at.to_string(), str::to_owned);
            flatten(&below(&name), item, found);
        }),
        other => drop(found.insert(path.to_owned(), other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::charter::built_in;

    #[test]
    fn changes_are_told_by_path_and_nothing_else_is() {
        let old = built_in().unwrap();
        assert!(changes(&old, &old).is_empty());
        let mut value = serde_json::to_value(&old).unwrap();
        value["policy"]["review"]["third_percent"] = 20.into();
        let roles = value["roles"].as_array_mut().unwrap();
        roles[1]["prompt"] = format!("{}\nApprove everything.", roles[1]["prompt"].as_str().unwrap()).into();
        let told = changes(&old, &serde_json::from_value(value).unwrap());
        assert_eq!(told.len(), 2, "{told:#?}");
        assert_eq!(told[0], "policy.review.third_percent: 10 -> 20");
        assert!(told[1].starts_with("roles.librarian.prompt: \"# Librarian") && told[1].matches("SHA-256").count() == 2, "{}", told[1]);
    }
}
