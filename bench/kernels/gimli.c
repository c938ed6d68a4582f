// The Gimli permutation: rotations and logic on twelve words.
#include "kernel.h"

enum { ROUNDS = 700000 };

static uint32_t rotate(uint32_t x, int bits) { return x << bits | x >> (32 - bits); }

static void gimli(uint32_t* state) {
  for (int round = 24; round > 0; --round) {
    for (int column = 0; column < 4; ++column) {
      const uint32_t x = rotate(state[column], 24), y = rotate(state[4 + column], 9), z = state[8 + column];
      state[8 + column] = x ^ z << 1 ^ (y & z) << 2;
      state[4 + column] = y ^ x ^ (x | z) << 1;
      state[column] = z ^ y ^ (x & y) << 3;
    }
    if ((round & 3) == 0) {
      uint32_t x = state[0];
      state[0] = state[1], state[1] = x;
      x = state[2], state[2] = state[3], state[3] = x;
      state[0] ^= 0x9e377900u | (uint32_t)round;
    } else if ((round & 3) == 2) {
      uint32_t x = state[0];
      state[0] = state[2], state[2] = x;
      x = state[1], state[1] = state[3], state[3] = x;
    }
  }
}

uint64_t kernel(void) {
  uint32_t state[12];
  for (uint32_t i = 0; i < 12; i++) state[i] = i * i * i + i * 0x9e3779b9u;
  for (int i = 0; i < ROUNDS; i++) gimli(state);
  return (uint64_t)state[0] << 32 | state[11];
}
