//! Questions to the backend: typed answers, with retries where the backend asks for patience.

use crate::host;
use crate::mcp::{self, Unwrapped};
use crate::state::state;
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use std::time::Duration;

const SMALL_ANSWER: usize = 256 << 10; // bytes
const LARGE_ANSWER: usize = 512 << 10;
const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    None,
    Read,
    Triage,
    Write,
    Maintain,
    Admin,
}

#[derive(Deserialize)]
struct PermissionAnswer {
    permission: Permission,
    #[serde(default)]
    role_name: Option<Permission>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct RepositoryFacts {
    pub full_name: String,
    #[serde(default)]
    private: Option<bool>,
    #[serde(default)]
    visibility: Option<String>,
    #[serde(default)]
    pub default_branch: Option<String>,
}

impl RepositoryFacts {
    /// Public only if everything that is said agrees on it.
    pub fn is_public(&self) -> bool {
        match (self.private, self.visibility.as_deref()) {
            (Some(true), _) => false,
            (Some(false), None) => true,
            (_, visibility) => visibility == Some("public"),
        }
    }
}

#[derive(Deserialize)]
struct RepositorySearch {
    #[serde(default, alias = "repositories")]
    items: Vec<RepositoryFacts>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct UserFacts {
    pub login: String,
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
}

/// An issue or a pull request; an issue is never merged.
#[derive(Clone, Debug, Deserialize)]
pub struct ItemFacts {
    #[serde(default)]
    merged: bool,
    #[serde(default)]
    merged_at: Option<String>,
    #[serde(default)]
    pub user: Option<UserFacts>,
    #[serde(default)]
    pub author_association: Option<String>,
}

impl ItemFacts {
    pub fn is_merged(&self) -> bool {
        self.merged || self.merged_at.is_some()
    }
}

#[derive(Clone, Debug, Deserialize)]
pub struct Reaction {
    pub content: String,
    pub user: UserFacts,
}

/// One tool call, tried again after a pause while the backend says that it is asked too often.
fn ask(tool: &str, args: &Value, capacity: usize) -> Option<Value> {
    let args = args.to_string();
    let mut pause = FIRST_PAUSE;
    for attempt in 1..=ATTEMPTS {
        let Some(bytes) = host::call_backend(tool, &args, capacity) else {
            host::warn(&format!("backend {tool} {args}: failed"));
            return None;
        };
        let value: Value = match serde_json::from_slice(&bytes) {
            Ok(value) => value,
            Err(error) => {
                host::warn(&format!("backend {tool}: {} bytes that are not JSON: {error}", bytes.len()));
                return None;
            }
        };
        match mcp::unwrap(value) {
            Unwrapped::Json(value) => return Some(value),
            Unwrapped::Failed(text) if text.to_ascii_lowercase().contains("rate limit") && attempt < ATTEMPTS => {
                host::info(&format!("backend {tool}: rate limit, attempt {attempt}"));
                std::thread::sleep(pause);
                pause *= 2;
            }
            Unwrapped::Failed(text) | Unwrapped::Text(text) => {
                host::warn(&format!("backend {tool}: {}", text.chars().take(120).collect::<String>()));
                return None;
            }
        }
    }
    None
}

fn typed<T: for<'a> Deserialize<'a>>(tool: &str, value: Value) -> Option<T> {
    match T::deserialize(&value) {
        Ok(answer) => Some(answer),
        Err(error) => {
            host::warn(&format!("backend {tool}: unexpected answer: {error}"));
            None
        }
    }
}

/// What the backend knows about a repository; `None` when it cannot say.
pub fn repository(full_name: &str) -> Option<RepositoryFacts> {
    let tool = "search_repositories";
    let args = json!({ "query": format!("repo:{full_name}"), "perPage": 1 });
    let found: RepositorySearch = typed(tool, ask(tool, &args, SMALL_ANSWER)?)?;
    found.items.into_iter().find(|repository| repository.full_name.eq_ignore_ascii_case(full_name))
}

/// A user's permission in a repository, remembered once known.
pub fn permission(full_name: &str, login: &str) -> Option<Permission> {
    let key = format!("{full_name} {}", login.to_lowercase());
    if let Some(known) = state().permissions.get(&key) {
        return Some(*known);
    }
    let (owner, repo) = full_name.split_once('/')?;
    let tool = "get_collaborator_permission";
    let args = json!({ "owner": owner, "repo": repo, "username": login });
    let answer: PermissionAnswer = typed(tool, ask(tool, &args, SMALL_ANSWER)?)?;
    let permission = answer.role_name.map_or(answer.permission, |role| role.max(answer.permission));
    host::debug(&format!("{login} has {permission:?} in {full_name}"));
    state().permissions.insert(key, permission);
    Some(permission)
}

pub fn issue(full_name: &str, number: u64) -> Option<ItemFacts> {
    let (owner, repo) = full_name.split_once('/')?;
    let tool = "issue_read";
    let args = json!({ "method": "get", "owner": owner, "repo": repo, "issue_number": number });
    typed(tool, ask(tool, &args, LARGE_ANSWER)?)
}

pub fn pull_request(full_name: &str, number: u64) -> Option<ItemFacts> {
    let (owner, repo) = full_name.split_once('/')?;
    let tool = "pull_request_read";
    let args = json!({ "method": "get", "owner": owner, "repo": repo, "pullNumber": number });
    typed(tool, ask(tool, &args, LARGE_ANSWER)?)
}

pub fn reactions(full_name: &str, number: u64) -> Vec<Reaction> {
    let Some((owner, repo)) = full_name.split_once('/') else { return Vec::new() };
    let tool = "list_issue_reactions";
    let args = json!({ "owner": owner, "repo": repo, "issue_number": number });
    ask(tool, &args, LARGE_ANSWER).and_then(|value| typed(tool, value)).unwrap_or_default()
}
