#include "runtime/address_space.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <fmt/format.h>
#include <string>

namespace guardc {

namespace {

std::string MiB(uint64_t bytes) { return fmt::format("{} MiB", (bytes + (1 << 20) - 1) >> 20); }

std::string Limit() {
  rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return "";
  return fmt::format(" (the process is limited to {} by RLIMIT_AS, see ulimit -v)", MiB(limit.rlim_cur));
}

}  // namespace

Result<AddressSpace> AddressSpace::Reserve(uint64_t size, std::string_view what) {
  void* base = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) {
    const std::string reason = strerror(errno);
    const std::string advice =
        size > uint64_t{1} << 32
            ? "; where address space is short, compile with --bounds-checks: such artifacts reserve no guard region"
            : "";
    return Fail(ErrorKind::kOutOfMemory, fmt::format("cannot reserve {} of address space for {}: {}{}{}", MiB(size),
                                                     what, reason, Limit(), advice));
  }
  AddressSpace out;
  out.base_ = static_cast<std::byte*>(base);
  out.size_ = size;
  return out;
}

AddressSpace::~AddressSpace() {
  if (base_ != nullptr) munmap(base_, size_);
}

bool Commit(std::byte* begin, uint64_t size) { return size == 0 || mprotect(begin, size, PROT_READ | PROT_WRITE) == 0; }

}  // namespace guardc
