// JSON documents from texts that a test knows to be JSON.
#pragma once

#include <string>
#include <utility>

#include "guardc/label.h"

namespace guardc::test {

inline JsonDocument Json(std::string text) { return JsonDocument::Parse(std::move(text)).value(); }

}  // namespace guardc::test
