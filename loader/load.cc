// See load.h. The object is hashed as it is copied, and what is mapped is the copy, sealed: nobody can change it
// between check and use.
#include "loader/load.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/checksum.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/map_count.h"
#include "base/memory_file.h"
#include "base/quiet_writes.h"
#include "guardc/version.h"
#include "loader/elf_check.h"
#include "loader/header_check.h"
#include "loader/host_cpu.h"

namespace guardc::loader {

namespace {

// Stays in the first-level cache between read, hash and write; a larger one costs a new process page faults.
constexpr size_t kChunk = 32 * 1024;

// Copies `source` into a new memory file that nobody can change any more, and hashes the bytes that it writes: `digest`
// becomes hexadecimal digits.
template <class Hash>
Result<Fd> CopySealed(int source, const std::filesystem::path& path, uint64_t size, const std::string& name,
                      std::string& digest) {
  const QuietWrites quiet;
  GUARDC_TRY(MemoryFile copy, MemoryFile::Create(name, MemoryFile::Use::kCode));
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kChunk);
  Hash hash;
  uint64_t done = 0;
  while (done < size) {
    const ssize_t n = pread(source, buffer.get(), std::min<uint64_t>(kChunk, size - done), static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno("read", path, errno);
    if (n == 0) {
      return Fail(ErrorKind::kCorruptArtifact, path.string() + " ends after " + std::to_string(done) +
                                                   " bytes, expected " + std::to_string(size) +
                                                   ": compile the module again");
    }
    const std::span<const std::byte> chunk(buffer.get(), static_cast<size_t>(n));
    hash.Update(chunk);
    GUARDC_CHECK(copy.Append(chunk));
    done += chunk.size();
  }
  digest = hash.Finish().Hex();
  return std::move(copy).Seal();
}

Result<void> CheckPin(const artifact::OpenedEntry& entry, const std::string& expected) {
  if (!IsSha256Hex(expected)) {
    return Fail(ErrorKind::kInvalidArgument,
                "LoadOptions::manifest_sha256 is \"" + expected + "\", expected 64 lower-case hexadecimal digits");
  }
  const std::string found = Sha256Of(entry.manifest_json).Hex();
  if (found == expected) return {};
  return Fail(ErrorKind::kUntrusted, (entry.path / artifact::kManifestFile).string() + " has the SHA-256 " + found +
                                         ", expected " + expected + " by who loads it");
}

// Whether nobody but root and us can change what a path names: the whole chain of directories, links resolved.
bool IsChainTrusted(const std::filesystem::path& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr), &std::free);
  if (real == nullptr) return false;
  for (std::filesystem::path directory = real.get();; directory = directory.parent_path()) {
    struct stat st;
    if (lstat(directory.c_str(), &st) != 0 || !CheckNotWritableByOthers(st, directory)) return false;
    if (directory == directory.root_path()) return true;
  }
}

// No code can be mapped from it: its copy has to be.
bool IsMountedNoexec(int fd) {
  struct statvfs file_system;
  return fstatvfs(fd, &file_system) == 0 && (file_system.f_flag & ST_NOEXEC) != 0;
}

// A name for dlopen that no library of this process has ever had. The dynamic linker takes a library that is loaded
// under the same name for the same one, and the number of a descriptor is soon used again. So the counter is written
// into the path, a binary digit as "/." or "/": the kernel sees "/proc/self/fd/N".
std::string UniqueName(int fd) {
  static std::atomic<uint64_t> counter = 0;
  std::string name = "/proc/self/fd";
  for (uint64_t n = counter++; n != 0; n >>= 1) name += (n & 1) != 0 ? "/." : "/";
  return name + "/" + std::to_string(fd);
}

struct DlClose {
  void operator()(void* handle) const { dlclose(handle); }
};
using DlHandle = std::unique_ptr<void, DlClose>;

// Maps the file and says where; nothing of it has run or been bound, since nothing in it can be.
Result<DlHandle> Open(int fd, const std::filesystem::path& path, uintptr_t& load_address) {
  const std::string name = UniqueName(fd);
  DlHandle handle(dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (handle == nullptr) {
    const char* reason = dlerror();
    // Its own reason would be that there is no such file.
    if (const std::string no_proc = ProcNote(); !no_proc.empty()) {
      return Fail(ErrorKind::kIo, "cannot map " + path.string() + no_proc);
    }
    std::string why = MapCountNote();
    if (why.empty()) why = "; may this process map executable memory? (`guardc doctor` tries)";
    return Fail(ErrorKind::kIo,
                "cannot map " + path.string() + ": " + (reason != nullptr ? reason : "dlopen failed") + why);
  }
  link_map* map = nullptr;
  if (dlinfo(handle.get(), RTLD_DI_LINKMAP, &map) != 0) {
    return Fail(ErrorKind::kInternal, "cannot find where " + path.string() + " was mapped");
  }
  load_address = map->l_addr;
  return handle;
}

}  // namespace

