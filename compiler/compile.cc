// The compiler's route, in order. Each step is one function of one file; what they hand on is plain data until the
// lowering, and LLVM's from there.
#include "guardc/compile.h"
#include "base/format.h"

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>

#include <chrono>
#include <exception>
#include <new>
#include <optional>

#include "artifact/abi.h"
#include "artifact/cache_key.h"
#include "artifact/cache_store.h"
#include "artifact/chunk_store.h"
#include "artifact/description.h"
#include "artifact/manifest.h"
#include "base/hash.h"
#include "base/quiet_writes.h"
#include "compiler/chunks.h"
#include "compiler/codegen/artifact_facts.h"
#include "compiler/codegen/generate.h"
#include "compiler/codegen/link.h"
#include "compiler/codegen/memory_image.h"
#include "compiler/codegen/module_facts.h"
#include "compiler/codegen/target.h"
#include "compiler/describe.h"
#include "compiler/frontend/guard_profile.h"
#include "compiler/frontend/wabt_reader.h"
#include "compiler/incremental.h"
#include "compiler/lower/context_layout.h"
#include "compiler/lower/own_globals.h"
#include "compiler/parallel.h"
#include "guardc/version.h"

namespace guardc {
namespace {

using namespace compiler;  // NOLINT: this file is the compiler's front

class PhaseTimer {
 public:
  explicit PhaseTimer(std::vector<PhaseTime>& phases) : phases_(phases) {}
  // Ends the phase that began with the last one's end.
  void Done(std::string phase) {
    const auto now = std::chrono::steady_clock::now();
    phases_.push_back({std::move(phase), std::chrono::duration<double, std::milli>(now - last_).count()});
    last_ = now;
  }

