// What the loader hands to the runtime: code and facts in memory, and the file behind the memory image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/abi.h"
#include "base/file.h"
#include "guardc/types.h"

namespace guardc::loader {

// Owns the mapping (dlclose and close on destruction). Immutable but for for_runtime(); thread-safe.
class LoadedArtifact {
 public:
  ~LoadedArtifact();
  LoadedArtifact(const LoadedArtifact&) = delete;
  LoadedArtifact& operator=(const LoadedArtifact&) = delete;

  const abi::ArtifactHeader& header() const { return *header_; }

  // What lies at `offset` from the header (lists, strings, code).
  template <class T>
  const T* At(int64_t offset) const {
    return reinterpret_cast<const T*>(reinterpret_cast<const std::byte*>(header_) + offset);
  }
  template <class T>
  std::span<const T> List(const abi::ListRef& list) const {
    return {At<T>(list.offset), list.count};
  }
  std::string_view String(const abi::StringRef& s) const { return {At<char>(s.offset), s.size}; }

  // The executable segment: all guest code, its memcpy family included, and nothing else.
  std::span<const std::byte> text() const { return text_; }
  // .eh_frame_hdr, empty where there is none. For backtraces.
  std::span<const std::byte> eh_frame_hdr() const { return eh_frame_hdr_; }

  // abi.h, the inline table; may be empty.
  std::span<const uint8_t> inline_table() const {
    return {At<uint8_t>(header_->inlines_begin), static_cast<size_t>(header_->inlines_end - header_->inlines_begin)};
  }

  // The open file (sealed memfd or the cache's file) to map the image from, and where the image starts in it
  // (page-aligned).
  int image_fd() const { return fd_; }
  uint64_t image_file_offset() const { return image_file_offset_; }

  const std::filesystem::path& entry() const { return entry_; }
  const std::string& key() const { return key_; }
  const std::string& manifest_json() const { return manifest_json_; }
  const std::string& name() const { return name_; }
  const std::vector<ImportType>& imports() const { return imports_; }
  const std::vector<ExportType>& exports() const { return exports_; }

  // A place for what the runtime works out once for all instances, and keeps from one to the next.
  struct ForRuntime {
    std::once_flag type_ids_once;
    std::vector<uint32_t> type_ids;  // runtime/instance/type_registry.h
    std::once_flag host_functions_once;
    std::vector<abi::HostFn> host_functions;  // runtime/call/guest_call.cc: by import; null where the host has none
    std::mutex spaces_mutex;
    struct Space {
      uint64_t stack_size;
      Mapping mapping;
    };
    std::vector<Space> spaces;  // runtime/memory/reservation_cache.h
  };
  ForRuntime& for_runtime() const { return for_runtime_; }

 private:
  friend class ArtifactLoader;
  LoadedArtifact() = default;

  void* handle_ = nullptr;  // dlopen's
  int fd_ = -1;
  int in_use_fd_ = -1;  // holds the lock that keeps gc from the entry
  const abi::ArtifactHeader* header_ = nullptr;
  std::span<const std::byte> text_;
  std::span<const std::byte> eh_frame_hdr_;
  uint64_t image_file_offset_ = 0;
  std::filesystem::path entry_;
  std::string key_;
  std::string manifest_json_;
  std::string name_;
  std::vector<ImportType> imports_;
  std::vector<ExportType> exports_;
  mutable ForRuntime for_runtime_;
};

}  // namespace guardc::loader
