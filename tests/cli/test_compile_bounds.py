"""What bounds a compile: --timeout, limits, and modules whose code is made in the simple way or in shares."""

import json
import pathlib
import sys
import time
import unittest

from support import CliTest, files_below, needs_compiler, run

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "compile_shapes"))
from shapes import SHAPES  # noqa: E402


@needs_compiler
class CompileBounds(CliTest):
    def shape(self, name, n):
        return self.write(f"{name}.wasm", SHAPES[name].make(n))

    def compile_wasi(self, wasm, *args):
        return run("compile", wasm, "--profile", "wasi", "--cache-dir", self.cache, *args)

    def test_a_time_that_is_up_ends_the_compile_and_leaves_no_entry(self):
        wasm = self.shape("functions-chain", 60_000)
        start = time.monotonic()
        done = self.compile_wasi(wasm, "--timeout", "300ms")
        self.assertLess(time.monotonic() - start, 30)
        self.assert_error(done, "after 300", "--timeout")
        listed = json.loads(self.run_ok("cache", "ls", "--json", "--cache-dir", self.cache).stdout)
        self.assertEqual(listed["entries"], [])
        self.assertEqual([f for f in files_below(self.cache) if f.suffix == ".so"], [])

    def test_the_error_of_a_timeout_is_typed(self):
        done = self.compile_wasi(self.shape("functions-chain", 60_000), "--timeout", "300ms", "--json")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(json.loads(done.stdout)["error"]["kind"], "deadline")

    def test_a_time_that_is_not_up_changes_nothing(self):
        wasm = self.shape("straight", 10)
        self.assertEqual(self.compile_wasi(wasm, "--timeout", "60s").returncode, 0)

    def test_a_time_without_a_unit_is_refused(self):
        self.assertEqual(self.compile_wasi(self.shape("straight", 10), "--timeout", "5").returncode, 2)

    def test_a_function_that_needs_too_much_memory_is_refused_by_a_limit(self):
        start = time.monotonic()
        done = self.compile_wasi(self.shape("divisions", 330_000), "--json")
        self.assertLess(time.monotonic() - start, 30)
        self.assertEqual(done.returncode, 1)
        error = json.loads(done.stdout)["error"]
        self.assertEqual(error["kind"], "limit")
        self.assertIn("MB to compile", error["message"])

    def test_a_module_that_needs_too_much_time_is_refused_by_a_limit(self):
        # 20,000 instructions of two bytes, each of which takes a third of a millisecond.
        op = "(i16x8.extadd_pairwise_i8x16_s"
        body = op * 100 + "(v128.const i32x4 1 2 3 4)" + ")" * 100
        functions = f"(func (drop {body}))" * 200
        done = self.compile_wasi(self.wasm(f"(module {functions})"), "--json")
        error = json.loads(done.stdout)["error"]
        self.assertEqual(error["kind"], "limit")
        self.assertIn("processor time", error["message"])

    def test_code_made_in_the_simple_way_does_what_it_should(self):
        # More live values than the usual way is made for; the sum is the same.
        count = 3000
        sets = "".join(f"(local.set {i + 1} (i32.mul (local.get 0) (i32.const {i})))" for i in range(count))
        gets = "".join(f"(local.set 0 (i32.add (local.get 0) (local.get {i + 1})))" for i in range(count))
        locals_ = " i32" * count
        wasm = self.wasm(f"""
          (module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (func $other (call $exit (i32.const 9)))
            (func $sum (param i32) (result i32) (local{locals_})
              {sets} (if (i32.eqz (local.get 0)) (then (call $other))) {gets} (local.get 0))
            (func (export "_start")
              (call $exit (i32.rem_u (call $sum (i32.const 3)) (i32.const 101)))))""")
        self.assertEqual(self.compile_wasi(wasm).returncode, 0)
        done = run("exec", wasm, "--cache-dir", self.cache)
        self.assertEqual(done.returncode, (3 + 3 * count * (count - 1) // 2) % 101, done.stderr)

    def test_init_in_shares_does_what_it_should(self):
        # More globals and segments than are done in one function, in order: the last write of an address stays.
        count = 5000
        globals_ = "".join(f"(global (mut i32) (i32.const {i}))" for i in range(count))
        segments = "".join(f'(data (i32.const {i % 7}) "\\{i % 200:02x}")' for i in range(count))
        wasm = self.wasm(f"""
          (module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            {globals_} {segments}
            (func (export "_start")
              (call $exit (i32.add (i32.load8_u (i32.const 3))
                                   (i32.rem_u (global.get {count - 1}) (i32.const 50))))))""")
        self.assertEqual(self.compile_wasi(wasm).returncode, 0)
        last = max(i for i in range(count) if i % 7 == 3)
        done = run("exec", wasm, "--cache-dir", self.cache)
        self.assertEqual(done.returncode, last % 200 + (count - 1) % 50, done.stderr)


if __name__ == "__main__":
    unittest.main()
