#!/usr/bin/env python3
"""A new process, from its spawn to the guard being ready and to the first label, for the Rust example guard.

usage: cold_start.py --bin DIR --peers DIR --out DIR [--rounds N]

Every engine has compiled the guard beforehand, calls label_agent once, and can interrupt a guest. All are run in turn,
round by round, so that noise meets all alike.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from report import Report

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUARD = str(ROOT / "examples/guards/repo-guard-rust.wasm")
POLICY = str(ROOT / "examples/requests/policy.json")
CALL = ["label_agent", "--input", POLICY]
EMPTY = "an empty C program"
EMPTY_CPP = "an empty C++ program, shared libstdc++"


def run(command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def times_of(command):
    """Nanoseconds from just before the process exists to its first byte of output, and to its last."""
    reader, writer = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
    start = time.perf_counter_ns()
    process = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
    os.close(writer)
    seen = []
    while os.read(reader, 65536):
        seen.append(time.perf_counter_ns() - start)
    _, status = os.waitpid(process, 0)
    os.close(reader)
    os.close(null)
    if status != 0 or not seen:
        sys.exit(f"{' '.join(command)} ended with status {status}")
    return seen[0], seen[-1]


def contestants(arguments, work):
    """(row, command): the row "ready" is told by the first byte, "first label" by the last."""
    binaries, peers = pathlib.Path(arguments.bin), pathlib.Path(arguments.peers)
    guardc = str(binaries / "guardc")
    cache = f"{work}/guardc"
    entry = json.loads(run([guardc, "compile", "--cache-dir", cache, "--json", GUARD]))["guards"][0]["path"]
    yield EMPTY, [str(binaries / "bench_empty")]
    yield EMPTY_CPP, [str(binaries / "bench_empty_cpp")]
    for libstdcpp, program in (("static", "bench_ready"), ("shared", "bench_ready_shared")):
        for mode in ("verified", "trusted"):
            yield f"guardc::guard, {libstdcpp} libstdc++, {mode}", [str(binaries / program), mode, entry, POLICY]
    yield "guardc call GUARD.wasm", [guardc, "call", GUARD, *CALL, "--cache-dir", cache]
    yield "guardc call ENTRY", [guardc, "call", entry, *CALL]
    yield "guardc call ENTRY --trusted", [guardc, "call", entry, *CALL, "--trusted"]
    if (binaries / "wasmtime_label").exists():
        command = str(binaries / "wasmtime_label")
        run([command, "compile", GUARD, f"{work}/guard.cwasm"])
        yield "wasmtime, precompiled module", [command, f"{work}/guard.cwasm", "label_agent", POLICY]
    if (peers / "wazero_label").exists():
        yield "wazero, disk cache", [str(peers / "wazero_label"), GUARD, f"{work}/wazero", "label_agent", POLICY]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--peers", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=100)
    arguments = parser.parse_args()
    # The chain of directories must be ours alone, or --trusted hashes as well: below /tmp it would not be.
    with tempfile.TemporaryDirectory(dir=pathlib.Path(arguments.out).resolve()) as work:
        rows = list(contestants(arguments, work))
        answers = {name: run(command) for name, command in rows if name not in (EMPTY, EMPTY_CPP)}  # fills the caches, and checks
        if len({answer.strip().removeprefix(b"r") for answer in answers.values()}) != 1:
            sys.exit(f"the engines do not agree: {answers}")
        report = Report("cold_start", "New process, from its spawn", reference=EMPTY,
                        ours=[name for name, _ in rows if "guardc" in name])
        for _ in range(arguments.rounds):
            for name, command in rows:
                first, last = times_of(command)
                if name in (EMPTY, EMPTY_CPP):
                    report.add("an empty program", name, last)
                if name.startswith("guardc::guard") or name == EMPTY:
                    report.add("ready", name, first)
                if name != EMPTY_CPP:
                    report.add("first label", name, last)
    report.write(arguments.out)


if __name__ == "__main__":
    main()
