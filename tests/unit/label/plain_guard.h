// A guard that answers at once, and a log that says nothing: for tests of what is around the guest.
#pragma once

#include <string_view>

#include "guardc/guard.h"

namespace guardc::testing {

inline constexpr std::string_view kPlainGuard = R"((module (memory (export "memory") 1)
  (data (i32.const 64) "{\"resource\":{\"description\":\"d\",\"secrecy\":[\"s\"],\"integrity\":[\"i\"]},\"operation\":\"read\"}")
  (data (i32.const 192) "{\"difc_mode\":\"filter\"}")
  (func (export "alloc") (param i32) (result i32) (i32.const 4096))
  (func (export "dealloc") (param i32 i32))
  (func (export "label_agent") (param i32 i32 i32 i32) (result i32)
    (memory.copy (local.get 2) (i32.const 192) (i32.const 22)) (i32.const 22))
  (func (export "label_resource") (param i32 i32 i32 i32) (result i32)
    (memory.copy (local.get 2) (i32.const 64) (i32.const 85)) (i32.const 85))
  (func (export "label_response") (param i32 i32 i32 i32) (result i32) (i32.const 0))))";

class SilentLog final : public GuardLog {
 public:
  bool Enabled(LogLevel) const override { return false; }
  void Log(LogLevel, std::string_view, std::string_view) override {}
};

}  // namespace guardc::testing
