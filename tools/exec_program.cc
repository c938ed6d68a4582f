#include "tools/exec_program.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/file.h"
#include "loader/compiler_process.h"

namespace guardc::cli {

Error BecomeCompiler(const std::vector<std::string>& arguments) {
  const Result<std::filesystem::path> compiler = loader::FindCompiler();
  if (!compiler) return compiler.error();
  std::vector<char*> words = {const_cast<char*>(compiler->c_str())};  // exec's signature, not its habit
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  execv(compiler->c_str(), words.data());
  return FailErrno("run", *compiler, errno).error();
}

}  // namespace guardc::cli
