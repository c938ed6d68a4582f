"""guardc exec: WASI commands, exported functions, exit codes."""

import fcntl
import os
import pathlib
import signal
import subprocess
import time
import unittest

from support import CliTest, GUARDC, needs_compiler, run

WASI = '(import "wasi_snapshot_preview1" "{0}" (func ${0} {1}))'
HELLO = f"""
(module
  {WASI.format("fd_write", "(param i32 i32 i32 i32) (result i32)")}
  {WASI.format("proc_exit", "(param i32)")}
  {WASI.format("args_sizes_get", "(param i32 i32) (result i32)")}
  {WASI.format("args_get", "(param i32 i32) (result i32)")}
  {WASI.format("environ_sizes_get", "(param i32 i32) (result i32)")}
  (memory (export "memory") 1)
  (data (i32.const 100) "to stdout\\n")
  (data (i32.const 120) "to stderr\\n")
  (func $print (param $fd i32) (param $at i32) (param $size i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $size))
    (drop (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "_start")
    (call $print (i32.const 1) (i32.const 100) (i32.const 10))
    (call $print (i32.const 2) (i32.const 120) (i32.const 10))
    ;; All arguments, each with its terminator, to stdout.
    (drop (call $args_sizes_get (i32.const 16) (i32.const 20)))
    (drop (call $args_get (i32.const 1000) (i32.const 2000)))
    (call $print (i32.const 1) (i32.const 2000) (i32.load (i32.const 20)))
    (drop (call $environ_sizes_get (i32.const 24) (i32.const 28)))
    ;; 40 + number of arguments, plus 100 for each variable of the environment.
    (call $proc_exit (i32.add (i32.add (i32.const 40) (i32.load (i32.const 16)))
                              (i32.mul (i32.const 100) (i32.load (i32.const 24)))))))
"""

NUMBERS = """
(module
  (memory 1)
  (global $ready (mut i32) (i32.const 0))
  (func (export "_initialize") (global.set $ready (i32.const 1)))
  (func (export "ready") (result i32) (global.get $ready))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "add64") (param i64 i64) (result i64) (i64.add (local.get 0) (local.get 1)))
  (func (export "half") (param f64) (result f64) (f64.mul (local.get 0) (f64.const 0.5)))
  (func (export "half32") (param f32) (result f32) (f32.mul (local.get 0) (f32.const 0.5)))
  (func (export "two") (result i32 f64) (i32.const -1) (f64.const 0.1))
  (func (export "nothing"))
  (func $inner (drop (i32.load (i32.const 65536))))
  (func (export "fault") (call $inner) (global.set $ready (i32.const 2)))
  (func (export "ref") (param externref))
  (func (export "spin") (loop $l (br $l)))
  (func $deep (export "deep") (param i64) (result i64)
    (i64.add (i64.const 1) (call $deep (i64.add (local.get 0) (i64.const 1))))))
"""


