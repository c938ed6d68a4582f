#include "tests/fuzz/validity/mutate.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include "base/format.h"
#include "compiler/frontend/wabt_reader.h"
#include "tests/fuzz/validity/opcodes.h"

namespace guardc::validity {
namespace {

constexpr size_t kSmall = 2000;  // bytes; modules above are cut down to one function

Bytes Slice(std::span<const uint8_t> bytes, size_t begin, size_t end) {
  const auto part = bytes.subspan(begin, end - begin);
  return Bytes(part.begin(), part.end());
}

void Replace(Bytes& bytes, size_t begin, size_t end, std::span<const uint8_t> with) {
  const auto at = [&](size_t i) { return bytes.begin() + static_cast<ptrdiff_t>(i); };
  bytes.insert(bytes.erase(at(begin), at(end)), with.begin(), with.end());
}

class Mutator {
 public:
  Mutator(Rng& rng, Seed seed, const Seed& donor) : rng_(rng), seed_(std::move(seed)), donor_(donor) {}

  Bytes Run() {
    // Bytes as they come, from time to time; else the sizes stay right.
    if (!seed_.parts || rng_.OneIn(8)) return RawBytes();
    const uint32_t count = 1 + rng_.Small(3);
    for (uint32_t i = 0; i < count; ++i) {
      SectionPart* code = seed_.parts->Find(kCodeSection);
      const bool has_code = code != nullptr && !code->bodies.empty() && !seed_.instructions.empty();
      // Offsets hold for one change of a body.
      if (has_code && i == 0 && rng_.Percent(60)) {
        Instructions(*code);
      } else {
        Section();
      }
    }
    return seed_.parts->Join();
  }

 private:
  Bytes RawBytes() {
    Bytes bytes = std::move(seed_.wasm);
    for (uint32_t left = 1 + rng_.Small(3); left > 0; --left) ChangeByte(bytes, std::min<size_t>(8, bytes.size() / 2));
    if (rng_.OneIn(4)) bytes.resize(rng_.Below(bytes.size() + 1));
    return bytes;
  }

  // From `first` on.
  void ChangeByte(Bytes& bytes, size_t first) {
    if (bytes.size() <= first) return bytes.push_back(static_cast<uint8_t>(rng_.Next()));
    static constexpr uint8_t kInteresting[] = {0x00, 0x01, 0x02, 0x05, 0x0b, 0x1b, 0x1c, 0x40, 0x60, 0x6f,
                                               0x70, 0x7b, 0x7e, 0x7f, 0x80, 0xc0, 0xfc, 0xfd, 0xfe, 0xff};
    const size_t at = first + rng_.Below(bytes.size() - first);
    uint8_t& byte = bytes[at];
    switch (rng_.Below(8)) {
      case 0:
        byte ^= static_cast<uint8_t>(1u << rng_.Below(8));
        break;
      case 1:
        byte = static_cast<uint8_t>(rng_.Next());
        break;
      case 2:
        byte = rng_.Pick(kInteresting);
        break;
      case 3:
        byte += rng_.OneIn(2) ? 1 : 0xff;
        break;
      case 4: {  // the same as a longer LEB128, or nearly
        const std::array<uint8_t, 2> with = {static_cast<uint8_t>(byte | 0x80),
                                             static_cast<uint8_t>(rng_.OneIn(2) ? 0x00 : 0x7f)};
        Replace(bytes, at, at + 1, with);
        break;
      }
      case 5:
        Replace(bytes, at, at + 1, {});
        break;
      case 6:
        Replace(bytes, at, at, std::array{rng_.Pick(kInteresting)});
        break;
      default:  // a piece of it, once more elsewhere
        Replace(bytes, at, at, Slice(bytes, first, first + rng_.Below(std::min<size_t>(bytes.size() - first, 16))));
        break;
    }
  }

  void Section() {
    auto& sections = seed_.parts->sections;
    if (sections.empty()) return sections.push_back({static_cast<uint8_t>(rng_.Below(16)), {0}, {}});
    const size_t at = rng_.Below(sections.size());
    const auto begin = sections.begin() + static_cast<ptrdiff_t>(at);
    switch (rng_.Below(16)) {
      case 0: {
        const SectionPart copy = *begin;
        sections.insert(begin, copy);
        break;
      }
      case 1:
        sections.erase(begin);
        break;
      case 2:
        std::swap(*begin, rng_.Pick(sections));
        break;
      case 3:
        sections.insert(begin, {static_cast<uint8_t>(rng_.Below(16)), Bytes(rng_.Below(3)), {}});
        break;
      case 4:
        // Not of the code section, whose content is in its bodies.
        if (begin->id != kCodeSection) begin->id = static_cast<uint8_t>(rng_.Below(16));
        break;
      case 5:
        if (donor_.parts && !donor_.parts->sections.empty()) *begin = rng_.Pick(donor_.parts->sections);
        break;
      default:
        if (begin->id == kCodeSection && !begin->bodies.empty()) {
          ChangeByte(rng_.Pick(begin->bodies), 0);
        } else {
          ChangeByte(begin->content, 0);
        }
        break;
    }
  }

