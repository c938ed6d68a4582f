#include "tools/exec_values.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <limits>
#include <optional>
#include <string_view>

namespace guardc::cli {
namespace {

// The bits of an integer between -2^(width-1) and 2^width - 1.
std::optional<uint64_t> ParseInteger(std::string_view text, unsigned width) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), magnitude, hex ? 16 : 10);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  const uint64_t largest = negative ? uint64_t{1} << (width - 1) : std::numeric_limits<uint64_t>::max() >> (64 - width);
  if (magnitude > largest) return std::nullopt;
  return negative ? ~magnitude + 1 : magnitude;
}

template <class T>
std::optional<T> ParseFloat(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool ParseValue(ValType type, std::string_view text, abi::Value& out) {
  switch (type) {
    case ValType::kI32:
      if (const auto bits = ParseInteger(text, 32)) return out.i32 = static_cast<uint32_t>(*bits), true;
      return false;
    case ValType::kI64:
      if (const auto bits = ParseInteger(text, 64)) return out.i64 = *bits, true;
      return false;
    case ValType::kF32:
      if (const auto value = ParseFloat<float>(text)) return out.f32 = *value, true;
      return false;
    case ValType::kF64:
      if (const auto value = ParseFloat<double>(text)) return out.f64 = *value, true;
      return false;
    case ValType::kV128:
    case ValType::kFuncRef:
    case ValType::kExternRef:
      break;
  }
  return false;
}

template <class T>
std::string FormatFloat(T value) {
  char text[64];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

}  // namespace

Result<std::vector<abi::Value>> ParseArguments(const std::string& function, const FuncType& type,
                                               const std::vector<std::string>& arguments) {
  if (arguments.size() != type.params.size()) {
    return Fail(ErrorKind::kInvalidArgument, "'" + function + "' is " + ToString(type) + " and takes " +
                                                 std::to_string(type.params.size()) + " arguments, not " +
                                                 std::to_string(arguments.size()));
  }
  std::vector<abi::Value> out(std::max({type.params.size(), type.results.size(), size_t{1}}));
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (ParseValue(type.params[i], arguments[i], out[i])) continue;
    const std::string name(ValTypeName(type.params[i]));
    if (type.params[i] == ValType::kV128 || IsReference(type.params[i])) {
      return Fail(ErrorKind::kInvalidArgument, "argument " + std::to_string(i + 1) + " of '" + function + "' is " +
                                                   name + ", which cannot be given on a command line");
    }
    return Fail(ErrorKind::kInvalidArgument, "argument " + std::to_string(i + 1) + " of '" + function + "', '" +
                                                 arguments[i] + "', is not a number that fits " + name);
  }
  return out;
}

std::string FormatValue(ValType type, const abi::Value& value) {
  switch (type) {
    case ValType::kI32:
      return std::to_string(static_cast<int32_t>(value.i32));
    case ValType::kI64:
      return std::to_string(static_cast<int64_t>(value.i64));
    case ValType::kF32:
      return FormatFloat(value.f32);
    case ValType::kF64:
      return FormatFloat(value.f64);
    case ValType::kV128: {
      std::string out = "0x";
      for (int i = 15; i >= 0; --i) {
        char digits[4];
        std::snprintf(digits, sizeof digits, "%02x", value.v128[i]);
        out += digits;
      }
      return out;
    }
    case ValType::kFuncRef:
    case ValType::kExternRef:
      return value.ref == nullptr ? "null" : "ref";
  }
  return "?";
}

}  // namespace guardc::cli
