#include "compiler/codegen/memory_image.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>

#include "compiler/lower/const_expr.h"

namespace guardc::compiler {
namespace {

// Pages of zeros between two pages of data that are stored rather than mapped as two ranges: a mapping costs more than
// a few pages of the file.
constexpr uint64_t kMaxGapPages = 16;
// The image may hold this many bytes, plus this multiple of the data, for the sake of its pages. Beyond it (single
// bytes all over memory) init copies the segments.
constexpr uint64_t kFreeWaste = uint64_t{1} << 20;
constexpr uint64_t kWasteFactor = 4;
// A module cannot ask for more ranges than the system gives a process mappings.
constexpr size_t kMaxRanges = 1024;

using Pages = std::map<uint64_t, std::vector<uint8_t>>;  // page number -> contents

// Where an active segment of `memory` goes, if that is known and inside the memory's initial size.
std::optional<uint64_t> KnownPlace(const Module& module, const DataSegment& segment, uint32_t memory) {
  const auto offset = EvaluateInteger(segment.offset);
  const uint64_t pages = std::min(module.memory_types[memory].limits.min, uint64_t{1} << 32);
  const uint64_t size = pages * kWasmPageSize;
  if (!offset || segment.bytes.size() > size || *offset > size - segment.bytes.size()) return std::nullopt;
  return offset;
}

void Write(Pages& pages, uint64_t at, const std::vector<uint8_t>& bytes, uint32_t page_size) {
  for (size_t done = 0; done < bytes.size();) {
    const uint64_t page = (at + done) / page_size;
    const uint64_t in_page = (at + done) % page_size;
    const size_t count = std::min<uint64_t>(page_size - in_page, bytes.size() - done);
    auto& contents = pages.try_emplace(page, page_size).first->second;
    std::memcpy(contents.data() + in_page, bytes.data() + done, count);
    done += count;
  }
}

uint64_t MaxImageSize(uint64_t data_size) { return kFreeWaste + kWasteFactor * data_size; }

// Appends the memory's pages to the image; false, and nothing is appended, where that would be too wasteful.
bool Append(const Pages& pages, uint32_t defined_memory, uint64_t data_size, uint32_t page_size, MemoryImage& image) {
  std::vector<abi::ImageRange> ranges;
  uint64_t end_page = 0;
  for (const auto& [page, contents] : pages) {
    if (std::ranges::all_of(contents, [](uint8_t byte) { return byte == 0; })) continue;
    if (ranges.empty() || page - end_page > kMaxGapPages) {
      ranges.push_back(
          {.memory = defined_memory, .reserved = 0, .memory_offset = page * page_size, .image_offset = 0, .size = 0});
    }
    end_page = page + 1;
    ranges.back().size = end_page * page_size - ranges.back().memory_offset;
  }
  uint64_t size = 0;
  for (const auto& range : ranges) size += range.size;
  if (size > MaxImageSize(data_size) || image.ranges.size() + ranges.size() > kMaxRanges) return false;

  for (abi::ImageRange& range : ranges) {
    range.image_offset = image.bytes.size();
    image.bytes.resize(image.bytes.size() + range.size);
    for (auto it = pages.lower_bound(range.memory_offset / page_size);
         it != pages.end() && it->first * page_size < range.memory_offset + range.size; ++it) {
      std::ranges::copy(it->second,
                        image.bytes.begin() + range.image_offset + it->first * page_size - range.memory_offset);
    }
    image.ranges.push_back(range);
  }
  return true;
}

}  // namespace

MemoryImage BuildMemoryImage(const Module& module, uint32_t page_size) {
  MemoryImage image;
  image.in_image.resize(module.data_segments.size());
  for (uint32_t memory = module.num_imported_memories; memory < module.memory_types.size(); ++memory) {
    Pages pages;
    std::vector<uint32_t> segments;
    uint64_t data_size = 0;
    for (uint32_t i = 0; i < module.data_segments.size(); ++i) {
      const DataSegment& segment = module.data_segments[i];
      if (segment.mode != SegmentMode::kActive || segment.memory != memory) continue;
      // Later segments overwrite earlier ones: behind one that init writes, all are init's.
      const auto place = KnownPlace(module, segment, memory);
      if (!place) break;
      Write(pages, *place, segment.bytes, page_size);
      segments.push_back(i);
      data_size += segment.bytes.size();
      // Not only at the end: the pages are in our memory.
      if (pages.size() * page_size > MaxImageSize(data_size)) break;
    }
    if (!Append(pages, memory - module.num_imported_memories, data_size, page_size, image)) continue;
    for (const uint32_t segment : segments) image.in_image[segment] = true;
  }
  return image;
}

}  // namespace guardc::compiler
