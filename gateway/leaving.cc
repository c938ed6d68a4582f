// What of a result reaches the agent, and in which shape: the one place where that is decided. The rule behind all of
// it: whatever no item labels has the resource's labels (docs/guard-abi.md, "What leaves").
#include <utility>

#include "gateway/answers/mcp_result.h"
#include "gateway/filter.h"
#include "gateway/json/json_text.h"
#include "guardc/pipeline.h"

namespace guardc {
namespace {

constexpr std::string_view kEmptyArray = "[]";

Decision Allowed() {
  Decision decision;
  decision.allowed = true;
  decision.cause = DenialCause::kNone;
  return decision;
}

class Departure {
 public:
  explicit Departure(const LabelledCall& call)
      : call_(call), may_read_(CheckFlow(call.agent, call.resource.labels, call.resource.operation)) {}

  Result<Leaving> Decide() const {
    const Operation operation = call_.resource.operation;
    if (operation != Operation::kRead) {
      Decision decision = CheckFlow(call_.agent, call_.resource.labels, operation, call_.mode);
      if (!decision.allowed) return Nothing(std::move(decision), "");
      if (!AsksForResponseLabels(operation, call_.mode)) return Whole(std::nullopt);
    }
    const bool is_empty = call_.data.items().empty();
    switch (call_.data.form()) {
      case LabelledData::Form::kPaths:
        return is_empty ? EmptyCollection() : Items();
      case LabelledData::Form::kLegacy:
        return is_empty ? EmptyLegacyList() : Items();
      case LabelledData::Form::kNone:
        break;
    }
    return WithoutLabels();
  }

 private:
  bool Propagates() const { return call_.mode == Mode::kPropagate; }

  Leaving WithoutLabels() const {
    if (may_read_.allowed || Propagates()) return Whole(call_.resource.labels);
    return AnswerLeftOut(IsSingularRead(call_.tool));
  }

  // What is around no items would tell how many there were.
  Leaving EmptyCollection() const {
    if (may_read_.allowed) return Whole(call_.resource.labels);
    if (Propagates()) return Part(kEmptyArray, call_.resource.labels);
    return AnswerLeftOut(false);
  }

  // The guard's answer instead of the tool's; of a read that is denied it says nothing.
  Leaving EmptyLegacyList() const {
    if (may_read_.allowed || Propagates()) return Part(kEmptyArray, call_.resource.labels);
    return WithoutLabels();
  }

  Result<Leaving> Items() const {
    GUARDC_TRY(ItemsReport report, gateway::FilterItems(call_));
    const bool is_legacy = call_.data.form() == LabelledData::Form::kLegacy;
    const bool is_one = report.total == 1;
    const bool is_the_whole = is_one && !call_.data.is_collection();
    std::optional<Labels> read = gateway::OverallLabels(report.kept);
    Leaving out;
    if (!report.left_out.empty()) {
      const ItemVerdict& first = report.left_out.front();
      std::string notice = is_the_whole ? gateway::AnswerLeftOutNotice(
                                              *first.decision, first.own->are_missing ? "" : first.own->description)
                                        : gateway::LeftOutNotice(report);
      const bool is_denied = call_.mode == Mode::kStrict || (is_one && IsSingularRead(call_.tool));
      out = is_denied ? Nothing(*first.decision, std::move(notice))
                      : Remainder(Kept(report), *first.decision, std::move(notice), std::move(read));
    } else if (!is_legacy && may_read_.allowed) {
      // What is around the items has the resource's labels, from which an agent that may read it takes nothing on.
      out = Whole(std::move(read));
    } else if (!is_legacy && is_the_whole) {
      out = Part(OwnJson(call_.data.items().front()), std::move(read));
    } else {
      out = Part(Kept(report), std::move(read));
    }
    report.is_the_whole = is_the_whole;
    out.items = std::move(report);
    return out;
  }

  std::string Kept(const ItemsReport& report) const {
    std::vector<std::string_view> kept;
    kept.reserve(report.kept.size());
    for (const ItemVerdict& verdict : report.kept) kept.push_back(call_.data.items()[verdict.index].json);
    return gateway::JsonArray(kept);
  }

  // Where a result's text is no JSON, the item is the result itself; labels for it are no word about its images.
  std::string OwnJson(const LabelledItem& item) const {
    const gateway::JsonValue result = call_.result.parsed().root();
    if (item.json.data() == result.raw().data()) {
      if (auto texts = gateway::TextsOnly(result)) return std::move(*texts);
    }
    return std::string(item.json);
  }

  // --- The ways to leave ---

  Leaving Nothing(Decision why, std::string notice) const {
    Leaving out;
    out.decision = std::move(why);
    if (!notice.empty()) out.decision.reason = notice + "; " + out.decision.reason;
    out.notice = std::move(notice);
    return out;
  }

  Leaving Whole(std::optional<Labels> read) const {
    Leaving out;
    out.decision = Allowed();
    out.is_whole = true;
    if (Propagates()) out.taken_on = std::move(read);
    return out;
  }

  Leaving Part(std::string_view json, std::optional<Labels> read) const {
    Leaving out;
    out.decision = Allowed();
    out.part = gateway::TextResult(json, gateway::IsErrorResult(call_.result.parsed().root()));
    if (Propagates()) out.taken_on = std::move(read);
    return out;
  }

  // A part, of which the agent hears that it is not all.
  Leaving Remainder(std::string_view json, const Decision& why, std::string notice, std::optional<Labels> read) const {
    Leaving denied = Nothing(why, std::move(notice));
    Leaving out = Part(json, std::move(read));
    out.decision = std::move(denied.decision);
    out.decision.allowed = true;
    out.notice = std::move(denied.notice);
    return out;
  }

  Leaving AnswerLeftOut(bool is_its_only_item) const {
    std::string notice = gateway::AnswerLeftOutNotice(may_read_, call_.resource.description);
    if (call_.mode == Mode::kStrict || is_its_only_item) return Nothing(may_read_, std::move(notice));
    return Remainder(kEmptyArray, may_read_, std::move(notice), std::nullopt);
  }

  const LabelledCall& call_;
  const Decision may_read_;  // by the rule itself, in every mode the same
};

}  // namespace

bool AsksForResponseLabels(Operation operation, Mode mode) {
  return operation == Operation::kRead || (operation == Operation::kReadWrite && mode != Mode::kStrict);
}

bool IsSingularRead(std::string_view tool) { return !tool.starts_with("list_") && !tool.starts_with("search_"); }

Result<Leaving> WhatLeaves(const LabelledCall& call) { return Departure(call).Decide(); }

}  // namespace guardc
