#!/usr/bin/env python3
"""CPU kernels (bench/kernels) as WASI commands through `guardc exec`, beside the same C compiled for the machine and the
peers: wasm2c with clang -O2, wasmtime with epochs.

usage: kernels.py --bin DIR --peers DIR --out DIR [--only NAME,...] [--rounds N] [--simd]

The kernels time themselves, so starting a process is no part of a figure; hello is a whole process. With --simd the wasm
is compiled with -msimd128; native code is the same (clang -O2 for the baseline x86-64).
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

HERE = pathlib.Path(__file__).resolve().parent
NAMES = sorted(path.stem for path in (HERE / "kernels").glob("*.c") if path.stem not in ("main", "hello"))
CLANG = ["clang-19", "-O2", "-Wall", "-Wextra"]
RUNS = "2"  # in one process


def build(name, work, options):
    """The native program and the module."""
    sources = [HERE / "kernels" / f"{name}.c"] + ([HERE / "kernels/main.c"] if name != "hello" else [])
    native, wasm = f"{work}/{name}", f"{work}/{name}.wasm"
    subprocess.run([*CLANG, *sources, "-lm", "-o", native], check=True)
    subprocess.run([*CLANG, "--target=wasm32-wasi", *options, *sources, "-o", wasm], check=True)
    return native, wasm


def contestants(name, work, arguments):
    """What runs the kernel, compiled beforehand: (contestant, command)."""
    binaries = pathlib.Path(arguments.bin)
    native, wasm = build(name, work, ["-msimd128"] if arguments.simd else [])
    yield "native", [native]
    guardc, cache = str(binaries / "guardc"), f"{work}/cache"
    made = subprocess.run([guardc, "compile", "--profile", "wasi", "--cache-dir", cache, "--json", wasm], check=True,
                          stdout=subprocess.PIPE)
    yield "guardc", [guardc, "exec", "--cache-dir", cache, wasm]
    if name == "hello":  # what was compiled itself, as with wasmtime, instead of looking it up by the module's hash
        yield "guardc, by its entry", [guardc, "exec", json.loads(made.stdout)["guards"][0]["path"]]
    if not arguments.simd:  # Debian's wasm2c knows no SIMD
        command = [str(HERE / "build_peers"), "--wasm2c", wasm, f"{work}/{name}.wasm2c"]
        if subprocess.run(command, check=False).returncode == 0:
            yield "wasm2c", [f"{work}/{name}.wasm2c"]
    if (binaries / "wasmtime_run").exists():
        wasmtime = str(binaries / "wasmtime_run")
        subprocess.run([wasmtime, "compile", wasm, f"{work}/{name}.cwasm"], check=True)
        yield "wasmtime", [wasmtime, f"{work}/{name}.cwasm"]


def measure(command):
    """Nanoseconds of each run of the kernel, and their results."""
    lines = subprocess.run([*command, RUNS], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return [int(line.split()[0]) for line in lines], [line.split()[1] for line in lines]


def whole_process(command):
    start = time.perf_counter_ns()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter_ns() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--simd", action="store_true")
    arguments = parser.parse_args()
    only = arguments.only.split(",") if arguments.only else [*NAMES, "hello"]
    names = [name for name in only if name != "hello"]
    suffix = ", -msimd128" if arguments.simd else ""
    report = Report("kernels_simd" if arguments.simd else "kernels", f"C kernels{suffix}")
    with tempfile.TemporaryDirectory() as work:
        made = {name: list(contestants(name, work, arguments)) for name in names}
        for _ in range(arguments.rounds):
            for name in names:
                answers = {}
                for contestant, command in made[name]:
                    times, answers[contestant] = measure(command)
                    for nanoseconds in times:
                        report.add(name, contestant, nanoseconds)
                if len({tuple(answer) for answer in answers.values()}) != 1:
                    sys.exit(f"{name}: the contestants do not agree: {answers}")
        if names:
            report.write(arguments.out)
        if "hello" in only and not arguments.simd:
            hello = Report("hello", "Hello world, whole process", ours=("guardc", "guardc, by its entry"))
            made = list(contestants("hello", work, arguments))
            for _ in range(10 * arguments.rounds):
                for contestant, command in made:
                    hello.add("hello", contestant, whole_process(command))
            hello.write(arguments.out)


if __name__ == "__main__":
    main()
