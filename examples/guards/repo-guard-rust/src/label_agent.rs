//! What an agent under a policy may see, and what it is trusted with.

use crate::host;
use crate::labels::to_json;
use crate::policy::Policy;
use crate::state::{state, State};
use serde::Serialize;
use serde_json::json;

#[derive(Serialize)]
struct Agent {
    secrecy: Vec<String>,
    integrity: Vec<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    success: bool,
    agent: Agent,
    difc_mode: &'static str,
    normalized_policy: &'a Policy,
}

/// A policy that is wrong is an answer, not a failure: the gateway shows its message to whoever wrote it.
pub fn label(input: &[u8]) -> Result<Vec<u8>, String> {
    let policy = match Policy::parse(input) {
        Ok(policy) => policy,
        Err(message) => {
            host::warn(&format!("policy rejected: {message}"));
            return to_json(&json!({ "success": false, "error": message }));
        }
    };
    let agent = Agent { secrecy: policy.agent_secrecy(), integrity: policy.min_integrity.tags() };
    let answer = to_json(&Answer { success: true, agent, difc_mode: "filter", normalized_policy: &policy });
    host::info(&format!("policy: repos {:?}, integrity {:?}", policy.repos, policy.min_integrity));
    // What was learnt stays, but for the policy; who may read a repository does not depend on it.
    let mut state = state();
    let State { repositories, permissions, .. } = std::mem::take(&mut *state);
    *state = State { policy, repositories, permissions };
    answer
}
