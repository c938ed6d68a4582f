// wazero_label calls one label function of a guard with wazero and its cache on disk, as a gateway does: the peer of
// `guardc call`. The answer goes to stdout.
//
//	wazero_label GUARD.wasm CACHE_DIR FUNCTION INPUT.json
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

const outputCapacity = 4 << 20 // bytes

func run(guard, cacheDirectory, function, inputPath string) error {
	ctx := context.Background()
	wasm, err := os.ReadFile(guard)
	if err != nil {
		return err
	}
	input, err := os.ReadFile(inputPath)
	if err != nil {
		return err
	}
	cache, err := wazero.NewCompilationCacheWithDir(cacheDirectory)
	if err != nil {
		return err
	}
	config := wazero.NewRuntimeConfigCompiler().
		WithCompilationCache(cache).
		WithCloseOnContextDone(true). // calls can be cancelled: the gateway's setting
		WithMemoryLimitPages(512)
	runtime := wazero.NewRuntimeWithConfig(ctx, config)
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, runtime); err != nil {
		return err
	}
	// Functions of i32 only, and nobody listens: what is measured is the way to the label, not the host.
	_, err = runtime.NewHostModuleBuilder("env").
		NewFunctionBuilder().WithFunc(func(tool, toolLength, args, argsLength, result, capacity uint32) int32 { return -1 }).
		Export("call_backend").
		NewFunctionBuilder().WithFunc(func(level, message, length uint32) {}).Export("host_log").
		Instantiate(ctx)
	if err != nil {
		return err
	}
	compiled, err := runtime.CompileModule(ctx, wasm)
	if err != nil {
		return err
	}
	module, err := runtime.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithStartFunctions("_initialize"))
	if err != nil {
		return err
	}
	alloc := module.ExportedFunction("alloc")
	source, err := alloc.Call(ctx, uint64(len(input)))
	if err != nil {
		return err
	}
	target, err := alloc.Call(ctx, outputCapacity)
	if err != nil {
		return err
	}
	if !module.Memory().Write(uint32(source[0]), input) {
		return fmt.Errorf("the input does not fit")
	}
	code, err := module.ExportedFunction(function).Call(ctx, source[0], uint64(len(input)), target[0], outputCapacity)
	if err != nil {
		return err
	}
	answer, ok := module.Memory().Read(uint32(target[0]), uint32(code[0]))
	if !ok {
		return fmt.Errorf("%s answered %d", function, int32(code[0]))
	}
	_, err = os.Stdout.Write(answer)
	return err
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: wazero_label GUARD.wasm CACHE_DIR FUNCTION INPUT.json")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, "wazero_label:", err)
		os.Exit(1)
	}
}
