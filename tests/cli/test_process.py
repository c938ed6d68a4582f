"""What a process that loads and labels is made of: no compiler, no noise."""

import json
import os
import pathlib
import pty
import resource
import socket
import subprocess
import termios
import time
import unittest

from support import BROKEN_GUARD, GUARDC, HAS_COMPILER, LABEL_TYPE, CliTest, files_below, needs_compiler, run

FORBIDDEN = ("LLVM", "wabt", "lld")


class ProcessTest(CliTest):
    def test_needed_libraries(self):
        libraries = subprocess.run(["ldd", GUARDC], capture_output=True, text=True, check=True).stdout
        for name in FORBIDDEN:
            self.assertNotIn(name, libraries)

    def test_starts_light(self):
        libraries = subprocess.run(["ldd", GUARDC], capture_output=True, text=True, check=True).stdout
        if any(name in libraries for name in ("libasan", "libtsan", "libubsan")):
            self.skipTest("a sanitizer's run-time library needs more")
        for name in ("libstdc++", "libm.", "libsimdjson", "libspdlog", "libfmt", "libcrypto"):
            self.assertNotIn(name, libraries)

    @needs_compiler
    def test_mapped_files_while_a_guard_runs(self):
        guard = self.wasm(BROKEN_GUARD)
        self.compile(guard)
        in_file = self.json_file("in.json", {})
        child = subprocess.Popen([GUARDC, "call", guard, "label_response", "--input", in_file, "--cache-dir", self.cache,
                                  "--timeout", "5s"], stderr=subprocess.DEVNULL)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        self.wait_for_guest(child)
        maps = pathlib.Path(f"/proc/{child.pid}/maps").read_text()
        self.assertIn("guardc", maps)
        for name in FORBIDDEN:
            self.assertNotIn(name, maps)

    @needs_compiler
    def test_closed_standard_streams_become_no_file(self):
        guard = self.wasm(BROKEN_GUARD)
        self.compile(guard)
        close = 'exec "$0" "$@" <&- >&- 2>&-'
        child = subprocess.Popen(["sh", "-c", close, GUARDC, "call", guard, "label_response", "--timeout", "5s",
                                  "--input", self.json_file("in.json", {}), "--cache-dir", self.cache])
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        self.wait_for_guest(child)
        for fd in range(3):
            self.assertEqual(os.readlink(f"/proc/{child.pid}/fd/{fd}"), "/dev/null")

    def wait_for_guest(self, child):
        """Until the process burns time: the guest spins once the artifact is mapped."""
        deadline = time.monotonic() + 4
        ticks = 0
        while ticks < 30 and time.monotonic() < deadline and child.poll() is None:
            time.sleep(0.05)
            ticks = int(pathlib.Path(f"/proc/{child.pid}/stat").read_text().rsplit(")", 1)[1].split()[11])
        self.assertGreaterEqual(ticks, 30)


ENDLESS_LOG_GUARD = f"""
(module
  (import "env" "host_log" (func $host_log (param i32 i32 i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "\\00\\04\\00\\00\\00\\10\\00\\00")
  (func (export "label_agent") {LABEL_TYPE} (loop $l (call $host_log (i32.const 3) (i32.const 1024) (i32.const 4000))
    (br $l)) (i32.const 0))
  (func (export "label_resource") {LABEL_TYPE}
    (loop $l (drop (call $fd_write (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 8))) (br $l)) (i32.const 0))
  (func (export "label_response") {LABEL_TYPE}
    (local $i i32)
    (loop $l
      (call $host_log (i32.const 3) (i32.const 1024) (i32.const 4000))
      (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8)))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
    (i32.store16 (local.get $out) (i32.const 0x7d7b))
    (i32.const 2)))
"""


@needs_compiler
class StderrTest(CliTest):
    """Guards write to a stderr whose reader is gone, or is there and does not read."""

    def setUp(self):
        super().setUp()
        self.guard = self.wasm(ENDLESS_LOG_GUARD)
        self.compile(self.guard)

    def start(self, function, *more, **streams):
        command = [GUARDC, "call", self.guard, function, "--input", self.json_file("in.json", {}), "--cache-dir",
                   self.cache, *more]
        child = subprocess.Popen(command, **streams)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child

    def test_without_a_reader_the_answer_is_the_answer(self):
        read_end, write_end = os.pipe()
        os.close(read_end)
        child = self.start("label_response", "--raw", stdout=subprocess.PIPE, stderr=write_end)
        os.close(write_end)
        self.assertEqual(child.communicate(timeout=60)[0], b"{}")
        self.assertEqual(child.returncode, 0)

    def test_a_full_pipe_holds_no_call_beyond_its_deadline(self):
        for function in ("label_agent", "label_resource"):
            with self.subTest(function):
                read_end, write_end = os.pipe()
                child = self.start(function, "--timeout", "300ms", stdout=subprocess.DEVNULL, stderr=write_end)
                os.close(write_end)
                self.assertEqual(child.wait(timeout=30), 1)
                os.close(read_end)

    def test_a_full_pipe_holds_no_call_without_a_deadline(self):
        read_end, write_end = os.pipe()
        child = self.start("label_response", "--raw", stdout=subprocess.PIPE, stderr=write_end)
        os.close(write_end)
        self.assertEqual(child.communicate(timeout=60)[0], b"{}")
        os.close(read_end)

    def test_a_full_pipe_holds_no_message_of_wrong_usage(self):
        read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        try:
            while True:
                os.write(write_end, b"x" * 4096)
        except BlockingIOError:
            os.set_blocking(write_end, True)
        done = subprocess.run([GUARDC, "call", "--no-such-option"], stdout=subprocess.DEVNULL, stderr=write_end, timeout=60)
        self.assertEqual(done.returncode, 2)
        os.close(write_end)
        os.close(read_end)

    def test_a_full_socket(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            child = self.start("label_agent", "--timeout", "300ms", stdout=subprocess.DEVNULL, stderr=theirs)
            self.assertEqual(child.wait(timeout=30), 1)

    def test_a_terminal_that_was_stopped(self):
        ours, theirs = pty.openpty()
        termios.tcflow(theirs, termios.TCOOFF)
        child = self.start("label_agent", "--timeout", "300ms", stdout=subprocess.DEVNULL, stderr=theirs)
        self.assertEqual(child.wait(timeout=30), 1)
        os.close(theirs)
        os.close(ours)


def limit_file_sizes():
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))


