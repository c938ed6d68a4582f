"""Seeded sessions for the example guards: policies, tool calls and answers, ordinary and strange.

A session is what one guard instance goes through: a backend that answers in a fixed way, and label calls in order.
Inputs are bytes, since a gateway may be handed bytes that are no text.
"""

import json
import random

OWNERS = ["octo", "Acme", "müller", "a" * 39, "x-y_z"]
REPOS = ["hello", "Secret.Tools", "r" * 100, "日本", "docs"]
LOGINS = ["alice", "Bob", "mallory", "dependabot[bot]", "some-app[bot]", "Ünïcode", "", "x" * 200]
ASSOCIATIONS = ["OWNER", "MEMBER", "COLLABORATOR", "CONTRIBUTOR", "FIRST_TIME_CONTRIBUTOR", "NONE", "weird", None]
WORDS = ["fix", "crash", "naïve", "💥", "\u0000", "\\", '"', "\n", "日本語", "ﬁ", "\U0001f468\u200d\U0001f469", "z" * 300]
ISSUE_LABELS = ["bug", "accepted", "spam", "Needs Review", "ok"]
LEVELS = ["none", "unapproved", "approved", "merged", " Merged ", "APPROVED"]
COLLECTIONS = {
    "list_issues": "issue", "search_issues": "issue", "list_pull_requests": "pull", "search_pull_requests": "pull",
    "list_commits": "commit", "search_repositories": "repository", "search_code": "code", "list_branches": "code",
    "list_tags": "code", "list_releases": "code", "list_workflow_runs": "run", "list_discussions": "issue",
    "list_notifications": "code", "search_users": "user", "list_gists": "gist", "list_code_scanning_alerts": "code",
}
SINGLES = {
    "issue_read": "issue", "pull_request_read": "pull", "get_commit": "commit", "get_file_contents": "file",
    "get_me": "user", "get_job_logs": "file", "get_latest_release": "code",
}
WRITES = ["create_issue", "merge_pull_request", "push_files", "create_repository", "create_gist", "no_such_tool", "ü"]
MCP_KINDS = ["text", None, "image", "strange"]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self, longest=6):
        return " ".join(self.random.choice(WORDS) for _ in range(self.random.randint(0, longest)))

    def maybe(self, chance, value):
        return value() if self.random.random() < chance else None

    def pick(self, values):
        return self.random.choice(values)

    def some(self, values):
        return [value for value in values if self.random.random() < 0.4]

    def user(self):
        return {"login": self.pick(LOGINS), "type": self.pick(["User", "Bot", None])}

    def full_name(self):
        return f"{self.pick(OWNERS)}/{self.pick(REPOS)}"

    # ---- Policies. ----

    def policy(self):
        repos = self.pick([
            "all", "public", " Public ", ["octo/*"], ["acme/secret*", "octo/hello"], ["octo/hello", "OCTO/hello"],
            [], "some", ["octo"], [1], None,
        ] + [["octo/*", "acme/*"]] * 6)
        only = {"repos": repos, self.pick(["min-integrity"] * 9 + ["integrity"]): self.pick(LEVELS)}
        if self.random.random() < 0.5:
            only["trusted-users"] = self.some(LOGINS[:-2])
            only["blocked-users"] = self.some(["mallory", "bob", "ünïcode"])
        if self.random.random() < 0.4:
            only["refusal-labels"] = self.pick([["spam"], "spam, wontfix\nno", ["SPAM", " ok "], [""]])
            only["approval-labels"] = self.some(ISSUE_LABELS)
        if self.random.random() < 0.3:
            only["endorsement-reactions"] = ["+1", "heart"]
            only["disapproval-reactions"] = self.some(["-1", "confused"])
            only["endorser-min-integrity"] = self.pick(LEVELS)
            only["disapproval-integrity"] = self.pick(LEVELS)
        policy = {self.pick(["allow-only"] * 9 + ["allowonly"]): only}
        if self.random.random() < 0.3:
            policy["trusted-bots"] = self.pick([["some-app[bot]"], [], ["", "x"], "bot"])
        if self.random.random() < 0.05:
            policy["unknown-key"] = 1
        return policy if self.random.random() < 0.95 else json.dumps(policy)

    # ---- Tool calls. ----

    def arguments(self, tool):
        args = {}
        if self.random.random() < 0.85:
            args["owner"], args["repo"] = self.full_name().split("/")
        else:
            args["query"] = self.pick(["is:open", "repo:octo/hello crash", '"repo:Acme/docs" repo:octo/hello', "repo:/"])
        if "issue" in tool:
            args["method"] = self.pick(["get", "get_comments", "get"])
            args["issue_number"] = self.pick([1, 7, "12", "#3", 4.0, 4.5, -1, 2**63, "x"])
        if "pull" in tool:
            args["method"] = self.pick(["get", "get_reviews", "get_diff", "get_comments"])
            args["pullNumber"] = self.pick([1, 7, "12"])
        if self.random.random() < 0.4:
            args["ref"] = self.pick(["main", "refs/heads/develop", "master", "", "feature/ü", None])
        args["path"] = self.pick(["README.md", "src/lib.rs", self.text(2)])
        if self.random.random() < 0.06:
            return self.pick([None, 5, "text", json.dumps(args), [args], {"owner": 1, "repo": {}}])
        return args

    def item(self, kind, index):
        name = self.full_name()
        if self.random.random() < 0.03:
            return self.pick([None, 1, "text", [], {}, {"number": {}, "user": 5}])
        if kind in ("issue", "pull"):
            item = {"number": index + 1, "title": self.text(), "body": self.text(40), "state": "open"}
            if self.random.random() < 0.85:
                item["user"] = self.user()
                item["author_association"] = self.pick(ASSOCIATIONS)
            item["labels"] = [self.pick([label, {"name": label, "color": "fff"}]) for label in self.some(ISSUE_LABELS)]
            if self.random.random() < 0.3:
                item["reactions"] = {"url": "…", "total_count": 2, "+1": self.random.randint(0, 2), "-1": 0, "heart": 1}
            item["html_url"] = f"https://github.example/{name}/issues/{index + 1}"
            if self.random.random() < 0.3:
                item["repository_url"] = f"https://api.github.example/repos/{name}"
            if kind == "pull" and self.random.random() < 0.5:
                item.update(merged=True, merged_at="2026-01-01T00:00:00Z")
            return item
        if kind == "commit":
            verified = self.random.random() < 0.5
            return {"sha": f"{self.random.getrandbits(160):040x}", "author": self.maybe(0.8, self.user),
                    "html_url": f"https://github.example/{name}/commit/x",
                    "commit": {"message": self.text(), "verification": {"verified": verified}}}
        if kind == "repository":
            return {"full_name": name, "private": self.pick([True, False, None]), "stargazers_count": 1e3,
                    "visibility": self.pick(["public", "private", "internal", None])}
        if kind == "run":
            return {"id": self.random.getrandbits(40), "actor": self.user(), "head_branch": self.pick(["main", "x"]),
                    "event": self.pick(["push", "pull_request", "schedule"])}
        if kind == "gist":
            return {"id": "g", "public": self.pick([True, False, None])}
        return {"name": self.text(1), "path": "src/ü.rs", "repository": self.maybe(0.5, lambda: {"full_name": name}),
                "html_url": f"https://github.example/{name}"}

    def collection(self, kind, count):
        items = [self.item(kind, index) for index in range(count)]
        shape = self.random.random()
        if shape < 0.4:
            return items
        if shape < 0.8:
            return {"total_count": count, "incomplete_results": False, "items": items}
        return {self.pick(["issues", "pull_requests", "nodes", "elsewhere"]): items}

    def result(self, tool):
        if tool in COLLECTIONS:
            # Beyond 100 items the default labels take over; most answers are short.
            count = self.pick([0, 1, 2, 3, 5, 8, 30, 30, 99, 100, 101, 160])
            inner = self.collection(COLLECTIONS[tool], count)
        elif SINGLES.get(tool) == "file":
            inner = self.pick(["fn main() {}\n" * self.random.randint(1, 900), self.text(200), "{not json", '"text"'])
        else:
            inner = self.item(SINGLES.get(tool, "issue"), 0)
        if self.random.random() < 0.3:
            return inner
        text = inner if isinstance(inner, str) else json.dumps(inner, ensure_ascii=self.random.random() < 0.5)
        parts = [{"type": self.pick(MCP_KINDS[:2] * 4 + MCP_KINDS), "text": text}]
        if self.random.random() < 0.1:
            middle = len(text) // 2
            parts = [{"type": "text", "text": text[:middle]}, {"type": "image", "data": "AAAA"},
                     {"type": "text", "text": text[middle:]}]
        result = {"content": parts}
        if self.random.random() < 0.05:
            result["isError"] = True
        return result

    def call(self):
        tool = self.pick(list(COLLECTIONS) * 2 + list(SINGLES) * 3 + WRITES)
        request = {"tool_name": tool, "tool_args": self.arguments(tool), "capabilities": {}}
        if self.random.random() < 0.6:
            request["tool_result"] = self.result(tool)
            return "label_response", self.encode(request)
        return "label_resource", self.encode(request)

    def encode(self, value):
        text = json.dumps(value, ensure_ascii=self.random.random() < 0.5, indent=self.pick([None, None, None, 2]))
        return text.encode("utf-8", "surrogatepass")

    # ---- Backends. ----

    def backend(self):
        """Tool name -> answer text; a tool without an entry fails."""
        answers = {}
        listed = [{"full_name": f"{owner}/{repo}", "private": self.pick([True, False]), "default_branch": "main"}
                  for owner in OWNERS for repo in REPOS]
        kind = self.random.random()
        if kind < 0.7:
            answers["search_repositories"] = json.dumps({"total_count": len(listed), "items": listed})
        elif kind < 0.8:
            # Longer than the first buffer, so that the guard has to ask again.
            answers["search_repositories"] = json.dumps({"items": listed, "padding": "p" * (300 << 10)})
        elif kind < 0.9:
            answers["search_repositories"] = json.dumps(
                {"content": [{"type": "text", "text": json.dumps({"items": listed}, ensure_ascii=False)}]})
        else:
            answers["search_repositories"] = self.pick(["[]", "null", "{}", '{"items":[{"full_name":5}]}', '{"items":5}'])
        if self.random.random() < 0.7:
            answers["get_collaborator_permission"] = json.dumps({"permission": self.pick(["admin", "write", "read", "?"])})
        if self.random.random() < 0.7:
            answers["issue_read"] = json.dumps(self.item("issue", 0))
            answers["pull_request_read"] = json.dumps(self.item("pull", 0))
        if self.random.random() < 0.5:
            answers["list_issue_reactions"] = json.dumps(
                [{"content": self.pick(["+1", "-1", "heart"]), "user": self.user()} for _ in range(3)])
        return answers

    def session(self, calls):
        out = [("label_agent", self.encode(self.policy()))] if self.random.random() < 0.9 else []
        while len(out) < calls:
            out.append(self.call() if self.random.random() < 0.95 else ("label_agent", self.encode(self.policy())))
        return {"backend": self.backend(), "calls": out}