Result<void> CheckCompatible(const artifact::Manifest& manifest, const std::filesystem::path& entry) {
  const artifact::Identity& identity = manifest.identity;
  const auto other = [&](std::string_view what, const std::string& found, const std::string& expected) {
    return Fail(ErrorKind::kIncompatibleArtifact, entry.string() + " has " + std::string(what) + " " + found +
                                                      ", expected " + expected +
                                                      ": compile the module again with this version of guardc");
  };
  if (identity.guardc_version != kVersion) {
    return other("guardc version", identity.guardc_version, std::string(kVersion));
  }
  if (identity.abi_version != abi::kAbiVersion) {
    return other("ABI version", std::to_string(identity.abi_version), std::to_string(abi::kAbiVersion));
  }
  return CheckTarget(identity.target, entry.native());
}

Result<std::unique_ptr<LoadedArtifact>> ArtifactLoader::Load(artifact::OpenedEntry entry, const LoadOptions& options) {
  const artifact::Manifest& manifest = entry.manifest;
  GUARDC_CHECK(CheckCompatible(manifest, entry.path));
  GUARDC_TRY(Fd object, artifact::OpenObject(entry));
  const std::filesystem::path path = entry.path / artifact::kObjectFile;
  const uint64_t size = manifest.object_size;

  // A manifest that nobody vouches for protects against damage alone, by whatever hash: who can write the object can
  // write the manifest. What a pinned one says of the object has to stand against somebody who chose the bytes.
  const bool is_pinned = !options.manifest_sha256.empty();
  if (is_pinned) GUARDC_CHECK(CheckPin(entry, options.manifest_sha256));
  if (is_pinned || !options.trusted || !IsChainTrusted(entry.path) || IsMountedNoexec(object.get())) {
    const std::string name = "guardc:" + manifest.key.substr(0, 16);
    std::string digest;
    if (is_pinned) {
      GUARDC_TRY(object, CopySealed<Sha256>(object.get(), path, size, name, digest));
      GUARDC_CHECK(artifact::CheckDigest(path, "SHA-256", digest, manifest.object_sha256));
    } else {
      GUARDC_TRY(object, CopySealed<Xxh3>(object.get(), path, size, name, digest));
      GUARDC_CHECK(artifact::CheckDigest(path, "XXH3-128", digest, manifest.object_xxh3_128));
    }
    options.StepDone("hash");
  }

  if (size == 0) return Fail(ErrorKind::kCorruptArtifact, path.string() + " is empty: compile the module again");
  void* const view = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, object.get(), 0);
  if (view == MAP_FAILED) return FailErrno("map", path.string() + MapCountNote(), errno);
  const Mapping mapping(view, size);
  GUARDC_TRY(const ElfFacts elf, CheckElf(mapping.bytes(), path.native()));
  GUARDC_TRY(HeaderFacts facts, CheckHeader(mapping.bytes(), elf, path.native()));
  options.StepDone("check");

  uintptr_t load_address = 0;
  GUARDC_TRY(DlHandle handle, Open(object.get(), path, load_address));
  const auto* header = reinterpret_cast<const abi::ArtifactHeader*>(load_address + elf.header);
  const auto* checked = mapping.bytes().data() + elf.rodata.file_offset + (elf.header - elf.rodata.address);
  // The mapping is of the file that was checked, at the address that was told.
  if (std::memcmp(header, checked, sizeof(*header)) != 0) {
    return Fail(ErrorKind::kInternal, path.string() + " was not mapped as it was checked");
  }
  options.StepDone("map");

  std::unique_ptr<LoadedArtifact> artifact(new LoadedArtifact);
  artifact->handle_ = handle.release();
  artifact->fd_ = object.Release();
  artifact->in_use_fd_ = entry.in_use.Release();
  artifact->header_ = header;
  artifact->text_ = {reinterpret_cast<const std::byte*>(load_address + elf.text.address), elf.text.size};
  if (elf.eh_frame_hdr.size != 0) {
    artifact->eh_frame_hdr_ = {reinterpret_cast<const std::byte*>(load_address + elf.eh_frame_hdr.address),
                               elf.eh_frame_hdr.size};
  }
  if (header->image != 0) {
    artifact->image_file_offset_ =
        elf.rodata.file_offset + (elf.header + static_cast<int64_t>(header->image) - elf.rodata.address);
  }
  artifact->entry_ = std::move(entry.path);
  artifact->key_ = manifest.key;
  artifact->manifest_json_ = std::move(entry.manifest_json);
  artifact->name_ = std::move(facts.name);
  artifact->imports_ = std::move(facts.imports);
  artifact->exports_ = std::move(facts.exports);
  return artifact;
}

LoadedArtifact::~LoadedArtifact() {
  if (handle_ != nullptr) dlclose(handle_);
  if (fd_ >= 0) close(fd_);
  if (in_use_fd_ >= 0) close(in_use_fd_);
}

}  // namespace guardc::loader
