// Command line options that several subcommands have.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace guardc::cli {

struct CommonOptions {
  std::string cache_dir;
  bool json = false;
};

// A validator of CLI11's that is made when the option is given: making one formats texts, which takes as long as all
// the rest of a command line. Without its description, which would be printed behind the type; ours is in the help
// text.
template <class Make>
CLI::Validator WhenGiven(Make make) {
  return CLI::Validator([make](std::string& text) { return make()(text); }, "");
}

// --trusted-group GID, or $GUARDC_TRUSTED_GROUP (SetTrustedGroup() of guardc/module.h).
void AddTrustedGroup(CLI::App& command);
// --cache-dir, and who may write to it.
void AddCacheDir(CLI::App& command, CommonOptions& options);
// --name NAME, which has to be one (artifact/names.h).
CLI::Option* AddName(CLI::App& command, std::string& name, const char* help);
// `what` tells the members of the JSON object.
void AddJson(CLI::App& command, CommonOptions& options, const char* what);

// A time with its unit (us, ms, s, m, h, d), in seconds; more than zero.
void AddDuration(CLI::App& command, const char* name, double& seconds, const char* help);
// Bytes, with or without a unit (KB, MiB, ...; both are powers of 1024).
CLI::Option* AddSize(CLI::App& command, const char* name, uint64_t& bytes, uint64_t least, const char* help);
// What an instance may have of memories and of tables, each altogether.
template <class T>
CLI::Option* AddMemoryCap(CLI::App& command, T& pages) {
  return command.add_option("--memory-cap", pages, "All linear memories together at most, in pages of 64 KiB")
      ->type_name("PAGES")
      ->capture_default_str();
}
template <class T>
CLI::Option* AddTableCap(CLI::App& command, T& elements) {
  return command.add_option("--table-cap", elements, "All tables together at most, in elements of 8 bytes")
      ->type_name("ELEMENTS")
      ->capture_default_str();
}

// As AddSize, where a number alone is refused, but for 0: who forgets the unit would lose what should stay.
CLI::Option* AddSizeWithUnit(CLI::App& command, const char* name, uint64_t& bytes, const char* help);

}  // namespace guardc::cli
