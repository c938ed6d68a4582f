#include "tests/fuzz/validity/writer.h"

#include <algorithm>

namespace guardc::validity {
namespace {

// Types of WebAssembly and of its proposals, and neighbours.
constexpr uint8_t kTypeBytes[] = {0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f, 0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70,
                                  0x6f, 0x7a, 0x79, 0x78, 0x77, 0x74, 0x73, 0x72, 0x71, 0x6e, 0x6d, 0x6c, 0x6b,
                                  0x6a, 0x69, 0x68, 0x64, 0x63, 0x60, 0x5f, 0x50, 0x4e, 0x40, 0x00, 0x01};

}  // namespace

void AppendU32(Bytes& bytes, uint32_t value) {
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<uint8_t>(value | 0x80));
  bytes.push_back(static_cast<uint8_t>(value));
}

void Writer::Byte(uint8_t byte) {
  if (!faults_.At(Fault::kByte)) return Raw(byte);
  switch (rng_.Below(6)) {
    case 0:
      return Raw(static_cast<uint8_t>(byte ^ (1u << rng_.Below(8))));
    case 1:
      return Raw(static_cast<uint8_t>(rng_.Next()));
    case 2:
      return Raw(static_cast<uint8_t>(byte + 1));
    case 3:
      return Raw(static_cast<uint8_t>(byte - 1));
    case 4:
      return;
    default:
      // The same as a longer LEB128.
      Raw(byte | 0x80);
      return Raw((byte & 0x40) != 0 ? 0x7f : 0x00);
  }
}

void Writer::Type(ValType type) {
  const auto byte = static_cast<uint8_t>(type);
  if (!faults_.At(Fault::kByte)) return Raw(byte);
  switch (rng_.Below(4)) {
    case 0:
      Raw(byte | 0x80);
      for (uint32_t i = rng_.Below(4); i > 0; --i) Raw(0xff);
      return Raw(0x7f);
    case 1:
      return Raw(static_cast<uint8_t>(rng_.Next()));
    default:
      return Raw(rng_.Pick(kTypeBytes));
  }
}

uint8_t Writer::BreakNumber(uint32_t bits, uint32_t longest, uint32_t& size) {
  if (!faults_.At(Fault::kNumber)) return 0;
  size = longest;
  switch (rng_.Below(3)) {
    case 0:
      ++size;
      return 0;
    case 1:
      return static_cast<uint8_t>(1u << rng_.Between(bits - 7 * (longest - 1), 6));
    default:
      return 0x80;
  }
}

void Writer::Unsigned(uint64_t value, uint32_t bits) {
  const uint32_t longest = (bits + 6) / 7;
  uint32_t size = 1;
  while (size < longest && (value >> (7 * size)) != 0) ++size;
  if (padding_ != 0 && rng_.Percent(padding_)) size = rng_.Between(size, longest);
  const uint8_t extra = BreakNumber(bits, longest, size);
  for (uint32_t i = 0; i < size; ++i) {
    auto byte = static_cast<uint8_t>(i < longest ? (value >> (7 * i)) & 0x7f : 0);
    if (i + 1 < size) byte |= 0x80;
    if (i + 1 == size) byte |= extra;
    Raw(byte);
  }
}

void Writer::Signed(int64_t value, uint32_t bits) {
  const uint32_t longest = (bits + 6) / 7;
  const auto part = [&](uint32_t i) {  // the value shifted to the i-th byte, sign-extended
    return static_cast<uint64_t>(value >> std::min<uint32_t>(7 * i, 63));
  };
  uint32_t size = 1;
  while (size < longest && static_cast<int64_t>(part(size - 1)) != (static_cast<int64_t>(part(size - 1) << 57) >> 57)) {
    ++size;
  }
  if (padding_ != 0 && rng_.Percent(padding_)) size = rng_.Between(size, longest);
  const uint8_t flipped = BreakNumber(bits, longest, size);
  for (uint32_t i = 0; i < size; ++i) {
    auto byte = static_cast<uint8_t>(part(i) & 0x7f);
    if (i + 1 < size) byte |= 0x80;
    if (i + 1 == size) byte ^= flipped;
    Raw(byte);
  }
}

void Writer::Count(uint32_t count) {
  if (faults_.At(Fault::kCount)) {
    switch (rng_.Below(6)) {
      case 0:
        count = rng_.Magnitude(32);
        break;
      case 1:
        count = 0;
        break;
      case 2:
      case 3:
        --count;
        break;
      default:
        ++count;
        break;
    }
  }
  U32(count);
}

void Writer::Name(std::string_view name) {
  Count(static_cast<uint32_t>(name.size()));
  for (const char c : name) Byte(static_cast<uint8_t>(c));
}

void Writer::Close(size_t open) {
  const Bytes content(bytes_.begin() + static_cast<ptrdiff_t>(open), bytes_.end());
  bytes_.resize(open);
  Count(static_cast<uint32_t>(content.size()));
  Raw(content);
}

}  // namespace guardc::validity
