// Result<T> and Error: how every public function reports failure. Nothing here throws; nobody has to match text.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "guardc/trap.h"

namespace guardc {

// X(enumerator, name). Names are stable and part of JSON output.
#define GUARDC_ERROR_LIST(X)                                                                              \
  X(kInvalidArgument, "invalid_argument")           /* the caller's argument is wrong */                  \
  X(kIo, "io")                                      /* a file or system call failed */                    \
  X(kInvalidWasm, "invalid_wasm")                   /* malformed or invalid module */                     \
  X(kUnsupported, "unsupported")                    /* valid, but a feature this build refuses */         \
  X(kGuardAbi, "guard_abi")                         /* a module that does not keep the guard's ABI */     \
  X(kUnknownImport, "unknown_import")               /* an import the host does not give */                \
  X(kLimit, "limit")                                /* more than a configured limit */                    \
  X(kCompile, "compile")                            /* code generation or linking failed */               \
  X(kNotCached, "not_cached")                       /* no artifact for this module in the cache */        \
  X(kCorruptArtifact, "corrupt_artifact")           /* damaged, truncated or foreign artifact */          \
  X(kIncompatibleArtifact, "incompatible_artifact") /* another version, CPU or architecture */            \
  X(kUntrusted, "untrusted")                        /* owner or permissions of file or directory */       \
  X(kOutOfMemory, "out_of_memory")                  /* address space or memory refused by the system */   \
  X(kTrap, "trap")                                  /* the guest trapped; trap and backtrace are set */   \
  X(kExit, "exit")                                  /* the guest called proc_exit; exit_code is set */    \
  X(kGuardError, "guard_error")                     /* negative answer of a label function; guard_code */ \
  X(kBufferProtocol, "buffer_protocol")             /* the guard broke the buffer protocol */             \
  X(kBadResponse, "bad_response")                   /* the guard's answer is not what the ABI says */     \
  X(kRejected, "rejected")                          /* label_agent answered success:false or an error */  \
  X(kPolicy, "policy")                              /* a policy that is not valid; key is set */          \
  X(kInstanceFailed, "instance_failed")             /* poisoned by an earlier trap; cause is set */       \
  X(kCancelled, "cancelled")                        /* the caller's stop token */                         \
  X(kDeadline, "deadline")                          /* the call's deadline */                             \
  X(kBackend, "backend")                            /* the backend failed */                              \
  X(kClosed, "closed")                              /* the guard was closed */                            \
  X(kHostError, "host_error")                       /* a host function of the embedder failed */          \
  X(kInternal, "internal")                          /* a defect of guardc itself */

enum class ErrorKind : uint8_t {
#define GUARDC_X(id, name) id,
  GUARDC_ERROR_LIST(GUARDC_X)
#undef GUARDC_X
};

constexpr std::string_view ErrorKindName(ErrorKind kind) {
  switch (kind) {
#define GUARDC_X(id, name) \
  case ErrorKind::id:      \
    return name;
    GUARDC_ERROR_LIST(GUARDC_X)
#undef GUARDC_X
  }
  return "internal";
}

// One guest function on the stack when a trap happened, innermost first; also one that the compiler has inlined.
struct Frame {
  uint32_t function_index = 0;  // in the module's function index space
  std::string function_name;    // from the name section, else an export's name, else "func[N]"
  uint64_t module_offset = 0;   // of the function's body in the .wasm, in bytes
  uint64_t code_offset = 0;     // of the return address or faulting instruction within the machine code of the
                                // function, or of the one that it is inlined into
};

struct Error;

// What a kind carries beside its message. Only the fields that its kind names are set.
struct ErrorDetails {
  TrapCode trap = TrapCode::kNone;
  std::vector<Frame> backtrace;
  std::optional<uint32_t> exit_code;
  std::optional<int32_t> guard_code;
  std::optional<uint64_t> needed_size;    // bytes
  std::optional<uint64_t> limit;          // in the unit of what was limited
  std::optional<uint64_t> module_offset;  // where in the .wasm, in bytes
  std::string key;                        // of a policy or a response
  std::shared_ptr<const Error> cause;     // the first failure (kInstanceFailed)
};

struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string message;  // one sentence: what was named, found, expected, and what to do
  std::shared_ptr<const ErrorDetails> details_or_null;

  Error(ErrorKind k, std::string text) : kind(k), message(std::move(text)) {}
  Error(ErrorKind k, std::string text, ErrorDetails d)
      : kind(k), message(std::move(text)), details_or_null(std::make_shared<const ErrorDetails>(std::move(d))) {}

  // Never null: an empty ErrorDetails where the kind has none.
  const ErrorDetails& details() const {
    static const ErrorDetails kEmpty;
    return details_or_null ? *details_or_null : kEmpty;
  }
};

template <class T>
using Result = std::expected<T, Error>;

// `return Fail(ErrorKind::kIo, "...")` in any function that returns a Result.
[[nodiscard]] inline std::unexpected<Error> Fail(ErrorKind kind, std::string message) {
  return std::unexpected<Error>(std::in_place, kind, std::move(message));
}
[[nodiscard]] inline std::unexpected<Error> Fail(ErrorKind kind, std::string message, ErrorDetails details) {
  return std::unexpected<Error>(std::in_place, kind, std::move(message), std::move(details));
}

}  // namespace guardc

#define GUARDC_CONCAT_(a, b) a##b
#define GUARDC_CONCAT(a, b) GUARDC_CONCAT_(a, b)

// GUARDC_TRY(auto x, Expr()); assigns the value or returns the error from the enclosing function.
#define GUARDC_TRY(decl, expr) GUARDC_TRY_(GUARDC_CONCAT(guardc_try_, __LINE__), decl, expr)
#define GUARDC_TRY_(tmp, decl, expr)                        \
  auto tmp = (expr);                                        \
  if (!tmp) return std::unexpected(std::move(tmp).error()); \
  decl = std::move(*tmp)

// The same for Result<void>.
#define GUARDC_CHECK(expr)                                                      \
  do {                                                                          \
    auto guardc_check = (expr);                                                 \
    if (!guardc_check) return std::unexpected(std::move(guardc_check).error()); \
  } while (0)
