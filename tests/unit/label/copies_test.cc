// How often a megabyte is copied on its way (design: text in, text out): each copy needs memory of its size, and the
// allocations of that size are counted.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "guardc/pipeline.h"
#include "tests/unit/label/guard_fixture.h"

namespace {

constexpr size_t kText = 1 << 20;
std::atomic<int> copies{0};

}  // namespace

// Not inlined, or GCC sees one of them without the others, and warns.
[[gnu::noinline]] void* operator new(size_t size) {
  if (size >= kText && size < kText + 4096) copies.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
// The C++ library's would call the one above; a sanitizer's does not.
[[gnu::noinline]] void* operator new(size_t size, const std::nothrow_t&) noexcept { return std::malloc(size); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace guardc {
namespace {

// Label functions that answer with their input.
constexpr const char* kEcho = R"((module
  (memory (export "memory") 2)
  (func (export "label_agent") (export "label_resource") (export "label_response") (param i32 i32 i32 i32) (result i32)
    (memory.copy (local.get 2) (local.get 0) (local.get 1))
    (local.get 1))))";

std::string Padded(std::string_view before, std::string_view after) {
  return std::string(before) + std::string(kText - before.size() - after.size(), 'x') + std::string(after);
}

TEST(CopiesTest, AnAnswerIsCopiedOnce) {
  const auto guard = Guard::Create(ModuleFromWat(kEcho), {.log = std::make_shared<CollectingLog>()});
  ASSERT_TRUE(guard);
  const auto result = JsonDocument::Parse("[1]");
  const std::string text = Padded(R"({"labeled_paths":[],"x":")", "\"}");
  copies = 0;
  auto answer = (*guard)->Call(LabelFunction::kResponse, text);
  ASSERT_TRUE(answer) << answer.error().message;
  const auto data = ParseResponseAnswer(std::move(*answer), *result);
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(copies, 1);
}

// Canned answers, so that what is counted is the way of the result.
LabelTransport Canned(const char* resource, const char* response) {
  LabelTransport transport;
  transport.call = [=](LabelFunction function, std::string_view, const CallOptions&) -> Result<std::string> {
    return std::string(function == LabelFunction::kAgent      ? R"({"difc_mode":"filter"})"
                       : function == LabelFunction::kResource ? resource
                                                              : response);
  };
  return transport;
}

int CopiesOf(const std::shared_ptr<LabelSource>& source, const std::string& result) {
  Agent agent;
  CallRequest request{.tool = "list_things", .policy_json = R"({"allow-only":{"repos":"all","min-integrity":"none"}})"};
  std::string mine = result;
  mine.reserve(result.size() + 64);  // as a backend that knows of the parser would
  copies = 0;
  const Outcome out = GuardedCall(
      *source, agent, request, [&](std::string_view, std::string_view, const CallOptions&) { return std::move(mine); });
  const int counted = copies;
  EXPECT_EQ(out.kind, OutcomeKind::kAllowed);
  EXPECT_EQ(out.result, result);
  return counted;
}

TEST(CopiesTest, AResultThatPassesIsNotCopied) {
  const std::string result = Padded("[\"", "\"]");
  EXPECT_EQ(CopiesOf(MakeNoopSource(), result), 0);
  EXPECT_EQ(CopiesOf(MakeCompiledSource(Canned(R"({"resource":{},"operation":"write"})", "")), result), 0);
}

TEST(CopiesTest, AResultThatIsLabelledIsCopiedForTheGuard) {
  const auto source = MakeCompiledSource(Canned(R"({"resource":{},"operation":"read"})", R"({"labeled_paths":[]})"));
  EXPECT_EQ(CopiesOf(source, Padded("[\"", "\"]")), 1);
  // And once where the JSON in its text is decoded.
  EXPECT_EQ(CopiesOf(source, Padded(R"({"content":[{"type":"text","text":"[\")", R"(\"]"}]})")), 2);
}

}  // namespace
}  // namespace guardc
