"""guardc policy check and guardc decide: one call, many, and a guard that says what the case tells it to."""

import json
import subprocess
import unittest

from support import GUARDC, LABEL_TYPE, RELAY_GUARD, CliTest, needs_compiler, run

POLICY = {"allow-only": {"repos": "ALL", "min-integrity": " None", "refusal-labels": "a, b"}}


TRAP_GUARD = f"""
(module $trap
  (memory (export "memory") 2)
  (data (i32.const 16) "{{\\"difc_mode\\":\\"filter\\"}}")
  (func (export "label_agent") {LABEL_TYPE}
    (memory.copy (local.get $out) (i32.const 16) (i32.const 22))
    (i32.const 22))
  (func (export "label_resource") {LABEL_TYPE} (unreachable))
  (func (export "label_response") {LABEL_TYPE} (unreachable)))
"""


class PolicyTest(CliTest):
    def test_prints_it_normalised_and_as_the_guard_gets_it(self):
        done = run("policy", "check", self.write("p.json", json.dumps(POLICY)), "--json",
                   "--trusted-bots", "x, y", "--trusted-users", "u")
        self.assertEqual(done.returncode, 0, done.stderr)
        answer = json.loads(done.stdout)
        self.assertTrue(answer["ok"])
        self.assertEqual(answer["normalized"], {
            "allow-only": {"repos": "all", "min-integrity": "none", "refusal-labels": ["a", "b"],
                           "trusted-users": ["u"]},
            "trusted-bots": ["x", "y"]})
        self.assertEqual(answer["guard_input"], {
            "allow-only": {"repos": "ALL", "min-integrity": " None", "refusal-labels": ["a", "b"],
                           "trusted-users": ["u"]},
            "trusted-bots": ["x", "y"]})

    def test_empty_lists_and_blank_names(self):
        path = self.write("p.json", json.dumps(POLICY))
        plain = run("policy", "check", path, "--json").stdout
        self.assertEqual(run("policy", "check", path, "--json", "--trusted-bots", "", "--trusted-users", "").stdout,
                         plain)
        for names in (" ", "a, ,b"):
            done = run("policy", "check", path, "--json", "--trusted-bots", names)
            self.assertEqual(done.returncode, 1, names)
            self.assertEqual(json.loads(done.stdout)["error"]["key"], "trusted-bots")

    def test_text_in_a_string_from_stdin(self):
        done = run("policy", "check", "-", stdin=json.dumps(json.dumps(POLICY)).encode())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"the guard gets:", done.stdout)

    def test_errors_name_the_key(self):
        for text, key in [("", None), ("x", None), ("null", None), ('"{}"', "allow-only"),
                          ('{"allow-only":{"repos":["A/b"],"min-integrity":"none"}}', "allow-only.repos[0]"),
                          ('{"promotion-label":"x","allow-only":{}}', "promotion-label")]:
            done = run("policy", "check", "-", "--json", stdin=text.encode())
            self.assertEqual(done.returncode, 1, text)
            error = json.loads(done.stdout)["error"]
            self.assertEqual((error["kind"], error.get("key")), ("policy", key), error)


class DecideCommand(CliTest):
    def decide(self, guard, *args, **more):
        return run("decide", guard, *args, "--cache-dir", self.cache, **more)

    def cases(self, guard, cases, *args):
        lines = "".join(json.dumps(case) + "\n" for case in cases)
        done = self.decide(guard, "--cases", self.write("cases.jsonl", lines), *args)
        return done, [json.loads(line) for line in done.stdout.splitlines()]


