// docs/guard-abi.md, 3, label_response's three answers: none, paths, the legacy items.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "guardc/label.h"
#include "tests/support/json_document.h"

namespace guardc {
namespace {

using nlohmann::json;
using test::Json;
using testing::ElementsAre;
using testing::IsEmpty;

JsonDocument Mcp(const std::string& text) {
  return Json(json({{"content", {{{"type", "text"}, {"text", text}}}}}).dump());
}

// "0:a 1:b" : the items' bytes, and the first secrecy tag of each ("-" for none, "?" for an item without labels, "!"
// for one whose entry has none).
std::string Show(const LabelledData& data) {
  std::string out;
  for (const LabelledItem& item : data.items()) {
    if (!out.empty()) out += " ";
    out += std::string(item.json) + ":";
    if (!item.own) {
      out += "?";
    } else {
      const auto tags = item.own->labels.secrecy.tags();
      out += item.own->are_missing ? "!" : tags.empty() ? "-" : tags.front();
    }
  }
  return out;
}

std::string Labelled(const std::string& answer, const JsonDocument& result) {
  auto data = ParseResponseAnswer(answer, result);
  if (!data) return std::string(ErrorKindName(data.error().kind)) + " " + data.error().details().key;
  if (data->form() == LabelledData::Form::kNone) return "none";
  return data->items().empty() ? "empty" : Show(*data);
}

std::string Path(const std::string& path, const std::string& tag) {
  return json({{"path", path}, {"labels", {{"secrecy", {tag}}}}}).dump();
}
std::string PathsAnswer(const std::string& entries, const std::string& more = "") {
  return "{\"labeled_paths\":[" + entries + "]" + more + "}";
}

TEST(ResponseAnswerTest, NoLabels) {
  for (const char* answer :
       {"", "null", "{}", R"({"items":null})", R"({"items":5})", R"({"items":{}})", R"({"default_labels":5})"}) {
    EXPECT_EQ(Labelled(answer, Json("[1]")), "none") << answer;
  }
}

TEST(ResponseAnswerTest, FormsWithoutAnItem) {
  for (const char* answer : {R"({"items":[]})", R"({"items":[1,"x",null]})"}) {
    EXPECT_EQ(Labelled(answer, Json("[1]")), "empty") << answer;
    EXPECT_EQ(ParseResponseAnswer(answer, Json("[1]"))->form(), LabelledData::Form::kLegacy);
  }
  EXPECT_EQ(Labelled(PathsAnswer(""), Json("[]")), "empty");
  EXPECT_EQ(ParseResponseAnswer(PathsAnswer(""), Json("[]"))->form(), LabelledData::Form::kPaths);
}

TEST(ResponseAnswerTest, SuccessAndErrorMeanNothingHere) {
  EXPECT_EQ(Labelled(PathsAnswer(Path("/0", "a"), R"(,"success":false,"ok":false,"error":"no")"), Json("[1]")), "1:a");
  EXPECT_EQ(Labelled(R"({"success":false,"error":"no"})", Json("[1]")), "none");
}

TEST(ResponseAnswerTest, NotAnObject) {
  for (const char* answer : {" ", "[]", "1", "\"x\"", "true", "{", "nul", "\xff", "{} {}"}) {
    EXPECT_EQ(Labelled(answer, Json("[1]")), "bad_response ") << answer;
  }
}

TEST(ResponseAnswerTest, PathsLabelTheElementsOfAnArray) {
  EXPECT_EQ(Labelled(PathsAnswer(Path("/0", "a") + "," + Path("/2", "c")), Json("[ 1 ,2.50, {\"x\": 3}]")),
            R"(1:a 2.50:? {"x": 3}:c)");
  EXPECT_EQ(Labelled(PathsAnswer(Path("/items/1", "b"), R"(,"items_path":"/items")"), Json(R"({"items":[1,2],"n":2})")),
            "1:? 2:b");
  EXPECT_EQ(
      Labelled(PathsAnswer(Path("/a~1b/~0/1", "x"), R"(,"items_path":"/a~1b/~0")"), Json(R"({"a/b":{"~":[1,2]}})")),
      "1:? 2:x");
  EXPECT_EQ(Labelled(PathsAnswer(Path("/1/0/0", "x"), R"(,"items_path":"/1/0")"), Json("[[],[[7]]]")), "7:x");
  EXPECT_EQ(Labelled(PathsAnswer(Path("/0", "a"), R"(,"items_path":"")"), Json("[1]")), "1:a");
  EXPECT_EQ(Labelled(PathsAnswer(Path("/0", "a"), R"(,"items_path":null)"), Json("[1]")), "1:a");
}

TEST(ResponseAnswerTest, DeeperPathsAndRepeatedOnes) {
  EXPECT_EQ(Labelled(PathsAnswer(Path("/1/title", "t")), Json("[1,{\"title\":2}]")), R"(1:? {"title":2}:t)");
  EXPECT_EQ(Labelled(PathsAnswer(Path("/1/nothing/there", "t")), Json("[1,2]")), "1:? 2:t");
  EXPECT_EQ(Labelled(PathsAnswer(Path("/0", "a") + "," + Path("/0", "b")), Json("[1]")), "1:b");
  EXPECT_EQ(Labelled(PathsAnswer(Path("/0", "a") + "," + R"({"path":"/0","labels":{}})"), Json("[1]")), "1:-");
}

TEST(ResponseAnswerTest, DefaultsAreForElementsWithoutAnEntry) {
  constexpr const char* kDefault = R"(,"default_labels":{"secrecy":["d"]})";
  EXPECT_EQ(Labelled(PathsAnswer(Path("/0", "a"), kDefault), Json("[1,2]")), "1:a 2:d");
  EXPECT_EQ(Labelled(PathsAnswer(R"({"path":"/0","labels":{}})", kDefault), Json("[1,2]")), "1:- 2:d");
  EXPECT_EQ(Labelled(PathsAnswer("", R"(,"default_labels":{})"), Json("[1]")), "1:-");
  EXPECT_EQ(Labelled(PathsAnswer("", kDefault), Json("[1]")), "1:d");
  EXPECT_EQ(Labelled(PathsAnswer("", R"(,"default_labels":null)"), Json("[1]")), "1:?");
  EXPECT_EQ(Labelled(R"({"labeled_paths":null,"default_labels":{"secrecy":["d"]},"items":[{}]})", Json("[1]")), "1:d");
  EXPECT_EQ(Labelled(R"({"labeled_paths":null})", Json("[1]")), "1:?");
}

TEST(ResponseAnswerTest, AnEntryWithoutLabelsIsNoneWithEmptyOnes) {
  EXPECT_EQ(Labelled(PathsAnswer(R"({"path":"/0"},{"path":"/1","labels":null},{"path":"/2","labels":{}})"),
                     Json("[1,2,3,4]")),
            "1:! 2:! 3:- 4:?");
  EXPECT_EQ(Labelled(PathsAnswer(Path("/0", "a") + R"(,{"path":"/0"})"), Json("[1]")), "1:!");
  EXPECT_EQ(Labelled(PathsAnswer(R"({"path":"/0"},)" + Path("/0", "a")), Json("[1]")), "1:a");
  const auto data =
      ParseResponseAnswer(PathsAnswer(R"({"path":"/0"})", R"(,"default_labels":{"secrecy":["d"]})"), Json("[1]"));
  ASSERT_TRUE(data);
  EXPECT_TRUE(data->items()[0].own->are_missing);
  EXPECT_EQ(data->items()[0].own->labels.secrecy, TagSet({"d"}));
}

TEST(ResponseAnswerTest, NullAmongTagsIsAnEmptyTagInThePathFormOnly) {
  EXPECT_EQ(Labelled(PathsAnswer(R"({"path":"/0","labels":{"secrecy":[null]}})"), Json("[1]")), "1:");
  EXPECT_EQ(Labelled(R"({"items":[{"data":1,"labels":{"secrecy":[null]}}]})", Json("[1]")),
            "bad_response items[0].labels.secrecy");
}

TEST(ResponseAnswerTest, WithoutAnArrayTheWholeIsOneItem) {
  constexpr const char* kDefault = R"(,"default_labels":{"secrecy":["d"]})";
  EXPECT_EQ(Labelled(PathsAnswer(Path("/title", "a") + "," + Path("", "b") + "," + Path("/01", "c"), kDefault),
                     Json(R"({"title":1})")),
            R"({"title":1}:d)");
  EXPECT_EQ(Labelled(PathsAnswer(""), Json("5")), "5:?");
  EXPECT_FALSE(ParseResponseAnswer(PathsAnswer(""), Json("{}"))->is_collection());
  EXPECT_TRUE(ParseResponseAnswer(PathsAnswer(""), Json("[1]"))->is_collection());
}

TEST(ResponseAnswerTest, ItemsPathMustLeadToAnArray) {
  for (const char* path : {"\"/x\"", "\"/items/5\"", "\"/items/-\"", "\"/items/01\"", "\"items\"", "\"/~2\"", "\"/~\"",
                           "\"/n\"", "\"/o\"", "\"/items/0\"", "\"/n/x\"", "5", "[]"}) {
    EXPECT_EQ(Labelled(PathsAnswer("", std::string(",\"items_path\":") + path), Json(R"({"items":[1],"n":2,"o":{}})")),
              "bad_response items_path")
        << path;
  }
}

TEST(ResponseAnswerTest, PathsThatNameNoElementAreSkipped) {
  EXPECT_EQ(Labelled(PathsAnswer(Path("/5", "a") + "," + Path("/-", "b") + "," + Path("", "c") + "," +
                                 Path("/99999999999999999999999999", "d")),
                     Json("[1]")),
            "1:?");
  EXPECT_EQ(Labelled(PathsAnswer(Path("/total", "a") + "," + Path("/items", "b") + "," + Path("/0", "c") + ",null,{}",
                                 R"(,"items_path":"/items")"),
                     Json(R"({"items":[1],"total":1})")),
            "1:?");
  // A neighbour whose name begins like the items'.
  EXPECT_EQ(Labelled(PathsAnswer(Path("/items0", "a") + "," + Path("/items/0x/0", "b"), R"(,"items_path":"/items")"),
                     Json(R"({"items":[1],"items0":2})")),
            "bad_response labeled_paths[1].path");
  EXPECT_EQ(Labelled(PathsAnswer(Path("/items0", "a") + "," + Path("/itemsX0", "b") + "," + Path("/items0/0", "c"),
                                 R"(,"items_path":"/items")"),
                     Json(R"({"items":[1],"items0":2})")),
            "1:?");
}

TEST(ResponseAnswerTest, PathsThatAreNoPointersToAnElementAreErrors) {
  for (const char* path : {"/01", "/+1", "/-0", "/-1", "/~2", "/0/~2", "/0~", "0", "items/0", "/", "/ 0", "/0x1",
                           "/1e0", "/title", "#/0", "/\xd9\xa1"}) {
    EXPECT_EQ(Labelled(PathsAnswer(Path(path, "a")), Json("[1,2]")), "bad_response labeled_paths[0].path") << path;
  }
}

TEST(ResponseAnswerTest, PathsPointIntoTheJsonOfAnMcpResult) {
  EXPECT_EQ(Labelled(PathsAnswer(Path("/0", "a")), Mcp(R"([{"n":1.0}, 2])")), R"({"n":1.0}:a 2:?)");
  EXPECT_EQ(Labelled(PathsAnswer(Path("/items/0", "a"), R"(,"items_path":"/items")"), Mcp(R"({"items":["\u0041"]})")),
            R"("\u0041":a)");
  // One level only.
  EXPECT_EQ(Labelled(PathsAnswer(""), Mcp(Mcp("[1]").text().data())), std::string(Mcp("[1]").text()) + ":?");
  // Text that is not JSON: paths apply to the result itself.
  EXPECT_EQ(Labelled(PathsAnswer(Path("/content/0", "a"), R"(,"items_path":"/content")"), Mcp("plain")),
            R"({"text":"plain","type":"text"}:a)");
  EXPECT_EQ(Labelled(PathsAnswer("", R"(,"items_path":"/items")"), Mcp("{\"items\":[1]} x")),
            "bad_response items_path");
  EXPECT_EQ(Labelled(PathsAnswer(""), Json(R"({"content":[]})")), R"({"content":[]}:?)");
  EXPECT_EQ(Labelled(PathsAnswer(""), Json(R"({"content":"[1]"})")), R"({"content":"[1]"}:?)");
}

TEST(ResponseAnswerTest, TextPartsAreJoined) {
  constexpr const char* kParts =
      R"({"content":[{"type":"text","text":"[1,"},{"type":"image","text":"9,","data":""},{"text":"2"},
          {"type":"audio","text":"8"},{"type":"resource","text":"7"},{"type":"custom","text":",3"},
          {"type":5,"text":"]"},{"type":"text"},{"type":"text","text":5},"x"]})";
  EXPECT_EQ(Labelled(PathsAnswer(Path("/1", "b")), Json(kParts)), "1:? 2:b 3:?");
}

