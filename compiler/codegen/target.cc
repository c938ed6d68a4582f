#include "compiler/codegen/target.h"

#include <llvm/Support/TargetSelect.h>
#include <llvm/TargetParser/Host.h>

#include <algorithm>
#include <mutex>

#include "artifact/cpu_features.h"
#include "base/format.h"
#include "base/similar.h"
#include "compiler/codegen/llvm_compat.h"

namespace guardc::compiler {
namespace {

constexpr std::string_view kX86Baseline = "x86-64-v2";

void InitializeLlvmTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers();  // inline assembly
  });
}

// "x86_64-linux-gnu" and its many spellings all mean one thing, since an artifact uses nothing of the system.
Result<llvm::Triple> CanonicalTriple(std::string_view text) {
  llvm::Triple triple(text.empty() ? llvm::sys::getDefaultTargetTriple()
                                   : llvm::Triple::normalize(llvm::StringRef(text.data(), text.size())));
  if (triple.getArch() == llvm::Triple::UnknownArch) {
    return Fail(ErrorKind::kInvalidArgument,
                Format("unknown target {}, expected a triple such as x86_64-linux-gnu or aarch64-linux-gnu", text));
  }
  const bool known_arch = triple.getArch() == llvm::Triple::x86_64 || triple.getArch() == llvm::Triple::aarch64;
  const bool known_abi =
      triple.isGNUEnvironment() || triple.isMusl() || triple.getEnvironment() == llvm::Triple::UnknownEnvironment;
  if (!known_arch || !triple.isOSLinux() || !known_abi || triple.isX32()) {
    return Fail(ErrorKind::kUnsupported, Format("target {} is not supported, only 64-bit Linux on x86-64 "
                                                "(x86_64-linux-gnu) and on Arm (aarch64-linux-gnu)",
                                                triple.str()));
  }
  return llvm::Triple(triple.getArch() == llvm::Triple::x86_64 ? "x86_64-unknown-linux-gnu"
                                                               : "aarch64-unknown-linux-gnu");
}

std::span<const std::string_view> KnownFeatures(bool is_aarch64) {
  return is_aarch64 ? artifact::Aarch64Features() : artifact::X86Features();
}

// What the machine can do, of what the artifact format knows.
std::vector<std::string> HostFeatures(bool is_aarch64) {
  const auto host = llvm::sys::getHostCPUFeatures();
  std::vector<std::string> features;
  for (const std::string_view feature : KnownFeatures(is_aarch64)) {
    const auto it = host.find(llvm::StringRef(feature.data(), feature.size()));
    if (it != host.end() && it->second) features.emplace_back(feature);
  }
  return features;
}

Result<const llvm::Target*> FindTarget(const llvm::Triple& triple) {
  InitializeLlvmTargets();
  std::string error;
  const llvm::Target* target = llvm_compat::LookupTarget(triple, error);
  if (target == nullptr) {
    return Fail(ErrorKind::kUnsupported,
                Format("this build's LLVM has no code generator for {}: {}", triple.str(), error));
  }
  return target;
}

// Of a CPU that always exists, so that LLVM does not print its own message about an unknown one.
Result<std::unique_ptr<llvm::MCSubtargetInfo>> AnySubtarget(const llvm::Triple& triple, bool is_aarch64) {
  GUARDC_TRY(const llvm::Target* target, FindTarget(triple));
  auto any = llvm_compat::CreateSubtargetInfo(*target, triple, is_aarch64 ? "generic" : "x86-64", "");
  if (any == nullptr) return Fail(ErrorKind::kCompile, Format("LLVM knows no CPU of {}", triple.str()));
  return any;
}

// Features of a CPU that LLVM knows by name, of what the artifact format knows.
Result<std::vector<std::string>> FeaturesOf(const llvm::Triple& triple, const std::string& cpu, bool is_aarch64) {
  GUARDC_TRY(const llvm::Target* target, FindTarget(triple));
  const auto info = llvm_compat::CreateSubtargetInfo(*target, triple, cpu, "");
  std::vector<std::string> features;
  for (const std::string_view feature : KnownFeatures(is_aarch64)) {
    if (info->checkFeatures("+" + std::string(feature))) features.emplace_back(feature);
  }
  return features;
}

// SSE4.1 and the rest of x86-64-v2: without them LLVM would call libm for rounding.
Result<void> CheckBaseline(const std::string& cpu, const std::vector<std::string>& features) {
  for (const artifact::CpuLevel& level : artifact::X86Levels()) {
    if (level.name != kX86Baseline) continue;
    for (const std::string_view feature : level.features) {
      if (std::ranges::find(features, feature) == features.end()) {
        return Fail(ErrorKind::kInvalidArgument,
                    Format("the CPU {} lacks {}, code needs at least {}", cpu, feature, kX86Baseline));
      }
    }
  }
  return {};
}

