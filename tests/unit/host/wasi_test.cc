// WASI preview 1: what each function answers, to good arguments and to bad ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "artifact/host_imports.h"
#include "tests/unit/host/host_fixture.h"

namespace guardc {
namespace {

constexpr uint32_t kSuccess = 0, kBadf = 8, kFault = 21, kIntr = 27, kInval = 28, kIo = 29, kNotdir = 54, kNotsock = 57,
                   kNotsup = 58, kSpipe = 70;
constexpr uint32_t kEnd = 65536;        // of memory
constexpr uint32_t kWrap = 0xfffffffc;  // a pointer whose end wraps
constexpr uint64_t kMax = 0xffffffff;

using WasiTest = HostTest;

TEST_F(WasiTest, EveryImportHasItsFunction) {
  std::set<abi::HostFn> bodies;
  for (const HostImport& import : HostImports()) {
    const auto def = FindHostFunction(import.module, import.name);
    ASSERT_TRUE(def) << import.name;
    EXPECT_EQ(def->import, &import);
    FuncType type = import.type();
    EXPECT_TRUE(import.Is(type)) << import.name;
    type.params.push_back(ValType::kI32);
    EXPECT_FALSE(import.Is(type)) << import.name;
    type = import.type();
    type.results.push_back(ValType::kI32);
    EXPECT_FALSE(import.Is(type)) << import.name;
    type = import.type();
    if (!type.params.empty()) {
      type.params.back() = ValType::kF32;
      EXPECT_FALSE(import.Is(type)) << import.name;
    }
    bodies.insert(def->fn);
  }
  EXPECT_GT(bodies.size(), 20u);  // not all distinct: the linker may fold equal ones
  EXPECT_FALSE(FindHostFunction("env", "fd_write"));
  EXPECT_FALSE(FindHostFunction("wasi_snapshot_preview1", "host_log"));
  EXPECT_FALSE(FindHostFunction("wasi_unstable", "fd_write"));
  EXPECT_FALSE(FindHostFunction("", ""));
}

// ---- One row per answer -------------------------------------------------------------------------------------------

struct Row {
  const char* function;
  std::vector<uint64_t> args;
  uint32_t expected;
};

void PrintTo(const Row& row, std::ostream* out) {
  *out << row.function << "(";
  for (const uint64_t arg : row.args) *out << arg << " ";
  *out << ")";
}

class WasiRowTest : public HostTest, public testing::WithParamInterface<Row> {
 protected:
  // Memory as the rows below use it: at 64 one vector of 5 bytes at 256, at 72 one of 3 at 512, at 80 an empty one that
  // points nowhere, at 88 one that ends past memory, at 96 one that wraps; at 1024 a clock subscription of 0 ns.
  WasiRowTest() {
    Put<uint32_t>(64, 256);
    Put<uint32_t>(68, 5);
    Put<uint32_t>(72, 512);
    Put<uint32_t>(76, 3);
    Put<uint32_t>(80, 0xffffffff);
    Put<uint32_t>(84, 0);
    Put<uint32_t>(88, kEnd - 2);
    Put<uint32_t>(92, 3);
    Put<uint32_t>(96, 8);
    Put<uint32_t>(100, 0xffffffff);
    PutText(256, "hello");
    PutText(512, "abc");
    Put<uint32_t>(1024 + 16, 1);
    Put<uint8_t>(1024 + 48 + 8, 3);  // a subscription of no known type
  }
};

TEST_P(WasiRowTest, Answers) {
  const Row& row = GetParam();
  const std::vector<uint8_t> before(memory_.data(), memory_.data() + kSize);
  EXPECT_EQ(Call(row.function, row.args), row.expected);
  if (row.expected != kSuccess) {
    // What fails has written nothing, neither to memory nor out.
    EXPECT_TRUE(std::equal(before.begin(), before.end(), memory_.data()));
    EXPECT_EQ(out_ + err_, "");
  }
}

const Row kRows[] = {
    {"args_get", {0, 0}, kSuccess},
    {"args_get", {kMax, kMax}, kSuccess},  // nothing to write, wherever it goes
    {"args_sizes_get", {0, 4}, kSuccess},
    {"args_sizes_get", {8, 8}, kSuccess},
    {"args_sizes_get", {0, kEnd - 3}, kFault},
    {"args_sizes_get", {kEnd, 0}, kFault},
    {"args_sizes_get", {kWrap, 0}, kFault},
    {"environ_get", {0, 0}, kSuccess},
    {"environ_sizes_get", {0, 4}, kSuccess},
    {"environ_sizes_get", {0, kMax}, kFault},

    {"clock_res_get", {0, 8}, kSuccess},
    {"clock_res_get", {1, kEnd - 8}, kSuccess},
    {"clock_res_get", {2, 8}, kSuccess},
    {"clock_res_get", {3, 8}, kSuccess},
    {"clock_res_get", {4, 8}, kInval},
    {"clock_res_get", {kMax, 8}, kInval},
    {"clock_res_get", {0, kEnd - 7}, kFault},
    {"clock_time_get", {0, 0, 8}, kSuccess},
    {"clock_time_get", {1, ~0ull, 3}, kSuccess},  // unaligned
    {"clock_time_get", {2, 0, 8}, kSuccess},
    {"clock_time_get", {3, 0, 8}, kSuccess},
    {"clock_time_get", {4, 0, 8}, kInval},
    {"clock_time_get", {1, 0, kWrap}, kFault},

    {"fd_advise", {1, 0, 0, 0}, kSpipe},
    {"fd_advise", {1, 0, 0, 6}, kInval},
    {"fd_advise", {3, 0, 0, 0}, kBadf},
    {"fd_allocate", {1, 0, 1}, kSpipe},
    {"fd_allocate", {kMax, 0, 1}, kBadf},
    {"fd_close", {0}, kSuccess},
    {"fd_close", {3}, kBadf},
    {"fd_close", {kMax}, kBadf},
    {"fd_datasync", {1}, kInval},
    {"fd_datasync", {3}, kBadf},
    {"fd_sync", {2}, kInval},
    {"fd_sync", {3}, kBadf},
    {"fd_fdstat_get", {0, 8}, kSuccess},
    {"fd_fdstat_get", {1, kEnd - 24}, kSuccess},
    {"fd_fdstat_get", {1, kEnd - 23}, kFault},
    {"fd_fdstat_get", {1, kWrap}, kFault},
    {"fd_fdstat_get", {3, kWrap}, kBadf},
    {"fd_fdstat_set_flags", {1, 0}, kSuccess},
    {"fd_fdstat_set_flags", {1, 5}, kSuccess},
    {"fd_fdstat_set_flags", {1, 2}, kInval},
    {"fd_fdstat_set_flags", {1, 0x10000}, kInval},
    {"fd_fdstat_set_flags", {3, 0}, kBadf},
    {"fd_fdstat_set_rights", {1, 0, 0}, kNotsup},
    {"fd_fdstat_set_rights", {3, 0, 0}, kBadf},
    {"fd_filestat_get", {0, kEnd - 64}, kSuccess},
    {"fd_filestat_get", {0, kEnd - 63}, kFault},
    {"fd_filestat_get", {3, 0}, kBadf},
    {"fd_filestat_set_size", {1, 0}, kInval},
    {"fd_filestat_set_size", {3, 0}, kBadf},
    {"fd_filestat_set_times", {1, 0, 0, 0}, kNotsup},
    {"fd_filestat_set_times", {1, 0, 0, 3}, kInval},
    {"fd_filestat_set_times", {1, 0, 0, 12}, kInval},
    {"fd_filestat_set_times", {1, 0, 0, 16}, kInval},
    {"fd_filestat_set_times", {3, 0, 0, 0}, kBadf},
    {"fd_pread", {0, 64, 1, 0, 8}, kSpipe},
    {"fd_pread", {3, 64, 1, 0, 8}, kBadf},
    {"fd_pwrite", {1, 64, 1, 0, 8}, kSpipe},
    {"fd_pwrite", {3, 64, 1, 0, 8}, kBadf},
    {"fd_prestat_get", {0, 8}, kBadf},
    {"fd_prestat_get", {3, 8}, kBadf},
    {"fd_prestat_get", {3, kMax}, kBadf},
    {"fd_prestat_dir_name", {3, 8, 10}, kBadf},
    {"fd_prestat_dir_name", {3, kMax, kMax}, kBadf},

    {"fd_read", {0, 64, 2, 8}, kSuccess},
    {"fd_read", {0, 64, 0, 8}, kSuccess},
    {"fd_read", {0, kMax, 0, 8}, kSuccess},
    {"fd_read", {0, 64, 1, 64}, kSuccess},  // the count over its own vector
    {"fd_read", {0, 64, 3, 8}, kSuccess},
    {"fd_read", {0, 64, 4, 8}, kFault},
    {"fd_read", {0, 96, 1, 8}, kFault},
    {"fd_read", {0, 64, kMax, 8}, kFault},
    {"fd_read", {0, kEnd - 8, 2, 8}, kFault},
    {"fd_read", {0, 64, 1, kEnd - 3}, kFault},
    {"fd_read", {1, 64, 1, 8}, kBadf},
    {"fd_read", {3, 64, 1, 8}, kBadf},
    {"fd_write", {1, 64, 3, 8}, kSuccess},
    {"fd_write", {2, 64, 1, 8}, kSuccess},
    {"fd_write", {1, kMax, 0, 8}, kSuccess},
    {"fd_write", {1, 64, 1, 64}, kSuccess},
    {"fd_write", {1, 64, 1, 256}, kSuccess},  // the count over the text
    {"fd_write", {1, 64, 4, 8}, kFault},
    {"fd_write", {1, 96, 1, 8}, kFault},
    {"fd_write", {1, kWrap, 1, 8}, kFault},
    {"fd_write", {1, 0, 0x20000000, 8}, kFault},  // 2^32 bytes of vectors
    {"fd_write", {1, 0, kMax, 8}, kFault},
    {"fd_write", {1, 64, 1, kEnd - 3}, kFault},
    {"fd_write", {1, 64, 1, kWrap}, kFault},
    {"fd_write", {0, 64, 1, 8}, kBadf},
    {"fd_write", {3, 64, 1, 8}, kBadf},
    {"fd_readdir", {0, 0, 0, 0, 8}, kNotdir},
    {"fd_readdir", {3, 0, 0, 0, 8}, kBadf},
    {"fd_renumber", {1, 1}, kSuccess},
    {"fd_renumber", {1, 2}, kSuccess},
    {"fd_renumber", {1, 101}, kBadf},
    {"fd_renumber", {3, 1}, kBadf},
    {"fd_seek", {1, 0, 0, 8}, kSpipe},
    {"fd_seek", {1, 0, 3, 8}, kInval},
    {"fd_seek", {3, 0, 3, 8}, kBadf},
    {"fd_tell", {1, 8}, kSpipe},
    {"fd_tell", {3, 8}, kBadf},

    {"path_create_directory", {1, 256, 5}, kNotdir},
    {"path_create_directory", {3, kMax, kMax}, kBadf},
    {"path_filestat_get", {1, 0, 256, 5, 8}, kNotdir},
    {"path_filestat_get", {3, 0, 256, 5, 8}, kBadf},
    {"path_filestat_set_times", {1, 0, 256, 5, 0, 0, 0}, kNotdir},
    {"path_filestat_set_times", {3, 0, 256, 5, 0, 0, 0}, kBadf},
    {"path_link", {1, 0, 256, 5, 2, 256, 5}, kNotdir},
    {"path_link", {1, 0, 256, 5, 3, 256, 5}, kBadf},
    {"path_link", {3, 0, 256, 5, 1, 256, 5}, kBadf},
    {"path_open", {1, 0, 256, 5, 0, 0, 0, 0, 8}, kNotdir},
    {"path_open", {3, 0, 256, 5, 0, 0, 0, 0, 8}, kBadf},
    {"path_open", {kMax, 0, kMax, kMax, 0, ~0ull, ~0ull, 0, kMax}, kBadf},
    {"path_readlink", {1, 256, 5, 512, 5, 8}, kNotdir},
    {"path_readlink", {3, 256, 5, 512, 5, 8}, kBadf},
    {"path_remove_directory", {1, 256, 5}, kNotdir},
    {"path_remove_directory", {3, 256, 5}, kBadf},
    {"path_rename", {1, 256, 5, 2, 256, 5}, kNotdir},
    {"path_rename", {3, 256, 5, 2, 256, 5}, kBadf},
    {"path_rename", {1, 256, 5, 3, 256, 5}, kBadf},
    {"path_symlink", {256, 5, 1, 256, 5}, kNotdir},
    {"path_symlink", {256, 5, 3, 256, 5}, kBadf},
    {"path_unlink_file", {1, 256, 5}, kNotdir},
    {"path_unlink_file", {3, 256, 5}, kBadf},

    {"poll_oneoff", {1024, 2048, 1, 8}, kSuccess},
    {"poll_oneoff", {1024, 1024, 1, 8}, kSuccess},     // events over their subscriptions
    {"poll_oneoff", {1024, 2048, 1, 1024}, kSuccess},  // and the count
    {"poll_oneoff", {1024, 2048, 0, 8}, kInval},
    {"poll_oneoff", {1024, 2048, 4097, 8}, kInval},
    {"poll_oneoff", {0, 0, kMax, 8}, kInval},
    {"poll_oneoff", {1024, 2048, 2, 8}, kInval},
    {"poll_oneoff", {kEnd - 47, 2048, 1, 8}, kFault},
    {"poll_oneoff", {1024, kEnd - 31, 1, 8}, kFault},
    {"poll_oneoff", {1024, 2048, 1, kEnd - 3}, kFault},
    {"poll_oneoff", {kWrap, 2048, 1, 8}, kFault},
    {"poll_oneoff", {0, 0, 4096, 8}, kFault},

    {"proc_raise", {6}, kNotsup},
    {"proc_raise", {31}, kInval},
    {"sched_yield", {}, kSuccess},
    {"random_get", {0, kEnd}, kSuccess},
    {"random_get", {kEnd - 1, 1}, kSuccess},
    {"random_get", {kMax, 0}, kSuccess},
    {"random_get", {kEnd - 1, 2}, kFault},
    {"random_get", {1, kMax}, kFault},
    {"random_get", {kWrap, 8}, kFault},
    {"sock_accept", {0, 0, 8}, kNotsock},
    {"sock_accept", {3, 0, 8}, kBadf},
    {"sock_recv", {0, 64, 1, 0, 8, 16}, kNotsock},
    {"sock_recv", {3, 64, 1, 0, 8, 16}, kBadf},
    {"sock_send", {1, 64, 1, 0, 8}, kNotsock},
    {"sock_send", {3, 64, 1, 0, 8}, kBadf},
    {"sock_shutdown", {1, 1}, kNotsock},
    {"sock_shutdown", {3, 1}, kBadf},
};

INSTANTIATE_TEST_SUITE_P(Rows, WasiRowTest, testing::ValuesIn(kRows));

// Every function of WASI is in the table above (proc_exit has its own test).
TEST(WasiTableTest, CoversAllFunctions) {
  std::set<std::string_view> seen = {"proc_exit", "call_backend", "host_log"};
  for (const Row& row : kRows) seen.insert(row.function);
  for (const HostImport& import : HostImports()) EXPECT_TRUE(seen.contains(import.name)) << import.name;
}

// ---- No argument gets out of memory -------------------------------------------------------------------------------

class WasiHostileTest : public HostTest {
 protected:
  void Bombard(int rounds) {
    state_.sleep_really = false;
    state_.args = {"guard", "", "x"};
    state_.env = {"A=1"};
    state_.backend = [](std::string_view, std::string_view, const CallOptions&) -> Result<std::string> {
      return std::string(300, '1');
    };
    std::mt19937_64 random(20);
    const auto size = static_cast<uint32_t>(state_.memory.size());
    const std::vector<uint64_t> values = {0,          1,          2,          3,          4,         8,
                                          64,         255,        4096,       size / 2,   size - 64, size - 9,
                                          size - 8,   size - 4,   size - 1,   size,       size + 1,  0x7fffffff,
                                          0x80000000, 0xfffffff0, 0xffffffff, 0x1fffffff, ~0ull,     1ull << 63};
    for (const HostImport& import : HostImports()) {
      const auto fn_name = import.name;
      for (int i = 0; i < rounds; ++i) {
        std::vector<uint64_t> args;
        for (size_t p = 0; p < import.params.size(); ++p) args.push_back(values[random() % values.size()]);
        state_.streams = HostState().streams;
        state_.backend_calls_left = 1;
        Call(fn_name, args, fn_name == "proc_exit" ? TrapCode::kHostUnwind : TrapCode::kNone);
        out_.clear();
        log_.lines.clear();
      }
    }
  }
};

TEST_F(WasiHostileTest, OnePage) {
  std::mt19937_64 random(1);
  for (uint32_t i = 0; i < kSize; i += 4) Put<uint32_t>(i, static_cast<uint32_t>(random() % (2 * kSize)));
  Bombard(300);
}
TEST_F(WasiHostileTest, NoPages) {
  const FencedMemory none(0);
  state_.memory = GuestMemory(none.vm());
  Bombard(100);
}
TEST_F(WasiHostileTest, NoMemory) {
  state_.memory = GuestMemory();
  Bombard(100);
}
TEST_F(WasiHostileTest, NothingSet) {
  HostState bare;
  abi::Value values[9] = {};
  for (const HostImport& import : HostImports()) {
    if (import.name == "fd_write") continue;  // would go to this process's stderr
    const auto def = FindHostFunction(import.module, import.name);
    ASSERT_TRUE(def);
    abi::VmHostFunc func{nullptr, def->fn, &bare};
    def->fn(&func, values);
  }
}

// ---- What they do -------------------------------------------------------------------------------------------------

TEST_F(WasiTest, ArgumentsAndEnvironment) {
  state_.args = {"guard", "", "two words"};
  state_.env = {"A=1"};
  EXPECT_EQ(Call("args_sizes_get", {0, 4}), kSuccess);
  EXPECT_EQ(Get<uint32_t>(0), 3u);
  EXPECT_EQ(Get<uint32_t>(4), 17u);
  EXPECT_EQ(Call("args_get", {100, 200}), kSuccess);
  EXPECT_EQ(GetText(200, 17), std::string("guard\0\0two words\0", 17));
  EXPECT_EQ(Get<uint32_t>(100), 200u);
  EXPECT_EQ(Get<uint32_t>(104), 206u);
  EXPECT_EQ(Get<uint32_t>(108), 207u);
  EXPECT_EQ(Call("args_get", {100, kEnd - 16}), kFault);
  EXPECT_EQ(Call("args_get", {kEnd - 11, 200}), kFault);
  EXPECT_EQ(Call("environ_sizes_get", {0, 4}), kSuccess);
  EXPECT_EQ(Get<uint32_t>(4), 4u);
  EXPECT_EQ(Call("environ_get", {100, 200}), kSuccess);
  EXPECT_EQ(GetText(200, 4), std::string("A=1\0", 4));
}

TEST_F(WasiTest, Clocks) {
  for (const uint64_t clock : {0, 1, 2, 3}) {
    EXPECT_EQ(Call("clock_res_get", {clock, 8}), kSuccess);
    EXPECT_GT(Get<uint64_t>(8), 0u);
    EXPECT_EQ(Call("clock_time_get", {clock, 0, 8}), kSuccess);
    const auto first = Get<uint64_t>(8);
    EXPECT_EQ(Call("clock_time_get", {clock, 0, 8}), kSuccess);
    EXPECT_GE(Get<uint64_t>(8), first);
  }
  EXPECT_EQ(Call("clock_time_get", {0, 0, 8}), kSuccess);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  EXPECT_NEAR(static_cast<double>(Get<uint64_t>(8)) / 1e9, std::chrono::duration<double>(now).count(), 60);
}

TEST_F(WasiTest, WritesEveryVectorInOrder) {
  PutText(256, "hello");
  PutText(300, " world");
  Put<uint32_t>(64, 256);
  Put<uint32_t>(68, 5);
  Put<uint32_t>(72, 0xffffffff);
  Put<uint32_t>(76, 0);
  Put<uint32_t>(80, 300);
  Put<uint32_t>(84, 6);
  EXPECT_EQ(Call("fd_write", {1, 64, 3, 8}), kSuccess);
  EXPECT_EQ(Get<uint32_t>(8), 11u);
  EXPECT_EQ(out_, "hello world");
  EXPECT_EQ(Call("fd_write", {2, 80, 1, 8}), kSuccess);
  EXPECT_EQ(err_, " world");
}

// As many vectors as memory holds, each of all of memory: 64 KiB * 8 Ki = 512 MiB is fine, more than 2 GiB is EINVAL.
TEST_F(WasiTest, TotalsAreBounded) {
  const FencedMemory large(1 << 20);
  auto* base = const_cast<uint8_t*>(large.vm()->base);
  for (uint32_t i = 0; i < (1 << 20); i += 8) {
    const uint32_t vector[2] = {0, 1 << 20};
    std::memcpy(base + i, vector, 8);
  }
  state_.memory = GuestMemory(large.vm());
  uint64_t total = 0;
  state_.stdout_writer = [&](std::string_view bytes) { total += bytes.size(); };
  EXPECT_EQ(Call("fd_write", {1, 0, 1 << 17, 8}), kInval);
  EXPECT_EQ(total, 0u);
  EXPECT_EQ(Call("fd_read", {0, 0, 1 << 17, 8}), kInval);
  EXPECT_EQ(Call("fd_write", {1, 0, 2047, (1 << 20) - 4}), kSuccess);
  EXPECT_EQ(total, uint64_t{2047} << 20);
  control_.interrupted = true;
  total = 0;
  EXPECT_EQ(Call("fd_write", {1, 0, 2047, (1 << 20) - 4}), kIntr);
  EXPECT_LE(total, uint64_t{1} << 20);
}

TEST_F(WasiTest, ThrowingWriterIsAnError) {
  state_.stdout_writer = [](std::string_view) { throw 1; };
  Put<uint32_t>(64, 256);
  Put<uint32_t>(68, 5);
  EXPECT_EQ(Call("fd_write", {1, 64, 1, 8}), kIo);
}

TEST_F(WasiTest, StdinIsEmpty) {
  Put<uint32_t>(64, 256);
  Put<uint32_t>(68, 5);
  Put<uint32_t>(8, 77);
  EXPECT_EQ(Call("fd_read", {0, 64, 1, 8}), kSuccess);
  EXPECT_EQ(Get<uint32_t>(8), 0u);
}

TEST_F(WasiTest, DescriptorsCloseAndMove) {
  PutText(256, "x");
  Put<uint32_t>(64, 256);
  Put<uint32_t>(68, 1);
  EXPECT_EQ(Call("fd_renumber", {1, 0}), kSuccess);  // stdout is now 0
  EXPECT_EQ(Call("fd_write", {1, 64, 1, 8}), kBadf);
  EXPECT_EQ(Call("fd_write", {0, 64, 1, 8}), kSuccess);
  EXPECT_EQ(out_, "x");
  EXPECT_EQ(Call("fd_close", {0}), kSuccess);
  EXPECT_EQ(Call("fd_close", {0}), kBadf);
  EXPECT_EQ(Call("fd_fdstat_get", {0, 8}), kBadf);
  EXPECT_EQ(Call("fd_write", {2, 64, 1, 8}), kSuccess);
}

TEST_F(WasiTest, StatSaysStreamsThatAreNoTerminal) {
  constexpr uint64_t kRead = 2, kWrite = 64, kSeek = 4, kTell = 32;
  for (const uint32_t fd : {0, 1, 2}) {
    EXPECT_EQ(Call("fd_fdstat_set_flags", {fd, 1}), kSuccess);
    EXPECT_EQ(Call("fd_fdstat_get", {fd, 8}), kSuccess);
    EXPECT_NE(Get<uint8_t>(8), 2);  // a character device would be taken for a terminal
    EXPECT_EQ(Get<uint16_t>(10), 1);
    const auto rights = Get<uint64_t>(16);
    EXPECT_EQ(rights & (kRead | kWrite | kSeek | kTell), fd == 0 ? kRead : kWrite);
    memory_.data()[100] = 1;
    EXPECT_EQ(Call("fd_filestat_get", {fd, 100}), kSuccess);
    EXPECT_EQ(GetText(100, 64), std::string(64, '\0'));
  }
}

TEST_F(WasiTest, RandomFillsTheWholeBuffer) {
  EXPECT_EQ(Call("random_get", {0, kSize}), kSuccess);
  std::vector<int> counts(256);
  for (uint32_t i = 0; i < kSize; ++i) ++counts[memory_.data()[i]];
  EXPECT_GT(*std::ranges::min_element(counts), 100);  // 256 expected of each
  EXPECT_LT(*std::ranges::max_element(counts), 500);
}

TEST_F(WasiTest, LongWorkOnRandomEndsWhenInterrupted) {
  const FencedMemory large(1 << 20);
  state_.memory = GuestMemory(large.vm());
  EXPECT_EQ(Call("random_get", {0, 1 << 20}), kSuccess);
  control_.interrupted = true;
  EXPECT_EQ(Call("random_get", {0, 1 << 20}), kIntr);
}

TEST_F(WasiTest, ExitEndsTheGuest) {
  Call("proc_exit", {3}, TrapCode::kHostUnwind);
  EXPECT_EQ(state_.exit_code, 3u);
}

// ---- poll_oneoff --------------------------------------------------------------------------------------------------

class PollTest : public HostTest {
 protected:
  static constexpr uint32_t kIn = 1024, kOut = 4096, kCount = 8;
  static constexpr uint16_t kAbsolute = 1;

