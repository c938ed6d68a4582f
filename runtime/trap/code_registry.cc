// A list of slots that is only ever appended to; each slot is guarded by a sequence number, so that a reader sees a
// whole range or none.
#include "runtime/trap/code_registry.h"

#include <array>
#include <atomic>
#include <map>
#include <mutex>

namespace guardc {

namespace {

struct Slot {
  std::atomic<uint64_t> sequence = 0;  // odd while the range changes
  std::atomic<uintptr_t> begin = 0;
  std::atomic<uintptr_t> end = 0;
};

struct Chunk {
  std::array<Slot, 64> slots;
  std::atomic<Chunk*> next = nullptr;
};

struct Registration {
  const loader::LoadedArtifact* artifact;
  Slot* slot;
  int owners;
};

constinit Chunk first_chunk;

// Initialised by the compiler and trivially destroyed: instances may outlive static objects, and this file is not
// instrumented by thread sanitizer, which would not see the guard of a static in a function.
constinit std::mutex mutex;

// By begin of the text.
std::map<uintptr_t, Registration>& Registrations() {
  static auto* const registrations = new std::map<uintptr_t, Registration>;
  return *registrations;
}

void Write(Slot& slot, CodeRange range) {
  slot.sequence.fetch_add(1, std::memory_order_seq_cst);
  slot.begin.store(range.begin, std::memory_order_seq_cst);
  slot.end.store(range.end, std::memory_order_seq_cst);
  slot.sequence.fetch_add(1, std::memory_order_seq_cst);
}

Slot& FreeSlot() {
  for (Chunk* chunk = &first_chunk;; chunk = chunk->next.load()) {
    for (Slot& slot : chunk->slots) {
      if (slot.end.load() == 0) return slot;
    }
    if (chunk->next.load() == nullptr) chunk->next.store(new Chunk);
  }
}

}  // namespace

RegisteredCode::RegisteredCode(const loader::LoadedArtifact& artifact)
    : begin_(reinterpret_cast<uintptr_t>(artifact.text().data())) {
  if (artifact.text().empty()) begin_ = 0;  // a module without functions
  if (begin_ == 0) return;
  const std::lock_guard lock(mutex);
  const auto [it, is_new] = Registrations().try_emplace(begin_, Registration{&artifact, nullptr, 0});
  if (is_new) {
    it->second.slot = &FreeSlot();
    Write(*it->second.slot, {begin_, begin_ + artifact.text().size()});
  }
  ++it->second.owners;
}

RegisteredCode::~RegisteredCode() {
  if (begin_ == 0) return;
  const std::lock_guard lock(mutex);
  const auto it = Registrations().find(begin_);
  if (--it->second.owners > 0) return;
  Write(*it->second.slot, {});
  Registrations().erase(it);
}

CodeRange FindCode(uintptr_t pc) {
  for (const Chunk* chunk = &first_chunk; chunk != nullptr; chunk = chunk->next.load(std::memory_order_acquire)) {
    for (const Slot& slot : chunk->slots) {
      const uint64_t before = slot.sequence.load(std::memory_order_seq_cst);
      const CodeRange range{slot.begin.load(std::memory_order_seq_cst), slot.end.load(std::memory_order_seq_cst)};
      // A slot that changes right now belongs to another thread: what runs here stays registered meanwhile.
      if (before % 2 != 0 || slot.sequence.load(std::memory_order_seq_cst) != before) continue;
      if (range.Contains(pc)) return range;
    }
  }
  return {};
}

const loader::LoadedArtifact* FindArtifact(uintptr_t pc) {
  const std::lock_guard lock(mutex);
  auto it = Registrations().upper_bound(pc);
  if (it == Registrations().begin()) return nullptr;
  --it;
  const std::span<const std::byte> text = it->second.artifact->text();
  return pc < it->first + text.size() ? it->second.artifact : nullptr;
}

}  // namespace guardc
