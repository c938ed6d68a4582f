// See cpu_features.h. Levels are those of the x86-64 psABI; LLVM 19 turns on the same features for the same names.
#include "artifact/cpu_features.h"

#include <array>

namespace guardc::artifact {

namespace {

using std::string_view_literals::operator""sv;

constexpr std::array kX86 = {
    "adx"sv,     "aes"sv,        "avx"sv,        "avx2"sv,        "avx512bw"sv, "avx512cd"sv,   "avx512dq"sv,
    "avx512f"sv, "avx512ifma"sv, "avx512vbmi"sv, "avx512vbmi2"sv, "avx512vl"sv, "avx512vnni"sv, "avx512vpopcntdq"sv,
    "bmi"sv,     "bmi2"sv,       "crc32"sv,      "cx16"sv,        "f16c"sv,     "fma"sv,        "gfni"sv,
    "lzcnt"sv,   "movbe"sv,      "pclmul"sv,     "popcnt"sv,      "sahf"sv,     "sse3"sv,       "sse4.1"sv,
    "sse4.2"sv,  "ssse3"sv,      "vaes"sv,       "vpclmulqdq"sv,  "xsave"sv,
};

constexpr std::array kX86V2 = {"crc32"sv, "cx16"sv, "popcnt"sv, "sahf"sv, "sse3"sv, "sse4.1"sv, "sse4.2"sv, "ssse3"sv};

constexpr std::array kX86V3 = {"avx"sv,  "avx2"sv,   "bmi"sv,    "bmi2"sv,  "crc32"sv,  "cx16"sv,
                               "f16c"sv, "fma"sv,    "lzcnt"sv,  "movbe"sv, "popcnt"sv, "sahf"sv,
                               "sse3"sv, "sse4.1"sv, "sse4.2"sv, "ssse3"sv, "xsave"sv};

constexpr std::array kX86V4 = {"avx"sv,      "avx2"sv,   "avx512bw"sv, "avx512cd"sv, "avx512dq"sv, "avx512f"sv,
                               "avx512vl"sv, "bmi"sv,    "bmi2"sv,     "crc32"sv,    "cx16"sv,     "f16c"sv,
                               "fma"sv,      "lzcnt"sv,  "movbe"sv,    "popcnt"sv,   "sahf"sv,     "sse3"sv,
                               "sse4.1"sv,   "sse4.2"sv, "ssse3"sv,    "xsave"sv};

constexpr std::array kLevels = {
    CpuLevel{"x86-64"sv, {}},
    CpuLevel{"x86-64-v2"sv, kX86V2},
    CpuLevel{"x86-64-v3"sv, kX86V3},
    CpuLevel{"x86-64-v4"sv, kX86V4},
};

constexpr std::array kAarch64 = {"aes"sv,  "bf16"sv,   "crc"sv, "dotprod"sv, "fp16fml"sv, "fullfp16"sv,
                                 "i8mm"sv, "jsconv"sv, "lse"sv, "rcpc"sv,    "rdm"sv,     "sha2"sv};

}  // namespace

std::span<const std::string_view> X86Features() { return kX86; }
std::span<const CpuLevel> X86Levels() { return kLevels; }
std::span<const std::string_view> Aarch64Features() { return kAarch64; }

}  // namespace guardc::artifact