  // Of one body: instructions left out, doubled, swapped, put in, exchanged.
  void Instructions(SectionPart& code) {
    const size_t func = rng_.Below(code.bodies.size());
    Bytes& body = code.bodies[func];
    const std::vector<uint32_t>& starts = seed_.instructions[func];
    const size_t count = starts.size() - 1;
    if (count == 0) return;
    const size_t at = rng_.Below(count);
    const size_t some = std::min<size_t>(count - at, 1 + rng_.Small(4));
    const size_t begin = starts[at];
    const size_t end = starts[at + some];
    switch (rng_.Below(7)) {
      case 0:
        Replace(body, begin, end, {});
        break;
      case 1:
        Replace(body, begin, begin, Slice(body, begin, end));
        break;
      case 2: {
        const size_t other = rng_.Below(count);
        const Bytes moved = Slice(body, begin, end);
        if (starts[other] <= begin) {
          Replace(body, begin, end, {});
          Replace(body, starts[other], starts[other], moved);
        } else if (starts[other] >= end) {
          Replace(body, starts[other], starts[other], moved);
          Replace(body, begin, end, {});
        }
        break;
      }
      case 3:
        Replace(body, begin, begin, DonorInstructions());
        break;
      case 4:
        Replace(body, begin, end, DonorInstructions());
        break;
      case 5: {  // another opcode, immediates as they are
        const OpInfo& op = rng_.Pick(Ops());
        Bytes opcode;
        if (op.prefix != 0) opcode.push_back(op.prefix);
        AppendU32(opcode, op.code);
        if (op.prefix == 0) opcode = {static_cast<uint8_t>(op.code)};
        Replace(body, begin, begin + (body[begin] >= 0xfc ? 2 : 1), opcode);
        break;
      }
      default: {
        Bytes instruction = Slice(body, begin, starts[at + 1]);
        ChangeByte(instruction, 0);
        Replace(body, begin, starts[at + 1], instruction);
        break;
      }
    }
  }

  Bytes DonorInstructions() {
    const SectionPart* code = donor_.parts ? donor_.parts->Find(kCodeSection) : nullptr;
    if (code == nullptr || code->bodies.empty() || donor_.instructions.empty()) return {0x00};
    const size_t func = rng_.Below(code->bodies.size());
    const auto& starts = donor_.instructions[func];
    const size_t at = rng_.Below(starts.size() - 1);
    const size_t some = std::min<size_t>(starts.size() - 1 - at, 1 + rng_.Small(6));
    return Slice(code->bodies[func], starts[at], starts[at + some]);
  }

  Rng& rng_;
  Seed seed_;
  const Seed& donor_;
};

// The module with all functions but one empty, and without data.
Seed CutDown(Rng& rng, const Seed& large) {
  Seed seed;
  seed.parts = large.parts;
  if (!seed.parts) return seed;
  std::erase_if(seed.parts->sections, [](const SectionPart& part) {
    return part.id == 0 || (part.id == kDataSection && part.content.size() > 100);
  });
  SectionPart* code = seed.parts->Find(kCodeSection);
  seed.instructions = large.instructions;
  if (code != nullptr && !code->bodies.empty()) {
    const size_t kept = rng.Below(code->bodies.size());
    for (size_t i = 0; i < code->bodies.size(); ++i) {
      if (i == kept && code->bodies[i].size() < kSmall) continue;
      code->bodies[i] = {0x00, 0x00, 0x0b};
      if (!seed.instructions.empty()) seed.instructions[i] = {1, 2, 3};
    }
  }
  seed.wasm = seed.parts->Join();
  return seed;
}

}  // namespace

Seed Seed::Of(Bytes wasm) {
  Seed seed;
  seed.wasm = std::move(wasm);
  seed.parts = Parts::Of(seed.wasm);
  const auto module = compiler::ReadModule(std::as_bytes(std::span(seed.wasm)), {});
  if (!module || !seed.parts) return seed;
  for (const compiler::Function& function : module->functions) {
    auto& starts = seed.instructions.emplace_back();
    for (const compiler::Instr& instr : function.body) starts.push_back(instr.offset - function.body_offset);
    starts.push_back(function.body_size);
  }
  return seed;
}

Result<Corpus> Corpus::Read(const std::vector<std::filesystem::path>& paths) {
  std::vector<std::filesystem::path> files;
  for (const auto& path : paths) {
    std::error_code error;
    if (std::filesystem::is_regular_file(path, error)) files.push_back(path);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path, error)) {
      if (entry.path().extension() == ".wasm") files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  Corpus corpus;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    Bytes wasm((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (!in) return Fail(ErrorKind::kIo, Format("cannot read {}", file.string()));
    corpus.seeds_.push_back(Seed::Of(std::move(wasm)));
  }
  return corpus;
}

Seed Corpus::Draw(Rng& rng) const {
  const Seed& seed = rng.Pick(seeds_);
  return seed.wasm.size() <= kSmall ? seed : CutDown(rng, seed);
}

Bytes Mutate(Rng& rng, Seed seed, const Seed& donor) { return Mutator(rng, std::move(seed), donor).Run(); }

}  // namespace guardc::validity
