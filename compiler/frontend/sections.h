// The sections of a module, found before wabt reads it: header and truncation errors in our words, and what we read
// ourselves (element section, names) taken out of what wabt sees.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/frontend/wasm_module.h"
#include "guardc/result.h"

namespace guardc::compiler {

// "invalid WebAssembly module at offset 0x1f: ..." with the offset in the details.
std::unexpected<Error> InvalidAt(uint64_t offset, std::string_view text);
// "... at offset 0x1f", for the other kinds.
std::unexpected<Error> FailAt(ErrorKind kind, uint64_t offset, std::string_view text);

struct SectionRange {
  size_t begin = 0;  // of the contents, bytes from the start of the module
  size_t end = 0;
};

struct ScannedModule {
  // The module for wabt, same size and offsets: custom sections and the element section are replaced by empty custom
  // sections. (wabt would interpret reloc, linking and dylink sections of hostile modules, and it refuses a valid form
  // of element segments.)
  std::vector<uint8_t> bytes;
  std::optional<SectionRange> elements;
  std::vector<SectionRange> names;  // custom sections "name", after their own name
};

// Checks the header, that every section lies inside the module, and their order.
Result<ScannedModule> ScanSections(std::span<const uint8_t> wasm);

// Takes module and function names; a malformed name section is ignored from its first error on, as the specification
// wants.
void ReadNames(std::span<const uint8_t> wasm, const SectionRange& range, Module& module);

}  // namespace guardc::compiler
