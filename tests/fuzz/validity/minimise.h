// Makes a finding smaller, as long as it stays the same finding.
#pragma once

#include "tests/fuzz/validity/judge.h"
#include "tests/fuzz/validity/writer.h"

namespace guardc::validity {

Bytes Minimise(Bytes wasm, const Verdict& verdict, FirstValidator first);

}  // namespace guardc::validity
