// See elf_check.h. The bytes are untrusted: every offset is checked before it is followed, sums are checked for
// overflow by comparing with what is left, and what is not known to be harmless is refused.
#include "loader/elf_check.h"

#include <elf.h>

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "artifact/abi.h"

namespace guardc::loader {

namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kMaxSegments = 32;
constexpr uint64_t kMaxAddress = uint64_t{1} << 32;  // code refers to data by 32 bits

#if defined(__x86_64__)
constexpr uint16_t kMachine = EM_X86_64;
constexpr uint32_t kRelativeRelocation = R_X86_64_RELATIVE;
#elif defined(__aarch64__)
constexpr uint16_t kMachine = EM_AARCH64;
constexpr uint32_t kRelativeRelocation = R_AARCH64_RELATIVE;
#else
#error "guardc runs on x86-64 and aarch64"
#endif

// glibc 2.36 and its elf.h know these; older headers do not.
constexpr int64_t kDtRelrSize = 35, kDtRelr = 36, kDtRelrEntry = 37;

std::string MachineName(uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "aarch64";
    default:
      return "machine " + std::to_string(machine);
  }
}

constexpr uint64_t AlignDown(uint64_t value) { return value & ~(kPage - 1); }
constexpr uint64_t AlignUp(uint64_t value) { return AlignDown(value + kPage - 1); }
// [start, start + size) inside [outer, outer + outer_size), without overflow.
constexpr bool Inside(uint64_t start, uint64_t size, uint64_t outer, uint64_t outer_size) {
  return start >= outer && size <= outer_size && start - outer <= outer_size - size;
}

class ElfChecker {
 public:
  ElfChecker(std::span<const std::byte> file, std::string_view name) : file_(file), name_(name) {}

  Result<ElfFacts> Check() {
    GUARDC_CHECK(CheckFileHeader());
    GUARDC_CHECK(CheckSegments());
    GUARDC_CHECK(CheckWritableIsRelro());
    GUARDC_CHECK(ReadDynamic());
    GUARDC_CHECK(CheckRelocations());
    GUARDC_CHECK(CheckSymbols());
    return facts_;
  }

 private:
  std::unexpected<Error> Bad(std::string_view what) const {
    return Fail(ErrorKind::kCorruptArtifact,
                std::string(name_) + ": " + std::string(what) + ": compile the module again");
  }

  // A copy of T at a file offset; the bytes have no particular alignment.
  template <class T>
  std::optional<T> Read(uint64_t offset) const {
    if (!Inside(offset, sizeof(T), 0, file_.size())) return std::nullopt;
    T value;
    std::memcpy(&value, file_.data() + offset, sizeof(T));
    return value;
  }

  // Bytes of the file that are mapped at an address, if one loaded segment holds them all.
  std::optional<std::span<const std::byte>> AtAddress(uint64_t address, uint64_t size) const {
    for (const Elf64_Phdr& load : loads_) {
      if (Inside(address, size, load.p_vaddr, load.p_filesz)) {
        return file_.subspan(load.p_offset + (address - load.p_vaddr), size);
      }
    }
    return std::nullopt;
  }
  template <class T>
  static T At(std::span<const std::byte> table, uint64_t index) {
    T value;
    std::memcpy(&value, table.data() + index * sizeof(T), sizeof(T));
    return value;
  }

