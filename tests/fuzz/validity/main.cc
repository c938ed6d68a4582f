// guardc-fuzz-validity: a differential fuzzer of validity. Modules that are generated, or mutated from others, go to
// guardc's reader and to wasmparser; where one accepts what the other refuses, that is a finding. See scripts/fuzz.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/fuzz/validity/run.h"
#include "tools/choice.h"

namespace {

namespace fs = std::filesystem;
using namespace guardc::validity;

Bytes ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return Bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

struct Named {
  std::string name;
  Bytes wasm;
};

// A module, or, where the file's name ends in .txt, lines of NAME: BYTES, hexadecimal and without the module's header.
std::vector<Named> ReadModules(const fs::path& path) {
  if (path.extension() != ".txt") return {{path.string(), ReadFile(path)}};
  std::vector<Named> modules;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find(':');
    if (line.empty() || line[0] == '#' || colon == std::string::npos) continue;
    Named& module = modules.emplace_back(Named{line.substr(0, colon), {0, 'a', 's', 'm', 1, 0, 0, 0}});
    std::istringstream bytes(line.substr(colon + 1));
    for (uint32_t byte; bytes >> std::hex >> byte;) module.wasm.push_back(static_cast<uint8_t>(byte));
  }
  return modules;
}

// The number of findings.
int Replay(const std::vector<fs::path>& files, FirstValidator first) {
  int findings = 0;
  size_t count = 0;
  for (const fs::path& file : files) {
    for (const auto& [name, wasm] : ReadModules(file)) {
      const Verdict verdict = Judge(wasm, first);
      std::printf("%s (%zu bytes)\n%s", name.c_str(), wasm.size(), verdict.Describe().c_str());
      if (verdict.finding) ++findings;
      ++count;
    }
  }
  std::printf("validity: %zu modules, %d findings\n", count, findings);
  return findings;
}

int Main(int argc, char** argv) {
  CLI::App app("Differential fuzzing of validity: guardc's reader against wasmparser. Exit 1: something was found.");
  RunOptions options;
  options.jobs = std::clamp(std::thread::hardware_concurrency(), 1u, kMostJobs);
  std::vector<fs::path> corpus_paths;
  std::vector<fs::path> replay;
  fs::path out;
  uint64_t index = 0;
  app.add_option("--seconds", options.seconds, "How long");
  app.add_option("--modules", options.modules, "How many random modules, instead");
  app.add_option("--seed", options.seed, "The same seed gives the same modules")->capture_default_str();
  app.add_option("--jobs", options.jobs, "Processes")->check(CLI::Range(1u, kMostJobs))->capture_default_str();
  guardc::cli::AddChoice(app, "--first", options.first,
                         std::vector<std::pair<std::string_view, FirstValidator>>{{"wabt", FirstValidator::kWabt},
                                                                                  {"none", FirstValidator::kNone}},
                         "wabt: its validation before ours; none: ours alone");
  app.add_option("--keep", options.keep, "Folder for findings")->default_val("fuzz-findings");
  app.add_option("--corpus", corpus_paths, "Modules to mutate: files, or folders with .wasm");
  app.add_option("--replay", replay, "Judge these files instead")->check(CLI::ExistingFile);
  auto* write = app.add_option("--write", out, "Write module --index of the run to this file instead");
  app.add_option("--index", index)->needs(write);
  CLI11_PARSE(app, argc, argv);

  if (!replay.empty()) return Replay(replay, options.first) == 0 ? 0 : 1;
  const auto corpus = Corpus::Read(corpus_paths);
  if (!corpus) {
    std::fprintf(stderr, "validity: %s\n", corpus.error().message.c_str());
    return 2;
  }
  if (!out.empty()) {
    const Bytes wasm = MakeModule(options.seed, index, *corpus, Sweep());
    std::ofstream(out, std::ios::binary)
        .write(reinterpret_cast<const char*>(wasm.data()), static_cast<std::streamsize>(wasm.size()));
    return 0;
  }
  if (options.seconds <= 0 && options.modules == 0) {
    std::fprintf(stderr, "validity: --seconds or --modules says how long\n");
    return 2;
  }
  std::fprintf(stderr, "validity: %zu modules to mutate\n", corpus->size());
  return Run(options, *corpus, Sweep()) == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) { return Main(argc, argv); }
