// Texts to try readers of JSON with: some that are JSON (RFC 8259), some that are not, and mutations of the first.
#pragma once

#include <iterator>
#include <random>
#include <string>
#include <string_view>

namespace guardc::test {

using std::string_view_literals::operator""sv;

inline constexpr std::string_view kJsonTexts[] = {
    "0"sv,
    "-0"sv,
    " 1 "sv,
    "\t\r\n[ ]\n"sv,
    "-12.5E+3"sv,
    "0.10e-7"sv,
    "true"sv,
    "false"sv,
    "null"sv,
    R"("")"sv,
    "\"caf\xc3\xa9 \xf0\x9f\x98\x80 \x7f\""sv,
    "{}"sv,
    "[[],{},[{}]]"sv,
    R"({"a":[1,2.5e3,-0,{"b":"x\u00e9\n\"q\\"},[],{}],"k\"ey":true , "z":null})"sv,
    R"([ "a\\" , "b" ,false])"sv,
    R"({"a":{"b":{"c":[1,[2,[3]]]}}})"sv,
    R"({"a key of several blocks, \"quoted\\\" here":"a value as long\n, \/with escapes\t\r\\"})"sv,
    R"({"a":1,"a":2})"sv,
    R"("\"\\\/\b\f\n\r\t\u00e9\u0000")"sv,
    // Last, since a mutation may leave half of the pair.
    R"("\uD83D\uDE00")"sv,
};

// JSON that a DOM has no value for.
inline constexpr std::string_view kJsonTextsBeyondADom[] = {
    "1e400"sv, R"([1,-1e400,{"n":1E+99999}])"sv, R"("\ud800")"sv, R"({"\udc00":0})"sv, R"("\ud83dx")"sv,
};

inline constexpr std::string_view kNotJsonTexts[] = {
    // Nothing, or something behind it, NUL bytes among it.
    ""sv,
    " \n"sv,
    "\0"sv,
    "null\0"sv,
    "{}\0"sv,
    "1\0"sv,
    "\"x\"\0"sv,
    "{}\0{}"sv,
    "null\0\n{\"outcome\":\"allowed\"}"sv,
    "[1]\0\0\0"sv,
    "{} \0 "sv,
    "\0{}"sv,
    "[1\0]"sv,
    "{\"a\"\0:1}"sv,
    "\"a\0b\""sv,
    "[1,\0 2]"sv,
    "tr\0ue"sv,
    "1\0"
    "2"sv,
    "1 2"sv,
    "{}{}"sv,
    "{},"sv,
    "[]]"sv,
    "{}}"sv,
    "\"a\"b"sv,
    "nullnull"sv,
    "[] // c"sv,
    "{}\x1a"sv,
    "{}\xff"sv,
    // Byte order marks and spaces that are none.
    "\xef\xbb\xbf{}"sv,
    "{}\xef\xbb\xbf"sv,
    "\xef\xbb{}"sv,
    "\xfe\xff"sv,
    "\v1"sv,
    "\f1"sv,
    "\xc2\xa0"
    "1"sv,
    "[1\x0b]"sv,
    // Commas, colons, brackets.
    "[1,]"sv,
    "[,1]"sv,
    "[,]"sv,
    "[1,,2]"sv,
    "[1 2]"sv,
    "[1:2]"sv,
    "["sv,
    "]"sv,
    "[1"sv,
    "[1}"sv,
    "[[1]"sv,
    ","sv,
    ":"sv,
    "{\"a\":1,}"sv,
    "{,}"sv,
    "{\"a\"}"sv,
    "{\"a\":}"sv,
    "{\"a\" 1}"sv,
    "{\"a\",1}"sv,
    "{1:2}"sv,
    "{a:1}"sv,
    "{'a':1}"sv,
    "{"sv,
    "}"sv,
    "{\"a\":1"sv,
    "{\"a\":1]"sv,
    "{\"a\":1 \"b\":2}"sv,
    "{null:1}"sv,
    "{[]:1}"sv,
    "{\"a\"::1}"sv,
    // Numbers and literals.
    "01"sv,
    "-"sv,
    "+1"sv,
    ".5"sv,
    "1."sv,
    "1.e2"sv,
    "1e"sv,
    "1e+"sv,
    "-01"sv,
    "00"sv,
    "0x1"sv,
    "1_000"sv,
    "--1"sv,
    "1e1.5"sv,
    "NaN"sv,
    "Infinity"sv,
    "-Infinity"sv,
    "nul"sv,
    "nulL"sv,
    "True"sv,
    "tru"sv,
    "truee"sv,
    "undefined"sv,
    "- 1"sv,
    "1 e2"sv,
    // Strings.
    "\""sv,
    "\"a"sv,
    "'a'"sv,
    "\"\n\""sv,
    "\"\t\""sv,
    "\"\x1f\""sv,
    R"("\x41")"sv,
    R"("\u12")"sv,
    R"("\u12g4")"sv,
    R"("\U0041")"sv,
    R"("\)"sv,
    R"("\")"sv,
    R"("\a")"sv,
    R"("\ud800\u")"sv,
    "\"\xff\""sv,
    "\"\xc0\xaf\""sv,
    "\"\xed\xa0\x80\""sv,
    "\"\xf4\x90\x80\x80\""sv,
    "\"\xc3\""sv,
    "\"\x80\""sv,
    "{\"\xff\":1}"sv,
    "\xc3\xa9"sv,
    "// c\n1"sv,
    "/**/1"sv,
    "#"sv,
};

// One of kJsonTexts with up to three bytes inserted, left out or changed. What is JSON then, a DOM can hold.
inline std::string MutatedJson(std::mt19937& random) {
  constexpr std::string_view kBytes = "[]{},:\"\\ tfn01-.eEau\n\x01\0\xc3\xa9"sv;
  std::string text(kJsonTexts[random() % (std::size(kJsonTexts) - 1)]);
  for (unsigned n = random() % 4; n > 0 && !text.empty(); --n) {
    const size_t at = random() % (text.size() + 1);
    const char c = kBytes[random() % kBytes.size()];
    switch (random() % 3) {
      case 0:
        text.insert(at, 1, c);
        break;
      case 1:
        text.erase(at, 1);
        break;
      default:
        if (at < text.size()) text[at] = c;
    }
  }
  return text;
}

inline std::string NestedJson(size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

}  // namespace guardc::test
