// Loads a guard from its entry in the cache, says so with one byte, labels once, and writes the answer: what a
// gateway's process does at its start, linked as an embedder links libguardc.
//
//   bench_ready verified|trusted ENTRY POLICY.json
#include <unistd.h>

#include <string>
#include <string_view>

#include "base/file.h"
#include "guardc/guard.h"
#include "guardc/module.h"

namespace guardc {
namespace {

bool Write(std::string_view bytes) {
  return write(STDOUT_FILENO, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
}

Result<void> Run(bool trusted, const char* entry, const char* policy_path) {
  GUARDC_TRY(auto module, Module::Load(entry, {.trusted = trusted}));
  GUARDC_TRY(const auto guard, Guard::Create(std::move(module)));
  if (!Write("r")) return Fail(ErrorKind::kIo, "stdout");
  GUARDC_TRY(const auto policy, ReadFile(policy_path, 1 << 20));
  GUARDC_TRY(const std::string answer,
             guard->Call(LabelFunction::kAgent, {reinterpret_cast<const char*>(policy.data()), policy.size()}));
  return Write(answer) ? Result<void>{} : Fail(ErrorKind::kIo, "stdout");
}

}  // namespace
}  // namespace guardc

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const auto done = guardc::Run(std::string_view(argv[1]) == "trusted", argv[2], argv[3]);
  if (!done) (void)!write(STDERR_FILENO, done.error().message.data(), done.error().message.size());
  return done ? 0 : 1;
}
