#include "loader/header_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "tests/support/test_artifact.h"

namespace guardc::loader {
namespace {

using abi::ArtifactHeader;
using test::TestArtifact;
using ::testing::HasSubstr;

Result<HeaderFacts> CheckedHeader(const TestArtifact& artifact) {
  const auto elf = CheckElf(artifact.bytes(), "guard.so");
  if (!elf) return std::unexpected(elf.error());
  return CheckHeader(artifact.bytes(), *elf, "guard.so");
}

TEST(HeaderCheck, GivesNamesAndTypes) {
  const auto facts = CheckedHeader(TestArtifact());
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->name, "tested");
  EXPECT_TRUE(facts->imports.empty());
  ASSERT_EQ(facts->exports.size(), 1u);
  EXPECT_EQ(facts->exports[0].name, "answer");
  EXPECT_EQ(ToString(facts->exports[0].type), "func () -> i32");
}

void ExpectCorruptArtifact(const TestArtifact& artifact, const char* message) {
  const auto facts = CheckedHeader(artifact);
  ASSERT_FALSE(facts) << message;
  EXPECT_EQ(facts.error().kind, ErrorKind::kCorruptArtifact);
  EXPECT_THAT(facts.error().message, HasSubstr(message));
}

void ExpectCorruptHeader(const std::function<void(ArtifactHeader&)>& change, const char* message) {
  TestArtifact artifact;
  ArtifactHeader header = artifact.header();
  change(header);
  artifact.set_header(header);
  ExpectCorruptArtifact(artifact, message);
}

TEST(HeaderCheck, AnotherAbiIsIncompatible) {
  TestArtifact artifact;
  ArtifactHeader header = artifact.header();
  header.abi_version = abi::kAbiVersion + 1;
  artifact.set_header(header);
  const auto facts = CheckedHeader(artifact);
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().kind, ErrorKind::kIncompatibleArtifact);
  EXPECT_THAT(facts.error().message, HasSubstr("ABI version"));
}

TEST(HeaderCheck, Head) {
  using H = ArtifactHeader;
  ExpectCorruptHeader([](H& h) { h.magic[0] = 'x'; }, "magic");
  ExpectCorruptHeader([](H& h) { h.header_size += 4; }, "sizes");
  ExpectCorruptHeader([](H& h) { h.inlines_end = h.inlines_begin - 1; }, "inline table");
  ExpectCorruptHeader([](H& h) { h.inlines_end = INT32_MAX; }, "inline table");
  ExpectCorruptHeader([](H& h) { h.inlines_begin = INT32_MIN; }, "inline table");
  ExpectCorruptHeader([](H& h) { h.total_size = 100; }, "sizes");
  ExpectCorruptHeader([](H& h) { h.total_size = 0xffffffff; }, "sizes");
  ExpectCorruptHeader([](H& h) { h.flags = 0x80; }, "flags");
  ExpectCorruptHeader([](H& h) { h.init = -1; }, "initialiser");
  ExpectCorruptHeader([](H& h) { h.module_name = {h.total_size, 1}; }, "name");
  ExpectCorruptHeader([](H& h) { h.context_size = 100; }, "context");
  ExpectCorruptHeader([](H& h) { h.context_size = 0; }, "context");
  ExpectCorruptHeader([](H& h) { h.ctx_funcrefs = 0; }, "context");
  ExpectCorruptHeader([](H& h) { h.ctx_funcrefs = h.context_size - 8; }, "context");
  ExpectCorruptHeader([](H& h) { h.ctx_funcrefs = h.ctx_memories - 8; }, "overlap");
  ExpectCorruptHeader([](H& h) { h.ctx_memories += 4; }, "context");
}

TEST(HeaderCheck, ListsAreInBounds) {
  abi::ListRef ArtifactHeader::* const lists[] = {
      &ArtifactHeader::types,      &ArtifactHeader::imports,      &ArtifactHeader::exports,
      &ArtifactHeader::funcrefs,   &ArtifactHeader::tables,       &ArtifactHeader::memories,
      &ArtifactHeader::globals,    &ArtifactHeader::data_sizes,   &ArtifactHeader::elem_segments,
      &ArtifactHeader::elem_items, &ArtifactHeader::image_ranges, &ArtifactHeader::functions};
  for (const auto list : lists) {
    ExpectCorruptHeader([&](ArtifactHeader& h) { (h.*list) = {h.total_size, 1}; }, "out of bounds");
    ExpectCorruptHeader([&](ArtifactHeader& h) { (h.*list) = {0xfffffff8, 1}; }, "out of bounds");
    ExpectCorruptHeader([&](ArtifactHeader& h) { (h.*list) = {0, 0xffffffff}; }, "out of bounds");
    ExpectCorruptHeader([&](ArtifactHeader& h) { (h.*list) = {257, 1}; }, "out of bounds");
  }
}

