#!/usr/bin/env python3
"""Prints what compiling each shape takes: size of the wasm, CPU, memory, both per MB, and growth from half the size.

usage: scripts/shapes [--scale N] [--timeout SECONDS] [SHAPE...]

A module may take 40 s of CPU and 500 MB for each MB, and one second and 350 MB besides (docs/performance.md). What takes
more is marked, and the exit status is 1. A shape that is refused by a limit counts as kept.
"""

import argparse
import math
import sys

import measure
from shapes import SHAPES

CPU, MEMORY = (1, 40), (350, 500)  # for every module, and per MB


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--scale", type=float, default=1, help="of the sizes")
    parser.add_argument("--timeout", type=int, default=300)
    parser.add_argument("shapes", nargs="*", help="names or parts of names")
    arguments = parser.parse_args()
    print(f"{'shape':28} {'wasm':>10} {'CPU':>8} {'of bound':>9} {'peak':>8} {'of bound':>9} {'growth':>7}")
    over = 0
    for name, shape in SHAPES.items():
        if arguments.shapes and not any(part in name for part in arguments.shapes):
            continue
        n = max(2, int(shape.large * arguments.scale))
        half, whole = shape.make(n // 2), shape.make(n)
        size = len(whole) / 1e6
        before = measure.compile_module(arguments.compiler, half, arguments.timeout)
        found = measure.compile_module(arguments.compiler, whole, arguments.timeout)
        cpu, peak = found.cpu / (CPU[0] + CPU[1] * size), found.peak / (MEMORY[0] + MEMORY[1] * size)
        growth = "-"
        if before.ok and found.ok and before.cpu > 0.2 and len(whole) > len(half):
            growth = f"{math.log(found.cpu / before.cpu) / math.log(len(whole) / len(half)):.2f}"
        is_over = cpu > 1 or peak > 1
        over += is_over
        verdict = "  OVER" if is_over else "" if found.ok else f"  {found.message.partition(': ')[2][:90]}"
        print(f"{name:28} {size:7.3f} MB {found.cpu:6.2f} s {cpu:9.0%} {found.peak:5.0f} MB {peak:9.0%} {growth:>7}"
              f"{verdict}", flush=True)
    print(f"{over} over")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
