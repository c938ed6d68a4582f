// Writing to a stream that somebody else reads, or does not.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace guardc {

struct Written {
  size_t size = 0;  // bytes that went out
  int error = 0;    // why the rest did not: EPIPE without a reader, EAGAIN where the wait was over; 0: all went out
};

// Writes without a signal (QuietWrites), and waits for room in a pipe, a socket or a terminal only while `may_wait`
// answers true; it is asked at least every 20 ms. Leaves the flags of the descriptor alone, which other processes
// share: O_NONBLOCK is set on an opening of its own (by /proc), or is asked for by each write. Where neither is to be
// had, it writes what poll(2) has promised room for, and another process that is faster can make that wait. Up to
// PIPE_BUF bytes go into a pipe whole or not at all.
Written BoundedWrite(int fd, std::string_view bytes, const std::function<bool()>& may_wait);

}  // namespace guardc
