// What all answers of guards that are not what the ABI says have in common.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "guardc/result.h"

namespace guardc {

// kBadResponse, with the key that is to blame in its details.
template <class Answer>
void ExpectBad(Result<Answer> (*parse)(std::string), const std::string& text, const std::string& key) {
  const auto answer = parse(text);
  ASSERT_FALSE(answer) << text;
  EXPECT_EQ(answer.error().kind, ErrorKind::kBadResponse) << text;
  EXPECT_EQ(answer.error().details().key, key) << answer.error().message;
}

}  // namespace guardc