Result<std::vector<std::string>> NamesOf(const llvm::Triple& triple, bool is_aarch64) {
  GUARDC_TRY(const auto any, AnySubtarget(triple, is_aarch64));
  std::vector<std::string> names = {"baseline", "native"};
  for (const llvm::SubtargetSubTypeKV& cpu : any->getAllProcessorDescriptions()) {
    GUARDC_TRY(const std::vector<std::string> features, FeaturesOf(triple, cpu.Key, is_aarch64));
    if (is_aarch64 || CheckBaseline(cpu.Key, features)) names.emplace_back(cpu.Key);
  }
  return names;
}

Result<void> CheckIsCpu(const llvm::Triple& triple, const std::string& cpu, bool is_aarch64) {
  GUARDC_TRY(const auto any, AnySubtarget(triple, is_aarch64));
  if (any->isCPUStringValid(cpu)) return {};
  GUARDC_TRY(const std::vector<std::string> names, NamesOf(triple, is_aarch64));
  return Fail(ErrorKind::kInvalidArgument,
              Format("unknown CPU {} for {}, expected baseline, native or a name that LLVM {} knows, such as {} "
                     "(`guardc compile --list-cpus` prints them){}",
                     cpu, triple.str(), LlvmVersion(), is_aarch64 ? "neoverse-n1" : "x86-64-v3",
                     DidYouMean(cpu, std::vector<std::string_view>(names.begin(), names.end()))));
}

}  // namespace

std::string_view LlvmVersion() { return LLVM_VERSION_STRING; }

Result<CompileTarget> ResolveTarget(std::string_view cpu, std::string_view triple_text) {
  InitializeLlvmTargets();
  GUARDC_TRY(const llvm::Triple triple, CanonicalTriple(triple_text));
  CompileTarget target;
  target.identity.triple = triple.str();
  target.is_aarch64 = triple.getArch() == llvm::Triple::aarch64;
  target.page_size = target.is_aarch64 ? 65536 : 4096;

  if (cpu == "native") {
    const llvm::Triple host(llvm::sys::getDefaultTargetTriple());
    if (host.getArch() != triple.getArch()) {
      return Fail(ErrorKind::kInvalidArgument,
                  Format("the CPU \"native\" of this {} machine cannot run {}; name a CPU of the target",
                         llvm::Triple::getArchTypeName(host.getArch()).str(), triple.str()));
    }
    target.identity.cpu = llvm::sys::getHostCPUName().str();
    target.identity.features = HostFeatures(target.is_aarch64);
  } else {
    target.identity.cpu = cpu != "baseline" ? std::string(cpu) : target.is_aarch64 ? "generic" : kX86Baseline;
    GUARDC_CHECK(CheckIsCpu(triple, target.identity.cpu, target.is_aarch64));
    GUARDC_TRY(target.identity.features, FeaturesOf(triple, target.identity.cpu, target.is_aarch64));
  }
  if (!target.is_aarch64) GUARDC_CHECK(CheckBaseline(target.identity.cpu, target.identity.features));
  // LLVM would tune x86-64-v2 for the machines of its time.
  target.tune_cpu = target.identity.cpu == kX86Baseline ? "x86-64" : target.identity.cpu;
  return target;
}

Result<std::vector<std::string>> CpuNames(std::string_view triple_text) {
  GUARDC_TRY(const llvm::Triple triple, CanonicalTriple(triple_text));
  return NamesOf(triple, triple.getArch() == llvm::Triple::aarch64);
}

std::vector<std::string> SupportedTargets() {
  std::vector<std::string> out;
  for (const char* name : {"x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"}) {
    if (FindTarget(llvm::Triple(name))) out.emplace_back(name);
  }
  return out;
}

Result<std::unique_ptr<llvm::TargetMachine>> CreateTargetMachine(const CompileTarget& target, int opt_level) {
  const llvm::Triple triple(target.identity.triple);
  GUARDC_TRY(const llvm::Target* llvm_target, FindTarget(triple));
  // The bare architecture plus exactly the recorded features; the CPU's name only tunes (attribute "tune-cpu").
  std::string features;
  for (const std::string& feature : target.identity.features) {
    features += features.empty() ? "+" : ",+";
    features += feature;
  }
  // An address of three parts was slow on the machines that LLVM's baseline is for; today two instructions are.
  if (target.identity.cpu == kX86Baseline) features += ",-slow-3ops-lea";
  llvm::TargetOptions options;
  options.FunctionSections = true;  // for --gc-sections
  options.DataSections = true;
  options.UniqueSectionNames = false;
  const auto level = opt_level == 0   ? llvm::CodeGenOptLevel::None
                     : opt_level == 1 ? llvm::CodeGenOptLevel::Less
                     : opt_level == 2 ? llvm::CodeGenOptLevel::Default
                                      : llvm::CodeGenOptLevel::Aggressive;
  auto machine = llvm_compat::CreateTargetMachine(*llvm_target, triple, target.is_aarch64 ? "generic" : "x86-64",
                                                  features, options, level);
  if (machine == nullptr) {
    return Fail(ErrorKind::kCompile, Format("LLVM has no target machine for {}", triple.str()));
  }
  return machine;
}

}  // namespace guardc::compiler
