#include "tests/unit/label/guard_fixture.h"

#include <unistd.h>
#include <wabt/binary-writer.h>
#include <wabt/stream.h>
#include <wabt/wast-lexer.h>
#include <wabt/wast-parser.h>

#include <cstdlib>
#include <cstring>
#include <map>

#include "guardc/compile.h"

namespace guardc {
namespace {

std::vector<std::byte> WatToWasm(const std::string& wat) {
  wabt::Errors errors;
  const auto lexer = wabt::WastLexer::CreateBufferLexer("test.wat", wat.data(), wat.size(), &errors);
  std::unique_ptr<wabt::Module> module;
  wabt::Features features;
  features.enable_multi_memory();
  wabt::WastParseOptions parse_options(features);
  wabt::MemoryStream stream;
  const bool ok = wabt::Succeeded(wabt::ParseWatModule(lexer.get(), &module, &errors, &parse_options)) &&
                  wabt::Succeeded(wabt::WriteBinaryModule(&stream, module.get(), {}));
  for (const wabt::Error& error : errors) ADD_FAILURE() << error.loc.line << ": " << error.message;
  if (!ok) return {};
  const auto* bytes = reinterpret_cast<const std::byte*>(stream.output_buffer().data.data());
  return {bytes, bytes + stream.output_buffer().size()};
}

// Removed when the process ends.
class CacheDirectory {
 public:
  CacheDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "guardc-label-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~CacheDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::shared_ptr<const Module> Compile(const std::string& wat) {
  static const CacheDirectory kCache;
  const std::vector<std::byte> wasm = WatToWasm(wat);
  // Any module, since the runtime must refuse bad guards by itself.
  const CompileOptions options = {.opt_level = 1, .profile = Profile::kWasi};
  const auto artifact = CompileToCache(wasm, options, kCache.path());
  if (!artifact) {
    ADD_FAILURE() << artifact.error().message;
    return nullptr;
  }
  const auto module = Module::Load(artifact->directory);
  if (!module) ADD_FAILURE() << module.error().message;
  return module ? *module : nullptr;
}

}  // namespace

std::shared_ptr<const Module> ModuleFromWat(const std::string& wat) {
  static std::map<std::string, std::shared_ptr<const Module>> compiled;
  auto& module = compiled[wat];
  if (module == nullptr) module = Compile(wat);
  return module;
}

std::shared_ptr<Guard> GuardTest::Script(const ScriptOptions& script) {
  auto guard = Guard::Create(ModuleFromWat(ScriptGuardWat(script)), options_);
  if (!guard) {
    ADD_FAILURE() << guard.error().message;
    std::abort();
  }
  return *guard;
}

ScriptCounters GuardTest::Counters(Guard& guard) {
  ScriptCounters counters{};
  const auto answer = Ask(guard, "c");
  if (!answer || answer->size() != sizeof(counters)) {
    ADD_FAILURE() << (answer ? "wrong size" : answer.error().message);
    return counters;
  }
  std::memcpy(&counters, answer->data(), sizeof(counters));
  return counters;
}

}  // namespace guardc
