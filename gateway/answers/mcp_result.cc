#include "gateway/answers/mcp_result.h"

#include <algorithm>
#include <utility>

#include "runtime/label/json_padding.h"

namespace guardc::gateway {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kWhat = "the tool's result";

// Image, audio and resource parts carry no text; whatever is unknown counts as text.
bool IsTextPart(const KnownMembers& part) {
  auto type = part.Find("type");
  if (!type || !type->Is(JsonType::kString)) return true;
  auto name = type->String();
  return !name || (*name != "image" && *name != "audio" && *name != "resource");
}

// The text of a part of an MCP result's content; nullopt for what has none.
Result<std::optional<JsonValue>> TextOfPart(JsonValue part) {
  if (!part.Is(JsonType::kObject)) return std::nullopt;
  GUARDC_TRY(auto members, KnownMembers::Read(part, {"type", "text"}, ErrorKind::kBackend, kWhat));
  auto text = members.Find("text");
  if (!text || !text->Is(JsonType::kString) || !IsTextPart(members)) return std::nullopt;
  return text;
}

// Whether a text that begins as this string does is no JSON, as its first byte tells without decoding it: most of what
// is large, a file's content, is none.
bool BeginsUnlikeJson(JsonValue string) {
  if (string.escapes() == Escapes::kUnicode) return false;  // to be decoded, since only that tells whether it can be
  const std::string_view text = string.Inner();
  size_t i = 0;
  while (i < text.size() && (text[i] == ' ' || (text[i] == '\\' && "ntr"sv.contains(text[i + 1])))) {
    i += text[i] == ' ' ? 1 : 2;
  }
  if (i == text.size()) return false;
  const std::string_view rest = text.substr(i);
  if (rest.front() == '\\') return rest[1] != '"';
  if ("{[-0123456789"sv.contains(rest.front())) return false;
  // The next part may end the word.
  const auto may_be = [&](std::string_view word) { return rest.starts_with(word) || word.starts_with(rest); };
  return !may_be("true") && !may_be("false") && !may_be("null");
}

// The concatenated text of an MCP result; nullopt for what has none, or none that could be JSON.
Result<std::optional<std::string>> TextOfContent(JsonValue root) {
  if (!root.Is(JsonType::kObject)) return std::nullopt;
  GUARDC_TRY(auto members, KnownMembers::Read(root, {"content"}, ErrorKind::kBackend, kWhat));
  auto content = members.Find("content");
  if (!content || !content->Is(JsonType::kArray)) return std::nullopt;
  std::string all;
  bool is_no_json = false;
  std::string storage;
  for (JsonValue element : *content) {
    GUARDC_TRY(const auto text, TextOfPart(element));
    if (!text) continue;
    is_no_json = is_no_json || (all.empty() && BeginsUnlikeJson(*text));
    if (is_no_json && text->escapes() != Escapes::kUnicode) continue;
    auto decoded = text->StringView(storage);
    if (!decoded) return Fail(ErrorKind::kBackend, std::string(kWhat) + ": " + decoded.error().message);
    if (all.empty() && decoded->data() == storage.data()) {
      all = std::move(storage);  // the usual case: one part, with quotes in it
      storage.clear();
    } else {
      all.reserve(all.size() + decoded->size() + kAnswerSpare);
      all += *decoded;
    }
  }
  if (is_no_json) return std::nullopt;
  return all;
}

}  // namespace

Result<std::shared_ptr<const JsonText>> InnerJson(const std::shared_ptr<const JsonText>& result) {
  GUARDC_TRY(auto text, TextOfContent(result->root()));
  if (!text) return result;
  auto inner = JsonText::Parse(std::move(*text), "the text of the tool's result");
  if (inner) return inner;
  // Text that is no JSON is a text; but what only we cannot read, another reader may.
  if (inner.error().kind == ErrorKind::kInvalidArgument) return result;
  return inner;
}

std::string TextResult(std::string_view text, bool is_error) {
  std::string out = "{\"content\":[{\"type\":\"text\",\"text\":";
  AppendJsonString(out, text);
  out += is_error ? "}],\"isError\":true}" : "}]}";
  return out;
}

