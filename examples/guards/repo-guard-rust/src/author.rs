//! How far an author is trusted in a repository.

use crate::backend::{self, Permission, UserFacts};
use crate::host;
use crate::integrity::Level;
use crate::state::state;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Blocked,
    Trusted,
    Ordinary,
}

pub fn standing(login: &str) -> Standing {
    let lower = login.to_lowercase();
    let state = state();
    if state.policy.blocked_users.contains(&lower) {
        Standing::Blocked
    } else if state.policy.trusted_users.contains(&lower) || state.policy.trusted_bots.contains(&lower) {
        Standing::Trusted
    } else {
        Standing::Ordinary
    }
}

fn association_level(association: &str) -> Option<Level> {
    match association.to_ascii_uppercase().as_str() {
        "OWNER" | "MEMBER" | "COLLABORATOR" => Some(Level::Approved),
        "CONTRIBUTOR" | "FIRST_TIME_CONTRIBUTOR" => Some(Level::Unapproved),
        "FIRST_TIMER" | "MANNEQUIN" | "NONE" => Some(Level::None),
        _ => None,
    }
}

fn permission_level(permission: Permission) -> Level {
    match permission {
        Permission::Admin | Permission::Maintain | Permission::Write => Level::Approved,
        Permission::Triage | Permission::Read => Level::Unapproved,
        Permission::None => Level::None,
    }
}

/// The level of what `user` writes in `full_name`. The association that came with the item spares a question; a bot that
/// nobody named is not trusted for being a bot.
pub fn level(full_name: &str, user: Option<&UserFacts>, association: Option<&str>) -> Level {
    let Some(user) = user.filter(|user| !user.login.is_empty()) else {
        return association.and_then(association_level).unwrap_or(Level::None);
    };
    match standing(&user.login) {
        Standing::Blocked => return Level::Blocked,
        Standing::Trusted => return Level::Approved,
        Standing::Ordinary => {}
    }
    if user.kind.as_deref() == Some("Bot") || user.login.ends_with("[bot]") {
        return Level::None;
    }
    if let Some(level) = association.and_then(association_level) {
        return level;
    }
    match backend::permission(full_name, &user.login) {
        Some(permission) => permission_level(permission),
        None => {
            host::debug(&format!("{}: permission in {full_name} unknown", user.login));
            Level::None
        }
    }
}
