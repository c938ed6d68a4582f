#include "base/json_check.h"

#include <algorithm>
#include <string>

#include "base/hex.h"
#include "base/json_scan.h"

namespace guardc {
namespace {

struct NoEvents {
  void Open(bool, size_t) {}
  void Close(size_t) {}
  void Scalar(JsonType, size_t, size_t, Escapes) {}
};

std::string FoundAt(std::string_view text, size_t position) {
  if (position == text.size()) return "the end of the text";
  const auto byte = static_cast<uint8_t>(text[position]);
  if (byte > 0x20 && byte < 0x7f) return std::string("'") + text[position] + "'";
  return "the byte 0x" + HexOf({&byte, 1});
}

}  // namespace

std::unexpected<Error> JsonError(std::string_view text, std::string_view what, size_t position,
                                 std::string_view expected) {
  const std::string_view before = text.substr(0, position);
  const size_t column = position - (before.rfind('\n') + 1);  // npos + 1 is 0
  // A text of one line has columns only: it may be a line of something else.
  std::string place;
  if (text.contains('\n')) place = "line " + std::to_string(1 + std::ranges::count(before, '\n')) + ", ";
  place += "column " + std::to_string(1 + column);
  return Fail(ErrorKind::kInvalidArgument, std::string(what) + " is not JSON: " + place + ": " +
                                               FoundAt(text, position) + " where " + std::string(expected) +
                                               " was expected");
}

std::unexpected<Error> JsonTooDeep(std::string_view what) {
  return Fail(ErrorKind::kLimit, std::string(what) + " nests deeper than " + std::to_string(kMaxJsonDepth) + " levels",
              {.limit = kMaxJsonDepth});
}

Result<void> CheckJson(std::string_view text, std::string_view what) {
  NoEvents none;
  return ScanJson(text, what, none);
}

}  // namespace guardc
