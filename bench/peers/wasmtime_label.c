// wasmtime_label makes label calls on a guard with wasmtime: the peer of `guardc call` and of the C++ API.
//
//   wasmtime_label compile GUARD.wasm MODULE.cwasm        compiles beforehand
//   wasmtime_label MODULE.cwasm FUNCTION INPUT.json       one call; the answer goes to stdout
//   wasmtime_label serve epochs|plain GUARD.wasm          label_host.h's protocol
#include "bench/peers/label_host.h"
#include "bench/peers/wasmtime.h"

typedef struct {
  wasmtime_context_t* context;
  wasmtime_instance_t instance;
  wasmtime_memory_t memory;
  wasmtime_func_t functions[kGuardExports];
} Guard;

static wasm_trap_t* CallBackend(void* env, wasmtime_caller_t* caller, const wasmtime_val_t* args, size_t arg_count,
                                wasmtime_val_t* results, size_t result_count) {
  (void)caller, (void)arg_count, (void)result_count;
  const Guard* guard = env;
  uint8_t* memory = wasmtime_memory_data(guard->context, &guard->memory);
  results[0].kind = kI32;
  results[0].of.i32 = CallBackendFromMemory(memory, (uint32_t)args[0].of.i32, (uint32_t)args[1].of.i32,
                                            (uint32_t)args[4].of.i32, (uint32_t)args[5].of.i32);
  return NULL;
}

static wasm_trap_t* HostLog(void* env, wasmtime_caller_t* caller, const wasmtime_val_t* args, size_t arg_count,
                            wasmtime_val_t* results, size_t result_count) {
  (void)env, (void)caller, (void)args, (void)arg_count, (void)results, (void)result_count;
  return NULL;
}

static void Define(wasmtime_linker_t* linker, const char* name, size_t params, size_t results,
                   wasmtime_func_callback_t callback, Guard* guard) {
  wasm_valtype_t* types[6];
  wasm_valtype_vec_t param_types, result_types;
  for (size_t i = 0; i < params; i++) types[i] = wasm_valtype_new(kI32);
  wasm_valtype_vec_new(&param_types, params, types);
  for (size_t i = 0; i < results; i++) types[i] = wasm_valtype_new(kI32);
  wasm_valtype_vec_new(&result_types, results, types);
  Check(wasmtime_linker_define_func(linker, "env", 3, name, strlen(name),
                                    wasm_functype_new(&param_types, &result_types), callback, guard, NULL),
        name);
}

static wasmtime_extern_t Export(Guard* guard, const char* name) {
  wasmtime_extern_t item;
  if (!wasmtime_instance_export_get(guard->context, &guard->instance, name, strlen(name), &item)) Die(name);
  return item;
}

static void Instantiate(Guard* guard, wasm_engine_t* engine, wasmtime_module_t* module, bool epochs) {
  wasmtime_linker_t* linker = wasmtime_linker_new(engine);
  Check(wasmtime_linker_define_wasi(linker), "wasi");
  Define(linker, "call_backend", 6, 1, CallBackend, guard);
  Define(linker, "host_log", 3, 0, HostLog, guard);
  guard->context = wasmtime_store_context(wasmtime_store_new(engine, NULL, NULL));
  Check(wasmtime_context_set_wasi(guard->context, wasi_config_new()), "wasi");
  if (epochs) wasmtime_context_set_epoch_deadline(guard->context, 1);
  wasm_trap_t* trap = NULL;
  Check(wasmtime_linker_instantiate(linker, guard->context, module, &guard->instance, &trap), "instantiate");
  if (trap) Die("trap in the start function");
  for (int i = 0; i < kGuardExports; i++) guard->functions[i] = Export(guard, kExportNames[i]).of.func;
  guard->memory = Export(guard, "memory").of.memory;
}

static int32_t Call(void* self, enum GuardExport which, const int32_t* values, int count) {
  Guard* guard = self;
  wasmtime_val_t args[4], result = {.of.i32 = 0};
  wasm_trap_t* trap = NULL;
  for (int i = 0; i < count; i++) args[i].kind = kI32, args[i].of.i32 = values[i];
  Check(wasmtime_func_call(guard->context, &guard->functions[which], args, (size_t)count, &result,
                           which == kDealloc ? 0 : 1, &trap),
        kExportNames[which]);
  if (trap) Die("trap");
  return result.of.i32;
}

static uint8_t* MemoryOf(void* self) {
  const Guard* guard = self;
  return wasmtime_memory_data(guard->context, &guard->memory);
}

static int LabelOnce(Guest* guest, const char* function, const char* path) {
  size_t size;
  char* input = ReadWhole(path, &size);
  for (int which = kLabelAgent; which < kGuardExports; which++) {
    if (strcmp(function, kExportNames[which]) != 0) continue;
    const char* answer;
    const size_t written = LabelThroughBuffers(guest, (enum GuardExport)which, input, size, &answer);
    return fwrite(answer, 1, written, stdout) == written ? 0 : 1;
  }
  Die(function);
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 4) Die("see the head of wasmtime_label.c");
  const bool serve = strcmp(argv[1], "serve") == 0;
  const bool epochs = !serve || strcmp(argv[2], "epochs") == 0;
  wasm_engine_t* engine = NewEngine(epochs);
  wasmtime_module_t* module;
  if (strcmp(argv[1], "compile") == 0) {
    Serialize(CompileFile(engine, argv[2]), argv[3]);
    return 0;
  }
  if (serve) {
    module = CompileFile(engine, argv[3]);
  } else {
    Check(wasmtime_module_deserialize_file(engine, argv[1], &module), "load");
  }
  static Guard guard;
  Instantiate(&guard, engine, module, epochs);
  Guest guest = {&guard, Call, MemoryOf, malloc(kOutputCapacity)};
  return serve ? ServeLabels(LabelThroughBuffers, &guest) : LabelOnce(&guest, argv[2], argv[3]);
}