class DecideTest(DecideCommand):
    def test_noop(self):
        result = self.write("r.json", '{"content": [{"type":"text","text":"1"}],\n "n": 1.0}\n')
        done = self.decide("noop", "--tool", "get_me", "--result", result, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        outcome = json.loads(done.stdout)
        self.assertEqual((outcome["outcome"], outcome["operation"], outcome["mode"]),
                         ("allowed", "read-write", "strict"))
        self.assertIn(b'"n":1.0', done.stdout)
        self.assertEqual(outcome["backend_calls"], [{"caller": "gateway", "tool": "get_me", "args": None}])
        self.assertEqual(done.stdout.count(b"\n"), 1)
        labels = self.write("l.json", '{"secrecy":["s"]}')
        outcome = json.loads(self.decide("noop", "--tool", "t", "--result", result, "--agent-labels", labels,
                                         "--json").stdout)
        self.assertEqual((outcome["outcome"], outcome["phase"], outcome["result"]), ("denied", 2, None))
        self.assertIn("[s]", outcome["reason"])

    def test_write_sink(self):
        policy = {"write-sink": {"accept": ["private:o/r"]}}
        base = {"tool": "post", "policy": policy, "result": 1, "agent_labels": {"secrecy": ["private:o/r"]}}
        done, outcomes = self.cases("write-sink", [
            {**base, "server": "safeoutputs"}, {**base, "server": "slack"},
            {**base, "server": "slack", "policy": {"write-sink": {"accept": ["private:o/r"],
                                                                  "visibility": "private"}}},
            {**base, "policy": {"allow-only": {}}}, {"tool": "post", "result": 1}])
        self.assertEqual([o["outcome"] for o in outcomes], ["allowed", "denied", "allowed", "error", "error"])
        self.assertEqual([o["mode"] for o in outcomes[:3]], ["filter"] * 3)
        self.assertEqual(done.returncode, 0)

    def test_an_outcome_a_line_in_order(self):
        cases = [{"id": i, "tool": "t", "result": [i], "agent-labels": {"integrity": ["i"] if i % 3 else []}}
                 for i in range(1000)]
        done, outcomes = self.cases("noop", cases)
        self.assertEqual([o["id"] for o in outcomes], list(range(1000)))
        for i, outcome in enumerate(outcomes):
            self.assertEqual(outcome["result"], None if i % 3 else [i])

    def test_lines_that_are_no_case(self):
        path = self.write("cases.jsonl", 'x\n\n{"tool":5}\n{"tool":"t","tool":"t"}\n[]\n{"calls":[]}\n'
                          '{"tool":"t"} more\n{"tool":"t","result":1}')
        done = self.decide("noop", "--cases", path)
        outcomes = [json.loads(line)["outcome"] for line in done.stdout.splitlines()]
        self.assertEqual((done.returncode, outcomes), (1, ["error"] * 6 + ["allowed"]))
        self.assertIn(b"line 3", done.stderr)
        self.assertIn(b"line 7: the case is not JSON: column 14: 'm' where the end of the text was expected", done.stderr)

    def test_from_a_pipe_each_case_is_decided_at_once(self):
        with subprocess.Popen([GUARDC, "decide", "noop", "--cases", "-"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            for i in range(3):
                process.stdin.write(b'{"tool":"t","result":%d}\n' % i)
                process.stdin.flush()
                self.assertEqual(json.loads(process.stdout.readline())["result"], i)
            process.stdin.close()
            self.assertEqual(process.wait(), 0)

    def test_wrong_usage(self):
        for args in [("noop",), ("noop", "--tool", "t", "--mode", "off"), ()]:
            self.assertEqual(run("decide", *args).returncode, 2, args)
        self.assertEqual(self.decide("noop", "--tool", "t", "--args", "/no/such").returncode, 1)

    def test_a_guard_without_artifact_is_an_error_outcome(self):
        guard = self.write("g.wasm", "\0asm\1\0\0\0")
        done = self.decide(guard, "--tool", "t", "--result", self.write("r.json", "1"), "--json")
        outcome = json.loads(done.stdout)
        self.assertEqual((done.returncode, outcome["outcome"], outcome["result"]), (1, "error", None))


@needs_compiler
class DecideWithAGuardTest(DecideCommand):
    def setUp(self):
        super().setUp()
        self.relay = self.wasm(RELAY_GUARD, "relay.wasm")
        self.compile(self.relay)

    def call(self, agent, resource, response, **more):
        backend = {"label_agent": agent, "label_resource": resource, "label_response": response}
        return {"tool": "list_things", "policy": POLICY, "backend": backend, **more}

    def test_the_whole_pipeline(self):
        agent = {"difc_mode": "filter", "agent": {"secrecy": [], "integrity": ["i"]}}
        resource = {"resource": {"description": "all", "secrecy": ["s"], "integrity": ["i"]}, "operation": "read"}
        response = {"items_path": "/items", "default_labels": {"integrity": ["i"]},
                    "labeled_paths": [{"path": "/items/1", "labels": {"description": "#2", "secrecy": ["s"],
                                                                      "integrity": ["i"]}}]}
        inner = '{"items":[{"n": 1.0},2,"x\\u0041"],"total_count":3}'
        result = {"content": [{"type": "text", "text": inner}], "_meta": {}}
        done, outcomes = self.cases(self.relay, [self.call(agent, resource, response, result=result)])
        self.assertEqual(done.returncode, 0, done.stderr)
        outcome = outcomes[0]
        self.assertEqual((outcome["outcome"], outcome["phase"], outcome["mode"]), ("filtered", 5, "filter"), outcome)
        self.assertEqual(outcome["result"], {"content": [{"type": "text", "text": '[{"n": 1.0},"x\\u0041"]'}]})
        self.assertEqual([i["index"] for i in outcome["items"]["kept"]], [0, 2])
        left_out = outcome["items"]["left_out"]
        self.assertEqual([(i["index"], i["labels"]["secrecy"]) for i in left_out], [(1, ["s"])])
        self.assertIn("[s]", left_out[0]["reason"])
        self.assertEqual([i["function"] for i in outcome["guard_inputs"]],
                         ["label_agent", "label_resource", "label_response"])
        self.assertEqual(outcome["guard_inputs"][0]["input"]["allow-only"]["refusal-labels"], ["a", "b"])
        self.assertEqual(outcome["guard_inputs"][1]["input"],
                         {"tool_name": "list_things", "tool_args": None, "capabilities": {}})
        self.assertEqual([(c["caller"], c["tool"]) for c in outcome["backend_calls"]],
                         [("guard", "label_agent"), ("guard", "label_resource"), ("gateway", "list_things"),
                          ("guard", "label_response")])

    def test_failures_show_nothing(self):
        agent = {"difc_mode": "strict"}
        resource = {"resource": {}, "operation": "read"}
        good = self.call(agent, resource, {}, result="secret")
        cases = [good,
                 {**good, "policy": None},
                 {**good, "backend_errors": ["label_agent"]},
                 {**good, "backend_errors": {"label_resource": "down"}},
                 {**good, "backend_errors": ["list_things"]},
                 {**good, "backend_errors": ["label_response"]},
                 self.call({}, resource, {}, result="secret"),
                 self.call(agent, {}, {}, result="secret"),
                 self.call(agent, resource, [], result="secret"),
                 self.call(agent, resource, {})]
        _, outcomes = self.cases(self.relay, cases)
        self.assertEqual([(o["outcome"], o["phase"], (o["error"] or {}).get("kind")) for o in outcomes], [
            ("allowed", 6, None), ("error", 0, "policy"), ("error", 0, "guard_error"), ("error", 1, "guard_error"),
            ("error", 3, "backend"), ("error", 4, "guard_error"), ("error", 0, "bad_response"),
            ("error", 1, "bad_response"), ("error", 4, "bad_response"), ("error", 3, "backend")])
        for outcome in outcomes[1:]:
            self.assertIsNone(outcome["result"])
            self.assertTrue(outcome["reason"])

    def test_every_outcome_has_every_member(self):
        agent = {"difc_mode": "filter", "agent": {"integrity": ["i"]}}
        labels = {"description": "d", "secrecy": ["s"], "integrity": ["i"]}
        read = {"resource": labels, "operation": "read"}
        paths = {"labeled_paths": [{"path": "/0", "labels": {"integrity": ["i"]}}], "default_labels": labels}
        cases = [self.call(agent, read, paths, result=[1]),
                 self.call(agent, read, paths, result=[1, 2]),
                 self.call(agent, {**read, "operation": "read-write"}, paths, result=[1]),
                 self.call(agent, {"resource": {}, "operation": "write"}, None, result={"n": 1}, args={"a": 1.0}, id={"n": 7}),
                 self.call(agent, read, None),
                 self.call(agent, {}, None),
                 self.call({}, read, None),
                 {}, {"tool": 5}]
        _, outcomes = self.cases(self.relay, cases)
        self.assertEqual([(o["outcome"], o["phase"]) for o in outcomes], [
            ("allowed", 6), ("filtered", 5), ("denied", 2), ("allowed", 6), ("error", 3), ("error", 1), ("error", 0),
            ("error", 0), ("error", 0)])
        self.assertEqual(outcomes[3]["id"], {"n": 7})

        def check_labels(value, *more):
            self.assertEqual(set(value), {"secrecy", "integrity", *more})
            for key in ("secrecy", "integrity"):
                self.assertIsInstance(value[key], list)
                self.assertEqual(value[key], sorted(set(value[key])))

        for o in outcomes:
            with self.subTest(o["outcome"], phase=o["phase"]):
                self.assertEqual(set(o) - {"id"}, {
                    "outcome", "phase", "error", "reason", "denied_by", "operation", "mode", "resource",
                    "agent_before", "agent_after", "items", "notice", "result", "guard_inputs", "backend_calls"})
                self.assertIsInstance(o["phase"], int)
                self.assertIsInstance(o["reason"], str)
                self.assertIsInstance(o["notice"], str)
                self.assertIn(o["denied_by"], ("", "secrecy", "integrity", "error"))
                self.assertEqual(o["error"] is not None, o["outcome"] == "error")
                if o["error"]:
                    self.assertIsInstance(o["error"]["kind"], str)
                    self.assertIsInstance(o["error"]["message"], str)
                    # Phases 1 to 5: of a resource that the agent may not read, or of which nothing is known.
                    untold = f"the call failed in phase {o['phase']} ({o['error']['kind']}); the agent may not read"
                    self.assertTrue(o["reason"] == o["error"]["message"] or
                                    (o["phase"] > 0 and o["reason"].startswith(untold)), o["reason"])
                self.assertEqual(o["reason"] == "", o["outcome"] == "allowed")
                self.assertIn(o["mode"], ("strict", "filter", "propagate", None))
                self.assertIn(o["operation"], ("read", "write", "read-write", None))
                self.assertEqual(o["operation"] is None, o["resource"] is None)
                if o["resource"]:
                    check_labels(o["resource"], "description")
                check_labels(o["agent_before"])
                check_labels(o["agent_after"])
                self.assertEqual(o["result"] is not None, o["outcome"] in ("allowed", "filtered"))
                if o["items"]:
                    self.assertEqual(set(o["items"]), {"total", "kept", "left_out"})
                    self.assertEqual(o["items"]["total"], len(o["items"]["kept"]) + len(o["items"]["left_out"]))
                    for item in o["items"]["kept"] + o["items"]["left_out"]:
                        self.assertEqual(set(item), {"index", "description", "labels", "reason"})
                        check_labels(item["labels"])
                    self.assertTrue(all(i["reason"] for i in o["items"]["left_out"]))
                for asked in o["guard_inputs"]:
                    self.assertEqual(set(asked), {"function", "input"})
                for call in o["backend_calls"]:
                    self.assertEqual(set(call), {"caller", "tool", "args"})
        self.assertEqual(outcomes[1]["items"]["kept"][0]["reason"], "")

    def test_calls_of_a_case_share_guard_and_agent(self):
        case = self.call({"difc_mode": "propagate"}, {"resource": {"secrecy": ["s"]}, "operation": "read"}, {},
                         result=[1])
        write = {"backend": {"label_resource": {"resource": {}, "operation": "write"}}}
        done, outcomes = self.cases(self.relay, [{**case, "id": "c", "calls": [{}, write, {"tool": "get_x"}]}])
        self.assertEqual([(o["id"], o["outcome"]) for o in outcomes],
                         [("c", "allowed"), ("c", "denied"), ("c", "allowed")], outcomes)
        self.assertEqual(outcomes[0]["agent_after"]["secrecy"], ["s"])
        self.assertEqual(len(outcomes[1]["guard_inputs"]), 1)

    def test_a_trap_is_an_error_and_ends_with_its_case(self):
        guard = self.wasm(TRAP_GUARD, "trap.wasm")
        self.compile(guard)
        case = {"tool": "t", "policy": POLICY, "result": 1}
        _, outcomes = self.cases(guard, [{**case, "calls": [{}, {}]}, case])
        self.assertEqual([(o["phase"], o["error"]["kind"]) for o in outcomes],
                         [(1, "trap"), (1, "instance_failed"), (1, "trap")])
        self.assertEqual(outcomes[0]["error"]["trap"], "unreachable")


if __name__ == "__main__":
    unittest.main()
