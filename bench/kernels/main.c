// Runs a kernel a few times and prints the nanoseconds and the result of each run. The same source is compiled for the
// machine, for wasm32-wasi, and by wasm2c's host.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernel.h"

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

int main(int argc, char** argv) {
  const int runs = argc > 1 ? atoi(argv[1]) : 3;
  for (int i = 0; i < runs; i++) {
    const uint64_t start = now();
    const uint64_t result = kernel();
    const uint64_t end = now();
    printf("%llu %016llx\n", (unsigned long long)(end - start), (unsigned long long)result);
  }
  return 0;
}
