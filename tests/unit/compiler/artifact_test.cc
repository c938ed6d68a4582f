// The whole route: what an artifact is made of, and that it is always the same.
#include <elf.h>
#include <gmock/gmock.h>

#include <cstring>
#include <optional>

#include "artifact/abi.h"
#include "guardc/compile.h"
#include "tests/unit/compiler/wat.h"

namespace guardc {
namespace {

using testing::HasSubstr;

constexpr const char kExtra[] = R"(
  (import "env" "host_log" (func $log (param i32 i32 i32)))
  (table 4 funcref) (elem (i32.const 1) $twice $log) (global $g (mut i64) (i64.const 5))
  (data (i32.const 4096) "hello") (data $p "passive")
  (func $twice (param i32) (result i32) (i32.add (local.get 0) (local.get 0)))
  (func $never (param i32) (result i32) (i32.const 1))
  (func (export "run") (param i32) (result i32)
    (memory.fill (i32.const 0) (i32.const 1) (local.get 0))
    (memory.copy (i32.const 64) (i32.const 0) (local.get 0))
    (memory.init $p (i32.const 0) (i32.const 0) (i32.const 7))
    (call $log (i32.const 1) (i32.const 0) (i32.const 5))
    (call_indirect (param i32) (result i32) (call $twice (local.get 0)) (i32.const 1))))";

CompiledModule MustCompile(std::span<const std::byte> wasm, const CompileOptions& options, Emit emit) {
  auto compiled = Compile(wasm, options, emit);
  EXPECT_TRUE(compiled.has_value()) << compiled.error().message;
  return compiled ? std::move(*compiled) : CompiledModule{};
}

// As much of ELF as these tests ask for. The artifact is ours: no checks.
class Elf {
 public:
  explicit Elf(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}

  template <class T>
  const T* At(uint64_t offset) const {
    return reinterpret_cast<const T*>(bytes_.data() + offset);
  }
  const Elf64_Ehdr& header() const { return *At<Elf64_Ehdr>(0); }
  std::span<const Elf64_Phdr> segments() const { return {At<Elf64_Phdr>(header().e_phoff), header().e_phnum}; }
  std::span<const Elf64_Shdr> sections() const { return {At<Elf64_Shdr>(header().e_shoff), header().e_shnum}; }
  const char* SectionName(const Elf64_Shdr& s) const {
    return At<char>(sections()[header().e_shstrndx].sh_offset + s.sh_name);
  }
  const Elf64_Shdr* Section(std::string_view name) const {
    for (const Elf64_Shdr& s : sections()) {
      if (SectionName(s) == name) return &s;
    }
    return nullptr;
  }
  std::span<const Elf64_Sym> Symbols(const Elf64_Shdr& s) const {
    return {At<Elf64_Sym>(s.sh_offset), s.sh_size / sizeof(Elf64_Sym)};
  }
  const char* SymbolName(const Elf64_Shdr& table, const Elf64_Sym& symbol) const {
    return At<char>(sections()[table.sh_link].sh_offset + symbol.st_name);
  }
  // File offset of the artifact's header. Sections before the first writable one are mapped where they lie.
  uint64_t ArtifactOffset() const {
    const Elf64_Shdr& dynsym = *Section(".dynsym");
    const Elf64_Sym& symbol = Symbols(dynsym)[1];
    for (const Elf64_Phdr& p : segments()) {
      if (p.p_type == PT_LOAD && symbol.st_value >= p.p_vaddr && symbol.st_value < p.p_vaddr + p.p_filesz) {
        return symbol.st_value - p.p_vaddr + p.p_offset;
      }
    }
    return 0;
  }

