// Generated results, answers and agents: no string of a result reaches an agent that may not have it. Each string in a
// result, keys too, is a marker of its own; the model below says, on a DOM and with std::set, what labels each has and
// what must come out (docs/guard-abi.md, "What leaves"). It shares no code with what it judges.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <regex>
#include <set>

#include "tests/unit/gateway/fake_guard.h"

namespace guardc {
namespace {

using nlohmann::json;
using Set = std::set<std::string>;

struct Tags {
  Set secrecy;
  Set integrity;
  bool operator==(const Tags&) const = default;
};

bool Within(const Set& below, const Set& above) {
  if (above.contains("*")) return true;
  for (const std::string& tag : below) {
    if (!above.contains(tag)) return false;
  }
  return true;
}
bool MayRead(const Tags& agent, const Tags& thing) {
  return Within(thing.secrecy, agent.secrecy) && Within(agent.integrity, thing.integrity);
}
bool MayWrite(const Tags& agent, const Tags& thing) {
  return Within(agent.secrecy, thing.secrecy) && Within(thing.integrity, agent.integrity);
}

Tags ToTags(const Labels& labels) {
  Tags out;
  for (const std::string& tag : labels.secrecy.tags()) out.secrecy.insert(tag);
  for (const std::string& tag : labels.integrity.tags()) out.integrity.insert(tag);
  return out;
}

Set MarkersIn(const std::string& text) {
  static const std::regex kMarker("M[0-9]+_");
  return {std::sregex_token_iterator(text.begin(), text.end(), kMarker), {}};
}

// --- The case ---

struct Case {
  json result;
  json response;  // null: the guard answers nothing
  json resource;  // with its operation
  std::string mode;
  std::string tool;
  Tags agent;
  std::string items_path;
};

class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  Case Next() {
    Case out;
    out.mode = Pick({"strict", "filter", "propagate"});
    out.tool = Pick({"list_x", "search_x", "get_x"});
    out.agent = {SomeOf({"a", "b"}), SomeOf({"x", "y"})};
    out.resource = {{"resource", LabelsValue()},
                    {"operation", Pick({"read", "read", "read", "read-write", "write", "READ"})}};
    const uint32_t size = Below(4);
    json data = Data(size, out.items_path);
    out.result = Result(std::move(data));
    out.response = Response(out.items_path, size);
    return out;
  }

 private:
  uint32_t Below(uint32_t n) { return std::uniform_int_distribution<uint32_t>(0, n - 1)(random_); }
  bool Chance(uint32_t percent) { return Below(100) < percent; }
  const char* Pick(std::initializer_list<const char*> of) {
    return of.begin()[Below(static_cast<uint32_t>(of.size()))];
  }
  std::string Marker() { return "M" + std::to_string(marker_++) + "_"; }

  Set SomeOf(std::initializer_list<const char*> of) {
    Set out;
    for (const char* tag : of) {
      if (Chance(35)) out.insert(tag);
    }
    if (Chance(3)) out.insert("*");
    return out;
  }
  json LabelsValue() {
    json out = json::object();
    if (Chance(80)) out["secrecy"] = SomeOf({"a", "b"});
    if (Chance(80)) out["integrity"] = SomeOf({"x", "y"});
    return out;
  }

  json Element() {
    switch (Below(4)) {
      case 0:
        return Marker();
      case 1:
        return {Marker(), {Marker(), 1.5}};
      case 2:
        return Below(100);
      default:
        return {{Marker(), Marker()}, {"title", Marker()}, {"inner", {{Marker(), {Marker()}}}}};
    }
  }

  // Tool data; `items_path` is where its array is, "-" where it has none.
  json Data(uint32_t size, std::string& items_path) {
    json array = json::array();
    for (uint32_t i = 0; i < size; ++i) array.push_back(Element());
    switch (Below(5)) {
      case 0:
        items_path = "";
        return array;
      case 1:
        items_path = "/items";
        return {{"items", array}, {"total", Marker()}, {Marker(), Marker()}};
      case 2:
        items_path = "/a~1b/items";
        return {{"a/b", {{"items", array}, {"next", Marker()}}}, {"owner_token", Marker()}};
      case 3:
        items_path = "-";
        return {{"title", Marker()}, {Marker(), Marker()}};
      default:
        items_path = "-";
        return "no JSON, but " + Marker();
    }
  }

