#!/usr/bin/env python3
"""Cold start: from starting a process to the first byte of the first label, for the Rust example guard.

usage: cold_start.py --bin DIR [--wazero COMMAND] [--rounds N] [--json FILE]

DIR holds guardc, bench_empty and, if there is one, wasmtime_label. Every engine has compiled the guard beforehand, calls
label_agent once, and can interrupt a guest. All are run in turn, round by round, so that noise meets all alike.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUARD = str(ROOT / "examples/guards/repo-guard-rust.wasm")
POLICY = str(ROOT / "examples/requests/policy.json")
CALL = ["label_agent", "--input", POLICY]


def run(command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def time_to_first_byte(command):
    """Milliseconds from just before the process exists to its first byte of output, and to its end."""
    reader, writer = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
    start = time.perf_counter_ns()
    process = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
    os.close(writer)
    first = os.read(reader, 1)
    middle = time.perf_counter_ns()
    _, status = os.waitpid(process, 0)
    end = time.perf_counter_ns()
    os.close(reader)
    os.close(null)
    if status != 0 or not first:
        sys.exit(f"{' '.join(command)} ended with status {status}")
    return (middle - start) / 1e6, (end - start) / 1e6


def contestants(arguments, work):
    binaries = pathlib.Path(arguments.bin)
    guardc = str(binaries / "guardc")
    cache = f"{work}/guardc"
    entry = json.loads(run([guardc, "compile", "--cache-dir", cache, "--json", GUARD]))
    while isinstance(entry, (list, dict)) and "path" not in entry:
        entry = entry[0] if isinstance(entry, list) else next(iter(entry.values()))
    # Warn where the directory is not ours alone: then --trusted would hash as well.
    yield "an empty C program", [str(binaries / "bench_empty")]
    yield "guardc, by the .wasm", [guardc, "call", GUARD, *CALL, "--cache-dir", cache]
    yield "guardc, by the entry, trusted", [guardc, "call", entry["path"], *CALL, "--trusted"]
    if (binaries / "wasmtime_label").exists():
        command = str(binaries / "wasmtime_label")
        run([command, "compile", GUARD, f"{work}/guard.cwasm"])
        yield "wasmtime, precompiled module", [command, f"{work}/guard.cwasm", "label_agent", POLICY]
    if arguments.wazero:
        yield "wazero, disk cache", [arguments.wazero, GUARD, f"{work}/wazero", "label_agent", POLICY]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--wazero")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        rows = list(contestants(arguments, work))
        answers = {name: run(command) for name, command in rows[1:]}  # fills the caches, and checks
        if len({answer.strip() for answer in answers.values()}) != 1:
            sys.exit(f"the engines do not agree: {answers}")
        samples = {name: [] for name, _ in rows}
        for _ in range(arguments.rounds):
            for name, command in rows:
                samples[name].append(time_to_first_byte(command))
    table = []
    for name, times in samples.items():
        first = sorted(sample[0] for sample in times)
        table.append({"name": name, "median_ms": statistics.median(first), "p10_ms": first[len(first) // 10],
                      "p90_ms": first[len(first) * 9 // 10],
                      "process_median_ms": statistics.median(sample[1] for sample in times)})
    print(f"Process start to first label ({platform.machine()}, {os.cpu_count()} cores, {arguments.rounds} rounds)\n")
    print("| | first label, median | 10 % to 90 % | process, median |\n|---|---:|---:|---:|")
    for row in table:
        print(f"| {row['name']} | {row['median_ms']:.2f} ms | {row['p10_ms']:.2f} to {row['p90_ms']:.2f} ms "
              f"| {row['process_median_ms']:.2f} ms |")
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps({"cold_start": table}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
