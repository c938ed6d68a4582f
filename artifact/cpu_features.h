// The CPU features that generated code may use, by LLVM's names. The compiler turns on nothing else, the manifest
// records what it turned on, and the loader knows how to ask the machine for each of them.
#pragma once

#include <span>
#include <string_view>

namespace guardc::artifact {

struct CpuLevel {
  std::string_view name;                       // "x86-64-v3"
  std::span<const std::string_view> features;  // ascending, all that the level holds beyond the architecture's base
};

// All features that may be used on x86-64, ascending.
std::span<const std::string_view> X86Features();
// x86-64 (empty), x86-64-v2, -v3, -v4, ascending.
std::span<const CpuLevel> X86Levels();
// The same for aarch64, whose base is armv8-a with NEON.
std::span<const std::string_view> Aarch64Features();

}  // namespace guardc::artifact
