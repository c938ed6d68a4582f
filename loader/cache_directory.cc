// CacheDirectory(): where this process keeps artifacts.
#include <cstdlib>

#include "base/file.h"
#include "guardc/module.h"

namespace guardc {

Result<std::filesystem::path> CacheDirectory(std::string_view flag) {
  if (!flag.empty()) return std::filesystem::path(flag);
  // An empty variable counts as absent, as the XDG specification has it.
  const auto variable = [](const char* name) -> std::string_view {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  for (const char* name : {"GUARDC_CACHE_DIR", "MCP_GATEWAY_WASM_CACHE_DIR"}) {
    if (const auto value = variable(name); !value.empty()) return std::filesystem::path(value);
  }
  // Relative paths in it are to be ignored (XDG); one in HOME would name another cache in every directory.
  if (const auto base = variable("XDG_CACHE_HOME"); base.starts_with('/')) {
    return std::filesystem::path(base) / "guardc";
  }
  if (const auto home = variable("HOME"); home.starts_with('/'))
    return std::filesystem::path(home) / ".cache" / "guardc";
  return Fail(ErrorKind::kInvalidArgument,
              "no cache directory: none of GUARDC_CACHE_DIR, MCP_GATEWAY_WASM_CACHE_DIR, XDG_CACHE_HOME and HOME is "
              "set (the last two to an absolute path); set one, or give --cache-dir");
}

void SetTrustedGroup(std::optional<uint32_t> group) { TrustGroup(group); }

}  // namespace guardc
