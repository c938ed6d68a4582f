"""Differential fuzzing: values as bit strings, and the engine to agree with (wasmtime)."""

import hashlib
import struct

import wasmtime

FUEL = 20_000_000
MEMORY_CAP = 1024 << 16  # bytes; guardc-fuzz-run has the same
TRACE_CAP = 1000  # calls of imports that are recorded; guardc-fuzz-run has the same

TRAPS = {  # wasmtime's trap code -> guardc's name
    wasmtime.TrapCode.STACK_OVERFLOW: "call_stack_exhausted",
    wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS: "memory_out_of_bounds",
    wasmtime.TrapCode.HEAP_MISALIGNED: "unaligned_atomic",
    wasmtime.TrapCode.TABLE_OUT_OF_BOUNDS: "table_out_of_bounds",
    wasmtime.TrapCode.INDIRECT_CALL_TO_NULL: "uninitialized_element",
    wasmtime.TrapCode.BAD_SIGNATURE: "indirect_call_type_mismatch",
    wasmtime.TrapCode.INTEGER_OVERFLOW: "integer_overflow",
    wasmtime.TrapCode.INTEGER_DIVISION_BY_ZERO: "integer_divide_by_zero",
    wasmtime.TrapCode.BAD_CONVERSION_TO_INTEGER: "invalid_conversion_to_integer",
    wasmtime.TrapCode.UNREACHABLE: "unreachable",
    wasmtime.TrapCode.INTERRUPT: "interrupted",
    wasmtime.TrapCode.OUT_OF_FUEL: "fuel",
}

INTERESTING = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
               0x3F800000, 0xBF800000, 0x7F800000, 0x7FC00000, 0x4F000000, 0xCF000000,
               0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF, 0x3FF0000000000000, 0x7FF0000000000000,
               0x7FF8000000000000, 0x43E0000000000000, 0xC3E0000000000000]

NUMBERS = {"i32", "i64", "f32", "f64"}
REFERENCES = {"funcref", "externref"}
CANONICAL_F32, CANONICAL_F64 = "2143289344", "9221120237041090560"


def one_nan(ty, bits):
    """Python has one NaN only, so the payloads of the peer's NaNs are lost."""
    if ty == "f32" and (int(bits) & 0x7FFFFFFF) > 0x7F800000:
        return CANONICAL_F32
    if ty == "f64" and (int(bits) & 0x7FFFFFFFFFFFFFFF) > 0x7FF0000000000000:
        return CANONICAL_F64
    return bits


def random_bits(rng, ty):
    if ty not in NUMBERS:
        return "0"
    width = 32 if ty in ("i32", "f32") else 64
    value = rng.choice(INTERESTING) if rng.random() < 0.6 else rng.getrandbits(width)
    return one_nan(ty, str(value & ((1 << width) - 1)))


def to_python(ty, bits):
    value = int(bits)
    if ty == "i32":
        return value - (1 << 32) if value >> 31 else value
    if ty == "i64":
        return value - (1 << 64) if value >> 63 else value
    if ty == "f32":
        return struct.unpack("<f", struct.pack("<I", value))[0]
    if ty == "f64":
        return struct.unpack("<d", struct.pack("<Q", value))[0]
    return None


def from_python(ty, value):
    if ty == "i32":
        return str(value & 0xFFFFFFFF)
    if ty == "i64":
        return str(value & 0xFFFFFFFFFFFFFFFF)
    if ty == "f32":
        return CANONICAL_F32 if value != value else str(struct.unpack("<I", struct.pack("<f", value))[0])
    if ty == "f64":
        return CANONICAL_F64 if value != value else str(struct.unpack("<Q", struct.pack("<d", value))[0])
    return "null" if value is None else "ref"


def engine():
    config = wasmtime.Config()
    config.consume_fuel = True
    config.cranelift_nan_canonicalization = True
    config.wasm_multi_memory = True
    config.wasm_tail_call = True
    config.wasm_memory64 = True
    config.wasm_threads = True
    config.cranelift_opt_level = "none"
    return wasmtime.Engine(config)


