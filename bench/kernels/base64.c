// Base64 there and back, byte by byte through tables.
#include "kernel.h"

enum { SIZE = 96 * 1024, ROUNDS = 300 };
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static uint8_t plain[SIZE], back[SIZE];
static char text[SIZE / 3 * 4];
static uint8_t value_of[256];

static void encode(const uint8_t* from, size_t size, char* to) {
  for (size_t i = 0; i < size; i += 3, to += 4) {
    const uint32_t word = (uint32_t)from[i] << 16 | (uint32_t)from[i + 1] << 8 | from[i + 2];
    to[0] = alphabet[word >> 18];
    to[1] = alphabet[word >> 12 & 63];
    to[2] = alphabet[word >> 6 & 63];
    to[3] = alphabet[word & 63];
  }
}

static int decode(const char* from, size_t size, uint8_t* to) {
  uint32_t bad = 0;
  for (size_t i = 0; i < size; i += 4, to += 3) {
    const uint32_t a = value_of[(uint8_t)from[i]], b = value_of[(uint8_t)from[i + 1]];
    const uint32_t c = value_of[(uint8_t)from[i + 2]], d = value_of[(uint8_t)from[i + 3]];
    bad |= a | b | c | d;
    const uint32_t word = a << 18 | b << 12 | c << 6 | d;
    to[0] = (uint8_t)(word >> 16);
    to[1] = (uint8_t)(word >> 8);
    to[2] = (uint8_t)word;
  }
  return bad < 64;
}

uint64_t kernel(void) {
  uint32_t seed = 1;
  uint64_t sum = 0;
  for (int i = 0; i < 256; i++) value_of[i] = 64;
  for (int i = 0; i < 64; i++) value_of[(uint8_t)alphabet[i]] = (uint8_t)i;
  for (int i = 0; i < SIZE; i++) plain[i] = (uint8_t)next_random(&seed);
  for (int round = 0; round < ROUNDS; round++) {
    encode(plain, SIZE, text);
    if (!decode(text, sizeof text, back)) return 0;
    sum = sum * 31 + back[round];
    plain[round] ^= (uint8_t)sum;
  }
  return sum;
}
