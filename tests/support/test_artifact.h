// A small artifact made by hand, byte by byte: valid as it comes, and easy to break in any one place. No compiler and
// no linker is needed. Its module exports one function "answer" of type () -> i32 and a memory of one page.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/abi.h"
#include "artifact/cache_store.h"
#include "artifact/manifest.h"
#include "base/hash.h"
#include "guardc/version.h"

namespace guardc::test {

// Where things are in the file (and, with the same offsets, in memory).
inline constexpr uint64_t kPage = 4096;
inline constexpr uint64_t kSegmentsAt = sizeof(Elf64_Ehdr);
inline constexpr uint64_t kSymbolsAt = 0x400;
inline constexpr uint64_t kHashAt = 0x500;
inline constexpr uint64_t kStringsAt = 0x600;
inline constexpr uint64_t kHeaderAt = 0x700;
inline constexpr uint64_t kListsAt = kHeaderAt + 256;
inline constexpr uint64_t kImageAt = 1 * kPage;
inline constexpr uint64_t kTextAt = 2 * kPage;
inline constexpr uint64_t kDynamicAt = 3 * kPage;
inline constexpr uint64_t kFileSize = 4 * kPage;

enum Segment { kPhdr, kRead, kText, kWrite, kDynamic, kRelro, kStack, kSegments };

class TestArtifact {
 public:
  TestArtifact() : bytes_(kFileSize) {
    WriteElf();
    WriteDynamic();
    WriteFacts();
  }

  template <class T>
  T Get(uint64_t offset) const {
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof(T));
    return value;
  }
  template <class T>
  void Put(uint64_t offset, const T& value) {
    std::memcpy(bytes_.data() + offset, &value, sizeof(T));
  }

  Elf64_Phdr segment(Segment i) const { return Get<Elf64_Phdr>(kSegmentsAt + i * sizeof(Elf64_Phdr)); }
  void set_segment(Segment i, const Elf64_Phdr& phdr) { Put(kSegmentsAt + i * sizeof(Elf64_Phdr), phdr); }
  abi::ArtifactHeader header() const { return Get<abi::ArtifactHeader>(kHeaderAt); }
  void set_header(const abi::ArtifactHeader& header) { Put(kHeaderAt, header); }
  // Puts one more entry before DT_NULL.
  void AddDynamic(int64_t tag, uint64_t value) {
    Put(kDynamicAt + dynamic_entries_++ * sizeof(Elf64_Dyn), Elf64_Dyn{.d_tag = tag, .d_un = {.d_val = value}});
  }

  std::vector<std::byte>& bytes() { return bytes_; }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  void PutText(uint64_t offset, std::string_view text) {
    std::memcpy(bytes_.data() + offset, text.data(), text.size());
  }

  void WriteElf() {
    Elf64_Ehdr header = {};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_DYN;
#if defined(__aarch64__)
    header.e_machine = EM_AARCH64;
    const uint32_t code[] = {0x52800540, 0xd65f03c0};  // mov w0, 42; ret
#else
    header.e_machine = EM_X86_64;
    const uint8_t code[] = {0xb8, 42, 0, 0, 0, 0xc3};  // mov eax, 42; ret
#endif
    header.e_version = EV_CURRENT;
    header.e_phoff = kSegmentsAt;
    header.e_ehsize = sizeof(Elf64_Ehdr);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = kSegments;
    Put(0, header);
    Put(kTextAt, code);

    const auto segment = [&](Segment i, uint32_t type, uint32_t flags, uint64_t at, uint64_t size, uint64_t align) {
      set_segment(i, {.p_type = type,
                      .p_flags = flags,
                      .p_offset = at,
                      .p_vaddr = at,
                      .p_paddr = at,
                      .p_filesz = size,
                      .p_memsz = size,
                      .p_align = align});
    };
    segment(kPhdr, PT_PHDR, PF_R, kSegmentsAt, kSegments * sizeof(Elf64_Phdr), 8);
    segment(kRead, PT_LOAD, PF_R, 0, kTextAt, kPage);
    segment(kText, PT_LOAD, PF_R | PF_X, kTextAt, kPage, kPage);
    segment(kWrite, PT_LOAD, PF_R | PF_W, kDynamicAt, kPage, kPage);
    segment(kDynamic, PT_DYNAMIC, PF_R | PF_W, kDynamicAt, 32 * sizeof(Elf64_Dyn), 8);
    segment(kRelro, PT_GNU_RELRO, PF_R, kDynamicAt, kPage, 1);
    segment(kStack, PT_GNU_STACK, PF_R | PF_W, 0, 0, 16);
  }

