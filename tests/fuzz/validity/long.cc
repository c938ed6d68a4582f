// Modules of some hundred kilobytes that repeat one thing. What takes time in the square of a module's size shows here.
#include <algorithm>
#include <functional>

#include "tests/fuzz/validity/generate.h"

namespace guardc::validity {
namespace {

constexpr uint32_t kDeepest = 5'000;  // blocks; read_limits.h allows 10,000

struct Long {
  Rng& rng;
  uint32_t size;  // bytes, about
  uint32_t wide = std::min(rng.Magnitude(10), 1000u);
  Bytes wasm = {0, 'a', 's', 'm', 1, 0, 0, 0};

  void Section(uint8_t id, const Bytes& content) {
    wasm.push_back(id);
    AppendU32(wasm, static_cast<uint32_t>(content.size()));
    wasm.insert(wasm.end(), content.begin(), content.end());
  }
  // As many entries as make up the size.
  void Vector(uint8_t id, const Bytes& entry) {
    const uint32_t count = std::min<uint32_t>(size / static_cast<uint32_t>(entry.size()), 90'000);
    Section(id, Repeated(entry, count));
  }
  static Bytes Repeated(const Bytes& entry, uint32_t count) {
    Bytes content;
    AppendU32(content, count);
    for (uint32_t i = 0; i < count; ++i) content.insert(content.end(), entry.begin(), entry.end());
    return content;
  }
  // () -> (), and with as many types as are allowed: () -> (i32...), (i32...) -> (i32...).
  void Types() {
    Bytes many;
    AppendU32(many, wide);
    many.insert(many.end(), wide, 0x7f);
    Bytes types = {3, 0x60, 0, 0, 0x60, 0};
    types.insert(types.end(), many.begin(), many.end());
    types.push_back(0x60);
    for (int i = 0; i < 2; ++i) types.insert(types.end(), many.begin(), many.end());
    Section(1, types);
  }
  // One function ()->(), whose body is written by `write` until it returns false.
  void Body(const std::function<void(Bytes&)>& write) {
    Types();
    Section(3, {1, 0});
    Section(4, {1, 0x70, 0, 0});
    Section(5, {1, 0, 1});
    Section(6, {1, 0x7f, 1, 0x41, 0, 0x0b});
    Bytes body;
    AppendU32(body, 1);
    AppendU32(body, 1);
    body.push_back(0x7f);
    while (body.size() < size) write(body);
    body.push_back(0x0b);
    Bytes code;
    AppendU32(code, 1);
    AppendU32(code, static_cast<uint32_t>(body.size()));
    code.insert(code.end(), body.begin(), body.end());
    Section(10, code);
  }

  void Blocks() {
    static constexpr uint8_t kTypes[] = {0x40, 0x40, 0x00, 0x7f};
    const uint8_t type = rng.Pick(kTypes);
    const uint32_t depth = rng.Magnitude(12);
    const auto kind = static_cast<uint8_t>(rng.Between(2, 4));
    const bool with_else = rng.OneIn(2);
    Body([&](Bytes& out) {
      for (uint32_t i = 0; i < depth; ++i) {
        if (kind == 4) out.insert(out.end(), {0x41, 0});
        out.insert(out.end(), {kind, type});
      }
      if (type == 0x7f) out.insert(out.end(), {0x41, 0});
      for (uint32_t i = 0; i < depth; ++i) {
        if (kind == 4 && type == 0x7f) {
          out.insert(out.end(), {0x05, 0x41, 0});
        } else if (kind == 4 && with_else) {
          out.push_back(0x05);
        }
        out.push_back(0x0b);
      }
      if (type == 0x7f) out.push_back(0x1a);
    });
  }

  void BrTables() {
    const uint32_t depth = rng.OneIn(2) ? 0 : std::min(rng.Magnitude(13), kDeepest);
    const uint32_t targets = rng.Magnitude(14);
    Body([&](Bytes& out) {
      for (uint32_t i = 0; i < depth; ++i) out.insert(out.end(), {0x02, 0x40});
      out.insert(out.end(), {0x41, 0, 0x0e});
      AppendU32(out, targets);
      for (uint32_t i = 0; i <= targets; ++i) AppendU32(out, depth == 0 ? 0 : rng.Below(depth + 1));
      for (uint32_t i = 0; i < depth; ++i) out.push_back(0x0b);
    });
  }

  void Instructions() {
    static const std::vector<Bytes> kPatterns = {
        {0x20, 0, 0x1a},                          // local.get, drop
        {0x41, 0, 0x21, 0},                       // local.set
        {0x41, 0, 0x24, 0},                       // global.set
        {0x10, 0},                                // call
        {0x41, 0, 0x11, 0, 0},                    // call_indirect
        {0x41, 0, 0x0d, 0},                       // br_if
        {0x00},                                   // unreachable
        {0x0f},                                   // return
        {0x0c, 0},                                // br
        {0x01},                                   // nop
        {0x41, 0, 0x28, 2, 0, 0x1a},              // i32.load
        {0x41, 0, 0x41, 0, 0x36, 2, 0},           // i32.store
        {0x41, 0, 0x41, 0, 0x41, 0, 0x1b, 0x1a},  // select
        {0x41, 0, 0x41, 0, 0x41, 0, 0x1c, 1, 0x7f, 0x1a},
        {0x02, 0x40, 0x00, 0x0b},                                            // block with dead code
        {0x3f, 0, 0x1a},                                                     // memory.size
        {0xfd, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1a},  // v128.const
        {0xd0, 0x70, 0x1a},                                                  // ref.null
        {0x41, 0, 0x0e, 0, 0},                                               // br_table
        {0x02, 0x01, 0x00, 0x0b, 0x0f},                                      // block with many results
        {0x00, 0x02, 0x02, 0x0b, 0x0f},                                      // block with many parameters
        {0x02, 0x01, 0x00, 0x41, 0, 0x0d, 0, 0x0b, 0x0f},                    // br_if with many values
    };
    const Bytes& pattern = rng.Pick(kPatterns);
    Body([&](Bytes& out) { out.insert(out.end(), pattern.begin(), pattern.end()); });
  }

  // Values that stay on the stack, up to a fault at the end.
  void Stack() {
    Body([&](Bytes& out) {
      for (uint32_t i = 0; i < 50'000; ++i) out.insert(out.end(), {0x41, 0});
      for (uint32_t i = 0; i < 50'000; ++i) out.push_back(0x1a);
    });
  }

  void Functions() {
    Types();
    const uint32_t count = std::min(size / 5, 60'000u);
    Section(3, Repeated({0}, count));
    if (rng.OneIn(2)) {
      Bytes exports;
      AppendU32(exports, count);
      for (uint32_t i = 0; i < count; ++i) {
        exports.push_back(4);
        for (const uint32_t shift : {0, 4, 8, 12}) exports.push_back(static_cast<uint8_t>('a' + ((i >> shift) & 15)));
        exports.push_back(0);
        AppendU32(exports, i);
      }
      Section(7, exports);
    }
    Section(10, Repeated({2, 0, 0x0b}, count));
  }

  void Sections() {
    switch (rng.Below(8)) {
      case 0:
        return Vector(1, {0x60, 1, 0x7f, 1, 0x7f});
      case 1:
        Types();
        return Vector(2, {0, 0, 0, 0});
      case 2:
        return Vector(6, {0x7f, 0, 0x41, 0, 0x0b});
      case 3:
        Section(4, {1, 0x70, 0, 0});
        return Vector(9, {0, 0x41, 0, 0x0b, 0});
      case 4:
        Section(5, {1, 0, 1});
        return Vector(11, {0, 0x41, 0, 0x0b, 0});
      case 5:
        while (wasm.size() < size) Section(0, {1, 'x'});
        return;
      case 6: {  // one long constant expression
        Bytes global = {1, 0x7f, 0, 0x41, 0};
        while (global.size() < size / 8) global.insert(global.end(), {0x41, 1, 0x6a});
        global.push_back(0x0b);
        return Section(6, global);
      }
      default: {
        Section(4, {1, 0x70, 0, 0});
        Bytes elem = {1, 5, 0x70};
        const Bytes items = Repeated({0xd0, 0x70, 0x0b}, size / 3);
        elem.insert(elem.end(), items.begin(), items.end());
        return Section(9, elem);
      }
    }
  }
};

}  // namespace

Bytes GenerateLong(Rng& rng) {
  Long it{.rng = rng, .size = rng.Between(100'000, 400'000)};
  switch (rng.Below(8)) {
    case 0:
    case 1:
      it.Blocks();
      break;
    case 2:
      it.BrTables();
      break;
    case 3:
    case 4:
      it.Instructions();
      break;
    case 5:
      rng.OneIn(4) ? it.Stack() : it.Functions();
      break;
    default:
      it.Sections();
      break;
  }
  return std::move(it.wasm);
}

}  // namespace guardc::validity
