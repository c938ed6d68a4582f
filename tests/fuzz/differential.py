#!/usr/bin/env python3
"""Differential fuzzing: modules from `wasm-tools smith`, run by guardc (two levels, strict and default) and wasmtime.

Compares results, trap kinds, memories and globals. NaNs are canonical on both sides. In the default mode memory after a
trap is unspecified (docs/security.md), so comparison stops there; with strict traps it goes on.

usage: differential.py --runner guardc-fuzz-run [--smith wasm-tools] [--seconds N] [--seed N] [--keep DIR] [WASM...]
"""

import argparse
import hashlib
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time

import wasmtime

VARIANTS = [
    {"opt": 0, "strict": True, "bounds": False},
    {"opt": 2, "strict": True, "bounds": False},
    {"opt": 2, "strict": False, "bounds": False},
    {"opt": 2, "strict": True, "bounds": True},
]

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
# wasmtime names an out-of-range call_indirect a table access.
SAME = {"undefined_element": "table_out_of_bounds"}

SMITH = {
    "max-imports": 0, "min-exports": 1, "export-everything": True, "bulk-memory-enabled": True,
    "reference-types-enabled": True, "simd-enabled": True, "relaxed-simd-enabled": False, "multi-value-enabled": True,
    "tail-call-enabled": True, "exceptions-enabled": False, "gc-enabled": False, "threads-enabled": False,
    "memory64-enabled": False, "max-memories": 2, "max-memory32-bytes": 1 << 20, "max-tables": 2,
    "max-table-elements": 1000, "canonicalize-nans": False, "saturating-float-to-int-enabled": True,
    "sign-extension-ops-enabled": True, "max-instructions": 400, "min-funcs": 1, "max-funcs": 12,
    "extended-const-enabled": True, "custom-page-sizes-enabled": False, "wide-arithmetic-enabled": False,
    "shared-everything-threads-enabled": False, "generate-custom-sections": False, "allow-start-export": True,
    "disallow-traps": False, "custom-descriptors-enabled": False, "compact-imports-enabled": False,
}

INTERESTING = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
               0x3F800000, 0xBF800000, 0x7F800000, 0x7FC00000, 0x4F000000, 0xCF000000,
               0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF, 0x3FF0000000000000, 0x7FF0000000000000,
               0x7FF8000000000000, 0x43E0000000000000, 0xC3E0000000000000]


def random_bits(rng, ty):
    width = {"i32": 32, "f32": 32, "i64": 64, "f64": 64}.get(ty)
    if width is None:
        return "0"
    value = rng.choice(INTERESTING) if rng.random() < 0.6 else rng.getrandbits(width)
    value &= (1 << width) - 1
    # NaN payloads of arguments are not deterministic across a Python float: only the canonical NaN goes in.
    if ty == "f32" and (value & 0x7FFFFFFF) > 0x7F800000:
        value = 0x7FC00000
    if ty == "f64" and (value & 0x7FFFFFFFFFFFFFFF) > 0x7FF0000000000000:
        value = 0x7FF8000000000000
    return str(value)


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
        return "2143289344" if value != value else str(struct.unpack("<I", struct.pack("<f", value))[0])
    if ty == "f64":
        return "9221120237041090560" if value != value else str(struct.unpack("<Q", struct.pack("<d", value))[0])
    return "null" if value is None else "ref"


SIMPLE = {"i32", "i64", "f32", "f64"}


