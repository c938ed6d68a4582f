// What guardc needs of the system, of the cache and of its compiler, each asked in the way in which it will be asked
// when it counts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/find_module.h"

namespace guardc::cli {

enum class Health : uint8_t {
  kOk,
  kWarn,  // something that not everybody needs does not work
  kFail,
};

struct Finding {
  std::string check;
  Health health = Health::kOk;
  std::string found;
  std::string fails = {};  // what would; "" where nothing would
  std::string mend = {};
};

// Address space, memory files, signals, threads, limits, /proc, CPU.
std::vector<Finding> CheckSystem();
// The directory that `cache_dir` (--cache-dir) means, and what is in it.
std::vector<Finding> CheckCache(const std::string& cache_dir);
std::vector<Finding> CheckCompiler();

// Compiles a small module, runs it, lets it trap and stops it at a deadline; with `subject`, instead finds and loads
// that guard and makes an instance of it. In a process of its own: whatever happens to that one is a finding.
std::vector<Finding> TryIt(const LoadRequest& subject);

}  // namespace guardc::cli
