#!/usr/bin/env python3
"""Differential fuzzing: modules from `wasm-tools smith` and mutations of the example guards, run by guardc (several
levels, strict and default, guard pages and bounds checks) and by wasmtime.

Compares results, trap kinds, memories, globals and the calls of imports. NaNs are canonical on both sides. In the
default mode memory after a trap is unspecified (docs/traps.md), so comparison stops there; with strict traps it goes on.

usage: differential.py --runner guardc-fuzz-run [--wasm-tools COMMAND] [--seconds N] [--seed N] [--jobs N] [--keep DIR]
                       [--python P] [MODULE...]

Modules (.wasm or .wat, the case beside them in .json) are checked instead of generated ones. Where this interpreter has
no wasmtime package it hands over to P; exit 77 (skipped) where that is missing too.
"""

import argparse
import hashlib
import importlib.util
import json
import multiprocessing
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

VARIANTS = [
    {"opt": 0, "strict": True, "bounds": False},
    {"opt": 2, "strict": True, "bounds": False},
    {"opt": 2, "strict": False, "bounds": False},
    {"opt": 2, "strict": True, "bounds": True},
    {"opt": 1, "strict": False, "bounds": True},
    {"opt": 3, "strict": True, "bounds": False},
]
USUAL = VARIANTS[:4]
LARGE = 100_000  # bytes of wasm, from which on two variants have to do

# What guardc refuses by name and wasm-tools generates all the same.
REFUSED = ["64-bit tables", "in a 64-bit memory that stands behind a 32-bit one"]

# wasmtime names an out-of-range call_indirect a table access.
SAME = {"undefined_element": "table_out_of_bounds"}


def same_outcome(ours, theirs, types):
    from peer import one_nan

    if "trap" in theirs and "trap" in ours:
        return SAME.get(ours["trap"], ours["trap"]) == theirs["trap"]
    if "results" in theirs and "results" in ours:
        return [one_nan(t, b) for t, b in zip(types, ours["results"])] == theirs["results"]
    return False


def compare(ours, theirs, calls, types_of, state, strict):
    """The first difference between one variant and the peer, or None."""
    from peer import one_nan

    if ours.get("instantiate", {}).get("error") == "deadline":
        return None  # a machine too busy to compare
    if "calls" not in ours:
        return f"did not run: {ours}"
    for i, (a, b, call) in enumerate(zip(ours["calls"], theirs, calls)):
        if a.get("trap") == "call_stack_exhausted" or a.get("error") == "deadline":
            return None  # resource limits differ between engines: what follows is not comparable
        # Licences of the default mode (docs/traps.md): another trap that is due may come first, and a faulting access
        # may be dropped where the optimiser proves its value useless.
        if not strict and "trap" in b and ("trap" in a or b["trap"] == "memory_out_of_bounds"):
            return None
        if not same_outcome(a, b, call["results"]):
            shown = {k: v for k, v in call.items() if k != "write"}
            return f"call {i} {shown}: guardc {a}, wasmtime {b}"
        if "trap" in a and not strict:
            return None
    if state is None:
        return None
    for step, (a, b) in enumerate(zip(ours["trace"] + ["(the end)"], state["trace"] + ["(the end)"])):
        if a != b:
            return f"call {step} of an import: guardc {a}, wasmtime {b}"
    if ours["memories"] != state["memories"]:
        return f"memories differ: guardc {ours['memories']}, wasmtime {state['memories']}"
    for name, bits in state["globals"].items():
        if one_nan(types_of[name], ours["globals"].get(name, "0")) != bits:
            return f"global {name}: guardc {ours['globals'].get(name)}, wasmtime {bits}"
    return None