class Peer:
    """One module in wasmtime."""

    def __init__(self, engine, wasm):
        self.store = wasmtime.Store(engine)
        self.store.set_limits(memory_size=1024 * 65536)
        self.store.set_fuel(20_000_000)
        self.module = wasmtime.Module(engine, wasm)
        self.exports = []

    def callable_exports(self):
        for e in self.exports:
            if e["kind"] == "func" and set(e["params"]) <= SIMPLE and set(e["results"]) <= SIMPLE | {"funcref", "externref"}:
                yield e["name"], e["params"], e["results"]

    def instantiate(self):
        self.instance = wasmtime.Instance(self.store, self.module, [])

    def outcome(self, call):
        try:
            func = self.instance.exports(self.store)[call["func"]]
            self.store.set_fuel(20_000_000)
            result = func(self.store, *[to_python(t, b) for t, b in zip(call["types"], call["args"])])
        except wasmtime.Trap as trap:
            code = trap.trap_code
            return {"trap": TRAPS.get(code, "fuel" if "fuel" in str(trap) else str(code))}
        except wasmtime.WasmtimeError as error:
            return {"trap": "fuel"} if "fuel" in str(error) else {"error": str(error)}
        values = [] if not call["results"] else [result] if len(call["results"]) == 1 else list(result)
        return {"results": [from_python(t, v) for t, v in zip(call["results"], values)]}

    def global_types(self):
        return {e["name"]: e["type"] for e in self.exports if e["kind"] == "global"}

    def state(self):
        memories, global_values = {}, {}
        exports = self.instance.exports(self.store)
        for export in self.exports:
            name = export["name"]
            if export["kind"] == "memory":
                memory = exports[name]
                data = bytes(memory.get_buffer_ptr(self.store)[0:memory.data_len(self.store)])
                memories[name] = {"pages": memory.size(self.store), "sha256": hashlib.sha256(data).hexdigest()}
            elif export["kind"] == "global" and export["type"] in SIMPLE:
                global_values[name] = from_python(export["type"], exports[name].value(self.store))
        return memories, global_values


def one_nan(ty, bits):
    """Python has one NaN only, so the peer's payloads are lost."""
    if ty == "f32" and (int(bits) & 0x7FFFFFFF) > 0x7F800000:
        return "2143289344"
    if ty == "f64" and (int(bits) & 0x7FFFFFFFFFFFFFFF) > 0x7FF0000000000000:
        return "9221120237041090560"
    return bits


def same_outcome(ours, theirs, types):
    if "trap" in theirs and "trap" in ours:
        return SAME.get(ours["trap"], ours["trap"]) == theirs["trap"]
    if "results" in theirs and "results" in ours:
        return [one_nan(t, b) for t, b in zip(types, ours["results"])] == theirs["results"]
    return False


def compare(ours, theirs, calls, types_of, state, strict):
    """The first difference between one variant and the peer, or None."""
    if "calls" not in ours:
        return f"did not run: {ours}"
    for i, (a, b, call) in enumerate(zip(ours["calls"], theirs, calls)):
        if b.get("trap") == "fuel" or a.get("trap") == "call_stack_exhausted" or b.get("trap") == "call_stack_exhausted":
            return None  # resource limits differ between engines: what follows is not comparable
        # Licences of the default mode (docs/traps.md): another trap that is due may come first, and a faulting access
        # may be dropped where the optimiser proves its value useless.
        if not strict and "trap" in b and ("trap" in a or b["trap"] == "memory_out_of_bounds"):
            return None
        if not same_outcome(a, b, call["results"]):
            return f"call {i} {call}: guardc {a}, wasmtime {b}"
        if "trap" in a and not strict:
            return None
    memories, global_values = state
    if ours["memories"] != memories:
        return f"memories differ: guardc {ours['memories']}, wasmtime {memories}"
    for name, bits in global_values.items():
        if one_nan(types_of[name], ours["globals"].get(name, "0")) != bits:
            return f"global {name}: guardc {ours['globals'].get(name)}, wasmtime {bits}"
    return None