class Peer:
    """One module in wasmtime. `types` is what guardc-fuzz-run lists: wasmtime's C API ends the process when it is asked
    about a v128."""

    def __init__(self, engine, module, types, case):
        self.types, self.case = types, case
        self.store = wasmtime.Store(engine)
        self.store.set_limits(memory_size=MEMORY_CAP)
        self.store.set_fuel(FUEL)
        self.module = module
        self.memory = None  # where calls and imports write
        self.trace = []
        self.imported = []  # (name, memory or global, type)

    def close(self):
        self.store.close()

    # ---- Imports: answers from the case, the same for both engines. ----

    def import_of(self, entry):
        name = f"{entry['module']}.{entry['name']}"
        if entry["kind"] == "func":
            ty = wasmtime.FuncType([val_type(t) for t in entry["params"]], [val_type(t) for t in entry["results"]])
            return wasmtime.Func(self.store, ty, self.stub(name, entry))
        if entry["kind"] == "global":
            ty = wasmtime.GlobalType(val_type(entry["type"]), entry["mutable"])
            made = wasmtime.Global(self.store, ty, value_of(entry["type"], self.case["globals"].get(name, "0")))
            self.imported.append((name, made, entry["type"]))
            return made
        limits = wasmtime.Limits(entry["min"], entry.get("max"))
        if entry["kind"] == "memory":
            made = wasmtime.Memory(self.store, wasmtime.MemoryType(limits, is_64=entry["is_64"]))
            self.imported.append((name, made, "memory"))
            return made
        return wasmtime.Table(self.store, wasmtime.TableType(val_type(entry["type"]), limits), None)

    def stub(self, name, entry):
        behaviour = self.case["stubs"].get(name, {})
        results = [to_python(t, b) for t, b in zip(entry["results"], behaviour.get("results", []))]

        def call(*args):
            bits = [from_python(t, a) for t, a in zip(entry["params"], args)]
            if len(self.trace) < TRACE_CAP:
                self.trace.append(f"{name}({', '.join(bits)})")
            for argument, data in behaviour.get("writes", []):
                self.write(int(bits[argument]), bytes.fromhex(data))
            return None if not results else results[0] if len(results) == 1 else results

        return call

    def write(self, address, data):
        if self.memory and address + len(data) <= self.memory.data_len(self.store):
            self.memory.write(self.store, data, address)

    # ---- Calls. ----

    def instantiate(self):
        imports = [self.import_of(entry) for entry in self.types["imports"]]
        self.instance = wasmtime.Instance(self.store, self.module, imports)
        self.exports = self.instance.exports(self.store)
        if any(e["kind"] == "memory" and e["name"] == "memory" for e in self.types["exports"]):
            self.memory = self.exports["memory"]
            if self.case["grow"]:
                try:
                    self.memory.grow(self.store, self.case["grow"])
                except wasmtime.WasmtimeError:
                    pass

    def outcomes(self, calls):
        """The outcomes of calls, up to one that exhausts a resource: limits differ between engines, so that what follows
        cannot be compared. And the calls that are left to compare."""
        outcomes = []
        for call in calls:
            outcome = self.outcome(call)
            if outcome.get("trap") in ("fuel", "call_stack_exhausted"):
                break
            outcomes.append(outcome)
        return outcomes, calls[:len(outcomes)]

    def outcome(self, call):
        if "write" in call:
            self.write(call["write"][0], bytes.fromhex(call["write"][1]))
        try:
            self.store.set_fuel(FUEL)
            result = self.exports[call["func"]](self.store,
                                                *[to_python(t, b) for t, b in zip(call["types"], call["args"])])
        except wasmtime.Trap as trap:
            return {"trap": TRAPS.get(trap.trap_code, "fuel" if "fuel" in str(trap) else str(trap.trap_code))}
        except wasmtime.WasmtimeError as error:
            return {"trap": "fuel"} if "fuel" in str(error) else {"error": str(error)}
        values = [] if not call["results"] else [result] if len(call["results"]) == 1 else list(result)
        return {"results": [from_python(t, v) for t, v in zip(call["results"], values)]}

    def state(self):
        """Every exported or imported memory and global of a type that Python can see, and the calls of imports."""
        seen = [(e["name"], self.exports[e["name"]], e.get("type", "memory")) for e in self.types["exports"]
                if e["kind"] in ("memory", "global")]
        state = {"trace": self.trace, "memories": {}, "globals": {}}
        for name, thing, ty in seen + self.imported:
            if ty == "memory":
                data = bytes(thing.get_buffer_ptr(self.store)[0:thing.data_len(self.store)])
                state["memories"][name] = {"pages": thing.size(self.store), "sha256": hashlib.sha256(data).hexdigest()}
            elif ty in NUMBERS:
                state["globals"][name] = from_python(ty, thing.value(self.store))
        return state


def val_type(ty):
    return getattr(wasmtime.ValType, ty)()


def value_of(ty, bits):
    return getattr(wasmtime.Val, ty)(to_python(ty, bits))
