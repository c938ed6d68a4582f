// A machine with a stack, interpreted by a switch.
#include "kernel.h"

enum { PUSH, ADD, SUB, MUL, XOR, DUP, SWAP, LOAD, STORE, SHIFT, JUMP_NOT_ZERO, AND, OR, NOT, OVER, STOP };
enum { ITERATIONS = 2500000 };

static uint32_t run(const int32_t* code) {
  uint32_t stack[16], cells[8] = {0};
  uint32_t* top = stack;
  *top = 0;
  for (const int32_t* next = code;;) {
    switch (*next++) {
      case PUSH:
        *++top = (uint32_t)*next++;
        break;
      case ADD:
        top[-1] += top[0], top--;
        break;
      case SUB:
        top[-1] -= top[0], top--;
        break;
      case MUL:
        top[-1] *= top[0], top--;
        break;
      case XOR:
        top[-1] ^= top[0], top--;
        break;
      case AND:
        top[-1] &= top[0], top--;
        break;
      case OR:
        top[-1] |= top[0], top--;
        break;
      case NOT:
        top[0] = ~top[0];
        break;
      case DUP:
        top[1] = top[0], top++;
        break;
      case OVER:
        top[1] = top[-1], top++;
        break;
      case SWAP: {
        const uint32_t value = top[0];
        top[0] = top[-1];
        top[-1] = value;
        break;
      }
      case LOAD:
        *++top = cells[*next++ & 7];
        break;
      case STORE:
        cells[*next++ & 7] = *top--;
        break;
      case SHIFT:
        top[0] = top[0] << 7 | top[0] >> 25;
        break;
      case JUMP_NOT_ZERO:
        if (*top-- != 0)
          next = code + *next;
        else
          next++;
        break;
      default:
        return cells[1];
    }
  }
}

uint64_t kernel(void) {
  static volatile int32_t iterations = ITERATIONS;
  const int32_t code[] = {PUSH, iterations, STORE, 0,  // cell 0 counts down, cell 1 mixes
                          LOAD, 1,          PUSH,  -0x61c88647, ADD, DUP, SHIFT, XOR, LOAD,          0,     OVER,
                          AND,  OR,         PUSH,  5,           MUL, DUP, SWAP,  ADD, NOT,           STORE, 1,
                          LOAD, 0,          PUSH,  1,           SUB, DUP, STORE, 0,   JUMP_NOT_ZERO, 4,     STOP};
  return run(code);
}
