// The C interface of oracle/: wasmparser with exactly guardc's features.
#pragma once

#include <cstddef>
#include <cstdint>

namespace guardc::validity {

enum class OracleOutcome : uint8_t { kAccepted = 0, kRefused = 1, kPanicked = 2 };

extern "C" {

struct OracleOpinion {
  OracleOutcome outcome;
  uint32_t message_size;  // written to `message`
  uint64_t offset;        // where it refused
  uint64_t instructions;  // FoldOffset over all instructions' offsets, if accepted
};

OracleOpinion validity_oracle(const uint8_t* wasm, size_t size, char* message, size_t capacity);

}  // extern "C"

constexpr uint64_t kFoldStart = 0xcbf29ce484222325;
constexpr uint64_t FoldOffset(uint64_t hash, uint64_t offset) { return (hash ^ offset) * 0x100000001b3; }

}  // namespace guardc::validity
