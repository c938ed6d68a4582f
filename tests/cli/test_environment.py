"""Bad days of the environment: what guardc needs is refused or missing. It finds another way, or says what and why."""

import errno
import json
import os
import pathlib
import resource
import shutil
import subprocess
import unittest

import refusing
from refusing import (NO_EXECUTABLE_MEMORY_FILES, NO_MEMORY_FILES, NO_PROCESSES, NO_THREADS, NO_UNNAMED_FILES,
                      UNKNOWN_MEMORY_FILES)
from support import AGENT_ANSWER, BIN, BROKEN_GUARD, ECHO_GUARD, GUARDC, CliTest, files_below, needs_compiler, run

SANITIZED = bool(os.environ.get("GUARDC_SANITIZE"))

PROGRAM = '(module (memory 1) (func (export "_start")) (func (export "seven") (result i32) (i32.const 7)))'


@needs_compiler
@unittest.skipIf(SANITIZED, "a sanitizer's run-time library needs /proc, threads and what else is refused here")
class Environment(CliTest):
    def setUp(self):
        if refusing.NUMBERS is None:
            self.skipTest("the numbers of this machine's system calls are not known")
        super().setUp()
        self.guard = self.wasm(ECHO_GUARD)
        self.input = self.json_file("in.json", {})
        self.entry = pathlib.Path(self.compile(self.guard)["path"])

    def every_load(self, run):
        """The commands that load a guard, each run with `run`; by name."""
        at = ("--cache-dir", self.cache)
        call = ("call", self.guard, "label_agent", "--input", self.input)
        cases = self.write("cases.jsonl", json.dumps({"tool": "t", "result": 1, "policy": {"allow-only": {}}}) + "\n")
        program = self.wasm(PROGRAM, "program.wasm")
        self.compile(program, "--profile", "wasi")
        return {
            "call": run(*call, *at),
            "call --trusted": run(*call, "--trusted", *at),
            "call --compile": run(*call, "--compile", "--cache-dir", self.dir / f"other-{len(os.listdir(self.dir))}"),
            "exec": run("exec", program, "--invoke", "seven", *at),
            "decide": run("decide", self.guard, "--cases", cases, *at),
            "decide --policy": run("decide", self.guard, "--tool", "t", "--result", self.input, "--json", *at),
            "verify": run("verify", self.guard, *at),
        }

    def assert_all_work(self, run_there):
        """As they do where nothing is refused."""
        expected = self.every_load(run)
        for name, done in self.every_load(run_there).items():
            self.assertEqual((done.returncode, done.stdout), (expected[name].returncode, expected[name].stdout),
                             (name, done.stderr))
        self.assertEqual(expected["call"].stdout, AGENT_ANSWER.encode())
        self.assertEqual(expected["exec"].stdout, b"7\n")

    def assert_compiles_the_same(self, run):
        """To the byte."""
        new = self.dir / "new"
        for name, stdin, source in (("file", b"", self.guard), ("stdin", self.guard.read_bytes(), "-")):
            done = run("compile", source, "--cache-dir", new / name, "--json", stdin=stdin)
            self.assertEqual(done.returncode, 0, done.stderr)
            made = pathlib.Path(json.loads(done.stdout)["guards"][0]["path"])
            self.assertEqual((made / "guard.so").read_bytes(), (self.entry / "guard.so").read_bytes())
        object_file = self.dir / "guard.o"
        done = run("compile", self.guard, "--emit=obj", "-o", object_file)
        self.assertEqual(done.returncode, 0, done.stderr)
        expected = self.dir / "expected.o"
        self.run_ok("compile", self.guard, "--emit=obj", "-o", expected)
        self.assertEqual(object_file.read_bytes(), expected.read_bytes())

    def checks(self, run, code):
        done = run("doctor", "--json", "--cache-dir", self.cache)
        self.assertEqual(done.returncode, code, done.stdout.decode() + done.stderr.decode())
        return {check["check"]: check for check in json.loads(done.stdout)["checks"]}

    def with_filter(self, *filters):
        return lambda *args, **more: run(*args, preexec_fn=refusing.refusing(*filters), **more)

    def in_mounts(self, script):
        """Runs guardc in a mount namespace of its own, after this shell script; $0 is the test's directory."""
        if os.geteuid() != 0 or not shutil.which("unshare"):
            self.skipTest("only root mounts")
        probe = subprocess.run(["unshare", "--mount", "sh", "-c", f"mount --make-rprivate / && {script}", self.dir],
                               capture_output=True)
        if probe.returncode != 0:
            self.skipTest(f"cannot mount: {probe.stderr.decode().strip()}")

        def run_there(*args, stdin=b"", env=None, **more):
            command = ["unshare", "--mount", "sh", "-c",
                       f'mount --make-rprivate / && {script} && exec "$@"', self.dir, GUARDC, *args]
            return subprocess.run([str(c) for c in command], input=stdin, capture_output=True, timeout=300,
                                  env={**os.environ, **(env or {})}, **more)
        return run_there


