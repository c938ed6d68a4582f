// repo-guard in C: labels a few tools of a GitHub-like MCP server.
//
// It exports neither alloc nor dealloc, so the host puts its buffers at the end of linear memory. A heap would want
// that room too; this guard therefore has none: everything it keeps is static. It is a WASI reactor: the host calls
// _initialize once, which runs the constructor below.

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "json.h"

#define IMPORT(name) __attribute__((import_module("env"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))

IMPORT(call_backend)
int32_t call_backend(const char* tool, uint32_t tool_length, const char* args, uint32_t args_length, char* result,
                     uint32_t capacity);
IMPORT(host_log) void host_log(uint32_t level, const char* message, uint32_t length);

enum { kFailed = -1, kNoLabels = 0 };
enum { kDebug, kInfo, kWarn, kError };
enum { kMaxItems = 100, kMaxNames = 32, kMaxRepositories = 64, kNameSize = 160 };

typedef enum { kBlocked = -1, kNone, kUnapproved, kApproved, kMerged } Level;
static const char* const kLevelNames[] = {"none", "unapproved", "approved", "merged"};

typedef struct {
  char names[kMaxNames][kNameSize];
  int count;
} Names;

static struct {
  bool ready;
  Level min_integrity;
  Names trusted, blocked;
} policy;

static struct {
  char name[kNameSize];
  bool is_private;
} repositories[kMaxRepositories];
static int repository_count;

static char inner_text[2 << 20];      // the JSON text within an MCP result
static char backend_text[256 << 10];  // what the backend answered
static char backend_inner[256 << 10];

__attribute__((constructor)) static void StartStrict(void) {
  policy.min_integrity = kMerged;
  policy.ready = true;
}

static void Log(uint32_t level, const char* what, const char* name) {
  char line[2 * kNameSize];
  int length = snprintf(line, sizeof line, "%s: %s", name, what);
  host_log(level, line, length < (int)sizeof line ? (uint32_t)length : sizeof line - 1);
}

// ---- Output: text that may not fit. ----

typedef struct {
  char* at;
  size_t left;
  size_t total;
} Output;

static void Put(Output* out, const char* text) {
  size_t length = strlen(text);
  out->total += length;
  if (length > out->left) {
    out->left = 0;
    return;
  }
  memcpy(out->at, text, length);
  out->at += length;
  out->left -= length;
}

// Names were checked: nothing in them needs an escape.
static void PutLabels(Output* out, const char* description, const char* repository, bool is_private, Level level) {
  Put(out, "{\"description\":\"");
  Put(out, description);
  Put(out, "\",\"secrecy\":[");
  if (is_private) {
    Put(out, "\"private:");
    Put(out, *repository ? repository : "unknown");
    Put(out, "\"");
  }
  Put(out, "],\"integrity\":[");
  for (int i = kNone; i <= (int)level; i++) {
    Put(out, i == kNone ? "\"" : ",\"");
    Put(out, kLevelNames[i]);
    Put(out, "\"");
  }
  Put(out, "]}");
}

static int32_t Finish(const Output* out, uint32_t capacity, int32_t too_big) {
  return out->total <= capacity ? (int32_t)out->total : too_big;
}

// ---- Repositories. ----

static bool IsName(const char* text) {
  size_t length = strlen(text);
  static const char kAllowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  return length > 0 && length <= 70 && strspn(text, kAllowed) == length;
}

static void Lower(char* text) {
  for (; *text; text++) {
    if (*text >= 'A' && *text <= 'Z') *text += 32;
  }
}

// "owner/repo" in lower case, or "" where the arguments name no repository.
static void RepositoryOf(Slice args, char out[static kNameSize]) {
  Slice value;
  char owner[80], repo[80];
  out[0] = 0;
  if (!JsonMember(args, "owner", &value) || JsonString(value, owner, sizeof owner) < 0) return;
  if (!JsonMember(args, "repo", &value) || JsonString(value, repo, sizeof repo) < 0) return;
  if (!IsName(owner) || !IsName(repo)) return;
  snprintf(out, kNameSize, "%s/%s", owner, repo);
  Lower(out);
}

// Takes an MCP envelope off, where there is one: the first text part, if it is JSON.
static bool Unwrap(Slice result, char* buffer, size_t capacity, Slice* inner) {
  Slice content, part, text;
  *inner = result;
  if (!JsonMember(result, "content", &content) || !JsonIsArray(content)) return true;
  if (!JsonNext(&content, &part) || !JsonMember(part, "text", &text)) return false;
  ptrdiff_t length = JsonString(text, buffer, capacity);
  if (length < 0) return false;
  *inner = JsonText(buffer, (size_t)length);
  if (!JsonValid(*inner)) return false;
  Slice rest = *inner;
  return JsonTake(&rest, inner);
}

