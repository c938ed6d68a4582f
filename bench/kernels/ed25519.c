// Scalar multiplication on Curve25519 in Montgomery form, with limbs of 51 bits and 128-bit products: the arithmetic of
// Ed25519 and X25519.
#include "kernel.h"

enum { MULTIPLICATIONS = 1200 };
typedef unsigned __int128 Wide;
typedef uint64_t Field[5];
static const uint64_t low51 = ((uint64_t)1 << 51) - 1;

static void carry(Field out, Wide t[5]) {
  for (int i = 0; i < 4; i++) {
    t[i + 1] += (uint64_t)(t[i] >> 51);
    out[i] = (uint64_t)t[i] & low51;
  }
  out[4] = (uint64_t)t[4] & low51;
  out[0] += (uint64_t)(t[4] >> 51) * 19;
  out[1] += out[0] >> 51;
  out[0] &= low51;
}

static void multiply(Field out, const Field a, const Field b) {
  const uint64_t b1 = b[1] * 19, b2 = b[2] * 19, b3 = b[3] * 19, b4 = b[4] * 19;
  Wide t[5];
  t[0] = (Wide)a[0] * b[0] + (Wide)a[1] * b4 + (Wide)a[2] * b3 + (Wide)a[3] * b2 + (Wide)a[4] * b1;
  t[1] = (Wide)a[0] * b[1] + (Wide)a[1] * b[0] + (Wide)a[2] * b4 + (Wide)a[3] * b3 + (Wide)a[4] * b2;
  t[2] = (Wide)a[0] * b[2] + (Wide)a[1] * b[1] + (Wide)a[2] * b[0] + (Wide)a[3] * b4 + (Wide)a[4] * b3;
  t[3] = (Wide)a[0] * b[3] + (Wide)a[1] * b[2] + (Wide)a[2] * b[1] + (Wide)a[3] * b[0] + (Wide)a[4] * b4;
  t[4] = (Wide)a[0] * b[4] + (Wide)a[1] * b[3] + (Wide)a[2] * b[2] + (Wide)a[3] * b[1] + (Wide)a[4] * b[0];
  carry(out, t);
}

static void scale(Field out, const Field a, uint64_t factor) {
  Wide t[5];
  for (int i = 0; i < 5; i++) t[i] = (Wide)a[i] * factor;
  carry(out, t);
}

static void add(Field out, const Field a, const Field b) {
  for (int i = 0; i < 5; i++) out[i] = a[i] + b[i];
}

// a - b, kept positive by adding 4p.
static void subtract(Field out, const Field a, const Field b) {
  out[0] = a[0] + 0x1fffffffffffb4u - b[0];
  for (int i = 1; i < 5; i++) out[i] = a[i] + 0x1ffffffffffffcu - b[i];
}

static void swap_if(uint64_t bit, Field a, Field b) {
  for (int i = 0; i < 5; i++) {
    const uint64_t difference = (a[i] ^ b[i]) & (0 - bit);
    a[i] ^= difference;
    b[i] ^= difference;
  }
}

static void ladder(Field x, Field z, const Field base, const uint8_t scalar[32]) {
  Field x2 = {1}, z2 = {0}, x3, z3 = {1}, a, b, aa, bb, e, c, d;
  for (int i = 0; i < 5; i++) x3[i] = base[i];
  uint64_t swapped = 0;
  for (int position = 254; position >= 0; position--) {
    const uint64_t bit = scalar[position >> 3] >> (position & 7) & 1;
    swap_if(bit ^ swapped, x2, x3);
    swap_if(bit ^ swapped, z2, z3);
    swapped = bit;
    add(a, x2, z2), subtract(b, x2, z2);
    multiply(aa, a, a), multiply(bb, b, b);
    subtract(e, aa, bb);
    add(c, x3, z3), subtract(d, x3, z3);
    multiply(d, d, a), multiply(c, c, b);
    add(x3, d, c), multiply(x3, x3, x3);
    subtract(z3, d, c), multiply(z3, z3, z3), multiply(z3, z3, base);
    multiply(x2, aa, bb);
    scale(a, e, 121665), add(a, a, aa), multiply(z2, e, a);
  }
  swap_if(swapped, x2, x3);
  swap_if(swapped, z2, z3);
  for (int i = 0; i < 5; i++) x[i] = x2[i], z[i] = z2[i];
}

uint64_t kernel(void) {
  uint32_t seed = 25519;
  Field x = {9}, z;
  uint8_t scalar[32];
  uint64_t sum = 0;
  for (int i = 0; i < MULTIPLICATIONS; i++) {
    for (int j = 0; j < 32; j++) scalar[j] = (uint8_t)next_random(&seed);
    ladder(x, z, x, scalar);
    sum ^= x[0] + 3 * z[1];
  }
  return sum;
}
