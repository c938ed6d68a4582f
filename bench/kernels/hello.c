// The least that a program can do: what is measured is starting it.
#include <stdio.h>

int main(void) {
  puts("hello");
  return 0;
}
