// XChaCha20: the stream cipher over a buffer, with a fresh nonce each time.
#include "kernel.h"

enum { SIZE = 64 * 1024, ROUNDS = 900 };
static uint8_t buffer[SIZE];

static uint32_t rotate(uint32_t x, int bits) { return x << bits | x >> (32 - bits); }

static void quarter(uint32_t* x, int a, int b, int c, int d) {
  x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 16);
  x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 12);
  x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 8);
  x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 7);
}

static void rounds(uint32_t x[16]) {
  for (int i = 0; i < 10; i++) {
    quarter(x, 0, 4, 8, 12), quarter(x, 1, 5, 9, 13), quarter(x, 2, 6, 10, 14), quarter(x, 3, 7, 11, 15);
    quarter(x, 0, 5, 10, 15), quarter(x, 1, 6, 11, 12), quarter(x, 2, 7, 8, 13), quarter(x, 3, 4, 9, 14);
  }
}

static void set_up(uint32_t x[16], const uint32_t key[8]) {
  static const uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  for (int i = 0; i < 4; i++) x[i] = constants[i];
  for (int i = 0; i < 8; i++) x[4 + i] = key[i];
}

static void encrypt(uint8_t* bytes, size_t size, const uint32_t key[8], const uint32_t nonce[6]) {
  uint32_t first[16], state[16], block[16];
  set_up(first, key);
  for (int i = 0; i < 4; i++) first[12 + i] = nonce[i];
  rounds(first);
  const uint32_t subkey[8] = {first[0], first[1], first[2], first[3], first[12], first[13], first[14], first[15]};
  set_up(state, subkey);
  state[12] = state[13] = 0;
  state[14] = nonce[4], state[15] = nonce[5];
  for (size_t done = 0; done < size; done += 64, state[12]++) {
    for (int i = 0; i < 16; i++) block[i] = state[i];
    rounds(block);
    for (int i = 0; i < 16; i++) {
      const uint32_t word = block[i] + state[i];
      for (int j = 0; j < 4; j++) bytes[done + 4 * (size_t)i + (size_t)j] ^= (uint8_t)(word >> (8 * j));
    }
  }
}

uint64_t kernel(void) {
  uint32_t key[8], nonce[6] = {1, 2, 3, 4, 5, 6};
  uint64_t sum = 0;
  for (uint32_t i = 0; i < 8; i++) key[i] = i * 0x01010101u;
  for (int i = 0; i < SIZE; i++) buffer[i] = 0;
  for (int round = 0; round < ROUNDS; round++) {
    nonce[0] = (uint32_t)round;
    encrypt(buffer, SIZE, key, nonce);
    sum = sum * 31 + buffer[round];
  }
  return sum;
}
