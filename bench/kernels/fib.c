// Calls and returns.
#include "kernel.h"

__attribute__((noinline)) static uint32_t fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

uint64_t kernel(void) {
  static volatile uint32_t n = 37;
  return fib(n);
}