  void WriteDynamic() {
    PutText(kStringsAt, std::string_view("\0guardc_artifact\0answer\0", 24));
    Put(kSymbolsAt + sizeof(Elf64_Sym), Elf64_Sym{.st_name = 1,
                                                  .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
                                                  .st_other = STV_PROTECTED,
                                                  .st_shndx = 1,
                                                  .st_value = kHeaderAt,
                                                  .st_size = sizeof(abi::ArtifactHeader)});
    // One bucket, first symbol 1, one bloom word (all ones), shift 0; bucket 0 begins at 1; its chain ends there.
    const uint32_t hash[] = {1, 1, 1, 0, 0xffffffff, 0xffffffff, 1, GnuHash("guardc_artifact") | 1};
    Put(kHashAt, hash);
    AddDynamic(DT_STRTAB, kStringsAt);
    AddDynamic(DT_STRSZ, 24);
    AddDynamic(DT_SYMTAB, kSymbolsAt);
    AddDynamic(DT_SYMENT, sizeof(Elf64_Sym));
    AddDynamic(DT_GNU_HASH, kHashAt);
    AddDynamic(DT_FLAGS, DF_BIND_NOW);
  }

  void WriteFacts() {
    uint32_t at = kListsAt - kHeaderAt;  // offsets are from the header
    const auto list = [&](const auto& record) {
      Put(kHeaderAt + at, record);
      const abi::ListRef ref = {at, 1};
      at += (sizeof(record) + 7) / 8 * 8;
      return ref;
    };
    abi::ArtifactHeader header = {};
    std::memcpy(header.magic, abi::kMagic, sizeof(header.magic));
    header.abi_version = abi::kAbiVersion;
    header.header_size = sizeof(header);
    header.context_size = 65536;
    header.ctx_type_ids = 32;
    header.ctx_funcrefs = 40;
    header.ctx_memories = 64;
    PutText(kHeaderAt + at, std::string_view("\x7f"
                                             "answer"
                                             "tested",
                                             13));
    const uint32_t texts = at;
    at += 16;
    const int32_t code = static_cast<int32_t>(kTextAt - kHeaderAt);
    header.types =
        list(abi::TypeRecord{.val_types = texts, .param_count = 0, .result_count = 1, .entry = code, .host_thunk = 0});
    header.funcrefs = list(abi::FuncRefRecord{.code = code, .type = 0, .function = 0});
    header.memories =
        list(abi::MemoryRecord{.flags = 0, .reserved = 0, .limits = {.min = 1, .max = 2, .flags = 1, .reserved = 0}});
    header.exports = list(abi::ExportRecord{.name = {texts + 1, 6}, .kind = 0, .index = 0});
    header.functions =
        list(abi::FunctionRecord{.code = code, .function = 0, .name = {texts + 1, 6}, .module_offset = 30});
    header.image_ranges =
        list(abi::ImageRange{.memory = 0, .reserved = 0, .memory_offset = 0, .image_offset = 0, .size = kPage});
    header.image = static_cast<int32_t>(kImageAt - kHeaderAt);
    header.image_size = kPage;
    header.module_name = {texts + 7, 6};
    header.total_size = at;
    PutText(kImageAt, "initial memory");
    set_header(header);
  }

  static uint32_t GnuHash(std::string_view name) {
    uint32_t hash = 5381;
    for (const char c : name) hash = hash * 33 + static_cast<unsigned char>(c);
    return hash;
  }

  std::vector<std::byte> bytes_;
  uint64_t dynamic_entries_ = 0;
};

inline std::string HostArchitecture() {
#if defined(__aarch64__)
  return "aarch64";
#else
  return "x86_64";
#endif
}

// An identity that this machine can run.
inline artifact::Identity TestIdentity(std::string_view wasm = "a module") {
  return {.wasm_sha256 = Sha256Of(wasm).Hex(),
          .guardc_version = std::string(kVersion),
          .llvm_version = "19.1.7",
          .abi_version = abi::kAbiVersion,
          .target = {.triple = HostArchitecture() + "-unknown-linux-gnu", .cpu = "generic", .features = {}},
          .options = {}};
}

inline artifact::Payload TestPayload(const artifact::Identity& identity, const std::vector<std::byte>& object) {
  return artifact::MakePayload(identity, "tested", 8, object,
                               {.imports = {},
                                .exports = {{"answer", ExternKind::kFunc, "func () -> i32"}},
                                .memories = {Limits{.min = 1, .max = 2}},
                                .tables = {{ValType::kFuncRef, Limits{.min = 3}}},
                                .counts = {}});
}

}  // namespace guardc::test
