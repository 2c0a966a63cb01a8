//! Furnishing a home for Claude Code: no dialog at its start, its hooks, its prompt, and nothing that calls out.

use super::home::Home;
use super::{Furniture, Seating, transcript};
use crate::domain::failure::{Doing as _, Failure};
use serde_json::{Map, Value, json};

/// As many of a key's last characters as the client remembers an approval by.
const KEY_END: usize = 20;
/// A waiter for mail lives as long as the client lets it: a day.
const WAITER_SECONDS: u32 = 86_400;
const STARTER_SECONDS: u32 = 10;
/// Longer than the guard itself waits for the supervisor.
const GUARD_SECONDS: u32 = 120;

/// No updates, reports or downloads from inside; and the wall is around this process already.
const QUIET: [(&str, &str); 6] = [
    ("DISABLE_AUTOUPDATER", "1"),
    ("DISABLE_TELEMETRY", "1"),
    ("DISABLE_ERROR_REPORTING", "1"),
    ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
    ("CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL", "1"),
    ("IS_SANDBOX", "1"),
];

pub(super) fn furnish(home: &Home, seating: &Seating<'_>, furniture: &mut Furniture) -> Result<(), Failure> {
    let folder = home.folder(".claude")?;
    // There from the beginning, so that it can be watched.
    folder.folder("sessions")?;
    change(&folder, ".claude.json", |state| remember(state, seating))?;
    change(&folder, "settings.json", |settings| set(settings, seating))?;
    let quiet = QUIET.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    furniture.env.extend(quiet);
    furniture.env.insert("CLAUDE_CONFIG_DIR".to_owned(), format!("{}/.claude", seating.home_inside));
    furniture.args.extend(["--permission-mode", mode(seating), "--append-system-prompt", seating.prompt].map(str::to_owned));
    home.folder(".orchestrate")?.write("mcp.json", &server(seating)?)?;
    // With its value in the same word: alone it would take the words after it for files.
    furniture.args.push(format!("--mcp-config={}/.orchestrate/mcp.json", seating.home_inside));
    let session = seating.again.and_then(|again| Some((again, transcript::newest(&folder, seating.clone_inside)?)));
    furniture.args.extend(session.iter().flat_map(|(_, id)| ["--resume".to_owned(), id.clone()]));
    let first = session.map_or(seating.first, |(again, _)| again);
    if !first.is_empty() {
        furniture.args.extend(["--", first].map(str::to_owned));
    }
    Ok(())
}

/// Behind walls the guard has to say yes to each tool, and without its word the answer is no. Without walls the settings are the seat's own.
fn mode(seating: &Seating<'_>) -> &'static str {
    if seating.managed { "dontAsk" } else { "bypassPermissions" }
}

pub(super) fn managed(binary_inside: &str) -> String {
    let guard = json!({"type": "command", "command": binary_inside, "args": ["hook", "guard"], "timeout": GUARD_SECONDS});
    let permissions = json!({"defaultMode": "dontAsk", "disableBypassPermissionsMode": "disable"});
    json!({"permissions": permissions, "hooks": {"PreToolUse": [{"hooks": [guard]}]}}).to_string()
}

/// The workshop's own tools; a server that is named on the command line is asked nobody about.
fn server(seating: &Seating<'_>) -> Result<Vec<u8>, Failure> {
    let server = json!({"command": seating.binary_inside, "args": ["mcp"], "alwaysLoad": true});
    serde_json::to_vec_pretty(&json!({"mcpServers": {"orchestrate": server}})).doing("cannot write the agent's settings")
}

/// Changes a JSON file and keeps what else it says.
fn change(folder: &Home, name: &str, change: impl FnOnce(&mut Map<String, Value>)) -> Result<(), Failure> {
    let mut fields = match folder.read(name)? {
        None => Map::new(),
        Some(bytes) => match serde_json::from_slice(&bytes) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) | Err(_) => {
                folder.aside(name)?;
                Map::new()
            }
        },
    };
    change(&mut fields);
    let text = serde_json::to_vec_pretty(&fields).doing("cannot write the agent's settings")?;
    folder.write(name, &text)
}

/// Answers beforehand what the client would ask: welcome, trust in the folder, the key.
fn remember(state: &mut Map<String, Value>, seating: &Seating<'_>) {
    state.insert("hasCompletedOnboarding".to_owned(), json!(true));
    let project = inner(inner(state, "projects"), seating.clone_inside);
    project.insert("hasTrustDialogAccepted".to_owned(), json!(true));
    let Some(key) = seating.credentials.get("ANTHROPIC_API_KEY") else { return };
    let skipped = key.chars().count().saturating_sub(KEY_END);
    let end: String = key.chars().skip(skipped).collect();
    let responses = inner(state, "customApiKeyResponses");
    responses.insert("approved".to_owned(), json!([end]));
    responses.insert("rejected".to_owned(), json!([]));
}

/// The object in a field; whatever else stands there gives way to one.
fn inner<'m>(fields: &'m mut Map<String, Value>, name: &str) -> &'m mut Map<String, Value> {
    let field = fields.entry(name).or_insert_with(|| json!({}));
    if !field.is_object() {
        *field = json!({});
    }
    field.as_object_mut().expect("it was made an object above")
}

fn set(settings: &mut Map<String, Value>, seating: &Seating<'_>) {
    settings.insert("skipDangerousModePermissionPrompt".to_owned(), json!(true));
    inner(settings, "permissions").insert("defaultMode".to_owned(), json!(mode(seating)));
    let hook = |name: &str| json!({"type": "command", "command": seating.binary_inside, "args": ["hook", name]});
    let with = |mut hook: Value, more: Value| {
        if let (Some(hook), Value::Object(more)) = (hook.as_object_mut(), more) {
            hook.extend(more);
        }
        hook
    };
    let starter = with(hook("session-start"), json!({"timeout": STARTER_SECONDS}));
    let waiter = with(
        hook("mail-waiter"),
        json!({"asyncRewake": true, "timeout": WAITER_SECONDS, "rewakeMessage": "Mail from the workshop:", "rewakeSummary": "mail from the workshop"}),
    );
    // A conversation that was cleared knows nothing of the mail that it was shown.
    let again = with(waiter.clone(), json!({"args": ["hook", "mail-waiter", "again"]}));
    let hooks = inner(settings, "hooks");
    let starts = vec![json!({"hooks": [starter, waiter]}), json!({"matcher": "clear", "hooks": [again]})];
    ours(hooks, "SessionStart", starts, seating.binary_inside);
    ours(hooks, "Stop", vec![json!({"hooks": [waiter]})], seating.binary_inside);
}

/// Puts our hooks of an event once beside those that are there already.
fn ours(hooks: &mut Map<String, Value>, event: &str, new: Vec<Value>, binary: &str) {
    let is_ours = |group: &Value| group["hooks"].as_array().is_some_and(|hooks| hooks.iter().any(|hook| hook["command"] == binary));
    let kept = hooks.get(event).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut groups: Vec<Value> = kept.into_iter().filter(|group| !is_ours(group)).collect();
    groups.extend(new);
    hooks.insert(event.to_owned(), Value::Array(groups));
}
