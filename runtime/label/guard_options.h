// What Guard and GuardPool ask of their options, and how they name themselves in errors.
#pragma once

#include <string>

#include "guardc/call.h"
#include "guardc/guard.h"
#include "guardc/result.h"

namespace guardc {

// kInvalidArgument names the option. Puts the default log in where there is none.
[[nodiscard]] Result<void> CompleteOptions(GuardOptions& options);

// The bounds of a call: those that it brings, and the guard's timeout where it brings no deadline.
CallOptions WithTimeout(CallOptions call, const GuardOptions& options);

// The error of a label call, with the guard's name and the function's before its message.
Error Named(const GuardOptions& options, LabelFunction function, Error error);
// The same for what is no label call.
Error Named(const GuardOptions& options, Error error);

}  // namespace guardc
