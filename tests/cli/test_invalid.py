"""Modules that wabt 1.0.32 takes for valid: each was a way out of the sandbox, or a step to one.

Each must be refused with its offset by both validators together and by guardc's own alone.
"""

import re
import subprocess
import unittest

from support import CliTest, needs_compiler, run

# What a typed select leaves is not of its type.
SELECT = "(i64.const 0x1000) (i64.const 0x1000) (i32.const 1) (select (result i64))"
REFERENCE = "(ref.null extern) (ref.null extern) (i32.const 1) (select (result externref))"

MODULES = {
    "an i64 as the address of a load": f"(memory 1) (func (result i32) {SELECT} (i32.load))",
    "an i64 as the address of a store": f"(memory 1) (func {SELECT} (i32.const 7) (i32.store))",
    "an i64 as the address of a vector's lane":
        f"(memory 1) (func {SELECT} (v128.const i64x2 0 0) (v128.store8_lane 0))",
    "an i64 as the address of an atomic": f"(memory 1 1 shared) (func {SELECT} (i32.const 1) (i32.atomic.rmw.add) drop)",
    "an i64 in memory.fill": f"(memory 1) (func {SELECT} (i32.const 0) (i32.const 9) (memory.fill))",
    "an i64 as memory.copy's length": f"(memory 1) (func (i32.const 0) (i32.const 0) {SELECT} (memory.copy))",
    "an i64 as a funcref": f"(table 1 funcref) (func (i32.const 0) {SELECT} (table.set 0))",
    "an externref as a funcref": f"(table 1 funcref) (func (i32.const 0) {REFERENCE} (table.set 0))",
    "a forged funcref in table.grow": f"(table 1 funcref) (func {SELECT} (i32.const 1) (table.grow 0) drop)",
    "a forged funcref in table.fill": f"(table 1 funcref) (func (i32.const 0) {SELECT} (i32.const 1) (table.fill 0))",
    "a forged funcref in a global":
        f"(global $g (mut funcref) (ref.null func)) (func {SELECT} (global.set $g))",
    "an i64 as a table's index": f"(table 1 funcref) (func {SELECT} (table.get 0) drop)",
    "an i64 as the index of call_indirect": f"(table 1 funcref) (func {SELECT} (call_indirect))",
    "an i64 in an i32 local": f"(func (local i32) {SELECT} (local.set 0))",
    "a v128 in an i32 local":
        "(func (local i32) (v128.const i64x2 1 2) (v128.const i64x2 1 2) (i32.const 1) (select (result v128)) (local.set 0))",
    "an i64 as an i32 argument": f"(func $f (param i32)) (func {SELECT} (call $f))",
    "a reference that is returned as a number": f"(func (result i64) {REFERENCE})",
    "a reference that a branch carries as a number": f"(func (result i64) (block (result i64) {REFERENCE} (br 0)))",
    "a typed select of other operands": "(func (result i32) (i64.const 1) (i64.const 2) (i32.const 0) (select (result i32)))",
}


class InvalidModules(CliTest):
    @needs_compiler
    def test_ways_out_of_the_sandbox(self):
        for name, fields in MODULES.items():
            source = self.write("m.wat", f"(module {fields})")
            wasm = self.dir / "m.wasm"
            subprocess.run(["wat2wasm", "--enable-all", "--no-check", source, "-o", wasm], check=True)
            for options in ([], ["--without-wabt-validation"], ["--bounds-checks"]):
                with self.subTest(name, options=options):
                    done = run("compile", "--profile", "wasi", "--cache-dir", self.cache, wasm, *options)
                    self.assert_error(done, "m.wasm: invalid WebAssembly module at offset 0x")
                    self.assertRegex(done.stderr.decode(), "type mismatch")
        self.assertFalse(list(self.cache.rglob("*.so")))

    @needs_compiler
    def test_the_offset_is_the_instructions(self):
        wasm = self.dir / "m.wasm"
        source = self.write("m.wat", "(module " + MODULES["an i64 as the address of a load"] + ")")
        subprocess.run(["wat2wasm", "--enable-all", "--no-check", source, "-o", wasm], check=True)
        done = run("compile", "--profile", "wasi", "--cache-dir", self.cache, wasm)
        offset = int(re.search(r"offset 0x([0-9a-f]+)", done.stderr.decode())[1], 16)
        self.assertEqual(wasm.read_bytes()[offset], 0x28)  # i32.load


if __name__ == "__main__":
    unittest.main()
