// The state of an instance at one moment, from which others of the same module start, or to which they go back, without
// running any of its code: pools of guards clone what was prepared once.
//
// Memory is written to a sealed memory file, the pages that are not all zero, and mapped copy-on-write from there. So
// instances share what none of them has written, and a reset gives back what they have.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "artifact/abi.h"
#include "base/file.h"
#include "guardc/instance.h"
#include "guardc/result.h"

namespace guardc {

// Immutable; any thread.
class InstanceSnapshot {
 public:
  // Of an instance that is in no call and has not failed. kUnsupported where its state reaches beyond it: an import
  // that is no host function, or a reference to anything but its own functions.
  [[nodiscard]] static Result<std::shared_ptr<const InstanceSnapshot>> Take(const Instance::Impl& instance);

  // Makes `instance`, of the same module and in no call, what the other was, whatever it was before. Its memory and
  // stack take up nothing beyond the snapshot's until it is called. After an error it must not be called any more.
  [[nodiscard]] Result<void> Restore(Instance::Impl& instance) const;

  const std::shared_ptr<const Module>& module() const { return module_; }
  uint64_t stored_bytes() const { return stored_bytes_; }

 private:
  // A run of pages of one memory, in the file.
  struct Range {
    uint64_t memory_offset;  // bytes, multiples of a page
    uint64_t file_offset;
    uint64_t size;
  };
  struct MemoryState {
    uint64_t size = 0;  // bytes
    std::vector<Range> ranges;
  };
  // References are kept as the number of a funcref slot, counted from 1; 0 is null.
  struct TableState {
    std::vector<uint32_t> elements;
  };

  explicit InstanceSnapshot(std::shared_ptr<const Module> module);
  Result<void> TakeMemories(const Instance::Impl& instance);
  Result<void> TakeTables(const Instance::Impl& instance);
  Result<void> TakeGlobals(const Instance::Impl& instance);
  Result<void> RestoreMemory(Instance::Impl& instance, size_t index) const;

  const uint64_t id_;  // no two snapshots of a process have the same
  const std::shared_ptr<const Module> module_;
  Fd file_;
  uint64_t stored_bytes_ = 0;
  std::vector<MemoryState> memories_;
  std::vector<TableState> tables_;  // of tables that are not static
  std::vector<abi::Value> globals_;
  std::vector<uint32_t> data_sizes_;
  std::vector<uint64_t> elem_sizes_;
};

}  // namespace guardc
