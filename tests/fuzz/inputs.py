"""Differential fuzzing: where modules come from, and what is called on them.

A case is what both engines are asked to do with a module:
  {"grow": PAGES to add to the exported "memory" first,
   "calls": [{"func", "types", "results", "args": [BITS], "write": [ADDRESS, HEX] before the call, or none}],
   "stubs": {"module.name": {"results": [BITS], "writes": [[INDEX of the argument that is the address, HEX]]}},
   "globals": {"module.name": BITS of an imported global}}
"""

import json
import os
import pathlib
import subprocess
import sys

from peer import NUMBERS, REFERENCES, random_bits

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/agree"))
import generate  # noqa: E402  sessions of label calls

SMITH = {
    "min-exports": 1, "export-everything": True, "bulk-memory-enabled": True, "reference-types-enabled": True,
    "simd-enabled": True, "relaxed-simd-enabled": False, "multi-value-enabled": True, "tail-call-enabled": True,
    "exceptions-enabled": False, "gc-enabled": False, "max-memory32-bytes": 1 << 20, "max-memory64-bytes": 1 << 20,
    "max-tables": 2, "max-table-elements": 1000, "canonicalize-nans": False, "saturating-float-to-int-enabled": True,
    "sign-extension-ops-enabled": True, "min-funcs": 1, "max-funcs": 12, "extended-const-enabled": True,
    "custom-page-sizes-enabled": False, "wide-arithmetic-enabled": False, "shared-everything-threads-enabled": False,
    "generate-custom-sections": False, "allow-start-export": True, "custom-descriptors-enabled": False,
    "compact-imports-enabled": False,
}

GUARDS = [str(ROOT / f"examples/guards/repo-guard-{language}.wasm") for language in ("as", "c", "rust")]
GUARD_SHARES = [10, 10, 1]  # the Rust guard takes ten times longer to compile
MUTATIONS = [1, 1, 2, 3, 5, 10, 20]

INPUT_PAGES = 6  # behind the guest's own memory: four for the request, two for the answer
PAGE = 65536


class Source:
    def __init__(self, wasm_tools, directory):
        self.wasm_tools, self.directory = wasm_tools, directory

    def tool(self, *arguments):
        return subprocess.run([self.wasm_tools, *arguments], capture_output=True, text=True)

    def next(self, rng):
        """The path of a new module."""
        return self.mutated_guard(rng) if rng.random() < 0.3 else self.smith(rng)

    def smith(self, rng):
        seed, out = os.path.join(self.directory, "seed"), os.path.join(self.directory, "module.wasm")
        with open(seed, "wb") as f:
            f.write(rng.randbytes(rng.choice([256, 1024, 4096])))
        options = {
            **SMITH,
            "max-imports": rng.choice([0, 0, 4]), "max-memories": rng.choice([1, 2]),
            "memory64-enabled": rng.random() < 0.15, "threads-enabled": rng.random() < 0.1,
            # Most modules trap early; those that cannot go further.
            "disallow-traps": rng.random() < 0.3, "max-instructions": rng.choice([100, 400, 400, 2000]),
        }
        flags = ["--ensure-termination", *(f"--{name}={str(value).lower()}" for name, value in options.items())]
        done = self.tool("smith", *flags, seed, "-o", out)
        if done.returncode != 0:
            raise SystemExit(f"wasm-tools smith failed: {done.stderr.strip()}")
        return out

    def mutated_guard(self, rng):
        current = rng.choices(GUARDS, GUARD_SHARES)[0]
        for step in range(rng.choice(MUTATIONS)):
            out = os.path.join(self.directory, f"mutated-{step % 2}.wasm")
            # It fails where the seed's mutation does not apply; what there is by then is good enough.
            if self.tool("mutate", "--seed", str(rng.getrandbits(32)), current, "-o", out).returncode == 0:
                current = out
        return current