  void Clock(uint32_t index, uint64_t userdata, uint32_t id, uint64_t timeout, uint16_t flags = 0) {
    const uint32_t at = kIn + index * 48;
    Put<uint64_t>(at, userdata);
    Put<uint8_t>(at + 8, 0);
    Put<uint32_t>(at + 16, id);
    Put<uint64_t>(at + 24, timeout);
    Put<uint64_t>(at + 32, 0);
    Put<uint16_t>(at + 40, flags);
  }
  void Fd(uint32_t index, uint64_t userdata, uint8_t type, uint32_t fd) {
    const uint32_t at = kIn + index * 48;
    Put<uint64_t>(at, userdata);
    Put<uint8_t>(at + 8, type);
    Put<uint32_t>(at + 16, fd);
  }
  struct Seen {
    uint64_t userdata;
    uint16_t error;
    uint8_t type;
    bool operator==(const Seen&) const = default;
  };
  std::vector<Seen> Poll(uint32_t count) {
    EXPECT_EQ(Call("poll_oneoff", {kIn, kOut, count, kCount}), kSuccess);
    std::vector<Seen> seen;
    for (uint32_t i = 0; i < Get<uint32_t>(kCount); ++i) {
      const uint32_t at = kOut + i * 32;
      seen.push_back({Get<uint64_t>(at), Get<uint16_t>(at + 8), Get<uint8_t>(at + 10)});
    }
    return seen;
  }
};

TEST_F(PollTest, SleepsForTheShortestTimeout) {
  Clock(0, 10, 1, 5'000'000'000);
  Clock(1, 11, 0, 2'000'000'000);
  const auto before = guardc::Clock::now();
  EXPECT_EQ(Poll(2), (std::vector<Seen>{{11, 0, 0}}));
  ASSERT_EQ(control_.slept_until.size(), 1u);
  EXPECT_NEAR(std::chrono::duration<double>(control_.slept_until[0] - before).count(), 2, 0.5);
}

TEST_F(PollTest, AbsoluteTimes) {
  Call("clock_time_get", {0, 0, 16});
  Clock(0, 1, 0, Get<uint64_t>(16) + 3'000'000'000, kAbsolute);
  Call("clock_time_get", {1, 0, 16});
  Clock(1, 2, 1, Get<uint64_t>(16) + 1'000'000'000, kAbsolute);
  const auto before = guardc::Clock::now();
  EXPECT_EQ(Poll(2), (std::vector<Seen>{{2, 0, 0}}));
  EXPECT_NEAR(std::chrono::duration<double>(control_.slept_until.at(0) - before).count(), 1, 0.5);
  Clock(0, 3, 0, 0, kAbsolute);  // long past
  EXPECT_EQ(Poll(1), (std::vector<Seen>{{3, 0, 0}}));
  EXPECT_EQ(control_.slept_until.size(), 1u);
}

TEST_F(PollTest, HugeTimeoutsDoNotOverflow) {
  for (const uint16_t flags : {uint16_t{0}, kAbsolute}) {
    Clock(0, 1, 1, ~uint64_t{0}, flags);
    const auto before = guardc::Clock::now();
    Poll(1);
    EXPECT_GT(control_.slept_until.back(), before + std::chrono::hours(24 * 365));
  }
}

TEST_F(PollTest, EndsWhenInterrupted) {
  control_.interrupted = true;
  Clock(0, 1, 1, 1'000'000'000);
  EXPECT_EQ(Call("poll_oneoff", {kIn, kOut, 1, kCount}), kIntr);
}

TEST_F(PollTest, NeedNotSleepReally) {
  state_.sleep_really = false;
  Clock(0, 1, 1, 1'000'000'000'000);
  Clock(1, 2, 1, 2'000'000'000'000);
  EXPECT_EQ(Poll(2), (std::vector<Seen>{{1, 0, 0}}));
  EXPECT_TRUE(control_.slept_until.empty());
}

TEST_F(PollTest, DescriptorsAreReadyAtOnce) {
  Clock(0, 1, 1, 1'000'000'000);
  Fd(1, 2, 1, 0);
  Fd(2, 3, 2, 1);
  Fd(3, 4, 2, 2);
  EXPECT_EQ(Poll(4), (std::vector<Seen>{{2, 0, 1}, {3, 0, 2}, {4, 0, 2}}));
  EXPECT_TRUE(control_.slept_until.empty());
  Clock(0, 1, 1, 0);  // due as well
  EXPECT_EQ(Poll(2), (std::vector<Seen>{{2, 0, 1}, {1, 0, 0}}));
}

TEST_F(PollTest, EachErrorIsItsOwnEvent) {
  Fd(0, 1, 1, 3);
  Fd(1, 2, 1, 1);
  Fd(2, 3, 2, 0);
  Clock(3, 4, 2, 0);
  Clock(4, 5, 7, 0);
  Clock(5, 6, 1, 0, 2);
  EXPECT_EQ(Poll(6),
            (std::vector<Seen>{
                {1, kBadf, 1}, {2, kBadf, 1}, {3, kBadf, 2}, {4, kNotsup, 0}, {5, kInval, 0}, {6, kInval, 0}}));
}

}  // namespace
}  // namespace guardc
