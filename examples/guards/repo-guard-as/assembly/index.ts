// repo-guard in AssemblyScript: labels a few tools of a GitHub-like MCP server.
//
// The garbage collector runs between label calls only (runtime "minimal"); the host's buffers come from the unmanaged
// heap.

import "./abort";
import { debug, error, info, warn } from "./host";
import { Value, textOf, unwrap } from "./json";
import { Labels, isName, tags, LEVELS } from "./labels";
import { authorLevel, isPrivate, policy, readPolicy } from "./policy";

const FAILED: i32 = -1;
const NO_LABELS: i32 = 0;
const MAX_ITEMS: i32 = 100;

export function alloc(size: u32): usize {
  debug(`alloc ${size} bytes`);
  return heap.alloc(max<u32>(size, 1));
}

export function dealloc(pointer: usize, size: u32): void {
  debug(`dealloc ${size} bytes`);
  heap.free(pointer);
}

function finish(text: string, output: usize, capacity: u32, tooBig: i32): i32 {
  const length = String.UTF8.byteLength(text);
  if (<u32>length > capacity) {
    error(`the answer has ${length} bytes, the host offers ${capacity}`);
    __collect();
    return tooBig;
  }
  String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, output);
  __collect();
  return length;
}

function parseObject(input: usize, length: u32): Value | null {
  const value = Value.parse(input, length);
  return value !== null && value.isObject ? value : null;
}

export function label_agent(input: usize, length: u32, output: usize, capacity: u32): i32 {
  const object = parseObject(input, length);
  const problem = object === null ? "the policy is not a JSON object" : readPolicy(object);
  if (problem.length > 0) {
    warn(`policy rejected: ${problem}`);
    return finish(`{"success":false,"error":"${problem}"}`, output, capacity, FAILED);
  }
  info(`policy: integrity ${LEVELS[policy.minIntegrity]}`);
  const text = `{"agent":{"secrecy":[],"integrity":${tags(policy.minIntegrity)}},"difc_mode":"filter"}`;
  return finish(text, output, capacity, FAILED);
}

function isRead(tool: string): bool {
  return (
    tool.startsWith("list_") || tool.startsWith("get_") || tool.startsWith("search_") ||
    tool == "issue_read" || tool == "pull_request_read"
  );
}

// "owner/repo" in lower case, or "" where the arguments name no repository.
function repositoryOf(request: Value): string {
  const args = request.get("tool_args");
  if (args === null) return "";
  const owner = textOf(args, "owner");
  const repo = textOf(args, "repo");
  return isName(owner) && isName(repo) ? `${owner}/${repo}`.toLowerCase() : "";
}

export function label_resource(input: usize, length: u32, output: usize, capacity: u32): i32 {
  const request = parseObject(input, length);
  if (request === null) return FAILED;
  const tool = textOf(request, "tool_name");
  if (tool.length == 0) return FAILED;
  const repository = repositoryOf(request);
  const hidden = isPrivate(repository);
  let level = tool == "get_file_contents" && repository.length > 0 ? 3 : 0;
  if (isRead(tool) && repository.length > 0 && hidden) level = max(level, 2);
  const description = repository.length > 0 ? repository : "no repository";
  const resource = new Labels(description, repository, hidden, level).toJson();
  const operation = isRead(tool) ? "read" : "write";
  info(`${tool}: ${operation} ${description}`);
  return finish(`{"resource":${resource},"operation":"${operation}"}`, output, capacity, FAILED);
}

export function label_response(input: usize, length: u32, output: usize, capacity: u32): i32 {
  const request = parseObject(input, length);
  if (request === null) return FAILED;
  const tool = textOf(request, "tool_name");
  if (tool.length == 0) return FAILED;
  const result = request.get("tool_result");
  if (!isRead(tool) || result === null) return NO_LABELS;
  const inner = unwrap(result);
  if (inner === null) return NO_LABELS;
  const itemsPath = inner.isArray ? "" : "/items";
  const list: Value | null = inner.isArray ? inner : inner.get("items");
  if (list === null || !list.isArray) return NO_LABELS;
  const repository = repositoryOf(request);
  const hidden = isPrivate(repository);
  const items = list.elements(MAX_ITEMS);
  const entries = new Array<string>();
  for (let i = 0; i < items.length; i++) {
    const labels = new Labels("item", repository, hidden, authorLevel(items[i], hidden)).toJson();
    entries.push(`{"path":"${itemsPath}/${i}","labels":${labels}}`);
  }
  info(`${tool}: ${items.length} items`);
  const others = new Labels("other items", repository, hidden, 0).toJson();
  const text = `{"labeled_paths":[${entries.join(",")}],"default_labels":${others},"items_path":"${itemsPath}"}`;
  return finish(text, output, capacity, NO_LABELS);
}
