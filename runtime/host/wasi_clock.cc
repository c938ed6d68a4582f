// Clocks, and poll_oneoff, which is how guests sleep.
#include <time.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "runtime/host/wasi.h"

namespace guardc::wasi {
namespace {

using std::chrono::nanoseconds;

constexpr uint32_t kRealtime = 0, kMonotonic = 1, kProcessCputime = 2, kThreadCputime = 3;
constexpr clockid_t kHostClocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
                                     CLOCK_THREAD_CPUTIME_ID};

uint64_t Nanoseconds(const timespec& t) {
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

// ---- poll_oneoff ----------------------------------------------------------------------------------------------------

enum class EventType : uint8_t { kClock = 0, kFdRead = 1, kFdWrite = 2 };

struct Subscription {
  uint64_t userdata;
  uint8_t tag;  // EventType
  uint8_t padding[7];
  union {
    struct {
      uint32_t id;
      uint32_t padding;
      uint64_t timeout;  // nanoseconds
      uint64_t precision;
      uint16_t flags;
      uint8_t padding2[6];
    } clock;
    uint32_t fd;
  };
};
static_assert(sizeof(Subscription) == 48);

struct Event {
  uint64_t userdata = 0;
  Errno error = Errno::kSuccess;
  EventType type = EventType::kClock;
  uint8_t padding[5] = {};
  uint64_t nbytes = 0;
  uint16_t flags = 0;
  uint8_t padding2[6] = {};
};
static_assert(sizeof(Event) == 32);

constexpr uint16_t kSubclockAbstime = 1;
constexpr uint16_t kEventHangup = 1;
// Of one call; more is EINVAL, as poll answers beyond RLIMIT_NOFILE.
constexpr uint32_t kMaxSubscriptions = 4096;
// Longer sleeps end after this: sums stay far from the ends of int64_t.
constexpr nanoseconds kLongestSleep = std::chrono::hours(24 * 365 * 100);

nanoseconds Saturate(uint64_t ns) {
  return nanoseconds(static_cast<int64_t>(std::min(ns, static_cast<uint64_t>(kLongestSleep.count()))));
}

// When a clock subscription is due, on the host's steady clock; or what is wrong with it.
std::expected<Clock::time_point, Errno> DueTime(const Subscription& subscription, Clock::time_point now) {
  const auto& clock = subscription.clock;
  if ((clock.flags & ~kSubclockAbstime) != 0) return std::unexpected(Errno::kInval);
  if (clock.id == kProcessCputime || clock.id == kThreadCputime) return std::unexpected(Errno::kNotsup);
  if (clock.id != kRealtime && clock.id != kMonotonic) return std::unexpected(Errno::kInval);
  if ((clock.flags & kSubclockAbstime) == 0) return now + Saturate(clock.timeout);
  timespec clock_now{};
  clock_gettime(kHostClocks[clock.id], &clock_now);
  const uint64_t passed = Nanoseconds(clock_now);
  return now + Saturate(clock.timeout > passed ? clock.timeout - passed : 0);
}

// Our streams never block: stdin is at its end, and the writers take everything.
Event FdEvent(HostState& state, const Subscription& subscription, EventType type) {
  Event event{.userdata = subscription.userdata, .type = type};
  const GuestStream* stream = FindStream(state, subscription.fd);
  const bool is_input = stream != nullptr && stream->kind == GuestStream::Kind::kStdin;
  if (stream == nullptr || is_input != (type == EventType::kFdRead)) {
    event.error = Errno::kBadf;
  } else if (is_input) {
    event.flags = kEventHangup;
  } else {
    event.nbytes = 65536;
  }
  return event;
}

struct Alarm {
  uint64_t userdata;
  Clock::time_point due;
};

// Sleeps until the first alarm; the time that it then is, or nothing if the call was interrupted.
std::optional<Clock::time_point> SleepUntilFirst(HostState& state, const std::vector<Alarm>& alarms,
                                                 Clock::time_point now) {
  const auto first = std::ranges::min_element(alarms, {}, &Alarm::due)->due;
  if (first <= now) return now;
  // Without a call around us nothing could end the sleep.
  if (!state.sleep_really || state.control == nullptr) return first;
  if (!state.control->SleepUntil(first)) return std::nullopt;
  return std::max(first, Clock::now());
}

}  // namespace

// (clock id, timestamp*)
Errno ClockResGet(HostState& state, Args args) {
  if (args[0].i32 >= std::size(kHostClocks)) return Errno::kInval;
  timespec resolution{};
  if (clock_getres(kHostClocks[args[0].i32], &resolution) != 0) return Errno::kIo;
  return state.memory.Store(Ptr(args[1]), Nanoseconds(resolution)) ? Errno::kSuccess : Errno::kFault;
}

// (clock id, precision i64, timestamp*)
Errno ClockTimeGet(HostState& state, Args args) {
  if (args[0].i32 >= std::size(kHostClocks)) return Errno::kInval;
  timespec now{};
  if (clock_gettime(kHostClocks[args[0].i32], &now) != 0) return Errno::kIo;
  return state.memory.Store(Ptr(args[2]), Nanoseconds(now)) ? Errno::kSuccess : Errno::kFault;
}

// (subscriptions*, events*, count, nevents*)
Errno PollOneoff(HostState& state, Args args) {
  const uint32_t count = args[2].i32;
  if (count == 0 || count > kMaxSubscriptions) return Errno::kInval;
  const auto in = state.memory.Span(Ptr(args[0]), uint64_t{count} * sizeof(Subscription));
  const auto out = state.memory.Span(Ptr(args[1]), uint64_t{count} * sizeof(Event));
  if (!in || !out || !state.memory.Span(Ptr(args[3]), sizeof(uint32_t))) return Errno::kFault;

  // What can be answered at once, in order; alarms wait unless something can.
  const auto now = Clock::now();
  std::vector<Event> events;
  std::vector<Alarm> alarms;
  for (uint32_t i = 0; i < count; ++i) {
    Subscription subscription;
    std::memcpy(&subscription, in->data() + uint64_t{i} * sizeof(Subscription), sizeof(Subscription));
    const auto type = static_cast<EventType>(subscription.tag);
    if (type == EventType::kFdRead || type == EventType::kFdWrite) {
      events.push_back(FdEvent(state, subscription, type));
    } else if (type == EventType::kClock) {
      const auto due = DueTime(subscription, now);
      if (due) {
        alarms.push_back({subscription.userdata, *due});
      } else {
        events.push_back({.userdata = subscription.userdata, .error = due.error()});
      }
    } else {
      return Errno::kInval;
    }
  }

  auto then = now;
  if (events.empty()) {
    const auto woken = SleepUntilFirst(state, alarms, now);
    if (!woken) return Errno::kIntr;
    then = *woken;
  }
  for (const Alarm& alarm : alarms) {
    if (alarm.due <= then) events.push_back({.userdata = alarm.userdata});
  }

  std::memcpy(out->data(), events.data(), events.size() * sizeof(Event));
  state.memory.Store(Ptr(args[3]), static_cast<uint32_t>(events.size()));
  return Errno::kSuccess;
}

}  // namespace guardc::wasi
