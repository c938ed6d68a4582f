//! The items of an answer: what each is, whose it is, and the labels that follow.

use crate::author;
use crate::backend::{self, RepositoryFacts, UserFacts};
use crate::host;
use crate::integrity::Level;
use crate::labels::Labels;
use crate::repository;
use crate::state::state;
use crate::tools::{Kind, Number};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Deserialize)]
#[serde(untagged)]
enum IssueLabel {
    Name(String),
    Object { name: String },
}

impl IssueLabel {
    fn name(&self) -> String {
        match self {
            IssueLabel::Name(name) | IssueLabel::Object { name } => name.trim().to_lowercase(),
        }
    }
}

#[derive(Deserialize)]
struct RepositoryRef {
    full_name: String,
    #[serde(default)]
    private: Option<bool>,
}

#[derive(Deserialize)]
struct PullRequestMark {
    #[serde(default)]
    merged_at: Option<String>,
}

/// Issues, pull requests, comments, reviews and discussions: everything that a user wrote.
#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    number: Option<Number>,
    #[serde(default, alias = "author")]
    user: Option<UserFacts>,
    #[serde(default, alias = "authorAssociation")]
    author_association: Option<String>,
    #[serde(default)]
    labels: Vec<IssueLabel>,
    #[serde(default)]
    reactions: BTreeMap<String, Value>,
    #[serde(default)]
    repository_url: Option<String>,
    #[serde(default)]
    html_url: Option<String>,
    #[serde(default)]
    repository: Option<RepositoryRef>,
    #[serde(default)]
    merged: Option<bool>,
    #[serde(default)]
    merged_at: Option<String>,
    #[serde(default)]
    pull_request: Option<PullRequestMark>,
}

#[derive(Deserialize)]
struct CommitItem {
    sha: String,
    #[serde(default)]
    author: Option<UserFacts>,
    #[serde(default)]
    html_url: Option<String>,
    #[serde(default)]
    commit: Option<CommitBody>,
}

#[derive(Deserialize)]
struct CommitBody {
    #[serde(default)]
    verification: Option<Verification>,
}

#[derive(Deserialize)]
struct Verification {
    #[serde(default)]
    verified: bool,
}

#[derive(Deserialize)]
struct InRepository {
    #[serde(default)]
    repository: Option<RepositoryRef>,
    #[serde(default)]
    html_url: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    tag_name: Option<String>,
}

#[derive(Deserialize)]
struct RunItem {
    #[serde(default)]
    id: Option<u64>,
    #[serde(default)]
    actor: Option<UserFacts>,
    #[serde(default)]
    event: Option<String>,
    #[serde(default)]
    head_branch: Option<String>,
}

/// What is known before an item is looked at.
pub struct Context<'a> {
    pub kind: Kind,
    /// The repository that the arguments name, if they name one.
    pub repository: Option<&'a str>,
    /// The branch or commit that they name.
    pub reference: Option<&'a str>,
}

/// Content that belongs to no repository we can name is nobody's: private, and not trusted.
fn homeless(description: String) -> Labels {
    Labels::new(description, BTreeSet::from(["private:unknown".to_string()]), Level::None)
}

pub fn label(context: &Context, item: &Value) -> Labels {
    let labels = match context.kind {
        Kind::Issue | Kind::IssueComment | Kind::PullRequest | Kind::Review | Kind::Discussion => {
            written(context, item)
        }
        Kind::Commit => commit(context, item),
        Kind::Repository => repository_item(item),
        Kind::WorkflowRun => run(context, item),
        Kind::File | Kind::CodeHit | Kind::Branch | Kind::Tag | Kind::Release => in_repository(context, item),
        Kind::Alert => alert(context),
        Kind::User => Some(Labels::new("user".into(), BTreeSet::new(), Level::None)),
        Kind::Notification | Kind::Gist => Some(personal(context.kind, item)),
        Kind::Unknown => None,
    };
    labels.unwrap_or_else(|| homeless(format!("{:?} of an unexpected shape", context.kind).to_lowercase()))
}

fn find_repository(context: &Context, named: Option<&RepositoryRef>, urls: [Option<&str>; 2]) -> Option<String> {
    if let Some(named) = named {
        let (owner, repo) = named.full_name.split_once('/')?;
        return repository::full_name(owner, repo);
    }
    context.repository.map(String::from).or_else(|| urls.into_iter().flatten().find_map(repository::from_url))
}

