// What wasm2c's runtime would allocate, at an address that its code knows beforehand: see `unprotected` in
// bench/build_peers. Nothing guards what lies behind the memory.
#include <stdlib.h>
#include <sys/mman.h>
#include <wasm-rt.h>

void wasm_rt_allocate_memory(wasm_rt_memory_t* memory, uint32_t initial_pages, uint32_t max_pages) {
  const uint64_t reach = (uint64_t)8 << 30;  // of an address and an offset of 32 bits each
  void* at = mmap(UNPROTECTED_BASE, reach, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (at != UNPROTECTED_BASE) abort();
  memory->data = at;
  memory->pages = initial_pages;
  memory->max_pages = max_pages;
  memory->size = initial_pages * 65536u;
}

uint32_t wasm_rt_grow_memory(wasm_rt_memory_t* memory, uint32_t delta) {
  const uint32_t before = memory->pages;
  if (delta > memory->max_pages - before) return (uint32_t)-1;
  memory->pages += delta;
  memory->size = memory->pages * 65536u;
  return before;
}
