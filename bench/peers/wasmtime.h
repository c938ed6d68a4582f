// What the benchmarks use of wasmtime's C interface. The C library inside the Python package wasmtime 50.0.1 brings no
// headers: the declarations are here, and the scripts run the programs before they measure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/peers/label_host.h"

typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_config_t wasm_config_t;
typedef struct wasm_functype_t wasm_functype_t;
typedef struct wasm_valtype_t wasm_valtype_t;
typedef struct wasm_trap_t wasm_trap_t;
typedef struct wasi_config_t wasi_config_t;
typedef struct wasmtime_error wasmtime_error_t;
typedef struct wasmtime_module wasmtime_module_t;
typedef struct wasmtime_store wasmtime_store_t;
typedef struct wasmtime_context wasmtime_context_t;
typedef struct wasmtime_linker wasmtime_linker_t;
typedef struct wasmtime_caller wasmtime_caller_t;
typedef struct {
  size_t size;
  char* data;
} wasm_byte_vec_t;
typedef struct {
  size_t size;
  wasm_valtype_t** data;
} wasm_valtype_vec_t;
typedef struct {
  uint64_t store_id;
  size_t private_;
} wasmtime_instance_t;
typedef struct {
  uint64_t store_id;
  void* private_;
} wasmtime_func_t;
typedef struct {
  struct {
    uint64_t store_id;
    uint32_t private1;
  } item;
  uint32_t private2;
} wasmtime_memory_t;
typedef struct {
  uint8_t kind;
  union {
    wasmtime_func_t func;
    wasmtime_memory_t memory;
    uint64_t widest[3];
  } of;
} wasmtime_extern_t;
typedef struct {
  uint8_t kind;
  union {
    int32_t i32;
    uint64_t widest[3];
  } of;
} wasmtime_val_t;
_Static_assert(sizeof(wasmtime_extern_t) == 32 && sizeof(wasmtime_val_t) == 32, "the layout of wasmtime 50");
enum { kI32 = 0 };
typedef wasm_trap_t* (*wasmtime_func_callback_t)(void*, wasmtime_caller_t*, const wasmtime_val_t*, size_t,
                                                 wasmtime_val_t*, size_t);

wasm_config_t* wasm_config_new(void);
void wasmtime_config_epoch_interruption_set(wasm_config_t*, bool);
wasm_engine_t* wasm_engine_new_with_config(wasm_config_t*);
wasm_valtype_t* wasm_valtype_new(uint8_t);
void wasm_valtype_vec_new(wasm_valtype_vec_t*, size_t, wasm_valtype_t* const*);
wasm_functype_t* wasm_functype_new(wasm_valtype_vec_t*, wasm_valtype_vec_t*);
wasi_config_t* wasi_config_new(void);
bool wasi_config_set_argv(wasi_config_t*, size_t, const char**);
void wasi_config_inherit_stdout(wasi_config_t*);
bool wasmtime_error_exit_status(const wasmtime_error_t*, int*);
void wasmtime_error_message(const wasmtime_error_t*, wasm_byte_vec_t*);
wasmtime_error_t* wasmtime_module_new(wasm_engine_t*, const uint8_t*, size_t, wasmtime_module_t**);
wasmtime_error_t* wasmtime_module_serialize(wasmtime_module_t*, wasm_byte_vec_t*);
wasmtime_error_t* wasmtime_module_deserialize_file(wasm_engine_t*, const char*, wasmtime_module_t**);
wasmtime_store_t* wasmtime_store_new(wasm_engine_t*, void*, void (*)(void*));
wasmtime_context_t* wasmtime_store_context(wasmtime_store_t*);
wasmtime_error_t* wasmtime_context_set_wasi(wasmtime_context_t*, wasi_config_t*);
void wasmtime_context_set_epoch_deadline(wasmtime_context_t*, uint64_t);
wasmtime_linker_t* wasmtime_linker_new(wasm_engine_t*);
wasmtime_error_t* wasmtime_linker_define_wasi(wasmtime_linker_t*);
wasmtime_error_t* wasmtime_linker_define_func(wasmtime_linker_t*, const char*, size_t, const char*, size_t,
                                              const wasm_functype_t*, wasmtime_func_callback_t, void*, void (*)(void*));
wasmtime_error_t* wasmtime_linker_instantiate(const wasmtime_linker_t*, wasmtime_context_t*, const wasmtime_module_t*,
                                              wasmtime_instance_t*, wasm_trap_t**);
bool wasmtime_instance_export_get(wasmtime_context_t*, const wasmtime_instance_t*, const char*, size_t,
                                  wasmtime_extern_t*);
wasmtime_error_t* wasmtime_func_call(wasmtime_context_t*, const wasmtime_func_t*, const wasmtime_val_t*, size_t,
                                     wasmtime_val_t*, size_t, wasm_trap_t**);
uint8_t* wasmtime_memory_data(const wasmtime_context_t*, const wasmtime_memory_t*);

static inline void Check(wasmtime_error_t* error, const char* what) {
  if (!error) return;
  wasm_byte_vec_t message;
  wasmtime_error_message(error, &message);
  fprintf(stderr, "bench: %s: %.*s\n", what, (int)message.size, message.data);
  exit(1);
}

// Calls can be stopped where `epochs`, as under a gateway; modules are compiled for the same setting.
static inline wasm_engine_t* NewEngine(bool epochs) {
  wasm_config_t* config = wasm_config_new();
  if (epochs) wasmtime_config_epoch_interruption_set(config, true);
  return wasm_engine_new_with_config(config);
}

static inline wasmtime_module_t* CompileFile(wasm_engine_t* engine, const char* path) {
  size_t size;
  char* wasm = ReadWhole(path, &size);
  wasmtime_module_t* module;
  Check(wasmtime_module_new(engine, (const uint8_t*)wasm, size, &module), "compile");
  free(wasm);
  return module;
}

static inline void Serialize(wasmtime_module_t* module, const char* path) {
  wasm_byte_vec_t compiled;
  Check(wasmtime_module_serialize(module, &compiled), "serialize");
  FILE* file = fopen(path, "wb");
  if (!file || fwrite(compiled.data, 1, compiled.size, file) != compiled.size || fclose(file) != 0) Die(path);
}