  Result<void> CheckFileHeader() {
    const auto header = Read<Elf64_Ehdr>(0);
    if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return Bad("it is not an ELF file");
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB) {
      return Fail(ErrorKind::kIncompatibleArtifact, std::string(name_) + " is for another architecture, expected " +
                                                        MachineName(kMachine) + ": compile the module for this one");
    }
    if (header->e_machine != kMachine) {
      return Fail(ErrorKind::kIncompatibleArtifact, std::string(name_) + " is for " + MachineName(header->e_machine) +
                                                        ", this machine is " + MachineName(kMachine) +
                                                        ": compile the module for this one");
    }
    if (header->e_ident[EI_VERSION] != EV_CURRENT || header->e_version != EV_CURRENT) return Bad("its ELF version");
    if (header->e_ident[EI_OSABI] != ELFOSABI_NONE || header->e_ident[EI_ABIVERSION] != 0) return Bad("its ELF OS ABI");
    if (header->e_type != ET_DYN) return Bad("it is not a shared object");
    if (header->e_ehsize != sizeof(Elf64_Ehdr) || header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum == 0 ||
        header->e_phnum > kMaxSegments ||
        !Inside(header->e_phoff, header->e_phnum * sizeof(Elf64_Phdr), 0, file_.size()) || header->e_phoff % 8 != 0) {
      return Bad("its program headers are malformed");
    }
    header_offset_ = header->e_phoff;
    for (uint16_t i = 0; i < header->e_phnum; ++i) {
      segments_.push_back(*Read<Elf64_Phdr>(header->e_phoff + i * sizeof(Elf64_Phdr)));
    }
    return {};
  }

  Result<void> CheckSegments() {
    bool has_stack = false;
    for (const Elf64_Phdr& segment : segments_) {
      if (!Inside(segment.p_offset, segment.p_filesz, 0, file_.size())) return Bad("a segment ends after the file");
      if (segment.p_vaddr > kMaxAddress || segment.p_memsz > kMaxAddress || segment.p_filesz > segment.p_memsz) {
        return Bad("the size or address of a segment is malformed");
      }
      switch (segment.p_type) {
        case PT_LOAD:
          GUARDC_CHECK(CheckLoad(segment));
          break;
        case PT_DYNAMIC:
          if (dynamic_.p_type == PT_DYNAMIC) return Bad("it has two dynamic sections");
          dynamic_ = segment;
          break;
        case PT_GNU_RELRO:
          if (relro_.p_type == PT_GNU_RELRO) return Bad("it has two relro segments");
          relro_ = segment;
          break;
        case PT_GNU_STACK:
          if ((segment.p_flags & PF_X) != 0) return Bad("it asks for an executable stack");
          has_stack = true;
          break;
        case PT_GNU_EH_FRAME:
          facts_.eh_frame_hdr = {segment.p_vaddr, segment.p_offset, segment.p_filesz};
          break;
        case PT_PHDR:
          phdr_ = segment;
          break;
        case PT_NULL:
          break;
        default:  // PT_INTERP, PT_TLS, PT_NOTE, ...
          return Bad("it has a segment of type " + std::to_string(segment.p_type) + ", which no artifact needs");
      }
    }
    // Without the note, the dynamic linker would make all stacks executable.
    if (!has_stack) return Bad("it does not say that its stack is not executable");
    if (facts_.text.size == 0) return Bad("it has no executable segment");
    if (dynamic_.p_type != PT_DYNAMIC) return Bad("it has no dynamic section");
    if (phdr_.p_type == PT_PHDR) {
      // Unwinders take the program headers from where this says.
      const uint64_t size = segments_.size() * sizeof(Elf64_Phdr);
      const auto bytes = AtAddress(phdr_.p_vaddr, size);
      if (!bytes || bytes->data() != file_.data() + header_offset_) return Bad("its program headers are not loaded");
    }
    const ElfRange& eh = facts_.eh_frame_hdr;
    if (eh.size != 0) {
      const auto bytes = AtAddress(eh.address, eh.size);
      if (!bytes || bytes->data() != file_.data() + eh.file_offset) return Bad("its .eh_frame_hdr is not loaded");
    }
    return {};
  }

  Result<void> CheckLoad(const Elf64_Phdr& load) {
    if (load.p_memsz == 0) return Bad("it has an empty segment");
    if (load.p_align == 0 || (load.p_align & (load.p_align - 1)) != 0 || load.p_align < kPage ||
        load.p_vaddr % load.p_align != load.p_offset % load.p_align) {
      return Bad("a segment is not aligned");
    }
    // Ascending and on pages of their own: what is checked of one page holds for all of it.
    if (!loads_.empty() && AlignDown(load.p_vaddr) < AlignUp(loads_.back().p_vaddr + loads_.back().p_memsz)) {
      return Bad("its segments overlap");
    }
    const uint32_t flags = load.p_flags;
    if ((flags & PF_R) == 0 || (flags & ~uint32_t{PF_R | PF_W | PF_X}) != 0) return Bad("the flags of a segment");
    if ((flags & PF_W) != 0 && (flags & PF_X) != 0) return Bad("a segment is writable and executable");
    if ((flags & PF_X) != 0) {
      if (facts_.text.size != 0) return Bad("it has two executable segments");
      // From the start of a page, so that nothing else of the file becomes executable; to the end, no bytes that are
      // not in the file.
      if (load.p_vaddr % kPage != 0 || load.p_offset % kPage != 0 || load.p_filesz != load.p_memsz) {
        return Bad("its executable segment shares pages with others");
      }
      facts_.text = {load.p_vaddr, load.p_offset, load.p_filesz};
    }
    loads_.push_back(load);
    return {};
  }

  // The dynamic linker may write to .dynamic and to what is relocated, and then protects it. Nothing else is writable.
  Result<void> CheckWritableIsRelro() const {
    const uint64_t relro_end = AlignDown(relro_.p_vaddr + relro_.p_memsz);  // as the dynamic linker rounds it
    bool found = false;
    for (const Elf64_Phdr& load : loads_) {
      if ((load.p_flags & PF_W) == 0) continue;
      if (relro_.p_type != PT_GNU_RELRO || AlignDown(relro_.p_vaddr) > load.p_vaddr ||
          relro_end < load.p_vaddr + load.p_memsz) {
        return Bad("it has writable data");
      }
      found = true;
    }
    if (relro_.p_type != PT_GNU_RELRO) return {};
    // It names only such a segment: mprotect would take away from others what they have, or fail.
    if (!found || relro_.p_vaddr < writable_start() || relro_end > writable_end()) return Bad("its relro segment");
    return {};
  }
  uint64_t writable_start() const {
    for (const Elf64_Phdr& load : loads_) {
      if ((load.p_flags & PF_W) != 0) return load.p_vaddr;
    }
    return UINT64_MAX;
  }
  uint64_t writable_end() const {
    uint64_t end = 0;
    for (const Elf64_Phdr& load : loads_) {
      if ((load.p_flags & PF_W) != 0) end = AlignUp(load.p_vaddr + load.p_memsz);
    }
    return end;
  }

  Result<void> ReadDynamic() {
    const auto table = AtAddress(dynamic_.p_vaddr, dynamic_.p_filesz);
    if (!table || table->data() != file_.data() + dynamic_.p_offset || dynamic_.p_vaddr % 8 != 0 ||
        dynamic_.p_memsz != dynamic_.p_filesz) {
      return Bad("its dynamic section is malformed");
    }
    for (uint64_t i = 0; i < table->size() / sizeof(Elf64_Dyn); ++i) {
      const auto entry = At<Elf64_Dyn>(*table, i);
      if (entry.d_tag == DT_NULL) return CheckDynamic();
      GUARDC_CHECK(ReadDynamicEntry(entry));
    }
    return Bad("its dynamic section does not end");
  }

  // Only what an artifact needs is known. DT_NEEDED, DT_INIT, DT_FINI, their arrays, DT_TEXTREL, DT_JMPREL, DT_SONAME,
  // DT_RUNPATH, symbol versions and whatever comes next are refused by not being listed.
  Result<void> ReadDynamicEntry(const Elf64_Dyn& entry) {
    const uint64_t value = entry.d_un.d_val;
    switch (entry.d_tag) {
      case DT_STRTAB:
        return Set(strtab_, value);
      case DT_STRSZ:
        return Set(strtab_size_, value);
      case DT_SYMTAB:
        return Set(symtab_, value);
      case DT_GNU_HASH:
        return Set(gnu_hash_, value);
      case DT_RELA:
        return Set(rela_, value);
      case DT_RELASZ:
        return Set(rela_size_, value);
      case kDtRelr:
        return Set(relr_, value);
      case kDtRelrSize:
        return Set(relr_size_, value);
      case DT_SYMENT:
      case DT_RELAENT:
        if (value != 24) return Bad("an entry size in its dynamic section");
        return {};
      case kDtRelrEntry:
        if (value != 8) return Bad("an entry size in its dynamic section");
        return {};
      case DT_RELACOUNT:
        // Believed by the dynamic linker, which applies so many without looking at their type.
        return Set(rela_count_, value);
      case DT_FLAGS:
        if ((value & ~uint64_t{DF_BIND_NOW | DF_SYMBOLIC}) != 0) return Bad("a flag in its dynamic section");
        return {};
      case DT_FLAGS_1:
        if ((value & ~uint64_t{DF_1_NOW}) != 0) return Bad("a flag in its dynamic section");
        return {};
      case DT_SYMBOLIC:
      case DT_BIND_NOW:
        return {};
      case DT_NEEDED:
        return Bad("it needs a library");
      case DT_INIT:
      case DT_FINI:
      case DT_INIT_ARRAY:
      case DT_FINI_ARRAY:
      case DT_PREINIT_ARRAY:
        return Bad("it has constructors or destructors");
      case DT_TEXTREL:
        return Bad("it has relocations in its code");
      default:
        return Bad("its dynamic section has the entry " + std::to_string(entry.d_tag) + ", which no artifact needs");
    }
  }
  Result<void> Set(std::optional<uint64_t>& field, uint64_t value) {
    if (field) return Bad("an entry of its dynamic section is there twice");
    field = value;
    return {};
  }

  Result<void> CheckDynamic() const {
    if (!strtab_ || !strtab_size_ || !symtab_ || !gnu_hash_) return Bad("its dynamic section is incomplete");
    if (rela_.has_value() != rela_size_.has_value() || relr_.has_value() != relr_size_.has_value()) {
      return Bad("its dynamic section is incomplete");
    }
    return {};
  }

  // A relocation adds the load address to 8 bytes: these must lie in what is writable until it is protected.
  bool IsRelocatable(uint64_t address) const {
    for (const Elf64_Phdr& load : loads_) {
      if ((load.p_flags & PF_W) != 0 && Inside(address, 8, load.p_vaddr, load.p_filesz)) return address % 8 == 0;
    }
    return false;
  }

  Result<void> CheckRelocations() const {
    if (rela_) {
      const auto table = AtAddress(*rela_, *rela_size_);
      if (!table || *rela_size_ % sizeof(Elf64_Rela) != 0 || *rela_ % 8 != 0)
        return Bad("its relocations are malformed");
      const uint64_t count = *rela_size_ / sizeof(Elf64_Rela);
      if (rela_count_.value_or(0) > count) return Bad("its relocations are malformed");
      for (uint64_t i = 0; i < count; ++i) {
        const auto rela = At<Elf64_Rela>(*table, i);
        if (rela.r_info != kRelativeRelocation) return Bad("it has a relocation that names a symbol");
        if (!IsRelocatable(rela.r_offset)) return Bad("it relocates what it may not write");
      }
    } else if (rela_count_) {
      return Bad("its relocations are malformed");
    }
    return relr_ ? CheckRelr() : Result<void>();
  }

  // Packed relative relocations: an even word is an address, an odd one a bitmap of the 63 words that follow.
  Result<void> CheckRelr() const {
    const auto table = AtAddress(*relr_, *relr_size_);
    if (!table || *relr_size_ % 8 != 0 || *relr_ % 8 != 0) return Bad("its relocations are malformed");
    std::optional<uint64_t> next;
    for (uint64_t i = 0; i < *relr_size_ / 8; ++i) {
      const auto word = At<uint64_t>(*table, i);
      if ((word & 1) == 0) {
        if (!IsRelocatable(word)) return Bad("it relocates what it may not write");
        next = word + 8;
        continue;
      }
      if (!next) return Bad("its relocations are malformed");
      for (uint64_t bit = 0; bit < 63; ++bit) {
        if (((word >> (bit + 1)) & 1) != 0 && !IsRelocatable(*next + 8 * bit)) {
          return Bad("it relocates what it may not write");
        }
      }
      *next += uint64_t{63} * 8;
    }
    return {};
  }

  // The number of dynamic symbols stands nowhere but in the hash table, which the dynamic linker trusts as well.
  Result<uint64_t> CountSymbols() const {
    const auto header = AtAddress(*gnu_hash_, 16);
    if (!header || *gnu_hash_ % 8 != 0) return Bad("its symbol hash is malformed");
    const uint64_t buckets = At<uint32_t>(*header, 0);
    const uint64_t first_hashed = At<uint32_t>(*header, 1);
    const uint64_t bloom_words = At<uint32_t>(*header, 2);
    // The dynamic linker ends the process if this is no power of two.
    if (buckets == 0 || bloom_words == 0 || (bloom_words & (bloom_words - 1)) != 0) {
      return Bad("its symbol hash is malformed");
    }
    const auto bucket_table = AtAddress(*gnu_hash_ + 16 + 8 * bloom_words, 4 * buckets);
    if (!bucket_table || !AtAddress(*gnu_hash_ + 16, 8 * bloom_words)) return Bad("its symbol hash is malformed");
    uint64_t last_chain = 0;
    for (uint64_t i = 0; i < buckets; ++i) {
      const uint64_t symbol = At<uint32_t>(*bucket_table, i);
      if (symbol != 0 && symbol < first_hashed) return Bad("its symbol hash is malformed");
      last_chain = std::max(last_chain, symbol);
    }
    if (last_chain == 0) return first_hashed;
    const uint64_t chains = *gnu_hash_ + 16 + 8 * bloom_words + 4 * buckets;
    for (uint64_t symbol = last_chain;; ++symbol) {
      const auto hash = AtAddress(chains + 4 * (symbol - first_hashed), 4);
      if (!hash) return Bad("its symbol hash is malformed");
      if ((At<uint32_t>(*hash, 0) & 1) != 0) return symbol + 1;
    }
  }

  Result<void> CheckSymbols() {
    GUARDC_TRY(const uint64_t count, CountSymbols());
    const auto strings = AtAddress(*strtab_, *strtab_size_);
    if (!strings || strings->empty() || strings->back() != std::byte{0}) return Bad("its symbol names are malformed");
    if (count > file_.size() / sizeof(Elf64_Sym)) return Bad("its symbols are malformed");
    const auto symbols = AtAddress(*symtab_, count * sizeof(Elf64_Sym));
    if (!symbols || *symtab_ % 8 != 0) return Bad("its symbols are malformed");
    bool found = false;
    for (uint64_t i = 1; i < count; ++i) {
      const auto symbol = At<Elf64_Sym>(*symbols, i);
      if (symbol.st_name >= strings->size()) return Bad("its symbol names are malformed");
      const std::string_view symbol_name = reinterpret_cast<const char*>(strings->data()) + symbol.st_name;
      if (symbol.st_shndx == SHN_UNDEF) {
        return Bad("it needs the symbol \"" + std::string(symbol_name.substr(0, 100)) + "\"");
      }
      // An indirect function is code that the dynamic linker would run.
      const unsigned type = ELF64_ST_TYPE(symbol.st_info);
      if (type != STT_NOTYPE && type != STT_OBJECT && type != STT_FUNC && type != STT_SECTION) {
        return Bad("it has a symbol of a type that no artifact needs");
      }
      if (symbol_name == abi::kArtifactSymbol) {
        if (found) return Bad("it has two headers");
        found = true;
        GUARDC_CHECK(FindHeader(symbol.st_value));
      }
    }
    if (!found) return Bad("it has no symbol \"" + std::string(abi::kArtifactSymbol) + "\"");
    return {};
  }

  // In a segment that nothing can have changed between these bytes and the mapped ones.
  Result<void> FindHeader(uint64_t address) {
    for (const Elf64_Phdr& load : loads_) {
      if (load.p_flags != PF_R || !Inside(address, sizeof(abi::ArtifactHeader), load.p_vaddr, load.p_filesz)) continue;
      facts_.rodata = {load.p_vaddr, load.p_offset, load.p_filesz};
      facts_.header = address;
      return {};
    }
    return Bad("its header is not in read-only data");
  }

  std::span<const std::byte> file_;
  std::string_view name_;
  uint64_t header_offset_ = 0;  // of the program headers in the file
  std::vector<Elf64_Phdr> segments_;
  std::vector<Elf64_Phdr> loads_;
  Elf64_Phdr phdr_ = {};
  Elf64_Phdr dynamic_ = {};
  Elf64_Phdr relro_ = {};
  std::optional<uint64_t> strtab_, strtab_size_, symtab_, gnu_hash_, rela_, rela_size_, rela_count_, relr_, relr_size_;
  ElfFacts facts_;
};

}  // namespace

Result<ElfFacts> CheckElf(std::span<const std::byte> file, std::string_view name) {
  return ElfChecker(file, name).Check();
}

}  // namespace guardc::loader
