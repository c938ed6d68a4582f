#include "base/bounded_write.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "base/file.h"
#include "base/quiet_writes.h"

namespace guardc {
namespace {

constexpr int kLookMilliseconds = 20;

// One descriptor for the time of one write.
class Stream {
 public:
  explicit Stream(int fd) : fd_(fd) {
    struct stat st;
    if (fstat(fd, &st) != 0) return;
    if (S_ISSOCK(st.st_mode)) {
      way_ = Way::kSend;
    } else if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
      if ((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0) return;
      own_ = Fd(open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
      if (own_) {
        fd_ = own_.get();
      } else {
        way_ = Way::kNoWait;
      }
    }
  }

  int fd() const { return fd_; }

  // As write(2), but never waits: EAGAIN.
  ssize_t Write(std::string_view bytes) {
    switch (way_) {
      case Way::kPlain:
        break;
      case Way::kSend:
        return send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      case Way::kNoWait: {
        const iovec vector = {.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
        const ssize_t n = pwritev2(fd_, &vector, 1, -1, RWF_NOWAIT);
        if (n >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)) return n;
        way_ = Way::kAfterPoll;
        return WriteAfterPoll(bytes);
      }
      case Way::kAfterPoll:
        return WriteAfterPoll(bytes);
    }
    return write(fd_, bytes.data(), bytes.size());
  }

 private:
  // kPlain: it does not block, or is a file, which is always ready.
  enum class Way { kPlain, kSend, kNoWait, kAfterPoll };

  ssize_t WriteAfterPoll(std::string_view bytes) const {
    pollfd room = {.fd = fd_, .events = POLLOUT, .revents = 0};
    if (poll(&room, 1, 0) == 0) {
      errno = EAGAIN;
      return -1;
    }
    // Room for so much is what POLLOUT of a pipe promises (pipe(7)).
    return write(fd_, bytes.data(), std::min<size_t>(bytes.size(), PIPE_BUF));
  }

  int fd_;
  Fd own_;
  Way way_ = Way::kPlain;
};

}  // namespace

Written BoundedWrite(int fd, std::string_view bytes, const std::function<bool()>& may_wait) {
  const QuietWrites quiet;
  Stream stream(fd);
  Written out;
  while (out.size < bytes.size()) {
    const ssize_t n = stream.Write(bytes.substr(out.size));
    if (n > 0) {
      out.size += static_cast<size_t>(n);
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN) {
      out.error = errno;
      return out;
    }
    if (!may_wait()) {
      out.error = EAGAIN;
      return out;
    }
    pollfd room = {.fd = stream.fd(), .events = POLLOUT, .revents = 0};
    poll(&room, 1, kLookMilliseconds);
  }
  return out;
}

}  // namespace guardc
