// Objects as linkers make them pass the checks, and no change of their bytes makes the checks read or loop where they
// should not (the sanitizers watch).
#include <gtest/gtest.h>

#include <random>
#include <span>
#include <string>
#include <vector>

#include "guardc/compile.h"
#include "loader/elf_check.h"
#include "loader/header_check.h"
#include "tests/support/temp_dir.h"

namespace guardc::loader {
namespace {

bool Passes(std::span<const std::byte> object) {
  const auto elf = CheckElf(object, "guard.so");
  return elf && CheckHeader(object, *elf, "guard.so");
}

void CheckAndDamage(const std::vector<std::byte>& object) {
  const auto elf = CheckElf(object, "guard.so");
  ASSERT_TRUE(elf) << elf.error().message;
  const auto header = CheckHeader(object, *elf, "guard.so");
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_FALSE(header->exports.empty());

  std::mt19937 random(1);
  const uint64_t header_at = elf->rodata.file_offset + (elf->header - elf->rodata.address);
  for (int round = 0; round < 5000; ++round) {
    std::vector<std::byte> changed = object;
    for (unsigned changes = 1 + random() % 4; changes > 0; --changes) {
      // Most of what is checked is at the start of the file and from the header on.
      const uint64_t start = random() % 2 == 0 ? 0 : header_at;
      const uint64_t size = std::min<uint64_t>(random() % 2 == 0 ? 1024 : object.size(), object.size() - start);
      changed[start + random() % size] = std::byte(random());
    }
    (void)Passes(changed);
  }
  // What follows the code is for tools, or padding.
  for (size_t size = 0; size < elf->text.file_offset + elf->text.size; size += 1 + size / 8) {
    EXPECT_FALSE(Passes(std::span(object).first(size)));
  }
}

TEST(Object, OfTheSystemsLinker) {
  const std::string text = test::ReadBytes(GUARDC_TRAP_GUEST);
  const auto bytes = std::as_bytes(std::span(text));
  CheckAndDamage({bytes.begin(), bytes.end()});
}

#ifdef GUARDC_WITH_COMPILER
TEST(Object, OfOurCompiler) {
  // (module (memory (export "memory") 1) (func (export "f") (result i32) i32.const 42))
  const uint8_t wasm[] = {0,   'a', 's', 'm', 1, 0,   0, 0, 1,  5,  1, 0x60, 0,   1,    0x7f, 3,
                          2,   1,   0,   5,   3, 1,   0, 1, 7,  14, 2, 6,    'm', 'e',  'm',  'o',
                          'r', 'y', 2,   0,   1, 'f', 0, 0, 10, 6,  1, 4,    0,   0x41, 42,   0x0b};
  const auto compiled = Compile(std::as_bytes(std::span(wasm)), {.profile = Profile::kWasi});
  ASSERT_TRUE(compiled) << compiled.error().message;
  CheckAndDamage(compiled->bytes);
}
#endif

}  // namespace
}  // namespace guardc::loader
