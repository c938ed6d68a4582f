#!/usr/bin/env python3
"""Writes the inputs of label calls that the benchmarks, the demo and the README use; the same seed, the same bytes.

usage: bench/inputs.py DIRECTORY [NAME...]      names: policy resource file issues30 issues100 backend (default: all)

examples/requests/ holds policy, resource, issues30 and backend as this script writes them.
"""

import json
import pathlib
import random
import sys

OWNER, REPO = "octo-org", "widgets"
PEOPLE = [
    ("ada", "MEMBER"), ("grace", "OWNER"), ("linus", "CONTRIBUTOR"), ("margaret", "COLLABORATOR"),
    ("newcomer42", "NONE"), ("drive-by", "FIRST_TIME_CONTRIBUTOR"), ("mallory", "NONE"), ("ken", "CONTRIBUTOR"),
]
LABELS = ["bug", "enhancement", "good first issue", "needs triage", "documentation", "accepted"]
SUBJECTS = ["Widget frobnicates twice", "Crash when the gadget is empty", "Docs: explain the sprocket option",
            "Slow start-up with 10k widgets", "Support «naïve» names — and 日本語", "Panic in `resize()`"]
SENTENCES = [
    "Steps to reproduce: open the panel, drag a widget onto the canvas, then press undo twice.",
    "I expected the second widget to stay where it was.", "Happens on every run, with and without the cache.",
    "The log says:\n```\nwidget 17: \"sprocket\" not found\n```", "It worked in 2.3.1.",
    "Setting `frobnicate = \"never\"` helps, but then the gadget is not drawn at all.", "Any idea where to look? 🙏",
]


class Inputs:
    def __init__(self, seed=20260101):
        self.random = random.Random(seed)

    def body(self, size):
        text = ""
        while len(text) < size:
            text += self.random.choice(SENTENCES) + " "
        return text

    def issue(self, number, body_size):
        login, association = self.random.choice(PEOPLE)
        url = f"https://github.example/{OWNER}/{REPO}/issues/{number}"
        return {
            "id": 2_000_000_000 + number, "number": number, "title": self.random.choice(SUBJECTS), "state": "open",
            "html_url": url, "repository_url": f"https://api.github.example/repos/{OWNER}/{REPO}",
            "user": {"login": login, "id": 1000 + len(login), "type": "User", "site_admin": False},
            "author_association": association,
            "labels": [{"id": 7 + i, "name": name, "color": "ededed"}
                       for i, name in enumerate(self.random.sample(LABELS, self.random.randint(0, 3)))],
            "comments": self.random.randint(0, 12), "created_at": "2026-03-01T09:30:00Z", "milestone": None,
            "reactions": {"total_count": 1, "+1": 1, "-1": 0, "heart": 0, "url": f"{url}/reactions"},
            "body": self.body(body_size),
        }

    def answer(self, count, body_size):
        issues = [self.issue(1200 - i, body_size) for i in range(count)]
        text = json.dumps({"total_count": count, "incomplete_results": False, "items": issues}, ensure_ascii=False)
        return self.request("list_issues", {"state": "open", "perPage": count}, [{"type": "text", "text": text}])

    def request(self, tool, args, content=None):
        out = {"tool_name": tool, "tool_args": {"owner": OWNER, "repo": REPO, **args}, "capabilities": {}}
        return {**out, "tool_result": {"content": content}} if content else out

    def policy(self):
        return {"allow-only": {"repos": [f"{OWNER}/*"], "min-integrity": "approved", "trusted-users": ["ken"],
                               "blocked-users": ["mallory"], "refusal-labels": ["needs triage"],
                               "approval-labels": ["accepted"]},
                "trusted-bots": ["release-bot[bot]"]}

    def resource(self):
        return self.request("list_issues", {"state": "open", "perPage": 30})

    def file(self):
        lines = [f"fn widget_{i}() -> u32 {{ {self.random.randint(0, 999)} }} // \"{self.random.choice(SENTENCES)[:20]}\""
                 for i in range(360)]
        return self.request("get_file_contents", {"path": "src/widgets.rs"},
                            [{"type": "text", "text": "\n".join(lines)}])

    def issues30(self):
        return self.answer(30, 1200)

    def issues100(self):
        return self.answer(100, 9300)

    def backend(self):
        facts = {"full_name": f"{OWNER}/{REPO}", "private": False, "visibility": "public", "default_branch": "main"}
        return {"search_repositories": {"total_count": 1, "items": [facts]},
                "get_collaborator_permission": {"permission": "read"}}


NAMES = ["policy", "resource", "file", "issues30", "issues100", "backend"]


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-") or set(sys.argv[2:]) - set(NAMES):
        sys.exit(__doc__)
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or NAMES:
        value = getattr(Inputs(), name)()  # a generator each: no input depends on which others are written
        indent = None if name in ("file", "issues30", "issues100") else 2
        text = json.dumps(value, ensure_ascii=False, indent=indent) + "\n"
        (directory / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
