// DWARF 5, section 6.4, as far as LLVM uses it for generated code; the encodings of .eh_frame_hdr are those of the LSB.
#include "runtime/trap/unwind.h"

#include <cstring>
#include <vector>

#include "runtime/trap/byte_reader.h"

namespace guardc {

namespace {

// Pointer encodings: signed 4 bytes relative to their own place, or to the table; unsigned 4 bytes.
constexpr uint8_t kPcRelative4 = 0x1b, kTableRelative4 = 0x3b, kUnsigned4 = 0x03;

#if defined(__x86_64__)
constexpr uint64_t kFp = 6, kSp = 7, kReturnAddress = 16;
#else
constexpr uint64_t kFp = 29, kSp = 31, kReturnAddress = 30;
#endif

// The body of a CIE or FDE at `address`, after its length. The artifact's headers were checked when it was loaded.
ByteReader EntryAt(uintptr_t address) {
  uint32_t length;
  std::memcpy(&length, reinterpret_cast<const void*>(address), sizeof(length));
  return ByteReader({reinterpret_cast<const uint8_t*>(address) + sizeof(length), length});
}

bool ReadCie(uintptr_t address, FrameDescription& out) {
  ByteReader cie = EntryAt(address);
  if (cie.Fixed<uint32_t>() != 0 || cie.Fixed<uint8_t>() != 1) return false;  // a CIE, version 1
  // Only the augmentation that LLVM writes for C-like code: "zR", an FDE encoding and nothing more.
  if (cie.Fixed<uint8_t>() != 'z' || cie.Fixed<uint8_t>() != 'R' || cie.Fixed<uint8_t>() != 0) return false;
  out.code_alignment = cie.Uleb();
  out.data_alignment = cie.Sleb();
  if (cie.Fixed<uint8_t>() != kReturnAddress) return false;
  if (cie.Uleb() != 1 || cie.Fixed<uint8_t>() != kPcRelative4) return false;
  out.initial_instructions = cie.Rest();
  return !cie.failed();
}

struct Rules {
  uint64_t cfa_register = kSp;
  int64_t cfa_offset = 0;
  std::optional<int64_t> fp;  // offset from the CFA where it is saved
  std::optional<int64_t> return_address;
};

// Runs instructions up to `pc`; false at one that is not known.
bool Execute(std::span<const uint8_t> instructions, const FrameDescription& function, uintptr_t pc,
             const Rules& initial, Rules& rules) {
  ByteReader reader(instructions);
  uintptr_t location = function.begin;
  std::vector<Rules> saved;
  const auto set = [&](uint64_t reg, std::optional<int64_t> offset) {
    if (reg == kFp) rules.fp = offset;
    if (reg == kReturnAddress) rules.return_address = offset;
  };
  const auto reset = [&](uint64_t reg) {
    if (reg == kFp) rules.fp = initial.fp;
    if (reg == kReturnAddress) rules.return_address = initial.return_address;
  };
  const auto factored = [&](uint64_t n) { return static_cast<int64_t>(n) * function.data_alignment; };

  while (!reader.AtEnd()) {
    const auto opcode = reader.Fixed<uint8_t>();
    const uint64_t low = opcode & 0x3f;
    uint64_t advance = 0;
    if ((opcode & 0xc0) == 0x40) {  // DW_CFA_advance_loc
      advance = low;
    } else if ((opcode & 0xc0) == 0x80) {  // DW_CFA_offset
      set(low, factored(reader.Uleb()));
    } else if ((opcode & 0xc0) == 0xc0) {  // DW_CFA_restore
      reset(low);
    } else {
      switch (opcode) {
        case 0x00:  // DW_CFA_nop
          break;
        case 0x02:  // DW_CFA_advance_loc1
          advance = reader.Fixed<uint8_t>();
          break;
        case 0x03:  // DW_CFA_advance_loc2
          advance = reader.Fixed<uint16_t>();
          break;
        case 0x04:  // DW_CFA_advance_loc4
          advance = reader.Fixed<uint32_t>();
          break;
        case 0x05: {  // DW_CFA_offset_extended
          const uint64_t reg = reader.Uleb();
          set(reg, factored(reader.Uleb()));
          break;
        }
        case 0x06:  // DW_CFA_restore_extended
          reset(reader.Uleb());
          break;
        case 0x07:  // DW_CFA_undefined
        case 0x08:  // DW_CFA_same_value
          set(reader.Uleb(), std::nullopt);
          break;
        case 0x0a:  // DW_CFA_remember_state
          saved.push_back(rules);
          break;
        case 0x0b:  // DW_CFA_restore_state
          if (saved.empty()) return false;
          rules = saved.back();
          saved.pop_back();
          break;
        case 0x0c:  // DW_CFA_def_cfa
          rules.cfa_register = reader.Uleb();
          rules.cfa_offset = static_cast<int64_t>(reader.Uleb());
          break;
        case 0x0d:  // DW_CFA_def_cfa_register
          rules.cfa_register = reader.Uleb();
          break;
        case 0x0e:  // DW_CFA_def_cfa_offset
          rules.cfa_offset = static_cast<int64_t>(reader.Uleb());
          break;
        case 0x11: {  // DW_CFA_offset_extended_sf
          const uint64_t reg = reader.Uleb();
          set(reg, reader.Sleb() * function.data_alignment);
          break;
        }
        case 0x12:  // DW_CFA_def_cfa_sf
          rules.cfa_register = reader.Uleb();
          rules.cfa_offset = reader.Sleb() * function.data_alignment;
          break;
        case 0x13:  // DW_CFA_def_cfa_offset_sf
          rules.cfa_offset = reader.Sleb() * function.data_alignment;
          break;
        case 0x10: {  // DW_CFA_expression: a realigned frame saves other registers so; they are not needed
          const uint64_t reg = reader.Uleb();
          if (reg == kFp || reg == kReturnAddress) return false;
          reader.Bytes(reader.Uleb());
          break;
        }
        case 0x2d:  // DW_CFA_AARCH64_negate_ra_state: generated code does not sign return addresses
          break;
        case 0x2e:  // DW_CFA_GNU_args_size
          reader.Uleb();
          break;
        default:
          return false;
      }
    }
    if (reader.failed()) return false;
    location += advance * function.code_alignment;
    if (location > pc) return true;
  }
  return true;
}

std::optional<uintptr_t> ReadStack(const StackBounds& stack, uintptr_t address) {
  if (address < stack.low || address > stack.high - sizeof(uintptr_t)) return std::nullopt;
  uintptr_t value;
  std::memcpy(&value, reinterpret_cast<const void*>(address), sizeof(value));
  return value;
}

}  // namespace

std::optional<FrameDescription> FindFrameDescription(std::span<const std::byte> eh_frame_hdr, uintptr_t pc) {
  const auto* table_start = reinterpret_cast<const uint8_t*>(eh_frame_hdr.data());
  ByteReader header({table_start, eh_frame_hdr.size()});
  if (header.Fixed<uint8_t>() != 1 || header.Fixed<uint8_t>() != kPcRelative4 ||
      header.Fixed<uint8_t>() != kUnsigned4 || header.Fixed<uint8_t>() != kTableRelative4) {
    return std::nullopt;
  }
  header.PcRelative();  // .eh_frame
  const auto count = header.Fixed<uint32_t>();
  struct Row {
    int32_t begin;
    int32_t description;
  };
  const std::span<const uint8_t> rows = header.Bytes(uint64_t{count} * sizeof(Row));
  if (header.failed()) return std::nullopt;
  const auto row_at = [&](uint32_t index) {
    Row row;
    std::memcpy(&row, rows.data() + index * sizeof(Row), sizeof(Row));
    return row;
  };
  const auto base = reinterpret_cast<uintptr_t>(table_start);
  uint32_t low = 0;
  for (uint32_t high = count; low < high;) {
    const uint32_t middle = low + (high - low) / 2;
    if (base + static_cast<intptr_t>(row_at(middle).begin) <= pc) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return std::nullopt;

  FrameDescription out;
  ByteReader fde = EntryAt(base + static_cast<intptr_t>(row_at(low - 1).description));
  const auto cie_pointer_at = reinterpret_cast<uintptr_t>(fde.at());
  const auto cie_distance = fde.Fixed<uint32_t>();
  if (fde.failed() || cie_distance == 0 || !ReadCie(cie_pointer_at - cie_distance, out)) return std::nullopt;
  out.begin = fde.PcRelative();
  out.end = out.begin + fde.Fixed<uint32_t>();
  fde.Bytes(fde.Uleb());  // augmentation data
  out.instructions = fde.Rest();
  if (fde.failed() || pc < out.begin || pc >= out.end) return std::nullopt;
  return out;
}

bool Unwind(const FrameDescription& function, const StackBounds& stack, GuestRegisters& registers) {
  // The rule of a call is the one in force at the call, not after it.
  const uintptr_t pc = registers.is_exact != 0 ? registers.pc : registers.pc - 1;
  Rules rules;
  if (!Execute(function.initial_instructions, function, ~uintptr_t{0}, rules, rules)) return false;
  const Rules initial = rules;
  if (!Execute(function.instructions, function, pc, initial, rules)) return false;

  if (rules.cfa_register != kSp && rules.cfa_register != kFp) return false;
  const uintptr_t cfa =
      (rules.cfa_register == kSp ? registers.sp : registers.fp) + static_cast<uintptr_t>(rules.cfa_offset);
  if (cfa < registers.sp || cfa > stack.high) return false;

  std::optional<uintptr_t> return_address = registers.lr;
  if (rules.return_address) {
    return_address = ReadStack(stack, cfa + static_cast<uintptr_t>(*rules.return_address));
  } else if (registers.is_exact == 0 || registers.lr == 0) {
    return false;  // only the innermost function may still have it in the link register
  }
  std::optional<uintptr_t> fp = registers.fp;
  if (rules.fp) fp = ReadStack(stack, cfa + static_cast<uintptr_t>(*rules.fp));
  if (!return_address || !fp) return false;
  registers = {*return_address, cfa, *fp, 0, 0};
  return true;
}

}  // namespace guardc