  json Result(json data) {
    // Text that is no JSON is in its text part as it is.
    const bool is_plain = data.is_string();
    if (!is_plain && Chance(15)) return data;
    const std::string text = is_plain ? data.get<std::string>() : data.dump();
    json content = json::array();
    auto more = [&] {
      if (Chance(20)) content.push_back({{"type", "image"}, {"data", Marker()}, {"mimeType", Marker()}});
      if (Chance(10)) content.push_back({{"type", "resource"}, {"text", Marker()}, {"resource", {{"text", Marker()}}}});
      if (Chance(10)) content.push_back({{"type", "resource_link"}, {"uri", Marker()}});
      if (Chance(5)) content.push_back(Marker());
    };
    more();
    const size_t split = Chance(30) ? Below(static_cast<uint32_t>(text.size())) : text.size();
    for (const std::string& part : {text.substr(0, split), text.substr(split)}) {
      if (part.empty()) continue;
      json one = {{"text", part}};
      if (Chance(80)) one["type"] = "text";
      if (Chance(20)) one["annotations"] = {{Marker(), Marker()}};
      content.push_back(std::move(one));
      more();
    }
    json out = {{"content", std::move(content)}};
    if (Chance(30)) out["structuredContent"] = {{Marker(), Marker()}};
    if (Chance(30)) out["_meta"] = {{"m", Marker()}};
    if (Chance(20)) out[Marker()] = Marker();
    if (Chance(40)) out["isError"] = Chance(50);
    return out;
  }

  json Response(const std::string& items_path, uint32_t size) {
    if (Chance(12)) return json::parse(Pick({"null", "{}", R"({"items":7})"}));
    if (Chance(30)) {
      json items = json::array();
      for (uint32_t i = Below(4); i > 0; --i) {
        if (Chance(20)) items.push_back(Marker());
        items.push_back({{"data", Element()}, {"labels", LabelsValue()}});
      }
      if (Chance(10)) items = {1, Marker()};
      return {{"items", items}};
    }
    json out = {{"labeled_paths", json::array()}};
    const std::string at = items_path == "-" ? "" : items_path;
    for (uint32_t i = 0; i < size + 1; ++i) {  // one past the end
      if (Chance(25)) continue;
      json entry = {{"path", at + "/" + std::to_string(i) + (Chance(15) ? "/title" : "")}};
      if (Chance(85)) entry["labels"] = LabelsValue();
      if (entry.contains("labels") && Chance(5)) entry["labels"] = nullptr;
      out["labeled_paths"].push_back(entry);
    }
    if (!at.empty() && Chance(10)) out["labeled_paths"].push_back({{"path", "/elsewhere"}, {"labels", LabelsValue()}});
    if (Chance(10)) out["labeled_paths"].push_back(nullptr);
    if (!at.empty()) out["items_path"] = at;
    if (Chance(40)) out["default_labels"] = LabelsValue();
    if (Chance(5)) out["default_labels"] = nullptr;
    return out;
  }

  std::mt19937 random_;
  int marker_ = 0;
};

// --- The model ---

struct ModelItem {
  json data;
  Tags tags;
  std::vector<Tags> also;  // by which it must be writable as well
};

Tags TagsOf(const json& labels) { return {labels.value("secrecy", Set()), labels.value("integrity", Set())}; }

// The text of a result's parts, where it is an MCP result.
std::optional<std::string> TextOf(const json& result) {
  if (!result.is_object() || !result.contains("content")) return std::nullopt;
  std::string out;
  for (const json& part : result["content"]) {
    if (!part.is_object() || !part.contains("text")) continue;
    const std::string type = part.value("type", "text");
    if (type != "image" && type != "audio" && type != "resource") out += part["text"].get<std::string>();
  }
  return out;
}

class Model {
 public:
  explicit Model(const Case& c) : c_(c), resource_(TagsOf(c.resource["resource"])) {
    const std::string operation = c.resource["operation"];
    reads_ = operation != "write";
    writes_ = operation != "read";
    may_read_ = MayRead(c.agent, resource_);
    const bool is_denied =
        (reads_ && !may_read_ && (writes_ && c.mode != "propagate")) || (writes_ && !MayWrite(c.agent, resource_));
    after = c.agent;
    expected = "denied";
    if (is_denied) return;
    if (writes_ && (!reads_ || c.mode == "strict")) {
      expected = "whole";
      everything_may_leave = true;
      return;
    }
    Labelled();
  }

  // "denied", "whole", or the text of the one part.
  std::string expected;
  bool is_filtered = false;
  Tags after;
  // Which labels cover each marker that may leave at all.
  bool everything_may_leave = false;
  std::map<std::string, Tags> covers;