TEST(ResponseAnswerTest, AnEnvelopeThatTwoReadersReadDifferentlyIsAnError) {
  EXPECT_EQ(Labelled(PathsAnswer(""), Json(R"({"content":[],"content":[{"text":"[1]"}]})")), "backend content");
  EXPECT_EQ(Labelled(PathsAnswer(""), Json(R"({"content":[{"text":"[1]","text":"[2]"}]})")), "backend text");
  EXPECT_EQ(Labelled(PathsAnswer("", R"(,"items_path":"/i")"), Json(R"({"i":[1],"i":[2]})")), "backend i");
  EXPECT_EQ(Labelled(PathsAnswer("", R"(,"items_path":"/i")"), Mcp(R"({"i":[1],"i":[2]})")), "backend ");
  EXPECT_EQ(Labelled(PathsAnswer(""), Json(R"({"content":[{"text":"[1,\"\ud800\"]"}]})")), "backend ");
  EXPECT_EQ(Labelled(PathsAnswer(""), Mcp(std::string(5000, '[') + std::string(5000, ']'))), "limit ");
}

TEST(ResponseAnswerTest, TheLegacyForm) {
  EXPECT_EQ(Labelled(R"({"items":[{"data":{"n": 1.50},"labels":{"secrecy":["a"]}},7,{"labels":{}},null]})", Json("0")),
            R"({"n": 1.50}:a null:-)");
  EXPECT_EQ(Labelled(R"({"items":[{"data":1}]})", Json("0")), "bad_response items[0].labels");
  for (const char* labels : {"null", "[]", "\"a\"", R"({"secrecy":"a"})", R"({"secrecy":[1]})", R"({"integrity":null})",
                             R"({"Secrecy":["a"]})", R"({"secrecy":["a"],"secrecy":[]})"}) {
    std::string shown = Labelled(std::string(R"({"items":[{"data":1,"labels":)") + labels + "}]}", Json("0"));
    EXPECT_TRUE(shown.starts_with("bad_response ")) << shown;
  }
  EXPECT_EQ(Labelled(R"({"items":[{"Data":1,"labels":{}}]})", Json("0")), "bad_response Data");
}

