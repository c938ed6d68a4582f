#!/usr/bin/env python3
"""Atomic instructions on unshared memory: writes a script with every access width and its traps, and runs it.

The official tests here do not cover the threads proposal. Usage: atomics.py WAST2JSON SPECTEST
"""
import json
import pathlib
import subprocess
import sys
import tempfile

INITIAL = 0x8182838485868788
ARGUMENT = 0x7F6F5F4F3F2F1F0F
OPERATIONS = {
    "add": lambda old, arg: old + arg,
    "sub": lambda old, arg: old - arg,
    "and": lambda old, arg: old & arg,
    "or": lambda old, arg: old | arg,
    "xor": lambda old, arg: old ^ arg,
    "xchg": lambda old, arg: arg,
}


class Script:
    def __init__(self):
        self.functions = []
        self.commands = []

    def function(self, name, params, result):
        """Exports the instruction `name` under its own name, at offset 4."""
        signature = f"(param {' '.join(params)})" + (f" (result {result})" if result else "")
        operands = " ".join(f"(local.get {i})" for i in range(len(params)))
        self.functions.append(f'(func (export "{name}") {signature} ({name} offset=4 {operands}))')

    def reset(self):
        self.commands.append(f'(invoke "init" (i64.const {INITIAL}))')

    def returns(self, call, value=""):
        self.commands.append(f"(assert_return (invoke {call}) {value})")

    def memory_is(self, value):
        self.returns('"get"', f"(i64.const {value})")

    def traps(self, call, text):
        self.commands.append(f'(assert_trap (invoke {call}) "{text}")')


def accesses(script, type_name, width):
    """Loads, stores, read-modify-writes and compare-exchanges of `width` bits in the instructions of one type."""
    bits = int(type_name[1:])
    narrow = "" if width == bits else str(width)
    suffix = "_u" if narrow else ""
    mask = (1 << width) - 1
    rest = INITIAL & ~mask
    old = INITIAL & mask
    argument = ARGUMENT & ((1 << bits) - 1)

    for operation, compute in OPERATIONS.items():
        name = f"{type_name}.atomic.rmw{narrow}.{operation}{suffix}"
        script.function(name, ["i32", type_name], type_name)
        script.reset()
        script.returns(f'"{name}" (i32.const 4) ({type_name}.const {argument})', f"({type_name}.const {old})")
        script.memory_is(rest | compute(old, argument & mask) & mask)
        if width > 8:
            script.traps(f'"{name}" (i32.const 5) ({type_name}.const 1)', "unaligned atomic")
        script.traps(f'"{name}" (i32.const 65532) ({type_name}.const 1)', "out of bounds memory access")

    name = f"{type_name}.atomic.rmw{narrow}.cmpxchg{suffix}"
    script.function(name, ["i32", type_name, type_name], type_name)
    # What a narrow form expects is wrapped before the comparison.
    wrapped = old | (1 << width if narrow else 0)
    for expected, new in ((old, 5), (wrapped, 5), (old ^ 1, old)):
        script.reset()
        call = f'"{name}" (i32.const 4) ({type_name}.const {expected}) ({type_name}.const 5)'
        script.returns(call, f"({type_name}.const {old})")
        script.memory_is(rest | new)

    name = f"{type_name}.atomic.load{narrow}{suffix}"
    script.function(name, ["i32"], type_name)
    script.reset()
    script.returns(f'"{name}" (i32.const 4)', f"({type_name}.const {old})")
    name = f"{type_name}.atomic.store{narrow}"
    script.function(name, ["i32", type_name], None)
    script.returns(f'"{name}" (i32.const 4) ({type_name}.const 7)')
    script.memory_is(rest | 7)


def build():
    script = Script()
    for type_name, widths in (("i32", (8, 16, 32)), ("i64", (8, 16, 32, 64))):
        for width in widths:
            accesses(script, type_name, width)
    script.function("memory.atomic.notify", ["i32", "i32"], "i32")
    script.returns('"memory.atomic.notify" (i32.const 0) (i32.const 1)', "(i32.const 0)")
    script.traps('"memory.atomic.notify" (i32.const 2) (i32.const 1)', "unaligned atomic")
    script.traps('"memory.atomic.notify" (i32.const 65532) (i32.const 1)', "out of bounds memory access")
    for width in (32, 64):
        name = f"memory.atomic.wait{width}"
        script.function(name, ["i32", f"i{width}", "i64"], "i32")
        script.traps(f'"{name}" (i32.const 4) (i{width}.const 0) (i64.const 0)', "expected shared memory")
    module = [
        "(module (memory 1)",
        '(func (export "init") (param i64) (i64.store (i32.const 8) (local.get 0)))',
        '(func (export "get") (result i64) (i64.load (i32.const 8)))',
        '(func (export "fence") (atomic.fence))',
        *script.functions,
        ")",
    ]
    script.returns('"fence"')
    return "\n".join(module + script.commands)


def main():
    wast2json, spectest = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name) / "atomics"
        folder.mkdir()
        source = folder / "atomics.wast"
        source.write_text(build())
        target = folder / "atomics.json"
        subprocess.run([wast2json, "--enable-threads", source, "-o", target], check=True)
        # wast2json names the results of a call that traps; the runner's format does not.
        script = json.loads(target.read_text())
        for command in script["commands"]:
            if command["type"] in ("assert_trap", "action"):
                command["expected"] = []
        target.write_text(json.dumps(script))
        for options in ([], ["--bounds-checks"]):
            subprocess.run([spectest, *options, target], check=True)


if __name__ == "__main__":
    main()