 private:
  void Labelled() {
    const json& response = c_.response;
    if (response.is_object() && response.contains("labeled_paths")) return Paths();
    if (response.is_object() && response.contains("items") && response["items"].is_array()) return Legacy();
    Unlabelled();
  }

  void Unlabelled() {
    if (may_read_ || c_.mode == "propagate") return Whole({});
    if (c_.mode == "filter" && !c_.tool.starts_with("get_")) return Part("[]", true, {});
  }

  void Legacy() {
    std::vector<ModelItem> items;
    for (const json& entry : c_.response["items"]) {
      if (entry.is_object()) items.push_back({entry["data"], TagsOf(entry["labels"]), {}});
    }
    if (items.empty() && !may_read_ && c_.mode != "propagate") return Unlabelled();
    if (items.empty()) Take(resource_);
    Items(items, false, false);
  }

  void Paths() {
    const json& response = c_.response;
    json data = c_.result;
    const auto text = TextOf(c_.result);
    const bool is_inner = text && json::accept(*text);
    if (is_inner) data = json::parse(*text);
    std::optional<Tags> defaults;
    if (response.contains("default_labels") && response["default_labels"].is_object()) {
      defaults = TagsOf(response["default_labels"]);
    }
    const Tags nobody{resource_.secrecy, {}};
    const json* array = nullptr;
    const std::string at = response.value("items_path", "");
    if (c_.items_path != "-") array = &data[json::json_pointer(at)];
    if (array == nullptr) {
      json own = data;
      if (!is_inner && text) {
        own = {{"content", json::array()}};
        for (const json& part : c_.result["content"]) {
          if (!part.is_object() || !part.contains("text") || part.value("type", "text") == "resource") continue;
          own["content"].push_back({{"type", "text"}, {"text", part["text"]}});
        }
        if (IsError()) own["isError"] = true;
      }
      return Items({{own, defaults.value_or(nobody), {}}}, true, true);
    }
    std::vector<ModelItem> items;
    for (const json& element : *array) items.push_back({element, defaults.value_or(nobody), {}});
    for (const json& entry : response["labeled_paths"]) {
      const std::string path = entry.is_object() ? entry["path"] : "";
      if (!path.starts_with(at + "/") || !isdigit(path[at.size() + 1])) continue;
      const size_t index = std::stoul(path.substr(at.size() + 1));
      if (index >= items.size()) continue;
      ModelItem& item = items[index];
      item.also.clear();
      if (entry.contains("labels") && entry["labels"].is_object()) {
        item.tags = TagsOf(entry["labels"]);
      } else {
        item.tags = nobody;
        item.also = {Tags()};
        if (defaults) {
          item.tags.secrecy.insert(defaults->secrecy.begin(), defaults->secrecy.end());
          item.also.push_back(*defaults);
        }
      }
    }
    if (items.empty() && !may_read_) {
      if (c_.mode == "propagate") Take(resource_);
      if (c_.mode == "strict") return;
      return Part("[]", c_.mode == "filter", {});
    }
    Items(items, true, false);
  }

  void Items(const std::vector<ModelItem>& items, bool are_of_the_result, bool is_one) {
    std::vector<ModelItem> kept;
    for (const ModelItem& item : items) {
      bool passes = c_.mode == "propagate" || MayRead(c_.agent, item.tags);
      if (writes_) {
        passes = passes && MayWrite(c_.agent, item.tags);
        for (const Tags& tags : item.also) passes = passes && MayWrite(c_.agent, tags);
      }
      if (passes) kept.push_back(item);
    }
    const bool is_all = kept.size() == items.size();
    if (!is_all && (c_.mode == "strict" || (items.size() == 1 && c_.tool.starts_with("get_")))) return;
    if (is_all && are_of_the_result && may_read_) return Whole(kept);
    if (is_all && is_one) return Part(items[0].data.dump(), false, kept);
    std::string array;
    for (const ModelItem& item : kept) array += (array.empty() ? "" : ",") + item.data.dump();
    Part("[" + array + "]", !is_all, kept);
  }

  // --- What leaves ---

