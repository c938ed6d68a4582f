#include "tests/spec/corrections.h"

#include <cstdio>

namespace guardc::spec {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kEmptyModule = "\0asm\1\0\0\0"sv;

// 2.0/comments, line 76, is text (`module quote`) with comments that end in \n, \r and \r\n inside three functions:
//   (func (export "f1") (result i32) (i32.const 1) (return (i32.const 2))), f2, f3 likewise
// The conversion wrote an empty module for it, and then expects 2 of each function.
constexpr std::string_view kComments3 =
    "\0asm\1\0\0\0"
    "\x01\x05\x01\x60\x00\x01\x7f"
    "\x03\x04\x03\x00\x00\x00"
    "\x07\x10\x03\x02"
    "f1\x00\x00\x02"
    "f2\x00\x01\x02"
    "f3\x00\x02"
    "\x0a\x19\x03"
    "\x07\x00\x41\x01\x41\x02\x0f\x0b"
    "\x07\x00\x41\x01\x41\x02\x0f\x0b"
    "\x07\x00\x41\x01\x41\x02\x0f\x0b"sv;

}  // namespace

std::string CorrectModule(std::string_view script_name, std::string_view filename, std::string wasm) {
  if (script_name != "2.0/comments" || filename != "comments.3.wasm" || wasm != kEmptyModule) return wasm;
  std::fprintf(stderr,
               "2.0/comments: note: comments.3.wasm is empty where the script has three functions; using those\n");
  return std::string(kComments3);
}

}  // namespace guardc::spec
