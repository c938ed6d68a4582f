// See host_cpu.h. Asks the CPU itself, since the compiler's built-in check knows only some of the names.
#include "loader/host_cpu.h"

#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
// C's _Bool is in it, which clang does not know in C++.
#if __has_include(<sys/platform/x86.h>) && !defined(__clang__)
#include <sys/platform/x86.h>
#define GUARDC_GLIBC_KNOWS_CPU 1
#endif
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace guardc::loader {

namespace {

#if defined(__x86_64__)

constexpr std::string_view kArchitecture = "x86_64";

enum Register : uint8_t { kEbx, kEcx };
// What the kernel must save at a switch of threads.
enum State : uint8_t { kNone = 0, kAvx = 0x06, kAvx512 = 0xe6 };

struct Feature {
  std::string_view name;
  uint32_t leaf;
  Register reg;
  uint8_t bit;
  State state = kNone;
};

// Intel's manual, volume 2, CPUID; LLVM's names.
constexpr Feature kFeatures[] = {
    {"adx", 7, kEbx, 19},
    {"aes", 1, kEcx, 25},
    {"avx", 1, kEcx, 28, kAvx},
    {"avx2", 7, kEbx, 5, kAvx},
    {"avx512bw", 7, kEbx, 30, kAvx512},
    {"avx512cd", 7, kEbx, 28, kAvx512},
    {"avx512dq", 7, kEbx, 17, kAvx512},
    {"avx512f", 7, kEbx, 16, kAvx512},
    {"avx512ifma", 7, kEbx, 21, kAvx512},
    {"avx512vbmi", 7, kEcx, 1, kAvx512},
    {"avx512vbmi2", 7, kEcx, 6, kAvx512},
    {"avx512vl", 7, kEbx, 31, kAvx512},
    {"avx512vnni", 7, kEcx, 11, kAvx512},
    {"avx512vpopcntdq", 7, kEcx, 14, kAvx512},
    {"bmi", 7, kEbx, 3},
    {"bmi2", 7, kEbx, 8},
    {"crc32", 1, kEcx, 20},
    {"cx16", 1, kEcx, 13},
    {"f16c", 1, kEcx, 29, kAvx},
    {"fma", 1, kEcx, 12, kAvx},
    {"gfni", 7, kEcx, 8},
    {"lzcnt", 0x80000001, kEcx, 5},
    {"movbe", 1, kEcx, 22},
    {"pclmul", 1, kEcx, 1},
    {"popcnt", 1, kEcx, 23},
    {"sahf", 0x80000001, kEcx, 0},
    {"sse3", 1, kEcx, 0},
    {"sse4.1", 1, kEcx, 19},
    {"sse4.2", 1, kEcx, 20},
    {"ssse3", 1, kEcx, 9},
    {"vaes", 7, kEcx, 9, kAvx},
    {"vpclmulqdq", 7, kEcx, 10, kAvx},
    {"xsave", 1, kEcx, 27},  // OSXSAVE: the kernel has turned it on
};

struct Registers {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

#if defined(GUARDC_GLIBC_KNOWS_CPU)
// What glibc asked when the process started: the instruction takes microseconds in a virtual machine, 8 in some.
Registers Ask(uint32_t leaf) {
  const unsigned feature = leaf == 1 ? x86_cpu_SSE3 : leaf == 7 ? x86_cpu_BMI1 : x86_cpu_LZCNT;
  const auto* known = __x86_get_cpuid_feature_leaf(feature / (8 * sizeof(unsigned) * 4));
  return {known->cpuid_array[0], known->cpuid_array[1], known->cpuid_array[2], known->cpuid_array[3]};
}
#else
Registers Ask(uint32_t leaf) {
  Registers r;
  if (__get_cpuid_count(leaf, 0, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
  return r;
}
#endif

struct Cpu {
  Registers leaf1 = Ask(1), leaf7 = Ask(7), extended = Ask(0x80000001);
  uint32_t state = 0;
  Cpu() {
    constexpr uint32_t kOsXsave = 1u << 27;
    if ((leaf1.ecx & kOsXsave) == 0) return;
    uint32_t high;
    asm volatile("xgetbv" : "=a"(state), "=d"(high) : "c"(0));
  }
};

bool Has(const Feature& feature) {
  static const Cpu cpu;
  const Registers& leaf = feature.leaf == 1 ? cpu.leaf1 : feature.leaf == 7 ? cpu.leaf7 : cpu.extended;
  const uint32_t reg = feature.reg == kEbx ? leaf.ebx : leaf.ecx;
  return ((reg >> feature.bit) & 1) != 0 && (cpu.state & feature.state) == feature.state;
}

#elif defined(__aarch64__)

constexpr std::string_view kArchitecture = "aarch64";

struct Feature {
  std::string_view name;
  unsigned long type;  // AT_HWCAP or AT_HWCAP2
  unsigned long mask;
};

constexpr Feature kFeatures[] = {
    {"aes", AT_HWCAP, HWCAP_AES | HWCAP_PMULL},
    {"bf16", AT_HWCAP2, HWCAP2_BF16},
    {"crc", AT_HWCAP, HWCAP_CRC32},
    {"dotprod", AT_HWCAP, HWCAP_ASIMDDP},
    {"fp16fml", AT_HWCAP, HWCAP_ASIMDFHM},
    {"fullfp16", AT_HWCAP, HWCAP_FPHP | HWCAP_ASIMDHP},
    {"i8mm", AT_HWCAP2, HWCAP2_I8MM},
    {"jsconv", AT_HWCAP, HWCAP_JSCVT},
    {"lse", AT_HWCAP, HWCAP_ATOMICS},
    {"rcpc", AT_HWCAP, HWCAP_LRCPC},
    {"rdm", AT_HWCAP, HWCAP_ASIMDRDM},
    {"sha2", AT_HWCAP, HWCAP_SHA1 | HWCAP_SHA2},
};

bool Has(const Feature& feature) { return (getauxval(feature.type) & feature.mask) == feature.mask; }

#endif

}  // namespace

bool HasCpuFeature(std::string_view feature) {
  for (const Feature& candidate : kFeatures) {
    if (candidate.name == feature) return Has(candidate);
  }
  return false;
}

Result<void> CheckTarget(const artifact::Target& target, std::string_view name) {
  const std::string_view triple = target.triple;
  const std::string_view architecture = triple.substr(0, triple.find('-'));
  if (architecture != kArchitecture || triple.find("linux") == std::string_view::npos) {
    return Fail(ErrorKind::kIncompatibleArtifact, std::string(name) + " is for " + target.triple +
                                                      ", this machine is " + std::string(kArchitecture) +
                                                      " Linux: compile the module for this one");
  }
  std::string missing;
  for (const std::string& feature : target.features) {
    if (!HasCpuFeature(feature)) missing += (missing.empty() ? "" : ", ") + feature;
  }
  if (missing.empty()) return {};
  return Fail(ErrorKind::kIncompatibleArtifact, std::string(name) + " is for the CPU " + target.cpu +
                                                    ", and this machine lacks " + missing +
                                                    ": compile the module with --cpu baseline or --cpu native");
}

}  // namespace guardc::loader
