// An indexed value as nlohmann's parser sees it: each part is decoded by us, and its bytes are parsed by the other.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/json_index.h"

namespace guardc::test {

inline nlohmann::json ToModel(JsonValue value) {
  using nlohmann::json;
  json out;
  if (value.Is(JsonType::kArray)) {
    out = json::array();
    for (JsonValue child : value) out.push_back(ToModel(child));
    EXPECT_EQ(out.size(), value.size());
  } else if (value.Is(JsonType::kObject)) {
    out = json::object();
    uint32_t members = 0;
    for (auto it = value.begin(); it != value.end(); ++it, ++members) {
      const std::string key = (*it).String().value();
      out[key] = ToModel(*++it);
    }
    EXPECT_EQ(members, value.size());
  } else if (value.Is(JsonType::kString)) {
    out = value.String().value();
  } else {
    return json::parse(value.raw());
  }
  EXPECT_EQ(out, json::parse(value.raw()));
  return out;
}

}  // namespace guardc::test
