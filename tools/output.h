// How the command speaks: results on stdout, everything else on stderr, errors in one form.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "guardc/result.h"

namespace guardc::cli {

// Whether to colour what goes to this descriptor: a terminal, and neither NO_COLOR nor TERM=dumb.
bool UseColour(int fd);

// On stderr; what nobody reads for two seconds is dropped.
void WriteMessage(std::string_view text);
// Writes everything to stdout, past stdio; false where that failed (a full disk, a closed pipe).
bool WriteStdout(std::string_view bytes);

// WriteStdout of a result; a failure is reported and becomes kFailed.
int Finish(std::string_view result, int exit_code);
int FinishJson(const nlohmann::ordered_json& result, int exit_code);

// Ends the process, all of whose output is written, and takes nothing down: the kernel does that sooner than
// destructors do. Where a sanitizer looks for leaks at a regular exit, it returns `exit_code` instead.
int EndProcess(int exit_code);

// "error: ..." on stderr, the guest's backtrace where there is one, and a "hint: ..." line where there is something to
// do. With `json`, the same as {"error": ...} on stdout as well. Answers kFailed.
int ReportError(const Error& error, bool json, std::string_view hint = {});

// "warning: ..." on stderr.
void ReportWarning(std::string_view text);

// The "error" member of JSON output.
nlohmann::ordered_json ErrorToJson(const Error& error, std::string_view hint = {});

// A name out of a module, which may hold anything and be of any length, as part of one line for a person.
std::string PrintableName(std::string_view name);

// JSON text with an indentation, and a newline at the end; bytes that are not UTF-8 become U+FFFD.
std::string ToText(const nlohmann::ordered_json& value);

// "517 KiB", "1.2 MiB".
std::string FormatSize(uint64_t bytes);
// "12.3 µs", "4.56 ms".
std::string FormatNanoseconds(uint64_t nanoseconds);

// Columns padded to their widest cell; the first row is the heading.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace guardc::cli
