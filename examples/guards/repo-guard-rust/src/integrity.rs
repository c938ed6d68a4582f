//! How far content can be trusted, from "a blocked user wrote it" to "it was reviewed and merged".

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Below every level that a policy can ask for.
    Blocked,
    None,
    Unapproved,
    Approved,
    Merged,
}

impl Level {
    pub fn parse(text: &str) -> Option<Level> {
        match text.trim().to_ascii_lowercase().as_str() {
            "none" => Some(Level::None),
            "unapproved" => Some(Level::Unapproved),
            "approved" => Some(Level::Approved),
            "merged" => Some(Level::Merged),
            _ => None,
        }
    }

    /// The tags of a level include those of the levels below it, so that "at least approved" is a subset test.
    pub fn tags(self) -> Vec<String> {
        [Level::None, Level::Unapproved, Level::Approved, Level::Merged]
            .into_iter()
            .filter(|level| *level <= self)
            .map(|level| format!("{level:?}").to_ascii_lowercase())
            .collect()
    }
}
