//! Tasks as resources: how each stands, and what its gate waits for. They are what the commands say; reading changes nothing.

use crate::domain::name::TaskId;
use crate::interface::cli::quietly;
use crate::interface::exit::Exit;
use rmcp::model::{Resource, ResourceContents, ResourceTemplate};
use serde_json::{Value, json};
use std::path::PathBuf;

const SCHEME: &str = "orchestrate://task/";
const JSON: &str = "application/json";

pub fn templates() -> Vec<ResourceTemplate> {
    let about = "How a task stands, who has to move, and what its gate has measured and waits for.";
    vec![ResourceTemplate::new(format!("{SCHEME}{{task}}"), "task").with_description(about).with_mime_type(JSON)]
}

/// Every task that `task list` knows.
pub fn all(repo: Option<PathBuf>) -> Result<Vec<Resource>, Value> {
    let tasks = said(repo, &["task", "list"])?;
    let resource = |line: &Value| {
        let (task, title) = (line["task"].as_str()?, line["title"].as_str().unwrap_or_default());
        Some(Resource::new(format!("{SCHEME}{task}"), task).with_description(title).with_mime_type(JSON))
    };
    Ok(tasks.as_array().into_iter().flatten().filter_map(resource).collect())
}

/// One of them; `None` for what is no address of a task.
pub fn read(repo: Option<PathBuf>, uri: &str) -> Option<Result<ResourceContents, Value>> {
    let task = TaskId::new(uri.strip_prefix(SCHEME)?).ok()?;
    let both = said(repo.clone(), &["task", "show", task.as_str()]).and_then(|shown| {
        let gate = said(repo, &["gate", "show", task.as_str()])?;
        Ok(json!({"task": shown, "gate": gate}))
    });
    Some(both.map(|both| ResourceContents::text(both.to_string(), uri).with_mime_type(JSON)))
}

fn said(repo: Option<PathBuf>, words: &[&str]) -> Result<Value, Value> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    match quietly(repo, &words) {
        (Exit::Done, mut answer) => Ok(answer["done"].take()),
        (_, answer) => Err(answer),
    }
}
