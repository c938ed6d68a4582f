// Product of integer matrices whose rows are allocated one by one: loads through loaded pointers.
#include <stdlib.h>

#include "kernel.h"

enum { SIZE = 300, ROUNDS = 5 };

static int32_t** make(uint32_t* seed) {
  int32_t** rows = malloc(SIZE * sizeof *rows);
  for (int i = 0; i < SIZE; i++) {
    rows[i] = malloc(SIZE * sizeof **rows);
    for (int j = 0; j < SIZE; j++) rows[i][j] = (int32_t)(next_random(seed) & 255) - 128;
  }
  return rows;
}

static void release(int32_t** rows) {
  for (int i = 0; i < SIZE; i++) free(rows[i]);
  free(rows);
}

static void multiply(int32_t** a, int32_t** b, int32_t** out) {
  for (int i = 0; i < SIZE; i++) {
    for (int j = 0; j < SIZE; j++) {
      int32_t sum = 0;
      for (int k = 0; k < SIZE; k++) sum += a[i][k] * b[k][j];
      out[i][j] = sum;
    }
  }
}

uint64_t kernel(void) {
  uint32_t seed = 3;
  int32_t **a = make(&seed), **b = make(&seed), **c = make(&seed);
  uint64_t sum = 0;
  for (int round = 0; round < ROUNDS; round++) {
    multiply(a, b, c);
    sum += (uint32_t)c[round][SIZE - 1 - round];
    a[0][round] += 1;
  }
  release(a), release(b), release(c);
  return sum;
}