// One record of a list, changed.
template <class Record>
TestArtifact WithRecord(abi::ListRef ArtifactHeader::* list, const std::function<void(Record&)>& change) {
  TestArtifact artifact;
  const uint64_t at = test::kHeaderAt + (artifact.header().*list).offset;
  auto record = artifact.Get<Record>(at);
  change(record);
  artifact.Put(at, record);
  return artifact;
}

TEST(HeaderCheck, Records) {
  using H = ArtifactHeader;
  const auto type = [](auto change) { return WithRecord<abi::TypeRecord>(&H::types, change); };
  ExpectCorruptArtifact(type([](abi::TypeRecord& r) { r.val_types = 0xffffffff; }), "type");
  ExpectCorruptArtifact(type([](abi::TypeRecord& r) { r.param_count = 0xffffffff; }), "type");
  ExpectCorruptArtifact(type([](abi::TypeRecord& r) { r.val_types += 1; }), "value type");
  ExpectCorruptArtifact(type([](abi::TypeRecord& r) { r.entry = 4; }), "entry");
  ExpectCorruptArtifact(type([](abi::TypeRecord& r) { r.host_thunk = INT32_MIN; }), "entry");
  const auto funcref = [](auto change) { return WithRecord<abi::FuncRefRecord>(&H::funcrefs, change); };
  ExpectCorruptArtifact(funcref([](abi::FuncRefRecord& r) { r.code = 0; }), "function reference");
  ExpectCorruptArtifact(funcref([](abi::FuncRefRecord& r) { r.code += int32_t{test::kPage}; }), "function reference");
  ExpectCorruptArtifact(funcref([](abi::FuncRefRecord& r) { r.tail_code = int32_t{test::kPage}; }),
                        "function reference");
  ExpectCorruptArtifact(funcref([](abi::FuncRefRecord& r) { r.type = 1; }), "function reference");
  const auto memory = [](auto change) { return WithRecord<abi::MemoryRecord>(&H::memories, change); };
  ExpectCorruptArtifact(memory([](abi::MemoryRecord& r) { r.limits.min = 3; }), "memory");
  ExpectCorruptArtifact(memory([](abi::MemoryRecord& r) { r.limits.max = 65537; }), "memory");
  ExpectCorruptArtifact(memory([](abi::MemoryRecord& r) { r.limits.flags |= 8; }), "memory");
  ExpectCorruptArtifact(memory([](abi::MemoryRecord& r) { r.flags = 2; }), "memory");
  ExpectCorruptArtifact(memory([](abi::MemoryRecord& r) { r.limits.flags |= abi::LimitsRecord::kIs64; }),
                        "not bounds-checked");
  const auto item = [](auto change) { return WithRecord<abi::ExportRecord>(&H::exports, change); };
  ExpectCorruptArtifact(item([](abi::ExportRecord& r) { r.kind = 4; }), "export");
  ExpectCorruptArtifact(item([](abi::ExportRecord& r) { r.index = 1; }), "export");
  ExpectCorruptArtifact(item([](abi::ExportRecord& r) { r.name.size = 0xffffffff; }), "export");
  const auto function = [](auto change) { return WithRecord<abi::FunctionRecord>(&H::functions, change); };
  ExpectCorruptArtifact(function([](abi::FunctionRecord& r) { r.code = 8; }), "function");
  ExpectCorruptArtifact(function([](abi::FunctionRecord& r) { r.name.offset = 0xffffff00; }), "function");
}

// With one import, behind all other lists; the context has room for any.
TestArtifact WithImport(abi::ImportRecord record) {
  TestArtifact artifact;
  ArtifactHeader header = artifact.header();
  const uint32_t at = (header.total_size + 7) / 8 * 8;
  record.name = header.module_name;
  artifact.Put(test::kHeaderAt + at, record);
  header.total_size = at + sizeof(record);
  header.imports = {at, 1};
  header.ctx_funcrefs = 1024;
  header.ctx_imported_tables = header.ctx_imported_memories = header.ctx_imported_globals = 2048;
  artifact.set_header(header);
  return artifact;
}

