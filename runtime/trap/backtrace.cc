// Frames are mapped to functions by the start that the unwind table gives: entries, thunks and the artifact's memcpy
// have none in the list of functions and are left out.
#include "runtime/trap/backtrace.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <unordered_map>

#include "runtime/trap/code_registry.h"
#include "runtime/trap/inlines.h"
#include "runtime/trap/stack_adjustment.h"
#include "runtime/trap/unwind.h"

namespace guardc {

namespace {

constexpr size_t kMaxFrames = 64;

// Function records are in order of their index, not of their code: found by a search through all, for few frames.
const abi::FunctionRecord* FindFunction(const loader::LoadedArtifact& artifact, uintptr_t begin) {
  const auto header = reinterpret_cast<uintptr_t>(&artifact.header());
  const auto offset = static_cast<int64_t>(begin) - static_cast<int64_t>(header);
  for (const abi::FunctionRecord& function : artifact.List<abi::FunctionRecord>(artifact.header().functions)) {
    if (function.code != 0 && function.code == offset) return &function;
  }
  return nullptr;
}

// A kick, or the end of the stack, may find the guest in our stub, on its way to or from a host function: then the
// guest function is the caller. In the code that enters the guest there is none.
GuestRegisters LeaveStub(const GuestRegisters& registers, const StackBounds& stack) {
  const auto begin = reinterpret_cast<uintptr_t>(&guardc_call_host);
  if (registers.pc < begin || registers.pc >= reinterpret_cast<uintptr_t>(&guardc_stubs_end)) return registers;
  const bool has_frame = registers.pc != begin && registers.pc != reinterpret_cast<uintptr_t>(&guardc_call_host_return);
#if defined(__x86_64__)
  const uintptr_t at = has_frame ? registers.sp + 8 : registers.sp;
  const uintptr_t caller_sp = at + 8;
#else
  if (!has_frame) return {registers.lr, registers.sp, registers.fp, 0, 0};
  const uintptr_t at = registers.sp + 8;
  const uintptr_t caller_sp = registers.sp + 16;
#endif
  if (at < stack.low || at > stack.high - sizeof(uintptr_t)) return registers;
  uintptr_t return_address;
  std::memcpy(&return_address, reinterpret_cast<const void*>(at), sizeof(return_address));
  return {return_address, caller_sp, registers.fp, 0, 0};
}

bool IsEntry(uintptr_t pc) {
  return pc >= reinterpret_cast<uintptr_t>(&guardc_stubs_begin) && pc < reinterpret_cast<uintptr_t>(&guardc_call_host);
}

const abi::FunctionRecord* FindFunctionByIndex(const loader::LoadedArtifact& artifact, uint32_t function) {
  const auto functions = artifact.List<abi::FunctionRecord>(artifact.header().functions);
  const auto found = std::ranges::lower_bound(functions, function, {}, &abi::FunctionRecord::function);
  return found != functions.end() && found->function == function ? &*found : nullptr;
}

// The machine function's frame, and before it those of what is inlined there.
void AddFrames(const loader::LoadedArtifact& artifact, const abi::FunctionRecord& function,
               const GuestRegisters& registers, uintptr_t begin, std::vector<Frame>& frames) {
  const uintptr_t pc = registers.is_exact != 0 ? registers.pc : registers.pc - 1;
  const auto add = [&](const abi::FunctionRecord& record) {
    if (frames.size() == kMaxFrames) return;
    frames.push_back(
        {record.function, std::string(artifact.String(record.name)), record.module_offset, registers.pc - begin});
  };
  for (const uint32_t inlined : InlinedAt(artifact.inline_table(), begin, pc)) {
    if (const abi::FunctionRecord* record = FindFunctionByIndex(artifact, inlined)) add(*record);
  }
  add(function);
}

}  // namespace

Backtrace WalkGuestStack(const Activation& activation, bool to_the_end) {
  const StackBounds stack{activation.stack_low, activation.stack_top};
  GuestRegisters registers = LeaveStub(activation.left_at, stack);
  Backtrace out;
  std::unordered_map<uintptr_t, const abi::FunctionRecord*> functions;  // by start; deep stacks are recursions
  while (to_the_end || out.frames.size() < kMaxFrames) {
    const loader::LoadedArtifact* artifact = FindArtifact(registers.pc);
    if (artifact == nullptr) break;
    const bool was_exact = registers.is_exact != 0;
    const auto description =
        FindFrameDescription(artifact->eh_frame_hdr(), was_exact ? registers.pc : registers.pc - 1);
    if (!description) break;
    const auto [known, is_new] = functions.try_emplace(description->begin, nullptr);
    if (is_new) known->second = FindFunction(*artifact, description->begin);
    if (const abi::FunctionRecord* function = known->second) {
      if (std::ranges::find(out.artifacts, artifact) == out.artifacts.end()) out.artifacts.push_back(artifact);
      if (out.frames.size() < kMaxFrames) AddFrames(*artifact, *function, registers, description->begin, out.frames);
    }
    // Each step moves up the stack (but for the innermost, which may have no frame yet), so the walk ends.
    const uintptr_t sp = registers.sp;
    if (!(was_exact ? UnwindInterrupted : Unwind)(*description, stack, registers)) break;
    if (registers.sp <= sp && !(was_exact && registers.sp == sp)) break;
  }
  out.is_complete = IsEntry(registers.pc);
  return out;
}

}  // namespace guardc
