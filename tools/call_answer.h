// What `guardc call` makes of a guard's answer before anybody else can take it for one.
#pragma once

#include <string>
#include <string_view>

#include "guardc/guard.h"
#include "guardc/result.h"

namespace guardc::cli {

// The errors of ParseAgentAnswer(), ParseResourceAnswer() or ParseResponseAnswer(). `input` is what the guard was
// asked; paths in an answer of label_response point into its tool_result.
Result<void> CheckAnswer(LabelFunction function, std::string_view input, const std::string& answer);

// For the hint of such an error: the answer's beginning, on one line.
std::string AnswerHint(std::string_view answer);

}  // namespace guardc::cli
