//! Refusals as SARIF 2.1.0, for tools that collect findings.

use crate::domain::actor::Actor;
use crate::domain::entry::Entry;
use crate::domain::event::Event;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One run with a result for each refusal; `meanings` says what each code means.
pub fn sarif(entries: &[Entry], meanings: &[(&str, &str)]) -> Value {
    let refused: Vec<(&Entry, &crate::domain::refusal::Refused)> =
        entries.iter().filter_map(|entry| if let Event::Refused(refused) = &entry.event { Some((entry, refused)) } else { None }).collect();
    let codes: BTreeSet<&str> = refused.iter().map(|(_, refused)| refused.refusal.code.as_str()).collect();
    let rule = |code: &&str| {
        let meaning = meanings.iter().find(|(known, _)| known == code).map_or("", |(_, meaning)| meaning);
        json!({"id": code, "shortDescription": {"text": if meaning.is_empty() { *code } else { meaning }}})
    };
    let rules: Vec<Value> = codes.iter().map(rule).collect();
    let driver = json!({"name": "orchestrate", "version": env!("CARGO_PKG_VERSION"), "rules": rules});
    let results: Vec<Value> = refused.iter().map(|(entry, refused)| result(entry, refused)).collect();
    json!({"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]})
}

fn result(entry: &Entry, refused: &crate::domain::refusal::Refused) -> Value {
    let refusal = &refused.refusal;
    let level = if matches!(entry.by, Actor::Seat(_)) { "warning" } else { "note" };
    let place = json!({"logicalLocations": [{"name": refused.on, "fullyQualifiedName": format!("{}/{}", refused.verb, refused.on), "kind": "resource"}]});
    json!({
        "ruleId": refusal.code, "level": level,
        "message": {"text": format!("{} refused to {}: {} ({})", refused.verb, entry.by, refusal.why, refusal.hint)},
        "locations": [place],
        "properties": {"entry": entry.seq, "time": entry.time, "by": entry.by.to_string(), "verb": refused.verb},
    })
}
