#!/usr/bin/env python3
"""Compiles real modules out of npm packages, and runs those of their exports that take numbers beside wasmtime.

usage: real_modules.py --bin DIR --out DIR [--only TEXT] [--largest MB]

DIR holds guardc and guardc-fuzz-run; npm fetches the packages into OUT/npm. Prints a Markdown table and writes it to
OUT/real_modules.md and .json; bench/results/real_modules.md in the repository is such a table.

Imports are stubs that answer zero on both sides. A call that traps in wasmtime or runs too long there is left out, and
everything begins anew, so that what is compared is a whole run: results, calls of imports, memories and globals.
"""

import argparse
import concurrent.futures
import json
import math
import os
import pathlib
import platform
import random
import subprocess
import sys
import tarfile
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/fuzz"))

# (package, version, module in it)
MODULES = [
    ("web-tree-sitter", "0.27.1", "web-tree-sitter.wasm"),
    ("@wasm-fmt/gofmt", "0.7.3", "gofmt.wasm"),
    ("draco3d", "1.5.9", "draco_decoder.wasm"),
    ("harfbuzzjs", "1.6.4", "dist/harfbuzz.wasm"),
    ("@jitl/quickjs-wasmfile-release-sync", "0.32.0", "dist/emscripten-module.wasm"),
    ("@rollup/wasm-node", "4.68.4", "dist/wasm-node/bindings_wasm_bg.wasm"),
    ("harfbuzzjs", "1.6.4", "dist/harfbuzz-subset.wasm"),
    ("sql.js", "1.16.0", "dist/sql-wasm.wasm"),
    ("@sqlite.org/sqlite-wasm", "3.41.2", "sqlite-wasm/jswasm/sqlite3.wasm"),
    ("@dqbd/tiktoken", "1.0.22", "lite/tiktoken_bg.wasm"),
    ("tree-sitter-typescript", "0.23.2", "tree-sitter-typescript.wasm"),
    ("@oxc-parser/binding-wasm32-wasi", "0.154.0", "parser.wasm32-wasi.wasm"),
    ("@resvg/resvg-wasm", "2.6.2", "index_bg.wasm"),
    ("@wasm-fmt/clang-format", "23.1.0", "clang-format-cli.wasm"),
    ("@dimforge/rapier3d", "0.21.0", "rapier_wasm3d_bg.wasm"),
    ("@astrojs/compiler", "4.0.0", "dist/astro.wasm"),
    ("canvaskit-wasm", "0.42.0", "bin/canvaskit.wasm"),
    ("@electric-sql/pglite", "0.5.16", "dist/pglite.wasm"),
    ("esbuild-wasm", "0.28.2", "esbuild.wasm"),
    ("lightningcss-wasm", "1.33.0", "lightningcss_node.wasm"),
    ("@ruby/3.3-wasm-wasi", "2.10.1", "dist/ruby.wasm"),
]
CALLS = 200  # of a module's exports, at most
ROUNDS = 40  # begin anew at most so often
MIB = 1 << 20


def fetch(package, version, member, directory):
    """The module's path; npm packs the package where it is not there yet."""
    target = directory / f"{package.replace('/', '-').lstrip('@')}-{version}" / member
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as work:
            subprocess.run(["npm", "pack", "--silent", "--pack-destination", work, f"{package}@{version}"], check=True,
                           stdout=subprocess.DEVNULL)
            with tarfile.open(next(pathlib.Path(work).glob("*.tgz"))) as tar:
                target.write_bytes(tar.extractfile(f"package/{member}").read())
    return target


def compile_module(guardc, wasm, cache):
    """What it took: the entry, or why it was refused."""
    command = [guardc, "compile", "--profile", "wasi", "--force", "--no-reuse", "--json", "--cache-dir", cache, str(wasm)]
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    row = {"wall_s": time.monotonic() - begin, "cpu_s": usage.ru_utime + usage.ru_stime,
           "peak_mib": usage.ru_maxrss * 1024 / MIB}
    if process.returncode != 0:
        return {**row, "refused": err.strip().removeprefix("guardc: ")}
    entry = json.loads(out)["guards"][0]
    return {**row, "object_mb": entry["object_size"] / 1e6, "phases": {p["phase"]: p["ms"] for p in entry["phases"]}}


