"""What reaches an agent through `guardc decide`: whole calls, each with what docs/guard-abi.md says of it, by hand."""

import json
import unittest

from support import needs_compiler
from test_decide import RELAY_GUARD, DecideCommand

POLICY = {"allow-only": {"repos": "all", "min-integrity": "approved"}}
OTHER_POLICY = {"allow-only": {"repos": "public", "min-integrity": "approved"}}

OPEN = {"resource": {"description": "open", "secrecy": [], "integrity": []}, "operation": "read"}
VAULT = {"resource": {"description": "the vault", "secrecy": ["private:o/r"], "integrity": []}, "operation": "read"}
LOW = {"resource": {"description": "low", "secrecy": [], "integrity": ["unapproved"]}, "operation": "read"}

PUBLIC = {"secrecy": [], "integrity": []}
SECRET = {"description": "plans", "secrecy": ["private:o/r"], "integrity": []}
GOOD = {"secrecy": [], "integrity": ["approved"]}

PICTURE = {"type": "image", "data": "UElDVFVSRQ==", "mimeType": "image/png"}


def mcp(value, *parts, **members):
    text = value if isinstance(value, str) else json.dumps(value)
    return {"content": [{"type": "text", "text": text}, *parts], **members}


def paths(*entries, at="", **more):
    listed = [{"path": f"{at}/{index}", "labels": labels} for index, labels in entries]
    return {"labeled_paths": listed, **({"items_path": at} if at else {}), **more}


def legacy(*entries):
    return {"items": [{"data": data, "labels": labels} for data, labels in entries]}


ISSUES = {"issues": [{"n": 1}, {"n": 2}], "cursor": "c2VjcmV0", "total": 2}
RICH = mcp(ISSUES, PICTURE, structuredContent=ISSUES, _meta={"trace": "t"})
BOTH = paths((0, PUBLIC), (1, PUBLIC), at="/issues")
FIRST = paths((0, PUBLIC), (1, SECRET), at="/issues")

WHOLE, DENIED = "whole", "denied"


def part(value):
    return ("allowed", value)


def filtered(value):
    return ("filtered", value)