fn written(context: &Context, item: &Value) -> Option<Labels> {
    let item = match Written::deserialize(item) {
        Ok(item) => item,
        Err(error) => {
            host::warn(&format!("item skipped: {error}"));
            return None;
        }
    };
    let urls = [item.repository_url.as_deref(), item.html_url.as_deref()];
    let full_name = find_repository(context, item.repository.as_ref(), urls)?;
    let number = item.number.as_ref().and_then(Number::get);
    let noun = match context.kind {
        Kind::PullRequest => "pull request",
        Kind::IssueComment => "comment",
        Kind::Review => "review",
        Kind::Discussion => "discussion",
        _ => "issue",
    };
    let description = match number {
        Some(number) => format!("{noun} {full_name}#{number}"),
        None => format!("{noun} in {full_name}"),
    };
    let merged = item.merged == Some(true)
        || item.merged_at.is_some()
        || item.pull_request.as_ref().is_some_and(|mark| mark.merged_at.is_some());
    let mut level = author_level(&full_name, &item, number, context.kind);
    if level != Level::Blocked {
        level = level.max(repository::floor(&full_name));
        level = judge_labels(level, &item.labels);
        level = judge_reactions(level, &full_name, number, &item.reactions);
        if merged && context.kind == Kind::PullRequest {
            level = Level::Merged;
        }
    }
    let login = item.user.as_ref().map_or("nobody", |user| &user.login);
    host::info(&format!("{description} by {login}: {level:?}"));
    Some(Labels::new(description, repository::secrecy(&full_name), level))
}

/// Search answers leave the author out now and then: then the item itself is asked for.
fn author_level(full_name: &str, item: &Written, number: Option<u64>, kind: Kind) -> Level {
    if item.user.is_some() || item.author_association.is_some() {
        return author::level(full_name, item.user.as_ref(), item.author_association.as_deref());
    }
    let Some(number) = number else { return Level::None };
    let (user, association) = if kind == Kind::PullRequest {
        match backend::pull_request(full_name, number) {
            Some(facts) if facts.is_merged() => return Level::Merged,
            Some(facts) => (facts.user, facts.author_association),
            None => return Level::None,
        }
    } else {
        match backend::issue(full_name, number) {
            Some(facts) => (facts.user, facts.author_association),
            None => return Level::None,
        }
    };
    author::level(full_name, user.as_ref(), association.as_deref())
}

/// A maintainer's label lifts an item or rejects it; a rejection wins.
fn judge_labels(level: Level, labels: &[IssueLabel]) -> Level {
    let state = state();
    let names: Vec<String> = labels.iter().map(IssueLabel::name).collect();
    if names.iter().any(|name| state.policy.refusal_labels.contains(name)) {
        Level::Blocked
    } else if names.iter().any(|name| state.policy.approval_labels.contains(name)) {
        level.max(Level::Approved)
    } else {
        level
    }
}

/// Reactions count when somebody with enough standing gave them, so the backend is asked who it was.
fn judge_reactions(level: Level, full_name: &str, number: Option<u64>, counts: &BTreeMap<String, Value>) -> Level {
    let (wanted, unwanted, lowered, least) = {
        let policy = &state().policy;
        let sets = (policy.endorsement_reactions.clone(), policy.disapproval_reactions.clone());
        (sets.0, sets.1, policy.disapproval_integrity, policy.endorser_min_integrity)
    };
    let counted = |name: &&String| counts.get(name.as_str()).and_then(Value::as_u64).unwrap_or(0) > 0;
    let Some(number) = number else { return level };
    if !wanted.iter().any(|name| counted(&name)) && !unwanted.iter().any(|name| counted(&name)) {
        return level;
    }
    let mut judged = level;
    for reaction in backend::reactions(full_name, number) {
        let content = reaction.content.to_lowercase();
        if !wanted.contains(&content) && !unwanted.contains(&content) {
            continue;
        }
        if author::level(full_name, Some(&reaction.user), None) < least {
            continue;
        }
        host::debug(&format!("{full_name}#{number}: {content} by {}", reaction.user.login));
        if unwanted.contains(&content) {
            return level.min(lowered);
        }
        judged = judged.max(Level::Approved);
    }
    judged
}