  void Cover(const std::vector<ModelItem>& items) {
    for (const ModelItem& item : items) {
      for (const std::string& marker : MarkersIn(item.data.dump())) covers[marker] = item.tags;
      Take(item.tags);
    }
  }
  void Whole(const std::vector<ModelItem>& items) {
    expected = "whole";
    for (const std::string& marker : MarkersIn(c_.result.dump())) covers[marker] = resource_;
    Cover(items);
    if (items.empty()) Take(resource_);
  }
  void Part(std::string text, bool filtered, const std::vector<ModelItem>& items) {
    expected = std::move(text);
    is_filtered = filtered;
    Cover(items);
  }
  void Take(const Tags& tags) {
    if (c_.mode != "propagate") return;
    after.secrecy.insert(tags.secrecy.begin(), tags.secrecy.end());
    std::erase_if(after.integrity, [&](const std::string& tag) { return !tags.integrity.contains(tag); });
  }
  bool IsError() const { return c_.result.is_object() && c_.result.value("isError", false); }

  const Case& c_;
  const Tags resource_;
  bool reads_ = true;
  bool writes_ = false;
  bool may_read_ = false;
};

// --- Both ---

TagSet ToSet(const Set& set) { return TagSet::From({set.begin(), set.end()}); }

// `seen_kinds` counts kinds of outcomes.
void Judge(const Case& c, std::map<std::string, int>& seen_kinds) {
  FakeCall call;
  call.agent = {ToSet(c.agent.secrecy), ToSet(c.agent.integrity)};
  call.tool = c.tool;
  call.Mode(c.mode);
  call.guard.resource = c.resource.dump();
  call.guard.response = c.response.dump();
  call.result = c.result.dump();
  const Outcome out = call.Run();
  ASSERT_NE(out.kind, OutcomeKind::kError) << out.reason;

  const Model model(c);
  ++seen_kinds[c.mode + (model.is_filtered ? " filtered " : " ") +
               (model.expected.starts_with('[')   ? model.expected == "[]" ? "nothing" : "items"
                : model.expected.starts_with('{') ? "item"
                                                  : model.expected)];
  const Tags after = ToTags(call.agent_after);
  EXPECT_EQ(after, model.after);
  EXPECT_EQ(out.kind == OutcomeKind::kDenied, model.expected == "denied");
  EXPECT_EQ(out.kind == OutcomeKind::kFiltered, model.is_filtered);
  EXPECT_EQ(out.result.has_value(), model.expected != "denied");
  if (!out.result) return;

  for (const std::string& marker : MarkersIn(*out.result)) {
    if (model.everything_may_leave) break;
    const auto cover = model.covers.find(marker);
    ASSERT_NE(cover, model.covers.end()) << marker << " is in nothing that may leave";
    const Tags& labels = cover->second;
    if (MayRead(c.agent, labels)) continue;
    ASSERT_EQ(c.mode, "propagate") << marker;
    EXPECT_TRUE(std::ranges::includes(after.secrecy, labels.secrecy)) << marker;
    EXPECT_TRUE(std::ranges::includes(labels.integrity, after.integrity)) << marker;
  }

  const json seen = json::parse(*out.result);
  if (model.expected == "whole") {
    EXPECT_EQ(*out.result, *call.result);
    return;
  }
  json expected = {{"content", {{{"type", "text"}, {"text", model.expected}}}}};
  if (c.result.is_object() && c.result.value("isError", false)) expected["isError"] = true;
  const json text = json::parse(seen["content"][0]["text"].get<std::string>());
  EXPECT_EQ(text, json::parse(model.expected));
  expected["content"][0]["text"] = seen["content"][0]["text"];
  EXPECT_EQ(seen, expected);
}

TEST(LeavingPropertyTest, NoStringReachesWhoMayNotHaveIt) {
  Generator generator(20261129);
  std::map<std::string, int> kinds;
  for (int i = 0; i < 6000; ++i) {
    const Case c = generator.Next();
    SCOPED_TRACE(testing::Message() << "case " << i << "\nresult " << c.result.dump() << "\nresponse "
                                    << c.response.dump() << "\nresource " << c.resource.dump() << "\nmode " << c.mode
                                    << ", tool " << c.tool << "\nagent " << json(c.agent.secrecy).dump()
                                    << json(c.agent.integrity).dump());
    Judge(c, kinds);
    if (testing::Test::HasFailure()) return;
  }
  for (const char* kind :
       {"strict denied", "strict whole", "strict items", "strict item", "strict nothing", "filter denied",
        "filter whole", "filter items", "filter item", "filter nothing", "filter filtered items",
        "filter filtered nothing", "propagate denied", "propagate whole", "propagate items", "propagate item",
        "propagate nothing", "propagate filtered items", "propagate filtered nothing"}) {
    EXPECT_GE(kinds[kind], 10) << kind << " hardly ever happens";
  }
}

}  // namespace
}  // namespace guardc
