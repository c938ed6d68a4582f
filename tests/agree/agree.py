#!/usr/bin/env python3
"""Runs generated sessions through guardc and through wasmtime: answers, errors, traps, log lines and backend calls must
be the same, byte for byte.

usage: agree.py --guardc COMMAND --batch LABEL_BATCH --cache-dir DIR [--python P] [--seed N] [--sessions N] GUARD.wasm...

Where this interpreter has no wasmtime package it hands over to P; exit 77 (skipped) where that is missing too.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import generate

# What guardc itself says through a guard's log: (level, beginning).
OWN_LINES = [(0, "call_backend: ")]
OWN_STEPS = tuple(f"log {level} {text.encode().hex()}" for level, text in OWN_LINES)
SHOWN = 5  # differences printed in full


def run_guardc(arguments, wasm, sessions):
    compile_command = [arguments.guardc, "compile", "--cache-dir", arguments.cache_dir, wasm]
    subprocess.run(compile_command, check=True, stdout=subprocess.DEVNULL)
    lines = "".join(
        json.dumps({"backend": session["backend"], "calls": [[name, text.hex()] for name, text in session["calls"]]}) + "\n"
        for session in sessions)
    done = subprocess.run([arguments.batch, wasm, arguments.cache_dir], input=lines, stdout=subprocess.PIPE, text=True)
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    for outcome in outcomes:
        outcome["trace"] = [step for step in outcome["trace"] if not step.startswith(OWN_STEPS)]
    if done.returncode != 0 or len(outcomes) != len(sessions):
        sys.exit(f"label_batch ended with {done.returncode} after {len(outcomes)} of {len(sessions)} sessions of {wasm}")
    return outcomes


def find_wasmtime(python):
    if importlib.util.find_spec("wasmtime"):
        return
    if python and os.path.exists(python) and os.path.abspath(python) != os.path.abspath(sys.executable):
        os.execv(python, [python, *sys.argv])
    print("skipped: no wasmtime package; scripts/test sets up tests/agree/requirements.txt", file=sys.stderr)
    sys.exit(77)


def run_wasmtime(wasm, sessions):
    import reference

    engine = reference.Engine(wasm)
    for session in sessions:
        guard = reference.Guard(engine, session["backend"])
        yield {"outcomes": [guard.call(name, text) for name, text in session["calls"]], "trace": guard.trace}


def readable(value):
    text = json.dumps(value)
    if isinstance(value, dict) and "answer" in value:
        text = bytes.fromhex(value["answer"]).decode("utf-8", "replace")
    return text if len(text) <= 400 else f"{text[:400]}… ({len(text)} characters)"


def differences(session, ours, theirs):
    for (name, text), our, their in zip(session["calls"], ours["outcomes"], theirs["outcomes"]):
        if our != their:
            yield f"{name} {text[:200]!r} ({len(text)} bytes)\n  guardc:   {readable(our)}\n  wasmtime: {readable(their)}"
    if ours["trace"] != theirs["trace"]:
        pairs = zip(ours["trace"] + ["(the end)"], theirs["trace"] + ["(the end)"])
        place, (our, their) = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
        yield f"what the guest did to its host, step {place}\n  guardc:   {our}\n  wasmtime: {their}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guardc", required=True)
    parser.add_argument("--batch", required=True)
    parser.add_argument("--cache-dir", required=True)
    parser.add_argument("--python")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sessions", type=int, default=40, help="per guard, of 8 calls each, beside the edge cases")
    parser.add_argument("guards", nargs="+", metavar="GUARD.wasm")
    arguments = parser.parse_args()
    find_wasmtime(arguments.python)
    total = 0
    for wasm in arguments.guards:
        sessions = generate.sessions(arguments.seed, arguments.sessions)
        ours = run_guardc(arguments, wasm, sessions)
        found = []
        kinds = {}
        for session, our, their in zip(sessions, ours, run_wasmtime(wasm, sessions)):
            found += differences(session, our, their)
            for outcome in their["outcomes"]:
                kind = outcome.get("trap") or outcome.get("error") or "answer"
                kinds[kind] = kinds.get(kind, 0) + 1
        inputs = sum(len(session["calls"]) for session in sessions)
        summary = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda pair: -pair[1]))
        print(f"{pathlib.Path(wasm).name}: {inputs} inputs ({summary}), {len(found)} differences")
        for difference in found[:SHOWN]:
            print(f"  {difference}")
        total += len(found)
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
