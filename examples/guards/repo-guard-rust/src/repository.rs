//! Repositories: who may read them, which branch is theirs, and what that means for labels.

use crate::backend;
use crate::host;
use crate::integrity::Level;
use crate::state::{state, Known};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    Public,
    Private,
}

/// Repositories change hands and turn private: what was learnt is asked again after a while.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);

/// `owner/repo` in lower case, where both parts look like names.
pub fn full_name(owner: &str, repo: &str) -> Option<String> {
    let word = |part: &str| {
        !part.is_empty() && part.len() <= 100 && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
    };
    (word(owner) && word(repo)).then(|| format!("{owner}/{repo}").to_ascii_lowercase())
}

/// The repository in `https://host/owner/repo/...` or `https://host/repos/owner/repo/...`.
pub fn from_url(url: &str) -> Option<String> {
    let path = url.strip_prefix("https://")?.split_once('/')?.1;
    let path = path.strip_prefix("repos/").unwrap_or(path);
    let mut parts = path.split(['/', '?', '#']);
    full_name(parts.next()?, parts.next()?)
}

/// The repositories that a search names with `repo:owner/name`, and owners with `org:` or `user:`.
pub fn from_query(query: &str) -> BTreeSet<String> {
    query
        .split_whitespace()
        .filter_map(|word| word.trim_matches('"').strip_prefix("repo:"))
        .filter_map(|name| name.trim_matches('"').split_once('/'))
        .filter_map(|(owner, repo)| full_name(owner, repo))
        .collect()
}

/// Unknown counts as private: the answer that shows less.
pub fn visibility(full_name: &str) -> Visibility {
    if let Some(known) = state().repositories.get(full_name) {
        if known.since.elapsed() < REMEMBERED_FOR {
            return known.visibility;
        }
    }
    let Some(facts) = backend::repository(full_name) else {
        host::warn(&format!("{full_name}: visibility unknown, treated as private"));
        return Visibility::Private;
    };
    let visibility = if facts.is_public() { Visibility::Public } else { Visibility::Private };
    host::info(&format!("{full_name}: {visibility:?}"));
    let known = Known { visibility, default_branch: facts.default_branch, since: Instant::now() };
    state().repositories.insert(full_name.to_string(), known);
    visibility
}

/// The secrecy tags of anything that lies in the repository.
pub fn secrecy(full_name: &str) -> BTreeSet<String> {
    let mut tags = BTreeSet::new();
    if !state().policy.in_scope(full_name) {
        tags.insert(format!("outside:{full_name}"));
    }
    if visibility(full_name) == Visibility::Private {
        tags.insert(state().policy.private_tag(full_name));
    }
    tags
}

/// Only members write to a private repository, so what lies there has been let in by one.
pub fn floor(full_name: &str) -> Level {
    match visibility(full_name) {
        Visibility::Private => Level::Approved,
        Visibility::Public => Level::None,
    }
}

/// Whether `reference` is the branch that only merges reach. No reference means that branch.
pub fn is_default_branch(full_name: &str, reference: Option<&str>) -> bool {
    let Some(reference) = reference.filter(|text| !text.is_empty()) else { return true };
    let name = reference.strip_prefix("refs/heads/").unwrap_or(reference);
    match state().repositories.get(full_name).and_then(|known| known.default_branch.as_deref()) {
        Some(branch) => branch == name,
        None => name == "main" || name == "master",
    }
}
