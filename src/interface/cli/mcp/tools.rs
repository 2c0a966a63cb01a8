//! Which commands are tools. Name and arguments of each come from the command's own definition, so that the two stay equal.

use crate::interface::cli::tree;
use clap::ArgAction;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};
use std::sync::Arc;

/// A command as a tool.
pub struct Offer {
    pub name: &'static str,
    /// The command's words.
    pub path: &'static [&'static str],
    /// Arguments that only a person at a terminal can use.
    without: &'static [&'static str],
    /// Arguments that a person may type instead, and a program must give.
    needs: &'static [&'static str],
    reads: bool,
}

const fn reads(name: &'static str, path: &'static [&'static str]) -> Offer {
    Offer { name, path, without: &[], needs: &[], reads: true }
}

const fn acts(name: &'static str, path: &'static [&'static str]) -> Offer {
    Offer { name, path, without: &[], needs: &[], reads: false }
}

pub const TOOLS: &[Offer] = &[
    reads("whoami", &["whoami"]),
    reads("status", &["status"]),
    reads("inbox", &["mail", "inbox"]),
    reads("read", &["mail", "read"]),
    Offer { without: &["body_file", "from"], needs: &["body"], ..acts("send", &["mail", "send"]) },
    acts("ack", &["mail", "ack"]),
    reads("wait", &["mail", "wait"]),
    reads("tasks", &["task", "list"]),
    reads("task", &["task", "show"]),
    Offer { without: &["body_file"], ..acts("open", &["task", "open"]) },
    acts("take", &["task", "take"]),
    acts("release", &["task", "release"]),
    Offer { without: &["wait"], ..acts("submit", &["task", "submit"]) },
    acts("retry", &["task", "retry"]),
    acts("veto", &["task", "veto"]),
    Offer { without: &["wait"], ..reads("gate", &["gate", "show"]) },
    reads("reviews", &["review", "list"]),
    reads("review", &["review", "show"]),
    acts("approve", &["review", "approve"]),
    acts("reject", &["review", "reject"]),
    acts("withdraw", &["review", "withdraw"]),
    reads("motions", &["motion", "list"]),
    acts("move", &["motion", "open"]),
    acts("yes", &["motion", "yes"]),
    acts("no", &["motion", "no"]),
    reads("locks", &["lock", "list"]),
    reads("lock_why", &["lock", "why"]),
    Offer { without: &["wait", "seconds"], ..acts("lock", &["lock", "acquire"]) },
    Offer { without: &["seat"], ..acts("unlock", &["lock", "release"]) },
    acts("freeze", &["freeze"]),
    reads("explain", &["explain"]),
];

pub fn all() -> Vec<Tool> {
    let mut tree = tree();
    tree.build();
    TOOLS.iter().filter_map(|offer| Some(tool(offer, command(&tree, offer)?))).collect()
}

fn command<'c>(tree: &'c clap::Command, offer: &Offer) -> Option<&'c clap::Command> {
    offer.path.iter().try_fold(tree, |command, word| command.find_subcommand(word))
}

fn tool(offer: &Offer, command: &clap::Command) -> Tool {
    let about = command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string).unwrap_or_default();
    let about = about.split("\nExample: ").next().unwrap_or_default().trim().to_owned();
    let mut properties = JsonObject::new();
    let mut required = Vec::new();
    for arg in offered(offer, command) {
        let name = arg.get_id().to_string();
        if arg.is_required_set() || offer.needs.contains(&name.as_str()) {
            required.push(Value::from(name.clone()));
        }
        properties.insert(name, schema(arg));
    }
    let schema = json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    let schema = if let Value::Object(schema) = schema { schema } else { JsonObject::new() };
    Tool::new(offer.name, about, Arc::new(schema)).with_annotations(ToolAnnotations::new().read_only(offer.reads).open_world(false))
}

fn offered<'c>(offer: &'c Offer, command: &'c clap::Command) -> impl Iterator<Item = &'c clap::Arg> {
    let own = |arg: &&clap::Arg| !arg.is_global_set() && !["help", "version"].contains(&arg.get_id().as_str());
    command.get_arguments().filter(own).filter(|arg| !offer.without.contains(&arg.get_id().as_str()))
}

fn many(arg: &clap::Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append) || arg.get_num_args().is_some_and(|count| count.max_values() > 1)
}

