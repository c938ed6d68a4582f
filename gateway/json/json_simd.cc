// The index of a JsonText by simdjson; no other file includes it. Its on-demand front end checks structure and UTF-8
// and leaves numbers, literals and escapes to whoever reads them; they are checked here, so that what is passed on
// unread is JSON as well.

#include <simdjson.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <bit>
#include <cstring>

#include "gateway/json/json_text.h"
#include "runtime/label/json_padding.h"

namespace guardc::gateway {
namespace {

namespace ondemand = simdjson::ondemand;

// A thread keeps its parser's buffers, unless one huge text made them huge.
constexpr size_t kKeptParserCapacity = size_t{4} << 20;
constexpr size_t kSmallestParser = 4096;
constexpr size_t kUsualDepth = 8;

ondemand::parser& ThreadParser() {
  thread_local ondemand::parser parser;
  if (parser.capacity() > kKeptParserCapacity) parser = ondemand::parser();
  return parser;
}

constexpr std::string_view kJsonSpaces = " \n\t\r";
bool IsJsonSpace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// Texts are padded, so that whole blocks may be read where a string ends.
constexpr size_t kBlock = 16;
static_assert(kBlock <= simdjson::SIMDJSON_PADDING);
using Block [[gnu::vector_size(kBlock)]] = char;

Block LoadBlock(const char* p) {
  Block block;
  std::memcpy(&block, p, kBlock);
  return block;
}

// `is` holds -1 for a byte that was looked for, else 0: a bit for each, the first byte's the lowest.
uint32_t BitsOf(Block is) {
#ifdef __SSE2__
  return static_cast<uint32_t>(_mm_movemask_epi8(std::bit_cast<__m128i>(is)));
#else
  uint32_t bits = 0;
  for (size_t i = 0; i < kBlock; ++i) bits |= (is[i] & 1u) << i;
  return bits;
#endif
}

// The first quote or backslash from `p`, before `limit`; else `limit`. Keys are so short, and escapes so close to each
// other, that memchr would take most of the time to be called.
const char* FindQuoteOrEscape(const char* p, const char* limit) {
  for (; p < limit; p += kBlock) {
    const Block block = LoadBlock(p);
    const uint32_t found = BitsOf((block == '"') | (block == '\\'));
    if (found != 0) return std::min(p + std::countr_zero(found), limit);
  }
  return limit;
}

// RFC 8259, section 7: what may follow a backslash. `s` is the text between the quotes; nullopt where it holds what may
// not.
std::optional<Escapes> EscapesOf(std::string_view s) {
  Escapes found = Escapes::kNone;
  size_t behind_last = 0;  // a backslash before it is the second of an escape
  for (size_t block = 0; block < s.size(); block += kBlock) {
    for (uint32_t bits = BitsOf(LoadBlock(s.data() + block) == '\\'); bits != 0; bits &= bits - 1) {
      const size_t at = block + static_cast<size_t>(std::countr_zero(bits));
      if (at < behind_last) continue;
      if (at >= s.size()) return found;
      if (at + 1 == s.size()) return std::nullopt;
      const char c = s[at + 1];
      if (c == 'u') {
        behind_last = at + 6;
        if (behind_last > s.size() || !std::all_of(s.begin() + at + 2, s.begin() + at + 6, IsHex)) return std::nullopt;
        found = Escapes::kUnicode;
      } else if (c == '"' || c == '\\' || c == '/' || c == 'b' || c == 'f' || c == 'n' || c == 'r' || c == 't') {
        behind_last = at + 2;
        found = std::max(found, Escapes::kSimple);
      } else {
        return std::nullopt;
      }
    }
  }
  return found;
}

// As UnescapeJson(). `inner` lies in a padded text.
bool Unescape(std::string_view inner, Escapes escapes, std::string& storage) {
  ondemand::parser& parser = ThreadParser();
  bool good = parser.capacity() > 0 || parser.allocate(kSmallestParser) == simdjson::SUCCESS;
  // Decoded in place: what it becomes is never longer.
  storage.resize_and_overwrite(inner.size() + simdjson::SIMDJSON_PADDING, [&](char* data, size_t) -> size_t {
    auto* to = reinterpret_cast<uint8_t*>(data);
    std::string_view decoded;
    good =
        good &&
        parser.unescape(ondemand::raw_json_string(reinterpret_cast<const uint8_t*>(inner.data())), to).get(decoded) ==
            simdjson::SUCCESS;
    return good ? decoded.size() : 0;
  });
  // simdjson 3.0 lets the second half of a surrogate pair through alone, as bytes that are not UTF-8.
  return good && (escapes != Escapes::kUnicode || IsUtf8(storage));
}

}  // namespace

// Walks the document with a stack of its own, so that depth costs heap and not the caller's stack. What returns a bool
// answers false where the text is not JSON: a Result for every token would cost more than the token, and why is for the
// check to say (JsonText::Parse).
class JsonText::Builder {
 public:
  explicit Builder(JsonText& out) : out_(out), base_(out.text_.data()) {}