def random_calls(rng, exports, count):
    for e in exports:
        if e["kind"] != "func" or not set(e["params"]) <= NUMBERS or not set(e["results"]) <= NUMBERS | REFERENCES:
            continue
        for _ in range(count):
            yield {"func": e["name"], "types": e["params"], "results": e["results"],
                   "args": [random_bits(rng, p) for p in e["params"]]}


def guard_stubs(rng, backend):
    answer = rng.choice(list(backend.values()) or ["{}"]).encode()
    wasi = "wasi_snapshot_preview1."
    bad = {"results": ["8"]}  # EBADF
    call_backend = {"results": [str(len(answer))], "writes": [[4, answer.hex()]]}
    return {
        "env.call_backend": call_backend if rng.random() < 0.7 else {"results": [str(0xFFFFFFFF)]},
        wasi + "random_get": {"results": ["0"], "writes": [[0, rng.randbytes(8).hex()]]},
        wasi + "clock_time_get": {"results": ["0"], "writes": [[2, rng.randbytes(8).hex()]]},
        wasi + "environ_sizes_get": {"results": ["0"], "writes": [[0, "00000000"], [1, "00000000"]]},
        wasi + "environ_get": {"results": ["0"]},
        wasi + "poll_oneoff": {"results": ["0"], "writes": [[3, "01000000"]]},
        wasi + "fd_write": bad, wasi + "fd_seek": bad, wasi + "fd_close": bad,
    }


def label_calls(rng, types, session):
    """A session of label calls, their requests behind the guest's own memory; other exports with arguments at random."""
    begin = next((e["min"] for e in types["exports"] if e["kind"] == "memory" and e["name"] == "memory"), 0) * PAGE
    by_name = {e["name"]: e for e in types["exports"] if e["kind"] == "func"}
    if "_initialize" in by_name and not by_name["_initialize"]["params"]:
        yield {"func": "_initialize", "types": [], "results": by_name["_initialize"]["results"], "args": []}
    for name, text in session["calls"]:
        entry = by_name.get(name)
        if entry and entry["params"] == ["i32"] * 4 and entry["results"] == ["i32"] and len(text) <= 4 * PAGE:
            arguments = [begin, len(text), begin + 4 * PAGE, 2 * PAGE]
            yield {"func": name, "types": entry["params"], "results": entry["results"],
                   "args": [str(a) for a in arguments], "write": [begin, text.hex()]}
    yield from random_calls(rng, types["exports"], 1)


def make_case(rng, types):
    names = {e["name"] for e in types["exports"]}
    case = {"grow": 0, "stubs": {}, "globals": {}}
    for entry in types["imports"]:
        name = f"{entry['module']}.{entry['name']}"
        if entry["kind"] == "func":
            case["stubs"][name] = {"results": [random_bits(rng, t) for t in entry["results"]]}
        elif entry["kind"] == "global":
            case["globals"][name] = random_bits(rng, entry["type"])
    if "label_response" in names:
        session = generate.Generator(rng.getrandbits(32)).session(8)
        case["grow"] = INPUT_PAGES
        case["calls"] = list(label_calls(rng, types, session))
        known = guard_stubs(rng, session["backend"])
        for name, stub in case["stubs"].items():
            if len(known.get(name, {}).get("results", [])) == len(stub["results"]):
                stub.update(known.get(name, {}))
    else:
        case["calls"] = list(random_calls(rng, types["exports"], 3))
    return case


def peer_can(types):
    """wasmtime's C API cannot make imports with a v128, and its Python package cannot look into shared memories."""
    return not any("v128" in (e.get("type"), *e.get("params", []), *e.get("results", [])) for e in types["imports"]) \
        and not any(e.get("is_shared") for e in types["imports"] + types["exports"])


def load_case(path):
    """The case kept beside a module (x.json beside x.wasm or x.wat), or None."""
    beside = pathlib.Path(path).with_suffix(".json")
    return json.loads(beside.read_text(encoding="utf-8")) if beside.exists() else None
