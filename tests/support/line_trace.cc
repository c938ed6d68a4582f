// Compiled without the sanitizer. What is called for each access neither allocates nor calls anything.
#include "tests/support/line_trace.h"

#include <cstddef>
#include <cstring>

namespace guardc::testing {
namespace {

constexpr size_t kSlots = 1 << 16;
constexpr size_t kThreads = 8;

struct Table {
  uintptr_t lines[kSlots];  // open addressing; 0 is free
  LineUse uses[kSlots];
};
Table tables[kThreads];
int tables_used = 0;
thread_local Table* current = nullptr;

void Note(const volatile void* address, size_t size, uint32_t LineUse::* what) {
  Table* const table = current;
  if (table == nullptr || size == 0) return;
  const auto begin = reinterpret_cast<uintptr_t>(address);
  for (uintptr_t line = begin / kCacheLine; line <= (begin + size - 1) / kCacheLine; ++line) {
    size_t slot = (line * 0x9e3779b97f4a7c15u) >> 48;
    while (table->lines[slot] != line && table->lines[slot] != 0) slot = (slot + 1) % kSlots;
    table->lines[slot] = line;
    ++(table->uses[slot].*what);
  }
}

}  // namespace

void BeginLineTrace() {
  const int index = __atomic_fetch_add(&tables_used, 1, __ATOMIC_RELAXED);
  current = &tables[static_cast<size_t>(index) % kThreads];
  std::memset(static_cast<void*>(current), 0, sizeof(Table));
}

std::map<uintptr_t, LineUse> EndLineTrace() {
  const Table* const table = current;
  current = nullptr;
  std::map<uintptr_t, LineUse> out;
  for (size_t i = 0; i < kSlots; ++i) {
    if (table->lines[i] != 0) out[table->lines[i] * kCacheLine] = table->uses[i];
  }
  return out;
}

}  // namespace guardc::testing

using guardc::testing::Note;

namespace {
constexpr auto kRead = &guardc::testing::LineUse::reads;
constexpr auto kWritten = &guardc::testing::LineUse::writes;
}  // namespace

extern "C" {

// It does not see what these functions keep from it, and would take all for races.
[[gnu::visibility("default")]] const char* __tsan_default_options() { return "report_bugs=0"; }

#define GUARDC_PLAIN(size)                                              \
  void __tsan_read##size(void* at) { Note(at, size, kRead); }           \
  void __tsan_write##size(void* at) { Note(at, size, kWritten); }       \
  void __tsan_unaligned_read##size(void* at) { Note(at, size, kRead); } \
  void __tsan_unaligned_write##size(void* at) { Note(at, size, kWritten); }
GUARDC_PLAIN(1)
GUARDC_PLAIN(2)
GUARDC_PLAIN(4)
GUARDC_PLAIN(8)
GUARDC_PLAIN(16)
void __tsan_read_range(void* at, size_t size) { Note(at, size, kRead); }
void __tsan_write_range(void* at, size_t size) { Note(at, size, kWritten); }
void __tsan_vptr_read(void** at) { Note(at, sizeof(*at), kRead); }
void __tsan_vptr_update(void** at, void*) { Note(at, sizeof(*at), kWritten); }

#define GUARDC_ATOMIC(bits)                                                                                \
  uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t* at, int) {                      \
    Note(at, sizeof(*at), kRead);                                                                          \
    return __atomic_load_n(at, __ATOMIC_SEQ_CST);                                                          \
  }                                                                                                        \
  void __tsan_atomic##bits##_store(volatile uint##bits##_t* at, uint##bits##_t value, int) {               \
    Note(at, sizeof(*at), kWritten);                                                                       \
    __atomic_store_n(at, value, __ATOMIC_SEQ_CST);                                                         \
  }                                                                                                        \
  uint##bits##_t __tsan_atomic##bits##_exchange(volatile uint##bits##_t* at, uint##bits##_t value, int) {  \
    Note(at, sizeof(*at), kWritten);                                                                       \
    return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);                                               \
  }                                                                                                        \
  uint##bits##_t __tsan_atomic##bits##_fetch_add(volatile uint##bits##_t* at, uint##bits##_t value, int) { \
    Note(at, sizeof(*at), kWritten);                                                                       \
    return __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST);                                                \
  }                                                                                                        \
  uint##bits##_t __tsan_atomic##bits##_fetch_sub(volatile uint##bits##_t* at, uint##bits##_t value, int) { \
    Note(at, sizeof(*at), kWritten);                                                                       \
    return __atomic_fetch_sub(at, value, __ATOMIC_SEQ_CST);                                                \
  }                                                                                                        \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile uint##bits##_t* at, uint##bits##_t* expected, \
                                                    uint##bits##_t value, int, int) {                      \
    Note(at, sizeof(*at), kWritten);                                                                       \
    return __atomic_compare_exchange_n(at, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);    \
  }                                                                                                        \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile uint##bits##_t* at, uint##bits##_t* expected,   \
                                                  uint##bits##_t value, int, int) {                        \
    Note(at, sizeof(*at), kWritten);                                                                       \
    return __atomic_compare_exchange_n(at, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);    \
  }
GUARDC_ATOMIC(8)
GUARDC_ATOMIC(16)
GUARDC_ATOMIC(32)
GUARDC_ATOMIC(64)

}  // extern "C"