TEST(HeaderCheck, Imports) {
  using R = abi::ImportRecord;
  const std::pair<R, const char*> good[] = {
      {R{.kind = 0, .type = 0}, "func () -> i32"},
      {R{.kind = 1, .type = 0x6f, .limits = {.min = 3}}, "table 3.. externref"},
      {R{.kind = 2, .limits = {.min = 1, .max = 5, .flags = 1}}, "memory 1..5 pages"},
      {R{.kind = 3, .type = 0x7e, .is_mutable = 1}, "global mut i64"},
  };
  for (const auto& [record, type] : good) {
    const auto facts = CheckedHeader(WithImport(record));
    ASSERT_TRUE(facts) << facts.error().message;
    EXPECT_EQ(facts->imports.at(0).name, "tested");
    EXPECT_EQ(ToString(facts->imports.at(0).type), type);
  }
  const R bad[] = {
      R{.kind = 4},
      R{.kind = 0x100},  // not func
      R{.kind = 0xffffffff},
      R{.kind = 0, .type = 1},
      R{.kind = 1, .type = 0x7f},
      R{.kind = 1, .type = 0x16f},
      R{.kind = 1, .type = 0x6f, .limits = {.min = 1, .flags = 16}},
      R{.kind = 2, .limits = {.min = 65537}},
      R{.kind = 3, .type = 0},
      R{.kind = 3, .type = 0x7f, .is_mutable = 2},
  };
  for (const R& record : bad) ExpectCorruptArtifact(WithImport(record), "an import");
}

// Many records may name the same bytes: a file of half a megabyte must not become gigabytes.
TEST(HeaderCheck, CopiesAreLimited) {
  constexpr uint32_t kImports = 10000;
  constexpr uint32_t kSize = 192 + kImports * sizeof(abi::ImportRecord);
  std::vector<std::byte> file(kSize);
  ArtifactHeader header = {};
  std::memcpy(header.magic, abi::kMagic, sizeof(header.magic));
  header.abi_version = abi::kAbiVersion;
  header.header_size = sizeof(header);
  header.total_size = kSize;
  header.imports = {192, kImports};
  std::memcpy(file.data(), &header, sizeof(header));
  for (uint32_t i = 0; i < kImports; ++i) {
    const abi::ImportRecord record = {.module = {0, kSize}, .kind = 2};
    std::memcpy(file.data() + 192 + i * sizeof(record), &record, sizeof(record));
  }
  const ElfFacts elf = {.rodata = {.address = 0, .file_offset = 0, .size = kSize}, .header = 0};
  const auto facts = CheckHeader(file, elf, "guard.so");
  ASSERT_FALSE(facts);
  EXPECT_THAT(facts.error().message, HasSubstr("too long"));
}

TEST(HeaderCheck, Image) {
  using H = ArtifactHeader;
  ExpectCorruptHeader([](H& h) { h.image = 0; }, "image");
  ExpectCorruptHeader([](H& h) { h.image += 8; }, "image");
  ExpectCorruptHeader([](H& h) { h.image = INT32_MIN; }, "image");
  ExpectCorruptHeader([](H& h) { h.image_size = 2 * test::kPage; }, "image");
  ExpectCorruptHeader([](H& h) { h.image_size = 100; }, "image");
  const auto range = [](auto change) { return WithRecord<abi::ImageRange>(&H::image_ranges, change); };
  ExpectCorruptArtifact(range([](abi::ImageRange& r) { r.memory = 1; }), "image range");
  ExpectCorruptArtifact(range([](abi::ImageRange& r) { r.size = 2 * test::kPage; }), "image range");
  ExpectCorruptArtifact(range([](abi::ImageRange& r) { r.image_offset = test::kPage; }), "image range");
  ExpectCorruptArtifact(range([](abi::ImageRange& r) { r.image_offset = 0 - test::kPage; }), "image range");
  ExpectCorruptArtifact(range([](abi::ImageRange& r) { r.memory_offset = 65536; }), "outside the memory");
  ExpectCorruptArtifact(range([](abi::ImageRange& r) { r.memory_offset = 1; }), "image range");
}

TEST(HeaderCheck, SurvivesAnyBytes) {
  std::mt19937 random(1);
  const TestArtifact sound;
  for (int round = 0; round < 20000; ++round) {
    TestArtifact artifact = sound;
    for (unsigned changes = 1 + random() % 4; changes > 0; --changes) {
      artifact.bytes()[test::kHeaderAt + 8 + random() % 500] = std::byte(random() % 3 == 0 ? 0xff : random());
    }
    (void)CheckedHeader(artifact);
  }
}

}  // namespace
}  // namespace guardc::loader
