// The smallest use of the installed compiler: what is no module is refused.
#include <guardc/compile.h>

#include <cstdio>

int main() {
  const std::byte wasm[] = {std::byte{0}};
  const auto compiled = guardc::Compile(wasm, {});
  std::puts(compiled ? "compiled" : std::string(guardc::ErrorKindName(compiled.error().kind)).c_str());
}
