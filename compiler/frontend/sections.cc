#include "compiler/frontend/sections.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/format.h"
#include "compiler/frontend/byte_cursor.h"
#include "compiler/frontend/read_limits.h"

namespace guardc::compiler {
namespace {

constexpr uint8_t kCustom = 0;
constexpr uint8_t kElement = 9;
constexpr uint8_t kTag = 13;

// Place of a known section in the module, by id; 0 for custom sections. Tag (13) stands between memory and global, data
// count (12) between element and code.
constexpr std::array<uint8_t, 14> kOrder = {0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 11, 6};
constexpr std::array<std::string_view, 14> kSectionNames = {"custom", "type",   "import",     "function", "table",
                                                            "memory", "global", "export",     "start",    "element",
                                                            "code",   "data",   "data count", "tag"};

Result<void> CheckHeader(std::span<const uint8_t> wasm) {
  constexpr std::array<uint8_t, 4> kMagic = {0, 'a', 's', 'm'};
  const size_t compared = std::min(wasm.size(), kMagic.size());
  if (wasm.empty()) return InvalidAt(0, "the file is empty");
  if (!std::equal(wasm.begin(), wasm.begin() + compared, kMagic.begin())) {
    std::string found;
    for (size_t i = 0; i < compared; ++i) found += Format("{}{:02x}", i == 0 ? "" : " ", wasm[i]);
    const bool is_text = wasm[0] == '(' || (wasm[0] == ';' && compared > 1 && wasm[1] == ';');
    return InvalidAt(0, Format("not WebAssembly: it begins with the bytes {}, expected 00 61 73 6d{}", found,
                               is_text ? "; the text format has to be assembled first (wat2wasm)" : ""));
  }
  if (wasm.size() < 8) {
    return InvalidAt(wasm.size(), Format("truncated: {} bytes, a module has at least 8", wasm.size()));
  }
  const uint32_t version = wasm[4] | wasm[5] << 8;
  const uint32_t layer = wasm[6] | wasm[7] << 8;
  if (layer == 1) {
    return InvalidAt(4,
                     "this is a WebAssembly component, expected a core module; build for wasm32-wasip1 (not "
                     "wasm32-wasip2), or take the core module out of the component");
  }
  if (version != 1 || layer != 0) {
    return InvalidAt(4, Format("version {:#x}, expected 1", version | layer << 16));
  }
  return {};
}

}  // namespace

std::unexpected<Error> FailAt(ErrorKind kind, uint64_t offset, std::string_view text) {
  ErrorDetails details;
  details.module_offset = offset;
  return Fail(kind, Format("{} (at offset {:#x} of the module)", text, offset), std::move(details));
}

std::unexpected<Error> InvalidAt(uint64_t offset, std::string_view text) {
  ErrorDetails details;
  details.module_offset = offset;
  return Fail(ErrorKind::kInvalidWasm, Format("invalid WebAssembly module at offset {:#x}: {}", offset, text),
              std::move(details));
}

Result<ScannedModule> ScanSections(std::span<const uint8_t> wasm) {
  GUARDC_CHECK(CheckHeader(wasm));
  if (wasm.size() > read_limits::kModuleSize) {
    return FailAt(ErrorKind::kLimit, 0,
                  Format("the module has {} bytes, the limit is {}", wasm.size(), read_limits::kModuleSize));
  }
  ScannedModule scan;
  scan.bytes.assign(wasm.begin(), wasm.end());
  ByteCursor cursor(wasm, 8, wasm.size());
  uint8_t last_order = 0;
  std::string_view last_name;
  while (!cursor.AtEnd()) {
    const size_t start = cursor.offset();
    const uint8_t id = *cursor.U8();
    if (id >= kOrder.size()) return InvalidAt(start, Format("unknown section {}", id));
    const std::string_view name = kSectionNames[id];
    const auto size = cursor.U32();
    if (!size) return InvalidAt(start, Format("the size of the {} section is no 32-bit number", name));
    const SectionRange range{cursor.offset(), cursor.offset() + *size};
    if (!cursor.Bytes(*size)) {
      return InvalidAt(start, Format("truncated: the {} section needs {} bytes, only {} are left", name, *size,
                                     wasm.size() - range.begin));
    }
    if (id == kTag) {
      return FailAt(ErrorKind::kUnsupported, start,
                    "exception handling (a tag section) is not supported; build the guard without exceptions");
    }
    if (id != kCustom) {
      if (kOrder[id] <= last_order) {
        return InvalidAt(start,
                         Format("the {} section follows the {} section: twice or out of order", name, last_name));
      }
      last_order = kOrder[id];
      last_name = name;
    }
    if (id == kCustom) {
      ByteCursor contents(wasm, range.begin, range.end);
      const auto custom_name = contents.Name();
      if (!custom_name) return InvalidAt(range.begin, "the name of a custom section is truncated or not UTF-8");
      if (*custom_name == "name") scan.names.push_back({contents.offset(), range.end});
    }
    if (id == kElement && *size == 0) return InvalidAt(start, "the element section is empty");
    if (id == kElement) scan.elements = range;
    if (id == kCustom || id == kElement) {
      scan.bytes[start] = kCustom;
      std::fill(scan.bytes.begin() + range.begin, scan.bytes.begin() + range.end, 0);
    }
  }
  return scan;
}

void ReadNames(std::span<const uint8_t> wasm, const SectionRange& range, Module& module) {
  constexpr uint8_t kModuleName = 0;
  constexpr uint8_t kFunctionNames = 1;
  ByteCursor cursor(wasm, range.begin, range.end);
  while (!cursor.AtEnd()) {
    const auto id = cursor.U8();
    const auto size = cursor.U32();
    const size_t begin = cursor.offset();
    if (!id || !size || !cursor.Bytes(*size)) return;
    ByteCursor body(wasm, begin, begin + *size);
    if (*id == kModuleName) {
      const auto name = body.Name();
      if (!name) return;
      module.name = name->substr(0, read_limits::kNameSize);
    } else if (*id == kFunctionNames) {
      const auto count = body.U32();
      if (!count) return;
      for (uint32_t i = 0; i < *count; ++i) {
        const auto index = body.U32();
        const auto name = body.Name();
        if (!index || !name) return;
        if (*index < module.func_names.size() && name->size() <= read_limits::kNameSize) {
          module.func_names[*index] = *name;
        }
      }
    }
  }
}

}  // namespace guardc::compiler
