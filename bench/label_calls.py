#!/usr/bin/env python3
"""Label calls on the Rust example guard: inside the guest, through the C++ API, and with the peers.

usage: label_calls.py --bin DIR --peers DIR --out DIR [--guard FILE] [--rounds N]

Every contestant is one process that is asked in turn with the others (peers/label_host.h); all must give the same
answers. DIR of --peers holds what bench/build_peers made.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from inputs import Inputs
from report import Report

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROWS = [("label_agent", "label_agent", "policy"), ("label_resource, list_issues", "label_resource", "resource"),
        ("label_response, a 22 KB file", "label_response", "file"),
        ("label_response, 30 issues, 59 KB", "label_response", "issues30"),
        ("label_response, 100 issues, 1 MB", "label_response", "issues100")]
SECONDS = 0.02  # of one sample
GUARD = ROOT / "examples/guards/repo-guard-rust.wasm"


class Contestant:
    def __init__(self, name, command, environment):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def call(self, function, path, count):
        """Nanoseconds of one call, and what tells the answer apart."""
        try:
            self.process.stdin.write(f"{function} {path} {count}\n")
            self.process.stdin.flush()
            nanoseconds, size, answer = self.process.stdout.readline().split()
        except (ValueError, OSError):
            sys.exit(f"{self.name} ended: {self.process.wait()}")
        return int(nanoseconds) / count, (size, answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def commands(arguments, work):
    binaries, peers, guard = pathlib.Path(arguments.bin), pathlib.Path(arguments.peers), arguments.guard
    cache = f"{work}/cache"
    subprocess.run([binaries / "guardc", "compile", "--cache-dir", cache, guard], check=True, stdout=subprocess.DEVNULL)
    ours = [binaries / "label_guardc"]
    yield "native", [peers / "native_guard"]
    yield "guardc, inside", [*ours, "guest", cache, guard]
    yield "guardc, text", [*ours, "text", cache, guard]
    yield "guardc, typed", [*ours, "typed", cache, guard]
    yield "simdjson alone", [*ours, "simdjson", cache, guard]
    yield "clang -O3, unprotected", [peers / "unprotected_label"]
    yield "wasm2c", [peers / "wasm2c_label"]
    for mode in ("epochs", "plain"):
        yield f"wasmtime {mode}", [binaries / "wasmtime_label", "serve", mode, guard]
    for mode in ("cancel", "plain"):
        yield f"wazero {mode}", [peers / "wazero_label", "serve", mode, guard]


def write_inputs(work):
    backend = pathlib.Path(work, "backend")
    backend.mkdir()
    for name in {row[2] for row in ROWS}:
        pathlib.Path(work, f"{name}.json").write_text(json.dumps(getattr(Inputs(), name)(), ensure_ascii=False), "utf-8")
    for tool, answer in Inputs().backend().items():
        (backend / f"{tool}.json").write_text(json.dumps(answer), "utf-8")
    return {**os.environ, "GUARDC_BENCH_BACKEND": str(backend)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--peers", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--guard", default=str(GUARD))
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--contestants", default="", help="only those whose names hold one of these words")
    arguments = parser.parse_args()
    words = arguments.contestants.split(",")
    report = Report("label_calls", "Label calls on the Rust example guard",
                    ours=("guardc, inside", "guardc, text", "guardc, typed", "simdjson alone", "clang -O3, unprotected"))
    with tempfile.TemporaryDirectory() as work:
        environment = write_inputs(work)
        contestants = []
        for name, command in commands(arguments, work):
            if not os.access(command[0], os.X_OK):
                print(f"bench: {name} is left out: there is no {command[0]}", file=sys.stderr)
            elif any(word in name for word in words):
                contestants.append(Contestant(name, [str(part) for part in command], environment))
        counts = {}
        for row, function, name in ROWS:
            answers = {}
            for contestant in contestants:
                contestant.call("label_agent", f"{work}/policy.json", 1)
                for _ in range(2):
                    time, answers[contestant.name] = contestant.call(function, f"{work}/{name}.json", 3)
                counts[contestant.name, row] = max(1, int(SECONDS * 1e9 / time))
            for other in ("guardc, typed", "simdjson alone"):
                answers.pop(other, None)
            if len(set(answers.values())) != 1:
                sys.exit(f"{row}: the contestants do not agree: {answers}")
        for _ in range(arguments.rounds):
            for row, function, name in ROWS:
                for contestant in contestants:
                    time, _ = contestant.call(function, f"{work}/{name}.json", counts[contestant.name, row])
                    report.add(row, contestant.name, time)
        for contestant in contestants:
            contestant.close()
    report.write(arguments.out)


if __name__ == "__main__":
    main()