// Unknown counts as private. What the backend said is kept; a failure is not, so it is asked again.
static bool IsPrivate(const char* name) {
  if (!*name) return true;
  for (int i = 0; i < repository_count; i++) {
    if (strcmp(repositories[i].name, name) == 0) return repositories[i].is_private;
  }
  static const char kTool[] = "search_repositories";
  char args[kNameSize + 40];
  int length = snprintf(args, sizeof args, "{\"query\":\"repo:%s\"}", name);
  memset(backend_text, 0, sizeof backend_text);
  int32_t got = call_backend(kTool, sizeof kTool - 1, args, (uint32_t)length, backend_text, sizeof backend_text);
  Slice answer, items, item, value;
  if (got < 0 || got > (int32_t)sizeof backend_text) return Log(kWarn, "visibility unknown", name), true;
  answer = JsonText(backend_text, (size_t)got);
  if (!JsonValid(answer) || !JsonTake(&answer, &item)) return Log(kWarn, "not JSON", name), true;
  if (!Unwrap(item, backend_inner, sizeof backend_inner, &answer)) return Log(kWarn, "not JSON inside", name), true;
  if (!JsonMember(answer, "items", &items) || !JsonIsArray(items)) return Log(kWarn, "no items", name), true;
  char full_name[kNameSize];
  while (JsonNext(&items, &item)) {
    if (!JsonMember(item, "full_name", &value) || JsonString(value, full_name, sizeof full_name) < 0) continue;
    if (strcasecmp(full_name, name) != 0) continue;
    bool is_private = !(JsonMember(item, "private", &value) && JsonIs(value, "false"));
    if (repository_count < kMaxRepositories) {
      snprintf(repositories[repository_count].name, kNameSize, "%s", name);
      repositories[repository_count++].is_private = is_private;
    }
    Log(kInfo, is_private ? "private" : "public", name);
    return is_private;
  }
  return Log(kWarn, "not found", name), true;
}

// ---- Policy. ----

static bool ReadNames(Slice object, const char* key, Names* names) {
  Slice list, entry;
  names->count = 0;
  if (!JsonMember(object, key, &list)) return true;
  if (!JsonIsArray(list)) return false;
  while (JsonNext(&list, &entry)) {
    if (names->count == kMaxNames || JsonString(entry, names->names[names->count], kNameSize) <= 0) return false;
    names->count++;
  }
  return true;
}

static bool Holds(const Names* names, const char* login) {
  for (int i = 0; i < names->count; i++) {
    if (strcasecmp(names->names[i], login) == 0) return true;
  }
  return false;
}

static const char* ReadPolicy(Slice text) {
  Slice only, value;
  char word[16];
  if (!JsonIsObject(text)) return "the policy is not a JSON object";
  if (!JsonMember(text, "allow-only", &only) || !JsonIsObject(only)) return "allow-only is missing";
  if (!JsonMember(only, "min-integrity", &value) || JsonString(value, word, sizeof word) < 0) {
    return "min-integrity is missing";
  }
  int level = kMerged;
  while (level >= kNone && strcasecmp(word, kLevelNames[level]) != 0) level--;
  if (level < kNone) return "min-integrity is not none, unapproved, approved or merged";
  if (!ReadNames(only, "trusted-users", &policy.trusted)) return "trusted-users is not a list of at most 32 names";
  if (!ReadNames(only, "blocked-users", &policy.blocked)) return "blocked-users is not a list of at most 32 names";
  policy.min_integrity = (Level)level;
  return NULL;
}

EXPORT(label_agent) int32_t label_agent(const char* input, uint32_t length, char* output, uint32_t capacity) {
  Slice text = JsonText(input, length), value;
  Output out = {output, capacity, 0};
  const char* problem = "the policy is not JSON";
  if (!policy.ready) return kFailed;
  if (JsonValid(text) && JsonTake(&text, &value)) problem = ReadPolicy(value);
  if (problem) {
    Log(kWarn, problem, "label_agent");
    Put(&out, "{\"success\":false,\"error\":\"");
    Put(&out, problem);
    Put(&out, "\"}");
    return Finish(&out, capacity, kFailed);
  }
  Put(&out, "{\"agent\":{\"secrecy\":[],\"integrity\":[");
  for (int i = kNone; i <= (int)policy.min_integrity; i++) {
    Put(&out, i == kNone ? "\"" : ",\"");
    Put(&out, kLevelNames[i]);
    Put(&out, "\"");
  }
  Put(&out, "]},\"difc_mode\":\"filter\"}");
  return Finish(&out, capacity, kFailed);
}

