#!/usr/bin/env python3
"""What the options that keep more than the default cost at run time: C kernels (bench/kernels) and the Rust example
guard's label_response, each compiled once per option and run in turn.

usage: modes.py --bin DIR --out DIR [--only NAME,...] [--rounds N]
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

from kernels import NAMES, build, measure
from label_calls import ROOT, Contestant, write_inputs
from report import Report

GUARD = str(ROOT / "examples/guards/repo-guard-rust.wasm")
MODES = {
    "default": [],
    "--strict-traps": ["--strict-traps"],
    "--bounds-checks": ["--bounds-checks"],
    "--canonical-nans": ["--canonical-nans"],
    "all three": ["--strict-traps", "--bounds-checks", "--canonical-nans"],
}
ROW = "label_response, 30 issues"
CALLS = 100  # in one sample


def compile_modes(guardc, wasm, work, options):
    """A cache for each mode, so that there is one artifact to find in it."""
    for mode, flags in MODES.items():
        cache = f"{work}/{mode.replace(' ', '-')}"
        subprocess.run([guardc, "compile", *options, *flags, "--cache-dir", cache, wasm], check=True,
                       stdout=subprocess.DEVNULL)
        yield mode, cache


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=8)
    arguments = parser.parse_args()
    binaries = pathlib.Path(arguments.bin)
    guardc = str(binaries / "guardc")
    names = arguments.only.split(",") if arguments.only else NAMES
    report = Report("modes", "What options cost", reference="default", ours=MODES)
    with tempfile.TemporaryDirectory() as work:
        kernels = {}
        for name in names:
            _, wasm = build(name, work, [])
            kernels[name] = [(mode, [guardc, "exec", "--cache-dir", cache, wasm])
                             for mode, cache in compile_modes(guardc, wasm, work, ["--profile", "wasi"])]
        environment = write_inputs(work)
        guards = [Contestant(mode, [str(binaries / "label_guardc"), "guest", cache, GUARD], environment)
                  for mode, cache in compile_modes(guardc, GUARD, work, [])]
        for guard in guards:
            guard.call("label_agent", f"{work}/policy.json", 1)
        for _ in range(arguments.rounds):
            for name in names:
                answers = set()
                for mode, command in kernels[name]:
                    times, answer = measure(command)
                    answers.add(tuple(answer))
                    for nanoseconds in times:
                        report.add(name, mode, nanoseconds)
                if len(answers) != 1:
                    sys.exit(f"{name}: the modes do not agree: {answers}")
            for guard in guards:
                nanoseconds, _ = guard.call("label_response", f"{work}/issues30.json", CALLS)
                report.add(ROW, guard.name, nanoseconds)
        for guard in guards:
            guard.close()
    report.write(arguments.out)


if __name__ == "__main__":
    main()
