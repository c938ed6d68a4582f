// What every contestant of bench/label_calls.py shares: it reads lines "FUNCTION INPUT_FILE COUNT" from stdin, makes
// that many label calls, and answers "NANOSECONDS ANSWER_BYTES ANSWER_HASH" for all of them together. A process is
// started once and asked in turn with the others, so that noise meets all alike.
//
// call_backend is answered from the files of the directory $GUARDC_BENCH_BACKEND, one TOOL.json each.
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { kOutputCapacity = 4 << 20 };  // bytes, as the gateway offers
enum GuardExport { kAlloc, kDealloc, kLabelAgent, kLabelResource, kLabelResponse, kGuardExports };
static const char* const kExportNames[kGuardExports] = {"alloc", "dealloc", "label_agent", "label_resource",
                                                        "label_response"};

// One label call; the answer stays valid until the next one.
typedef size_t (*LabelCall)(void* self, enum GuardExport function, const char* input, size_t size, const char** answer);

static inline void Die(const char* what) {
  fprintf(stderr, "bench: %s\n", what);
  exit(1);
}

static inline char* ReadWhole(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  if (!file) Die(path);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  char* bytes = (char*)malloc(*size + 1);
  if (!bytes || fread(bytes, 1, *size, file) != *size) Die(path);
  fclose(file);
  return bytes;
}

// Null where the backend has no such tool. Read once; there are few.
static inline const char* BackendAnswer(const char* tool, size_t tool_size, size_t* size) {
  enum { kMost = 8 };
  static struct {
    char path[512];
    char* text;
    size_t size;
  } known[kMost];
  const char* directory = getenv("GUARDC_BENCH_BACKEND");
  if (!directory) return NULL;
  char path[512];
  snprintf(path, sizeof path, "%s/%.*s.json", directory, (int)tool_size, tool);
  for (int i = 0; i < kMost; i++) {
    if (!known[i].text) {
      FILE* file = fopen(path, "rb");
      if (!file) return NULL;
      fclose(file);
      memcpy(known[i].path, path, sizeof path);
      known[i].text = ReadWhole(path, &known[i].size);
    }
    if (strcmp(known[i].path, path) == 0) {
      *size = known[i].size;
      return known[i].text;
    }
  }
  return NULL;
}

// env.call_backend over a guest's memory.
static inline int32_t CallBackendFromMemory(uint8_t* memory, uint32_t tool, uint32_t tool_size, uint32_t result,
                                            uint32_t capacity) {
  size_t size;
  const char* answer = BackendAnswer((const char*)memory + tool, tool_size, &size);
  if (!answer || size > capacity) return -1;
  memcpy(memory + result, answer, size);
  return (int32_t)size;
}

static inline uint64_t NowNs(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static unsigned lines_served;  // so that a contestant sees when the input is another one

static inline int ServeLabels(LabelCall call, void* self) {
  char line[1024], function[32], path[768];
  unsigned count;
  for (; fgets(line, sizeof line, stdin); lines_served++) {
    if (sscanf(line, "%31s %767s %u", function, path, &count) != 3 || count == 0) Die(line);
    enum GuardExport which = kLabelAgent;
    while (which < kGuardExports && strcmp(kExportNames[which], function) != 0) which = (enum GuardExport)(which + 1);
    if (which == kGuardExports) Die(function);
    size_t size, answer_size = 0;
    char* input = ReadWhole(path, &size);
    const char* answer = NULL;
    call(self, which, input, size, &answer);  // whatever the first call for an input has to prepare
    const uint64_t start = NowNs();
    for (unsigned i = 0; i < count; i++) answer_size = call(self, which, input, size, &answer);
    const uint64_t end = NowNs();
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < answer_size; i++) hash = (hash ^ (uint8_t)answer[i]) * 0x100000001b3u;
    free(input);
    printf("%llu %zu %016llx\n", (unsigned long long)(end - start), answer_size, (unsigned long long)hash);
    fflush(stdout);
  }
  return 0;
}

// ---- The buffer protocol, for engines that only call exports ----

typedef struct {
  void* engine;
  int32_t (*call)(void* engine, enum GuardExport which, const int32_t* args, int count);  // 0 where there is no result
  uint8_t* (*memory)(void* engine);
  char* answer;  // kOutputCapacity bytes
} Guest;

static inline size_t LabelThroughBuffers(void* self, enum GuardExport function, const char* input, size_t size,
                                         const char** answer) {
  Guest* guest = (Guest*)self;
  const int32_t input_size = (int32_t)size, output_size = kOutputCapacity;
  const int32_t source = guest->call(guest->engine, kAlloc, &input_size, 1);
  const int32_t target = guest->call(guest->engine, kAlloc, &output_size, 1);
  if (!source || !target) Die("alloc answered null");
  memcpy(guest->memory(guest->engine) + (uint32_t)source, input, size);
  const int32_t args[4] = {source, input_size, target, output_size};
  const int32_t written = guest->call(guest->engine, function, args, 4);
  if (written < 0 || written > output_size) Die("the guard answered an error");
  memcpy(guest->answer, guest->memory(guest->engine) + (uint32_t)target, (size_t)written);
  const int32_t output_range[2] = {target, output_size}, input_range[2] = {source, input_size};
  guest->call(guest->engine, kDealloc, output_range, 2);
  guest->call(guest->engine, kDealloc, input_range, 2);
  *answer = guest->answer;
  return (size_t)written;
}
