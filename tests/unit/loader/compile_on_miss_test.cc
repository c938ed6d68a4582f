// Module::Find and Module::Compile with a compiler in a process of its own: the real one, and scripts that stand for
// one that crashes, hangs, talks nonsense or is not there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <chrono>
#include <thread>
#include <vector>

#include "guardc/module.h"
#include "tests/support/temp_dir.h"

namespace guardc {
namespace {

using std::chrono::milliseconds;
using test::TempDir;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kEmptyModule("\0asm\1\0\0\0", 8);

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

class CompileOnMissTest : public ::testing::Test {
 protected:
  void SetUp() override { unsetenv("GUARDC_COMPILER"); }
  void TearDown() override {
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);  // no child is left
    unsetenv("GUARDC_COMPILER");
  }

  // A stand-in for guardc-compiler.
  std::filesystem::path Script(const std::string& body) {
    const auto path = dir_ / "compiler";
    test::WriteBytes(path, "#!/bin/sh\n" + body);
    chmod(path.c_str(), 0755);
    return path;
  }

  LoadOptions With(std::filesystem::path compiler) {
    LoadOptions options;
    options.compile_on_miss.emplace();
    options.compile_on_miss->compiler = std::move(compiler);
    options.compile_on_miss->options.profile = Profile::kWasi;
    options.compile_on_miss->name = "m.wasm";
    return options;
  }

  Error ErrorOf(const LoadOptions& options, std::string_view wasm = kEmptyModule) {
    auto module = Module::Find(Bytes(wasm), dir_ / "cache", options);
    EXPECT_FALSE(module);
    return module ? Error(ErrorKind::kInternal, "found") : module.error();
  }

  TempDir dir_;
};

TEST_F(CompileOnMissTest, OnlyWhereItIsAskedFor) { EXPECT_EQ(ErrorOf({}).kind, ErrorKind::kNotCached); }

TEST_F(CompileOnMissTest, ACompilerThatIsNotThere) {
  const Error named = ErrorOf(With("/no/such/compiler"));
  EXPECT_EQ(named.kind, ErrorKind::kUnsupported);
  EXPECT_THAT(named.message, HasSubstr("/no/such/compiler"));
  setenv("GUARDC_COMPILER", "/no/such/one/either", 1);
  const Error variable = ErrorOf(With(""));
  EXPECT_EQ(variable.kind, ErrorKind::kUnsupported);
  EXPECT_THAT(variable.message, HasSubstr("GUARDC_COMPILER"));
  const Error directory = ErrorOf(With(dir_.path()));
  EXPECT_EQ(directory.kind, ErrorKind::kIo);
}

TEST_F(CompileOnMissTest, ItsErrorsKeepTheirKind) {
  const Error error = ErrorOf(With(Script(
      R"(echo '{"error":{"kind":"invalid_wasm","message":"m.wasm: no","module_offset":17,"limit":3}}'; exit 1)")));
  EXPECT_EQ(error.kind, ErrorKind::kInvalidWasm);
  EXPECT_EQ(error.message, "m.wasm: no");
  EXPECT_EQ(error.details().module_offset, 17u);
  EXPECT_EQ(error.details().limit, 3u);
  EXPECT_EQ(ErrorOf(With(Script(R"(echo '{"error":{"kind":"new","message":"x"}}'; exit 1)"))).kind,
            ErrorKind::kCompile);
}

TEST_F(CompileOnMissTest, NonsenseIsACompileErrorWithWhatItSaid) {
  for (const char* out : {"", "nonsense", "[1]", "{}", R"({"error":5})", R"({"error":{"message":5}})", "\\377"}) {
    const Error error = ErrorOf(With(Script(std::string("printf '") + out + "'; printf 'why\\n\\033not' >&2; exit 9")));
    EXPECT_EQ(error.kind, ErrorKind::kCompile) << out;
    EXPECT_THAT(error.message, HasSubstr("exit code 9: why  not")) << out;
  }
  const Error loud = ErrorOf(With(Script("yes | head -c 30000000 >&2; exit 1")));
  EXPECT_EQ(loud.kind, ErrorKind::kCompile);
  EXPECT_LT(loud.message.size(), 1200u);
}

TEST_F(CompileOnMissTest, ACrash) {
  const Error error = ErrorOf(With(Script("echo LLVM ERROR: out of memory >&2; kill -ABRT $$")));
  EXPECT_EQ(error.kind, ErrorKind::kCompile);
  EXPECT_THAT(error.message, StartsWith("m.wasm: the compiler crashed (Aborted)"));
  EXPECT_THAT(error.message, HasSubstr("out of memory"));
}

TEST_F(CompileOnMissTest, SuccessWithoutAnArtifactIsStillAMiss) {
  EXPECT_EQ(ErrorOf(With(Script("exit 0"))).kind, ErrorKind::kNotCached);
}

TEST_F(CompileOnMissTest, AnEndlessCompile) {
  LoadOptions options = With(Script("exec sleep 1000"));
  options.compile_on_miss->bounds.deadline = Clock::now() + milliseconds(50);
  EXPECT_EQ(ErrorOf(options).kind, ErrorKind::kDeadline);
  std::stop_source stop;
  options.compile_on_miss->bounds = {.deadline = {}, .stop = stop.get_token(), .request_id = {}};
  const std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(50));
    stop.request_stop();
  });
  EXPECT_EQ(ErrorOf(options).kind, ErrorKind::kCancelled);
}

