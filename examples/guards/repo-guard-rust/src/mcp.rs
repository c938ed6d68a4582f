//! MCP results: `{"content":[{"type":"text","text":"<json>"}]}` around the JSON that a tool answered.

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Envelope {
    content: Vec<Part>,
    #[serde(default, rename = "isError")]
    is_error: bool,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    text: String,
}

pub enum Unwrapped {
    Json(Value),
    /// Text that is no JSON: a file, a diff, a log.
    Text(String),
    Failed(String),
}

/// Takes off one envelope, where there is one.
pub fn unwrap(result: Value) -> Unwrapped {
    if result.get("content").is_none_or(|content| !content.is_array()) {
        return Unwrapped::Json(result);
    }
    let Ok(envelope) = Envelope::deserialize(&result) else {
        return Unwrapped::Json(result);
    };
    let mut text = String::new();
    for part in &envelope.content {
        match part.kind.as_deref() {
            Some("image") | Some("audio") | Some("resource") => {}
            _ => text.push_str(&part.text),
        }
    }
    if envelope.is_error {
        return Unwrapped::Failed(text);
    }
    match serde_json::from_str(&text) {
        Ok(inner) => Unwrapped::Json(inner),
        Err(_) => Unwrapped::Text(text),
    }
}