TEST(ResponseAnswerTest, WrongTypesAndKeysInThePathForm) {
  const std::pair<std::string, const char*> cases[] = {
      {R"({"labeled_paths":5})", "labeled_paths"},
      {R"({"labeled_paths":{}})", "labeled_paths"},
      {R"({"Labeled_paths":[]})", "Labeled_paths"},
      {R"({"labeled_paths":[],"labeled_paths":[]})", "labeled_paths"},
      {PathsAnswer("5"), "labeled_paths[0]"},
      {PathsAnswer(R"({"path":5})"), "labeled_paths[0].path"},
      {PathsAnswer(R"({"Path":"/0"})"), "Path"},
      {PathsAnswer(R"({"path":"/0","labels":5})"), "labeled_paths[0].labels"},
      {PathsAnswer(R"({"path":"/0","labels":{"secrecy":"a"}})"), "labeled_paths[0].labels.secrecy"},
      {PathsAnswer(R"({"path":"/0","labels":{"integrity":[1]}})"), "labeled_paths[0].labels.integrity"},
      {PathsAnswer(R"({"path":"/0","labels":{"description":1}})"), "labeled_paths[0].labels.description"},
      {PathsAnswer("", R"(,"default_labels":[])"), "default_labels"},
      {PathsAnswer("", R"(,"Default_Labels":{})"), "Default_Labels"}};
  for (const auto& [answer, key] : cases) EXPECT_EQ(Labelled(answer, Json("[1]")), std::string("bad_response ") + key);
}

