#include "runtime/memory/address_space.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <string>

#include "base/format.h"
#include "base/map_count.h"

namespace guardc {

namespace {

std::string MiB(uint64_t bytes) { return Format("{} MiB", (bytes + (1 << 20) - 1) >> 20); }

std::string Limit() {
  rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return "";
  return Format(" (the process is limited to {} by RLIMIT_AS, see ulimit -v)", MiB(limit.rlim_cur));
}

}  // namespace

Result<Mapping> ReserveAddressSpace(uint64_t size, std::string_view what, std::string_view of) {
  void* base = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) {
    const std::string reason = strerror(errno);
    const std::string note = errno == ENOMEM ? MapCountNote() : "";
    const std::string purpose = of.empty() ? std::string(what) : Format("{} of '{}'", what, of);
    const char* advice =
        size > uint64_t{1} << 32
            ? "; where address space is short, compile with --bounds-checks: such artifacts reserve no guard region"
            : "";
    return Fail(ErrorKind::kOutOfMemory, Format("cannot reserve {} of address space for {}: {}{}{}", MiB(size), purpose,
                                                reason, Limit(), note.empty() ? advice : note));
  }
  return Mapping(base, size);
}

bool Commit(std::byte* begin, uint64_t size) { return size == 0 || mprotect(begin, size, PROT_READ | PROT_WRITE) == 0; }

bool Decommit(std::byte* begin, uint64_t size) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  return size == 0 || mmap(begin, size, PROT_NONE, kFlags, -1, 0) == begin;
}

bool Discard(std::byte* begin, uint64_t size) { return size == 0 || madvise(begin, size, MADV_DONTNEED) == 0; }

}  // namespace guardc
