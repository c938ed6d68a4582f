// What the reader accepts at most: the limits that browsers agreed on (WebAssembly JavaScript interface, section
// "Implementation-defined limits"), and some of our own against modules that only mean to exhaust the compiler.
#pragma once

#include <cstdint>

namespace guardc::compiler::read_limits {

inline constexpr uint64_t kModuleSize = uint64_t{1} << 30;  // bytes
inline constexpr uint32_t kTypes = 1'000'000;
inline constexpr uint32_t kFunctions = 1'000'000;
inline constexpr uint32_t kImports = 1'000'000;
inline constexpr uint32_t kExports = 1'000'000;
inline constexpr uint32_t kGlobals = 1'000'000;
inline constexpr uint32_t kDataSegments = 100'000;
inline constexpr uint32_t kElemSegments = 100'000;
inline constexpr uint32_t kElemItems = 1'000'000;  // of all segments together
inline constexpr uint32_t kTables = 100'000;
inline constexpr uint64_t kTableSize = 10'000'000;  // initial elements
inline constexpr uint32_t kMemories = 100;          // Instr::aux holds a memory's index
inline constexpr uint32_t kParams = 1'000;
inline constexpr uint32_t kResults = 1'000;
inline constexpr uint32_t kLocals = 50'000;  // of one function, parameters included
inline constexpr uint32_t kFunctionSize = 7'654'321;
inline constexpr uint32_t kBrTableTargets = 65'520;
inline constexpr uint32_t kNameSize = 100'000;  // bytes
inline constexpr uint32_t kNesting = 10'000;    // blocks, loops and ifs; real switches nest some hundreds
// Locals, and values that blocks, branches and calls take and give, of the whole module: two bytes can name a thousand,
// and each is looked at. Modules of compilers have less than one a byte.
inline constexpr uint64_t kValues = 1 << 16;
inline constexpr uint64_t kValuesPerByte = 2;
inline constexpr uint32_t kOperands = 100'000;  // on the operand stack; a call can push kResults with two bytes

}  // namespace guardc::compiler::read_limits
