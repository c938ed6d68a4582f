// The linear memories of a Store, readable from a signal handler: code of one instance may touch the memory of another
// of the same Store within one activation. Grows only; entries live as long as the Store.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

namespace guardc {

class MemoryRegions {
 public:
  MemoryRegions() = default;
  ~MemoryRegions() {
    for (Chunk* chunk = first_.next.load(); chunk != nullptr;) {
      const std::unique_ptr<Chunk> owner(chunk);
      chunk = owner->next.load();
    }
  }
  MemoryRegions(const MemoryRegions&) = delete;
  MemoryRegions& operator=(const MemoryRegions&) = delete;

  // By the Store's thread.
  void Add(uintptr_t base, uint64_t size) {
    uint32_t count = last_->count.load(std::memory_order_relaxed);
    if (count == kChunk) {
      auto* chunk = new Chunk;
      last_->next.store(chunk, std::memory_order_release);
      last_ = chunk;
      count = 0;
    }
    last_->regions[count] = {base, base + size};
    last_->count.store(count + 1, std::memory_order_release);
  }

  // By the signal handler.
  bool Contains(uintptr_t address) const {
    for (const Chunk* chunk = &first_; chunk != nullptr; chunk = chunk->next.load(std::memory_order_acquire)) {
      const uint32_t count = chunk->count.load(std::memory_order_acquire);
      for (uint32_t i = 0; i < count; ++i) {
        if (address >= chunk->regions[i].begin && address < chunk->regions[i].end) return true;
      }
    }
    return false;
  }

 private:
  static constexpr uint32_t kChunk = 32;
  struct Region {
    uintptr_t begin;
    uintptr_t end;
  };
  struct Chunk {
    std::array<Region, kChunk> regions;
    std::atomic<uint32_t> count = 0;
    std::atomic<Chunk*> next = nullptr;
  };
  Chunk first_;
  Chunk* last_ = &first_;
};

}  // namespace guardc
