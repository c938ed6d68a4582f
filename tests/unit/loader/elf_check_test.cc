#include "loader/elf_check.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "tests/support/test_artifact.h"

namespace guardc::loader {
namespace {

using test::TestArtifact;
using ::testing::HasSubstr;

Result<ElfFacts> Check(const TestArtifact& artifact) { return CheckElf(artifact.bytes(), "guard.so"); }

TEST(ElfCheck, AcceptsASoundArtifact) {
  const TestArtifact artifact;
  const auto facts = Check(artifact);
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->text.address, test::kTextAt);
  EXPECT_EQ(facts->text.size, test::kPage);
  EXPECT_EQ(facts->header, test::kHeaderAt);
  EXPECT_EQ(facts->rodata.size, test::kTextAt);
  EXPECT_EQ(facts->eh_frame_hdr.size, 0u);
}

void ExpectCorrupt(const TestArtifact& artifact, const char* message) {
  const auto facts = Check(artifact);
  ASSERT_FALSE(facts) << message;
  EXPECT_EQ(facts.error().kind, ErrorKind::kCorruptArtifact);
  EXPECT_THAT(facts.error().message, HasSubstr(message));
}

TEST(ElfCheck, FileHeader) {
  TestArtifact artifact;
  auto header = artifact.Get<Elf64_Ehdr>(0);
  const auto with = [&](auto change) {
    TestArtifact changed = artifact;
    Elf64_Ehdr copy = header;
    change(copy);
    changed.Put(0, copy);
    return changed;
  };
  ExpectCorrupt(with([](Elf64_Ehdr& h) { h.e_ident[0] = 0; }), "not an ELF file");
  ExpectCorrupt(with([](Elf64_Ehdr& h) { h.e_type = ET_EXEC; }), "not a shared object");
  ExpectCorrupt(with([](Elf64_Ehdr& h) { h.e_version = 2; }), "version");
  ExpectCorrupt(with([](Elf64_Ehdr& h) { h.e_ident[EI_OSABI] = 3; }), "OS ABI");
  ExpectCorrupt(with([](Elf64_Ehdr& h) { h.e_phnum = 0; }), "program headers");
  ExpectCorrupt(with([](Elf64_Ehdr& h) { h.e_phnum = 1000; }), "program headers");
  ExpectCorrupt(with([](Elf64_Ehdr& h) { h.e_phoff = UINT64_MAX - 7; }), "program headers");
  ExpectCorrupt(with([](Elf64_Ehdr& h) { h.e_phentsize = 32; }), "program headers");
}

TEST(ElfCheck, OtherArchitecturesAreIncompatible) {
  for (const uint16_t machine : {uint16_t{EM_RISCV}, uint16_t{EM_386}}) {
    TestArtifact artifact;
    auto header = artifact.Get<Elf64_Ehdr>(0);
    header.e_machine = machine;
    artifact.Put(0, header);
    EXPECT_EQ(Check(artifact).error().kind, ErrorKind::kIncompatibleArtifact);
  }
  TestArtifact artifact;
  artifact.Put<uint8_t>(EI_CLASS, ELFCLASS32);
  EXPECT_EQ(Check(artifact).error().kind, ErrorKind::kIncompatibleArtifact);
}

TestArtifact WithSegment(test::Segment segment, const std::function<void(Elf64_Phdr&)>& change) {
  TestArtifact artifact;
  Elf64_Phdr phdr = artifact.segment(segment);
  change(phdr);
  artifact.set_segment(segment, phdr);
  return artifact;
}

TEST(ElfCheck, Segments) {
  using P = Elf64_Phdr;
  ExpectCorrupt(WithSegment(test::kText, [](P& p) { p.p_flags = PF_R | PF_W | PF_X; }), "writable and executable");
  ExpectCorrupt(WithSegment(test::kRead, [](P& p) { p.p_flags = PF_R | PF_X; }), "two executable");
  ExpectCorrupt(WithSegment(test::kText, [](P& p) { p.p_flags = PF_R; }), "no executable segment");
  ExpectCorrupt(WithSegment(test::kText, [](P& p) { p.p_filesz = p.p_memsz = 2 * test::kPage; }), "overlap");
  ExpectCorrupt(WithSegment(test::kText, [](P& p) { p.p_filesz = 10; }), "executable segment shares pages");
  ExpectCorrupt(WithSegment(test::kText, [](P& p) { p.p_offset += 8, p.p_vaddr += 8, p.p_filesz = p.p_memsz = 8; }),
                "executable segment shares pages");
  ExpectCorrupt(WithSegment(test::kText, [](P& p) { p.p_vaddr += 8; }), "not aligned");
  ExpectCorrupt(WithSegment(test::kText, [](P& p) { p.p_align = 3; }), "not aligned");
  ExpectCorrupt(WithSegment(test::kWrite, [](P& p) { p.p_filesz = p.p_memsz = 2 * test::kPage; }), "after the file");
  ExpectCorrupt(WithSegment(test::kWrite, [](P& p) { p.p_offset = UINT64_MAX - test::kPage + 1; }), "after the file");
  ExpectCorrupt(WithSegment(test::kWrite, [](P& p) { p.p_vaddr = uint64_t{1} << 63; }), "size or address");
  ExpectCorrupt(WithSegment(test::kWrite, [](P& p) { p.p_memsz = uint64_t{1} << 40; }), "size or address");
  ExpectCorrupt(WithSegment(test::kWrite, [](P& p) { p.p_memsz = 10; }), "size or address");
  ExpectCorrupt(WithSegment(test::kWrite, [](P& p) { p.p_memsz = 2 * test::kPage; }), "writable data");
  ExpectCorrupt(WithSegment(test::kRelro, [](P& p) { p.p_filesz = p.p_memsz = test::kPage - 8; }), "writable data");
  ExpectCorrupt(WithSegment(test::kRelro, [](P& p) { p.p_type = PT_NULL; }), "writable data");
  ExpectCorrupt(WithSegment(test::kRelro, [](P& p) { p.p_vaddr = 0, p.p_memsz = 4 * test::kPage; }), "relro");
  ExpectCorrupt(WithSegment(test::kStack, [](P& p) { p.p_flags |= PF_X; }), "executable stack");
  ExpectCorrupt(WithSegment(test::kStack, [](P& p) { p.p_type = PT_NULL; }), "stack is not executable");
  ExpectCorrupt(WithSegment(test::kStack, [](P& p) { p.p_type = PT_INTERP; }), "segment of type 3");
  ExpectCorrupt(WithSegment(test::kStack, [](P& p) { p.p_type = PT_TLS; }), "segment of type 7");
  ExpectCorrupt(WithSegment(test::kStack, [](P& p) { p.p_type = PT_NOTE; }), "segment of type 4");
  ExpectCorrupt(WithSegment(test::kDynamic, [](P& p) { p.p_type = PT_NULL; }), "no dynamic section");
  ExpectCorrupt(WithSegment(test::kDynamic, [](P& p) { p.p_vaddr += 16; }), "dynamic section is malformed");
  ExpectCorrupt(WithSegment(test::kDynamic, [](P& p) { p.p_filesz = p.p_memsz = 2 * sizeof(Elf64_Dyn); }),
                "does not end");
  ExpectCorrupt(WithSegment(test::kPhdr, [](P& p) { p.p_vaddr += 8; }), "program headers are not loaded");
}

TEST(ElfCheck, DynamicSection) {
  const std::pair<int64_t, const char*> refused[] = {
      {DT_NEEDED, "needs a library"},
      {DT_INIT, "constructors"},
      {DT_FINI, "constructors"},
      {DT_INIT_ARRAY, "constructors"},
      {DT_FINI_ARRAY, "constructors"},
      {DT_PREINIT_ARRAY, "constructors"},
      {DT_TEXTREL, "relocations in its code"},
      {DT_JMPREL, "entry 23"},
      {DT_SONAME, "entry 14"},
      {DT_RUNPATH, "entry 29"},
      {DT_RPATH, "entry 15"},
      {DT_VERNEED, "which no artifact needs"},
      {DT_AUXILIARY, "which no artifact needs"},
      {DT_FILTER, "which no artifact needs"},
      {DT_SYMTAB, "twice"},
      {DT_FLAGS, "flag"},
      {DT_FLAGS_1, "flag"},
      {DT_SYMENT, "entry size"},
      {DT_RELACOUNT, "relocations"},
      {DT_RELA, "incomplete"},
  };
  for (const auto& [tag, message] : refused) {
    TestArtifact artifact;
    artifact.AddDynamic(tag, DF_STATIC_TLS | 0x80);
    ExpectCorrupt(artifact, message);
  }
}

TEST(ElfCheck, Relocations) {
  constexpr uint64_t kTableAt = test::kDynamicAt + 0x400, kWordAt = test::kDynamicAt + 0x800;
#if defined(__aarch64__)
  constexpr uint64_t kRelative = R_AARCH64_RELATIVE, kAbsolute = R_AARCH64_ABS64;
#else
  constexpr uint64_t kRelative = R_X86_64_RELATIVE, kAbsolute = R_X86_64_64;
#endif
  const auto with = [&](Elf64_Rela rela, uint64_t size = sizeof(Elf64_Rela)) {
    TestArtifact artifact;
    artifact.Put(kTableAt, rela);
    artifact.AddDynamic(DT_RELA, kTableAt);
    artifact.AddDynamic(DT_RELASZ, size);
    artifact.AddDynamic(DT_RELAENT, sizeof(Elf64_Rela));
    artifact.AddDynamic(DT_RELACOUNT, 1);
    return artifact;
  };
  const auto good = Check(with({.r_offset = kWordAt, .r_info = kRelative, .r_addend = 0}));
  EXPECT_TRUE(good) << good.error().message;
  ExpectCorrupt(with({.r_offset = kWordAt, .r_info = kAbsolute, .r_addend = 0}), "names a symbol");
  ExpectCorrupt(with({.r_offset = kWordAt, .r_info = ELF64_R_INFO(1, kRelative), .r_addend = 0}), "names a symbol");
  ExpectCorrupt(with({.r_offset = test::kTextAt, .r_info = kRelative, .r_addend = 0}), "may not write");
  ExpectCorrupt(with({.r_offset = kWordAt + 4, .r_info = kRelative, .r_addend = 0}), "may not write");
  ExpectCorrupt(with({.r_offset = test::kFileSize - 4, .r_info = kRelative, .r_addend = 0}), "may not write");
  ExpectCorrupt(with({.r_offset = UINT64_MAX - 3, .r_info = kRelative, .r_addend = 0}), "may not write");
  ExpectCorrupt(with({.r_offset = kWordAt, .r_info = kRelative, .r_addend = 0}, 20), "malformed");
  ExpectCorrupt(with({.r_offset = kWordAt, .r_info = kRelative, .r_addend = 0}, 0), "malformed");
  ExpectCorrupt(with({.r_offset = kWordAt, .r_info = kRelative, .r_addend = 0}, 24 << 20), "malformed");

  const auto with_relr = [&](uint64_t first, uint64_t second) {
    TestArtifact artifact;
    artifact.Put(kTableAt, first);
    artifact.Put(kTableAt + 8, second);
    artifact.AddDynamic(36, kTableAt);
    artifact.AddDynamic(35, 16);
    artifact.AddDynamic(37, 8);
    return artifact;
  };
  const auto packed = Check(with_relr(kWordAt, 0x7));
  EXPECT_TRUE(packed) << packed.error().message;
  ExpectCorrupt(with_relr(0x3, 0x3), "malformed");
  ExpectCorrupt(with_relr(kWordAt, test::kTextAt), "may not write");
  ExpectCorrupt(with_relr(test::kFileSize - 8, 0x3), "may not write");
}

TEST(ElfCheck, Symbols) {
  constexpr uint64_t kSymbol = test::kSymbolsAt + sizeof(Elf64_Sym);
  const auto with = [&](auto change) {
    TestArtifact artifact;
    auto symbol = artifact.Get<Elf64_Sym>(kSymbol);
    change(symbol);
    artifact.Put(kSymbol, symbol);
    return artifact;
  };
  ExpectCorrupt(with([](Elf64_Sym& s) { s.st_shndx = SHN_UNDEF; }), "needs the symbol \"guardc_artifact\"");
  ExpectCorrupt(with([](Elf64_Sym& s) { s.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_GNU_IFUNC); }), "symbol of a type");
  ExpectCorrupt(with([](Elf64_Sym& s) { s.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_TLS); }), "symbol of a type");
  ExpectCorrupt(with([](Elf64_Sym& s) { s.st_name = 17; }), "has no symbol \"guardc_artifact\"");
  ExpectCorrupt(with([](Elf64_Sym& s) { s.st_name = 24; }), "symbol names");
  ExpectCorrupt(with([](Elf64_Sym& s) { s.st_value = test::kTextAt; }), "not in read-only data");
  ExpectCorrupt(with([](Elf64_Sym& s) { s.st_value = test::kDynamicAt; }), "not in read-only data");
  ExpectCorrupt(with([](Elf64_Sym& s) { s.st_value = test::kTextAt - 8; }), "not in read-only data");
  ExpectCorrupt(with([](Elf64_Sym& s) { s.st_value = UINT64_MAX - 8; }), "not in read-only data");
}

