#include "runtime/label/guard_options.h"

#include <utility>

#include "runtime/host/default_log.h"

namespace guardc {
namespace {

// Lengths cross to the guest as i32.
constexpr uint64_t kLargestBuffer = uint64_t{1} << 30;
constexpr uint32_t kLargestMemory = 65536;  // pages
constexpr uint64_t kSmallestStack = 64 * 1024;

Error Prefixed(const std::string& prefix, Error error) {
  error.message = prefix + ": " + error.message;
  return error;
}

}  // namespace

Result<void> CompleteOptions(GuardOptions& options) {
  const auto refuse = [](const std::string& what) {
    return Fail(ErrorKind::kInvalidArgument, "GuardOptions: " + what);
  };
  if (options.memory_cap_pages > kLargestMemory) return refuse("memory_cap_pages is at most 65536");
  if (options.input_limit > kLargestBuffer) return refuse("input_limit is at most 1 GiB");
  if (options.output_limit > kLargestBuffer) return refuse("output_limit is at most 1 GiB");
  if (options.output_initial == 0 || options.output_initial > options.output_limit) {
    return refuse("output_initial is at least 1 and at most output_limit");
  }
  if (options.stack_size < kSmallestStack) return refuse("stack_size is at least 64 KiB");
  if (options.log == nullptr) options.log = MakeDefaultGuardLog(options.name);
  return {};
}

CallOptions WithTimeout(CallOptions call, const GuardOptions& options) {
  if (call.deadline || !options.timeout) return call;
  const auto now = Clock::now();
  call.deadline = *options.timeout > Clock::time_point::max() - now ? Clock::time_point::max() : now + *options.timeout;
  return call;
}

Error Named(const GuardOptions& options, LabelFunction function, Error error) {
  return Prefixed("guard \"" + options.name + "\", " + std::string(LabelFunctionName(function)), std::move(error));
}

Error Named(const GuardOptions& options, Error error) {
  return Prefixed("guard \"" + options.name + "\"", std::move(error));
}

}  // namespace guardc
