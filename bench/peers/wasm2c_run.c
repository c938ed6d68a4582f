// The host of a WASI command that wasm2c has turned into C (command.h): what the kernels of bench/kernels need of it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"

typedef struct Z_wasi_snapshot_preview1_instance_t Wasi;

static Z_command_instance_t command;
static int argument_count;
static char** arguments;

static u8* At(u32 address) { return command.w2c_memory.data + address; }
static void StoreU32(u32 address, u32 value) { memcpy(At(address), &value, sizeof value); }

u32 Z_wasi_snapshot_preview1Z_args_sizes_get(Wasi* wasi, u32 count, u32 size) {
  (void)wasi;
  u32 bytes = 0;
  for (int i = 0; i < argument_count; i++) bytes += (u32)strlen(arguments[i]) + 1;
  StoreU32(count, (u32)argument_count);
  StoreU32(size, bytes);
  return 0;
}
u32 Z_wasi_snapshot_preview1Z_args_get(Wasi* wasi, u32 pointers, u32 text) {
  (void)wasi;
  for (int i = 0; i < argument_count; i++, pointers += 4) {
    StoreU32(pointers, text);
    memcpy(At(text), arguments[i], strlen(arguments[i]) + 1);
    text += (u32)strlen(arguments[i]) + 1;
  }
  return 0;
}
u32 Z_wasi_snapshot_preview1Z_clock_time_get(Wasi* wasi, u32 id, u64 precision, u32 out) {
  (void)wasi, (void)id, (void)precision;
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  const u64 now = (u64)time.tv_sec * 1000000000u + (u64)time.tv_nsec;
  memcpy(At(out), &now, sizeof now);
  return 0;
}
u32 Z_wasi_snapshot_preview1Z_fd_close(Wasi* wasi, u32 fd) {
  (void)wasi, (void)fd;
  return 0;
}
u32 Z_wasi_snapshot_preview1Z_fd_fdstat_get(Wasi* wasi, u32 fd, u32 out) {
  (void)wasi;
  memset(At(out), 0, 24);
  *At(out) = fd <= 2 ? 2 : 0;  // a character device
  return fd <= 2 ? 0 : 8;
}
u32 Z_wasi_snapshot_preview1Z_fd_seek(Wasi* wasi, u32 fd, u64 offset, u32 whence, u32 out) {
  (void)wasi, (void)fd, (void)offset, (void)whence, (void)out;
  return 70;  // spipe
}
u32 Z_wasi_snapshot_preview1Z_fd_write(Wasi* wasi, u32 fd, u32 vectors, u32 count, u32 out) {
  (void)wasi;
  u32 total = 0;
  for (u32 i = 0; i < count; i++, vectors += 8) {
    u32 address, size;
    memcpy(&address, At(vectors), sizeof address);
    memcpy(&size, At(vectors + 4), sizeof size);
    if (size > 0 && write((int)fd, At(address), size) != (ssize_t)size) return 29;  // io
    total += size;
  }
  StoreU32(out, total);
  return 0;
}
void Z_wasi_snapshot_preview1Z_proc_exit(Wasi* wasi, u32 code) {
  (void)wasi;
  exit((int)code);
}

int main(int argc, char** argv) {
  argument_count = argc;
  arguments = argv;
  wasm_rt_init();
  Z_command_init_module();
  Z_command_instantiate(&command, NULL);
  Z_commandZ__start(&command);
  return 0;
}
