//! What the guard remembers from one call to the next. A guard is one instance, called by one thread at a time.

use crate::backend::Permission;
use crate::policy::Policy;
use crate::repository::Visibility;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard};
use std::time::Instant;

/// A repository as the backend described it.
pub struct Known {
    pub visibility: Visibility,
    pub default_branch: Option<String>,
    pub since: Instant,
}

#[derive(Default)]
pub struct State {
    pub policy: Policy,
    /// By full name.
    pub repositories: HashMap<String, Known>,
    /// By full name and login, with a space between.
    pub permissions: HashMap<String, Permission>,
}

static STATE: LazyLock<Mutex<State>> = LazyLock::new(Default::default);

/// Held for a look or a store only: a backend call in between must not find it taken.
pub fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
