// wasm2c_label makes label calls on a guard that wasm2c has turned into C (guard.h, beside this file's objects):
// label_host.h's protocol.
#include "bench/peers/label_host.h"
#include "guard.h"

static Z_guard_instance_t guard;

u32 Z_envZ_call_backend(struct Z_env_instance_t* env, u32 tool, u32 tool_size, u32 args, u32 args_size, u32 result,
                        u32 capacity) {
  (void)env, (void)args, (void)args_size;
  return (u32)CallBackendFromMemory(guard.w2c_memory.data, tool, tool_size, result, capacity);
}
void Z_envZ_host_log(struct Z_env_instance_t* env, u32 level, u32 message, u32 size) {
  (void)env, (void)level, (void)message, (void)size;
}

typedef struct Z_wasi_snapshot_preview1_instance_t Wasi;

u32 Z_wasi_snapshot_preview1Z_clock_time_get(Wasi* wasi, u32 id, u64 precision, u32 time) {
  (void)wasi, (void)id, (void)precision;
  const u64 now = NowNs();
  memcpy(guard.w2c_memory.data + time, &now, sizeof now);
  return 0;
}
u32 Z_wasi_snapshot_preview1Z_random_get(Wasi* wasi, u32 buffer, u32 size) {
  (void)wasi;
  for (u32 i = 0; i < size; i++) guard.w2c_memory.data[buffer + i] = (u8)(rand() >> 8);
  return 0;
}
u32 Z_wasi_snapshot_preview1Z_environ_get(Wasi* wasi, u32 pointers, u32 text) {
  (void)wasi, (void)pointers, (void)text;
  return 0;
}
u32 Z_wasi_snapshot_preview1Z_environ_sizes_get(Wasi* wasi, u32 count, u32 size) {
  (void)wasi;
  memset(guard.w2c_memory.data + count, 0, sizeof(u32));
  memset(guard.w2c_memory.data + size, 0, sizeof(u32));
  return 0;
}
u32 Z_wasi_snapshot_preview1Z_fd_write(Wasi* wasi, u32 fd, u32 vectors, u32 count, u32 written) {
  (void)wasi, (void)fd, (void)vectors, (void)count, (void)written;
  return 8;  // badf
}
u32 Z_wasi_snapshot_preview1Z_poll_oneoff(Wasi* wasi, u32 in, u32 out, u32 count, u32 events) {
  (void)wasi, (void)in, (void)out, (void)count, (void)events;
  return 52;  // nosys
}
void Z_wasi_snapshot_preview1Z_proc_exit(Wasi* wasi, u32 code) {
  (void)wasi;
  exit((int)code);
}

static int32_t Call(void* self, enum GuardExport which, const int32_t* values, int count) {
  (void)self, (void)count;
  const u32* args = (const u32*)values;
  switch (which) {
    case kAlloc:
      return (int32_t)Z_guardZ_alloc(&guard, args[0]);
    case kDealloc:
      Z_guardZ_dealloc(&guard, args[0], args[1]);
      return 0;
    case kLabelAgent:
      return (int32_t)Z_guardZ_label_agent(&guard, args[0], args[1], args[2], args[3]);
    case kLabelResource:
      return (int32_t)Z_guardZ_label_resource(&guard, args[0], args[1], args[2], args[3]);
    default:
      return (int32_t)Z_guardZ_label_response(&guard, args[0], args[1], args[2], args[3]);
  }
}

static uint8_t* MemoryOf(void* self) {
  (void)self;
  return guard.w2c_memory.data;
}

int main(void) {
  wasm_rt_init();
  Z_guard_init_module();
  Z_guard_instantiate(&guard, NULL, NULL);
  Guest guest = {NULL, Call, MemoryOf, malloc(kOutputCapacity)};
  return ServeLabels(LabelThroughBuffers, &guest);
}
