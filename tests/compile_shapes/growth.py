#!/usr/bin/env python3
"""Counts the instructions that compiling a shape takes at two sizes, and fails where they grow faster than the size.

usage: growth.py --compiler FILE [SHAPE...]

perf counts them or, some thirty times slower, cachegrind; without both it is skipped (exit status 77). One shape of
each kind, small: scripts/shapes measures all, and larger ones.
"""

import argparse
import concurrent.futures
import math
import os
import sys

import measure
from shapes import SHAPES

STEEPEST = 1.4  # exponent; what is sorted and hashed makes a little more than 1
SKIPPED = 77
# The first size; the second is twice that. Large enough that a compiler that compares all with all would show, and
# that both sizes are compiled in the same way: what costs too much goes the simple one.
FIRST = {
    "live-across-call-v128": 600,
    "results-on-stack-i32": 600,
    "changed-in-loop-i64": 1600,
    "deep-ifs": 1600,
    "divisions": 700,
    "simd-i8x16-shl": 400,
    "data-segments-moved": 1500,
    "globals-mutable": 6000,
    "functions-chain": 700,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", required=True)
    parser.add_argument("shapes", nargs="*")
    arguments = parser.parse_args()
    count = measure.counter(arguments.compiler)
    if count is None:
        print("shapes: skipped: neither perf nor valgrind counts instructions here")
        return SKIPPED
    names = arguments.shapes or list(FIRST)
    modules = {name: [SHAPES[name].make(FIRST[name] * factor) for factor in (1, 2)] for name in names}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        base = pool.submit(count, b"\0asm\1\0\0\0")
        counts = {name: [pool.submit(count, module) for module in modules[name]] for name in names}
    steep = 0
    for name in names:
        small, large = modules[name]
        results = [counted.result() for counted in counts[name]]
        if None in results:
            print(f"{name:24} does not compile")
            steep += 1
            continue
        less, more = (max(1, c - base.result()) for c in results)
        exponent = math.log(more / less) / math.log(len(large) / len(small))
        steep += exponent > STEEPEST
        print(f"{name:24} {len(large):9,} bytes {more:15,} instructions, exponent {exponent:5.2f}"
              f"{'  too steep' if exponent > STEEPEST else ''}")
    return 1 if steep else 0


if __name__ == "__main__":
    sys.exit(main())
