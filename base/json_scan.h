// One pass over JSON text, with an event for each value: what CheckJson() and JsonIndex are made of. It makes no
// values; numbers and strings stay the bytes that they are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_check.h"
#include "base/utf8.h"

namespace guardc {

enum class JsonType : uint8_t { kNull, kTrue, kFalse, kNumber, kString, kArray, kObject };

// The escapes of a string (RFC 8259, section 7): none, those of one letter, and \uXXXX among them.
enum class Escapes : uint8_t { kNone, kSimple, kUnicode };

// The length of the number at the start of `text` (section 6); 0 where there is none.
inline size_t JsonNumberLength(std::string_view text) {
  size_t i = 0;
  const auto at = [&](char c) { return i < text.size() && text[i] == c; };
  const auto digits = [&] {
    const size_t start = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i > start;
  };
  if (at('-')) ++i;
  if (at('0')) {
    ++i;
  } else if (!digits()) {
    return 0;
  }
  size_t end = i;
  if (at('.')) {
    ++i;
    if (!digits()) return end;
    end = i;
  }
  if (at('e') || at('E')) {
    ++i;
    if (at('+') || at('-')) ++i;
    if (digits()) end = i;
  }
  return end;
}

// Sink has:
//   void Open(bool is_object, size_t begin);
//   void Close(size_t end);
//   void Scalar(JsonType type, size_t begin, size_t end, Escapes escapes);  // keys too: key, value, key, value
// with bytes' offsets into the text. It hears of no level that is too deep, nor of what follows one.
template <class Sink>
class JsonScanner {
 public:
  JsonScanner(std::string_view text, Sink& sink) : text_(text), sink_(sink) {}

  // Whether the text is JSON. What is too deep has to be JSON otherwise: it is read to its end.
  bool Scan() {
    if (text_.starts_with("\xef\xbb\xbf")) return Expected("a value, without a byte order mark before it");
    SkipSpace();
    while (Value()) {
      if (is_value_next_) continue;
      if (!AfterValue()) return false;
      if (!is_value_next_) return true;
    }
    return false;
  }

  bool is_too_deep() const { return is_too_deep_; }
  // Where Scan() has ended, and what should have been there.
  size_t position() const { return pos_; }
  std::string_view expected() const { return expected_; }

