// guardc-spectest: the official WebAssembly tests against the whole of guardc. Each script runs in a process of its
// own, so that a crash or an endless loop costs the rest of that script only; several run side by side.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/spec/runner.h"
#include "tests/spec/script.h"

namespace guardc::spec {
namespace {

namespace fs = std::filesystem;

struct Job {
  fs::path path;
  Script script;
  Progress* progress = nullptr;
  int output = -1;  // memfd: what the script's process wrote
  int wait_status = 0;
  bool done = false;
};

// SIGINT or SIGTERM came: end the children and remove the cache before going.
volatile std::sig_atomic_t stop_requested = 0;

void CatchStopSignals() {
  struct sigaction action{};
  action.sa_handler = [](int) { stop_requested = 1; };  // no SA_RESTART: waitpid returns
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

// Throws fs::filesystem_error.
std::vector<fs::path> FindScripts(const std::vector<std::string>& arguments) {
  std::vector<fs::path> out;
  for (const std::string& argument : arguments) {
    const fs::path given = fs::path(argument).lexically_normal();
    if (!fs::is_directory(given)) {
      out.push_back(given);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(given)) {
      if (entry.path().extension() == ".json") out.push_back(entry.path());
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

// What the script knows of the proposals after 2.0: nothing, by --spec, or by its folder "2.0". Those of extended-const
// are older than core 3.0, and want a global that names one of the module's own to be invalid (data, elem, global).
compiler::FeatureSet FeaturesOf(const fs::path& script, const std::string& spec) {
  const fs::path absolute = fs::absolute(script);
  const auto is_below = [&](const char* folder) {
    return std::find(absolute.begin(), absolute.end(), folder) != absolute.end();
  };
  const bool is_2 = spec == "auto" ? is_below("2.0") : spec == "2.0";
  if (!is_2) return {.own_global_const = !is_below("extended-const")};
  return {.tail_call = false,
          .extended_const = false,
          .multi_memory = false,
          .memory64 = false,
          .relaxed_simd = false,
          .threads = false,
          .own_global_const = false};
}

pid_t Start(Job& job, RunOptions options, const std::string& spec, unsigned timeout_seconds) {
  job.output = memfd_create("guardc-spectest", MFD_CLOEXEC);
  void* shared = mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (job.output < 0 || shared == MAP_FAILED) return -1;
  job.progress = new (shared) Progress;
  std::fflush(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  dup2(job.output, STDOUT_FILENO);
  dup2(job.output, STDERR_FILENO);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(timeout_seconds);
  options.features = FeaturesOf(job.path, spec);
  RunScript(job.script, options, *job.progress);
  std::fflush(nullptr);
  _exit(0);
}

// Everything that a finished script has to say; adds its counts to `total`.
void Report(Job& job, Progress& total) {
  char buffer[65536];
  ssize_t n = 0;
  for (off_t at = 0; (n = pread(job.output, buffer, sizeof buffer, at)) > 0; at += n) fwrite(buffer, 1, n, stderr);
  close(job.output);
  Progress& progress = *job.progress;
  if (!WIFEXITED(job.wait_status) || WEXITSTATUS(job.wait_status) != 0) {
    const uint32_t finished = progress.passed + progress.failed + progress.skipped;
    const uint32_t lost = static_cast<uint32_t>(job.script.commands.size()) - finished;
    progress.failed += lost;
    const std::string cause = WIFSIGNALED(job.wait_status)
                                  ? std::string("was killed by ") + strsignal(WTERMSIG(job.wait_status))
                                  : "exited with " + std::to_string(WEXITSTATUS(job.wait_status));
    std::fprintf(stderr, "%s:%u: the process %s; %u commands count as failed\n", job.script.name.c_str(),
                 progress.line.load(), cause.c_str(), lost);
  }
  std::printf("%s: %u passed, %u failed, %u skipped\n", job.script.name.c_str(), progress.passed.load(),
              progress.failed.load(), progress.skipped.load());
  std::fflush(stdout);
  total.passed += progress.passed;
  total.failed += progress.failed;
  total.skipped += progress.skipped;
  munmap(job.progress, sizeof(Progress));
}

// Runs all, `parallel` at a time, the largest first; reports in the order of `jobs`. False where a process could not
// be started, or a signal asked to stop.
bool RunAll(std::vector<Job>& jobs, const RunOptions& options, const std::string& spec, unsigned parallel,
            unsigned timeout_seconds, Progress& total) {
  std::vector<Job*> waiting;
  for (Job& job : jobs) waiting.push_back(&job);
  std::sort(waiting.begin(), waiting.end(), [](const Job* a, const Job* b) {  // taken from the back
    return std::pair(a->script.commands.size(), &a->path) < std::pair(b->script.commands.size(), &b->path);
  });
  std::map<pid_t, Job*> running;
  size_t reported = 0;
  while (!waiting.empty() || !running.empty()) {
    while (!waiting.empty() && running.size() < parallel) {
      const pid_t pid = Start(*waiting.back(), options, spec, timeout_seconds);
      if (pid < 0) {
        std::fprintf(stderr, "error: cannot start a process: %s\n", std::strerror(errno));
        return false;
      }
      running[pid] = waiting.back();
      waiting.pop_back();
    }
    int status = 0;
    const pid_t pid = waitpid(-1, &status, 0);
    if (stop_requested != 0) {
      for (const auto& [child, job] : running) {
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
      }
      return false;
    }
    const auto found = running.find(pid);
    if (found == running.end()) continue;
    found->second->wait_status = status;
    found->second->done = true;
    running.erase(found);
    for (; reported < jobs.size() && jobs[reported].done; ++reported) Report(jobs[reported], total);
  }
  return true;
}

// Memory where there is some: the cache's fsyncs cost more than the compiles otherwise.
fs::path MakeCacheDirectory() {
  const bool shm = access("/dev/shm", W_OK) == 0;
  std::string pattern = ((shm ? fs::path("/dev/shm") : fs::temp_directory_path()) / "guardc-spectest-XXXXXX").string();
  return mkdtemp(pattern.data()) == nullptr ? fs::path() : fs::path(pattern);
}

int Main(int argc, char** argv) {
  CLI::App app{
      "Runs scripts of the official WebAssembly tests (JSON, as `wasm-tools json-from-wast` writes them) through\n"
      "compiler, cache, loader and runtime. The last line counts commands; exit 0 only if none failed. What needs a\n"
      "proposal that guardc refuses by name is skipped, and said once per script."};
  RunOptions options;
  options.compile.profile = Profile::kWasi;
  options.compile.jobs = 1;  // scripts run side by side instead
  std::vector<std::string> paths;
  std::string filter;
  std::string spec = "auto";
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  unsigned timeout_seconds = 600;
  app.add_option("paths", paths, "Directories to search, or scripts")->default_val(GUARDC_WASM_SPEC_DIR);
  app.add_option("-O", options.compile.opt_level, "Optimisation level")->check(CLI::Range(0, 3))->capture_default_str();
  app.add_option("--cpu", options.compile.cpu, "As for guardc compile")->capture_default_str();
  app.add_flag("--bounds-checks", options.compile.bounds_checks, "Explicit checks instead of guard pages");
  app.add_flag("--strict-traps", options.compile.strict_traps, "Volatile accesses");
  app.add_flag("--canonical-nans", options.compile.canonical_nans, "One NaN only");
  app.add_option("--jobs", jobs, "Scripts at a time")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--spec", spec, "2.0: without the proposals after it; all; auto: 2.0 in a folder of that name")
      ->check(CLI::IsMember({"auto", "2.0", "all"}))
      ->capture_default_str();
  app.add_option("--filter", filter, "Only scripts whose name (as printed) contains this");
  app.add_option("--timeout", timeout_seconds, "Seconds for one script")->capture_default_str();
  app.add_option("--show", options.shown_failures, "Failures to print, per script")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }

  std::vector<Job> scripts;
  Progress total;
  for (const fs::path& path : FindScripts(paths)) {
    Result<Script> script = ReadScript(path);
    if (!script) {
      std::fprintf(stderr, "error: %s\n", script.error().message.c_str());
      ++total.failed;
      continue;
    }
    if (script->name.find(filter) == std::string::npos) continue;
    scripts.push_back({.path = path, .script = *std::move(script)});
  }
  if (scripts.empty() && total.failed == 0) {
    std::fprintf(stderr, "error: no script found\n");
    return 1;
  }
  options.cache_directory = MakeCacheDirectory();
  if (options.cache_directory.empty()) {
    std::fprintf(stderr, "error: cannot make a temporary directory: %s\n", std::strerror(errno));
    return 1;
  }
  CatchStopSignals();
  const bool ran = RunAll(scripts, options, spec, jobs, timeout_seconds, total);
  std::error_code ignored;
  fs::remove_all(options.cache_directory, ignored);
  if (!ran) return 1;
  std::printf("%u passed, %u failed, %u skipped\n", total.passed.load(), total.failed.load(), total.skipped.load());
  return total.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace guardc::spec

int main(int argc, char** argv) {
  try {
    return guardc::spec::Main(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 1;
  }
}