# name, mode, tool, resource, answer, result, what comes out
READS = [
    ("a list of paths without its envelope", "strict", "list_issues", VAULT, BOTH, RICH, part([{"n": 1}, {"n": 2}])),
    ("the same in propagate mode", "propagate", "list_issues", VAULT, BOTH, RICH, part([{"n": 1}, {"n": 2}])),
    ("the same where it may be read", "filter", "list_issues", OPEN, BOTH, RICH, WHOLE),
    ("one item of two", "filter", "get_issues", VAULT, FIRST, RICH, filtered([{"n": 1}])),
    ("one item of two, strictly", "strict", "list_issues", VAULT, FIRST, RICH, DENIED),
    ("one item of two, of what may be read", "filter", "list_issues", OPEN, FIRST, RICH, filtered([{"n": 1}])),
    ("one item of two, of what may be read, strictly", "strict", "list_issues", OPEN, FIRST, RICH, DENIED),
    ("a secret item of what may be read, taken on", "propagate", "list_issues", OPEN, FIRST, RICH, WHOLE),
    ("a secret item of what is denied, taken on", "propagate", "list_issues", VAULT, FIRST, RICH,
     part([{"n": 1}, {"n": 2}])),
    ("no item", "filter", "search_issues", VAULT, paths((0, SECRET), (1, SECRET), at="/issues"), RICH, filtered([])),
    ("the second entry for an item wins", "filter", "list_x", VAULT, paths((0, PUBLIC), (0, SECRET), (1, PUBLIC)),
     mcp([1, 2]), filtered([2])),
    ("an entry past the end labels nothing", "filter", "list_x", VAULT, paths((1, PUBLIC), (2, PUBLIC)), mcp([1, 2]),
     filtered([2])),
    ("an entry without labels is nobody's word", "filter", "list_x", VAULT,
     {"labeled_paths": [{"path": "/0"}, {"path": "/1", "labels": {}}]}, mcp([1, 2]), filtered([2])),
    ("nor does it get the defaults", "filter", "list_x", VAULT,
     {"labeled_paths": [{"path": "/0", "labels": None}], "default_labels": {}}, mcp([1, 2]), filtered([2])),
    ("defaults that pass", "strict", "list_x", VAULT, paths(default_labels=PUBLIC), mcp([1, 2], PICTURE), part([1, 2])),
    ("defaults that do not", "filter", "list_x", VAULT, paths((1, PUBLIC), default_labels=SECRET), mcp([1, 2]),
     filtered([2])),
    ("text in several parts", "strict", "list_x", VAULT, paths((0, PUBLIC), (1, PUBLIC)),
     {"content": [{"type": "text", "text": "[1,"}, PICTURE, {"text": "2]"}]}, part([1, 2])),
    ("a result without an envelope", "filter", "list_x", VAULT, paths((0, PUBLIC), at="/a"), {"a": ["x", "y"], "b": "z"},
     filtered(["x"])),
    ("an empty list", "filter", "get_issues", VAULT, paths(at="/issues"), mcp({"issues": [], "total": 57}), filtered([])),
    ("an empty list, strictly", "strict", "list_issues", VAULT, paths(at="/issues"), mcp({"issues": [], "total": 57}),
     DENIED),
    ("an empty list, taken on", "propagate", "list_issues", VAULT, paths(at="/issues"), mcp({"issues": [], "total": 57}),
     part([])),
    ("an empty list that may be read", "strict", "list_issues", OPEN, paths(), mcp([], PICTURE), WHOLE),
    ("one thing by its defaults", "strict", "get_issue", VAULT, paths(default_labels=PUBLIC),
     mcp({"n": 1}, PICTURE, structuredContent={"n": 1}), part({"n": 1})),
    ("one thing without defaults", "filter", "get_issue", VAULT, paths(), mcp({"n": 1}), DENIED),
    ("one thing without defaults, listed", "filter", "list_issue", VAULT, paths(), mcp({"n": 1}), filtered([])),
    ("one thing without defaults, taken on", "propagate", "get_issue", VAULT, paths(), mcp({"n": 1}, PICTURE),
     part({"n": 1})),
    ("a text with a picture", "filter", "get_file", VAULT, paths(default_labels=PUBLIC), mcp("# Title", PICTURE),
     part(mcp("# Title"))),
    ("an item that is gone from a singular read", "filter", "get_issue", OPEN, paths((0, SECRET)), mcp([1]), DENIED),
    ("the guard's items, fewer", "strict", "list_x", OPEN, legacy((1, PUBLIC)), mcp([1, 2], PICTURE), part([1])),
    ("the guard's items, redacted", "filter", "get_x", VAULT, legacy(({"n": "*"}, PUBLIC), (2, PUBLIC)), mcp([1, 2]),
     part([{"n": "*"}, 2])),
    ("the guard's items, one secret", "filter", "list_x", OPEN, legacy((1, PUBLIC), (2, SECRET)), mcp([1, 2]),
     filtered([1])),
    ("the guard's items, one secret, taken on", "propagate", "list_x", OPEN, legacy((1, PUBLIC), (2, SECRET)),
     mcp([8, 9]), part([1, 2])),
    ("none of the guard's items is an object", "filter", "get_x", OPEN, {"items": ["x", None]}, RICH, part([])),
    ("the guard's list is empty", "strict", "list_x", OPEN, {"items": []}, RICH, part([])),
    ("the guard's list is empty, of what is denied", "strict", "list_x", VAULT, {"items": []}, RICH, DENIED),
    ("the guard's list is empty, of what is denied, filtered", "filter", "list_x", VAULT, {"items": [3]}, RICH,
     filtered([])),
    ("no answer", "filter", "search_x", VAULT, None, RICH, filtered([])),
    ("no answer to a singular read", "filter", "get_x", VAULT, {}, RICH, DENIED),
    ("no answer, taken on", "propagate", "get_x", VAULT, {}, RICH, WHOLE),
    ("no answer about what may be read", "strict", "get_x", OPEN, None, RICH, WHOLE),
    ("an error in the legacy form", "filter", "list_x", OPEN, legacy((1, PUBLIC)), mcp([1], isError=True), part([1])),
    ("an error of which nothing is left", "filter", "list_x", VAULT, {}, mcp("no such repository", isError=True),
     filtered([])),
    ("an error that may be read", "filter", "list_x", OPEN, {}, mcp("no such repository", isError=True), WHOLE),
]

