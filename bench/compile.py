#!/usr/bin/env python3
"""What compiling takes: time, memory, size of the artifact, and what is left of it after a change of one function.

usage: compile.py --bin DIR --out DIR [--rounds N]

Whole processes of `guardc compile` on all cores. The Rust example guard at every level, sql.js where npm has it, three
guards in which one function differs from a guard that was compiled before, and the peers: wasmtime (Cranelift), wasm2c
with clang -O2.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import real_modules
from goals import Goals

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUARD = ROOT / "examples/guards/repo-guard-rust.wasm"
SQLJS = next(module for module in real_modules.MODULES if module[0] == "sql.js")
SECONDS = {"guard -O2": 1.5, "guard -O0": 0.4, "sql.js -O2": 7.0}  # of wall time
MIB = 1 << 20
CODE_SECTION = 10


def leb(data, at):
    """An unsigned LEB128 number, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def code_section(data):
    """Begin and end of its contents."""
    at = 8
    while at < len(data):
        section, (size, begin) = data[at], leb(data, at + 1)
        if section == CODE_SECTION:
            return begin, begin + size
        at = begin + size
    sys.exit("compile: the module has no code")


def with_one_function_changed(data, share):
    """The module with another constant in one function, the first that adds one to a local after this share of all."""
    at, _ = code_section(data)
    count, at = leb(data, at)
    for index in range(count):
        size, begin = leb(data, at)
        at = begin + size
        for i in range(begin if index >= count * share else at, at - 5):
            local_get, local, i32_const, constant, i32_add = data[i:i + 5]
            if (local_get, i32_const, i32_add) == (0x20, 0x41, 0x6A) and local < 0x80 and constant < 0x40:
                return data[:i + 3] + bytes([constant ^ 8]) + data[i + 4:]
    sys.exit("compile: no function to change")


def run(command):
    """Seconds of wall and CPU time, MiB at the peak, stdout."""
    begin = time.monotonic()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"compile: {' '.join(map(str, command))} ended with {process.returncode}")
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / MIB, out


class Bench:
    def __init__(self, binaries, work, rounds):
        self.guardc, self.work, self.rounds = binaries / "guardc", work, rounds
        self.goals = Goals("compile", "Compiling", "CPU time is that of all cores. The goal for memory is 150 MiB and a "
                           "hundred times the wasm; for the artifact, three times the wasm's code section.")

    def compile(self, wasm, cache, *options):
        wall, cpu, peak, out = run([self.guardc, "compile", "--json", "--cache-dir", cache, *options, wasm])
        return wall, cpu, peak, json.loads(out)["guards"][0]

    def levels(self, name, wasm, levels, *options):
        size, (begin, end) = wasm.stat().st_size, code_section(wasm.read_bytes())
        for _ in range(self.rounds):
            for level in levels:
                what = f"{name} {level}"
                wall, cpu, peak, entry = self.compile(wasm, f"{self.work}/cache", level, "--force", "--no-reuse", *options)
                self.goals.add(what, wall * 1e9, "ns", SECONDS[what] * 1e9 if what in SECONDS else None)
                self.goals.add(f"{what}, CPU", cpu * 1e9, "ns")
                self.goals.add(f"{what}, peak memory", peak, "MiB", 150 + 100 * size / MIB)
                self.goals.add(f"{what}, artifact to code section", entry["object_size"] / (end - begin), "x",
                               3 if level == "-O2" else None)

    def one_function(self):
        data = GUARD.read_bytes()
        for _ in range(self.rounds):
            clean, clean_cpu, _, _ = self.compile(GUARD, f"{self.work}/clean", "--force", "--no-reuse")
            for share in (0.15, 0.5, 0.85):
                cache = tempfile.mkdtemp(dir=self.work)
                self.compile(GUARD, cache)
                changed = pathlib.Path(self.work) / "changed.wasm"
                changed.write_bytes(with_one_function_changed(data, share))
                wall, cpu, _, entry = self.compile(changed, cache)
                shutil.rmtree(cache)
                what = f"a function changed at {share:.0%} of the guard"
                self.goals.add(f"{what}, to all of it", wall / clean, "x", 1 / 3)
                self.goals.add(f"{what}, to all of it, CPU", cpu / clean_cpu, "x")
                self.goals.add(f"{what}, chunks compiled", entry["chunks"] - entry["chunks_reused"], "chunks")
                self.goals.add(f"{what}, chunks in all", entry["chunks"], "chunks")

    def peers(self, binaries):
        commands = {}
        if (binaries / "wasmtime_run").exists():
            commands["wasmtime"] = [binaries / "wasmtime_run", "compile", GUARD, f"{self.work}/guard.cwasm"]
        if shutil.which("wasm2c") and shutil.which("clang-19"):
            script = "wasm2c $0 -n guard -o $1/guard.c && clang-19 -O2 -w -c -I$1 -o $1/guard.o $1/guard.c"
            commands["wasm2c and clang -O2"] = ["sh", "-c", script, GUARD, self.work]
        for name, command in commands.items():
            for _ in range(min(self.rounds, 3)):
                wall, cpu, peak, _ = run(command)
                self.goals.add(f"guard, {name}", wall * 1e9, "ns")
                self.goals.add(f"guard, {name}, CPU", cpu * 1e9, "ns")
                self.goals.add(f"guard, {name}, peak memory", peak, "MiB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    out, binaries = pathlib.Path(arguments.out), pathlib.Path(arguments.bin)
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(binaries, work, arguments.rounds)
        bench.levels("guard", GUARD, ["-O0", "-O1", "-O2", "-O3"])
        bench.one_function()
        try:
            bench.levels("sql.js", real_modules.fetch(*SQLJS, out / "npm"), ["-O2"], "--profile", "wasi")
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"compile: sql.js is left out: {error}", file=sys.stderr)
        bench.peers(binaries)
        bench.goals.write(out)


if __name__ == "__main__":
    main()
