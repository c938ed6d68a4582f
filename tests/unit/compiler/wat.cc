#include "tests/unit/compiler/wat.h"

#include <wabt/binary-writer.h>
#include <wabt/stream.h>
#include <wabt/wast-lexer.h>
#include <wabt/wast-parser.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

namespace guardc::test {

std::vector<std::byte> Wat(std::string_view text) {
  wabt::Errors errors;
  wabt::Features features;
  features.EnableAll();
  auto lexer = wabt::WastLexer::CreateBufferLexer("test.wat", text.data(), text.size(), &errors);
  wabt::WastParseOptions options(features);
  std::unique_ptr<wabt::Module> module;
  wabt::MemoryStream stream;
  if (Failed(wabt::ParseWatModule(lexer.get(), &module, &errors, &options)) ||
      Failed(wabt::WriteBinaryModule(&stream, module.get(), {features, true, false, true}))) {
    std::fprintf(stderr, "bad text in a test: %s\n%.*s\n", errors.empty() ? "?" : errors[0].message.c_str(),
                 static_cast<int>(text.size()), text.data());
    std::abort();
  }
  const auto bytes = std::as_bytes(std::span(stream.output_buffer().data));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> Hex(std::string_view digits) {
  std::vector<std::byte> bytes;
  for (size_t i = 0; i < digits.size(); i += digits[i] == ' ' ? 1 : 2) {
    if (digits[i] != ' ') bytes.push_back(std::byte(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::vector<std::byte> Guard(std::string_view extra) {
  std::string text = "(module ";
  text += extra;
  text += R"(
    (memory (export "memory") 2)
    (func (export "label_agent") (param i32 i32 i32 i32) (result i32) local.get 1)
    (func (export "label_resource") (param i32 i32 i32 i32) (result i32) i32.const 0)
    (func (export "label_response") (param i32 i32 i32 i32) (result i32) i32.const 0)))";
  return Wat(text);
}

}  // namespace guardc::test