# The agent has "approved" from label_agent.
TRUSTED = [
    ("an element that nobody labelled is trusted by nobody", "filter", "list_x",
     {"resource": {"secrecy": [], "integrity": ["approved"]}, "operation": "read"}, paths((0, GOOD)), mcp([1, 2]),
     filtered([1])),
    ("so is the one thing without defaults", "filter", "get_x",
     {"resource": {"secrecy": [], "integrity": ["approved"]}, "operation": "read"}, paths(), mcp({"n": 1}), DENIED),
    ("denied by integrity, items that are trusted", "strict", "list_x", LOW, paths((0, GOOD), (1, GOOD)),
     mcp([1, 2], PICTURE), part([1, 2])),
    ("the operation is none", "filter", "list_x", {"resource": {"secrecy": [], "integrity": []}, "operation": "Read"},
     paths((0, GOOD)), mcp([1]), DENIED),
    ("no operation, but both may flow", "strict", "get_x", {"resource": {"secrecy": [], "integrity": ["approved"]}},
     paths(), mcp("done", PICTURE), WHOLE),
    ("a write's answer", "filter", "create_x",
     {"resource": {"secrecy": ["private:o/r"], "integrity": ["approved"]}, "operation": "write"}, paths((0, SECRET)),
     mcp([1], PICTURE), WHOLE),
    ("an item of a read-write that must not be written", "filter", "list_x",
     {"resource": {"secrecy": [], "integrity": ["approved"]}, "operation": "read-write"},
     paths((0, GOOD), (1, {"integrity": ["approved", "merged"]})), mcp([1, 2]), filtered([1])),
]


