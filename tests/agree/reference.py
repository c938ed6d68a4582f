"""The guard ABI on wasmtime: the host side of a label call, written a second time and independently of guardc's."""

import json

import wasmtime

INPUT_LIMIT = 8 << 20  # bytes
OUTPUT_FIRST = 4 << 20
OUTPUT_LAST = 16 << 20
ATTEMPTS = 3
MEMORY_CAP = 512 << 16
SPARE = 64 << 10
BACKEND_CALLS = 50
PAGE = 65536
NO_LEVEL = 4

TRAPS = {
    wasmtime.TrapCode.UNREACHABLE: "unreachable",
    wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS: "memory_out_of_bounds",
    wasmtime.TrapCode.TABLE_OUT_OF_BOUNDS: "table_out_of_bounds",
    wasmtime.TrapCode.BAD_SIGNATURE: "indirect_call_type_mismatch",
    wasmtime.TrapCode.INDIRECT_CALL_TO_NULL: "uninitialized_element",
    wasmtime.TrapCode.INTEGER_DIVISION_BY_ZERO: "integer_divide_by_zero",
    wasmtime.TrapCode.INTEGER_OVERFLOW: "integer_overflow",
    wasmtime.TrapCode.BAD_CONVERSION_TO_INTEGER: "invalid_conversion_to_integer",
    wasmtime.TrapCode.STACK_OVERFLOW: "call_stack_exhausted",
}


class Engine:
    """A compiled module, from which each session takes a fresh guard."""

    def __init__(self, wasm_path):
        config = wasmtime.Config()
        config.max_wasm_stack = 1 << 20
        self.engine = wasmtime.Engine(config)
        self.module = wasmtime.Module.from_file(self.engine, str(wasm_path))


class Failure(Exception):
    def __init__(self, error, **details):
        super().__init__(error)
        self.outcome = {"error": error, **details}


class Guard:
    def __init__(self, engine, backend):
        self.backend = backend
        self.trace = []  # what the guest did to its host, in order
        self.poisoned = False
        self.added = (0, 0)  # where at_the_end has added to memory
        self.trapped = False  # while a label function runs, and ever after if it did not return
        self.store = wasmtime.Store(engine.engine)
        self.store.set_limits(memory_size=MEMORY_CAP)
        self.store.set_wasi(wasmtime.WasiConfig())  # no arguments, environment, directories or output
        linker = wasmtime.Linker(engine.engine)
        linker.define_wasi()
        i32 = wasmtime.ValType.i32()
        linker.define_func("env", "call_backend", wasmtime.FuncType([i32] * 6, [i32]), self.call_backend)
        linker.define_func("env", "host_log", wasmtime.FuncType([i32] * 3, []), self.host_log)
        exports = linker.instantiate(self.store, engine.module).exports(self.store)
        self.exports = dict(exports)
        self.memory = self.exports["memory"]
        if "_initialize" in self.exports:
            self.exports["_initialize"](self.store)

    # ---- What the guest calls. ----

    def inside(self, pointer, length):
        return (pointer & 0xFFFFFFFF) + (length & 0xFFFFFFFF) <= self.memory.data_len(self.store)

    def read(self, pointer, length):
        pointer, length = pointer & 0xFFFFFFFF, length & 0xFFFFFFFF
        return bytes(self.memory.read(self.store, pointer, pointer + length)) if length else b""

    def host_log(self, level, pointer, length):
        if self.inside(pointer, length):
            known = level if 0 <= level <= 3 else NO_LEVEL
            self.trace.append(f"log {known} {self.read(pointer, length).hex()}")

    def call_backend(self, tool, tool_length, args, args_length, result, capacity):
        self.backend_calls += 1
        buffers = ((tool, tool_length), (args, args_length), (result, capacity))
        if self.backend_calls > BACKEND_CALLS or not all(self.inside(*buffer) for buffer in buffers):
            return -1
        name = self.read(tool, tool_length).decode()
        try:
            json.loads(self.read(args, args_length) or b"null")
        except ValueError:
            return -1
        self.trace.append(f"backend {name}")
        if name not in self.backend:
            return -1
        answer = self.backend[name].encode()
        result, capacity = result & 0xFFFFFFFF, capacity & 0xFFFFFFFF
        if len(answer) <= capacity:
            self.memory.write(self.store, answer, result)
            return len(answer)
        if capacity >= 4:
            self.memory.write(self.store, len(answer).to_bytes(4, "little"), result)
        return -2

    # ---- What the host calls. ----

    def call(self, function, text):
        """{"answer": hex} or {"error": kind, ...}"""
        if self.poisoned:
            return {"error": "instance_failed"}
        self.backend_calls = 0
        try:
            if len(text) > INPUT_LIMIT:
                raise Failure("limit")
            return {"answer": self.label(function, text).hex()}
        except Failure as failure:
            return failure.outcome
        except wasmtime.ExitTrap as exit_trap:
            self.poisoned = exit_trap.code != 0
            return {"error": "exit", "code": exit_trap.code}
        except wasmtime.Trap as trap:
            self.poisoned = True
            return {"error": "trap", "trap": TRAPS.get(trap.trap_code, str(trap.trap_code))}

    def label(self, function, text):
        capacity = OUTPUT_FIRST
        for _ in range(ATTEMPTS):
            code, output, needed = self.attempt(function, text, capacity)
            if code >= 0:
                if code > capacity:
                    raise Failure("buffer_protocol")
                return output
            if code != -2:
                raise Failure("guard_error", code=code)
            following = needed if needed > capacity else min(capacity * 2, max(capacity + 1, OUTPUT_LAST))
            if following > OUTPUT_LAST:
                raise Failure("limit")
            capacity = following
        raise Failure("buffer_protocol")

    def attempt(self, function, text, capacity):
        if "alloc" in self.exports and "dealloc" in self.exports:
            return self.with_alloc(function, text, capacity)
        return self.at_the_end(function, text, capacity)

    def with_alloc(self, function, text, capacity):
        allocated = []

        def allocate(size):
            pointer = self.exports["alloc"](self.store, size) & 0xFFFFFFFF
            if pointer == 0:
                raise Failure("buffer_protocol")
            allocated.append((pointer, size))
            return pointer

        try:
            source, target = allocate(len(text)), allocate(capacity)
            return self.run(function, text, source, target, capacity)
        finally:
            # A guard that trapped is not entered again.
            if not self.poisoned and not self.trapped:
                for pointer, size in reversed(allocated):
                    self.exports["dealloc"](self.store, pointer, size)

    def at_the_end(self, function, text, capacity):
        wanted = len(text) + capacity + SPARE
        begin, end = self.added
        if end - begin < wanted:
            size = self.memory.data_len(self.store)
            kept = size - begin if end == size else 0
            # Pages that the guest did not ask for are the only ones that it cannot have put to use.
            self.memory.grow(self.store, -(-(wanted - kept) // PAGE))
            self.added = (size - kept, self.memory.data_len(self.store))
        target = self.added[1] - capacity
        return self.run(function, text, target - len(text), target, capacity)

    def run(self, function, text, source, target, capacity):
        self.trapped = True
        self.memory.write(self.store, text, source)
        code = self.exports[function](self.store, source, len(text), target, capacity)
        self.trapped = False
        needed = int.from_bytes(self.read(target, 4), "little") if code == -2 else 0
        return code, self.read(target, code) if 0 <= code <= capacity else b"", needed
