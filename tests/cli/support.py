"""What the black-box tests of the command share: running it, small guards, a cache of one's own.

GUARDC_BIN_DIR names the directory of the executables under test.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

BIN = pathlib.Path(os.environ["GUARDC_BIN_DIR"])
GUARDC = BIN / "guardc"
HAS_COMPILER = (BIN / "guardc-compiler").exists()

LABEL_TYPE = "(param $in i32) (param $len i32) (param $out i32) (param $cap i32) (result i32)"
AGENT_ANSWER = '{"difc_mode":"strict","agent":{"secrecy":["s"],"integrity":[]}}'

# label_agent: a fixed answer, {"error":"no"} for a policy that begins with a digit. label_resource: its input, byte for
# byte. label_response: what the backend's tool get_thing answers, or -7; logs at every level before.
ECHO_GUARD = f"""
(module $echo
  (import "env" "call_backend"
    (func $call_backend (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "host_log" (func $host_log (param i32 i32 i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) {json.dumps(AGENT_ANSWER)})
  (data (i32.const 256) "get_thing")
  (data (i32.const 300) "line of log")
  (data (i32.const 400) "{{\\"error\\":\\"no\\"}}")
  (func (export "label_agent") {LABEL_TYPE}
    (if (i32.lt_u (i32.sub (i32.load8_u (local.get $in)) (i32.const 48)) (i32.const 10))
      (then
        (memory.copy (local.get $out) (i32.const 400) (i32.const 14))
        (return (i32.const 14))))
    (memory.copy (local.get $out) (i32.const 16) (i32.const {len(AGENT_ANSWER)}))
    (i32.const {len(AGENT_ANSWER)}))
  (func (export "label_resource") {LABEL_TYPE}
    (memory.copy (local.get $out) (local.get $in) (local.get $len))
    (local.get $len))
  (func (export "label_response") {LABEL_TYPE}
    (local $n i32)
    (call $host_log (i32.const 0) (i32.const 300) (i32.const 11))
    (call $host_log (i32.const 1) (i32.const 300) (i32.const 11))
    (call $host_log (i32.const 2) (i32.const 300) (i32.const 11))
    (call $host_log (i32.const 3) (i32.const 300) (i32.const 11))
    (local.set $n (call $call_backend (i32.const 256) (i32.const 9) (local.get $in)
                        (local.get $len) (local.get $out) (local.get $cap)))
    (select (i32.const -7) (local.get $n) (i32.lt_s (local.get $n) (i32.const 0)))))
"""

# label_agent divides by zero, label_resource reaches unreachable two calls down, label_response never ends.
BROKEN_GUARD = f"""
(module $broken
  (memory (export "memory") 2)
  (global $calls (mut i32) (i32.const 0))
  (func $deepest (global.set $calls (i32.add (global.get $calls) (i32.const 1))) (unreachable))
  (func $middle (call $deepest) (global.set $calls (i32.const 0)))
  (func (export "label_agent") {LABEL_TYPE} (i32.div_u (local.get $len) (i32.const 0)))
  (func (export "label_resource") {LABEL_TYPE} (call $middle) (i32.const 0))
  (func (export "label_response") {LABEL_TYPE} (loop $l (br $l)) (i32.const 0)))
"""


def relay(name, offset):
    return f"""
  (data (i32.const {offset}) "{name}")
  (func (export "{name}") {LABEL_TYPE}
    (call $call_backend (i32.const {offset}) (i32.const {len(name)}) (local.get $in) (local.get $len)
                        (local.get $out) (local.get $cap)))"""


# Each label function answers what the backend's tool of its own name answers; a failure there is -1 here.
RELAY_GUARD = f"""
(module $relay
  (import "env" "call_backend" (func $call_backend (param i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  {relay("label_agent", 16)}
  {relay("label_resource", 64)}
  {relay("label_response", 112)})
"""


def run(*args, stdin=b"", env=None, timeout=300, **more):
    """Runs guardc; the result has returncode, stdout and stderr as bytes."""
    full_env = {k: v for k, v in os.environ.items() if not k.startswith(("GUARDC_C", "MCP_GATEWAY"))}
    full_env.update(env or {})
    command = [str(GUARDC), *map(str, args)]
    return subprocess.run(command, input=stdin, capture_output=True, env=full_env, timeout=timeout, **more)


def files_below(directory):
    return sorted(p for p in pathlib.Path(directory).rglob("*") if p.is_file())


class CliTest(unittest.TestCase):
    """Each test gets a directory with a cache in it."""

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="guardc-cli-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.cache = self.dir / "cache"

    def write(self, name, data):
        path = self.dir / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def wasm(self, wat, name="guard.wasm"):
        source = self.write(name + ".wat", wat)
        path = self.dir / name
        subprocess.run(["wat2wasm", "--debug-names", source, "-o", path], check=True)
        return path

    def json_file(self, name, value):
        return self.write(name, json.dumps(value))

    def run_ok(self, *args, **more):
        done = run(*args, **more)
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))
        return done

    def compile(self, wasm, *args):
        """Compiles into the test's cache; what --json says of the one guard."""
        done = self.run_ok("compile", wasm, "--cache-dir", self.cache, "--json", *args)
        return json.loads(done.stdout)["guards"][0]

    def assert_error(self, done, *words, code=1):
        """One error line on stderr that holds all words; nothing on stdout."""
        text = done.stderr.decode(errors="replace")
        self.assertEqual(done.returncode, code, text)
        self.assertEqual(done.stdout, b"")
        lines = [line for line in text.splitlines() if line.startswith("error: ")]
        self.assertEqual(len(lines), 1, text)
        for word in words:
            self.assertIn(word, text)

    def assert_cache_empty(self):
        self.assertEqual(files_below(self.cache), [])


needs_compiler = unittest.skipUnless(HAS_COMPILER, "this build has no compiler")
