// wasmtime_run runs a WASI command with wasmtime: the peer of `guardc exec`.
//
//   wasmtime_run compile MODULE.wasm MODULE.cwasm    compiles beforehand
//   wasmtime_run MODULE.cwasm [ARGUMENT...]          stdout is the guest's
#include "bench/peers/wasmtime.h"

int main(int argc, char** argv) {
  if (argc < 2) Die("see the head of wasmtime_run.c");
  wasm_engine_t* engine = NewEngine(true);
  if (argc == 4 && strcmp(argv[1], "compile") == 0) {
    Serialize(CompileFile(engine, argv[2]), argv[3]);
    return 0;
  }
  wasmtime_module_t* module;
  Check(wasmtime_module_deserialize_file(engine, argv[1], &module), "load");
  wasmtime_linker_t* linker = wasmtime_linker_new(engine);
  Check(wasmtime_linker_define_wasi(linker), "wasi");
  wasmtime_context_t* context = wasmtime_store_context(wasmtime_store_new(engine, NULL, NULL));
  wasi_config_t* wasi = wasi_config_new();
  wasi_config_inherit_stdout(wasi);
  if (!wasi_config_set_argv(wasi, (size_t)argc - 1, (const char**)argv + 1)) Die("argv");
  Check(wasmtime_context_set_wasi(context, wasi), "wasi");
  wasmtime_context_set_epoch_deadline(context, 1);
  wasmtime_instance_t instance;
  wasm_trap_t* trap = NULL;
  Check(wasmtime_linker_instantiate(linker, context, module, &instance, &trap), "instantiate");
  wasmtime_extern_t start;
  if (trap || !wasmtime_instance_export_get(context, &instance, "_start", 6, &start)) Die("no _start");
  wasmtime_error_t* error = wasmtime_func_call(context, &start.of.func, NULL, 0, NULL, 0, &trap);
  int status = 0;
  if (error && !wasmtime_error_exit_status(error, &status)) Check(error, "run");
  return trap ? 134 : status;
}
