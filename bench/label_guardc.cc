// guardc as a contestant of bench/label_calls.py, by the protocol of peers/label_host.h:
//
//   label_guardc guest|text|typed|simdjson CACHE_DIR GUARD.wasm
//
// guest: the exports alone, with the least of a host around them, as the peers are measured. text: Guard::Call, the API
// for text in and out. typed: LabelAgent, LabelResource and LabelResponse, with answers as values; the policy
// and the JSON of the arguments and the result were parsed beforehand, as a gateway has them. simdjson: no guard at
// all, but what typed answers need of that library at least, the limit of what "typed" can add to "guest".
#include <simdjson.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/file.h"
#include "bench/peers/label_host.h"
#include "guardc/guard.h"
#include "guardc/label.h"
#include "guardc/module.h"
#include "runtime/call/guest_call.h"
#include "runtime/label/guard_abi.h"

namespace guardc {
namespace {

class NoLog final : public GuardLog {
 public:
  bool Enabled(LogLevel) const override { return false; }
  void Log(LogLevel, std::string_view, std::string_view) override {}
};

template <class T>
T Take(Result<T> result) {
  if (!result) Die(result.error().message.c_str());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

Result<std::string> CallBackend(std::string_view tool, std::string_view, const CallOptions&) {
  size_t size = 0;
  const char* answer = BackendAnswer(tool.data(), tool.size(), &size);
  if (answer == nullptr) return Fail(ErrorKind::kHostError, "no such tool");
  return std::string(answer, size);
}

// ---- guest ----

struct Exports {
  std::unique_ptr<NoLog> log = std::make_unique<NoLog>();
  HostState host;
  Store store{{.memory_cap_pages = 512}};
  GuestFunction functions[kGuardExports];
};

int32_t CallExport(void* engine, GuardExport which, const int32_t* args, int count) {
  auto& exports = *static_cast<Exports*>(engine);
  abi::Value values[4];
  for (int i = 0; i < count; ++i) values[i].i32 = static_cast<uint32_t>(args[i]);
  exports.host.backend_calls_left = 50;
  Take(exports.functions[which].Call(values, exports.host, {}));
  return static_cast<int32_t>(values[0].i32);
}

uint8_t* MemoryOfExports(void* engine) {
  return reinterpret_cast<uint8_t*>(static_cast<Exports*>(engine)->host.memory.Span(GuestPtr{0}, 0)->data());
}

int ServeGuest(std::shared_ptr<const Module> module) {
  Exports exports;
  exports.host.log = exports.log.get();
  exports.host.backend = CallBackend;
  Instance* instance = Take(InstantiateWithHost(exports.store, std::move(module), exports.host));
  exports.host.memory = MemoryOf(*instance, kMemoryExport);
  for (int i = 0; i < kGuardExports; ++i) {
    const FuncType& type = i == kAlloc ? AllocType() : i == kDealloc ? DeallocType() : LabelFunctionType();
    exports.functions[i] = Take(GuestFunction::Bind(*instance, kExportNames[i], type));
  }
  std::string answer(kOutputCapacity, '\0');
  Guest guest = {&exports, CallExport, MemoryOfExports, answer.data()};
  return ServeLabels(LabelThroughBuffers, &guest);
}

// ---- text and typed ----

std::shared_ptr<Guard> MakeGuard(std::shared_ptr<const Module> module) {
  GuardOptions options;
  options.log = std::make_shared<NoLog>();
  options.backend = CallBackend;
  return Take(Guard::Create(std::move(module), std::move(options)));
}

struct TextGuard {
  std::shared_ptr<Guard> guard;
  std::string answer;
};

size_t LabelText(void* self, GuardExport function, const char* input, size_t size, const char** answer) {
  auto& text = *static_cast<TextGuard*>(self);
  const auto which = static_cast<LabelFunction>(function - kLabelAgent);
  text.answer = Take(text.guard->Call(which, {input, size}));
  *answer = text.answer.data();
  return text.answer.size();
}

struct TypedGuard {
  std::shared_ptr<Guard> guard;
  unsigned line = ~0u;  // whose input the rest was made of
  Policy policy;
  std::string tool;
  JsonDocument args;
  JsonDocument result;
  std::optional<JsonDocument> capabilities;
};

void Prepare(TypedGuard& typed, GuardExport function, const char* input, size_t size) {
  if (typed.line == lines_served) return;
  typed.line = lines_served;
  const auto json = nlohmann::ordered_json::parse(std::string_view(input, size));
  if (function == kLabelAgent) {
    typed.policy = Take(ParsePolicy(json.dump()));
    return;
  }
  typed.tool = json.at("tool_name").get<std::string>();
  typed.args = Take(JsonDocument::Parse(json.at("tool_args").dump()));
  typed.capabilities = Take(JsonDocument::Parse(json.at("capabilities").dump()));
  if (function == kLabelResponse) typed.result = Take(JsonDocument::Parse(json.at("tool_result").dump()));
}

// The answer is a number here: what the typed result holds.
size_t LabelTyped(void* self, GuardExport function, const char* input, size_t size, const char** answer) {
  auto& typed = *static_cast<TypedGuard*>(self);
  Prepare(typed, function, input, size);
  static char held[32];
  size_t count = 0;
  if (function == kLabelAgent) {
    count = Take(LabelAgent(*typed.guard, typed.policy)).labels.integrity.size();
  } else if (function == kLabelResource) {
    count = Take(LabelResource(*typed.guard, typed.tool, typed.args, typed.capabilities)).description.size();
  } else {
    count = Take(LabelResponse(*typed.guard, typed.tool, typed.args, typed.result, typed.capabilities)).items().size();
  }
  *answer = held;
  return static_cast<size_t>(std::to_chars(held, held + sizeof held, count).ptr - held);
}

// ---- simdjson ----

struct Floor {
  std::shared_ptr<Guard> guard;
  unsigned line = ~0u;                         // whose input the rest was made of
  simdjson::padded_string answer;              // the guard's
  std::vector<simdjson::padded_string> texts;  // of the result's parts, with the quotes and escapes of JSON
  simdjson::ondemand::parser parser;
  std::string decoded;
};

void Prepare(Floor& floor, GuardExport function, std::string_view input) {
  if (floor.line == lines_served) return;
  floor.line = lines_served;
  floor.answer = Take(floor.guard->Call(static_cast<LabelFunction>(function - kLabelAgent), input));
  floor.texts.clear();
  if (function != kLabelResponse) return;
  size_t longest = 0;
  const auto request = nlohmann::json::parse(input);
  for (const auto& part : request.at("tool_result").at("content")) {
    const std::string text = part.at("text").dump(-1, ' ', false);
    // As the runtime does, leaves what its first byte tells to be no JSON.
    if (text.starts_with("\"{") || text.starts_with("\"[")) floor.texts.emplace_back(text);
    longest = std::max(longest, text.size());
  }
  floor.decoded.resize(longest + simdjson::SIMDJSON_PADDING);
}

// Structure and UTF-8 of the answer and of the JSON within the result, which has to be decoded for that.
size_t DecodeAlone(void* self, GuardExport function, const char* input, size_t size, const char** answer) {
  auto& floor = *static_cast<Floor*>(self);
  Prepare(floor, function, {input, size});
  simdjson::ondemand::document document;
  if (floor.parser.iterate(floor.answer).get(document) != simdjson::SUCCESS) Die("the answer is no JSON");
  for (const simdjson::padded_string& text : floor.texts) {
    auto* to = reinterpret_cast<uint8_t*>(floor.decoded.data());
    const auto* quoted = reinterpret_cast<const uint8_t*>(text.data()) + 1;
    std::string_view inner;
    if (floor.parser.unescape(simdjson::ondemand::raw_json_string(quoted), to).get(inner) != simdjson::SUCCESS ||
        floor.parser.iterate(floor.decoded.data(), inner.size(), floor.decoded.size()).get(document) !=
            simdjson::SUCCESS) {
      Die("the result's text is no JSON");
    }
  }
  *answer = "";
  return 0;
}

int Main(int argc, char** argv) {
  if (argc != 4) Die("usage: label_guardc guest|text|typed|simdjson CACHE_DIR GUARD.wasm");
  const std::string_view mode = argv[1];
  const auto wasm = Take(ReadFile(argv[3], 1 << 30));
  auto module = Take(Module::Find(wasm, argv[2]));
  if (mode == "guest") return ServeGuest(std::move(module));
  if (mode == "text") {
    TextGuard text{MakeGuard(std::move(module)), {}};
    return ServeLabels(LabelText, &text);
  }
  if (mode == "simdjson") {
    Floor floor;
    floor.guard = MakeGuard(std::move(module));
    return ServeLabels(DecodeAlone, &floor);
  }
  TypedGuard typed;
  typed.guard = MakeGuard(std::move(module));
  return ServeLabels(LabelTyped, &typed);
}

}  // namespace
}  // namespace guardc

int main(int argc, char** argv) { return guardc::Main(argc, argv); }
