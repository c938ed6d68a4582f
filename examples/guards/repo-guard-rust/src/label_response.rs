//! What is in a tool's answer, item by item.

use crate::host;
use crate::integrity::Level;
use crate::items::{self, Context};
use crate::labels::{to_json, LabeledPath, Labels, PathLabels};
use crate::mcp::{self, Unwrapped};
use crate::repository;
use crate::tools::{self, Args, Kind, Operation, Request};
use serde_json::Value;
use std::collections::BTreeSet;

/// Items beyond these get the default labels, which are the least trusted and the most private of all.
const LABELED_AT_MOST: usize = 100;

pub fn label(input: &[u8]) -> Result<Vec<u8>, String> {
    let request = Request::parse(input)?;
    let args = Args::parse(&request.tool_args);
    let tool = tools::find(&request.tool_name, &args);
    if tool.operation == Operation::Write || tool.kind == Kind::Unknown {
        host::debug(&format!("{}: no labels of its own", request.tool_name));
        return Ok(Vec::new());
    }
    let full_name = args.full_name().or_else(|| only_repository(&args));
    let context = Context {
        kind: tool.kind,
        repository: full_name.as_deref(),
        reference: args.reference.as_deref().or(args.sha.as_deref()),
    };
    let value = match mcp::unwrap(request.tool_result) {
        Unwrapped::Json(value) => value,
        Unwrapped::Text(text) => {
            host::debug(&format!("{}: {} bytes of text", request.tool_name, text.len()));
            return to_json(&whole(text_labels(&context, &args)));
        }
        Unwrapped::Failed(text) => {
            host::debug(&format!("{}: failed: {}", request.tool_name, text.chars().take(80).collect::<String>()));
            return Ok(Vec::new());
        }
    };
    match find_items(&value) {
        Some((path, list)) => to_json(&collection(&context, &request.tool_name, path, list)),
        None if value.is_null() => Ok(Vec::new()),
        None => to_json(&whole(items::label(&context, &value))),
    }
}

fn only_repository(args: &Args) -> Option<String> {
    let names = repository::from_query(args.query.as_deref()?);
    if names.len() == 1 {
        names.into_iter().next()
    } else {
        None
    }
}

/// The array that the items lie in: the root, or under the name that GitHub gives it.
fn find_items(value: &Value) -> Option<(String, &[Value])> {
    const NAMES: [&str; 14] = [
        "items", "issues", "pull_requests", "comments", "reviews", "commits", "repositories", "branches", "tags",
        "releases", "workflow_runs", "discussions", "notifications", "nodes",
    ];
    match value {
        Value::Array(list) => Some((String::new(), list)),
        // A single thing has lists of its own (its labels, its files): only an envelope is searched.
        Value::Object(map) if !map.contains_key("number") && !map.contains_key("sha") => NAMES
            .iter()
            .find_map(|name| map.get(*name).and_then(Value::as_array).map(|list| (format!("/{name}"), &list[..]))),
        _ => None,
    }
}

fn collection(context: &Context, tool: &str, items_path: String, list: &[Value]) -> PathLabels {
    host::info(&format!("{tool}: {} items at '{items_path}'", list.len()));
    let labeled_paths: Vec<LabeledPath> = list
        .iter()
        .take(LABELED_AT_MOST)
        .enumerate()
        .map(|(index, item)| LabeledPath { path: format!("{items_path}/{index}"), labels: items::label(context, item) })
        .collect();
    if list.len() > LABELED_AT_MOST {
        host::warn(&format!("{tool}: {} items have the default labels", list.len() - LABELED_AT_MOST));
    }
    let mut secrecy: BTreeSet<String> =
        labeled_paths.iter().flat_map(|labeled| labeled.labels.secrecy.iter().cloned()).collect();
    if let Some(name) = context.repository {
        secrecy.extend(repository::secrecy(name));
    } else if list.len() > LABELED_AT_MOST {
        secrecy.insert("private:unknown".into());
    }
    let default_labels = Labels::new(format!("{tool}: other items"), secrecy, Level::None);
    PathLabels { labeled_paths, default_labels, items_path: Some(items_path) }
}

fn whole(labels: Labels) -> PathLabels {
    PathLabels { labeled_paths: Vec::new(), default_labels: labels, items_path: None }
}

/// Text that is no JSON: the content of a file, a diff, a log.
fn text_labels(context: &Context, args: &Args) -> Labels {
    let Some(name) = context.repository else {
        let secrecy = BTreeSet::from(["private:unknown".to_string()]);
        return Labels::new("text from an unknown place".into(), secrecy, Level::None);
    };
    let level = match context.kind {
        Kind::File if repository::is_default_branch(name, context.reference) => Level::Merged,
        Kind::File => Level::Unapproved.max(repository::floor(name)),
        _ => repository::floor(name),
    };
    let description = format!("text {name} {}", args.path.as_deref().unwrap_or_default());
    host::info(&format!("{}: {level:?}", description.trim_end()));
    Labels::new(description.trim_end().to_string(), repository::secrecy(name), level)
}
