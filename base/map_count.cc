#include "base/map_count.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/file.h"

namespace guardc {
namespace {

// What one step of ours takes at once: a shared object has some segments, a change of permissions splits in three.
constexpr long kNear = 16;

// Reads it to its end in pieces. No memory is taken: there may be none.
template <class Each>
bool ReadEach(const char* path, Each each) {
  const Fd fd(open(path, O_RDONLY | O_CLOEXEC));
  char buffer[4096];
  while (fd) {
    const ssize_t n = read(fd.get(), buffer, sizeof(buffer) - 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n == 0;
    buffer[n] = 0;
    each(buffer, n);
  }
  return false;
}

}  // namespace

std::string MapCountNote() {
  const int saved_errno = errno;
  long most = 0;
  long count = 0;
  const bool is_known =
      ReadEach("/proc/sys/vm/max_map_count",
               [&](const char* text, ssize_t) { most = std::strtol(text, nullptr, 10); }) &&
      ReadEach("/proc/self/maps", [&](const char* text, ssize_t n) { count += std::count(text, text + n, '\n'); });
  errno = saved_errno;
  if (!is_known || most <= 0 || count + kNear < most) return "";
  return " (this process has " + std::to_string(count) + " mappings, and vm.max_map_count is " + std::to_string(most) +
         ": raise it, `sysctl vm.max_map_count=" + std::to_string(4 * most) + "`, or keep fewer guards in one process)";
}

}  // namespace guardc