TEST(ElfCheck, SymbolHash) {
  const auto with = [&](uint64_t word, uint32_t value) {
    TestArtifact artifact;
    artifact.Put(test::kHashAt + 4 * word, value);
    return artifact;
  };
  ExpectCorrupt(with(0, 0), "symbol hash");           // no buckets
  ExpectCorrupt(with(0, 0xffffffff), "symbol hash");  // more buckets than bytes
  ExpectCorrupt(with(2, 0), "symbol hash");           // bloom words
  ExpectCorrupt(with(2, 3), "symbol hash");           // no power of two: the dynamic linker would abort
  ExpectCorrupt(with(2, 0x80000000), "symbol hash");
  ExpectCorrupt(with(1, 2), "symbol hash");           // a bucket before the first symbol
  ExpectCorrupt(with(6, 0xffffffff), "symbol hash");  // a chain outside the file
}

// Whatever the bytes, the check ends and reads only the file (the sanitizers watch).
TEST(ElfCheck, SurvivesAnyBytes) {
  std::mt19937 random(1);
  const TestArtifact sound;
  const uint64_t interesting[][2] = {
      {0, 64}, {64, 400}, {test::kSymbolsAt, 48}, {test::kHashAt, 32}, {test::kDynamicAt, 112}};
  for (int round = 0; round < 20000; ++round) {
    TestArtifact artifact = sound;
    for (unsigned changes = 1 + random() % 4; changes > 0; --changes) {
      const auto& [start, size] = interesting[random() % std::size(interesting)];
      const uint64_t at = start + random() % size;
      artifact.bytes()[at] = std::byte(random() % 3 == 0 ? 0xff : random());
    }
    (void)Check(artifact);
  }
  for (size_t size = 0; size < sound.bytes().size(); size += 1 + size / 16) {
    EXPECT_FALSE(CheckElf(std::span(sound.bytes()).first(size), "guard.so"));
  }
}

}  // namespace
}  // namespace guardc::loader