@needs_compiler
class FileSizeLimitTest(CliTest):
    """ulimit -f: SIGXFSZ would end the process."""

    def test_a_compile(self):
        if "thread" in os.environ.get("GUARDC_SANITIZE", ""):
            self.skipTest("thread sanitizer's run-time library ends by SIGBUS, where a file of its own is cut short")
        guard = self.wasm(BROKEN_GUARD)
        done = run("compile", guard, "--cache-dir", self.cache, preexec_fn=limit_file_sizes)
        self.assert_error(done, "File too large", "ulimit -f")
        self.assertEqual([p for p in files_below(self.cache) if p.name == "manifest.json"], [])

    def test_a_load(self):
        guard = self.wasm(BROKEN_GUARD)
        self.compile(guard)
        done = run("call", guard, "label_agent", "--input", self.json_file("in.json", {}), "--cache-dir", self.cache,
                   preexec_fn=limit_file_sizes)
        self.assert_error(done, "File too large", "ulimit -f")


class LogsTest(CliTest):
    """docs/logs.md from outside: on stderr, as the environment says."""

    @needs_compiler
    def test_levels_and_format(self):
        guard = self.wasm(BROKEN_GUARD)
        self.compile(guard)
        args = ("call", guard, "label_resource", "--input", self.json_file("in.json", {"s": "secret"}), "--cache-dir",
                self.cache)

        def lines(**environment):
            done = run(*args, env={**os.environ, **environment})
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            return [line for line in done.stderr.decode().splitlines() if "guard:label_call" in line]

        self.assertEqual(lines(), [])
        self.assertEqual(len(lines(GUARDC_LOG="warn")), 1)
        self.assertEqual(lines(GUARDC_LOG="off"), [])
        self.assertEqual(lines(GUARDC_LOG="trace,guard:label_call=error"), [])
        self.assertNotIn("secret", "".join(lines(DEBUG="guard:*")))
        traced = [json.loads(line) for line in lines(GUARDC_LOG="*:label_call=trace", GUARDC_LOG_FORMAT="json")]
        self.assertEqual([line["level"] for line in traced], ["trace", "trace", "warn"])
        self.assertIn("secret", traced[0]["message"])


    def test_a_level_that_is_none(self):
        self.cache.mkdir()
        for value, named in (("debgu", '"debgu"'), ("warn,guard:*=loud,x=1", '"guard:*=loud"'), ("off,WARN", '"WARN"')):
            done = self.run_ok("cache", "ls", "--cache-dir", self.cache, env={"GUARDC_LOG": value})
            lines = [line for line in done.stderr.decode().splitlines() if "base:log" in line]
            self.assertEqual(len(lines), 1, done.stderr)
            self.assertIn(f"warn: GUARDC_LOG: {named} names no level", lines[0])
        for value in ("", "info", "off,guard:*=debug", "warning,x=none,"):
            self.assertEqual(self.run_ok("cache", "ls", "--cache-dir", self.cache, env={"GUARDC_LOG": value}).stderr, b"")


class UsageTest(CliTest):
    def test_help_of_every_command(self):
        for command in ([], ["verify"], ["inspect"], ["call"], ["exec"], ["cache"], ["cache", "ls"], ["cache", "gc"],
                        ["cache", "verify"], ["cache", "path"], ["policy"], ["policy", "check"], ["decide"]):
            done = self.run_ok(*command, "--help")
            self.assertIn(b"--help", done.stdout)
            self.assertEqual(done.stderr, b"")

    @needs_compiler
    def test_help_of_compile(self):
        self.assertIn(b"--cpu", self.run_ok("compile", "--help").stdout)

    def test_version(self):
        self.assertRegex(self.run_ok("--version").stdout.decode(), r"^guardc \d+\.\d+\.\d+\n$")

    def test_wrong_usage(self):
        for args in ([], ["nonsense"], ["call"], ["cache"], ["cache", "nonsense"], ["verify"], ["inspect"], ["exec"],
                     ["cache", "gc", "--max-age", "30"], ["cache", "ls", "extra"]):
            with self.subTest(args):
                self.assert_error(run(*args), "hint: see `guardc", code=2)

    def test_a_command_that_is_none_is_named(self):
        for args in (["nonsense"], ["cache", "nonsense"]):
            self.assert_error(run(*args), f"error: there is no command 'guardc {' '.join(args)}'", code=2)

    def test_full_stdout_of_help(self):
        for command in (["--help"], ["--version"], ["exec", "--help"], ["decide", "--help"], ["compile", "--help"]):
            if command[0] == "compile" and not HAS_COMPILER:
                continue
            with open("/dev/full", "wb") as full:
                done = subprocess.run([GUARDC, *command], stdout=full, stderr=subprocess.PIPE, timeout=60)
            self.assertEqual(done.returncode, 1, command)
            self.assertIn(b"error: cannot write to stdout: No space left on device", done.stderr)

    def test_full_stdout(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([GUARDC, "cache", "path", "--cache-dir", "/d"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"error: cannot write to stdout: No space left on device", done.stderr)


if __name__ == "__main__":
    unittest.main()
