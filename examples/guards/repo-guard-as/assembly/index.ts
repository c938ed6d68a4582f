// repo-guard in AssemblyScript: labels a few tools of a GitHub-like MCP server.
//
// The garbage collector runs between label calls only (runtime "minimal"); the host's buffers come from the unmanaged
// heap.

import "./abort";
import { JSON } from "assemblyscript-json/assembly";
import { debug, error, info, warn } from "./host";
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

// Arguments, or the JSON text of some, as an object; null where they are neither.
function parseObject(text: string): JSON.Obj | null {
  const value = JSON.parse(text);
  return value.isObj ? <JSON.Obj>value : null;
}

function readInput(input: usize, length: u32): string {
  return String.UTF8.decodeUnsafe(input, length);
}

export function label_agent(input: usize, length: u32, output: usize, capacity: u32): i32 {
  const object = parseObject(readInput(input, length));
  const problem = object === null ? "the policy is not a JSON object" : readPolicy(object);
  if (problem.length > 0) {
    warn(`policy rejected: ${problem}`);
    return finish(`{"success":false,"error":"${problem}"}`, output, capacity, FAILED);
  }
  info(`policy: integrity ${LEVELS[policy.minIntegrity]}`);
  const text = `{"agent":{"secrecy":[],"integrity":${tags(policy.minIntegrity)}},"difc_mode":"filter"}`;
  return finish(text, output, capacity, FAILED);
}

function toolName(request: JSON.Obj): string {
  const name = request.getString("tool_name");
  return name === null ? "" : name.valueOf();
}

function isRead(tool: string): bool {
  return (
    tool.startsWith("list_") || tool.startsWith("get_") || tool.startsWith("search_") ||
    tool == "issue_read" || tool == "pull_request_read"
  );
}

// "owner/repo" in lower case, or "" where the arguments name no repository.
function repositoryOf(request: JSON.Obj): string {
  const args = request.getObj("tool_args");
  if (args === null) return "";
  const owner = args.getString("owner");
  const repo = args.getString("repo");
  if (owner === null || repo === null || !isName(owner.valueOf()) || !isName(repo.valueOf())) return "";
  return `${owner.valueOf()}/${repo.valueOf()}`.toLowerCase();
}

export function label_resource(input: usize, length: u32, output: usize, capacity: u32): i32 {
  const request = parseObject(readInput(input, length));
  if (request === null) return FAILED;
  const tool = toolName(request);
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

// Takes an MCP envelope off, where there is one.
function unwrap(result: JSON.Value): JSON.Value | null {
  if (!result.isObj) return result;
  const content = (<JSON.Obj>result).getArr("content");
  if (content === null) return result;
  const parts = content.valueOf();
  if (parts.length == 0 || !parts[0].isObj) return null;
  const text = (<JSON.Obj>parts[0]).getString("text");
  if (text === null) return null;
  const inner = text.valueOf().trim();
  // The parser aborts on text that is no JSON: a file or a diff is left alone.
  return inner.startsWith("{") || inner.startsWith("[") ? JSON.parse(inner) : null;
}

export function label_response(input: usize, length: u32, output: usize, capacity: u32): i32 {
  const request = parseObject(readInput(input, length));
  if (request === null) return FAILED;
  const tool = toolName(request);
  if (tool.length == 0) return FAILED;
  const result = request.getValue("tool_result");
  if (!isRead(tool) || result === null) return NO_LABELS;
  const inner = unwrap(result);
  if (inner === null) return NO_LABELS;
  let list: JSON.Arr | null = null;
  let itemsPath = "";
  if (inner.isArr) {
    list = <JSON.Arr>inner;
  } else if (inner.isObj) {
    list = (<JSON.Obj>inner).getArr("items");
    itemsPath = "/items";
  }
  if (list === null) return NO_LABELS;
  const repository = repositoryOf(request);
  const hidden = isPrivate(repository);
  const items = list.valueOf();
  const entries = new Array<string>();
  for (let i = 0, n = min(items.length, MAX_ITEMS); i < n; i++) {
    const labels = new Labels("item", repository, hidden, authorLevel(items[i], hidden)).toJson();
    entries.push(`{"path":"${itemsPath}/${i}","labels":${labels}}`);
  }
  info(`${tool}: ${items.length} items`);
  const others = new Labels("other items", repository, hidden, 0).toJson();
  const text = `{"labeled_paths":[${entries.join(",")}],"default_labels":${others},"items_path":"${itemsPath}"}`;
  return finish(text, output, capacity, NO_LABELS);
}
