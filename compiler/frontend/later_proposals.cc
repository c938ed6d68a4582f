#include "compiler/frontend/later_proposals.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "compiler/frontend/byte_cursor.h"

namespace guardc::compiler {
namespace {

constexpr std::string_view kExceptions = "exception handling";
constexpr std::string_view kTypedReferences = "typed function references";
constexpr std::string_view kGarbageCollection = "garbage collection";
constexpr std::string_view kStackSwitching = "stack switching";
constexpr std::string_view kSharedEverything = "shared-everything threads";
constexpr std::string_view kWideArithmetic = "wide arithmetic";
constexpr std::string_view kCustomPageSizes = "custom page sizes";
constexpr std::string_view kMemoryControl = "memory control";
constexpr std::string_view kCompactImports = "compact imports";
constexpr std::string_view kCustomDescriptors = "custom descriptors";
constexpr std::string_view kHalfPrecision = "half precision";
constexpr std::string_view kStringReferences = "string references";

// An opcode behind one of the prefixes.
std::string_view ProposalOfPrefixed(uint8_t prefix, uint32_t code) {
  switch (prefix) {
    case 0xfb:
      if (code >= 0x80) return kStringReferences;
      return code >= 0x20 ? kCustomDescriptors : kGarbageCollection;
    case 0xfc:
      if (code == 0x12) return kMemoryControl;  // memory.discard
      if (code >= 0x13 && code <= 0x16) return kWideArithmetic;
      return code == 0x30 || code == 0x31 ? kHalfPrecision : "";  // f32.load_f16, f32.store_f16
    case 0xfd:
      return code >= 0x120 && code <= 0x14f ? kHalfPrecision : "";  // f16x8
    case 0xfe:
      return code == 0x04 || code >= 0x4f ? kSharedEverything : "";  // pause, and accesses of what is not memory
    default:
      return "";
  }
}

std::string_view ProposalOfTypeForm(uint8_t byte) {
  switch (byte) {
    case 0x4c:  // describes, descriptor
    case 0x4d:
      return kCustomDescriptors;
    case 0x4e:  // rec, sub final, sub
    case 0x4f:
    case 0x50:
    case 0x5e:  // array, struct
    case 0x5f:
      return kGarbageCollection;
    case 0x5d:
      return kStackSwitching;
    case 0x65:
      return kSharedEverything;
    default:
      return "";
  }
}

// The last number of the message: "unexpected type form (got 0x4e)", "malformed memory limits flag: 8". Types are
// sign-extended from seven bits: "(got -0x17)", "invalid global type: 0xffffffea".
std::optional<uint8_t> LastByte(std::string_view message) {
  const size_t hex = message.rfind("0x");
  const size_t begin = hex == std::string_view::npos ? message.rfind(' ') + 1 : hex + 2;
  const bool negative = hex != std::string_view::npos && hex > 0 && message[hex - 1] == '-';
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(message.data() + begin, message.data() + message.size(), value,
                                            hex == std::string_view::npos ? 10 : 16);
  if (error != std::errc()) return std::nullopt;
  return static_cast<uint8_t>(negative ? 0x80 - value : value);
}

}  // namespace

std::string_view ProposalOfType(uint8_t byte) {
  switch (byte & 0x7f) {
    case 0x63:  // (ref null T), (ref T)
    case 0x64:
      return kTypedReferences;
    case 0x62:  // exact
      return kCustomDescriptors;
    case 0x67:
      return kStringReferences;
    case 0x6a:  // array, struct, i31, eq, any
    case 0x6b:
    case 0x6c:
    case 0x6d:
    case 0x6e:
    case 0x71:  // none, noextern, nofunc
    case 0x72:
    case 0x73:
      return kGarbageCollection;
    case 0x69:  // exn, noexn
    case 0x74:
      return kExceptions;
    case 0x68:  // cont, nocont
    case 0x75:
      return kStackSwitching;
    case 0x65:
      return kSharedEverything;
    default:
      return "";
  }
}

std::string_view ProposalOfOpcode(std::span<const uint8_t> wasm, size_t at) {
  ByteCursor code(wasm, std::min(at, wasm.size()), wasm.size());
  const uint8_t byte = code.U8().value_or(0);
  if (byte == 0x08 || byte == 0x0a || byte == 0x1f) return kExceptions;  // throw, throw_ref, try_table
  if (byte == 0x14 || byte == 0x15 || byte == 0xd4 || byte == 0xd5 || byte == 0xd6) return kTypedReferences;
  if (byte == 0xd3) return kGarbageCollection;  // ref.eq
  if (byte >= 0xe0 && byte <= 0xe6) return kStackSwitching;
  return byte >= 0xfb ? ProposalOfPrefixed(byte, code.U32().value_or(0)) : "";
}

std::string_view ProposalBehind(std::string_view message, std::span<const uint8_t> wasm, size_t at, size_t item_start) {
  const auto starts = [&](std::string_view text) { return message.starts_with(text); };
  const uint8_t before = at > 0 && at <= wasm.size() ? wasm[at - 1] : 0;
  if (starts("unexpected opcode")) return ProposalOfOpcode(wasm, item_start);
  if (starts("tables may not be 64-bit")) return "64-bit tables";
  if (starts("table elem type must be")) return before == 0x40 ? kTypedReferences : ProposalOfType(before);
  // The type is the byte before; or the one before an index, where wabt takes it for a type that one follows.
  if (message == "expected valid local type" || starts("ref.null type must be") ||
      starts("expected valid block signature type")) {
    // The last byte of an index, of a type that is defined in the module.
    if (starts("ref.null") && before < 0x40) return kTypedReferences;
    const std::string_view proposal = ProposalOfType(before);
    if (!proposal.empty() || at < 2 || at > wasm.size()) return proposal;
    size_t type_at = at - 2;
    while (type_at > 0 && (wasm[type_at] & 0x80) != 0) --type_at;  // all bytes of the index but the last
    return ProposalOfType(wasm[type_at]);
  }
  const std::optional<uint8_t> byte = LastByte(message);
  if (!byte) return "";
  if (starts("unexpected type form")) return ProposalOfTypeForm(*byte);
  if (starts("malformed memory limits flag")) return (*byte & ~0x0f) == 0 && (*byte & 8) != 0 ? kCustomPageSizes : "";
  if (starts("malformed import kind")) {
    if (*byte == 0x20) return kCustomDescriptors;  // an exact function
    return *byte == 0x7e || *byte == 0x7f ? kCompactImports : "";
  }
  if (starts("expected valid ") || starts("invalid global type") || starts("malformed element type")) {
    return ProposalOfType(*byte);
  }
  return "";
}

}  // namespace guardc::compiler