class MemoryFilesTest(Environment):
    """memfd_create is refused."""

    def test_by_a_filter_unnamed_files_take_their_place(self):
        for refused in (NO_MEMORY_FILES, UNKNOWN_MEMORY_FILES):
            self.assert_all_work(self.with_filter(refused))
        self.assert_compiles_the_same(self.with_filter(NO_MEMORY_FILES))
        finding = self.checks(self.with_filter(NO_MEMORY_FILES), 0)["memory files"]
        self.assertEqual(finding["status"], "ok")
        self.assertRegex(finding["found"], "memfd_create is refused.*unnamed files of /.* take their place")

    def test_executable_ones_by_the_sysctl(self):
        self.assert_all_work(self.with_filter(NO_EXECUTABLE_MEMORY_FILES))
        self.assert_compiles_the_same(self.with_filter(NO_EXECUTABLE_MEMORY_FILES))

    def sysctl(self, value, *before):
        """Runs guardc where vm.memfd_noexec has this value: it belongs to the pid namespace."""
        start = ["unshare", "--fork", "--pid", "--mount-proc", "sh", "-c"]
        script = f'echo {value} > /proc/sys/vm/memfd_noexec || exit 99; exec "$0" "$@"'
        probe = subprocess.run([*start, script, "true"], capture_output=True)
        if probe.returncode != 0:
            self.skipTest(f"vm.memfd_noexec cannot be set: {probe.stderr.decode().strip()}")

        def run_there(*args, stdin=b"", **more):
            command = [*start, script, *before, str(GUARDC), *map(str, args)]
            return subprocess.run(command, input=stdin, capture_output=True, timeout=300, **more)
        return run_there

    def test_with_the_sysctl_itself(self):
        for value in (1, 2):
            self.assert_all_work(self.sysctl(value))

    def test_without_a_place_for_unnamed_files(self):
        nowhere = self.with_filter(NO_MEMORY_FILES, NO_UNNAMED_FILES)
        words = ("memfd_create is refused", "seccomp", "/dev/shm (has no unnamed files", "TMPDIR")
        for name, done in self.every_load(nowhere).items():
            text = done.stderr.decode() + done.stdout.decode()
            self.assertEqual(done.returncode, 0 if name == "decide" else 1, name + text)  # there an outcome
            for word in words:
                self.assertIn(word, text, name)
        self.assert_compiles_the_same(nowhere)  # which has named files in a directory of its own
        finding = self.checks(nowhere, 1)["memory files"]
        self.assertEqual(finding["status"], "fail")
        self.assertIn("memfd_create", finding["mend"])

    def test_the_sysctl_is_named(self):
        script = "mount -t tmpfs -o noexec none /dev/shm && mount -t tmpfs -o noexec none /var/tmp"
        self.in_mounts(script)  # whether it may
        inner = ("unshare", "--mount", "sh", "-c", f'mount --make-rprivate / && {script} && exec "$0" "$@"')
        run_there = self.sysctl(2, *inner)
        done = run_there("call", self.guard, "label_agent", "--input", self.input, "--cache-dir", self.cache,
                         env={**os.environ, "TMPDIR": "/var/tmp"})
        self.assert_error(done, "memfd_create is refused", "vm.memfd_noexec is 2", "/var/tmp (mounted noexec)",
                          "set vm.memfd_noexec to 0 or 1")

    def test_the_next_directory_is_taken(self):
        there = self.in_mounts("mount -t tmpfs -o noexec none /dev/shm")
        self.assert_all_work(lambda *args, **more: there(*args, preexec_fn=refusing.refusing(NO_MEMORY_FILES), **more))


class NoProcTest(Environment):
    """/proc is not mounted."""

    def test_loads_say_so(self):
        there = self.in_mounts("umount -l /proc")
        for name, done in self.every_load(there).items():
            text = done.stderr.decode() + done.stdout.decode()
            self.assertEqual(done.returncode, 0 if name == "decide" else 1, name + text)
            self.assertIn("/proc is not mounted", text, name)
            self.assertIn("mount -t proc", text, name)
        finding = self.checks(there, 1)["/proc"]
        self.assertEqual(finding["status"], "fail")
        self.assertIn("mount -t proc", finding["mend"])

    def test_compiling_works(self):
        there = self.in_mounts("umount -l /proc")
        self.assert_compiles_the_same(there)
        self.assert_compiles_the_same(
            lambda *args, **more: there(*args, preexec_fn=refusing.refusing(NO_MEMORY_FILES, NO_THREADS), **more))

    def test_the_compiler_leaves_nothing_behind(self):
        temporary = self.dir / "tmp"
        temporary.mkdir()
        there = self.in_mounts("umount -l /proc")
        done = there("compile", self.guard, "--cache-dir", self.dir / "new", env={"TMPDIR": str(temporary)})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(list(temporary.iterdir()), [])

    def test_a_temporary_directory_that_is_full(self):
        for size in ("4k", "8k", "12k", "16k", "24k", "32k"):
            there = self.in_mounts(f"umount -l /proc && mount -t tmpfs -o size={size} none /var/tmp")
            done = there("compile", self.guard, "--cache-dir", self.dir / f"new-{size}", env={"TMPDIR": "/var/tmp"})
            self.assert_error(done, "No space left on device")

    def test_a_temporary_directory_that_cannot_be_written(self):
        there = self.in_mounts("umount -l /proc && mount -t tmpfs -o ro none /var/tmp")
        done = there("compile", self.guard, "--cache-dir", self.dir / "new", env={"TMPDIR": "/var/tmp"})
        self.assert_error(done, "/var/tmp/guardc-", "Read-only file system")


