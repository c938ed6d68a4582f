#include "tools/compiler_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "artifact/manifest.h"
#include "base/file.h"

namespace guardc::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCompilerName = "guardc-compiler";
constexpr uint64_t kOutputLimit = uint64_t{1} << 20;  // bytes of the compiler's output that we read

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));  // exec's signature, not its habit
  out.push_back(nullptr);
  return out;
}

Result<Fd> MakeBuffer() {
  Fd fd(memfd_create("guardc-compiler-output", MFD_CLOEXEC));
  if (!fd) return FailErrno("make a buffer for the output of", kCompilerName, errno);
  return fd;
}

// A child that is killed if nobody waited for it.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }

  // Its wait status; empty where it did not end in time.
  std::optional<int> Wait(std::chrono::milliseconds limit) {
    const Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    if (pidfd) {  // without one (an old kernel) the limit is not kept
      pollfd ready = {pidfd.get(), POLLIN, 0};
      const auto end = std::chrono::steady_clock::now() + limit;
      int n = 0;
      do {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        n = poll(&ready, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
      } while (n < 0 && errno == EINTR);
      if (n == 0) return std::nullopt;
    }
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0) {
      if (errno != EINTR) return 0;
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
};

Result<pid_t> Spawn(const fs::path& program, const std::vector<std::string>& arguments, int out, int err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, program.c_str(), &actions, nullptr, Pointers(arguments).data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return FailErrno("start", program, error);
  return pid;
}

ErrorKind KindOfName(std::string_view name) {
#define GUARDC_X(id, text) \
  if (name == text) return ErrorKind::id;
  GUARDC_ERROR_LIST(GUARDC_X)
#undef GUARDC_X
  return ErrorKind::kCompile;
}

// The compiler answers {"error": {"kind", "message"}} on stdout (--json).
std::optional<Error> ParseError(const std::string& output) {
  const auto root = nlohmann::json::parse(output, nullptr, false);
  if (!root.is_object() || !root.contains("error") || !root["error"].is_object()) return std::nullopt;
  const auto& error = root["error"];
  if (!error.contains("message") || !error["message"].is_string()) return std::nullopt;
  const std::string kind = error.contains("kind") && error["kind"].is_string() ? error["kind"].get<std::string>() : "";
  return Error(KindOfName(kind), error["message"].get<std::string>());
}

// The child wrote through the same file offset.
Result<std::string> ReadFromStart(int fd) {
  lseek(fd, 0, SEEK_SET);
  return ReadAll(fd, kCompilerName, kOutputLimit);
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

Result<fs::path> FindCompiler() {
  if (const char* given = std::getenv("GUARDC_COMPILER"); given != nullptr && *given != '\0') {
    if (access(given, X_OK) == 0) return fs::path(given);
    return FailErrno("run the compiler that GUARDC_COMPILER names,", given, errno);
  }
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  for (const fs::path& candidate :
       {self.parent_path() / kCompilerName, self.parent_path().parent_path() / "libexec" / "guardc" / kCompilerName}) {
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return Fail(ErrorKind::kUnsupported, "this installation has no compiler: no " + std::string(kCompilerName) +
                                           " beside '" + self.string() + "' nor in ../libexec/guardc");
}

Error BecomeCompiler(const std::vector<std::string>& arguments) {
  const Result<fs::path> compiler = FindCompiler();
  if (!compiler) return compiler.error();
  std::vector<std::string> all = {compiler->string()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  execv(compiler->c_str(), Pointers(all).data());
  return FailErrno("run", *compiler, errno).error();
}

Result<void> CompileInProcess(const CompileRequest& request) {
  GUARDC_TRY(const fs::path compiler, FindCompiler());
  GUARDC_TRY(const Fd out, MakeBuffer());
  GUARDC_TRY(const Fd err, MakeBuffer());
  const std::vector<std::string> arguments = {compiler.string(),
                                              "compile",
                                              "--json",
                                              "--cache-dir",
                                              request.cache_directory.string(),
                                              "--profile",
                                              std::string(artifact::ProfileName(request.profile)),
                                              "--",
                                              request.wasm_path};
  GUARDC_TRY(const pid_t pid, Spawn(compiler, arguments, out.get(), err.get()));
  Child child(pid);
  const std::optional<int> status = child.Wait(request.limit);
  if (!status) {
    return Fail(ErrorKind::kCompile,
                "compiling '" + request.wasm_path + "' took longer than " +
                    std::to_string(std::chrono::duration_cast<std::chrono::seconds>(request.limit).count()) +
                    " s and was ended");
  }
  if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return {};
  const Result<std::string> stderr_text = ReadFromStart(err.get());
  const std::string said = stderr_text ? FirstLine(*stderr_text) : "";
  if (WIFSIGNALED(*status)) {
    return Fail(ErrorKind::kCompile, "the compiler crashed on '" + request.wasm_path + "' (" +
                                         strsignal(WTERMSIG(*status)) + ")" + (said.empty() ? "" : ": " + said));
  }
  const Result<std::string> stdout_text = ReadFromStart(out.get());
  if (stdout_text) {
    if (std::optional<Error> error = ParseError(*stdout_text)) return std::unexpected(*std::move(error));
  }
  return Fail(ErrorKind::kCompile, "the compiler failed on '" + request.wasm_path + "' with exit code " +
                                       std::to_string(WEXITSTATUS(*status)) + (said.empty() ? "" : ": " + said));
}

}  // namespace guardc::cli
