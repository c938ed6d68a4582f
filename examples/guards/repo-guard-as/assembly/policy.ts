// The policy in force, and what follows from it for authors and repositories.

import { callBackend, info, warn } from "./host";
import { Value, textOf, unwrap } from "./json";
import { BLOCKED, LEVELS } from "./labels";

export class Policy {
  minIntegrity: i32 = 3;
  trusted: Set<string> = new Set<string>();
  blocked: Set<string> = new Set<string>();
}

export const policy: Policy = new Policy();
const visibility: Map<string, bool> = new Map<string, bool>();

function readNames(object: Value, key: string, names: Set<string>): bool {
  names.clear();
  const list = object.get(key);
  if (list === null) return true;
  if (!list.isArray) return false;
  const entries = list.elements(i32.MAX_VALUE);
  for (let i = 0; i < entries.length; i++) {
    const name = entries[i].text();
    if (name === null || name.length == 0) return false;
    names.add(name.toLowerCase());
  }
  return true;
}

// Takes the policy over; "" or what is wrong with it.
export function readPolicy(object: Value): string {
  const only = object.get("allow-only");
  if (only === null) return "allow-only is missing";
  const level = LEVELS.indexOf(textOf(only, "min-integrity").toLowerCase());
  if (level < 0) return "min-integrity is not none, unapproved, approved or merged";
  if (!readNames(only, "trusted-users", policy.trusted)) return "trusted-users is not a list of names";
  if (!readNames(only, "blocked-users", policy.blocked)) return "blocked-users is not a list of names";
  policy.minIntegrity = level;
  return "";
}

// Unknown counts as private. A failure is not kept, so it is asked again.
export function isPrivate(repository: string): bool {
  if (repository.length == 0) return true;
  if (visibility.has(repository)) return visibility.get(repository);
  const answer = callBackend("search_repositories", `{"query":"repo:${repository}"}`);
  if (answer === null) {
    warn(`${repository}: visibility unknown`);
    return true;
  }
  const hidden = findPrivate(answer, repository);
  visibility.set(repository, hidden);
  info(`${repository}: ${hidden ? "private" : "public"}`);
  return hidden;
}

function findPrivate(answer: string, repository: string): bool {
  const bytes = String.UTF8.encode(answer);
  const value = Value.parse(changetype<usize>(bytes), bytes.byteLength);
  const inner: Value | null = value === null ? null : unwrap(value);
  const items: Value | null = inner === null ? null : inner.get("items");
  if (items === null) return true;
  const entries = items.elements(100);
  for (let i = 0; i < entries.length; i++) {
    if (textOf(entries[i], "full_name").toLowerCase() != repository) continue;
    const flag = entries[i].get("private");
    return flag === null || !flag.is("false");
  }
  return true;
}

// The level of what an item's author writes.
export function authorLevel(item: Value, hidden: bool): i32 {
  const user = item.get("user");
  const login = user === null ? "" : textOf(user, "login").toLowerCase();
  const association = textOf(item, "author_association");
  let level = 0;
  if (policy.blocked.has(login)) {
    level = BLOCKED;
  } else if (hidden || policy.trusted.has(login) || ["OWNER", "MEMBER", "COLLABORATOR"].includes(association)) {
    level = 2;
  } else if (association == "CONTRIBUTOR") {
    level = 1;
  }
  info(`${login.length > 0 ? login : "nobody"}: ${level == BLOCKED ? "blocked" : LEVELS[level]}`);
  return level;
}
