#!/usr/bin/env python3
"""What 1,000 guards of one artifact take of memory in one process: never called, after calls, after a reset, closed.

usage: memory.py --bin DIR --out DIR [--rounds N]

The Rust example guard, labelling an agent, a resource and 30 issues. Counted is what the process alone holds: resident
pages, and the page tables for them.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

from goals import Goals

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUARD = str(ROOT / "examples/guards/repo-guard-rust.wasm")
GUARDS, CALLED = 1000, 100
# By the lines of bench_memory, in kB.
GOALS = {
    "guard, never called": 30,
    "guard, after calls: resident, beside what the guest wrote": 4,
    "clone, never called": 30,
    "clone, after a reset: resident": 1,
    "all guards, closed": 1000,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    binaries = pathlib.Path(arguments.bin)
    goals = Goals("memory", f"Memory of {GUARDS:,} guards of one artifact",
                  f"{CALLED} of them are called; per guard, but for the last row, which is what all of them leave behind.")
    with tempfile.TemporaryDirectory() as work:
        compiled = subprocess.run([str(binaries / "guardc"), "compile", "--cache-dir", work, "--json", GUARD], check=True,
                                  stdout=subprocess.PIPE).stdout
        entry = json.loads(compiled)["guards"][0]["path"]
        for _ in range(arguments.rounds):
            lines = subprocess.run([str(binaries / "bench_memory"), entry, str(ROOT / "examples/requests"), str(GUARDS),
                                    str(CALLED)], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
            for line in lines:
                what, size = line.split("\t")
                goals.add(what, int(size) / 1000, "kB", GOALS.get(what))
    goals.write(arguments.out)


if __name__ == "__main__":
    main()
