#!/usr/bin/env python3
"""Counts the instructions of label calls under callgrind, and compares them with bench/counts.json.

usage: counts.py --bin DIR --compiler TEXT [--update]

Where times are noise, counts hold still: a call may take at most 3 % more instructions than the file says. Fewer are
fine, and worth an --update in the same commit. Counts hold for what they were made with (compilers and libraries);
elsewhere, and without valgrind, the comparison is skipped (exit status 77).
"""

import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

import label_calls

HERE = pathlib.Path(__file__).resolve().parent
COUNTS = HERE / "counts.json"
LIMIT = 1.03
SKIPPED = 77
REPEATS = {"label_agent": 50, "label_resource": 100, "label_response": 4}
MODES = {"inside": "guest", "typed": "typed"}
# The plainest implementations of what picks one by the CPU, so that counts are those of any x86-64. Also, callgrind
# takes a `rep movsb` for as many instructions as bytes.
ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX512F,-ERMS,-FSRM", "SIMDJSON_FORCE_IMPLEMENTATION": "westmere"}


def count(command, lines, environment):
    """Instructions of a process that is asked `lines`."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run([*valgrind, *command], input="".join(lines), text=True, env=environment, check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not collected:
        sys.exit(f"counts: {' '.join(map(str, command))} failed under callgrind:\n{done.stderr}")
    return int(collected.group(1))


def compile_guard(binaries, cache):
    """The LLVM that it was compiled with."""
    subprocess.run([f"{binaries}/guardc", "compile", "--cache-dir", cache, label_calls.GUARD], check=True,
                   stdout=subprocess.DEVNULL)
    manifest = next(pathlib.Path(cache).rglob("manifest.json"))
    return json.loads(manifest.read_text("utf-8"))["llvm_version"]


def measure(binaries, work, cache):
    environment = {**label_calls.write_inputs(work), **ENVIRONMENT}
    line = lambda function, name, repeats: f"{function} {work}/{name}.json {repeats}\n"
    found = {}
    for suffix, mode in MODES.items():
        command = [f"{binaries}/label_guardc", mode, cache, label_calls.GUARD]
        once = [line(function, name, 1) for _, function, name in label_calls.ROWS]
        base = count(command, once, environment)
        for i, (row, function, name) in enumerate(label_calls.ROWS):
            repeats = REPEATS[function]
            more = [*once[:i], line(function, name, 1 + repeats), *once[i + 1:]]
            found[f"{row}, {suffix}"] = round((count(command, more, environment) - base) / repeats)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--compiler", required=True, help="the host's, which the counts depend on as well")
    parser.add_argument("--update", action="store_true", help="write counts.json instead")
    arguments = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("counts: skipped: there is no valgrind")
        return SKIPPED
    known = json.loads(COUNTS.read_text("utf-8")) if COUNTS.exists() else {}
    binaries = pathlib.Path(arguments.bin)
    with tempfile.TemporaryDirectory() as work:
        llvm = compile_guard(binaries, f"{work}/cache")
        made_with = ", ".join([f"LLVM {llvm}", arguments.compiler, " ".join(platform.libc_ver()), platform.machine()])
        if not arguments.update and known.get("made_with") != made_with:
            print(f"counts: skipped: {COUNTS.name} was made with {known.get('made_with')}; this is {made_with}")
            return SKIPPED
        found = measure(binaries, work, f"{work}/cache")
    if arguments.update:
        COUNTS.write_text(json.dumps({"made_with": made_with, "instructions": found}, indent=2) + "\n", "utf-8")
        return 0
    worse = 0
    for row, now in found.items():
        before = known["instructions"].get(row)
        ratio = now / before if before else float("inf")
        verdict = "too many" if ratio > LIMIT else "fewer: run counts.py --update" if ratio < 2 - LIMIT else "as before"
        worse += ratio > LIMIT
        print(f"{row:45} {now:12,} {ratio:7.3f}  {verdict}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
