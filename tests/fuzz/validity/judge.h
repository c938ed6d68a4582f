// What guardc's reader and the oracle say about a module, and whether that goes together.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "compiler/frontend/wabt_reader.h"
#include "guardc/result.h"
#include "tests/fuzz/validity/oracle.h"

namespace guardc::validity {

using compiler::FirstValidator;

// X(enumerator, name, what it means)
#define GUARDC_VALIDITY_FINDINGS(X)                                                                          \
  X(kHole, "hole", "guardc accepts it, wasmparser does not")                                                 \
  X(kTooStrict, "too-strict", "guardc calls it invalid, wasmparser accepts it")                              \
  X(kUnlisted, "unlisted", "refused by a name that is not on the list of exceptions, wasmparser accepts it") \
  X(kWrongError, "wrong-error", "refused with an error that is not about the module")                        \
  X(kNoOffset, "no-offset", "refused without an offset in the module")                                       \
  X(kOtherReading, "other-reading", "both accept it, and find instructions at other offsets")                \
  X(kSlow, "slow", "reading takes more time than the size explains")                                         \
  X(kOraclePanic, "oracle-panic", "wasmparser panicked")                                                     \
  X(kCrash, "crash", "the process died")                                                                     \
  X(kHang, "hang", "reading did not come back")

enum class FindingKind : uint8_t {
#define GUARDC_X(id, name, text) id,
  GUARDC_VALIDITY_FINDINGS(GUARDC_X)
#undef GUARDC_X
};
struct FindingText {
  std::string_view name;
  std::string_view meaning;
};
const FindingText& TextOf(FindingKind kind);

struct Verdict {
  std::optional<Error> guardc;  // why it refuses
  OracleOutcome oracle = OracleOutcome::kAccepted;
  std::string oracle_message;
  uint64_t oracle_offset = 0;
  std::string slow;  // how long reading took, if too long
  std::optional<FindingKind> finding;

  bool GuardcAccepts() const { return !guardc; }
  // By kUnsupported or kLimit.
  bool RefusedByName() const;
  // Two findings with the same key are the same hole, most likely: kind, message without numbers, opcode.
  std::string Key(std::span<const uint8_t> wasm) const;
  // Several lines, for people.
  std::string Describe() const;
};

Verdict Judge(std::span<const uint8_t> wasm, FirstValidator first);

}  // namespace guardc::validity
