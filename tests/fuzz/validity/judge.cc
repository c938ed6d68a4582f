#include "tests/fuzz/validity/judge.h"

#include <time.h>
#include <algorithm>
#include <array>
#include <regex>

#include "base/format.h"

namespace guardc::validity {
namespace {

// What guardc refuses and wasmparser accepts, by what guardc says. By name (kUnsupported, kLimit):
constexpr std::string_view kNamed[] = {
    // Comes with memory64 in wasmparser; guardc's tables are 32-bit.
    "64-bit tables",
    // wabt reads the offset of every access as the first memory's.
    "an offset above 4 GiB in a 64-bit memory that stands behind a 32-bit one",
    // On in wasmparser for modules whose constant expressions name own globals (oracle/src/lib.rs).
    "garbage collection",
    // wasmparser takes `(ref null func)`, spelt out, for funcref without the proposal.
    "typed function references",
    // read_limits.h, where wasmparser allows more.
    "targets of a br_table",
    "nested blocks",
    "operands on a function's stack",
    "a constant expression is too long",
    "elements in element segments",
    "initial elements of a table",
    "locals and values of blocks, branches and calls",
};
// As invalid: limits and offsets are 64-bit numbers for wasmparser as soon as memory64 is on, as in core 3.0. Here, and
// in core 2.0, those of a 32-bit memory or table have 32 bits, which is five bytes at most.
constexpr std::string_view kLongNumber = "unable to read u32 leb128: ";
constexpr std::string_view kLongNumberOf[] = {"offset", "page count", "elem count"};

// Reading takes time in proportion to a module's size: 50 ns a byte, up to a few hundred where everything is a type.
constexpr size_t kTimedFrom = 50'000;  // bytes
#ifdef GUARDC_VALIDITY_SANITIZED
constexpr double kSlow = 20e-6;
#else
constexpr double kSlow = 1e-6;  // seconds a byte
#endif

double CpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

uint64_t Instructions(const compiler::Module& module) {
  uint64_t hash = kFoldStart;
  for (const compiler::Function& function : module.functions) {
    for (const compiler::Instr& instr : function.body) hash = FoldOffset(hash, instr.offset);
  }
  return hash;
}

// Without numbers and names of types.
std::string Generalised(std::string text) {
  static const std::regex kTypes("i32|i64|f32|f64|v128|funcref|externref|\\(ref \\$type\\)");
  static const std::regex kNumbers("0x[0-9a-f]+|[0-9]+");
  return std::regex_replace(std::regex_replace(text, kTypes, "T"), kNumbers, "N");
}

std::optional<FindingKind> Compare(const Verdict& verdict, size_t size) {
  if (verdict.oracle == OracleOutcome::kPanicked) return FindingKind::kOraclePanic;
  const bool oracle_accepts = verdict.oracle == OracleOutcome::kAccepted;
  if (verdict.GuardcAccepts()) return oracle_accepts ? std::nullopt : std::optional(FindingKind::kHole);
  const Error& error = *verdict.guardc;
  if (error.kind != ErrorKind::kInvalidWasm && !verdict.RefusedByName()) return FindingKind::kWrongError;
  const auto offset = error.details().module_offset;
  if (!offset || *offset > size) return FindingKind::kNoOffset;
  if (!oracle_accepts) return std::nullopt;
  const std::string_view text = error.message;
  if (error.kind == ErrorKind::kInvalidWasm) {
    const bool long_number = text.contains(kLongNumber) &&
                             std::ranges::any_of(kLongNumberOf, [&](auto what) { return text.ends_with(what); });
    return long_number ? std::nullopt : std::optional(FindingKind::kTooStrict);
  }
  const bool named = std::ranges::any_of(kNamed, [&](auto name) { return text.contains(name); });
  return named ? std::nullopt : std::optional(FindingKind::kUnlisted);
}

}  // namespace

const FindingText& TextOf(FindingKind kind) {
  static constexpr FindingText kTexts[] = {
#define GUARDC_X(id, name, meaning) {name, meaning},
      GUARDC_VALIDITY_FINDINGS(GUARDC_X)
#undef GUARDC_X
  };
  return kTexts[static_cast<size_t>(kind)];
}

bool Verdict::RefusedByName() const {
  return guardc && (guardc->kind == ErrorKind::kUnsupported || guardc->kind == ErrorKind::kLimit);
}

std::string Verdict::Key(std::span<const uint8_t> wasm) const {
  const std::string name(finding ? TextOf(*finding).name : "none");
  if (finding == FindingKind::kSlow) return name;
  if (oracle_message.empty()) return Format("{} {}", name, Generalised(guardc ? guardc->message : ""));
  // Where an instruction is refused: which. Those with a prefix are told apart by both bytes.
  std::string key = Format("{} {}", name, Generalised(oracle_message));
  const size_t bytes = oracle_offset < wasm.size() && wasm[oracle_offset] >= 0xfc ? 2 : 1;
  for (size_t i = oracle_offset; i < std::min(oracle_offset + bytes, wasm.size()); ++i)
    key += Format(" {:02x}", wasm[i]);
  return key;
}

std::string Verdict::Describe() const {
  std::string text;
  if (finding) text += Format("{}: {}\n", TextOf(*finding).name, TextOf(*finding).meaning);
  text +=
      Format("guardc:     {}\n", guardc ? Format("{}: {}", ErrorKindName(guardc->kind), guardc->message) : "accepts");
  text += Format("wasmparser: {}\n", oracle == OracleOutcome::kAccepted
                                         ? "accepts"
                                         : Format("refuses at {:#x}: {}", oracle_offset, oracle_message));
  if (!slow.empty()) text += Format("guardc took {}\n", slow);
  return text;
}

Verdict Judge(std::span<const uint8_t> wasm, FirstValidator first) {
  Verdict verdict;
  const bool timed = wasm.size() >= kTimedFrom;
  const double start = timed ? CpuSeconds() : 0;
  const auto module = compiler::ReadModule(std::as_bytes(wasm), {}, first);
  const double seconds = timed ? CpuSeconds() - start : 0;
  std::array<char, 512> message;
  const OracleOpinion opinion = validity_oracle(wasm.data(), wasm.size(), message.data(), message.size());
  if (!module) verdict.guardc = module.error();
  verdict.oracle = opinion.outcome;
  verdict.oracle_message.assign(message.data(), opinion.message_size);
  verdict.oracle_offset = opinion.offset;
  verdict.finding = Compare(verdict, wasm.size());
  if (verdict.finding) return verdict;
  if (module && Instructions(*module) != opinion.instructions) verdict.finding = FindingKind::kOtherReading;
  if (seconds > kSlow * static_cast<double>(wasm.size())) {
    verdict.finding = FindingKind::kSlow;
    verdict.slow = Format("{:.3f} s for {} bytes", seconds, wasm.size());
  }
  return verdict;
}

}  // namespace guardc::validity
