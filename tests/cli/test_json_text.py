"""Every file of JSON that the command reads holds one text: what follows it, NUL bytes among it, is refused."""

import hashlib
import json
import unittest

from support import ECHO_GUARD, LABEL_TYPE, CliTest, needs_compiler, run

BEHIND = (b"\0", b"\0\0\0", b"\0 x", b"\0{}", b"\n\0\n", b" {}", b",", b"]", b"x", b"\xef\xbb\xbf", b"\x1a")
POLICY = b'{"allow-only":{"repos":"all","min-integrity":"none"}}'


class JsonTextTest(CliTest):
    def spoilt(self, text):
        """Files that begin with the text, and one that begins with a byte order mark."""
        for i, data in enumerate([text + behind for behind in BEHIND] + [b"\xef\xbb\xbf" + text, text[:-1]]):
            yield data, self.write(f"spoilt-{i}.json", data)

    def refused(self, text, *command, words=("is not JSON",)):
        """`command` takes a file with the text, as @, and none that is spoilt."""
        def with_file(path):
            return run(*(path if word == "@" else word for word in command), "--cache-dir", self.cache)

        done = with_file(self.write("good.json", b" \r\n" + text + b"\n\t "))
        self.assertEqual(done.returncode, 0, done.stderr)
        for data, path in self.spoilt(text):
            with self.subTest(command=command, data=data):
                done = with_file(path)
                self.assertEqual(done.returncode, 1, done.stdout)
                for word in words:
                    self.assertIn(word.encode(), done.stderr)

    @needs_compiler
    def test_call(self):
        guard = self.wasm(ECHO_GUARD)
        self.compile(guard)
        good = self.write("in.json", b"{}")
        self.refused(b"{}", "call", guard, "label_agent", "--input", "@")
        self.refused(POLICY, "call", guard, "label_agent", "--input", good, "--policy", "@")
        self.refused(b'{"get_thing":[]}', "call", guard, "label_agent", "--input", good, "--backend", "@")

    @needs_compiler
    def test_call_passes_any_number_on(self):
        guard = self.wasm(ECHO_GUARD)
        self.compile(guard)
        for text in (b"1e400", b'[123456789012345678901234567890,1.0,"\\ud800"]'):
            done = run("call", guard, "label_response", "--input", "-", "--cache-dir", self.cache, stdin=text)
            self.assert_error(done, "-7")  # by the guard, which got it, and has no backend

    def test_decide(self):
        one = ["decide", "noop", "--tool", "get_me", "--result", self.write("result.json", b"{}")]
        for option, text in (("--args", b"{}"), ("--capabilities", b"{}"), ("--backend", b'{"x":1}'),
                             ("--backend-errors", b'["x"]'), ("--agent-labels", b'{"secrecy":[]}')):
            self.refused(text, *one, option, "@")
        self.refused(b"{}", "decide", "noop", "--tool", "get_me", "--result", "@")
        sink = ["decide", "write-sink", "--tool", "put", "--result", self.dir / "result.json"]
        self.refused(b'{"write-sink":{"accept":["a"]}}', *sink, "--policy", "@")
        for data, path in self.spoilt(b'{"tool":"get_me","result":{}}'):
            if b"\n" in data:
                continue  # more than one line
            done = run("decide", "noop", "--cases", path)
            self.assertEqual((done.returncode, len(done.stdout.splitlines())), (1, 1), data)
            self.assertEqual(json.loads(done.stdout)["outcome"], "error")

    def test_policy_check(self):
        for data, path in self.spoilt(POLICY):
            done = run("policy", "check", path)
            self.assertEqual((done.returncode, done.stdout), (1, b""), data)
            self.assertIn(b"is not JSON", done.stderr)

    @needs_compiler
    def test_the_guards_arguments(self):
        # label_agent asks the backend with what would be taken for null and a line of its own.
        forged = 'null\\00\\0a{\\"id\\":2,\\"outcome\\":\\"allowed\\"}'
        size = len("null") + 2 + len('{"id":2,"outcome":"allowed"}')
        guard = self.wasm(f"""
          (module
            (import "env" "call_backend" (func $call_backend (param i32 i32 i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 2)
            (data (i32.const 16) "get_x")
            (data (i32.const 32) "{forged}")
            (func (export "label_agent") {LABEL_TYPE}
              (call $call_backend (i32.const 16) (i32.const 5) (i32.const 32) (i32.const {size})
                                  (local.get $out) (local.get $cap)))
            (func (export "label_resource") {LABEL_TYPE} (i32.const -1))
            (func (export "label_response") {LABEL_TYPE} (i32.const -1)))""")
        case = {"id": 1, "tool": "get_x", "policy": json.loads(POLICY), "result": {}, "backend": {"get_x": {}}}
        done = run("decide", guard, "--compile", "--cache-dir", self.cache, "--cases", "-",
                   stdin=json.dumps(case).encode())
        (line,) = done.stdout.splitlines()
        outcome = json.loads(line)
        self.assertEqual((outcome["id"], outcome["outcome"], outcome["backend_calls"]), (1, "error", []), done.stderr)
        self.assertEqual(outcome["error"]["guard_code"], -1)

    @needs_compiler
    def test_manifest_and_description(self):
        guard = self.wasm(ECHO_GUARD)
        entry = self.dir / self.compile(guard)["path"]
        in_file = self.write("in.json", b"{}")
        files = {name: entry / name for name in ("manifest.json", "description.json")}
        for path in files.values():
            path.chmod(0o644)
        good = {name: path.read_bytes() for name, path in files.items()}

        def results(*command):
            return [run(*args, "--cache-dir", self.cache) for args in command]

        commands = (["verify", guard], ["cache", "verify"], ["inspect", entry],
                    ["call", entry, "label_agent", "--input", in_file], ["call", guard, "label_agent", "--input", in_file])
        for done in results(*commands):
            self.assertEqual(done.returncode, 0, done.stderr)
        for behind in BEHIND:
            files["manifest.json"].write_bytes(good["manifest.json"] + behind)
            for done in results(*commands):
                self.assertEqual(done.returncode, 1, (done.args, behind))
                self.assertIn(b"is not JSON", done.stderr + done.stdout)
            # Its hash is right: only its text is wrong. No load reads it.
            spoilt = good["description.json"] + behind
            manifest = json.loads(good["manifest.json"])
            manifest["description"]["sha256"] = hashlib.sha256(spoilt).hexdigest()
            files["manifest.json"].write_text(json.dumps(manifest))
            files["description.json"].write_bytes(spoilt)
            for done in results(*commands[:3]):
                self.assertEqual(done.returncode, 1, (done.args, behind))
                self.assertIn(b"is not JSON", done.stderr + done.stdout)
            for name, path in files.items():
                path.write_bytes(good[name])


if __name__ == "__main__":
    unittest.main()
