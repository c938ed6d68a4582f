// Five bodies under each other's gravity, in doubles.
#include <math.h>
#include <string.h>

#include "kernel.h"

enum { BODIES = 5, STEPS = 1000000 };
typedef struct {
  double x, y, z, vx, vy, vz, mass;
} Body;

static void advance(Body* bodies, double dt) {
  for (int i = 0; i < BODIES; i++) {
    Body* a = &bodies[i];
    for (int j = i + 1; j < BODIES; j++) {
      Body* b = &bodies[j];
      const double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
      const double square = dx * dx + dy * dy + dz * dz;
      const double pull = dt / (square * sqrt(square));
      a->vx -= dx * b->mass * pull, a->vy -= dy * b->mass * pull, a->vz -= dz * b->mass * pull;
      b->vx += dx * a->mass * pull, b->vy += dy * a->mass * pull, b->vz += dz * a->mass * pull;
    }
  }
  for (int i = 0; i < BODIES; i++) {
    bodies[i].x += dt * bodies[i].vx, bodies[i].y += dt * bodies[i].vy, bodies[i].z += dt * bodies[i].vz;
  }
}

uint64_t kernel(void) {
  Body bodies[BODIES];
  for (int i = 0; i < BODIES; i++) {
    bodies[i] = (Body){3.0 * i, 0.5 * i * i, 0.1 * i, 0.01 * i, 1.0 / (i + 1), -0.02 * i, i == 0 ? 39.0 : 0.01 * i};
  }
  for (int i = 0; i < STEPS; i++) advance(bodies, 0.001);
  uint64_t bits;
  memcpy(&bits, &bodies[1].x, sizeof bits);
  return bits;
}