 private:
  std::vector<PhaseTime>& phases_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

Result<void> CheckOptions(const CompileOptions& options) {
  if (options.timeout.count() < 0) {
    return Fail(ErrorKind::kInvalidArgument, "a negative time for compiling");
  }
  if (options.opt_level < 0 || options.opt_level > 3) {
    return Fail(ErrorKind::kInvalidArgument, Format("optimisation level {}, expected 0 to 3", options.opt_level));
  }
  return {};
}

Result<Module> ReadChecked(std::span<const std::byte> wasm, Profile profile) {
  GUARDC_TRY(Module module, ReadModule(wasm, FeatureSet{}));
  if (profile == Profile::kGuard) GUARDC_CHECK(CheckGuardProfile(module));
  FoldOwnGlobals(module);
  return module;
}

Result<std::vector<char>> EmitFacts(const ModuleFacts& facts, const MemoryImage& image, const CodeOptions& options) {
  std::vector<char> object;
  GUARDC_CHECK(ParallelFor(1, 1, [&](size_t) -> Result<void> {
    llvm::LLVMContext context;
    GUARDC_TRY(const auto machine, CreateTargetMachine(options.target, options.opt_level));
    const auto module = CreateFactsModule(context, facts, image, options.target.page_size);
    PrepareModule(*module, options.target, *machine);
    GUARDC_TRY(object, GenerateObject(*module, *machine, options.lower.strict_traps));
    return {};
  }));
  return object;
}

// IR or assembly of all the code, for reading.
Result<std::vector<std::byte>> EmitText(const std::vector<CodeChunk>& chunks,
                                        const std::unordered_set<std::string>& live, const CodeOptions& options,
                                        Emit emit) {
  std::vector<char> text;
  GUARDC_CHECK(ParallelFor(1, 1, [&](size_t) -> Result<void> {
    llvm::LLVMContext context;
    GUARDC_TRY(const auto module, MergeChunks(chunks, live, context));
    if (emit == Emit::kAssembly) {
      GUARDC_TRY(const auto machine, CreateTargetMachine(options.target, options.opt_level));
      GUARDC_TRY(text, GenerateAssembly(*module, *machine, options.lower.strict_traps));
      return {};
    }
    std::string printed;
    llvm::raw_string_ostream out(printed);
    module->print(out, nullptr);
    text.assign(printed.begin(), printed.end());
    return {};
  }));
  const auto bytes = std::as_bytes(std::span(text));
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

artifact::Identity IdentityOf(std::span<const std::byte> wasm, const CompileOptions& options,
                              const CompileTarget& target) {
  artifact::Identity identity;
  identity.wasm_sha256 = Sha256Of(wasm).Hex();
  identity.guardc_version = kVersion;
  identity.llvm_version = LlvmVersion();
  identity.abi_version = abi::kAbiVersion;
  identity.target = target.identity;
  identity.options = {.opt_level = options.opt_level,
                      .profile = options.profile,
                      .bounds_checks = options.bounds_checks,
                      .strict_traps = options.strict_traps,
                      .canonical_nans = options.canonical_nans};
  return identity;
}

struct Compiled {
  CompiledModule result;
  std::optional<artifact::Payload> payload;  // a shared object, instead of the result's bytes
  size_t chunks = 0;
};

Result<Compiled> CompileFor(std::span<const std::byte> wasm, const CompileOptions& options, const CompileTarget& target,
                            Emit emit, ChunkReuse* reuse = nullptr) {
  Compiled compiled;
  PhaseTimer timer(compiled.result.phases);
  GUARDC_TRY(const Module module, ReadChecked(wasm, options.profile));
  timer.Done("read");

  GUARDC_TRY(const ContextLayout layout, ComputeContextLayout(module, target.page_size));
  const MemoryImage image = BuildMemoryImage(module, target.page_size);
  const CodeOptions code{.target = target,
                         .opt_level = options.opt_level,
                         .jobs = JobCount(options.jobs),
                         .lower = {.bounds_checks = options.bounds_checks,
                                   .strict_traps = options.strict_traps,
                                   .canonical_nans = options.canonical_nans,
                                   .is_aarch64 = target.is_aarch64},
                         .deadline = CompileDeadline(options, wasm.size()),
                         .reuse = reuse,
                         .on_progress = options.on_progress};
  const bool is_text = emit == Emit::kLlvmIr || emit == Emit::kAssembly;
  GUARDC_TRY(std::vector<CodeChunk> chunks,
             CompileChunks(module, layout, image.in_image, code, is_text ? ChunkForm::kBitcode : ChunkForm::kObject));
  compiled.chunks = chunks.size();
  const auto live = FindLive(chunks, FactsRoots(module, layout));
  timer.Done("code");

  if (is_text) {
    GUARDC_TRY(compiled.result.bytes, EmitText(chunks, live, code, emit));
    timer.Done("text");
    return compiled;
  }
  std::vector<std::vector<char>> objects;
  for (CodeChunk& chunk : chunks) objects.push_back(std::move(chunk.code));
  GUARDC_TRY(const ModuleFacts facts, BuildFacts(module, layout, code.lower, image, live));
  GUARDC_TRY(auto facts_object, EmitFacts(facts, image, code));
  objects.push_back(std::move(facts_object));
  timer.Done("facts");

  if (emit == Emit::kObject) {
    GUARDC_TRY(compiled.result.bytes, LinkRelocatable(objects, target));
  } else {
    GUARDC_TRY(std::vector<std::byte> object, LinkArtifact(objects, target));
    compiled.payload = artifact::MakePayload(IdentityOf(wasm, options, target), module.name, wasm.size(),
                                             std::move(object), Describe(module));
  }
  timer.Done("link");
  return compiled;
}

// No exception crosses the API: LLVM throws none, the standard library may.
std::unexpected<Error> FailException(const std::exception& e) {
  if (dynamic_cast<const std::bad_alloc*>(&e) != nullptr) {
    return Fail(ErrorKind::kOutOfMemory, "compiling needs more memory than the system gives");
  }
  return Fail(ErrorKind::kInternal, Format("compiling failed: {}", e.what()));
}

}  // namespace

Result<CompiledModule> Compile(std::span<const std::byte> wasm, const CompileOptions& options, Emit emit) try {
  const QuietWrites quiet;
  GUARDC_CHECK(CheckOptions(options));
  GUARDC_TRY(const CompileTarget target, ResolveTarget(options.cpu, options.target));
  GUARDC_TRY(Compiled compiled, CompileFor(wasm, options, target, emit));
  if (compiled.payload) {
    compiled.result.bytes = std::move(compiled.payload->object);
    compiled.result.manifest = artifact::PrintManifest(compiled.payload->manifest);
    compiled.result.description = artifact::PrintDescription(compiled.payload->description);
  }
  return std::move(compiled.result);
} catch (const std::exception& e) {
  return FailException(e);
}

namespace {

// The last part of a path; no more than a file system would take.
std::string SourceNote(const std::string& source) {
  constexpr size_t kLongest = 255;  // bytes
  return std::filesystem::path(source).filename().string().substr(0, kLongest);
}

}  // namespace

Result<CachedArtifact> CompileToCache(std::span<const std::byte> wasm, const CompileOptions& options,
                                      const std::filesystem::path& cache_directory, bool force, bool reuse) try {
  const QuietWrites quiet;
  GUARDC_CHECK(CheckOptions(options));
  GUARDC_TRY(const CompileTarget target, ResolveTarget(options.cpu, options.target));
  GUARDC_TRY(const artifact::CacheStore store, artifact::CacheStore::OpenForWriting(cache_directory));
  CachedArtifact cached;
  const auto start = std::chrono::steady_clock::now();
  const artifact::Identity identity = IdentityOf(wasm, options, target);
  GUARDC_TRY(const artifact::PublishedEntry entry,
             store.GetOrCompile(identity, force, [&]() -> Result<artifact::Payload> {
               std::optional<artifact::ChunkStore> kept;
               std::optional<ChunkReuse> chunks;
               if (reuse) {
                 GUARDC_TRY(kept, artifact::ChunkStore::OpenForWriting(store));
                 chunks.emplace(*kept, identity, /*finds=*/!force);
               }
               GUARDC_TRY(Compiled compiled,
                          CompileFor(wasm, options, target, Emit::kSharedObject, chunks ? &*chunks : nullptr));
               cached.chunks = compiled.chunks;
               cached.chunks_reused = chunks ? chunks->reused() : 0;
               cached.phases = std::move(compiled.result.phases);
               compiled.payload->source = SourceNote(options.source);
               return *std::move(compiled.payload);
             }));
  // What is left of the time went into looking the entry up, waiting for others, and writing it.
  double rest = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  for (const PhaseTime& phase : cached.phases) rest -= phase.milliseconds;
  cached.phases.push_back({"cache", rest});
  cached.key = entry.manifest.key;
  cached.directory = entry.directory;
  cached.was_cached = entry.was_cached;
  cached.wasm_size = wasm.size();
  cached.object_size = entry.manifest.object_size;
  return cached;
} catch (const std::exception& e) {
  return FailException(e);
}

}  // namespace guardc
