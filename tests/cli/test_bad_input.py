"""Bad input: each its own clear error, exit 1, and nothing left behind in the cache."""

import os
import subprocess
import unittest

from support import ECHO_GUARD, GUARDC, LABEL_TYPE, CliTest, files_below, needs_compiler, run

LABELS = "".join(f'(func (export "label_{name}") {LABEL_TYPE} (i32.const 0))' for name in ("agent", "resource", "response"))
MEMORY = '(memory (export "memory") 2)'


@needs_compiler
class CompileBadInputTest(CliTest):
    def refused(self, path, *words):
        self.assert_error(run("compile", path, "--cache-dir", self.cache), *words)
        self.assert_cache_empty()

    def refused_wat(self, wat, *words):
        self.refused(self.wasm(wat), *words)

    def test_no_such_file(self):
        self.refused(self.dir / "absent.wasm", "absent.wasm", "No such file")

    def test_directory(self):
        self.refused(self.dir, "directory")

    def test_empty_file(self):
        self.refused(self.write("empty.wasm", b""), "empty.wasm")

    def test_not_wasm(self):
        self.refused(self.write("text.wasm", "hello, this is no module"), "not")

    def test_truncated(self):
        whole = self.wasm(ECHO_GUARD).read_bytes()
        self.refused(self.write("half.wasm", whole[: len(whole) // 2]), "half.wasm")

    def test_invalid(self):
        # (func (result i32)) with an empty body.
        module = b"\0asm\1\0\0\0" + b"\1\5\1\x60\0\1\x7f" + b"\3\2\1\0" + b"\x0a\4\1\2\0\x0b"
        self.refused(self.write("invalid.wasm", module), "invalid.wasm", "type")

    def test_component(self):
        self.refused(self.write("component.wasm", b"\0asm\x0d\0\1\0"), "component")

    def test_command_module(self):
        self.refused_wat(f'(module {MEMORY} (func (export "_start")))', "_start", "command")

    def test_missing_label_function(self):
        self.refused_wat(f"(module {MEMORY} {LABELS})".replace("label_response", "label_other"), "label_response",
                         "(i32, i32, i32, i32) -> i32")

    def test_mistyped_label_function(self):
        wrong = '(func (export "label_agent") (param i64) (result i32) (i32.const 0))'
        others = LABELS.replace("label_agent", "other")
        self.refused_wat(f"(module {MEMORY} {wrong} {others})", "label_agent", "(i64) -> i32", "(i32, i32, i32, i32) -> i32")

    def test_unknown_import(self):
        self.refused_wat(f'(module (import "env" "open_door" (func (param i32) (result i64))) {MEMORY} {LABELS})', "env",
                         "open_door", "(i32) -> i64")

    def test_mistyped_import(self):
        self.refused_wat(f'(module (import "env" "host_log" (func (param i64))) {MEMORY} {LABELS})', "host_log",
                         "(i64)", "(i32, i32, i32)")

    def test_no_memory_export(self):
        self.refused_wat(f"(module (memory 1) {LABELS})", "memory")

    def test_cache_that_is_a_file(self):
        self.cache = self.write("cache", b"a file, not a directory")
        self.assert_error(run("compile", self.wasm(ECHO_GUARD), "--cache-dir", self.cache), str(self.cache))

    def test_cache_in_a_directory_that_we_may_not_write(self):
        guard = self.wasm(ECHO_GUARD)
        closed = self.dir / "closed"
        closed.mkdir()
        closed.chmod(0o555)
        self.cache = closed / "cache"
        who = {}
        if os.geteuid() == 0:  # whom no permission stops: become nobody
            self.dir.chmod(0o755)
            who = {"user": 65534, "group": 65534, "extra_groups": []}
            try:
                subprocess.run([GUARDC, "--version"], check=True, capture_output=True, **who)
            except PermissionError:
                self.skipTest("another user may not run the command where it lies")
        self.assert_error(run("compile", guard, "--cache-dir", self.cache, **who), str(closed), "Permission denied")
        self.assert_cache_empty()

    def test_unreadable_cache(self):
        guard = self.wasm(ECHO_GUARD)
        self.compile(guard)
        self.cache.chmod(0o000)
        self.addCleanup(self.cache.chmod, 0o755)
        who = {}
        if os.geteuid() == 0:
            self.dir.chmod(0o755)
            who = {"user": 65534, "group": 65534, "extra_groups": []}
        try:
            done = run("call", guard, "label_agent", "--input", self.json_file("in.json", {}), "--cache-dir", self.cache, **who)
        except PermissionError:
            self.skipTest("another user may not run the command where it lies")
        self.assert_error(done, str(self.cache))

    def test_cache_that_others_may_write(self):
        self.cache.mkdir()
        self.cache.chmod(0o777)
        self.refused_wat(ECHO_GUARD, str(self.cache), "write")

    def test_full_disk(self):
        self.cache.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12k,mode=755", "tmpfs", self.cache], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("mounting a small file system needs root")
        self.addCleanup(subprocess.run, ["umount", self.cache], check=True)
        self.refused_wat(ECHO_GUARD, "No space left on device")

    def test_each_bad_guard_does_not_stop_the_others(self):
        good, bad = self.wasm(ECHO_GUARD, "good.wasm"), self.write("bad.wasm", b"no")
        done = run("compile", bad, good, "--cache-dir", self.cache)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"bad.wasm", done.stderr)
        self.run_ok("verify", good, "--cache-dir", self.cache)


@needs_compiler
class RunBadInputTest(CliTest):
    def call(self, guard, *args):
        return run("call", guard, "label_resource", "--cache-dir", self.cache, *args)

    def test_input_that_is_not_json(self):
        guard = self.wasm(ECHO_GUARD)
        self.compile(guard)
        for text in ("", "{", "{'a':1}", "[1,]", "nul", '"\xff"'.encode("latin-1")):
            path = self.write("input.json", text)
            self.assert_error(self.call(guard, "--input", path), "is not JSON")

    def test_input_that_is_absent(self):
        guard = self.wasm(ECHO_GUARD)
        self.compile(guard)
        self.assert_error(self.call(guard, "--input", self.dir / "absent.json"), "absent.json", "No such file")

    def test_input_above_the_limit(self):
        guard = self.wasm(ECHO_GUARD)
        self.compile(guard)
        big = self.write("big.json", '"' + "x" * (8 << 20) + '"')
        self.assert_error(self.call(guard, "--input", big), "8388608")

    def test_segment_that_does_not_fit(self):
        guard = self.wasm(f'(module (memory (export "memory") 1) (data (i32.const 65530) "0123456789") {LABELS})')
        self.compile(guard)
        done = self.call(guard, "--input", self.json_file("in.json", {}))
        self.assert_error(done, "out of bounds memory access", "segments are put in place")

    def test_memory_minimum_above_the_cap(self):
        guard = self.wasm(f'(module (memory (export "memory") 600) {LABELS})')
        done = run("compile", guard, "--cache-dir", self.cache)
        if done.returncode == 0:  # then the load refuses it
            done = self.call(guard, "--input", self.json_file("in.json", {}))
        self.assert_error(done, "600", "512")

    def test_not_wasm(self):
        self.assert_error(self.call(self.write("text.wasm", "no module"), "--input", self.json_file("in.json", {})),
                          "not WebAssembly")

    def test_component(self):
        self.assert_error(self.call(self.write("component.wasm", b"\0asm\x0d\0\1\0"), "--input", "-"), "is not JSON")
        self.assert_error(
            self.call(self.write("component.wasm", b"\0asm\x0d\0\1\0"), "--input", self.json_file("in.json", {})), "component")

    def test_damaged_artifact(self):
        guard = self.wasm(ECHO_GUARD)
        self.compile(guard)
        object_file = next(p for p in files_below(self.cache) if p.suffix == ".so")
        object_file.chmod(0o644)
        data = bytearray(object_file.read_bytes())
        data[len(data) // 2] ^= 1
        object_file.write_bytes(data)
        in_file = self.json_file("in.json", {})
        self.assert_error(self.call(guard, "--input", in_file), "hint:")
        done = self.call(guard, "--input", in_file, "--compile", "--raw")  # replaces it
        self.assertEqual((done.returncode, done.stdout), (0, b"{}"), done.stderr)

    def test_truncated_artifact(self):
        guard = self.wasm(ECHO_GUARD)
        self.compile(guard)
        for name, size in (("guard.so", 1000), ("guard.so", 0), ("manifest.json", 100)):
            path = next(p for p in files_below(self.cache) if p.name == name)
            path.chmod(0o644)
            os.truncate(path, size)
            self.assert_error(self.call(guard, "--input", self.json_file("in.json", {})))
            self.compile(guard)

    def test_artifact_that_others_may_write(self):
        guard = self.wasm(ECHO_GUARD)
        self.compile(guard)
        next(p for p in files_below(self.cache) if p.suffix == ".so").chmod(0o666)
        self.assert_error(self.call(guard, "--input", self.json_file("in.json", {})), "write")

    def test_artifact_of_another_architecture(self):
        guard = self.wasm(ECHO_GUARD)
        machine = os.uname().machine
        other = "aarch64-unknown-linux-gnu" if machine == "x86_64" else "x86_64-unknown-linux-gnu"
        entry = self.compile(guard, "--target", other)["path"]
        in_file = self.json_file("in.json", {})
        self.assert_error(self.call(guard, "--input", in_file), "hint:")
        self.assert_error(self.call(entry, "--input", in_file), other.split("-")[0])

    def test_artifact_of_another_cpu(self):
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            if os.uname().machine != "x86_64" or "avx512f" in f.read():
                self.skipTest("this machine has all that an artifact may ask for")
        guard = self.wasm(ECHO_GUARD)
        entry = self.compile(guard, "--cpu", "x86-64-v4")["path"]
        self.assert_error(self.call(entry, "--input", self.json_file("in.json", {})), "avx512")

    def test_module_that_is_no_guard_is_refused_at_load_too(self):
        command = self.wasm(f'(module {MEMORY} (func (export "_start")))')
        self.compile(command, "--profile", "wasi")
        self.assert_error(self.call(command, "--input", self.json_file("in.json", {})), "_start", "command")


if __name__ == "__main__":
    unittest.main()