fn commit(context: &Context, item: &Value) -> Option<Labels> {
    let item = CommitItem::deserialize(item).ok()?;
    let full_name = find_repository(context, None, [item.html_url.as_deref(), None])?;
    let verified = item.commit.and_then(|body| body.verification).is_some_and(|signature| signature.verified);
    let level = match item.author.as_ref().map(|author| author::standing(&author.login)) {
        Some(author::Standing::Blocked) => Level::Blocked,
        _ if repository::is_default_branch(&full_name, context.reference) => Level::Merged,
        _ if verified => author::level(&full_name, item.author.as_ref(), None).max(repository::floor(&full_name)),
        _ => repository::floor(&full_name),
    };
    let short: String = item.sha.chars().take(12).collect();
    host::info(&format!("commit {full_name}@{short}: {level:?}"));
    Some(Labels::new(format!("commit {full_name}@{short}"), repository::secrecy(&full_name), level))
}

fn repository_item(item: &Value) -> Option<Labels> {
    let item = RepositoryFacts::deserialize(item).ok()?;
    let (owner, repo) = item.full_name.split_once('/')?;
    let full_name = repository::full_name(owner, repo)?;
    let known_public = item.is_public();
    let mut secrecy = BTreeSet::new();
    if !state().policy.in_scope(&full_name) {
        secrecy.insert(format!("outside:{full_name}"));
    }
    if !known_public {
        secrecy.insert(state().policy.private_tag(&full_name));
    }
    let level = if known_public { Level::Unapproved } else { Level::Approved };
    host::info(&format!("repository {full_name}: {level:?}"));
    Some(Labels::new(format!("repository {full_name}"), secrecy, level))
}

fn in_repository(context: &Context, item: &Value) -> Option<Labels> {
    let item = InRepository::deserialize(item).ok()?;
    let full_name = find_repository(context, item.repository.as_ref(), [item.html_url.as_deref(), None])?;
    let level = match context.kind {
        Kind::Release | Kind::Tag => Level::Approved,
        Kind::CodeHit => Level::Merged,
        _ if repository::is_default_branch(&full_name, context.reference) => Level::Merged,
        _ => Level::Unapproved.max(repository::floor(&full_name)),
    };
    let told_private = item.repository.as_ref().and_then(|named| named.private) == Some(true);
    let mut secrecy = repository::secrecy(&full_name);
    if told_private {
        secrecy.insert(state().policy.private_tag(&full_name));
    }
    let name = item.path.or(item.name).or(item.tag_name).unwrap_or_default();
    let description = format!("{:?} {full_name} {name}", context.kind).to_lowercase();
    host::info(&format!("{}: {level:?}", description.trim_end()));
    Some(Labels::new(description.trim_end().to_string(), secrecy, level))
}

/// A run that a pull request from outside triggered shows what an outsider wrote.
fn run(context: &Context, item: &Value) -> Option<Labels> {
    let item = RunItem::deserialize(item).ok()?;
    let full_name = context.repository?;
    let trusted_event = matches!(item.event.as_deref(), Some("push" | "schedule" | "workflow_dispatch" | "release"));
    let level = match item.actor.as_ref().map(|actor| author::standing(&actor.login)) {
        Some(author::Standing::Blocked) => Level::Blocked,
        _ if trusted_event && repository::is_default_branch(full_name, item.head_branch.as_deref()) => Level::Approved,
        _ => author::level(full_name, item.actor.as_ref(), None).max(repository::floor(full_name)),
    };
    let description = match item.id {
        Some(id) => format!("workflow run {full_name} {id}"),
        None => format!("workflow run {full_name}"),
    };
    host::info(&format!("{description}: {level:?}"));
    Some(Labels::new(description, repository::secrecy(full_name), level))
}

/// Alerts name weaknesses and secrets: private even where the code is public.
fn alert(context: &Context) -> Option<Labels> {
    let full_name = context.repository?;
    let mut secrecy = repository::secrecy(full_name);
    secrecy.insert(state().policy.private_tag(full_name));
    secrecy.insert(format!("security:{full_name}"));
    Some(Labels::new(format!("security alert {full_name}"), secrecy, Level::Approved))
}

fn personal(kind: Kind, item: &Value) -> Labels {
    let public_gist = kind == Kind::Gist && item.get("public").and_then(Value::as_bool) == Some(true);
    let secrecy = if public_gist { BTreeSet::new() } else { BTreeSet::from(["private:user".to_string()]) };
    Labels::new(format!("{kind:?}").to_lowercase(), secrecy, Level::None)
}
