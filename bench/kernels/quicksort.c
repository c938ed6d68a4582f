// Recursive quick sort of integers, with insertion sort for the short ends.
#include <stdlib.h>

#include "kernel.h"

enum { SIZE = 600000, ROUNDS = 2, SHORT = 12 };

static void insertion_sort(int32_t* values, int32_t size) {
  for (int32_t i = 1; i < size; i++) {
    const int32_t value = values[i];
    int32_t j = i;
    for (; j > 0 && values[j - 1] > value; j--) values[j] = values[j - 1];
    values[j] = value;
  }
}

static void quicksort(int32_t* values, int32_t size) {
  if (size <= SHORT) {
    insertion_sort(values, size);
    return;
  }
  const int32_t pivot = values[size / 2];
  int32_t low = 0, high = size - 1;
  while (low <= high) {
    while (values[low] < pivot) low++;
    while (values[high] > pivot) high--;
    if (low > high) break;
    const int32_t value = values[low];
    values[low++] = values[high];
    values[high--] = value;
  }
  quicksort(values, high + 1);
  quicksort(values + low, size - low);
}

uint64_t kernel(void) {
  int32_t* values = malloc(SIZE * sizeof *values);
  uint32_t seed = 13;
  uint64_t sum = 0;
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < SIZE; i++) values[i] = (int32_t)next_random(&seed);
    quicksort(values, SIZE);
    for (int i = 0; i < SIZE; i += 1000) sum = sum * 31 + (uint32_t)values[i];
  }
  free(values);
  return sum;
}
