// Which known name somebody meant who typed another one.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace guardc {

// The known name nearest to `given`: one of which one begins with the other, or one that a few slips of the finger (a
// letter added, left out, changed, two swapped; case counts for nothing) lead away from. Nothing where none is near.
std::optional<std::string_view> Nearest(std::string_view given, std::span<const std::string_view> known);

// "; did you mean 'label_agent'?" for the end of a message, "" where no known name is near.
std::string DidYouMean(std::string_view given, std::span<const std::string_view> known);

// "there is no 'gurd', expected one of guard, wasi; did you mean 'guard'?"
std::string NoSuchName(std::string_view given, std::span<const std::string_view> known);

}  // namespace guardc
