"""What a process that loads and labels is made of: no compiler, no noise."""

import json
import os
import pathlib
import subprocess
import time
import unittest

from support import BROKEN_GUARD, GUARDC, HAS_COMPILER, CliTest, needs_compiler, run

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