class Fuzzer:
    def __init__(self, runner):
        import peer

        self.engine = peer.engine()
        self.runner = subprocess.Popen([runner], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.modules = self.calls = self.findings = 0

    def close(self):
        self.runner.stdin.close()
        self.runner.wait()

    def ask(self, path, request):
        self.runner.stdin.write(json.dumps({"wasm": os.path.abspath(path), **request}) + "\n")
        self.runner.stdin.flush()
        return json.loads(self.runner.stdout.readline()) or {"crash": "no answer"}

    def check(self, path, rng, case=None, variants=None):
        """Runs one module; the case that it ran, and a text for each variant that differs."""
        import wasmtime
        from inputs import make_case, peer_can
        from peer import Peer

        wasm = pathlib.Path(path).read_bytes()
        types = self.ask(path, {"list": True})
        try:
            module = wasmtime.Module(self.engine, wasm)
        except wasmtime.WasmtimeError as error:
            return None, [f"guardc accepts the module, wasmtime does not: {error}"] if "exports" in types else []
        if "exports" not in types:
            known = types.get("read_error") == "unsupported" and any(r in types["message"] for r in REFUSED)
            return None, [] if known else [f"wasmtime accepts the module, guardc does not: {types}"]
        if not peer_can(types):
            return None, []
        case = case or make_case(rng, types)
        peer = Peer(self.engine, module, types, case)
        theirs, state, start = [], None, None
        try:
            peer.instantiate()
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            start = error
        calls = []
        if start is None:
            theirs, calls = peer.outcomes(case["calls"])
            state = peer.state() if len(calls) == len(case["calls"]) else None
        peer.close()
        if variants is None:
            variants = rng.sample(VARIANTS, 2) if len(wasm) > LARGE else [*USUAL[:3], rng.choice(VARIANTS[3:])]
        answer = self.ask(path, {**case, "variants": variants, "calls": calls})
        self.modules += 1
        if "variants" not in answer:
            return case, [f"guardc crashed: {answer}"]
        global_types = {e["name"]: e["type"] for e in types["exports"] if e["kind"] == "global"}
        global_types.update({f"{e['module']}.{e['name']}": e["type"] for e in types["imports"] if e["kind"] == "global"})
        differences = []
        for variant, ours in zip(variants, answer["variants"]):
            if start is not None:
                # A faulting access of the start function may be dropped as well. One of a segment has no frames.
                licensed = not variant["strict"] and getattr(start, "trap_code", None) == \
                    wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS and start.frames
                if "instantiate" not in ours and "fuel" not in str(start) and not licensed:
                    differences.append(f"{variant}: wasmtime refuses to instantiate ({start}), guardc does not")
                continue
            self.calls += len(ours.get("calls", []))
            difference = compare(ours, theirs, calls, global_types, state, variant["strict"])
            if difference:
                differences.append(f"{variant}: {difference}")
        return case, differences

    def report(self, path, case, differences, keep):
        self.findings += 1
        name = path
        if keep:
            wasm = pathlib.Path(path).read_bytes()
            name = pathlib.Path(keep, hashlib.sha256(wasm).hexdigest()[:16] + ".wasm")
            name.parent.mkdir(parents=True, exist_ok=True)
            name.write_bytes(wasm)
            if case:
                name.with_suffix(".json").write_text(json.dumps(case), encoding="utf-8")
        print(f"FINDING {name}", *("  " + d for d in differences), sep="\n", flush=True)


def replay(args):
    """The modules on the command line, in every variant."""
    import wasmtime
    from inputs import load_case

    fuzzer = Fuzzer(args.runner)
    with tempfile.TemporaryDirectory(prefix="guardc-fuzz-") as directory:
        for path in args.module:
            binary = path
            if path.endswith(".wat"):
                binary = os.path.join(directory, "module.wasm")
                pathlib.Path(binary).write_bytes(wasmtime.wat2wasm(pathlib.Path(path).read_text(encoding="utf-8")))
            case, differences = fuzzer.check(binary, random.Random(args.seed), load_case(path), VARIANTS)
            if differences:
                fuzzer.report(path, case, differences, None)
    fuzzer.close()
    return fuzzer.modules, fuzzer.calls, fuzzer.findings


def work(args, number):
    """New modules until the time is up."""
    from inputs import Source

    fuzzer, rng = Fuzzer(args.runner), random.Random(f"{args.seed}.{number}")
    end = time.monotonic() + args.seconds
    following = time.monotonic() + 60
    with tempfile.TemporaryDirectory(prefix="guardc-fuzz-") as directory:
        source = Source(args.wasm_tools, directory)
        while time.monotonic() < end:
            path = source.next(rng)
            case, differences = fuzzer.check(path, rng)
            if differences:
                fuzzer.report(path, case, differences, args.keep)
            if time.monotonic() > following:
                following = time.monotonic() + 60
                print(f"worker {number}: {fuzzer.modules} modules, {fuzzer.calls} calls, {fuzzer.findings} findings",
                      file=sys.stderr, flush=True)
    fuzzer.close()
    return fuzzer.modules, fuzzer.calls, fuzzer.findings


def fuzz(args):
    with multiprocessing.Pool(args.jobs) as pool:
        totals = pool.starmap(work, [(args, number) for number in range(args.jobs)])
    return [sum(column) for column in zip(*totals)]


def find_wasmtime(python):
    if importlib.util.find_spec("wasmtime"):
        return
    if python and os.path.exists(python) and os.path.abspath(python) != os.path.abspath(sys.executable):
        os.execv(python, [python, *sys.argv])
    print("skipped: no wasmtime package; scripts/venv sets up tests/agree/requirements.txt", file=sys.stderr)
    sys.exit(77)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runner", required=True)
    parser.add_argument("--wasm-tools", default="wasm-tools")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--keep", help="directory for modules that differ")
    parser.add_argument("--python", help="an interpreter that has wasmtime")
    parser.add_argument("module", nargs="*", help="check these modules instead of generated ones")
    args = parser.parse_args()
    find_wasmtime(args.python)
    modules, calls, findings = replay(args) if args.module else fuzz(args)
    print(f"{modules} modules compiled, {calls} calls compared, {findings} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
