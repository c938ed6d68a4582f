// compiler/codegen/libc_ir.cc: the artifact's memcpy, memmove and memset, run here against the system's.
#include "compiler/codegen/libc_ir.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Target/TargetMachine.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "compiler/codegen/generate.h"
#include "compiler/codegen/link.h"
#include "compiler/codegen/optimize.h"

namespace guardc::compiler {
namespace {

class SupportTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    const auto target = ResolveTarget("baseline", "");
    ASSERT_TRUE(target.has_value()) << target.error().message;
    auto machine = CreateTargetMachine(*target, GetParam());
    ASSERT_TRUE(machine.has_value());
    llvm::LLVMContext context;
    auto module = CreateSupportModule(context);
    ASSERT_TRUE(module.has_value()) << module.error().message;
    // Under names of its own, and visible, so that the test can load it beside libc.
    for (const char* name : {"memcpy", "memmove", "memset", kCopyFunction}) {
      llvm::GlobalValue* function = (*module)->getNamedValue(name);
      ASSERT_NE(function, nullptr);
      function->setName(std::string("test_") + name);
      function->setVisibility(llvm::GlobalValue::ProtectedVisibility);
    }
    PrepareModule(**module, *target, **machine);
    ASSERT_TRUE(Optimize(**module, **machine, GetParam()).has_value());
    const auto object = GenerateObject(**module, **machine, /*strict_traps=*/false);
    ASSERT_TRUE(object.has_value());
    const auto linked = LinkArtifact({*object}, *target);
    ASSERT_TRUE(linked.has_value()) << linked.error().message;
    path_ = std::filesystem::temp_directory_path() / ("guardc-support-" + std::to_string(GetParam()) + ".so");
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(linked->data()), static_cast<std::streamsize>(linked->size()));
    handle_ = dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(handle_, nullptr) << dlerror();
  }
  void TearDown() override {
    if (handle_ != nullptr) dlclose(handle_);
    std::filesystem::remove(path_);
  }

  template <class Function>
  Function* Find(const char* name) {
    return reinterpret_cast<Function*>(dlsym(handle_, name));
  }

 private:
  std::filesystem::path path_;
  void* handle_ = nullptr;
};

std::vector<uint8_t> Pattern(size_t size) {
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * 37 + i / 251);
  return bytes;
}

TEST_P(SupportTest, MoveAgreesWithTheSystem) {
  for (const char* name : {"test_memmove", "test_memcpy"}) {
    auto* move = Find<void*(void*, const void*, size_t)>(name);
    ASSERT_NE(move, nullptr);
    for (size_t size = 0; size <= 300; ++size) {
      for (const ptrdiff_t distance : {-300, -65, -64, -33, -17, -8, -1, 0, 1, 3, 15, 31, 32, 63, 64, 65, 128, 400}) {
        auto expected = Pattern(1200);
        auto found = expected;
        std::memmove(expected.data() + 400 + distance, expected.data() + 400, size);
        EXPECT_EQ(move(found.data() + 400 + distance, found.data() + 400, size), found.data() + 400 + distance);
        ASSERT_EQ(found, expected) << name << " size " << size << " distance " << distance;
      }
    }
  }
}

TEST_P(SupportTest, CopyAgreesWithTheSystem) {
  // Fewer registers change than a caller in C expects.
  auto* copy = Find<void(void*, const void*, size_t)>("test_guardc.copy");
  ASSERT_NE(copy, nullptr);
  std::vector<size_t> sizes{500, 511, 512, 513, 514, 575, 576, 577, 1000};
  for (size_t size = 0; size <= 300; ++size) sizes.push_back(size);
  for (const size_t size : sizes) {
    for (const ptrdiff_t distance : {-1000, -300, -65, -64, -33, -17, -8, -1, 0, 1, 3, 15, 31, 63, 64, 65, 400, 1000}) {
      auto expected = Pattern(3200);
      auto found = expected;
      std::memmove(expected.data() + 1100 + distance, expected.data() + 1100, size);
      copy(found.data() + 1100 + distance, found.data() + 1100, size);
      ASSERT_EQ(found, expected) << "size " << size << " distance " << distance;
    }
  }
}

TEST_P(SupportTest, SetAgreesWithTheSystem) {
  auto* set = Find<void*(void*, int, size_t)>("test_memset");
  ASSERT_NE(set, nullptr);
  for (size_t size = 0; size <= 300; ++size) {
    for (const size_t at : {0u, 1u, 7u, 33u}) {
      auto expected = Pattern(400);
      auto found = expected;
      std::memset(expected.data() + at, 0x1a5, size);
      EXPECT_EQ(set(found.data() + at, 0x1a5, size), found.data() + at);
      ASSERT_EQ(found, expected) << "size " << size << " at " << at;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, SupportTest, testing::Values(0, 2));

}  // namespace
}  // namespace guardc::compiler
