// What a kernel gives main.c: some work that takes roughly 100 ms natively, the same on every machine, and a number
// that depends on all of it. Kernels print nothing and keep their state in static storage or on the heap.
#pragma once

#include <stddef.h>
#include <stdint.h>

uint64_t kernel(void);

// Numbers that a compiler cannot know: the same sequence everywhere.
static inline uint32_t next_random(uint32_t* state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}
