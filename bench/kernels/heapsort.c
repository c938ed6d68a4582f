// Heap sort of doubles.
#include <stdlib.h>

#include "kernel.h"

enum { SIZE = 500000, ROUNDS = 2 };

static void sift(double* heap, uint32_t root, uint32_t size) {
  const double value = heap[root];
  for (uint32_t child; (child = 2 * root + 1) < size; root = child) {
    if (child + 1 < size && heap[child] < heap[child + 1]) child++;
    if (heap[child] <= value) break;
    heap[root] = heap[child];
  }
  heap[root] = value;
}

static void heapsort(double* values, uint32_t size) {
  for (uint32_t i = size / 2; i-- > 0;) sift(values, i, size);
  for (uint32_t end = size - 1; end > 0; end--) {
    const double largest = values[0];
    values[0] = values[end];
    values[end] = largest;
    sift(values, 0, end);
  }
}

uint64_t kernel(void) {
  double* values = malloc(SIZE * sizeof *values);
  uint32_t seed = 7;
  uint64_t sum = 0;
  for (int round = 0; round < ROUNDS; round++) {
    for (uint32_t i = 0; i < SIZE; i++) values[i] = next_random(&seed);
    heapsort(values, SIZE);
    for (uint32_t i = 1; i < SIZE; i++) sum += values[i - 1] <= values[i] ? i : 0;
  }
  free(values);
  return sum;
}
