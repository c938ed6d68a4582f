#include "tests/fuzz/validity/minimise.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "tests/fuzz/validity/parts.h"

namespace guardc::validity {
namespace {

constexpr int kMostTries = 4000;
constexpr std::chrono::seconds kMostTime(5);

class Minimiser {
 public:
  Minimiser(Bytes wasm, std::string key, FirstValidator first)
      : best_(std::move(wasm)), key_(std::move(key)), first_(first) {}

  Bytes Run() {
    for (size_t before = best_.size() + 1; best_.size() < before && !Spent();) {
      before = best_.size();
      auto parts = Parts::Of(best_);
      // Sizes that are not as short as possible may be what is wrong.
      if (!parts || !IsSame(parts->Join())) return std::move(best_);
      parts_ = std::move(*parts);
      Sections();
      for (SectionPart& section : parts_.sections) {
        for (Bytes& body : section.bodies) Try(body, {0x00, 0x00, 0x0b});
        for (Bytes& body : section.bodies) Shorten(body);
        Shorten(section.content);
      }
    }
    return std::move(best_);
  }

 private:
  bool Spent() const { return tries_ >= kMostTries || std::chrono::steady_clock::now() - start_ > kMostTime; }
  bool IsSame(const Bytes& wasm) {
    ++tries_;
    const Verdict verdict = Judge(wasm, first_);
    return verdict.finding && verdict.Key(wasm) == key_;
  }
  bool Keep() {
    Bytes wasm = parts_.Join();
    if (Spent() || wasm.size() >= best_.size() || !IsSame(wasm)) return false;
    best_ = std::move(wasm);
    return true;
  }
  bool Try(Bytes& what, Bytes with) {
    std::swap(what, with);
    if (Keep()) return true;
    std::swap(what, with);
    return false;
  }

  void Sections() {
    for (size_t i = parts_.sections.size(); i-- > 0;) {
      const auto at = parts_.sections.begin() + static_cast<ptrdiff_t>(i);
      SectionPart section = std::move(*at);
      parts_.sections.erase(at);
      if (!Keep()) parts_.sections.insert(parts_.sections.begin() + static_cast<ptrdiff_t>(i), std::move(section));
    }
  }

  void Shorten(Bytes& bytes) {
    for (size_t piece = std::max<size_t>(bytes.size() / 2, 1);; piece /= 2) {
      for (size_t at = 0; at + piece <= bytes.size();) {
        Bytes shorter = bytes;
        const auto begin = shorter.begin() + static_cast<ptrdiff_t>(at);
        shorter.erase(begin, begin + static_cast<ptrdiff_t>(piece));
        if (!Try(bytes, std::move(shorter))) at += piece;
      }
      if (piece <= 1) return;
    }
  }

  Bytes best_;
  const std::string key_;
  const FirstValidator first_;
  Parts parts_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  int tries_ = 0;
};

}  // namespace

Bytes Minimise(Bytes wasm, const Verdict& verdict, FirstValidator first) {
  std::string key = verdict.Key(wasm);
  return Minimiser(std::move(wasm), std::move(key), first).Run();
}

}  // namespace guardc::validity
