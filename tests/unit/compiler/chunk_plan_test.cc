// compiler/chunks.h: every function in exactly one chunk, and what may be dropped is really unnamed elsewhere.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "compiler/chunks.h"
#include "compiler/frontend/wabt_reader.h"
#include "tests/unit/compiler/wat.h"

namespace guardc::compiler {
namespace {

using testing::Contains;
using testing::Not;

// Functions of 3,000 instructions, so that some four fill a chunk. That of index `grown` has as many more.
Module Large(int functions, std::string_view extra, int grown = -1) {
  std::string text = "(module (import \"env\" \"host_log\" (func (param i32 i32 i32))) " + std::string(extra);
  std::string body;
  for (int i = 0; i < 3000; ++i) body += " nop";
  for (int i = 0; i < functions; ++i)
    text += "(func $big" + std::to_string(i) + " call $small" + body + (i == grown ? body : "") + ")";
  auto module = ReadModule(test::Wat(text + ")"), {});
  EXPECT_TRUE(module.has_value()) << module.error().message;
  return std::move(*module);
}

TEST(ChunkPlan, EveryFunctionOnce) {
  const Module module = Large(20, "(func $small)");
  const ChunkPlan plan = PlanChunks(module);
  EXPECT_GT(plan.chunks.size(), 3u);
  std::vector<uint32_t> all;
  for (const auto& chunk : plan.chunks) all.insert(all.end(), chunk.defined.begin(), chunk.defined.end());
  ASSERT_EQ(all.size(), 21u);
  for (uint32_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], i + 1);
}

TEST(ChunkPlan, AFunctionThatGrowsMovesNoBordersElsewhere) {
  const ChunkPlan before = PlanChunks(Large(40, "(func $small)")), after = PlanChunks(Large(40, "(func $small)", 5));
  std::set<std::vector<uint32_t>> kept;
  for (const auto& chunk : before.chunks) kept.insert(chunk.defined);
  const auto moved =
      std::ranges::count_if(after.chunks, [&](const auto& chunk) { return !kept.contains(chunk.defined); });
  EXPECT_LE(moved, 2);
  EXPECT_GT(after.chunks.size(), 8u);
}

TEST(ChunkPlan, SmallFunctionsAreCopied) {
  const ChunkPlan plan = PlanChunks(Large(20, "(func $small call $smaller) (func $smaller) "));
  EXPECT_THAT(plan.chunks[0].copied, Not(Contains(1u)));
  for (size_t i = 1; i < plan.chunks.size(); ++i) {
    EXPECT_EQ(plan.chunks[i].copied, (std::vector<uint32_t>{1, 2}));
  }
  // Copies name what they call.
  EXPECT_THAT(plan.chunks[0].internal, Not(Contains(1u)));
  EXPECT_THAT(plan.chunks[0].internal, Not(Contains(2u)));
}

// __multi3 has some 60 instructions, and is one multiplication in the end.
TEST(ChunkPlan, ProductsAreCopied) {
  const std::string product = " (drop (i64.mul (i64.const 3) (i64.const 3)))";
  std::string padding;
  for (int i = 0; i < 40; ++i) padding += " nop";
  const auto copied = [](const std::string& body) {
    return !PlanChunks(Large(20, "(func $small " + body + ")")).chunks[1].copied.empty();
  };
  EXPECT_TRUE(copied(product + product + product + product + padding));
  EXPECT_FALSE(copied(product + product + product + padding));
  EXPECT_FALSE(copied(product + product + product + product + padding + padding + padding));
}

TEST(ChunkPlan, WhatIsNamedStays) {
  const ChunkPlan plan = PlanChunks(Large(1, R"(
    (func $small) (func $exported (export "e")) (func $start) (start $start)
    (table 1 funcref) (elem (i32.const 0) $table) (func $table) (func $unused)
    (global funcref (ref.func $global)) (func $global) (elem declare func $declared) (func $declared))"));
  // In order: host_log, small, exported, start, table, unused, global, declared, big0.
  EXPECT_EQ(plan.chunks.at(0).internal, (std::vector<uint32_t>{1, 5, 8}));
}

}  // namespace
}  // namespace guardc::compiler
