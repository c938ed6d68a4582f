//! The policy: which repositories an agent may see, and how far their content must be trusted.

use crate::integrity::Level;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct PolicyText {
    #[serde(alias = "allowonly")]
    allow_only: AllowOnlyText,
    trusted_bots: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AllowOnlyText {
    repos: ReposText,
    #[serde(alias = "integrity")]
    min_integrity: String,
    #[serde(default)]
    blocked_users: Vec<String>,
    #[serde(default)]
    refusal_labels: WordsText,
    #[serde(default)]
    approval_labels: Vec<String>,
    #[serde(default)]
    trusted_users: Vec<String>,
    #[serde(default)]
    endorsement_reactions: Vec<String>,
    #[serde(default)]
    disapproval_reactions: Vec<String>,
    disapproval_integrity: Option<String>,
    endorser_min_integrity: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ReposText {
    Word(String),
    List(Vec<String>),
}

/// A list, or one string separated by commas or newlines.
#[derive(Deserialize)]
#[serde(untagged)]
enum WordsText {
    Joined(String),
    List(Vec<String>),
}

impl Default for WordsText {
    fn default() -> Self {
        WordsText::List(Vec::new())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Repos {
    All,
    Public,
    #[serde(untagged)]
    Listed(Vec<Pattern>),
}

/// `owner/*`, `owner/prefix*` or `owner/repo`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Pattern(String);

impl Pattern {
    fn parse(text: &str) -> Result<Pattern, String> {
        let lower = text.trim().to_ascii_lowercase();
        let wrong = || format!("repos: '{text}' is not owner/*, owner/prefix* or owner/repo");
        let (owner, repo) = lower.split_once('/').ok_or_else(wrong)?;
        let name = repo.strip_suffix('*').unwrap_or(repo);
        let word = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        if owner.is_empty() || repo.is_empty() || owner.len() > 39 || repo.len() > 100 || !word(owner) || !word(name) {
            return Err(wrong());
        }
        Ok(Pattern(lower))
    }

    fn covers(&self, full_name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => full_name.starts_with(prefix),
            None => full_name == self.0,
        }
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Policy {
    pub repos: Repos,
    pub min_integrity: Level,
    pub blocked_users: BTreeSet<String>,
    pub refusal_labels: BTreeSet<String>,
    pub approval_labels: BTreeSet<String>,
    pub trusted_users: BTreeSet<String>,
    pub trusted_bots: BTreeSet<String>,
    pub endorsement_reactions: BTreeSet<String>,
    pub disapproval_reactions: BTreeSet<String>,
    pub disapproval_integrity: Level,
    pub endorser_min_integrity: Level,
}

/// Until a policy was given: nothing but what is public, and only what was merged.
impl Default for Policy {
    fn default() -> Self {
        Policy {
            repos: Repos::Public,
            min_integrity: Level::Merged,
            blocked_users: BTreeSet::new(),
            refusal_labels: BTreeSet::new(),
            approval_labels: BTreeSet::new(),
            trusted_users: BTreeSet::new(),
            trusted_bots: default_bots(),
            endorsement_reactions: BTreeSet::new(),
            disapproval_reactions: BTreeSet::new(),
            disapproval_integrity: Level::None,
            endorser_min_integrity: Level::Approved,
        }
    }
}

fn default_bots() -> BTreeSet<String> {
    ["dependabot[bot]", "github-actions[bot]", "renovate[bot]"].map(String::from).into()
}

/// Names compare without regard to case; empty ones are a mistake in the policy.
fn name_set(key: &str, names: &[String]) -> Result<BTreeSet<String>, String> {
    names
        .iter()
        .map(|name| match name.trim() {
            "" => Err(format!("{key}: holds an empty string")),
            trimmed => Ok(trimmed.to_lowercase()),
        })
        .collect()
}

fn level(key: &str, text: &str) -> Result<Level, String> {
    Level::parse(text).ok_or_else(|| format!("{key}: '{text}' is not none, unapproved, approved or merged"))
}

impl Policy {
    /// Reads a policy from an object, or from a string that holds one.
    pub fn parse(input: &[u8]) -> Result<Policy, String> {
        let value: Value = serde_json::from_slice(input).map_err(|error| format!("the policy is not JSON: {error}"))?;
        let value = match value {
            Value::String(inner) => serde_json::from_str(&inner).map_err(|error| format!("the policy: {error}"))?,
            other => other,
        };
        if !value.is_object() {
            return Err("the policy is not a JSON object".into());
        }
        let text: PolicyText = serde_json::from_value(value).map_err(|error| format!("the policy: {error}"))?;
        Policy::normalise(text)
    }

    fn normalise(text: PolicyText) -> Result<Policy, String> {
        let only = text.allow_only;
        let refusals = match &only.refusal_labels {
            WordsText::Joined(joined) => {
                let words = joined.split([',', '\n']).map(str::trim).filter(|word| !word.is_empty());
                words.map(String::from).collect()
            }
            WordsText::List(list) => list.clone(),
        };
        let mut trusted_bots = default_bots();
        if let Some(bots) = &text.trusted_bots {
            if bots.is_empty() {
                return Err("trusted-bots: must not be empty".into());
            }
            trusted_bots.extend(name_set("trusted-bots", bots)?);
        }
        let optional = |key, text: &Option<String>, otherwise| match text {
            Some(text) => level(key, text),
            None => Ok(otherwise),
        };
        Ok(Policy {
            repos: parse_repos(&only.repos)?,
            min_integrity: level("min-integrity", &only.min_integrity)?,
            blocked_users: name_set("blocked-users", &only.blocked_users)?,
            refusal_labels: name_set("refusal-labels", &refusals)?,
            approval_labels: name_set("approval-labels", &only.approval_labels)?,
            trusted_users: name_set("trusted-users", &only.trusted_users)?,
            trusted_bots,
            endorsement_reactions: name_set("endorsement-reactions", &only.endorsement_reactions)?,
            disapproval_reactions: name_set("disapproval-reactions", &only.disapproval_reactions)?,
            disapproval_integrity: optional("disapproval-integrity", &only.disapproval_integrity, Level::None)?,
            endorser_min_integrity: optional("endorser-min-integrity", &only.endorser_min_integrity, Level::Approved)?,
        })
    }

    /// The tag that stands for the private content of `full_name` under this policy: the entry that covers it, so that
    /// one agent label is enough for `owner/*`; the repository's own name where none does.
    pub fn private_tag(&self, full_name: &str) -> String {
        match &self.repos {
            Repos::All => "private:all".into(),
            Repos::Public => format!("private:{full_name}"),
            Repos::Listed(patterns) => match patterns.iter().find(|pattern| pattern.covers(full_name)) {
                Some(pattern) => format!("private:{}", pattern.0),
                None => format!("private:{full_name}"),
            },
        }
    }

    /// Whether the policy has any business with the repository.
    pub fn in_scope(&self, full_name: &str) -> bool {
        match &self.repos {
            Repos::All | Repos::Public => true,
            Repos::Listed(patterns) => patterns.iter().any(|pattern| pattern.covers(full_name)),
        }
    }

    /// What an agent under this policy may have seen.
    pub fn agent_secrecy(&self) -> Vec<String> {
        match &self.repos {
            Repos::All => vec!["private:all".into()],
            Repos::Public => Vec::new(),
            Repos::Listed(patterns) => patterns.iter().map(|pattern| format!("private:{}", pattern.0)).collect(),
        }
    }
}

fn parse_repos(text: &ReposText) -> Result<Repos, String> {
    match text {
        ReposText::Word(word) => match word.trim().to_ascii_lowercase().as_str() {
            "all" => Ok(Repos::All),
            "public" => Ok(Repos::Public),
            other => Err(format!("repos: '{other}' is not all, public or a list")),
        },
        ReposText::List(list) if list.is_empty() => Err("repos: the list is empty".into()),
        ReposText::List(list) => {
            let patterns = list.iter().map(|entry| Pattern::parse(entry)).collect::<Result<Vec<_>, _>>()?;
            let distinct: BTreeSet<String> = patterns.iter().map(|pattern| pattern.0.clone()).collect();
            if distinct.len() != patterns.len() {
                return Err("repos: an entry stands there twice".into());
            }
            Ok(Repos::Listed(patterns))
        }
    }
}
