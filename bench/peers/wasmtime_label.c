// wasmtime_label calls one label function of a guard with wasmtime, from a module compiled beforehand: the peer of
// `guardc call`. The answer goes to stdout.
//
//   wasmtime_label compile GUARD.wasm MODULE.cwasm
//   wasmtime_label GUARD.cwasm FUNCTION INPUT.json
//
// Links the C library inside the Python package wasmtime 50.0.1, which brings no headers: what is used of its interface
// is declared here, and bench/cold_start.py runs the result before it measures.
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
  uint64_t store_id;
  uint32_t private1, private2;
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
enum { kI32 = 0, kFunc = 0, kMemory = 3 };
typedef wasm_trap_t* (*wasmtime_func_callback_t)(void*, wasmtime_caller_t*, const wasmtime_val_t*, size_t,
                                                 wasmtime_val_t*, size_t);

wasm_config_t* wasm_config_new(void);
void wasmtime_config_epoch_interruption_set(wasm_config_t*, bool);
wasm_engine_t* wasm_engine_new_with_config(wasm_config_t*);
wasm_valtype_t* wasm_valtype_new(uint8_t);
void wasm_valtype_vec_new(wasm_valtype_vec_t*, size_t, wasm_valtype_t* const*);
wasm_functype_t* wasm_functype_new(wasm_valtype_vec_t*, wasm_valtype_vec_t*);
wasi_config_t* wasi_config_new(void);
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

#define OUTPUT_CAPACITY (4 << 20)  // bytes

static void Fail(const char* what) {
  fprintf(stderr, "wasmtime_label: %s\n", what);
  exit(1);
}

static void Check(wasmtime_error_t* error, const char* what) {
  if (!error) return;
  wasm_byte_vec_t message;
  wasmtime_error_message(error, &message);
  fprintf(stderr, "wasmtime_label: %s: %.*s\n", what, (int)message.size, message.data);
  exit(1);
}

static uint8_t* ReadWhole(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  if (!file) Fail(path);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  uint8_t* bytes = malloc(*size);
  if (fread(bytes, 1, *size, file) != *size) Fail(path);
  fclose(file);
  return bytes;
}

static wasm_trap_t* CallBackend(void* env, wasmtime_caller_t* caller, const wasmtime_val_t* args, size_t arg_count,
                                wasmtime_val_t* results, size_t result_count) {
  (void)env, (void)caller, (void)args, (void)arg_count, (void)result_count;
  results[0].kind = kI32;
  results[0].of.i32 = -1;
  return NULL;
}

static wasm_trap_t* HostLog(void* env, wasmtime_caller_t* caller, const wasmtime_val_t* args, size_t arg_count,
                            wasmtime_val_t* results, size_t result_count) {
  (void)env, (void)caller, (void)args, (void)arg_count, (void)results, (void)result_count;
  return NULL;
}

static void Define(wasmtime_linker_t* linker, const char* name, size_t params, size_t results,
                   wasmtime_func_callback_t callback) {
  wasm_valtype_t* types[6];
  wasm_valtype_vec_t param_types, result_types;
  for (size_t i = 0; i < params; i++) types[i] = wasm_valtype_new(kI32);
  wasm_valtype_vec_new(&param_types, params, types);
  for (size_t i = 0; i < results; i++) types[i] = wasm_valtype_new(kI32);
  wasm_valtype_vec_new(&result_types, results, types);
  Check(wasmtime_linker_define_func(linker, "env", 3, name, strlen(name),
                                    wasm_functype_new(&param_types, &result_types), callback, NULL, NULL),
        name);
}

typedef struct {
  wasmtime_context_t* context;
  wasmtime_instance_t instance;
} Guard;

static wasmtime_extern_t Export(Guard* guard, const char* name) {
  wasmtime_extern_t item;
  if (!wasmtime_instance_export_get(guard->context, &guard->instance, name, strlen(name), &item)) Fail(name);
  return item;
}

static int32_t Call(Guard* guard, const char* name, const int32_t* values, size_t count) {
  wasmtime_extern_t function = Export(guard, name);
  wasmtime_val_t args[4], result;
  wasm_trap_t* trap = NULL;
  for (size_t i = 0; i < count; i++) args[i].kind = kI32, args[i].of.i32 = values[i];
  Check(wasmtime_func_call(guard->context, &function.of.func, args, count, &result, 1, &trap), name);
  if (trap) Fail("trap");
  return result.of.i32;
}

int main(int argc, char** argv) {
  if (argc != 4) Fail("usage: wasmtime_label compile GUARD.wasm MODULE.cwasm | MODULE.cwasm FUNCTION INPUT.json");
  wasm_config_t* config = wasm_config_new();
  wasmtime_config_epoch_interruption_set(config, true);  // calls can be stopped, as under a gateway
  wasm_engine_t* engine = wasm_engine_new_with_config(config);
  wasmtime_module_t* module;
  size_t size;
  if (strcmp(argv[1], "compile") == 0) {
    uint8_t* wasm = ReadWhole(argv[2], &size);
    wasm_byte_vec_t compiled;
    Check(wasmtime_module_new(engine, wasm, size, &module), "compile");
    Check(wasmtime_module_serialize(module, &compiled), "serialize");
    FILE* file = fopen(argv[3], "wb");
    if (!file || fwrite(compiled.data, 1, compiled.size, file) != compiled.size || fclose(file) != 0) Fail(argv[3]);
    return 0;
  }
  Check(wasmtime_module_deserialize_file(engine, argv[1], &module), "load");
  wasmtime_linker_t* linker = wasmtime_linker_new(engine);
  Check(wasmtime_linker_define_wasi(linker), "wasi");
  Define(linker, "call_backend", 6, 1, CallBackend);
  Define(linker, "host_log", 3, 0, HostLog);
  Guard guard = {.context = wasmtime_store_context(wasmtime_store_new(engine, NULL, NULL))};
  Check(wasmtime_context_set_wasi(guard.context, wasi_config_new()), "wasi");
  wasmtime_context_set_epoch_deadline(guard.context, 1);
  wasm_trap_t* trap = NULL;
  Check(wasmtime_linker_instantiate(linker, guard.context, module, &guard.instance, &trap), "instantiate");
  if (trap) Fail("trap in the start function");
  uint8_t* input = ReadWhole(argv[3], &size);
  int32_t source = Call(&guard, "alloc", (int32_t[]){(int32_t)size}, 1);
  int32_t target = Call(&guard, "alloc", (int32_t[]){OUTPUT_CAPACITY}, 1);
  wasmtime_extern_t memory = Export(&guard, "memory");
  memcpy(wasmtime_memory_data(guard.context, &memory.of.memory) + (uint32_t)source, input, size);
  int32_t code = Call(&guard, argv[2], (int32_t[]){source, (int32_t)size, target, OUTPUT_CAPACITY}, 4);
  if (code < 0 || code > OUTPUT_CAPACITY) Fail("the guard answered an error");
  fwrite(wasmtime_memory_data(guard.context, &memory.of.memory) + (uint32_t)target, 1, (size_t)code, stdout);
  return 0;
}