def request(tool, result_text):
    return b'{"tool_name":"%s","tool_args":{"owner":"octo","repo":"hello"},"tool_result":%s}' % (tool, result_text)


def edge_sessions():
    """Inputs that are wrong, enormous, or end the guard. Each has a fresh guard, and one more call behind it."""
    sane = ("label_resource", b'{"tool_name":"get_me","tool_args":{}}')
    inputs = [
        b"", b"null", b"{}", b"[]", b'""', b"{", b"\xff\xfe", b'{"tool_name":5}', b'{"tool_name":"get_me"', b"1e999",
        b'{"tool_name":"get_me","tool_name":"list_issues"}', b'{"tool_name":"\\ud800"}', b'{"tool_name":"a\\u0000b"}',
        b'{"tool_name":"get_me","tool_args":' + b"[" * 3000 + b"]" * 3000 + b"}",
        request(b"list_issues", b"[" + b"-0.5e-7," * 5000 + b"1]"),
        request(b"list_issues", b"[" + b'{"user":{"login":"alice"}},' * 3000 + b"{}]"),
        request(b"get_file_contents", b'{"content":[{"type":"text","text":"' + b"x" * (5 << 20) + b'"}]}'),
        request(b"list_issues", b"[" + b"7," * 1_000_000 + b"7]"),
        b'"' + b"x" * (8 << 20) + b'"',
        b'"' + b"x" * ((8 << 20) - 2) + b'"',
    ]
    sessions = []
    for text in inputs:
        for function in ("label_agent", "label_resource", "label_response"):
            if len(text) < (1 << 20) or function == "label_response":
                sessions.append({"backend": {}, "calls": [(function, text), sane]})
    return sessions


def sessions(seed, count, calls=8):
    generator = Generator(seed)
    return [generator.session(calls) for _ in range(count)] + edge_sessions()
