"""guardc call: stdout purity, checked answers, policy, backend, timing, repetition, timeouts, traps."""

import json
import os
import pathlib
import pty
import re
import subprocess
import unittest

from support import (AGENT_ANSWER, BROKEN_GUARD, ECHO_GUARD, GUARDC, LABEL_TYPE, RELAY_GUARD, CliTest, needs_compiler,
                     run)


@needs_compiler
class CallTest(CliTest):
    def setUp(self):
        super().setUp()
        self.guard = self.wasm(ECHO_GUARD)
        # The guard echoes it as its answer to label_resource.
        self.input = self.write("input.json", '{"resource": {"description": "é\\u0000"},\n "operation": "read"}')

    def call(self, *args, guard=None, **more):
        return run("call", guard or self.guard, *args, "--cache-dir", self.cache, **more)

    def test_answer_is_byte_for_byte_on_stdout(self):
        self.compile(self.guard)
        done = self.call("label_resource", "--input", self.input)
        self.assertEqual((done.returncode, done.stdout), (0, self.input.read_bytes()), done.stderr)

    def test_input_from_stdin(self):
        self.compile(self.guard)
        text = b'{"resource": {}}\n'
        done = self.call("label_resource", "--input", "-", stdin=text)
        self.assertEqual((done.returncode, done.stdout), (0, text), done.stderr)

    def test_newline_on_a_terminal_only(self):
        self.compile(self.guard)
        master, slave = pty.openpty()
        subprocess.run([GUARDC, "call", self.guard, "label_resource", "--input", "-", "--cache-dir", self.cache, "--raw"],
                       input=b"7", stdout=slave, stderr=subprocess.DEVNULL, check=True)
        os.close(slave)
        self.assertEqual(os.read(master, 100), b"7\r\n")
        os.close(master)

    def test_without_artifact_names_the_command(self):
        self.assert_error(self.call("label_resource", "--input", self.input), "hint: run `guardc compile",
                          str(self.guard), "--compile")
        self.assert_cache_empty()

    def test_compile_on_miss(self):
        done = self.call("label_resource", "--input", self.input, "--compile")
        self.assertEqual((done.returncode, done.stdout), (0, self.input.read_bytes()), done.stderr)
        again = self.call("label_resource", "--input", self.input)
        self.assertEqual((again.returncode, again.stdout), (0, self.input.read_bytes()), again.stderr)

    def test_compiler_that_crashes_is_an_error(self):
        crash = self.write("crash", "#!/bin/sh\nkill -SEGV $$\n")
        crash.chmod(0o755)
        done = self.call("label_resource", "--input", self.input, "--compile", env={"GUARDC_COMPILER": str(crash)})
        self.assert_error(done, "crashed", "Segmentation fault")

    def test_compiler_error_is_passed_on(self):
        not_a_guard = self.wasm("(module)", "empty.wasm")
        done = self.call("label_resource", "--input", self.input, "--compile", guard=not_a_guard)
        self.assert_error(done, "memory")
        self.assert_cache_empty()

    def test_policy_runs_first(self):
        self.compile(self.guard)
        policy = self.json_file("policy.json", {"allow-only": {"repos": "all", "min-integrity": "none"}})
        done = self.call("label_resource", "--input", self.input, "--policy", policy)
        self.assertEqual((done.returncode, done.stdout), (0, self.input.read_bytes()), done.stderr)

    def test_rejected_policy_is_an_error(self):
        self.compile(self.guard)
        policy = self.json_file("policy.json", 1)
        done = self.call("label_resource", "--input", self.input, "--policy", policy)
        self.assert_error(done, "rejected the policy", "no")

    def test_label_agent(self):
        self.compile(self.guard)
        done = self.call("label_agent", "--input", self.input)
        self.assertEqual((done.returncode, done.stdout), (0, AGENT_ANSWER.encode()), done.stderr)

    def test_backend_file(self):
        self.compile(self.guard)
        backend = self.json_file("backend.json", {"get_thing": {"private": True}})
        done = self.call("label_response", "--input", self.input, "--backend", backend)
        self.assertEqual((done.returncode, done.stdout), (0, b'{"private": true}'), done.stderr)

    def test_backend_answers_are_passed_on_as_they_were_written(self):
        self.compile(self.guard)
        answer = b'{"n" : [1.0, 123456789012345678901234567890, 1e400],\n "s" : "\\u00e9"}'
        backend = self.write("backend.json", b'{"get_thing": 0, "other": [], "get_thing": ' + answer + b" }")
        done = self.call("label_response", "--input", self.input, "--backend", backend)
        self.assertEqual((done.returncode, done.stdout), (0, answer), done.stderr)

    def test_missing_tool_is_a_backend_error(self):
        self.compile(self.guard)
        backend = self.json_file("backend.json", {"other": 1})
        self.assert_error(self.call("label_response", "--input", self.input, "--backend", backend), "-7")
        self.assert_error(self.call("label_response", "--input", self.input), "-7")

    def test_backend_file_must_be_an_object(self):
        self.compile(self.guard)
        backend = self.json_file("backend.json", [1])
        done = self.call("label_response", "--input", self.input, "--backend", backend)
        self.assert_error(done, "array", "object")

    def test_log_lines_by_verbosity(self):
        self.compile(self.guard)
        backend = self.json_file("backend.json", {"get_thing": {}})
        counts = []
        for flags in ([], ["-v"], ["-vv"]):
            done = self.call("label_response", "--input", self.input, "--backend", backend, *flags)
            self.assertEqual(done.stdout, b"{}")
            counts.append(done.stderr.count(b"line of log"))
        self.assertEqual(counts, [2, 3, 4])

    def test_timing_and_repeat(self):
        self.compile(self.guard)
        done = self.call("label_resource", "--input", self.input, "--timing", "--repeat", "50")
        self.assertEqual((done.returncode, done.stdout), (0, self.input.read_bytes()), done.stderr)
        for word in (b"find", b"hash", b"check", b"map", b"instantiate", b"MEDIAN", b"P99", b"50 calls", b"guest"):
            self.assertIn(word, done.stderr)

    def test_json(self):
        self.compile(self.guard)
        done = self.call("label_resource", "--input", self.input, "--repeat", "3", "--json")
        result = json.loads(done.stdout)
        self.assertEqual(result["answer"], self.input.read_text())
        self.assertEqual(result["calls"]["count"], 3)
        self.assertLessEqual(result["calls"]["total"]["min_ns"], result["calls"]["total"]["p99_ns"])
        self.assertRegex(result["key"], "^[0-9a-f]{64}$")

    def answered(self, function, answer, *args, **request):
        """The call of `function` that the guard answers with the text."""
        backend = self.write("backend.json", b'{"%s": %s}' % (function.encode(), answer))
        return self.call(function, "--input", self.json_file("in.json", request), "--backend", backend, *args,
                         guard=self.relay)

    def test_answers_that_are_none(self):
        self.relay = self.wasm(RELAY_GUARD, "relay.wasm")
        self.compile(self.relay)
        listed = {"tool_result": {"content": [{"type": "text", "text": '{"items": [{"n": 1}]}'}]}}
        good = [("label_agent", b'{"difc_mode": "filter"}', {}),
                ("label_resource", b'{"resource": {}, "operation": "READ"}', {}),
                ("label_response", b"{}", {}),
                ("label_response", b"null", {}),
                ("label_response", b'{"items": [{"data": 1, "labels": {"secrecy": [], "integrity": []}}]}', {}),
                ("label_response", b'{"items_path": "/items", "labeled_paths": [{"path": "/items/0", "labels": {}}]}', listed)]
        for function, answer, request in good:
            done = self.answered(function, answer, **request)
            self.assertEqual((done.returncode, done.stdout), (0, answer), done.stderr)
        bad = [("label_agent", b'{"difc_mod": "filter"}', {}, "difc_mode"),
               ("label_agent", b'{"difc_mode": "loose"}', {}, "loose"),
               ("label_agent", b'{"success": false, "error": "no such repo"}', {}, "no such repo"),
               ("label_agent", b'{"difc_mode": "filter", "difc_mode": "strict"}', {}, "twice"),
               ("label_agent", b"7", {}, "object"),
               ("label_resource", b'{"operation": "read"}', {}, "resource"),
               ("label_resource", b'{"resource": {"secrecy": "a"}}', {}, "secrecy"),
               ("label_response", b'{"labeled_paths": 1}', {}, "labeled_paths"),
               ("label_response", b'{"items": [{"data": 1}]}', {}, "items[0].labels"),
               # The same answers as above, to other results.
               ("label_response", b'{"items_path": "/items", "labeled_paths": []}', {"tool_result": {}}, "leads nowhere"),
               ("label_response", b'{"items_path": "/items", "labeled_paths": []}', {}, "leads nowhere"),
               ("label_response", b'{"items_path": "", "labeled_paths": [{"path": "/01"}]}', {"tool_result": [1, 2]}, "/01")]
        for function, answer, request, word in bad:
            done = self.answered(function, answer, **request)
            self.assert_error(done, word, "hint: the answer, which --raw prints as it is: " + answer.decode())
            done = self.answered(function, answer, "--json", **request)
            self.assertEqual(done.returncode, 1)
            self.assertIn(json.loads(done.stdout)["error"]["kind"], ("bad_response", "rejected"))
            done = self.answered(function, answer, "--raw", **request)
            self.assertEqual((done.returncode, done.stdout), (0, answer))
            self.assertNotIn(b"error", done.stderr)
            done = self.answered(function, answer, "--raw", "--json", **request)
            self.assertEqual(json.loads(done.stdout)["answer"], answer.decode())
            self.assertEqual(self.answered(function, answer, "--repeat", "3", **request).returncode, 1)

    def test_the_examples_of_the_page(self):
        page = (pathlib.Path(__file__).parents[2] / "docs/guard-abi.md").read_text("utf-8")
        examples = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
        policy, agent, resource_input, resource, response_input, paths, items, part = examples
        self.relay = self.wasm(RELAY_GUARD, "relay.wasm")
        self.compile(self.relay)
        for function, asked, answer in (("label_agent", policy, agent), ("label_resource", resource_input, resource),
                                        ("label_response", response_input, paths), ("label_response", response_input, items)):
            done = self.answered(function, answer.strip().encode(), **json.loads(asked))
            self.assertEqual((done.returncode, done.stdout), (0, answer.strip().encode()), done.stderr)
        self.run_ok("policy", "check", self.write("policy.json", policy))
        self.assertEqual(json.loads(json.loads(part)["content"][0]["text"]), [{"number": 1}])

    def test_an_answer_that_is_no_json(self):
        self.compile(self.guard)
        for text in (b'{"x": "\\ud800"}', b"[1e400]"):  # JSON, and yet no answer
            self.assert_error(self.call("label_resource", "--input", "-", stdin=text), "label_resource")
        # The guard echoes the first byte of its input only.
        whole = "(local.get $len))\n    (local.get $len))"
        cut = self.wasm(ECHO_GUARD.replace(whole, whole.replace("(local.get $len)", "(i32.const 1)")), "cut.wasm")
        self.compile(cut)
        done = self.call("label_resource", "--input", self.input, guard=cut)
        self.assert_error(done, "not JSON", "hint: the answer, which --raw prints as it is: {\n")
        self.assertEqual(self.call("label_resource", "--input", self.input, "--raw", guard=cut).stdout, b"{")

    def test_a_long_bad_answer_is_cut_and_printable(self):
        self.compile(self.guard)
        long = self.json_file("in.json", {"a\u009b": "x" * 100_000})
        done = self.call("label_resource", "--input", long)
        self.assert_error(done, "resource", "...")
        self.assertLess(len(done.stderr), 3000)

    def test_an_empty_answer(self):
        nothing = self.wasm("(module (memory (export \"memory\") 2) " + "".join(
            f'(func (export "label_{name}") {LABEL_TYPE} (i32.const 0))' for name in ("agent", "resource", "response")) + ")")
        self.compile(nothing)
        for function in ("label_agent", "label_resource"):
            done = self.call(function, "--input", self.input, guard=nothing)
            self.assert_error(done, "nothing at all", "hint: the answer was empty")
        done = self.call("label_response", "--input", self.input, guard=nothing)
        self.assertEqual((done.returncode, done.stdout), (0, b""), done.stderr)  # no labels

    def test_a_policy_answered_with_nonsense(self):
        self.relay = self.wasm(RELAY_GUARD, "relay.wasm")
        self.compile(self.relay)
        backend = self.json_file("backend.json", {"label_agent": {"difc_mod": "filter"}, "label_resource": {"resource": {}}})
        policy = self.json_file("policy.json", {})
        for raw in ([], ["--raw"]):  # of the answer that is printed, not of this one
            done = self.call("label_resource", "--input", self.input, "--policy", policy, "--backend", backend, *raw,
                             guard=self.relay)
            self.assert_error(done, "label_agent", "difc_mode")

    def test_trap_has_a_backtrace(self):
        broken = self.wasm(BROKEN_GUARD, "broken.wasm")
        self.compile(broken)  # the default level inlines them all
        done = self.call("label_resource", "--input", self.input, guard=broken)
        self.assert_error(done, "unreachable", "deepest", "middle", "label_resource")
        done = self.call("label_agent", "--input", self.input, guard=broken)
        self.assert_error(done, "integer divide by zero", "label_agent")

    def test_trap_as_json(self):
        broken = self.wasm(BROKEN_GUARD, "broken.wasm")
        self.compile(broken, "-O0")
        done = self.call("label_resource", "--input", self.input, "--json", guard=broken)
        self.assertEqual(done.returncode, 1)
        error = json.loads(done.stdout)["error"]
        self.assertEqual((error["kind"], error["trap"]), ("trap", "unreachable"))
        self.assertIn("deepest", [frame["function"] for frame in error["backtrace"]])

    def test_timeout_stops_an_endless_loop(self):
        broken = self.wasm(BROKEN_GUARD, "broken.wasm")
        self.compile(broken)
        done = self.call("label_response", "--input", self.input, "--timeout", "100ms", "--json", guard=broken)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(json.loads(done.stdout)["error"]["kind"], "deadline")

    def test_timeout_stops_an_endless_start(self):
        spin = "(func $spin (loop $l (br $l)))"
        for how in ("(start $spin)", '(export "_initialize" (func $spin))'):
            guard = self.wasm(ECHO_GUARD.rstrip()[:-1] + spin + how + ")", "spin.wasm")
            done = self.call("label_agent", "--input", self.input, "--timeout", "100ms", "--compile", "--json", guard=guard)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertEqual(json.loads(done.stdout)["error"]["kind"], "deadline", done.stderr)

    def test_entry_directory_instead_of_wasm(self):
        entry = self.compile(self.guard)["path"]
        done = self.call("label_resource", "--input", self.input, guard=entry)
        self.assertEqual((done.returncode, done.stdout), (0, self.input.read_bytes()), done.stderr)

    def test_usage_errors(self):
        for args in (["label_what", "--input", "x"], ["label_agent"], ["label_agent", "--input", "x", "--timeout", "5"],
                     ["label_agent", "--input", "x", "--repeat", "0"], ["label_agent", "--input", "x", "--nonsense"]):
            self.assert_error(self.call(*args), "hint: see `guardc call --help`", code=2)


if __name__ == "__main__":
    unittest.main()