std::string JsonArray(const std::vector<std::string_view>& items) {
  size_t size = 2;
  for (std::string_view item : items) size += item.size() + 1;
  std::string array;
  array.reserve(size);
  array += '[';
  for (std::string_view item : items) {
    if (array.size() > 1) array += ',';
    array += item;
  }
  array += ']';
  return array;
}

bool IsErrorResult(JsonValue result) {
  if (!result.Is(JsonType::kObject)) return false;
  std::string storage;
  for (auto it = result.begin(); it != result.end(); ++it) {
    const auto key = (*it).StringView(storage);
    const bool matches = key && EqualFold(*key, "isError");  // some readers fold case
    ++it;
    if (matches && (*it).Is(JsonType::kTrue)) return true;
  }
  return false;
}

std::optional<std::string> TextsOnly(JsonValue result) {
  if (!result.Is(JsonType::kObject)) return std::nullopt;
  bool is_envelope = false;
  std::string texts;
  std::string storage;
  for (auto it = result.begin(); it != result.end(); ++it) {
    const auto key = (*it).StringView(storage);
    const bool is_content = key && *key == "content";
    is_envelope = is_envelope || (key && (*key == "structuredContent" || *key == "_meta"));
    ++it;
    if (!is_content || !(*it).Is(JsonType::kArray)) continue;
    is_envelope = true;
    for (JsonValue part : *it) {
      const auto text = TextOfPart(part);
      if (!text || !*text) continue;
      if (!texts.empty()) texts += ',';
      texts += R"({"type":"text","text":)";
      texts += (*text)->raw();
      texts += '}';
    }
  }
  if (!is_envelope) return std::nullopt;
  return "{\"content\":[" + texts + (IsErrorResult(result) ? "],\"isError\":true}" : "]}");
}

bool IsPointer(std::string_view text) {
  if (!text.empty() && text.front() != '/') return false;
  for (size_t i = text.find('~'); i != std::string_view::npos; i = text.find('~', i + 1)) {
    if (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1')) return false;
  }
  return true;
}

std::optional<std::vector<std::string>> ParsePointer(std::string_view pointer) {
  if (!IsPointer(pointer)) return std::nullopt;
  std::vector<std::string> tokens;
  for (size_t i = 0; i < pointer.size(); ++i) {
    const char c = pointer[i];
    if (c == '/') {
      tokens.emplace_back();
    } else {
      tokens.back() += c != '~' ? c : pointer[++i] == '0' ? '~' : '/';
    }
  }
  return tokens;
}

ArrayIndex ParseArrayIndex(std::string_view token, uint64_t size) {
  if (token == "-") return {ArrayIndex::Kind::kPastEnd, 0};
  bool digits = !token.empty() && std::all_of(token.begin(), token.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || (token.front() == '0' && token.size() > 1)) return {ArrayIndex::Kind::kMalformed, 0};
  uint64_t index = 0;
  for (char c : token) {
    index = index * 10 + static_cast<uint64_t>(c - '0');
    if (index >= size) return {ArrayIndex::Kind::kPastEnd, 0};
  }
  return {ArrayIndex::Kind::kElement, index};
}

Result<std::optional<JsonValue>> Resolve(JsonValue root, const std::vector<std::string>& pointer) {
  JsonValue at = root;
  for (const std::string& token : pointer) {
    if (at.Is(JsonType::kObject)) {
      // Only this one key has to be unique; what else is in the object, the guard has seen as it is.
      std::optional<JsonValue> found;
      std::string storage;
      for (auto it = at.begin(); it != at.end(); ++it) {
        auto key = (*it).StringView(storage);
        bool match = key && *key == token;
        ++it;
        if (match && found) {
          return Fail(ErrorKind::kBackend,
                      std::string(kWhat) + ": key \"" + Printable(token) + "\" stands there twice; expected it once");
        }
        if (match) found = *it;
      }
      if (!found) return std::nullopt;
      at = *found;
    } else if (at.Is(JsonType::kArray)) {
      ArrayIndex index = ParseArrayIndex(token, at.size());
      if (index.kind != ArrayIndex::Kind::kElement) return std::nullopt;
      auto it = at.begin();
      for (uint64_t i = 0; i < index.index; ++i) ++it;
      at = *it;
    } else {
      return std::nullopt;
    }
  }
  return at;
}

}  // namespace guardc::gateway