 private:
  static constexpr uint8_t kEnd = 0;  // as Peek() answers it; no token begins with NUL
  // What stands in a string for itself, and is ASCII.
  static constexpr auto kIsPlain = [] {
    std::array<bool, 256> plain = {};
    for (size_t c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
    return plain;
  }();

  static bool IsSpace(uint8_t c) { return c <= ' ' && (c == ' ' || c == '\n' || c == '\t' || c == '\r'); }
  static bool IsHex(uint8_t c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

  uint8_t Peek() const { return pos_ < text_.size() ? static_cast<uint8_t>(text_[pos_]) : kEnd; }
  // The two loops that take the time: over copies, which stay in registers.
  void SkipSpace() {
    size_t at = pos_;
    while (at < text_.size() && IsSpace(static_cast<uint8_t>(text_[at]))) ++at;
    pos_ = at;
  }
  void SkipPlain() {
    const std::string_view text = text_;
    size_t at = pos_;
    while (at < text.size() && kIsPlain[static_cast<uint8_t>(text[at])]) ++at;
    pos_ = at;
  }
  bool Expected(std::string_view what) {
    expected_ = what;
    return false;
  }
  bool IsInObject() const { return is_object_.back(); }

  void Open(bool is_object) {
    is_too_deep_ = is_too_deep_ || is_object_.size() == kMaxJsonDepth;
    is_object_.push_back(is_object);
    if (!is_too_deep_) sink_.Open(is_object, pos_);
    ++pos_;
    SkipSpace();
  }

  void Close() {
    ++pos_;
    is_object_.pop_back();
    if (!is_too_deep_) sink_.Close(pos_);
  }

  void Scalar(JsonType type, size_t begin, Escapes escapes = Escapes::kNone) {
    if (!is_too_deep_) sink_.Scalar(type, begin, pos_, escapes);
  }

  bool Literal(JsonType type, std::string_view word) {
    if (!text_.substr(pos_).starts_with(word)) return Expected("a value");
    const size_t begin = pos_;
    pos_ += word.size();
    Scalar(type, begin);
    return true;
  }

  // A scalar, an empty array or object, or the opening of another one up to its first value, which is next then.
  bool Value() {
    is_value_next_ = false;
    switch (Peek()) {
      case '{':
        Open(true);
        if (Peek() != '}') return Key();
        Close();
        return true;
      case '[':
        Open(false);
        if (Peek() == ']') {
          Close();
        } else {
          is_value_next_ = true;
        }
        return true;
      case '"':
        return String();
      case 't':
        return Literal(JsonType::kTrue, "true");
      case 'f':
        return Literal(JsonType::kFalse, "false");
      case 'n':
        return Literal(JsonType::kNull, "null");
      default:
        return Number();
    }
  }

  // Closes what ends here, up to the next value or the end of the text.
  bool AfterValue() {
    while (true) {
      SkipSpace();
      if (is_object_.empty()) return pos_ == text_.size() || Expected("the end of the text");
      const bool in_object = IsInObject();
      if (Peek() == ',') {
        ++pos_;
        SkipSpace();
        if (in_object) return Key();
        is_value_next_ = true;
        return true;
      }
      if (Peek() != (in_object ? '}' : ']')) return Expected(in_object ? "',' or '}'" : "',' or ']'");
      Close();
    }
  }

  // A key and its colon; a value is next.
  bool Key() {
    if (Peek() != '"') return Expected("a key");
    if (!String()) return false;
    SkipSpace();
    if (Peek() != ':') return Expected("':'");
    ++pos_;
    SkipSpace();
    is_value_next_ = true;
    return true;
  }

  bool Number() {
    const size_t length = JsonNumberLength(text_.substr(pos_));
    if (length == 0) return Expected("a value");
    const size_t begin = pos_;
    pos_ += length;
    Scalar(JsonType::kNumber, begin);
    return true;
  }

  bool String() {
    const size_t begin = pos_++;
    Escapes escapes = Escapes::kNone;
    while (true) {
      SkipPlain();
      const uint8_t c = Peek();
      if (c >= 0x80) {
        const size_t length = Utf8Length(text_.substr(pos_));
        if (length == 0) return Expected("UTF-8");
        pos_ += length;
      } else if (c == '"') {
        ++pos_;
        Scalar(JsonType::kString, begin, escapes);
        return true;
      } else if (c < 0x20) {
        return Expected(pos_ == text_.size() ? "the end of a string" : "a character of a string, or its escape");
      } else if (!Escape(escapes)) {
        return false;
      }
    }
  }

  bool Escape(Escapes& found) {
    ++pos_;
    switch (Peek()) {
      case '"':
      case '\\':
      case '/':
      case 'b':
      case 'f':
      case 'n':
      case 'r':
      case 't':
        ++pos_;
        if (found == Escapes::kNone) found = Escapes::kSimple;
        return true;
      case 'u':
        ++pos_;
        for (int i = 0; i < 4; ++i, ++pos_) {
          if (!IsHex(Peek())) return Expected("four hexadecimal digits of an escape");
        }
        found = Escapes::kUnicode;
        return true;
      default:
        return Expected("an escape");
    }
  }

  std::string_view text_;
  Sink& sink_;
  size_t pos_ = 0;
  std::vector<bool> is_object_;  // of each level that is open
  bool is_value_next_ = false;
  bool is_too_deep_ = false;
  std::string_view expected_;
};

// The error of a text whose scan has failed, or was too deep.
std::unexpected<Error> JsonError(std::string_view text, std::string_view what, size_t position,
                                 std::string_view expected);
std::unexpected<Error> JsonTooDeep(std::string_view what);

// Scans with the events going to `sink`.
template <class Sink>
Result<void> ScanJson(std::string_view text, std::string_view what, Sink& sink) {
  JsonScanner<Sink> scanner(text, sink);
  if (!scanner.Scan()) return JsonError(text, what, scanner.position(), scanner.expected());
  if (scanner.is_too_deep()) return JsonTooDeep(what);
  return {};
}

}  // namespace guardc
