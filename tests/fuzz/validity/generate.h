// Modules out of nothing: valid, or with one thing wrong.
#pragma once

#include "tests/fuzz/validity/plan.h"
#include "tests/fuzz/validity/random.h"
#include "tests/fuzz/validity/writer.h"

namespace guardc::validity {

// What the parts of a generator share.
struct Generator {
  Plan& plan;
  Rng& rng;
  Faults& faults;
  Writer& out;
};

// A whole module that is valid.
Bytes GenerateValid(Rng& rng);
// With something wrong at one of the places where that could be wrong, each as likely as another.
Bytes GenerateFaulty(Rng& rng);
// Some hundred kilobytes of one kind: reading takes time in proportion.
Bytes GenerateLong(Rng& rng);

// With its `end`. The fault, if it is here, is one of constant expressions.
void WriteConstExpr(Generator& gen, ValType type);
// A constant instruction that may stand in code, too.
void WriteConst(Generator& gen, ValType type);
// The entry of the code section, with its size.
void WriteBody(Generator& gen, uint32_t func);

}  // namespace guardc::validity
