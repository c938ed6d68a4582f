// The sieve of Eratosthenes over bytes.
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

enum { LIMIT = 2000000, ROUNDS = 12 };

uint64_t kernel(void) {
  uint8_t* composite = malloc(LIMIT);
  uint64_t count = 0;
  for (int round = 0; round < ROUNDS; round++) {
    memset(composite, 0, LIMIT);
    for (uint32_t i = 2; i * i < LIMIT; i++) {
      if (composite[i]) continue;
      for (uint32_t j = i * i; j < LIMIT; j += i) composite[j] = 1;
    }
    for (uint32_t i = 2; i < LIMIT; i++) count += !composite[i];
  }
  free(composite);
  return count;
}
