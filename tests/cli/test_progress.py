"""What guardc compile shows while it works: a bar on a terminal, elsewhere a line where it takes long."""

import os
import pathlib
import pty
import re
import signal
import subprocess
import time
import unittest

from support import ECHO_GUARD, GUARDC, CliTest, needs_compiler

# Takes a second and more, and has several chunks.
SLOW_GUARD = pathlib.Path(__file__).resolve().parents[2] / "examples/guards/repo-guard-rust.wasm"


@needs_compiler
class ProgressTest(CliTest):
    def on_terminal(self, *args, **env):
        """All that reached stderr, a terminal."""
        master, slave = pty.openpty()
        child = subprocess.Popen([GUARDC, *args, "--cache-dir", self.cache], stdout=subprocess.DEVNULL, stderr=slave,
                                 env={**os.environ, "TERM": "xterm", **env})
        os.close(slave)
        text = b""
        while True:
            try:
                part = os.read(master, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            text += part
        os.close(master)
        self.assertEqual(child.wait(), 0)
        return text.decode()

    def test_bar_on_a_terminal(self):
        text = self.on_terminal("compile", SLOW_GUARD, "--jobs", "1")
        self.assertRegex(text, r"\r\[=* *\] [1-9]\d*/\d+ chunks, \d+\.\d s  ")
        self.assertTrue(text.rpartition("chunks")[2].endswith("\r\x1b[K"), text[-200:])  # wiped out
        for line in re.findall(r"\r(.*?)\x1b\[K", text):
            self.assertLess(len(line), 80)

    def test_dumb_terminal_gets_no_bar(self):
        self.assertNotIn("\x1b", self.on_terminal("compile", self.wasm(ECHO_GUARD), TERM="dumb"))

    def test_line_where_it_takes_long(self):
        command = [GUARDC, "compile", SLOW_GUARD, "--cache-dir", self.cache, "--jobs", "1"]
        first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(first.wait)
        self.addCleanup(first.kill)
        lock = self.cache / "v1/lock"
        while not (lock.is_dir() and any(lock.iterdir())):
            time.sleep(0.01)
        first.send_signal(signal.SIGSTOP)  # the second waits for it now
        second = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        start = time.monotonic()
        line = second.stderr.readline().decode()
        self.assertGreater(time.monotonic() - start, 1.5)
        self.assertRegex(line, r"^compiling \S+repo-guard-rust\.wasm: 2\.\d s so far")
        first.send_signal(signal.SIGCONT)
        out, err = second.communicate(timeout=300)
        self.assertNotIn(b"compiling", err)  # once is enough
        self.assertNotIn(b"\x1b", err)

    @unittest.skipIf(os.environ.get("GUARDC_SANITIZE"), "with a sanitizer nothing is short")
    def test_nothing_where_it_is_short(self):
        done = self.run_ok("compile", self.wasm(ECHO_GUARD), "--cache-dir", self.cache, "--profile", "wasi")
        self.assertEqual(done.stderr, b"")


if __name__ == "__main__":
    unittest.main()