TEST(ResponseAnswerTest, AMillionItemsWithHugeDefaultsStayCheap) {
  std::string tags = "\"t0\"";
  for (int i = 1; i < 9000; ++i) tags += ",\"t" + std::to_string(i) + "\"";
  std::string array = "[0";
  for (int i = 1; i < 1000000; ++i) array += ",0";
  std::string labels = R"({"description":")" + std::string(1 << 20, 'd') + R"(","secrecy":[)" + tags + "]}";
  auto data = ParseResponseAnswer(PathsAnswer(R"({"path":"/7","labels":{}})", ",\"default_labels\":" + labels),
                                  Json(array + "]"));
  ASSERT_TRUE(data);
  EXPECT_EQ(data->items().size(), 1000000u);
}

TEST(ResponseAnswerTest, TagsAreBoundedPerAnswer) {
  std::string entries;
  for (int i = 0; i < 30; ++i) {
    std::string tags;
    for (int j = 0; j < 9000; ++j) tags += (j ? ",\"" : "\"") + std::to_string(i) + "\"";
    entries += (i ? "," : "") + std::string(R"({"path":"/0","labels":{"secrecy":[)") + tags + "]}}";
  }
  EXPECT_TRUE(Labelled(PathsAnswer(entries), Json("[1]")).starts_with("bad_response labeled_paths[22]"));
}

}  // namespace
}  // namespace guardc