class Fuzzer:
    def __init__(self, args):
        self.args = args
        config = wasmtime.Config()
        config.consume_fuel = True
        config.cranelift_nan_canonicalization = True
        config.wasm_multi_memory = True
        config.wasm_tail_call = True
        config.cranelift_opt_level = "none"
        self.engine = wasmtime.Engine(config)
        self.runner = subprocess.Popen([args.runner], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.modules = self.calls = self.findings = 0

    def close(self):
        self.runner.stdin.close()
        self.runner.wait()

    def generate(self, rng, directory):
        seed, out = os.path.join(directory, "seed"), os.path.join(directory, "module.wasm")
        with open(seed, "wb") as f:
            f.write(rng.randbytes(rng.choice([256, 1024, 4096])))
        flags = ["--ensure-termination", *(f"--{name}={str(value).lower()}" for name, value in SMITH.items())]
        done = subprocess.run([self.args.smith, "smith", *flags, seed, "-o", out], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"wasm-tools smith failed: {done.stderr.strip()}")
        return out

    def ask(self, request):
        self.runner.stdin.write(json.dumps(request) + "\n")
        self.runner.stdin.flush()
        return json.loads(self.runner.stdout.readline())

    def check(self, path, rng):
        """Runs one module; a text for each variant that differs."""
        with open(path, "rb") as f:
            wasm = f.read()
        try:
            peer = Peer(self.engine, wasm)
        except wasmtime.WasmtimeError:
            return []
        listing = self.ask({"wasm": os.path.abspath(path), "list": True})
        if "exports" not in listing:
            return [f"wasmtime accepts the module, guardc does not: {listing}"]
        # Types come from guardc: wasmtime's C API ends the process when it is asked about a v128.
        peer.exports = listing["exports"]
        calls = []
        for name, params, results in peer.callable_exports():
            for _ in range(3):
                calls.append({"func": name, "types": params, "results": results,
                              "args": [random_bits(rng, p) for p in params]})
        theirs, state, start = [], ({}, {}), None
        try:
            peer.instantiate()
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            start = error
        if start is None:
            theirs = [peer.outcome(call) for call in calls]
            state = peer.state()
        request = {"wasm": os.path.abspath(path), "variants": VARIANTS,
                   "calls": [{"func": c["func"], "args": c["args"]} for c in calls]}
        answer = self.ask(request)
        self.modules += 1
        if "variants" not in answer:
            return [f"guardc crashed: {answer}"]
        differences = []
        for variant, ours in zip(VARIANTS, answer["variants"]):
            if start is not None:
                if "instantiate" not in ours and "fuel" not in str(start):
                    differences.append(f"{variant}: wasmtime refuses to instantiate ({start}), guardc does not")
                continue
            self.calls += len(ours.get("calls", []))
            difference = compare(ours, theirs, calls, peer.global_types(), state, variant["strict"])
            if difference:
                differences.append(f"{variant}: {difference}")
        return differences

    def report(self, path, differences, keep):
        self.findings += 1
        name = os.path.basename(path)
        if keep:
            os.makedirs(keep, exist_ok=True)
            with open(path, "rb") as f:
                data = f.read()
            name = os.path.join(keep, hashlib.sha256(data).hexdigest()[:16] + ".wasm")
            with open(name, "wb") as f:
                f.write(data)
        print(f"FINDING {name}", *("  " + d for d in differences), sep="\n", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runner", required=True)
    parser.add_argument("--smith", default="wasm-tools")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", help="directory for modules that differ")
    parser.add_argument("wasm", nargs="*", help="check these modules instead of generated ones")
    args = parser.parse_args()
    fuzzer = Fuzzer(args)
    rng = random.Random(args.seed)
    if args.wasm:
        for path in args.wasm:
            differences = fuzzer.check(path, random.Random(args.seed))
            if differences:
                fuzzer.report(path, differences, None)
    else:
        end = time.monotonic() + args.seconds
        with tempfile.TemporaryDirectory(prefix="guardc-fuzz-") as directory:
            while time.monotonic() < end:
                path = fuzzer.generate(rng, directory)
                differences = fuzzer.check(path, rng)
                if differences:
                    fuzzer.report(path, differences, args.keep)
    fuzzer.close()
    print(f"{fuzzer.modules} modules compiled, {fuzzer.calls} calls compared, {fuzzer.findings} findings")
    return 1 if fuzzer.findings else 0


if __name__ == "__main__":
    sys.exit(main())