  bool Run() {
    std::string& text = out_.text_;
    if (text.starts_with("\xef\xbb\xbf")) return false;
    const size_t first = text.find_first_not_of(kJsonSpaces);
    if (first == std::string::npos) return false;
    // A number or a literal is the whole text. What is neither, as most of a tool's results that are no JSON, shows at
    // its first byte, before simdjson has read it all.
    const char opener = text[first];
    if (opener != '{' && opener != '[' && opener != '"') {
      return Scalar(std::string_view(text).substr(first));
    }
    text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    base_ = text.data();
    levels_.reserve(kUsualDepth);
    out_.index_.nodes.reserve(text.size() / 16 + 8);
    ondemand::document document;
    if (!Good(ThreadParser()
                  .iterate(
                      simdjson::padded_string_view(text.data(), text.size(), text.size() + simdjson::SIMDJSON_PADDING))
                  .get(document))) {
      return false;
    }
    if (opener == '"') {
      std::string_view token;
      if (!Good(document.raw_json_token().get(token)) || !Scalar(token)) return false;
    } else if (!OpenDocument(document, base_ + first) || !Walk()) {
      return false;
    }
    std::string_view behind = std::string_view(text).substr(out_.index_.nodes[0].end);
    return std::all_of(behind.begin(), behind.end(), IsJsonSpace);
  }

  bool is_out_of_memory() const { return is_out_of_memory_; }

 private:
  // An array or object that is being read. Both iterators are a few words; only one is in use.
  struct Level {
    uint32_t node;
    bool is_object;
    ondemand::array_iterator element;
    ondemand::object_iterator field;
  };

  bool Good(simdjson::error_code code) {
    if (code == simdjson::MEMALLOC) is_out_of_memory_ = true;
    return code == simdjson::SUCCESS;
  }

  // --- Nodes ---

  uint32_t Offset(const char* p) const { return static_cast<uint32_t>(p - base_); }
  uint32_t Add(JsonType type, const char* begin, const char* end, uint32_t size = 0) {
    auto index = static_cast<uint32_t>(out_.index_.nodes.size());
    out_.index_.nodes.push_back({Offset(begin), Offset(end), index + 1, size, type});
    return index;
  }
  void AddString(std::string_view inner, Escapes escapes) {
    Add(JsonType::kString, inner.data() - 1, inner.data() + inner.size() + 1, static_cast<uint32_t>(escapes));
  }

  // `token` reaches from the value's first byte to the next token's, white space included.
  bool Scalar(std::string_view token) {
    while (!token.empty() && IsJsonSpace(token.back())) token.remove_suffix(1);
    if (token.empty()) return false;
    JsonType type = JsonType::kNumber;
    bool good = false;
    switch (token.front()) {
      case '"':
        if (token.size() < 2 || token.back() != '"') return false;
        return String(token.substr(1, token.size() - 2));
      case 't':
        type = JsonType::kTrue;
        good = token == "true";
        break;
      case 'f':
        type = JsonType::kFalse;
        good = token == "false";
        break;
      case 'n':
        type = JsonType::kNull;
        good = token == "null";
        break;
      default:
        good = JsonNumberLength(token) == token.size();
    }
    if (!good) return false;
    Add(type, token.data(), token.data() + token.size());
    return true;
  }

  bool String(std::string_view inner) {
    const auto escapes = EscapesOf(inner);
    if (!escapes) return false;
    AddString(inner, *escapes);
    return true;
  }

