// A small operating system's scheduler: tasks with priorities that pass packets to each other. Linked structures and
// calls through pointers, after the idea of Martin Richards' benchmark.
#include <stdlib.h>

#include "kernel.h"

enum { IDLE, WORKER, HANDLER_A, HANDLER_B, DEVICE_A, DEVICE_B, TASKS };
enum { BUFFER = 4, WORK = 0, FROM_DEVICE = 1, TICKS = 4000000 };

typedef struct Packet {
  struct Packet* next;
  int32_t address, kind, at;
  uint8_t data[BUFFER];
} Packet;

typedef struct Task Task;
typedef Task* (*Step)(Task* self, Packet* packet);
struct Task {
  Task* next;
  Packet* queue;
  Packet *pending, *work;
  Step step;
  int32_t id, priority, held, waiting;
  int32_t first, second;
};

static Task *all, *by_id[TASKS];
static uint64_t queued, held;
static int32_t ticks_left;

static void append(Packet** list, Packet* packet) {
  packet->next = NULL;
  while (*list != NULL) list = &(*list)->next;
  *list = packet;
}

static Task* wait_for_packet(Task* self) {
  self->waiting = 1;
  return self;
}

static Task* hold(Task* self) {
  held++;
  self->held = 1;
  return self->next;
}

static Task* release(Task* self, int32_t id) {
  Task* task = by_id[id];
  task->held = 0;
  return task->priority > self->priority ? task : self;
}

static Task* send(Task* self, Packet* packet) {
  Task* task = by_id[packet->address];
  queued++;
  packet->address = self->id;
  if (task->queue == NULL && task->waiting) {
    append(&task->queue, packet);
    task->waiting = 0;
    return task->priority > self->priority ? task : self;
  }
  append(&task->queue, packet);
  return self;
}

static Task* idle(Task* self, Packet* packet) {
  (void)packet;
  if (--ticks_left <= 0) return hold(self);
  self->first = (self->first & 1) ? (self->first >> 1 ^ 0xd008) : self->first >> 1;
  return release(self, (self->first & 1) ? DEVICE_A : DEVICE_B);
}

static Task* worker(Task* self, Packet* packet) {
  if (packet == NULL) return wait_for_packet(self);
  self->first = self->first == HANDLER_A ? HANDLER_B : HANDLER_A;
  packet->address = self->first;
  packet->at = 0;
  for (int i = 0; i < BUFFER; i++) {
    self->second = self->second >= 26 ? 1 : self->second + 1;
    packet->data[i] = (uint8_t)('A' - 1 + self->second);
  }
  return send(self, packet);
}

static Task* handler(Task* self, Packet* packet) {
  if (packet != NULL) append(packet->kind == WORK ? &self->work : &self->pending, packet);
  if (self->work == NULL) return wait_for_packet(self);
  Packet* work = self->work;
  if (work->at >= BUFFER) {
    self->work = work->next;
    return send(self, work);
  }
  if (self->pending == NULL) return wait_for_packet(self);
  Packet* out = self->pending;
  self->pending = out->next;
  out->data[0] = work->data[work->at++];
  return send(self, out);
}

static Task* device(Task* self, Packet* packet) {
  if (packet == NULL) {
    if (self->pending == NULL) return wait_for_packet(self);
    Packet* out = self->pending;
    self->pending = NULL;
    return send(self, out);
  }
  self->pending = packet;
  return hold(self);
}

static Packet* make_packet(int32_t address, int32_t kind, Packet* next) {
  Packet* packet = calloc(1, sizeof *packet);
  packet->address = address;
  packet->kind = kind;
  packet->next = next;
  return packet;
}

static void make_task(int32_t id, int32_t priority, Step step, Packet* queue) {
  Task* task = calloc(1, sizeof *task);
  task->id = id;
  task->priority = priority;
  task->step = step;
  task->queue = queue;
  task->waiting = queue == NULL && id != IDLE;
  task->next = all;
  all = by_id[id] = task;
}

static void schedule(void) {
  for (Task* task = all; task != NULL;) {
    if (task->held || (task->waiting && task->queue == NULL)) {
      task = task->next;
      continue;
    }
    task->waiting = 0;
    Packet* packet = task->queue;
    if (packet != NULL) {
      task->queue = packet->next;
      packet->next = NULL;
    }
    task = task->step(task, packet);
  }
}

uint64_t kernel(void) {
  all = NULL;
  queued = held = 0;
  ticks_left = TICKS;
  make_task(IDLE, 0, idle, NULL);
  by_id[IDLE]->first = 1;
  make_task(WORKER, 1000, worker, make_packet(0, WORK, make_packet(0, WORK, NULL)));
  by_id[WORKER]->first = HANDLER_A;
  for (int32_t i = 0; i < 2; i++) {
    Packet* packets = NULL;
    for (int j = 0; j < 3; j++) packets = make_packet(DEVICE_A + i, FROM_DEVICE, packets);
    make_task(HANDLER_A + i, 2000 + 1000 * i, handler, packets);
  }
  make_task(DEVICE_A, 4000, device, NULL);
  make_task(DEVICE_B, 5000, device, NULL);
  schedule();
  return queued << 32 | held;
}
