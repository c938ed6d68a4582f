#!/usr/bin/env python3
"""A load of the Rust example guard in a running process, beside its floors: the hash alone, dlopen alone, mapping alone.

usage: load.py --bin DIR --out DIR [--rounds N]

The rows take turns within one process, load_bench, so that noise meets all alike. The goals are those of the project:
a verified load may take what its floors take together and a fifth more.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

from goals import Goals

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUARD = str(ROOT / "examples/guards/repo-guard-rust.wasm")
ROWS = ["floor: dlopen", "floor: SHA-256", "floor: sealed copy", "floor: reserve and map",
        "floor: one more instance", "load, verified", "load, trusted", "load and create, verified",
        "load and create, trusted", "create again", "create one more"]
FLOORS = ["floor: dlopen", "floor: SHA-256", "floor: reserve and map"]
GOALS = {"load, trusted": 150_000, "create again": 10_000}  # ns
VERIFIED, VERIFIED_FACTOR = "load, verified", 1.2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    binaries = pathlib.Path(arguments.bin)
    # The chain of directories must be ours alone, or a trusted load hashes as well: below /tmp it would not be.
    with tempfile.TemporaryDirectory(dir=pathlib.Path.home()) as work:
        made = subprocess.run([binaries / "guardc", "compile", "--cache-dir", work, "--json", GUARD], check=True,
                              stdout=subprocess.PIPE)
        entry = json.loads(made.stdout)["guards"][0]["path"]
        done = subprocess.run([binaries / "load_bench", entry, "--benchmark_format=json", "--benchmark_min_time=0.01",
                               f"--benchmark_repetitions={arguments.rounds}",
                               "--benchmark_enable_random_interleaving=true"], check=True, stdout=subprocess.PIPE)
    samples = {}  # row -> ns
    for run in json.loads(done.stdout)["benchmarks"]:
        if run.get("error_occurred"):
            sys.exit(f"load.py: {run['name']}: {run['error_message']}")
        if run["run_type"] == "iteration":
            samples.setdefault(run["run_name"], []).append(1000 * run["real_time"])  # told in microseconds
    report = Goals("load", "A load in a running process", "The verified load's goal is the floors of dlopen, SHA-256 and "
                   f"mapping, times {VERIFIED_FACTOR}.")
    floor = sum(statistics.median(samples[row]) for row in FLOORS)
    goals = GOALS | {VERIFIED: VERIFIED_FACTOR * floor}
    for row in ROWS:
        for value in samples[row]:
            report.add(row, value, "ns", goals.get(row))
    report.write(arguments.out)


if __name__ == "__main__":
    main()
