//! The labels of a resource or an item, as the gateway reads them.

use crate::integrity::Level;
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Labels {
    pub description: String,
    pub secrecy: BTreeSet<String>,
    pub integrity: Vec<String>,
}

impl Labels {
    pub fn new(description: String, secrecy: BTreeSet<String>, level: Level) -> Labels {
        Labels { description, secrecy, integrity: level.tags() }
    }
}

#[derive(Serialize)]
pub struct LabeledPath {
    pub path: String,
    pub labels: Labels,
}

#[derive(Serialize)]
pub struct PathLabels {
    pub labeled_paths: Vec<LabeledPath>,
    pub default_labels: Labels,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items_path: Option<String>,
}

#[derive(Serialize)]
pub struct ResourceAnswer {
    pub resource: Labels,
    pub operation: &'static str,
}

/// Serialising these types cannot fail; should it ever, the call does.
pub fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, String> {
    serde_json::to_vec(value).map_err(|error| error.to_string())
}
