// Reads JSON that must be exactly what is expected: every member there once, of its type and in its range, and no
// other. The first thing that is wrong is remembered with its place, so that who reads can be a plain list of fields.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/json_index.h"

namespace guardc::artifact {

// Where a value is, told by way of where its parent is: a text is made of it for messages only.
struct JsonPlace {
  static constexpr size_t kNoIndex = std::numeric_limits<size_t>::max();
  const JsonPlace* parent = nullptr;
  std::string_view key = {};
  size_t index = kNoIndex;  // of an array's element, instead of `key`

  std::string Text() const;  // "imports[2].name"; "" for the whole text
};

// The value of a member of `object` that stands there; the first of several.
std::optional<JsonValue> FindMember(JsonValue object, std::string_view key);
// A number that is written as nothing but digits.
std::optional<uint64_t> UnsignedNumber(JsonValue value);

// The members of one object. What it refers to outlives it.
class JsonFields {
 public:
  // Without a value that one is missing has been reported.
  JsonFields(std::optional<JsonValue> json, const JsonPlace& place, std::string& problem);
  // Every member was asked for, or there is one that should not be there.
  ~JsonFields();
  JsonFields(const JsonFields&) = delete;
  JsonFields& operator=(const JsonFields&) = delete;

  void Get(std::string_view key, std::string& value);
  void Get(std::string_view key, bool& value);
  template <class T>
    requires std::is_unsigned_v<T>
  void Get(std::string_view key, T& value, T max = std::numeric_limits<T>::max()) {
    uint64_t number = value;
    GetNumber(key, number, max);
    value = static_cast<T>(number);
  }
  void GetOrNull(std::string_view key, std::optional<uint64_t>& value);
  void GetSha256(std::string_view key, std::string& value);
  void GetXxh3(std::string_view key, std::string& value);
  // Has to be there, and this.
  void Expect(std::string_view key, std::string_view value);
  void Get(std::string_view key, std::vector<std::string>& values);

  // One of a list of names; `name_of` gives the name of each value.
  template <class T, class NameOf>
  void GetName(std::string_view key, T& value, std::initializer_list<T> values, NameOf name_of) {
    std::string text;
    Get(key, text);
    for (const T candidate : values) {
      if (text == name_of(candidate)) {
        value = candidate;
        return;
      }
    }
    Report(key, "is \"" + text + "\", which is none of its names");
  }
  // read(JsonFields&)
  template <class Read>
  void GetObject(std::string_view key, Read read) {
    const JsonPlace place{&place_, key};
    JsonFields fields(Member(key), place, problem_);
    read(fields);
  }
  // read(JsonFields&, T&) for each element of an array of objects.
  template <class T, class Read>
  void GetObjects(std::string_view key, std::vector<T>& values, Read read) {
    const JsonPlace array{&place_, key};
    const std::optional<JsonValue> elements = Elements(key);
    if (!elements) return;
    for (const JsonValue element : *elements) {
      const JsonPlace place{&array, {}, values.size()};
      JsonFields fields(element, place, problem_);
      read(fields, values.emplace_back());
    }
  }

 private:
  std::optional<JsonValue> Member(std::string_view key);
  std::optional<JsonValue> Elements(std::string_view key);
  void GetNumber(std::string_view key, uint64_t& value, uint64_t max);
  void Report(std::string_view key, std::string_view what);
  void ReportType(std::string_view key, JsonValue found, std::string_view expected);

  std::optional<JsonValue> json_;  // an object
  const JsonPlace& place_;
  std::string& problem_;
  std::vector<std::string_view> asked_;
};

// Deterministic, with a newline at its end. WebAssembly's names are UTF-8; should one not be, a replacement character
// beats an exception.
std::string PrintJson(const nlohmann::ordered_json& json);

}  // namespace guardc::artifact
