// Reads a table in CSV with quotes, character by character, and adds up what it finds.
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

enum { ROWS = 40000, ROUNDS = 12 };

typedef struct {
  const char *next, *end;
} Reader;

// One field, without its quotes; returns what ended it: ',', '\n' or 0.
static int read_field(Reader* reader, char* field, size_t* size) {
  size_t n = 0;
  int quoted = 0;
  while (reader->next < reader->end) {
    const char c = *reader->next++;
    if (c == '"') {
      if (quoted && reader->next < reader->end && *reader->next == '"') {
        field[n++] = '"';
        reader->next++;
      } else {
        quoted = !quoted;
      }
    } else if (!quoted && (c == ',' || c == '\n')) {
      *size = n;
      return c;
    } else {
      field[n++] = c;
    }
  }
  *size = n;
  return 0;
}

static char* write_number(char* out, uint32_t number) {
  char digits[10];
  int count = 0;
  do digits[count++] = (char)('0' + number % 10);
  while ((number /= 10) != 0);
  while (count > 0) *out++ = digits[--count];
  return out;
}

static char* write_row(char* out, uint32_t* seed) {
  static const char* const names[] = {"\"Wu, Ada\"", "plain", "\"with \"\"quotes\"\" inside\"", ""};
  out = write_number(out, next_random(seed) % 100000);
  *out++ = ',';
  const char* name = names[next_random(seed) & 3];
  memcpy(out, name, strlen(name));
  out += strlen(name);
  *out++ = ',';
  out = write_number(out, next_random(seed));
  *out++ = '\n';
  return out;
}

uint64_t kernel(void) {
  uint32_t seed = 5;
  char *table = malloc(ROWS * 64), *end = table;
  uint64_t sum = 0;
  char field[64];
  for (int i = 0; i < ROWS; i++) end = write_row(end, &seed);
  for (int round = 0; round < ROUNDS; round++) {
    Reader reader = {table, end};
    size_t size;
    for (int column = 0, stop; (stop = read_field(&reader, field, &size)) != 0; column = stop == ',' ? column + 1 : 0) {
      if (column == 1) {
        for (size_t i = 0; i < size; i++) sum = sum * 31 + (uint8_t)field[i];
      } else {
        uint32_t number = 0;
        for (size_t i = 0; i < size; i++) number = number * 10 + (uint32_t)(field[i] - '0');
        sum += number;
      }
    }
  }
  free(table);
  return sum;
}