TEST_F(CompileOnMissTest, WhatTheCompilerIsAsked) {
  LoadOptions options = With(Script("for word; do echo \"$word\"; done > " + (dir_ / "words").string() + "; wc -c > " +
                                    (dir_ / "stdin").string() + "; exit 1"));
  CompileOptions& compile = options.compile_on_miss->options;
  compile = {.opt_level = 3,
             .cpu = "x86-64-v3",
             .target = "x86_64-linux-gnu",
             .bounds_checks = true,
             .strict_traps = true,
             .canonical_nans = true,
             .jobs = 2};
  options.compile_on_miss->name = "--force $(id)";
  ErrorOf(options);
  EXPECT_EQ(test::ReadBytes(dir_ / "words"),
            "compile\n--json\n--cache-dir=" + (dir_ / "cache").string() +
                "\n-O3\n--cpu=x86-64-v3\n--profile=guard\n--stdin-name=--force $(id)\n--target=x86_64-linux-gnu\n"
                "--bounds-checks\n--strict-traps\n--canonical-nans\n--jobs=2\n--attended\n-\n");
  EXPECT_EQ(test::ReadBytes(dir_ / "stdin"), "8\n");
}

TEST_F(CompileOnMissTest, AModuleWithoutAName) {
  LoadOptions options =
      With(Script("for word; do echo \"$word\"; done > " + (dir_ / "words").string() + "; kill -ABRT $$"));
  options.compile_on_miss->name.clear();
  EXPECT_THAT(ErrorOf(options).message, StartsWith("the module: the compiler crashed"));
  EXPECT_THAT(test::ReadBytes(dir_ / "words"), Not(HasSubstr("--stdin-name")));
}

TEST_F(CompileOnMissTest, CompileNeedsToBeToldHow) {
  EXPECT_EQ(Module::Compile(Bytes(kEmptyModule), {}).error().kind, ErrorKind::kInvalidArgument);
}

#ifdef GUARDC_TEST_COMPILER

TEST_F(CompileOnMissTest, CompilesOnceAndFindsItAfterwards) {
  const auto module = Module::Find(Bytes(kEmptyModule), dir_ / "cache", With(GUARDC_TEST_COMPILER));
  ASSERT_TRUE(module) << module.error().message;
  const auto again = Module::Find(Bytes(kEmptyModule), dir_ / "cache", With(Script("exit 1")));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)->key(), (*module)->key());
}

TEST_F(CompileOnMissTest, ReplacesWhatIsDamaged) {
  const auto module = Module::Find(Bytes(kEmptyModule), dir_ / "cache", With(GUARDC_TEST_COMPILER));
  ASSERT_TRUE(module);
  test::WriteBytes((*module)->entry() / "guard.so", "broken");
  EXPECT_EQ(ErrorOf({}).kind, ErrorKind::kCorruptArtifact);
  EXPECT_TRUE(Module::Find(Bytes(kEmptyModule), dir_ / "cache", With(GUARDC_TEST_COMPILER)));
  EXPECT_TRUE(Module::Find(Bytes(kEmptyModule), dir_ / "cache"));
}

TEST_F(CompileOnMissTest, TheRealCompilersErrors) {
  const Error invalid = ErrorOf(With(GUARDC_TEST_COMPILER), std::string_view("\0asm\1\0\0\0\xff", 9));
  EXPECT_EQ(invalid.kind, ErrorKind::kInvalidWasm);
  EXPECT_THAT(invalid.message, StartsWith("m.wasm: "));
  EXPECT_TRUE(invalid.details().module_offset);
  LoadOptions guard = With(GUARDC_TEST_COMPILER);
  guard.compile_on_miss->options.profile = Profile::kGuard;
  EXPECT_EQ(ErrorOf(guard).kind, ErrorKind::kGuardAbi);
  LoadOptions cpu = With(GUARDC_TEST_COMPILER);
  cpu.compile_on_miss->options.cpu = "abacus";
  EXPECT_EQ(ErrorOf(cpu).kind, ErrorKind::kInvalidArgument);
}

TEST_F(CompileOnMissTest, EightThreadsOneCompile) {
  const auto log = dir_ / "log";
  const LoadOptions options = With(Script(std::string(GUARDC_TEST_COMPILER) + " \"$@\" | tee -a " + log.string()));
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto module = Module::Find(Bytes(kEmptyModule), dir_ / "cache", options);
      EXPECT_TRUE(module) << module.error().message;
    });
  }
  threads.clear();
  const std::string said = test::ReadBytes(log);
  size_t compiled = 0;
  for (size_t at = said.find("\"cached\": false"); at != std::string::npos;
       at = said.find("\"cached\": false", at + 1)) {
    ++compiled;
  }
  EXPECT_EQ(compiled, 1u) << said;
}

TEST_F(CompileOnMissTest, WithoutACacheNothingIsLeft) {
  setenv("TMPDIR", dir_.path().c_str(), 1);
  const auto module = Module::Compile(Bytes(kEmptyModule), With(GUARDC_TEST_COMPILER));
  unsetenv("TMPDIR");
  ASSERT_TRUE(module) << module.error().message;
  EXPECT_TRUE((*module)->exports().empty());
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
}

#endif

}  // namespace
}  // namespace guardc
