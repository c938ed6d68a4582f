// What starting a process costs before it does anything: the floor of every cold start.
#include <unistd.h>

int main(void) { return write(STDOUT_FILENO, "x", 1) == 1 ? 0 : 1; }