fn flag(arg: &clap::Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

fn schema(arg: &clap::Arg) -> Value {
    let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let words: Vec<String> = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let one = match () {
        () if flag(arg) => json!({"type": "boolean"}),
        () if !words.is_empty() => json!({"type": "string", "enum": words}),
        () => json!({"type": "string"}),
    };
    let mut schema = if many(arg) { json!({"type": "array", "items": one}) } else { one };
    schema["description"] = help.into();
    schema
}

/// The command line that a call means. No value of it can become an option, or ask for standard input, which is the protocol's.
pub fn line(offer: &Offer, given: &JsonObject) -> Result<Vec<String>, String> {
    let mut tree = tree();
    tree.build();
    let command = command(&tree, offer).ok_or_else(|| format!("BUG: there is no command {}", offer.path.join(" ")))?;
    let args: Vec<&clap::Arg> = offered(offer, command).collect();
    let known = |name: &String| args.iter().any(|arg| arg.get_id().as_str() == name);
    if let Some(odd) = given.keys().find(|name| !known(name)) {
        return Err(format!("{} has no argument {odd:?}", offer.name));
    }
    if let Some(missing) = offer.needs.iter().find(|name| !given.contains_key(**name)) {
        return Err(format!("{} wants the argument {missing:?}", offer.name));
    }
    let mut words: Vec<String> = offer.path.iter().map(|word| (*word).to_owned()).collect();
    let mut last = vec!["--".to_owned()];
    for arg in args {
        let Some(value) = given.get(arg.get_id().as_str()).filter(|value| !value.is_null()) else { continue };
        if flag(arg) {
            let name = arg.get_long().unwrap_or_default();
            words.extend((value == true).then(|| format!("--{name}")));
            continue;
        }
        for text in texts(arg, value)? {
            match arg.get_long() {
                Some(name) if !arg.is_positional() => words.push(format!("--{name}={text}")),
                _ => last.push(text),
            }
        }
    }
    words.extend(last);
    Ok(words)
}

fn texts(arg: &clap::Arg, value: &Value) -> Result<Vec<String>, String> {
    let name = arg.get_id();
    let text = |value: &Value| match value {
        Value::String(text) if text == "-" => Err(format!("{name}: a single dash is no text")),
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(format!("{name} is a text")),
    };
    match value {
        Value::Array(values) if many(arg) => values.iter().map(text).collect(),
        one => Ok(vec![text(one)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, given: Value) -> Result<String, String> {
        let offer = TOOLS.iter().find(|offer| offer.name == name).unwrap();
        line(offer, given.as_object().unwrap()).map(|words| words.join(" "))
    }

    #[test]
    fn every_tool_is_a_command_with_words_for_each_argument() {
        let tools = all();
        assert_eq!(tools.len(), TOOLS.len(), "each is a command of the tree");
        for tool in &tools {
            assert!(tool.description.as_ref().is_some_and(|about| !about.is_empty() && !about.contains("Example:")), "{}", tool.name);
        }
        let mut tree = tree();
        tree.build();
        for offer in TOOLS {
            let command = command(&tree, offer).unwrap();
            let ids: Vec<&str> = command.get_arguments().map(|arg| arg.get_id().as_str()).collect();
            assert!(offer.without.iter().chain(offer.needs).all(|name| ids.contains(name)), "{}: {ids:?}", offer.name);
        }
        let send = tools.iter().find(|tool| tool.name == "send").unwrap();
        let schema = Value::Object((*send.input_schema).clone());
        assert_eq!(schema["properties"]["to"]["type"], "array");
        assert_eq!(schema["properties"]["priority"]["enum"], json!(["low", "normal", "high", "critical"]));
        assert_eq!(schema["required"], json!(["to", "subject", "body"]));
        assert!(schema["properties"]["from"].is_null());
    }

    #[test]
    fn a_call_is_a_command_line_in_which_no_value_becomes_an_option() {
        let sent =
            call("send", json!({"to": ["dev-a", "--from=owner"], "subject": "--json", "body": "--body-file /etc/passwd", "task": null}));
        assert_eq!(sent.unwrap(), "mail send --subject=--json --body=--body-file /etc/passwd -- dev-a --from=owner");
        assert_eq!(call("inbox", json!({"all": true})).unwrap(), "mail inbox --all --");
        assert_eq!(call("take", json!({"task": "-C"})).unwrap(), "task take -- -C");
        for (name, given) in [
            ("send", json!({"to": ["dev-a"], "subject": "s", "body": "-"})),
            ("send", json!({"to": ["dev-a"], "subject": "s"})),
            ("send", json!({"to": ["dev-a"], "subject": "s", "body": "b", "from": "owner"})),
            ("send", json!({"to": "dev-a", "subject": {}, "body": "b"})),
            ("approve", json!({"task": "T1", "note": "-"})),
            ("whoami", json!({"repo": "/"})),
        ] {
            assert!(call(name, given.clone()).is_err(), "{name} {given}");
        }
    }
}