// ---- Tools. ----

static bool ToolName(Slice request, char out[static 64]) {
  Slice value;
  return JsonMember(request, "tool_name", &value) && JsonString(value, out, 64) > 0;
}

static bool IsRead(const char* tool) {
  return strncmp(tool, "list_", 5) == 0 || strncmp(tool, "get_", 4) == 0 || strncmp(tool, "search_", 7) == 0 ||
         strcmp(tool, "issue_read") == 0 || strcmp(tool, "pull_request_read") == 0;
}

EXPORT(label_resource) int32_t label_resource(const char* input, uint32_t length, char* output, uint32_t capacity) {
  Slice text = JsonText(input, length), request, args = {0};
  char tool[64], repository[kNameSize] = "";
  if (!policy.ready || !JsonValid(text) || !JsonTake(&text, &request) || !ToolName(request, tool)) return kFailed;
  if (JsonMember(request, "tool_args", &args)) RepositoryOf(args, repository);
  bool is_private = IsPrivate(repository);
  Level level = kNone;
  if (strcmp(tool, "get_file_contents") == 0 && *repository) level = kMerged;
  if (IsRead(tool) && *repository && is_private && level < kApproved) level = kApproved;
  Output out = {output, capacity, 0};
  Put(&out, "{\"resource\":");
  PutLabels(&out, *repository ? repository : "no repository", repository, is_private, level);
  Put(&out, IsRead(tool) ? ",\"operation\":\"read\"}" : ",\"operation\":\"write\"}");
  Log(kInfo, IsRead(tool) ? "read" : "write", tool);
  return Finish(&out, capacity, kFailed);
}

static Level AuthorLevel(Slice item, bool is_private) {
  Slice value, login_text;
  char login[kNameSize] = "", association[32] = "";
  if (JsonMember(item, "user", &value) && JsonMember(value, "login", &login_text)) {
    if (JsonString(login_text, login, sizeof login) < 0) return kBlocked;
  }
  if (JsonMember(item, "author_association", &value)) JsonString(value, association, sizeof association);
  Level level = kNone;
  if (*login && Holds(&policy.blocked, login)) {
    level = kBlocked;
  } else if (is_private || (*login && Holds(&policy.trusted, login)) || strcmp(association, "OWNER") == 0 ||
             strcmp(association, "MEMBER") == 0 || strcmp(association, "COLLABORATOR") == 0) {
    level = kApproved;
  } else if (strcmp(association, "CONTRIBUTOR") == 0) {
    level = kUnapproved;
  }
  Log(kInfo, level == kBlocked ? "blocked" : kLevelNames[level], *login ? login : "nobody");
  return level;
}

EXPORT(label_response) int32_t label_response(const char* input, uint32_t length, char* output, uint32_t capacity) {
  Slice text = JsonText(input, length), request, args = {0}, result, inner, item;
  char tool[64], repository[kNameSize] = "", path[24];
  if (!policy.ready || !JsonValid(text) || !JsonTake(&text, &request) || !ToolName(request, tool)) return kFailed;
  if (!IsRead(tool) || !JsonMember(request, "tool_result", &result)) return kNoLabels;
  if (JsonMember(request, "tool_args", &args)) RepositoryOf(args, repository);
  if (!Unwrap(result, inner_text, sizeof inner_text, &inner)) return kNoLabels;
  const char* items_path = "";
  if (JsonMember(inner, "items", &item) && JsonIsArray(item)) inner = item, items_path = "/items";
  if (!JsonIsArray(inner)) return kNoLabels;
  bool is_private = IsPrivate(repository);
  Output out = {output, capacity, 0};
  Put(&out, "{\"labeled_paths\":[");
  for (int i = 0; i < kMaxItems && JsonNext(&inner, &item); i++) {
    Put(&out, i == 0 ? "{\"path\":\"" : ",{\"path\":\"");
    Put(&out, items_path);
    snprintf(path, sizeof path, "/%d", i);
    Put(&out, path);
    Put(&out, "\",\"labels\":");
    PutLabels(&out, "item", repository, is_private, AuthorLevel(item, is_private));
    Put(&out, "}");
  }
  Put(&out, "],\"default_labels\":");
  PutLabels(&out, "other items", repository, is_private, kNone);
  Put(&out, ",\"items_path\":\"");
  Put(&out, items_path);
  Put(&out, "\"}");
  return Finish(&out, capacity, kNoLabels);
}
