//! What a tool call would touch, told from its name and arguments before it is made.

use crate::author;
use crate::backend;
use crate::host;
use crate::integrity::Level;
use crate::labels::{to_json, Labels, ResourceAnswer};
use crate::repository;
use crate::state::state;
use crate::tools::{self, Args, Kind, Number, Operation, Request};
use std::collections::BTreeSet;

pub fn label(input: &[u8]) -> Result<Vec<u8>, String> {
    let request = Request::parse(input)?;
    let args = Args::parse(&request.tool_args);
    let tool = tools::find(&request.tool_name, &args);
    let names = repositories(&args);
    let mut secrecy: BTreeSet<String> = names.iter().flat_map(|name| repository::secrecy(name)).collect();
    if names.is_empty() {
        secrecy.extend(without_repository(&args, tool.kind, tool.operation));
    }
    if tool.kind == Kind::Alert {
        for name in &names {
            secrecy.insert(state().policy.private_tag(name));
            secrecy.insert(format!("security:{name}"));
        }
    }
    let level = if tool.operation == Operation::Write { Level::None } else { read_level(&args, tool.kind, &names) };
    let place = match names.iter().next() {
        Some(name) if names.len() == 1 => name.clone(),
        Some(name) => format!("{name} and {} more", names.len() - 1),
        None => "no repository".into(),
    };
    let description = format!("{} {place}", request.tool_name);
    host::info(&format!("{description}: {:?} {:?}, secrecy {secrecy:?}, {level:?}", tool.operation, tool.kind));
    to_json(&ResourceAnswer { resource: Labels::new(description, secrecy, level), operation: tool.operation.name() })
}

fn repositories(args: &Args) -> BTreeSet<String> {
    match (args.full_name(), args.query.as_deref()) {
        (Some(name), _) => BTreeSet::from([name]),
        (None, Some(query)) => repository::from_query(query),
        (None, None) => BTreeSet::new(),
    }
}

/// A search without a repository is judged by its answer, item by item; a write of that kind is not public.
fn without_repository(args: &Args, kind: Kind, operation: Operation) -> Option<String> {
    match (kind, operation) {
        (Kind::Notification, _) => Some("private:user".into()),
        (Kind::Gist, Operation::Write) if args.public != Some(true) => Some("private:user".into()),
        (Kind::Repository, Operation::Write) if args.private == Some(true) => Some("private:user".into()),
        (Kind::Unknown, _) => Some("private:unknown".into()),
        _ => None,
    }
}

/// The least that any answer of this call would have; one item is asked for where one is meant.
fn read_level(args: &Args, kind: Kind, names: &BTreeSet<String>) -> Level {
    let Some(name) = names.iter().next().filter(|_| names.len() == 1) else { return Level::None };
    let floor = repository::floor(name);
    match kind {
        Kind::File | Kind::Commit | Kind::Branch => {
            let reference = args.reference.as_deref().or(args.sha.as_deref());
            if repository::is_default_branch(name, reference) {
                Level::Merged
            } else {
                floor.max(Level::Unapproved)
            }
        }
        Kind::Release | Kind::Tag | Kind::Alert => Level::Approved,
        Kind::CodeHit => Level::Merged,
        Kind::Issue | Kind::IssueComment => match args.issue_number.as_ref().and_then(Number::get) {
            Some(number) => issue_level(name, number).max(floor),
            None => floor,
        },
        Kind::PullRequest | Kind::Review => match args.pull_number.as_ref().and_then(Number::get) {
            Some(number) => pull_request_level(name, number).max(floor),
            None => floor,
        },
        _ => floor,
    }
}

fn issue_level(name: &str, number: u64) -> Level {
    match backend::issue(name, number) {
        Some(facts) => author::level(name, facts.user.as_ref(), facts.author_association.as_deref()),
        None => Level::None,
    }
}

fn pull_request_level(name: &str, number: u64) -> Level {
    match backend::pull_request(name, number) {
        Some(facts) if facts.is_merged() => Level::Merged,
        Some(facts) => author::level(name, facts.user.as_ref(), facts.author_association.as_deref()),
        None => Level::None,
    }
}