  bool OpenDocument(ondemand::document& document, const char* at) {
    if (*at == '[') {
      ondemand::array array;
      return Good(document.get_array().get(array)) && PushArray(array, at);
    }
    ondemand::object object;
    return Good(document.get_object().get(object)) && PushObject(object, at);
  }

  bool PushArray(ondemand::array array, const char* at) {
    if (levels_.size() >= kMaxJsonDepth) return false;
    Level& level = levels_.emplace_back(Level{Add(JsonType::kArray, at, at), false, {}, {}});
    return Good(array.begin().get(level.element));
  }
  bool PushObject(ondemand::object object, const char* at) {
    if (levels_.size() >= kMaxJsonDepth) return false;
    Level& level = levels_.emplace_back(Level{Add(JsonType::kObject, at, at), true, {}, {}});
    return Good(object.begin().get(level.field));
  }

  bool Walk() {
    while (!levels_.empty()) {
      Level& level = levels_.back();
      const bool more =
          level.is_object ? level.field != ondemand::object_iterator{} : level.element != ondemand::array_iterator{};
      if (more) {
        ++out_.index_.nodes[level.node].size;
        const size_t depth = levels_.size();
        if (!Child(level)) return false;
        if (levels_.size() > depth) continue;
      } else {
        Close();
        if (levels_.empty()) break;
      }
      // A child of the innermost level has ended: on to the next.
      Level& parent = levels_.back();
      if (parent.is_object) {
        ++parent.field;
      } else {
        ++parent.element;
      }
    }
    return true;
  }

  // A scalar is done with; an array or object is pushed.
  bool Child(Level& level) {
    ondemand::value value;
    if (level.is_object) {
      ondemand::field field;
      if (!Good((*level.field).get(field)) || !Key(field.key().raw())) return false;
      value = field.value();
    } else if (!Good((*level.element).get(value))) {
      return false;
    }
    std::string_view token = value.raw_json_token();
    const char first = token.empty() ? '\0' : token.front();
    if (first == '[') {
      ondemand::array array;
      return Good(value.get_array().get(array)) && PushArray(array, token.data());
    }
    if (first == '{') {
      ondemand::object object;
      return Good(value.get_object().get(object)) && PushObject(object, token.data());
    }
    if (!Scalar(token)) return false;
    last_end_ = base_ + out_.index_.nodes.back().end;
    // Consumed here, since simdjson 3.0 takes an unread string before a colon for a key, and skips what follows.
    ondemand::raw_json_string consumed;
    return first != '"' || Good(value.get_raw_json_string().get(consumed));
  }

  bool Key(const char* begin) {
    const char* limit = base_ + out_.text_.size();
    const char* end = FindQuoteOrEscape(begin, limit);
    if (end < limit && *end == '"') {
      AddString({begin, end}, Escapes::kNone);
      return true;
    }
    while (end < limit && *end == '\\') end = FindQuoteOrEscape(std::min(end + 2, limit), limit);
    if (end == limit) return false;
    return String({begin, end});
  }

  // simdjson has seen the closing bracket; between it and the last child there is only white space.
  void Close() {
    Level& level = levels_.back();
    JsonIndex::Node& node = out_.index_.nodes[level.node];
    const char* p = node.size == 0 ? base_ + node.begin + 1 : last_end_;
    while (IsJsonSpace(*p)) ++p;
    last_end_ = p + 1;
    node.end = Offset(last_end_);
    node.next = static_cast<uint32_t>(out_.index_.nodes.size());
    levels_.pop_back();
  }

  JsonText& out_;
  const char* base_;
  std::vector<Level> levels_;
  const char* last_end_ = nullptr;
  bool is_out_of_memory_ = false;
};

static_assert(simdjson::SIMDJSON_PADDING <= kAnswerSpare);

JsonText::Indexed JsonText::BuildIndex() {
  Builder builder(*this);
  if (!builder.Run()) return builder.is_out_of_memory() ? Indexed::kOutOfMemory : Indexed::kNotJson;
  index_.text = text_.data();
  index_.unescape = Unescape;
  return Indexed::kDone;
}

bool IsUtf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

}  // namespace guardc::gateway