 private:
  std::vector<std::byte> bytes_;
};

class ArtifactTest : public testing::TestWithParam<const char*> {
 protected:
  static Elf CompileElf() {
    CompileOptions options;
    options.target = GetParam();
    return Elf(MustCompile(test::Guard(kExtra), options, Emit::kSharedObject).bytes);
  }
};

TEST_P(ArtifactTest, ImportsNothingAndWritesNothing) {
  const Elf elf = CompileElf();
  uint64_t relro_begin = 0;
  uint64_t relro_end = 0;
  for (const Elf64_Phdr& p : elf.segments()) {
    if (p.p_type == PT_GNU_RELRO) {
      relro_begin = p.p_vaddr;
      relro_end = p.p_vaddr + p.p_memsz;
    }
    if (p.p_type == PT_GNU_STACK) {
      EXPECT_EQ(p.p_flags & PF_X, 0u);
    }
  }
  for (const Elf64_Phdr& p : elf.segments()) {
    if (p.p_type != PT_LOAD) continue;
    EXPECT_FALSE((p.p_flags & PF_W) != 0 && (p.p_flags & PF_X) != 0);
    if ((p.p_flags & PF_W) != 0) {
      EXPECT_GE(p.p_vaddr, relro_begin);
      EXPECT_LE(p.p_vaddr + p.p_memsz, relro_end);
    }
  }
  for (const Elf64_Shdr& s : elf.sections()) {
    EXPECT_NE(s.sh_type, SHT_INIT_ARRAY);
    EXPECT_NE(s.sh_type, SHT_FINI_ARRAY);
    EXPECT_FALSE((s.sh_type == SHT_REL || s.sh_type == SHT_RELA) && s.sh_size > 0) << elf.SectionName(s);
    if (s.sh_type == SHT_DYNAMIC) {
      for (uint64_t i = 0; i < s.sh_size / sizeof(Elf64_Dyn); ++i) {
        const auto tag = elf.At<Elf64_Dyn>(s.sh_offset)[i].d_tag;
        EXPECT_NE(tag, DT_NEEDED);
        EXPECT_NE(tag, DT_TEXTREL);
        EXPECT_NE(tag, DT_INIT);
      }
    }
  }
  const Elf64_Shdr* dynsym = elf.Section(".dynsym");
  ASSERT_NE(dynsym, nullptr);
  ASSERT_EQ(elf.Symbols(*dynsym).size(), 2u);
  EXPECT_STREQ(elf.SymbolName(*dynsym, elf.Symbols(*dynsym)[1]), abi::kArtifactSymbol);
  EXPECT_NE(elf.Symbols(*dynsym)[1].st_shndx, SHN_UNDEF);
  EXPECT_NE(elf.Section(".eh_frame_hdr"), nullptr);
}

TEST_P(ArtifactTest, HoldsTheImageOnAPage) {
  const Elf elf = CompileElf();
  const Elf64_Shdr* image = elf.Section(abi::kImageSection);
  ASSERT_NE(image, nullptr);
  const uint64_t page = elf.header().e_machine == EM_AARCH64 ? 65536 : 4096;
  EXPECT_EQ(image->sh_offset % page, 0u);
  EXPECT_EQ(image->sh_addr % page, 0u);
  EXPECT_EQ(image->sh_size, page);
  EXPECT_EQ(std::memcmp(elf.At<char>(image->sh_offset) + 4096 % page, "hello", 5), 0);
}

TEST_P(ArtifactTest, HoldsTheFacts) {
  const Elf elf = CompileElf();
  const uint64_t at = elf.ArtifactOffset();
  const auto& header = *elf.At<abi::ArtifactHeader>(at);
  EXPECT_EQ(std::memcmp(header.magic, abi::kMagic, 8), 0);
  EXPECT_EQ(header.abi_version, abi::kAbiVersion);
  EXPECT_EQ(header.header_size, sizeof(header));
  EXPECT_EQ(header.imports.count, 1u);
  EXPECT_EQ(header.memories.count, 1u);
  EXPECT_EQ(header.exports.count, 5u);
  EXPECT_EQ(header.image_ranges.count, 1u);
  ASSERT_EQ(header.data_sizes.count, 2u);
  EXPECT_EQ(elf.At<uint32_t>(at + header.data_sizes.offset)[0], 0u) << "in the image";
  EXPECT_EQ(elf.At<uint32_t>(at + header.data_sizes.offset)[1], 7u);
  const auto* functions = elf.At<abi::FunctionRecord>(at + header.functions.offset);
  ASSERT_EQ(header.functions.count, 6u);
  EXPECT_EQ(functions[0].function, 1u);
  EXPECT_NE(functions[0].code, 0) << "in the table";
  EXPECT_EQ(functions[1].code, 0) << "never called";
  EXPECT_EQ(std::string(elf.At<char>(at + functions[2].name.offset), functions[2].name.size), "run");
  const auto* export0 = elf.At<abi::ExportRecord>(at + header.exports.offset);
  EXPECT_EQ(std::string(elf.At<char>(at + export0->name.offset), export0->name.size), "run");
}

TEST_P(ArtifactTest, NamesFunctionsForTools) {
  const Elf elf = CompileElf();
  const Elf64_Shdr* symtab = elf.Section(".symtab");
  ASSERT_NE(symtab, nullptr);
  std::vector<std::string> names;
  for (const Elf64_Sym& symbol : elf.Symbols(*symtab)) names.emplace_back(elf.SymbolName(*symtab, symbol));
  EXPECT_THAT(names, testing::Contains(HasSubstr("run")));
  EXPECT_THAT(names, testing::Not(testing::Contains(testing::StartsWith(".L"))));
}

INSTANTIATE_TEST_SUITE_P(Targets, ArtifactTest, testing::Values("x86_64-linux-gnu", "aarch64-linux-gnu"),
                         [](const auto& target) { return std::string(target.param).substr(0, 6); });

TEST(Compile, JobsDoNotChangeTheBytes) {
  std::string many(kExtra);
  for (int i = 0; i < 40; ++i) {
    many += "(func $f" + std::to_string(i) + " (param i32) (result i32) (call $twice (local.get 0))";
    for (int k = 0; k < 500; ++k) many += "(i32.mul (i32.const " + std::to_string(i * k + 3) + "))";
    many += ")(export \"f" + std::to_string(i) + "\" (func $f" + std::to_string(i) + "))";
  }
  const auto wasm = test::Guard(many);
  CompileOptions options;
  options.jobs = 1;
  const auto one = MustCompile(wasm, options, Emit::kSharedObject);
  options.jobs = 4;
  const auto four = MustCompile(wasm, options, Emit::kSharedObject);
  EXPECT_EQ(one.bytes, four.bytes);
  EXPECT_EQ(one.manifest, four.manifest);
  EXPECT_EQ(one.description, four.description);
}

TEST(Compile, EveryLevelAndMode) {
  const auto wasm = test::Guard(kExtra);
  for (int level = 0; level <= 3; ++level) {
    for (int mode = 0; mode < 4; ++mode) {
      CompileOptions options;
      options.opt_level = level;
      options.bounds_checks = mode == 1;
      options.strict_traps = mode == 2;
      options.canonical_nans = mode == 3;
      EXPECT_FALSE(MustCompile(wasm, options, Emit::kSharedObject).bytes.empty());
    }
  }
}

TEST(Compile, EmitsText) {
  const auto ir = MustCompile(test::Guard(kExtra), {}, Emit::kLlvmIr);
  const std::string_view text(reinterpret_cast<const char*>(ir.bytes.data()), ir.bytes.size());
  EXPECT_THAT(text, testing::StartsWith("; ModuleID"));
  EXPECT_THAT(text, HasSubstr("swiftself"));
  const auto assembly = MustCompile(test::Guard(kExtra), {}, Emit::kAssembly);
  EXPECT_THAT(std::string_view(reinterpret_cast<const char*>(assembly.bytes.data()), assembly.bytes.size()),
              HasSubstr(".text"));
  const auto object = MustCompile(test::Guard(kExtra), {}, Emit::kObject);
  EXPECT_EQ(Elf(object.bytes).header().e_type, ET_REL);
}

// What is for hot loops alone runs where a loop calls nothing, whatever is around it.
TEST(Compile, VectorisesALoopWithCallsAroundIt) {
  const auto ir = MustCompile(test::Guard(R"(
    (import "env" "host_log" (func $log (param i32 i32 i32)))
    (func (export "sum") (param $p i32) (param $n i32) (result i32) (local $sum i32)
      (call $log (i32.const 1) (i32.const 0) (i32.const 5))
      (loop $next
        (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $p))))
        (local.set $p (i32.add (local.get $p) (i32.const 4)))
        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (call $log (i32.const 1) (i32.const 0) (i32.const 5))
      (local.get $sum)))"),
                              {}, Emit::kLlvmIr);
  EXPECT_THAT(std::string_view(reinterpret_cast<const char*>(ir.bytes.data()), ir.bytes.size()),
              HasSubstr("add <4 x i32>"));
}

TEST(Compile, EmptyModule) {
  CompileOptions options;
  EXPECT_FALSE(Compile(test::Wat("(module)"), options).has_value());
  options.profile = Profile::kWasi;
  EXPECT_FALSE(MustCompile(test::Wat("(module)"), options, Emit::kSharedObject).bytes.empty());
}

TEST(Compile, BadOptions) {
  CompileOptions options;
  options.opt_level = 4;
  const auto result = Compile(test::Guard(), options);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace guardc
