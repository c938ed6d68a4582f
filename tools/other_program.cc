#include "tools/other_program.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

#include "base/file.h"
#include "loader/compiler_process.h"

namespace guardc::cli {
namespace {

namespace fs = std::filesystem;

Error Become(const fs::path& program, const std::vector<std::string>& arguments) {
  std::vector<char*> words = {const_cast<char*>(program.c_str())};  // exec's signature, not its habit
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  execv(program.c_str(), words.data());
  return FailErrno("run", program, errno).error();
}

}  // namespace

Error BecomeCompiler(const std::vector<std::string>& arguments) {
  const Result<fs::path> compiler = loader::FindCompiler();
  return compiler ? Become(*compiler, arguments) : compiler.error();
}

Error BecomeGateway(const std::vector<std::string>& arguments) {
  constexpr const char* kName = "guardc-gateway";
  std::error_code error;
  const fs::path directory = fs::read_symlink("/proc/self/exe", error).parent_path();
  const fs::path places[] = {directory / kName, directory.parent_path() / "libexec" / "guardc" / kName};
  for (const fs::path& place : places) {
    if (access(place.c_str(), X_OK) == 0) return Become(place, arguments);
  }
  return {ErrorKind::kUnsupported, "this installation lacks guardc-gateway, which reads policies: neither " +
                                       places[0].string() + " nor " + places[1].string() + " can be run"};
}

}  // namespace guardc::cli
