#include "tools/program.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <sstream>
#include <string>

#include "guardc/log.h"
#include "guardc/version.h"
#include "tools/command.h"
#include "tools/output.h"

namespace guardc::cli {
namespace {

// One line of what is wrong and one of what to do, as every other error.
std::string FormatUsageError(const CLI::App* app, const CLI::Error& error) {
  std::string command = "guardc";
  const CLI::App* meant = app;
  for (auto next = app->get_subcommands(); !next.empty(); next = meant->get_subcommands()) {
    meant = next.front();
    command += " " + meant->get_name();
  }
  std::string what = error.what();
  // The library says no more than that a subcommand is required.
  const auto rest = meant->remaining();
  const bool is_command_missing = meant->get_require_subcommand_min() > 0 && !rest.empty();
  if (is_command_missing) what = "there is no command '" + command + " " + PrintableName(rest.front()) + "'";
  return "error: " + what + "\nhint: see `" + command + " --help`\n";
}

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

int ParseAndRun(int argc, char** argv, const char* description, const std::vector<Command>& commands,
                const AddCommand& describe) {
  QuietLogs();
  CLI::App app{description};
  app.name("guardc");
  app.set_version_flag("--version", "guardc " + std::string(kVersion));
  app.require_subcommand(1);
  app.failure_message(FormatUsageError);
  int exit_code = kDone;
  const std::string_view meant = argc > 1 ? argv[1] : "";
  const auto only = std::ranges::find(commands, meant, &Command::name);
  if (only != commands.end()) {
    only->add(app, exit_code);
  } else {
    if (describe) describe(app, exit_code);
    for (const Command& command : commands) command.add(app, exit_code);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream text;  // of --help and --version; an error goes to stderr
    if (app.exit(error, text, std::cerr) != 0) return kUsage;
    return Finish(text.str(), kDone);
  }
  return exit_code;
}

}  // namespace

int RunProgram(int argc, char** argv, const char* description, const std::vector<Command>& commands,
               const AddCommand& describe) {
  OccupyStandardStreams();
  signal(SIGXFSZ, SIG_IGN);  // a write beyond `ulimit -f` is an error like others
  // What our own code and the libraries below it throw (out of memory, mostly) ends here as an error like any other.
  try {
    return ParseAndRun(argc, argv, description, commands, describe);
  } catch (const std::exception& error) {
    return ReportError({ErrorKind::kInternal, error.what()}, false);
  }
}

}  // namespace guardc::cli
