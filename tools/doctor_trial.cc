// guardc doctor: a small module compiled, run, trapped and stopped.
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include "base/file.h"
#include "guardc/guard.h"
#include "guardc/instance.h"
#include "loader/compiler_process.h"
#include "tools/call_inputs.h"
#include "tools/doctor_checks.h"
#include "tools/output.h"

namespace guardc::cli {
namespace {

// (module (memory (export "memory") 1)
//   (func (export "answer") (result i32) (i32.const 42))
//   (func (export "fault") (result i32) (i32.load (i32.const 65536)))
//   (func $deep (export "deep") (result i32) (i32.add (call $deep) (i32.const 1)))
//   (func (export "spin") (result i32) (loop $l (br $l)) (i32.const 0)))
constexpr auto kModule = std::to_array<uint8_t>(
    {0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7f, 0x03, 0x05, 0x04,
     0x00, 0x00, 0x00, 0x00, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x29, 0x05, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72,
     0x79, 0x02, 0x00, 0x06, 0x61, 0x6e, 0x73, 0x77, 0x65, 0x72, 0x00, 0x00, 0x05, 0x66, 0x61, 0x75, 0x6c, 0x74,
     0x00, 0x01, 0x04, 0x64, 0x65, 0x65, 0x70, 0x00, 0x02, 0x04, 0x73, 0x70, 0x69, 0x6e, 0x00, 0x03, 0x0a, 0x22,
     0x04, 0x04, 0x00, 0x41, 0x2a, 0x0b, 0x09, 0x00, 0x41, 0x80, 0x80, 0x04, 0x28, 0x02, 0x00, 0x0b, 0x07, 0x00,
     0x10, 0x02, 0x41, 0x01, 0x6a, 0x0b, 0x09, 0x00, 0x03, 0x40, 0x0c, 0x00, 0x0b, 0x41, 0x00, 0x0b});

constexpr auto kLongest = std::chrono::seconds(60);        // of a step that may be one of the compiler or of a guard
constexpr auto kShortly = std::chrono::seconds(5);         // of what takes microseconds
constexpr const char* kQuickSteps = "calling a function";  // from here on
constexpr auto kDeadline = std::chrono::milliseconds(50);

Result<void> Expect(const Instance& instance, const char* function, ErrorKind kind, TrapCode trap,
                    const CallOptions& options = {}) {
  const auto func = instance.ExportedFunc(function);
  if (!func) return Fail(ErrorKind::kInternal, std::string("the module has no ") + function);
  const auto done = func->Call({}, options);
  const bool is_meant =
      !done && done.error().kind == kind && (kind != ErrorKind::kTrap || done.error().details().trap == trap);
  if (is_meant) return {};
  if (!done) return std::unexpected(done.error());
  return Fail(ErrorKind::kInternal, std::string("the function ") + function + " came back");
}

// Says "step\n" before each step.
Result<void> RunTrial(const std::function<void(const char*)>& begin) {
  begin("compiling and loading");
  LoadOptions load;
  CompileOnMiss& compile = load.compile_on_miss.emplace();
  compile.options.opt_level = 0;
  compile.options.profile = Profile::kWasi;
  compile.name = "the doctor's module";
  GUARDC_TRY(const auto module, Module::Compile(std::as_bytes(std::span(kModule)), load));
  begin("creating an instance");
  StoreOptions options;
  options.fail_after_trap = false;
  Store store(options);
  GUARDC_TRY(const Instance* instance, store.Instantiate(module, {}));
  begin(kQuickSteps);
  GUARDC_TRY(const auto values, instance->ExportedFunc("answer")->Call({}));
  if (values.at(0).i32() != 42) return Fail(ErrorKind::kInternal, "a function answered something else than it should");
  begin("trapping at an access outside of memory");
  GUARDC_CHECK(Expect(*instance, "fault", ErrorKind::kTrap, TrapCode::kMemoryOutOfBounds));
  begin("trapping at a stack that is used up");
  GUARDC_CHECK(Expect(*instance, "deep", ErrorKind::kTrap, TrapCode::kStackExhausted));
  begin("stopping a loop at its deadline");
  return Expect(*instance, "spin", ErrorKind::kDeadline, TrapCode::kNone, {.deadline = Clock::now() + kDeadline});
}

Result<void> RunSubject(const LoadRequest& subject, const std::function<void(const char*)>& begin) {
  begin("finding and loading it");
  GUARDC_TRY(auto module, LoadModule(subject));
  begin("making a guard of it");
  GuardOptions options;
  options.timeout = kLongest / 2;
  options.log = MakeStderrLog("doctor", 0);
  GUARDC_TRY(const auto guard, Guard::Create(std::move(module), std::move(options)));
  return guard->Close();
}

// Lines of the trial's process: "+step" where one begins, "!hint" and "-message" where one failed, "." at the end.
[[noreturn]] void BeTheTrial(const LoadRequest& subject, int out) {
  const auto say = [out](const std::string& line) { static_cast<void>(!write(out, line.data(), line.size())); };
  const auto begin = [&](const char* step) { say(std::string("+") + step + "\n"); };
  const Result<void> done = subject.module.empty() ? RunTrial(begin) : RunSubject(subject, begin);
  if (!done) {
    const std::string hint = subject.module.empty() ? "" : LoadHint(subject, done.error());
    if (!hint.empty()) say("!" + PrintableName(hint) + "\n");
  }
  say(done ? ".\n" : "-" + PrintableName(done.error().message) + "\n");
  _exit(0);
}

// What the process wrote until it ended, or was ended.
std::string ReadTrial(pid_t child, int in, int& status) {
  std::string text;
  for (;;) {
    const bool is_quick = text.contains(kQuickSteps);
    const std::chrono::milliseconds wait = is_quick ? kShortly : kLongest;
    pollfd ready = {.fd = in, .events = POLLIN, .revents = 0};
    const int events = poll(&ready, 1, static_cast<int>(wait.count()));
    if (events < 0 && errno == EINTR) continue;
    std::array<char, 512> buffer;
    const ssize_t n = events > 0 ? read(in, buffer.data(), buffer.size()) : 0;
    if (n <= 0) break;
    text.append(buffer.data(), static_cast<size_t>(n));
  }
  kill(child, SIGKILL);
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return text;
}

}  // namespace

std::vector<Finding> TryIt(const LoadRequest& subject) {
  Finding out{.check = subject.module.empty() ? "a trial" : "the guard", .found = {}};
  const std::string prefix = subject.module.empty() ? "" : PrintableName(subject.module) + ": ";
  if (subject.module.empty() && !loader::FindCompiler()) {
    out.health = Health::kWarn;
    out.found = "nothing was compiled and run, since there is no compiler";
    out.mend = "name a guard that is compiled: `guardc doctor GUARD.wasm`";
    return {out};
  }
  const auto fail = [&](const std::string& found) {
    out.health = Health::kFail;
    out.found = prefix + found;
    out.fails = subject.module.empty() ? "the same with every guard" : "this guard";
    return std::vector{out};
  };
  std::array<int, 2> ends;
  if (pipe(ends.data()) != 0) return fail(std::string("cannot make a pipe: ") + std::strerror(errno));
  const pid_t child = fork();
  if (child < 0) return fail(std::string("cannot start a process: ") + std::strerror(errno));
  if (child == 0) {
    close(ends[0]);
    BeTheTrial(subject, ends[1]);
  }
  close(ends[1]);
  int status = 0;
  const std::string text = ReadTrial(child, ends[0], status);
  close(ends[0]);
  std::string step = "starting";
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line == ".") {
      out.found = subject.module.empty() ? "compiled, loaded, called; trapped and stopped as it should"
                                         : prefix + "loaded, and a guard could be made of it";
      return {out};
    }
    if (line.starts_with('+')) step = line.substr(1);
    if (line.starts_with('!')) out.mend = line.substr(1);
    if (line.starts_with('-')) {
      if (out.mend.empty())
        out.mend = subject.module.empty() ? "see the other findings; they say what this needs"
                                          : "do what the message says, or see the other findings";
      return fail(step + ": " + line.substr(1));
    }
  }
  if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
    return fail(step + ": the process was ended by signal " + std::to_string(WTERMSIG(status)));
  }
  return fail(step + ": it did not end");
}

}  // namespace guardc::cli
