// Keccak-f[1600], the permutation of SHA-3.
#include "kernel.h"

enum { PERMUTATIONS = 250000 };
static const int offsets[25] = {0,  1,  62, 28, 27, 36, 44, 6,  55, 20, 3,  10, 43,
                                25, 39, 41, 45, 15, 21, 8,  18, 2,  61, 56, 14};

static uint64_t rotate(uint64_t x, int bits) { return bits == 0 ? x : x << bits | x >> (64 - bits); }

// The round constants come out of a shift register, as the standard defines them.
static void round_constants(uint64_t constants[24]) {
  uint8_t state = 1;
  for (int round = 0; round < 24; round++) {
    constants[round] = 0;
    for (int bit = 0; bit < 7; bit++) {
      if (state & 1) constants[round] |= (uint64_t)1 << ((1 << bit) - 1);
      state = (uint8_t)(state << 1 ^ (state >> 7) * 0x71);
    }
  }
}

static void permute(uint64_t a[25], const uint64_t constants[24]) {
  for (int round = 0; round < 24; round++) {
    uint64_t c[5], b[25];
    for (int x = 0; x < 5; x++) c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    for (int x = 0; x < 5; x++) {
      const uint64_t d = c[(x + 4) % 5] ^ rotate(c[(x + 1) % 5], 1);
      for (int y = 0; y < 25; y += 5) a[x + y] ^= d;
    }
    for (int x = 0; x < 5; x++) {
      for (int y = 0; y < 5; y++) b[y + 5 * ((2 * x + 3 * y) % 5)] = rotate(a[x + 5 * y], offsets[x + 5 * y]);
    }
    for (int y = 0; y < 25; y += 5) {
      for (int x = 0; x < 5; x++) a[x + y] = b[x + y] ^ (~b[(x + 1) % 5 + y] & b[(x + 2) % 5 + y]);
    }
    a[0] ^= constants[round];
  }
}

uint64_t kernel(void) {
  uint64_t state[25] = {0}, constants[24];
  round_constants(constants);
  for (int i = 0; i < PERMUTATIONS; i++) permute(state, constants);
  return state[0];
}
