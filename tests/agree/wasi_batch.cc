// The guardc half of wasi.py: calls the export "case" of a module from the cache with 0, 1, ..., each time in an
// instance of its own, and prints a line for each: the two results, or "trap" and why.
//
//   wasi_batch MODULE.wasm CACHE_DIR COUNT NAME ARGUMENT...      NAME=VALUE is the environment, arguments are the
//   guest's
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/file.h"
#include "guardc/instance.h"
#include "guardc/module.h"
#include "runtime/call/guest_call.h"
#include "runtime/host/host_functions.h"

namespace guardc {
namespace {

Result<std::string> RunCase(const std::shared_ptr<const Module>& module, int number, char** strings) {
  HostState host;
  host.stdout_writer = host.stderr_writer = [](std::string_view) {};
  host.env = {strings[0]};
  for (char** argument = strings + 1; *argument != nullptr; ++argument) host.args.emplace_back(*argument);
  Store store;
  GUARDC_TRY(Instance * instance, InstantiateWithHost(store, module, host, {}));
  const FuncType type{{ValType::kI32}, {ValType::kI32, ValType::kI32}};
  GUARDC_TRY(const GuestFunction function, GuestFunction::Bind(*instance, "case", type));
  abi::Value values[2] = {};
  values[0].i32 = static_cast<uint32_t>(number);
  GUARDC_CHECK(function.Call(values, host, {}));
  return std::to_string(values[0].i32) + " " + std::to_string(values[1].i32);
}

Result<void> RunAll(int argc, char** argv) {
  if (argc < 5)
    return Fail(ErrorKind::kInvalidArgument, "usage: wasi_batch MODULE.wasm CACHE_DIR COUNT NAME ARGUMENT...");
  GUARDC_TRY(const auto wasm, ReadFile(argv[1], 1 << 30));
  GUARDC_TRY(const std::shared_ptr<const Module> module, Module::Find(wasm, argv[2]));
  for (int number = 0; number < std::atoi(argv[3]); ++number) {
    const Result<std::string> line = RunCase(module, number, argv + 4);
    std::printf("%s\n", line ? line->c_str() : ("trap " + line.error().message).c_str());
  }
  return {};
}

}  // namespace
}  // namespace guardc

int main(int argc, char** argv) {
  const auto done = guardc::RunAll(argc, argv);
  if (!done) std::fprintf(stderr, "wasi_batch: %s\n", done.error().message.c_str());
  return done ? 0 : 1;
}