class NoexecCacheTest(Environment):
    def test_trusted_loads_map_a_copy(self):
        mount = f"mount --bind '{self.cache}' '{self.cache}' && mount -o remount,bind,noexec '{self.cache}'"
        there = self.in_mounts(mount)
        self.assert_all_work(there)
        checks = self.checks(there, 0)
        self.assertIn("noexec", checks["cache"]["found"])

    def test_and_hash_it(self):
        mount = f"mount --bind '{self.cache}' '{self.cache}' && mount -o remount,bind,noexec '{self.cache}'"
        there = self.in_mounts(mount)
        object_file = self.entry / "guard.so"
        data = bytearray(object_file.read_bytes())
        data[-1] ^= 1
        object_file.write_bytes(data)
        self.assert_error(there("call", self.guard, "label_agent", "--trusted", "--input", self.input, "--cache-dir",
                                self.cache), "XXH3-128")


class ThreadsTest(Environment):
    """The system refuses another thread, or another process too."""

    def test_all_is_done_by_one_thread(self):
        alone = self.with_filter(NO_THREADS)
        self.assert_all_work(alone)
        self.assert_compiles_the_same(alone)

    def test_cases_are_decided_by_one_thread(self):
        cases = self.write("cases.jsonl", "".join(json.dumps({"id": i, "tool": "t", "result": [i]}) + "\n"
                                                  for i in range(100)))
        done = self.with_filter(NO_THREADS)("decide", "noop", "--cases", cases, "--jobs", "8")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 100)

    def test_a_deadline_is_an_error(self):
        for refused in (NO_THREADS, NO_PROCESSES):
            done = self.with_filter(refused)("call", self.guard, "label_agent", "--input", self.input, "--timeout",
                                             "5s", "--cache-dir", self.cache)
            self.assert_error(done, "cannot start the thread that watches deadlines", "ulimit -u", "seccomp")
            self.assertNotIn(b"8 GiB", done.stderr)

    def test_a_time_for_compiling_is_an_error(self):
        done = self.with_filter(NO_THREADS)("compile", self.guard, "--timeout", "60s", "--cache-dir", self.dir / "new")
        self.assert_error(done, "cannot start the thread that watches --timeout", "ulimit -u", "seccomp")

    def test_compiling_on_a_miss_without_processes(self):
        done = self.with_filter(NO_PROCESSES)("call", self.guard, "label_agent", "--input", self.input, "--compile",
                                              "--cache-dir", self.dir / "new")
        self.assert_error(done, "cannot start", "guardc-compiler", "ulimit -u", "seccomp")
        self.assert_compiles_the_same(self.with_filter(NO_PROCESSES))

    def test_a_few_by_ulimit(self):
        # Counted are all processes and threads of the user; root has no such limit.
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("only root can become a user who has no other process")
        os.chmod(self.dir, 0o755)
        own = self.dir / "own"
        own.mkdir(mode=0o777)
        os.chmod(own, 0o777)
        succeeded = 0
        for limit in range(1, 9):
            command = ["setpriv", "--reuid=54329", "--regid=54329", "--clear-groups", GUARDC, "call", self.guard,
                       "label_agent", "--input", self.input, "--compile", "--timeout", "60s", "--cache-dir",
                       own / f"cache-{limit}"]
            done = subprocess.run(
                command, capture_output=True, timeout=100, env={**os.environ, "TMPDIR": str(own)},
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit)))
            if b"failed to execute" in done.stderr or b"ermission denied" in done.stderr:
                self.skipTest("another user cannot reach the build")
            if done.returncode == 0:
                self.assertEqual(done.stdout, AGENT_ANSWER.encode())
                succeeded += 1
            else:
                self.assert_error(done, "ulimit -u")
        self.assertGreater(succeeded, 0)

    def test_the_doctor_says_what_fails(self):
        checks = self.checks(self.with_filter(NO_THREADS), 1)
        self.assertEqual(checks["threads"]["status"], "fail")
        self.assertIn("--timeout", checks["threads"]["would_fail"])
        self.assertIn("seccomp", checks["threads"]["mend"])
        self.assertEqual({name for name, check in checks.items() if check["status"] == "fail"}, {"threads", "a trial"})
        checks = self.checks(self.with_filter(NO_PROCESSES), 1)
        self.assertEqual({name for name, check in checks.items() if check["status"] == "fail"},
                         {"threads", "compiler", "a trial"})


if __name__ == "__main__":
    unittest.main()
