// wabt's validator as the reader asks it: the first of the two (the second is compiler/validate). Private to the
// reader.
#pragma once

#include <wabt/shared-validator.h>

#include <utility>

namespace guardc::compiler {

class WabtValidator {
 public:
  // Where `is_asked` is false every answer is yes, so that tests see what our own validator alone refuses.
  WabtValidator(const wabt::Features& features, bool is_asked)
      : validator_(&errors_, wabt::ValidateOptions(features)), is_asked_(is_asked) {}
  WabtValidator(const WabtValidator&) = delete;
  WabtValidator& operator=(const WabtValidator&) = delete;

  // Ask(&wabt::SharedValidator::OnDrop, location). Whenever it refuses it appends to errors().
  template <class Method, class... Args>
  wabt::Result Ask(Method method, Args&&... args) {
    return is_asked_ ? (validator_.*method)(std::forward<Args>(args)...) : wabt::Result(wabt::Result::Ok);
  }

  void SetDataCount(wabt::Index count) { validator_.OnDataCount(count); }
  // Operands on the stack, for a limit: a call of two bytes pushes a thousand.
  size_t stack_size() const { return is_asked_ ? validator_.type_stack_size() : 0; }
  const wabt::Errors& errors() const { return errors_; }

 private:
  wabt::Errors errors_;
  wabt::SharedValidator validator_;
  const bool is_asked_;
};

}  // namespace guardc::compiler
