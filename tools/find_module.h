// From what a person types (a .wasm, an entry's directory, the start of a key) to entries of the cache and a Module.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "guardc/compile_options.h"
#include "guardc/module.h"
#include "guardc/result.h"

namespace guardc::cli {

// What a subject names.
struct Subject {
  bool is_wasm = false;
  std::vector<std::byte> wasm = {};                 // where is_wasm
  std::vector<std::filesystem::path> entries = {};  // in the cache; for a wasm, possibly none
};

// `subject` is a .wasm file, an entry's directory, or the first digits of a key in the cache (at least four). kIo,
// kInvalidWasm where the file is no module at all, kNotCached, kInvalidArgument, which lists the keys that begin so.
Result<Subject> FindSubject(const std::string& subject, const std::filesystem::path& cache_directory);

// What was compiled under a name. The errors of artifact::EntryOfName().
Result<Subject> FindNamedSubject(const std::string& name, const std::filesystem::path& cache_directory);

// A .wasm file, read and recognised by its first bytes; the rest is the compiler's to judge.
Result<std::vector<std::byte>> ReadWasm(const std::filesystem::path& path);

struct LoadRequest {
  std::string module;  // a .wasm file, an entry's directory, or the first digits of its key
  std::string name;    // where not empty, instead: the name that it was compiled under
  std::string cache_dir;
  Profile profile = Profile::kGuard;
  bool compile = false;  // on a miss or a damaged or foreign artifact: compile, in another process
  bool trusted = false;
  std::function<void(const char* step)> on_step = {};  // LoadOptions::on_step, and "compile"
};

// What messages call it.
inline const std::string& ShownName(const LoadRequest& request) {
  return request.name.empty() ? request.module : request.name;
}

// The artifact to run.
Result<std::shared_ptr<const Module>> LoadModule(const LoadRequest& request);

// The hint that goes with an error of LoadModule: the command to run. "" where another hint is better.
std::string LoadHint(const LoadRequest& request, const Error& error);

}  // namespace guardc::cli
