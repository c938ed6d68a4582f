// A run: workers that make modules and judge them, in processes of their own, so that a crash is a finding, too.
#pragma once

#include <cstdint>
#include <filesystem>

#include "tests/fuzz/validity/judge.h"
#include "tests/fuzz/validity/mutate.h"
#include "tests/fuzz/validity/sweep.h"

namespace guardc::validity {

inline constexpr uint32_t kMostJobs = 64;

struct RunOptions {
  uint64_t seed = 1;
  double seconds = 0;    // or until `modules` are through
  uint64_t modules = 0;  // random ones; 0: no end
  uint32_t jobs = 1;
  FirstValidator first = FirstValidator::kWabt;
  std::filesystem::path keep;  // for findings
};

// Module `index` of a run: those of the sweep, those of the corpus as they are, then random ones.
Bytes MakeModule(uint64_t seed, uint64_t index, const Corpus& corpus, const Sweep& sweep);

// Prints what it finds as it goes, and counts on the last line. Returns the number of findings.
uint64_t Run(const RunOptions& options, const Corpus& corpus, const Sweep& sweep);

}  // namespace guardc::validity
