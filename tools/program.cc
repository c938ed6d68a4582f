#include "tools/program.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <sstream>
#include <string>
#include <system_error>

#include "guardc/log.h"
#include "guardc/version.h"
#include "tools/command.h"
#include "tools/output.h"
#include "tools/usage_error.h"

namespace guardc::cli {
namespace {

// A file opened while a standard stream is closed would become that stream, and the guest's output would go there. What
// is opened here instead still fails whoever uses it, as a closed one does.
void OccupyStandardStreams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    const bool is_closed = fcntl(fd, F_GETFD) < 0;
    // The lowest number that is free is this one: those below are open by now.
    if (is_closed) static_cast<void>(open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY));
  }
}

// What the library would warn of, a command says itself.
void QuietLogs() {
  LogOptions options;
  if (std::getenv("GUARDC_LOG") == nullptr && std::getenv("DEBUG") == nullptr) options.levels = "error";
  // Also where nothing will be logged: it says what is wrong with GUARDC_LOG.
  ConfigureLogs(options);
}

// Of the version, for people or, behind --json, for programs; the latter takes work, so it is done only when asked for.
void AddVersion(CLI::App& app, const Program& program) {
  CLI::Option* json =
      app.add_flag("--json")->description("With --version: print LLVM, ABI, targets, CPU levels and features too");
  CLI::Option* version = app.add_flag_callback(
      "--version",
      [json, &program] {
        const bool as_json = json->count() > 0 && program.version_json;
        throw CLI::CallForVersion(as_json ? program.version_json() : "guardc " + std::string(kVersion), 0);
      },
      "Print the version and exit");
  json->needs(version);
}

int ParseAndRun(int argc, char** argv, const Program& program) {
  QuietLogs();
  int exit_code = kDone;
  CLI::App app;
  app.failure_message(FormatUsageError);
  const std::string_view meant = argc > 1 ? argv[1] : "";
  const auto only = std::ranges::find(program.commands, meant, &Command::name);
  if (only != program.commands.end()) {
    app.name("guardc");
    app.require_subcommand(1);
    only->add(app, exit_code);
  } else {
    DescribeProgram(app, program, exit_code);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream text;  // of --help and --version
    std::ostringstream usage_error;
    if (app.exit(error, text, usage_error) == 0) return Finish(text.str(), kDone);
    WriteMessage(usage_error.str());
    return kUsage;
  }
  return exit_code;
}

}  // namespace

void DescribeProgram(CLI::App& app, const Program& program, int& exit_code) {
  app.name("guardc");
  app.description(program.description);
  app.require_subcommand(1);
  AddVersion(app, program);
  if (program.describe) program.describe(app, exit_code);
  for (const Command& command : program.commands) command.add(app, exit_code);
}

int RunProgram(int argc, char** argv, const Program& program) {
  OccupyStandardStreams();
  signal(SIGXFSZ, SIG_IGN);  // a write beyond `ulimit -f` is an error like others
  // What our own code and the libraries below it throw (out of memory, mostly) ends here as an error like any other.
  try {
    return ParseAndRun(argc, argv, program);
  } catch (const std::exception& error) {
    const auto* system = dynamic_cast<const std::system_error*>(&error);
    if (system != nullptr && system->code() == std::errc::resource_unavailable_try_again) {
      return ReportError(
          {ErrorKind::kOutOfMemory,
           "the system refuses another thread (ulimit -u, the container's limit of processes, or a seccomp "
           "filter): allow one more"},
          false);
    }
    return ReportError({ErrorKind::kInternal, error.what()}, false);
  }
}

}  // namespace guardc::cli
