// Product of single-precision matrices in the order that compilers vectorise.
#include "kernel.h"

enum { SIZE = 384, ROUNDS = 12 };
static float a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];

static void multiply(void) {
  for (int i = 0; i < SIZE; i++) {
    for (int j = 0; j < SIZE; j++) c[i][j] = 0;
    for (int k = 0; k < SIZE; k++) {
      const float factor = a[i][k];
      for (int j = 0; j < SIZE; j++) c[i][j] += factor * b[k][j];
    }
  }
}

uint64_t kernel(void) {
  uint32_t seed = 11;
  double sum = 0;
  for (int i = 0; i < SIZE; i++) {
    for (int j = 0; j < SIZE; j++) {
      a[i][j] = (float)(next_random(&seed) & 63);
      b[i][j] = (float)(next_random(&seed) & 63);
    }
  }
  for (int round = 0; round < ROUNDS; round++) {
    multiply();
    sum += c[round][SIZE - 1];
    a[round][0] += 1;
  }
  return (uint64_t)sum;
}
