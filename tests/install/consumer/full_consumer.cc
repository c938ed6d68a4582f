// What is in libguardc beyond libguardc-guard: typed answers, pools, guards that are replaced. argv[1] is the cache
// directory.
#include <guardc/guard.h>
#include <guardc/label.h>
#include <guardc/pool.h>

#include <cstdio>

guardc::Result<void> Use(const char* cache) {
  const std::byte wasm[] = {std::byte{0}};
  if (guardc::ParseAgentAnswer("[]")) return guardc::Fail(guardc::ErrorKind::kInternal, "no answer was taken for one");
  GUARDC_TRY(auto module, guardc::Module::Find(wasm, cache));
  const guardc::GuardOptions options{.after_failure = guardc::AfterFailure::kReplace};
  GUARDC_TRY(const auto guard, guardc::Guard::Create(module, options));
  GUARDC_TRY(const auto pool, guardc::GuardPool::Create(module, options));
  return {};
}

int main(int, char** argv) {
  const auto done = Use(argv[1]);
  std::puts(done ? "found" : std::string(guardc::ErrorKindName(done.error().kind)).c_str());
}