class Runner:
    """Runs modules in guardc and in wasmtime, as the differential fuzzer does."""

    def __init__(self, command, cache):
        import wasmtime
        from differential import Fuzzer

        config = wasmtime.Config()
        config.consume_fuel = True
        config.cranelift_opt_level = "none"
        self.engine = wasmtime.Engine(config)
        self.fuzzer, self.cache = Fuzzer(command), cache

    def case(self, types):
        from inputs import random_calls

        calls = list(random_calls(random.Random(1), types["exports"], 1))
        first = [c for c in calls if c["func"] in ("_initialize", "__wasm_call_ctors")]
        case = {"grow": 0, "globals": {}, "stubs": {}, "calls": first + [c for c in calls if c not in first][:CALLS]}
        for call in case["calls"]:
            call["args"] = [str(int(bits) % 64) for bits in call["args"]]
        for entry in types["imports"]:
            name = f"{entry['module']}.{entry['name']}"
            if entry["kind"] == "func":
                case["stubs"][name] = {"results": ["0" for _ in entry["results"]]}
            elif entry["kind"] == "global":
                case["globals"][name] = "0"
        return case

    def run(self, wasm):
        """What came of it, as a text."""
        import wasmtime
        from differential import compare
        from inputs import peer_can
        from peer import Peer

        types = self.fuzzer.ask(wasm, {"list": True})
        if not peer_can(types):
            return "not run: imports shared memory"
        case = self.case(types)
        module = wasmtime.Module(self.engine, wasm.read_bytes())
        for _ in range(ROUNDS):
            peer = Peer(self.engine, module, types, case)
            try:
                peer.instantiate()
            except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
                return f"not run: {str(error).splitlines()[0]}"
            theirs = []
            for number, call in enumerate(case["calls"]):
                outcome = peer.outcome(call)
                if "results" not in outcome:
                    del case["calls"][number]
                    break
                theirs.append(outcome)
            else:
                state = peer.state()
                peer.close()
                break
            peer.close()
        else:
            case["calls"], theirs, state = case["calls"][:len(theirs)], theirs, None
        answer = self.fuzzer.ask(wasm, {**case, "cache": self.cache, "variants": [{"opt": 2, "nans": False}]})
        if "variants" not in answer:
            return f"guardc: {answer}"
        global_types = {e["name"]: e["type"] for e in types["exports"] if e["kind"] == "global"}
        global_types.update({f"{e['module']}.{e['name']}": e["type"] for e in types["imports"] if e["kind"] == "global"})
        difference = compare(answer["variants"][0], theirs, case["calls"], global_types, state, False)
        if difference:
            return f"differs: {difference[:300]}"
        if not theirs:
            return "instantiated; no call without a trap"
        return f"{len(theirs)} calls agree"


def table(rows):
    yield f"Real modules, profile `wasi`, -O2 ({platform.machine()}, {os.cpu_count()} cores)\n"
    yield "| module | wasm | compiled in | CPU | CPU per MB | peak memory | artifact | run beside wasmtime |"
    yield "|---|---:|---:|---:|---:|---:|---:|---|"
    for row in rows:
        size = row["wasm_mb"]
        artifact = f"{row['object_mb']:.2f} MB" if "object_mb" in row else "refused"
        outcome = row.get("refused") or row.get("ran", "")
        yield (f"| {row['name']} | {size:.2f} MB | {row['wall_s']:.1f} s | {row['cpu_s']:.1f} s | {row['cpu_s'] / size:.1f} s "
               f"| {row['peak_mib']:.0f} MiB | {artifact} | {outcome} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--only", default="", help="modules whose name contains this")
    parser.add_argument("--largest", type=float, default=math.inf, help="leaves out modules of more MB")
    arguments = parser.parse_args()
    out, binaries = pathlib.Path(arguments.out), pathlib.Path(arguments.bin)
    rows = []
    # Compiles start from a small process of their own: the kernel counts what memory a process had before it became
    # another program as that program's, and wasmtime takes much of ours.
    with tempfile.TemporaryDirectory() as cache, concurrent.futures.ProcessPoolExecutor(1) as compiler:
        compiler.submit(int).result()
        runner = Runner(str(binaries / "guardc-fuzz-run"), cache)
        for package, version, member in MODULES:
            name = f"{package} {version}, {pathlib.Path(member).name}"
            if arguments.only not in name:
                continue
            wasm = fetch(package, version, member, out / "npm")
            if wasm.stat().st_size > arguments.largest * 1e6:
                continue
            row = {"name": name, "wasm_mb": wasm.stat().st_size / 1e6,
                   **compiler.submit(compile_module, str(binaries / "guardc"), wasm, cache).result()}
            if "refused" not in row:
                row["ran"] = runner.run(wasm)
            rows.append(row)
            print(list(table([row]))[-1], file=sys.stderr, flush=True)
    text = "\n".join(table(rows)) + "\n"
    print(text, end="")
    (out / "real_modules.md").write_text(text, encoding="utf-8")
    (out / "real_modules.json").write_text(json.dumps({"real_modules": rows}, indent=2) + "\n", encoding="utf-8")
    return 1 if any("differs" in row.get("ran", "") or "guardc:" in row.get("ran", "") for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
