// wazero_label makes label calls on a guard with wazero, as a gateway does: the peer of `guardc call` and of the C++ API.
//
//	wazero_label GUARD.wasm CACHE_DIR FUNCTION INPUT.json    one call, compiled code from the disk cache
//	wazero_label serve cancel|plain GUARD.wasm               the protocol of ../label_host.h
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

const outputCapacity = 4 << 20 // bytes

type guard struct {
	memory         api.Memory
	alloc, dealloc api.Function
	labels         map[string]api.Function
}

// Functions of i32 only: what is measured is the way to the label, not the host.
func callBackend(_ context.Context, module api.Module, tool, toolSize, _, _, result, capacity uint32) int32 {
	name, ok := module.Memory().Read(tool, toolSize)
	if !ok {
		return -1
	}
	answer, err := os.ReadFile(os.Getenv("GUARDC_BENCH_BACKEND") + "/" + string(name) + ".json")
	if err != nil || len(answer) > int(capacity) || !module.Memory().Write(result, answer) {
		return -1
	}
	return int32(len(answer))
}

func newGuard(ctx context.Context, wasm []byte, config wazero.RuntimeConfig) (*guard, error) {
	runtime := wazero.NewRuntimeWithConfig(ctx, config.WithMemoryLimitPages(512))
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, runtime); err != nil {
		return nil, err
	}
	_, err := runtime.NewHostModuleBuilder("env").
		NewFunctionBuilder().WithFunc(callBackend).Export("call_backend").
		NewFunctionBuilder().WithFunc(func(level, message, length uint32) {}).Export("host_log").
		Instantiate(ctx)
	if err != nil {
		return nil, err
	}
	compiled, err := runtime.CompileModule(ctx, wasm)
	if err != nil {
		return nil, err
	}
	module, err := runtime.InstantiateModule(ctx, compiled,
		wazero.NewModuleConfig().WithStartFunctions("_initialize").WithSysNanotime().WithSysWalltime())
	if err != nil {
		return nil, err
	}
	g := &guard{module.Memory(), module.ExportedFunction("alloc"), module.ExportedFunction("dealloc"),
		map[string]api.Function{}}
	for _, name := range []string{"label_agent", "label_resource", "label_response"} {
		g.labels[name] = module.ExportedFunction(name)
	}
	return g, nil
}

func (g *guard) label(ctx context.Context, function string, input []byte) ([]byte, error) {
	size := uint64(len(input))
	source, err := g.alloc.Call(ctx, size)
	if err != nil {
		return nil, err
	}
	target, err := g.alloc.Call(ctx, outputCapacity)
	if err != nil {
		return nil, err
	}
	if !g.memory.Write(uint32(source[0]), input) {
		return nil, errors.New("the input does not fit")
	}
	code, err := g.labels[function].Call(ctx, source[0], size, target[0], outputCapacity)
	if err != nil {
		return nil, err
	}
	view, ok := g.memory.Read(uint32(target[0]), uint32(code[0]))
	if !ok {
		return nil, fmt.Errorf("%s answered %d", function, int32(code[0]))
	}
	answer := append([]byte(nil), view...) // the view is of memory that the guest may use again
	if _, err := g.dealloc.Call(ctx, target[0], outputCapacity); err != nil {
		return nil, err
	}
	_, err = g.dealloc.Call(ctx, source[0], size)
	return answer, err
}

func serve(ctx context.Context, g *guard) error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var function, path string
		var count int
		if _, err := fmt.Sscan(lines.Text(), &function, &path, &count); err != nil {
			return err
		}
		input, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		answer, err := g.label(ctx, function, input)
		start := time.Now()
		for i := 0; i < count && err == nil; i++ {
			answer, err = g.label(ctx, function, input)
		}
		elapsed := time.Since(start)
		if err != nil {
			return err
		}
		hash := fnv.New64a()
		hash.Write(answer)
		fmt.Printf("%d %d %016x\n", elapsed.Nanoseconds(), len(answer), hash.Sum64())
	}
	return lines.Err()
}

func run(args []string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if len(args) == 3 && args[0] == "serve" {
		wasm, err := os.ReadFile(args[2])
		if err != nil {
			return err
		}
		g, err := newGuard(ctx, wasm, wazero.NewRuntimeConfigCompiler().WithCloseOnContextDone(args[1] == "cancel"))
		if err != nil {
			return err
		}
		return serve(ctx, g)
	}
	if len(args) != 4 {
		return errors.New("see the head of main.go")
	}
	wasm, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	input, err := os.ReadFile(args[3])
	if err != nil {
		return err
	}
	cache, err := wazero.NewCompilationCacheWithDir(args[1])
	if err != nil {
		return err
	}
	// Calls can be cancelled: the gateway's setting.
	config := wazero.NewRuntimeConfigCompiler().WithCompilationCache(cache).WithCloseOnContextDone(true)
	g, err := newGuard(ctx, wasm, config)
	if err != nil {
		return err
	}
	answer, err := g.label(ctx, args[2], input)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(answer)
	return err
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "wazero_label:", err)
		os.Exit(1)
	}
}
