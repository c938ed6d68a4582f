// The label calls with typed answers (docs/guard-abi.md, 3), and what a gateway asks for labels: a compiled guard,
// noop, a write sink, or something of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guardc/call.h"
#include "guardc/flow.h"
#include "guardc/guard.h"
#include "guardc/policy.h"
#include "guardc/result.h"

namespace guardc {

namespace gateway {
class JsonText;
}

// JSON text that was checked once and may then be spliced into other JSON as it is: numbers keep their digits, nothing
// is copied. Cheap to copy; any thread. Default-constructed it is `null`.
class JsonDocument {
 public:
  JsonDocument();
  // kInvalidArgument: not JSON; kLimit: deeper than 1,000 levels. `what` names the text in errors.
  [[nodiscard]] static Result<JsonDocument> Parse(std::string text, std::string_view what = "the text");
  std::string_view text() const;
  // Moved out where no copy of this document is left, else copied. The document is `null` afterwards.
  std::string TakeText() &&;

  // For the runtime.
  const gateway::JsonText& parsed() const { return *parsed_; }
  const std::shared_ptr<const gateway::JsonText>& shared() const { return parsed_; }

 private:
  explicit JsonDocument(std::shared_ptr<const gateway::JsonText> parsed) : parsed_(std::move(parsed)) {}
  std::shared_ptr<const gateway::JsonText> parsed_;
};

// --- What a guard answers ---

struct AgentAnswer {
  Labels labels;
  Mode mode = Mode::kStrict;
  std::optional<std::string> normalized_policy;  // JSON text
};

struct ResourceAnswer {
  std::string description;
  Labels labels;
  Operation operation = Operation::kReadWrite;
};

struct ItemLabels {
  std::string description;
  Labels labels;
  // An entry of labeled_paths names the item and has no "labels", which may mean that it has no tags, the defaults
  // (here `labels`), or the resource's: it is held to all three.
  bool are_missing = false;
};

struct LabelledItem {
  // Items whose labels are the same text share one. Null where nobody labelled the item, by an entry or by defaults.
  std::shared_ptr<const ItemLabels> own;
  std::string_view json;  // the item's own bytes; valid while the LabelledData is
};

// A tool's result with labels on its parts, or without (form kNone). Whatever no item labels has the resource's labels;
// what may leave of it all, WhatLeaves decides (pipeline.h).
class LabelledData {
 public:
  // kPaths: the items are parts of the result. kLegacy: they are the answer in the result's stead.
  enum class Form : uint8_t { kNone, kPaths, kLegacy };

  LabelledData() = default;
  LabelledData(Form form, bool is_collection, std::vector<LabelledItem> items,
               std::shared_ptr<const gateway::JsonText> text)
      : form_(form), is_collection_(is_collection), items_(std::move(items)), text_(std::move(text)) {}

  Form form() const { return form_; }
  // False where the result held no array: its one item is the whole.
  bool is_collection() const { return is_collection_; }
  const std::vector<LabelledItem>& items() const { return items_; }

 private:
  Form form_ = Form::kNone;
  bool is_collection_ = false;
  std::vector<LabelledItem> items_;
  std::shared_ptr<const gateway::JsonText> text_;  // where the items' bytes are
};

// --- Text in, text out: what a guard gets, and what its bytes mean ---

// At most this many tags in one label of an answer, and in one answer.
inline constexpr size_t kMaxTagsPerLabel = 10'000;
inline constexpr size_t kMaxTagsPerAnswer = 200'000;

// {"tool_name","tool_args","capabilities"}. kInvalidArgument where the tool's name is not UTF-8.
[[nodiscard]] Result<std::string> LabelResourceInput(std::string_view tool, const JsonDocument& args,
                                                     const std::optional<JsonDocument>& capabilities = {});
// {"tool_name","tool_args","tool_result","capabilities"}.
[[nodiscard]] Result<std::string> LabelResponseInput(std::string_view tool, const JsonDocument& args,
                                                     const JsonDocument& result,
                                                     const std::optional<JsonDocument>& capabilities = {});

// kBadResponse with details().key where the answer is not what the ABI says; kRejected where it is a refusal.
[[nodiscard]] Result<AgentAnswer> ParseAgentAnswer(std::string answer);
[[nodiscard]] Result<ResourceAnswer> ParseResourceAnswer(std::string answer);
// `result` is what the guard was asked about; paths point into it, or into the JSON in an MCP result's text.
[[nodiscard]] Result<LabelledData> ParseResponseAnswer(std::string answer, const JsonDocument& result);

// --- A compiled guard, asked directly ---

// The guard gets Policy::guard_json. With text, the policy is checked first (ParsePolicy).
[[nodiscard]] Result<AgentAnswer> LabelAgent(Guard& guard, const Policy& policy, const CallOptions& call = {});
[[nodiscard]] Result<AgentAnswer> LabelAgent(Guard& guard, std::string_view policy_json, const CallOptions& call = {});
[[nodiscard]] Result<ResourceAnswer> LabelResource(Guard& guard, std::string_view tool, const JsonDocument& args,
                                                   const std::optional<JsonDocument>& capabilities = {},
                                                   const CallOptions& call = {});
[[nodiscard]] Result<LabelledData> LabelResponse(Guard& guard, std::string_view tool, const JsonDocument& args,
                                                 const JsonDocument& result,
                                                 const std::optional<JsonDocument>& capabilities = {},
                                                 const CallOptions& call = {});

// --- Whatever labels ---

// What a question to a LabelSource carries; the views must outlive the call.
struct LabelQuery {
  std::string_view tool;
  const JsonDocument& args;
  const std::optional<JsonDocument>& capabilities;
};

// Thread-safe, as Guard is.
class LabelSource {
 public:
  LabelSource();
  virtual ~LabelSource();
  LabelSource(const LabelSource&) = delete;
  LabelSource& operator=(const LabelSource&) = delete;

  virtual std::string_view name() const = 0;
  virtual std::string_view kind() const = 0;  // "compiled", "noop", "write-sink"
  virtual bool healthy() const { return true; }
  virtual Result<AgentAnswer> LabelAgent(std::string_view policy_json, const CallOptions& call) = 0;
  virtual Result<ResourceAnswer> LabelResource(const LabelQuery& query, const CallOptions& call) = 0;
  virtual Result<LabelledData> LabelResponse(const LabelQuery& query, const JsonDocument& result,
                                             const CallOptions& call) = 0;
  // May be called twice.
  virtual Result<void> Close() { return {}; }

  // No two sources of a process have the same.
  uint64_t id() const { return id_; }

 private:
  const uint64_t id_;
};

// A guard that is reached through one function, label call by label call. It keeps what label_agent taught it, so it
// serves one policy: label_agent with another one is an error (kPolicy), and a second policy needs a second guard.
struct LabelTransport {
  std::string name = "guard";
  std::function<Result<std::string>(LabelFunction function, std::string_view input_json, const CallOptions& call)> call;
  std::function<bool()> healthy;        // empty: always
  std::function<Result<void>()> close;  // empty: nothing to do
};
std::shared_ptr<LabelSource> MakeCompiledSource(LabelTransport transport);
std::shared_ptr<LabelSource> MakeCompiledSource(std::shared_ptr<Guard> guard);

// No labels, every operation a read-write, mode strict.
std::shared_ptr<LabelSource> MakeNoopSource();

// Labels nothing; every operation is a write to what `policy` accepts; mode filter.
std::shared_ptr<LabelSource> MakeWriteSinkSource(const WriteSinkPolicy& policy, std::string name = "write-sink");

}  // namespace guardc
