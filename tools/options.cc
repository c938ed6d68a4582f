#include "tools/options.h"

#include <limits>
#include <map>

#include "artifact/names.h"
#include "guardc/module.h"

namespace guardc::cli {

void AddTrustedGroup(CLI::App& command) {
  command
      .add_option_function<uint32_t>(
          "--trusted-group", [](uint32_t group) { SetTrustedGroup(group); },
          "Trust caches that this group may write, too")
      ->envname("GUARDC_TRUSTED_GROUP")
      ->type_name("GID");
}

void AddCacheDir(CLI::App& command, CommonOptions& options) {
  command.add_option("--cache-dir", options.cache_dir, "The cache directory (see `guardc --help` for the default)")
      ->type_name("DIR");
  AddTrustedGroup(command);
}

CLI::Option* AddName(CLI::App& command, std::string& name, const char* help) {
  return command.add_option("--name", name, help)
      ->type_name("NAME")
      ->check(CLI::Validator(
          [](std::string& text) {
            const auto is_name = artifact::CheckName(text);
            return is_name ? std::string() : is_name.error().message;
          },
          ""));
}

void AddJson(CLI::App& command, CommonOptions& options, const char* what) {
  command.add_flag("--json", options.json, what);
}

void AddDuration(CLI::App& command, const char* name, double& seconds, const char* help) {
  const auto in_seconds = [] {
    const std::map<std::string, double> units = {{"us", 1e-6}, {"ms", 1e-3}, {"s", 1},
                                                 {"m", 60},    {"h", 3600},  {"d", 86400}};
    return CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::UNIT_REQUIRED);
  };
  command.add_option(name, seconds, help)->type_name("TIME")->transform(WhenGiven(in_seconds))->check(WhenGiven([] {
    return CLI::Range(1e-6, 1e9);
  }));
}

CLI::Option* AddSize(CLI::App& command, const char* name, uint64_t& bytes, uint64_t least, const char* help) {
  return command.add_option(name, bytes, help)
      ->type_name("SIZE")
      ->transform(WhenGiven([] { return CLI::AsSizeValue(false); }))
      ->check(WhenGiven([least] { return CLI::Range(least, std::numeric_limits<uint64_t>::max()); }));
}

CLI::Option* AddSizeWithUnit(CLI::App& command, const char* name, uint64_t& bytes, const char* help) {
  // A later transform runs before the earlier ones: this sees the text as it was given.
  return AddSize(command, name, bytes, 0, help)
      ->transform(CLI::Validator(
          [](std::string& text) {
            const bool is_bare = text.find_first_not_of("0123456789.+- ") == std::string::npos;
            return is_bare && text != "0" ? std::string("Missing mandatory unit (B, KB, MiB, ...)") : std::string();
          },
          ""));
}

}  // namespace guardc::cli
