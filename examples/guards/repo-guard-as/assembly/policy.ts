// The policy in force, and what follows from it for authors and repositories.

import { JSON } from "assemblyscript-json/assembly";
import { callBackend, info, warn } from "./host";
import { BLOCKED, LEVELS } from "./labels";

export class Policy {
  minIntegrity: i32 = 3;
  trusted: Set<string> = new Set<string>();
  blocked: Set<string> = new Set<string>();
}

export const policy: Policy = new Policy();
const visibility: Map<string, bool> = new Map<string, bool>();

function readNames(object: JSON.Obj, key: string, names: Set<string>): bool {
  names.clear();
  if (!object.has(key)) return true;
  const list = object.getArr(key);
  if (list === null) return false;
  const entries = list.valueOf();
  for (let i = 0; i < entries.length; i++) {
    if (!entries[i].isString) return false;
    const name = (<JSON.Str>entries[i]).valueOf();
    if (name.length == 0) return false;
    names.add(name.toLowerCase());
  }
  return true;
}

// Takes the policy over; "" or what is wrong with it.
export function readPolicy(object: JSON.Obj): string {
  const only = object.getObj("allow-only");
  if (only === null) return "allow-only is missing";
  const word = only.getString("min-integrity");
  if (word === null) return "min-integrity is missing";
  const level = LEVELS.indexOf(word.valueOf().toLowerCase());
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
  const value = JSON.parse(answer);
  if (!value.isObj) return true;
  let object = <JSON.Obj>value;
  const content = object.getArr("content");
  if (content !== null) {
    const parts = content.valueOf();
    if (parts.length == 0 || !parts[0].isObj) return true;
    const text = (<JSON.Obj>parts[0]).getString("text");
    if (text === null || !text.valueOf().startsWith("{")) return true;
    object = <JSON.Obj>JSON.parse(text.valueOf());
  }
  const items = object.getArr("items");
  if (items === null) return true;
  const entries = items.valueOf();
  for (let i = 0; i < entries.length; i++) {
    if (!entries[i].isObj) continue;
    const entry = <JSON.Obj>entries[i];
    const name = entry.getString("full_name");
    if (name === null || name.valueOf().toLowerCase() != repository) continue;
    const flag = entry.getBool("private");
    return flag === null || flag.valueOf();
  }
  return true;
}

// The level of what an item's author writes.
export function authorLevel(item: JSON.Value, hidden: bool): i32 {
  if (!item.isObj) return 0;
  const object = <JSON.Obj>item;
  const user = object.getObj("user");
  const named: JSON.Str | null = user === null ? null : user.getString("login");
  const login = named === null ? "" : named.valueOf().toLowerCase();
  const given = object.getString("author_association");
  const association = given === null ? "" : given.valueOf();
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
