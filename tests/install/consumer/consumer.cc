// The smallest use of the installed library: find a guard's artifact and make an instance. argv[1] is the cache
// directory.
#include <guardc/guard.h>
#include <guardc/module.h>

#include <cstdio>

guardc::Result<std::shared_ptr<guardc::Guard>> MakeGuard(const char* cache) {
  const std::byte wasm[] = {std::byte{0}};
  GUARDC_TRY(auto module, guardc::Module::Find(wasm, cache));
  return guardc::Guard::Create(std::move(module));
}

int main(int, char** argv) {
  const auto guard = MakeGuard(argv[1]);
  std::puts(guard ? "found" : std::string(guardc::ErrorKindName(guard.error().kind)).c_str());
}
