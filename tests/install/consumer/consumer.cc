// The smallest use of the installed library: look for an artifact. argv[1] is the cache directory.
#include <guardc/module.h>

#include <cstdio>

int main(int, char** argv) {
  const std::byte wasm[] = {std::byte{0}};
  const auto module = guardc::Module::Find(wasm, argv[1]);
  std::puts(module ? "found" : std::string(guardc::ErrorKindName(module.error().kind)).c_str());
}
