// Options that take one of a few names. The names are the option's type in the help ("guard|wasi"), where completions
// find them, too.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/similar.h"

namespace guardc::cli {

inline std::string JoinNames(const std::vector<std::string_view>& names) {
  std::string out;
  for (const std::string_view name : names) out += (out.empty() ? "" : "|") + std::string(name);
  return out;
}

// For texts that stay texts; `ignore` is CLI::ignore_case where case counts for nothing.
inline CLI::Validator OneOf(std::vector<std::string_view> names, std::string (*ignore)(std::string) = nullptr) {
  const auto check = [names = std::move(names), ignore](std::string& text) {
    const std::string compared = ignore != nullptr ? ignore(text) : text;
    for (const std::string_view name : names) {
      if (name == compared) return std::string();
    }
    return NoSuchName(text, names);
  };
  return CLI::Validator(check, "");
}

// For enumerations. CLI11's own validator would print the numbers of an enumeration.
template <class T, class E>
CLI::Option* AddChoice(CLI::App& command, const char* name, T& value,
                       std::vector<std::pair<std::string_view, E>> choices, const char* help) {
  std::vector<std::string_view> names;
  for (const auto& choice : choices) names.push_back(choice.first);
  std::string type = JoinNames(names);
  const auto set = [&value, name, choices = std::move(choices), names = std::move(names)](const std::string& text) {
    for (const auto& [known, meant] : choices) {
      if (known != text) continue;
      value = meant;
      return;
    }
    throw CLI::ValidationError(name, NoSuchName(text, names));
  };
  return command.add_option_function<std::string>(name, set, help)->type_name(std::move(type));
}

}  // namespace guardc::cli