@needs_compiler
class ExecTest(CliTest):
    def exec(self, *args, **more):
        module, *rest = args
        return run("exec", module, "--cache-dir", self.cache, *rest, **more)

    def test_output_arguments_environment_and_exit_code(self):
        hello = self.wasm(HELLO, "hello.wasm")
        done = self.exec(hello, "--compile")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (41, b"to stdout\nhello.wasm\0", b"to stderr\n"))
        done = self.exec(hello, "--env", "A=1", "one", "--two", env={"UNSEEN": "x"})
        self.assertEqual((done.returncode, done.stdout), (143, b"to stdout\nhello.wasm\0one\0--two\0"))

    def exiting(self, code):
        return self.wasm(f'''(module {WASI.format("proc_exit", "(param i32)")} (memory (export "memory") 1)
          (func (export "_start") (call $proc_exit (i32.const {code}))))''', f"exit{code}.wasm")

    def test_exit_codes_that_no_process_has(self):
        for code in (0, 1, 255):
            self.assertEqual(self.exec(self.exiting(code), "--compile").returncode, code)
        for code in (256, 512, 65536, -1):
            with self.subTest(code):
                self.assert_error(self.exec(self.exiting(code), "--compile"), "proc_exit", "0 to 255")

    def writer(self, fd):
        return self.wasm(f'''(module {WASI.format("fd_write", "(param i32 i32 i32 i32) (result i32)")}
          (memory (export "memory") 1) (data (i32.const 16) "\\00\\04\\00\\00\\00\\10\\00\\00")
          (func (export "_start")
            (loop $l (drop (call $fd_write (i32.const {fd}) (i32.const 16) (i32.const 1) (i32.const 8))) (br $l))))''',
                         f"writer{fd}.wasm")

    def test_a_reader_who_has_left_ends_it_as_any_filter(self):
        module = self.writer(1)
        self.exec(module, "--compile", "--timeout", "1ms")
        child = subprocess.Popen([GUARDC, "exec", module, "--cache-dir", self.cache], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        self.addCleanup(child.kill)
        child.stdout.read(10)
        child.stdout.close()
        with child.stderr:
            self.assertEqual(child.wait(timeout=60), -signal.SIGPIPE)

    def test_a_reader_who_does_not_read_holds_it_until_the_deadline(self):
        for fd in (1, 2):
            module = self.writer(fd)
            self.exec(module, "--compile", "--timeout", "1ms")
            read_end, write_end = os.pipe()
            streams = {"stdout" if fd == 1 else "stderr": write_end, "stderr" if fd == 1 else "stdout": subprocess.DEVNULL}
            child = subprocess.Popen([GUARDC, "exec", module, "--cache-dir", self.cache, "--timeout", "200ms"], **streams)
            self.addCleanup(child.kill)
            os.close(write_end)
            self.assertEqual(child.wait(timeout=60), 1)
            os.close(read_end)

    def test_output_that_cannot_be_written_is_an_error(self):
        hello = self.wasm(HELLO, "hello.wasm")
        self.exec(hello, "--compile")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([GUARDC, "exec", hello, "--cache-dir", self.cache], stdout=full,
                                  stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"error: cannot write the guest's output: No space left on device", done.stderr)

    def test_env_is_name_and_value(self):
        hello = self.wasm(HELLO, "hello.wasm")
        for variable in ("NAME", "=value", ""):
            with self.subTest(variable):
                self.assert_error(self.exec(hello, "--compile", "--env", variable), "--env", code=2)
        self.assertEqual(self.exec(hello, "--compile", "--env", "A=", "--env", "B=a=b").returncode, (41 + 200) % 256)

    def test_double_dash_ends_our_options(self):
        hello = self.wasm(HELLO, "hello.wasm")
        done = self.exec(hello, "--compile", "--", "--compile", "-v", "--", "x")
        self.assertEqual((done.returncode, done.stdout), (45, b"to stdout\nhello.wasm\0--compile\0-v\0--\0x\0"), done.stderr)

    def test_start_that_returns_is_exit_0(self):
        done = self.exec(self.wasm('(module (memory (export "memory") 1) (func (export "_start")))'), "--compile")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))

    def test_without_artifact_names_the_command(self):
        self.assert_error(self.exec(self.wasm(NUMBERS), "--invoke", "ready"), "--profile wasi", "--compile")

    def test_invoke(self):
        numbers = self.wasm(NUMBERS)
        self.compile(numbers, "--profile", "wasi")
        for args, expected in (
            (["add", "2", "-5"], "-3\n"),
            (["add", "0xffffffff", "4294967295"], "-2\n"),
            (["add64", "9223372036854775807", "1"], "-9223372036854775808\n"),
            (["half", "-3"], "-1.5\n"),
            (["half32", "0.1"], "0.05\n"),
            (["half", "inf"], "inf\n"),
            (["two"], "-1\n0.1\n"),
            (["nothing"], ""),
            (["ready"], "1\n"),
        ):
            with self.subTest(args):
                done = self.exec(numbers, "--invoke", *args)
                self.assertEqual((done.returncode, done.stdout.decode()), (0, expected), done.stderr)

    def compile_measured(self, wasm):
        """What the compiler's process used."""
        compiler = subprocess.Popen([GUARDC, "compile", "--profile", "wasi", "--cache-dir", self.cache, wasm],
                                    stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(compiler.pid, 0)
        compiler.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(compiler.returncode, 0)
        return usage

    def test_a_huge_block_in_parts(self):
        """Instruction selection and what follows see a huge block in parts, and it still computes what it says."""
        count, values, mask = 40000, [3, 5, 7], 0xffffffff
        code = []
        for i in range(count):
            to, by, other = i % 3, (i + 1) % 3, (i + 2) % 3
            code.append(f"(local.set {to} (i32.add (i32.mul (local.get {by}) (i32.const {2 * i + 1}))"
                        f" (i32.rotl (local.get {other}) (i32.const {i % 31 + 1}))))")
            turn = i % 31 + 1
            turned = (values[other] << turn | values[other] >> (32 - turn)) & mask
            values[to] = (values[by] * (2 * i + 1) + turned) & mask
        wasm = self.wasm('(module (func (export "f") (param i32 i32 i32) (result i32)' + "".join(code) +
                         "(i32.xor (local.get 0) (i32.xor (local.get 1) (local.get 2)))))")
        usage = self.compile_measured(wasm)
        if not os.environ.get("GUARDC_SANITIZE"):
            self.assertLess(usage.ru_utime, 60)  # seconds; generous
        done = self.exec(wasm, "--invoke", "f", "3", "5", "7")
        result = values[0] ^ values[1] ^ values[2]
        self.assertEqual(int(done.stdout.decode()) & mask, result, done.stderr)

    def test_a_thousand_tests_of_one_value(self):
        """A machine of states that all test one counter; each test once cost a look at all others."""
        count, mask = 2000, 0xffffffff
        states = [f"(local.set $x (i32.add (local.get $x) (i32.const {i}))) (local.set $s (i32.const {(i * 17 + 5) % count}))"
                  f" (br_if $next (i32.gt_u (local.get $n) (i32.const {1000 + i * 7})))" for i in range(count)]
        wasm = self.wasm(
            '(module (func (export "f") (param $s i32) (param $n i32) (result i32) (local $x i32)'
            "(loop $next (local.set $n (i32.sub (local.get $n) (i32.const 1)))" + "(block " * count +
            f"(br_table {' '.join(map(str, range(count)))} (local.get $s))" + "".join(f") {state}" for state in states) +
            ") (local.get $x)))")
        usage = self.compile_measured(wasm)
        if not os.environ.get("GUARDC_SANITIZE"):
            self.assertLess(usage.ru_utime, 20)  # seconds; it was 30, and is 2.6
        state, counter, total, falls = 0, 20000, 0, False
        while True:
            if not falls:
                counter, at = counter - 1, state
            total, state = total + at & mask, (at * 17 + 5) % count
            falls = counter <= 1000 + at * 7
            at += 1
            if falls and at == count:
                break
        done = self.exec(wasm, "--invoke", "f", "0", "20000")
        self.assertEqual(int(done.stdout.decode()) & mask, total, done.stderr)

    def test_one_huge_block(self):
        """Passes whose effort grows with the square of a block's length are left out for those that are huge."""
        count = 20000
        values = list(range(count))
        for i in range(0, count, 10):
            values[i] = values[i * 7 % count] + 1
        wasm = self.wasm(
            "(module " + "".join(f"(global $g{i} (mut i64) (i64.const {i}))" for i in range(count)) +
            '(func (export "f") (result i64)' +
            "".join(f"(global.set $g{i} (i64.add (global.get $g{i * 7 % count}) (i64.const 1)))" for i in range(0, count, 10)) +
            f"(global.get $g{count - 10})))")
        usage = self.compile_measured(wasm)
        if not os.environ.get("GUARDC_SANITIZE"):  # sanitizers take memory of their own
            self.assertLess(usage.ru_maxrss, 400 * 1024)  # KiB; it was 700 MiB, and is 210
        done = self.exec(wasm, "--invoke", "f")
        self.assertEqual(done.stdout.decode().strip(), str(values[count - 10]))

    def test_invoke_with_wrong_arguments(self):
        numbers = self.wasm(NUMBERS)
        self.compile(numbers, "--profile", "wasi")
        for args, words in (
            (["add", "1"], ["(i32, i32) -> i32", "2 arguments, not 1"]),
            (["add", "1", "4294967296"], ["4294967296", "i32"]),
            (["add", "1", "x"], ["'x'"]),
            (["half", "1,5"], ["'1,5'"]),
            (["ref", "1"], ["externref"]),
            (["absent"], ["absent"]),
        ):
            with self.subTest(args):
                self.assert_error(self.exec(numbers, "--invoke", *args), *words)

    def test_trap(self):
        numbers = self.wasm(NUMBERS)
        self.compile(numbers, "--profile", "wasi", "-O0")  # nothing is inlined
        self.assert_error(self.exec(numbers, "--invoke", "fault"), "out of bounds memory access", "inner", "fault", code=134)
        self.assert_error(self.exec(numbers, "--invoke", "deep", "0"), "call stack exhausted", "deep", code=134)

    def test_names_of_a_module_stay_on_their_line(self):
        hostile = "\\1b[31mf\\0aerror: forged\\0ahint: forged" + "x" * 90_000
        module = self.wasm(f"""(module (func (export "{hostile}") (param i32) (result i32)
            (i32.div_u (i32.const 1) (local.get 0))))""")
        self.compile(module, "--profile", "wasi")
        inspected = self.run_ok("inspect", module, "--cache-dir", self.cache).stdout
        name = "\x1b[31mf\nerror: forged\nhint: forged" + "x" * 90_000
        trapped = self.exec(module, "--invoke", name, "0")
        self.assert_error(trapped, "divide by zero", code=134)
        unknown = self.exec(module, "--invoke", "absent" + name)
        self.assert_error(unknown, "absent")
        for text in (inspected, trapped.stderr, unknown.stderr):
            self.assertNotIn(b"\x1b", text)
            self.assertNotIn(b"\nhint: forged", text)
            self.assertLess(len(text), 8192)

    def test_the_compiler_does_not_outlive_it(self):
        module = self.wasm(HELLO)
        key = self.compile(module, "--profile", "wasi")["key"]
        for signal_number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
            cache = self.dir / f"cache-{signal_number}"
            lock = cache / "v1/lock" / key
            lock.parent.mkdir(parents=True)
            for directory in (cache, cache / "v1", cache / "v1/lock"):
                directory.chmod(0o755)
            with open(lock, "w", encoding="utf-8") as held:
                lock.chmod(0o644)
                fcntl.flock(held, fcntl.LOCK_EX)  # the compiler waits for ever
                parent = subprocess.Popen([GUARDC, "exec", "--compile", "--cache-dir", cache, module],
                                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                children = pathlib.Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
                compiler = self.wait_for(lambda: children.read_text().split())[0]
                status = pathlib.Path(f"/proc/{compiler}/stat")
                # Until it waits: by then it has said with whom it dies.
                descriptors = pathlib.Path(f"/proc/{compiler}/fd")
                self.wait_for(lambda: any(fd.resolve() == lock for fd in descriptors.iterdir()))
                parent.send_signal(signal_number)
                parent.wait(timeout=20)
                self.wait_for(lambda: not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] == "Z")

    def wait_for(self, condition):
        deadline = time.monotonic() + 20
        while not (result := condition()):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        return result

    def test_timeout(self):
        numbers = self.wasm(NUMBERS)
        self.compile(numbers, "--profile", "wasi")
        self.assert_error(self.exec(numbers, "--invoke", "spin", "--timeout", "100ms"), "deadline")

    def test_no_start(self):
        self.assert_error(self.exec(self.wasm(NUMBERS), "--compile"), "_start", "--invoke")

    def test_unknown_import(self):
        module = self.wasm('(module (import "a" "b" (func (param f64))) (func (export "_start")))')
        self.assert_error(self.exec(module, "--compile"), "a", "b", "f64")


if __name__ == "__main__":
    unittest.main()