@needs_compiler
class LeavingTest(DecideCommand):
    def setUp(self):
        super().setUp()
        self.relay = self.wasm(RELAY_GUARD, "relay.wasm")
        self.compile(self.relay)

    def case(self, mode, tool, resource, response, result, agent=None, **more):
        backend = {"label_agent": {"difc_mode": mode, "agent": agent or {}}, "label_resource": resource,
                   "label_response": response}
        return {"tool": tool, "policy": POLICY, "args": {}, "backend": backend, "result": result, **more}

    def check(self, rows, agent=None):
        cases = [self.case(*row[1:6], agent=agent, id=row[0]) for row in rows]
        done, outcomes = self.cases(self.relay, cases)
        self.assertEqual((done.returncode, len(outcomes)), (0, len(rows)), done.stderr)
        for (name, *_, result, expected), outcome in zip(rows, outcomes):
            with self.subTest(name):
                self.assertEqual(outcome["id"], name)
                if expected == DENIED:
                    self.assertEqual((outcome["outcome"], outcome["result"]), ("denied", None), outcome["reason"])
                elif expected == WHOLE:
                    self.assertEqual((outcome["outcome"], outcome["result"]), ("allowed", result), outcome["reason"])
                else:
                    kind, value = expected
                    self.assertEqual(outcome["outcome"], kind, outcome["reason"])
                    text = outcome["result"]["content"][0]["text"]
                    self.assertEqual(json.loads(text), value)
                    error = {"isError": True} if result.get("isError") else {}
                    self.assertEqual(outcome["result"], {"content": [{"type": "text", "text": text}], **error})

    def test_reads(self):
        self.check(READS)

    def test_an_agent_that_requires_trust(self):
        self.check(TRUSTED, agent={"integrity": ["approved"]})

    def test_notices(self):
        rows = [(VAULT, {}, RICH, "the answer was left out by secrecy policy: the vault"),
                (VAULT, paths(), mcp([]), "the answer was left out by secrecy policy: the vault"),
                (VAULT, paths((0, SECRET)), mcp([1, 2]), "2 items were left out by secrecy policy: plans, item 1"),
                (VAULT, paths(), mcp({}), "the answer was left out by secrecy policy"),
                (VAULT, BOTH, RICH, "")]
        _, outcomes = self.cases(self.relay, [self.case("filter", "list_x", *row[:3]) for row in rows])
        self.assertEqual([o["notice"] for o in outcomes], [row[3] for row in rows])

    def test_what_an_agent_takes_on(self):
        both = {"resource": {"secrecy": ["s"], "integrity": ["approved"]}, "operation": "read"}
        labelled = paths((0, {"secrecy": ["a"], "integrity": ["approved", "merged"]}))
        rows = [(both, {}, mcp([1]), (["s"], ["approved"])),
                (both, paths(), mcp([]), (["s"], ["approved"])),
                (both, {"items": []}, mcp([1]), (["s"], ["approved"])),
                (both, labelled, mcp([1]), (["a"], ["approved", "merged"])),
                (both, labelled, mcp([1, 2]), (["a", "s"], [])),
                (both, legacy((1, {"secrecy": ["b"], "integrity": ["merged"]})), mcp([1]), (["b"], ["merged"])),
                ({**both, "operation": "write"}, {}, mcp([1]), ([], ["approved", "merged"]))]
        agent = {"integrity": ["approved", "merged"]}
        _, outcomes = self.cases(self.relay, [self.case("propagate", "list_x", *row[:3], agent=agent) for row in rows])
        self.assertEqual([(o["agent_after"]["secrecy"], o["agent_after"]["integrity"]) for o in outcomes],
                         [row[3] for row in rows], [o["reason"] for o in outcomes])

    def test_an_agent_never_gains_by_speaking_again(self):
        agent = {"integrity": ["approved"]}
        read = self.case("propagate", "get_x", {"resource": {}, "operation": "read"}, {}, mcp("x"), agent=agent)
        spelt = [POLICY, json.dumps(POLICY), json.dumps(POLICY, indent=2),
                 {"allow-only": {"min-integrity": "approved", "repos": "all"}},
                 json.dumps({"allow-only": {"min-integrity": "approved", "repos": "all"}}).replace("all", "\\u0061ll")]
        calls = [{"policy": policy, "server": server} for policy in spelt for server in ("one", "two", "")]
        done, outcomes = self.cases(self.relay, [{**read, "calls": calls}])
        self.assertEqual([o["outcome"] for o in outcomes], ["allowed"] * len(calls), done.stderr)
        self.assertEqual(outcomes[0]["agent_before"]["integrity"], ["approved"])
        for outcome in outcomes[1:]:
            self.assertEqual(outcome["agent_before"]["integrity"], [])
        asked = [i["function"] for o in outcomes for i in o["guard_inputs"]].count("label_agent")
        self.assertEqual(asked, 3)  # once a server
        _, outcomes = self.cases(self.relay, [{**read, "calls": [{}, {"policy": OTHER_POLICY}]}])
        self.assertEqual(outcomes[1]["error"]["kind"], "policy")

    def test_what_was_lost_does_not_come_back_by_the_wildcard(self):
        read = {"resource": {"secrecy": [], "integrity": []}, "operation": "read"}
        write = {"resource": {"secrecy": [], "integrity": ["approved"]}, "operation": "write"}
        for lost, offered in (("approved", "*"), ("*", "approved"), ("*", "*")):
            first = self.case("propagate", "get_x", read, {}, mcp("x"), agent={"integrity": [lost]})
            second = self.case("propagate", "get_x", write, {}, mcp("x"), agent={"integrity": [offered]})
            calls = [{"server": "one"}, {"server": "two", "backend": second["backend"]}]
            _, outcomes = self.cases(self.relay, [{**first, "calls": calls}])
            self.assertEqual([o["outcome"] for o in outcomes], ["allowed", "denied"], (lost, offered))
            self.assertEqual(outcomes[1]["agent_before"]["integrity"], [])

    def test_each_call_of_a_write_sink_has_its_own_policy_and_server(self):
        def sink(accept, **more):
            return {"write-sink": {"accept": accept, **more}}

        case = {"agent_labels": {"secrecy": ["a"], "integrity": []}, "tool": "get_x", "result": mcp("x"), "calls": [
            {"server": "safe-outputs", "policy": sink(["a"])},
            {"server": "s", "policy": sink(["a"])},
            {"server": "s", "policy": sink(["a"], visibility="private")},
            {"server": "s", "policy": sink(["b"], visibility="private")},
            {"server": "s", "policy": {"bogus": 1}}]}
        _, outcomes = self.cases("write-sink", [case])
        self.assertEqual([o["outcome"] for o in outcomes], ["allowed", "denied", "allowed", "denied", "error"])
        self.assertEqual(outcomes[4]["agent_before"]["secrecy"], ["a"])
        done, outcomes = self.cases("noop", [{"tool": "t", "result": 1, "calls": [{"guard": "write-sink"}]}])
        self.assertEqual([o["outcome"] for o in outcomes], ["error"])
        self.assertIn("share its guard", outcomes[0]["reason"])

    def test_the_reason_quotes_nothing_that_may_not_be_read(self):
        texts = ['{"content":[{"type":"text","text":"SECRET \\ud800"}]}',
                 '{"content":[{"type":"text","text":"[]","type":"SECRET"}]}']
        for resource, is_told in ((VAULT, False), (OPEN, True)):
            cases = [self.case("strict", "list_x", resource, "SECRET, no JSON", mcp([])),
                     {**self.case("strict", "list_x", resource, paths(), None), "backend_errors": {"list_x": "SECRET"}}]
            lines = [json.dumps(case) for case in cases]
            for text in texts:
                line = json.dumps(self.case("strict", "list_x", resource, paths(), "RESULT"))
                lines.append(line.replace('"RESULT"', text))
            path = self.write("cases.jsonl", "\n".join(lines) + "\n")
            done = self.run_ok("decide", self.relay, "--cache-dir", self.cache, "--cases", path)
            outcomes = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertEqual([o["outcome"] for o in outcomes], ["error"] * len(lines))
            for outcome in outcomes:
                if is_told:
                    self.assertEqual(outcome["reason"], outcome["error"]["message"])
                else:
                    self.assertNotIn("SECRET", outcome["reason"])
                    self.assertIn(f"failed in phase {outcome['phase']} ({outcome['error']['kind']})", outcome["reason"])

    def test_an_outcome_lists_so_many_tags_and_no_more(self):
        tags = [f"t{i}" for i in range(9000)]
        case = self.case("filter", "list_x", OPEN, {"labeled_paths": [], "default_labels": {"secrecy": tags}},
                         mcp(list(range(1000))))
        _, outcomes = self.cases(self.relay, [case])
        self.assertEqual((outcomes[0]["outcome"], outcomes[0]["result"]), ("error", None))
        self.assertEqual(outcomes[0]["error"]["kind"], "limit")

    def test_a_configured_mode_counts_without_a_policy_only(self):
        sink = {"write-sink": {"accept": ["*"]}}
        for guard, policy, mode, expected in [("noop", None, "propagate", "propagate"), ("noop", POLICY, "propagate", "strict"),
                                              ("noop", {}, "filter", "strict"), ("write-sink", sink, "strict", "filter")]:
            case = {"tool": "t", "result": 1, "policy": policy, "mode": mode}
            _, outcomes = self.cases(guard, [case])
            self.assertEqual((outcomes[0]["outcome"], outcomes[0]["mode"]), ("allowed", expected), (guard, policy))

    def test_arguments_are_always_told(self):
        case = self.case("strict", "get_x", OPEN, {}, mcp("x"))
        for args, expected in [(None, None), ({"q": 1}, {"q": 1})]:
            _, outcomes = self.cases(self.relay, [{**case, "args": args}])
            inputs = {i["function"]: i["input"] for i in outcomes[0]["guard_inputs"]}
            for function in ("label_resource", "label_response"):
                self.assertIn("tool_args", inputs[function])
                self.assertEqual(inputs[function]["tool_args"], expected)


if __name__ == "__main__":
    unittest.main()
