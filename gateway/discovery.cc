// Where guards lie on disk (docs/guard-abi.md, 5). A directory that cannot be read is an error: taking it for an empty
// one would leave its server without a guard.
#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "base/log.h"
#include "guardc/registry.h"

namespace guardc {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBakedServer = "github";

log::Logger& DiscoveryLog() {
  static log::Logger& log = log::Logger::Make("guard:discovery");
  return log;
}

std::unexpected<Error> IoError(const fs::path& path, const std::error_code& error) {
  return Fail(ErrorKind::kIo, "\"" + path.string() + "\" could not be read: " + error.message());
}

// It becomes a path: nothing in it may leave the directory.
bool IsPlainName(std::string_view id) {
  return !id.empty() && id != "." && id != ".." && id.find('/') == std::string_view::npos &&
         id.find('\0') == std::string_view::npos;
}

bool HasWasmExtension(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  // A file that is named ".wasm" and nothing more has, to std::filesystem, no extension.
  return extension == ".wasm" || (extension.empty() && path.filename() == ".wasm");
}

// Nothing for a directory that is not there.
Result<std::vector<fs::path>> SortedEntries(const fs::path& directory) {
  std::vector<fs::path> out;
  std::error_code error;
  fs::directory_iterator it(directory, error);
  if (error == std::errc::no_such_file_or_directory) return out;
  for (; !error && it != fs::directory_iterator(); it.increment(error)) out.push_back(it->path());
  if (error) return IoError(directory, error);
  std::sort(out.begin(), out.end(), [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  return out;
}

Result<std::optional<fs::path>> FirstWasm(const fs::path& directory) {
  GUARDC_TRY(auto entries, SortedEntries(directory));
  for (const fs::path& path : entries) {
    if (!HasWasmExtension(path)) continue;
    std::error_code error;
    if (!fs::is_directory(path, error)) return path;  // a link to nowhere fails when it is loaded, with its name
  }
  return std::nullopt;
}

}  // namespace

DiscoveryOptions DiscoveryOptions::FromEnvironment() {
  DiscoveryOptions options;
  if (const char* value = std::getenv("MCP_GATEWAY_WASM_GUARDS_DIR")) options.guards_dir = value;
  return options;
}

Result<std::optional<fs::path>> FindGuardFile(std::string_view server_id, const DiscoveryOptions& options) {
  if (!IsPlainName(server_id)) {
    return Fail(ErrorKind::kInvalidArgument,
                "the server id \"" + std::string(server_id) + "\" is no plain name; expected one without '/'");
  }
  if (options.guards_dir && options.guards_dir->empty()) return std::nullopt;
  if (server_id == kBakedServer) {
    std::error_code error;
    fs::file_status status = fs::status(options.baked_guard, error);
    if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory) {
      return IoError(options.baked_guard, error);
    }
    if (fs::exists(status) && !fs::is_directory(status)) return options.baked_guard;
  }
  if (!options.guards_dir) return std::nullopt;
  return FirstWasm(fs::path(*options.guards_dir) / server_id);
}

Result<std::vector<DiscoveredGuard>> FindGuardFiles(const DiscoveryOptions& options) {
  std::vector<std::string> ids = {std::string(kBakedServer)};
  if (options.guards_dir && !options.guards_dir->empty()) {
    GUARDC_TRY(auto entries, SortedEntries(*options.guards_dir));
    for (const fs::path& entry : entries) {
      std::error_code error;
      if (fs::is_directory(entry, error)) ids.push_back(entry.filename().string());
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::vector<DiscoveredGuard> out;
  for (std::string& id : ids) {
    GUARDC_TRY(auto path, FindGuardFile(id, options));
    DiscoveryLog().Write(log::Level::kDebug, "server " + id + ": " + (path ? "guard " + path->string() : "no guard"));
    if (path) out.push_back({std::move(id), std::move(*path)});
  }
  return out;
}

}  // namespace guardc
