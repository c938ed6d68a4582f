// Modules near others: valid ones from a corpus, or generated, with some bytes, instructions or sections changed.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "guardc/result.h"
#include "tests/fuzz/validity/parts.h"
#include "tests/fuzz/validity/random.h"

namespace guardc::validity {

// A module with what a mutation has to know of it.
struct Seed {
  Bytes wasm;
  std::optional<Parts> parts;
  // Of every body: where its instructions begin, and its end. Empty where the module is not valid.
  std::vector<std::vector<uint32_t>> instructions;

  static Seed Of(Bytes wasm);
};

class Corpus {
 public:
  // All .wasm below the folders and the files named, in the order of their names.
  static Result<Corpus> Read(const std::vector<std::filesystem::path>& paths);

  size_t size() const { return seeds_.size(); }
  const Bytes& Module(size_t i) const { return seeds_[i].wasm; }
  // A small module out of it: of a large one, a single function.
  Seed Draw(Rng& rng) const;

 private:
  std::vector<Seed> seeds_;
};

// `donor` gives instructions.
Bytes Mutate(Rng& rng, Seed seed, const Seed& donor);

}  // namespace guardc::validity
