#!/usr/bin/env python3
"""Every WASI function with good, bad and edge arguments in a sandbox without files, through guardc and through wasmtime:
the errno and what is written to memory must be the same. Where guardc means to differ, DIFFERENT says why.

usage: wasi.py --guardc COMMAND --batch WASI_BATCH [--python P]

Where this interpreter has no wasmtime package it hands over to P; exit 77 (skipped) where that is missing too.
"""

import argparse
import itertools
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from agree import find_wasmtime

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
END = 65536  # of memory
FDS = [0, 1, 2, 3, -1]
POINTERS = [64, END - 4, END - 1, END, -1]
# In memory: iovecs at 1024 (good), 1040 (one beyond memory), 1056 (a list), paths at 2048, subscriptions at 3072.
DATA = {
    1024: (2100, 5), 1032: (2048, 3), 1040: (2048, 1), 1048: (END - 2, 3), 1056: (0, 0), 1064: (2048, 1),
}
TEXT = {2048: b"file/../name\0", 2100: b"hello"}


def subscription(userdata, tag, *, clock=0, timeout=0, flags=0, fd=0):
    head = userdata.to_bytes(8, "little") + bytes([tag]) + bytes(7)
    if tag == 0:
        return head + clock.to_bytes(4, "little") + bytes(4) + timeout.to_bytes(8, "little") + bytes(8) \
            + flags.to_bytes(2, "little") + bytes(6)
    return head + fd.to_bytes(4, "little", signed=True) + bytes(28)


SUBSCRIPTIONS = [
    subscription(1, 0, clock=1, timeout=1000), subscription(2, 0, clock=0, timeout=1, flags=1),
    subscription(3, 1, fd=0), subscription(4, 2, fd=1), subscription(5, 2, fd=9), subscription(6, 0, clock=7, timeout=1),
    subscription(7, 9), subscription(8, 1, fd=1), subscription(9, 2, fd=0),
]


def cases():
    """(function, arguments)"""
    def product(name, *columns):
        yield from ((name, arguments) for arguments in itertools.product(*columns))

    for name in ("args_get", "environ_get", "args_sizes_get", "environ_sizes_get"):
        yield from product(name, POINTERS, [128, END - 8, END - 7, END, -1])
    yield from product("clock_res_get", [0, 1, 2, 3, 4, -1], POINTERS)
    yield from product("clock_time_get", [0, 1, 2, 3, 4, -1], [0, 1 << 40], POINTERS)
    yield from product("fd_advise", FDS, [0], [0, 5], [0, 5, 6])
    yield from product("fd_allocate", FDS, [0], [0, 5])
    for name in ("fd_close", "fd_datasync", "fd_sync"):
        yield from product(name, FDS)
    for name in ("fd_fdstat_get", "fd_filestat_get", "fd_prestat_get", "fd_tell"):
        yield from product(name, FDS, POINTERS)
    yield from product("fd_fdstat_set_flags", FDS, [0, 1, 4, 32, 65536])
    yield from product("fd_fdstat_set_rights", FDS, [0, 2], [0])
    yield from product("fd_filestat_set_size", FDS, [0, 10])
    yield from product("fd_filestat_set_times", FDS, [0], [0], [0, 3, 12, 16])
    for name in ("fd_pread", "fd_pwrite"):
        yield from product(name, FDS, [1024, END], [0, 1], [0], [64, END])
    yield from product("fd_prestat_dir_name", FDS, POINTERS, [0, 8])
    for name in ("fd_read", "fd_write"):
        yield from product(name, FDS, [1024, 1040, 1056, END - 4, END], [0, 1, 2, -1], [64, END - 3, END])
    yield from product("fd_readdir", FDS, [64, END], [0, 64], [0], [64, END])
    yield from product("fd_renumber", FDS, FDS)
    yield from product("fd_seek", FDS, [0, -1, 7], [0, 1, 2, 3], [64, END])
    for name in ("path_create_directory", "path_remove_directory", "path_unlink_file"):
        yield from product(name, FDS, [2048, END], [0, 12])
    yield from product("path_filestat_get", FDS, [0, 1], [2048, END], [12], [64, END])
    yield from product("path_filestat_set_times", FDS, [0], [2048], [12], [0], [0], [0, 3])
    yield from product("path_link", FDS, [0], [2048], [12], FDS, [2048], [4])
    yield from product("path_open", FDS, [0], [2048, END], [0, 12], [0], [0], [0], [0], [64, END])
    yield from product("path_readlink", FDS, [2048], [12], [64], [0, 8], [64, END])
    yield from product("path_rename", FDS, [2048], [12], FDS, [2048], [4])
    yield from product("path_symlink", [2048], [12], FDS, [2048], [4])
    for index in range(len(SUBSCRIPTIONS)):
        yield ("poll_oneoff", (3072 + 48 * index, 8192, 1, 64))
    yield from product("poll_oneoff", [3072, END - 8, END], [8192, END], [0, 1, 3], [64, END])
    yield from product("random_get", POINTERS, [0, 4, -1])
    yield from product("proc_raise", [0, 6, 15, 31, 255])
    yield ("sched_yield", ())
    yield from product("sock_accept", FDS, [0, 4], [64, END])
    yield from product("sock_recv", FDS, [1024, END], [1], [0], [64], [68])
    yield from product("sock_send", FDS, [1024, END], [1], [0], [64])
    yield from product("sock_shutdown", FDS, [0, 1, 3, 4])


SUCCESS, BADF, FAULT, INVAL, NOMEM = 0, 8, 21, 28, 48
NOT_THAT_KIND = {INVAL, 54, 57, 58, 70}  # EINVAL, ENOTDIR, ENOTSOCK, ENOTSUP, ESPIPE
ARGUMENTS = ["program", "argument"]
ENVIRONMENT = ("NAME", "value")

# Function -> whether the errnos (ours, wasmtime's) may differ as they do.
DIFFERENT = {
    # The clocks of processes and threads are there.
    "clock_res_get": lambda arguments, mine, other: arguments[0] in (2, 3) and other == BADF,
    "clock_time_get": lambda arguments, mine, other: arguments[0] in (2, 3) and other == BADF,
    # Rights that wasmtime does not tell, and none to inherit.
    "fd_fdstat_get": lambda arguments, mine, other: mine == other == SUCCESS,
    "fd_fdstat_set_flags": lambda arguments, mine, other: mine == SUCCESS and arguments[1] in (0, 1, 4),
    "fd_filestat_set_times": lambda arguments, mine, other: mine in NOT_THAT_KIND | {BADF} and other in (BADF, INVAL),
    "path_filestat_set_times": lambda arguments, mine, other: mine in {54, BADF} and other in (BADF, INVAL),
    # No directory is open, so that every descriptor is a bad one here, as for fd_prestat_get.
    "fd_prestat_dir_name": lambda arguments, mine, other: mine == BADF,
    # wasmtime takes the first vector alone, and no more than 1024.
    "fd_read": lambda arguments, mine, other: mine in (BADF, FAULT) and (other == NOMEM or arguments[1] == 1040),
    "fd_write": lambda arguments, mine, other: mine in (BADF, FAULT) and (other == NOMEM or arguments[1] == 1040)
    or mine == other == SUCCESS and arguments[2] == 2,
    # What is wrong with one subscription is told in its event.
    "poll_oneoff": lambda arguments, mine, other: mine == SUCCESS and other in (BADF, INVAL) and arguments[2] == 1,
}

# Not what is written, only the errno: time, randomness.
UNPREDICTABLE = {"clock_time_get", "clock_res_get", "random_get", "poll_oneoff"}


def signatures():
    """name -> parameter types, as artifact/host_imports.cc has them."""
    text = (ROOT / "artifact/host_imports.cc").read_text(encoding="utf-8")
    rows = re.findall(r'\{kWasi, "(\w+)", "([il]*)"(, false)?\}', text)
    if len(rows) != text.count("{kWasi,") or not rows:
        sys.exit(f"wasi.py reads {len(rows)} of the {text.count('{kWasi,')} functions in artifact/host_imports.cc")
    return {name: ["i64" if c == "l" else "i32" for c in params] for name, params, _ in rows if name != "proc_exit"}


def literal(data):
    return '"' + "".join(f"\\{byte:02x}" for byte in data) + '"'


def module(table, types):
    """Its export "case" runs the case of that number: (errno, hash of memory)."""
    lines = ["(module", "(type $case (func (result i32 i32)))"]
    for name, params in types.items():
        lines.append(f'(import "wasi_snapshot_preview1" "{name}" (func ${name} (param {" ".join(params)}) (result i32)))')
    lines.append('(memory (export "memory") 1 1)')
    for address, pair in DATA.items():
        lines.append(f"(data (i32.const {address}) {literal(b''.join(n.to_bytes(4, 'little') for n in pair))})")
    for address, text in TEXT.items():
        lines.append(f"(data (i32.const {address}) {literal(text)})")
    lines.append(f"(data (i32.const 3072) {literal(b''.join(SUBSCRIPTIONS))})")
    lines.append("""(func $hash (result i32) (local $i i32) (local $h i32)
      (local.set $h (i32.const 0x811c9dc5))
      (loop $again
        (local.set $h (i32.mul (i32.xor (local.get $h) (i32.load (local.get $i))) (i32.const 0x01000193)))
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 65536))))
      (local.get $h))""")
    for number, (name, arguments) in enumerate(table):
        pushed = " ".join(f"({ty}.const {value})" for ty, value in zip(types[name], arguments))
        hashed = "(i32.const 0)" if name in UNPREDICTABLE else "(call $hash)"
        lines.append(f"(func $case{number} (type $case) (call ${name} {pushed}) {hashed})")
    lines.append(f"(table funcref (elem {' '.join(f'$case{number}' for number in range(len(table)))}))")
    lines.append("""(func (export "case") (param i32) (result i32 i32) (call_indirect (type $case) (local.get 0)))""")
    return "\n".join([*lines, ")"])


def theirs(wasm, count):
    import wasmtime

    engine = wasmtime.Engine()
    compiled = wasmtime.Module(engine, wasm)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    for number in range(count):
        store = wasmtime.Store(engine)
        config = wasmtime.WasiConfig()
        config.argv = ARGUMENTS
        config.env = [ENVIRONMENT]
        store.set_wasi(config)
        instance = linker.instantiate(store, compiled)
        try:
            errno, digest = instance.exports(store)["case"](store, number)
            yield errno, digest & 0xFFFFFFFF
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            yield "trap", str(error).splitlines()[-1].strip()


def ours(arguments, path, work, count):
    subprocess.run([arguments.guardc, "compile", "--profile", "wasi", "-O0", "--cache-dir", work, path], check=True,
                   stdout=subprocess.DEVNULL)
    command = [arguments.batch, path, work, str(count), "=".join(ENVIRONMENT), *ARGUMENTS]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    for line in lines:
        yield tuple(line.split(" ", 1)) if line.startswith("trap") else tuple(int(word) for word in line.split())


def acceptable(name, arguments, mine, other, untouched):
    """Whether guardc's outcome is right beside wasmtime's."""
    if mine[0] == "trap" or (mine[0] != SUCCESS and mine[1] != untouched and name not in UNPREDICTABLE):
        return False  # guardc never traps, and writes nothing where it fails
    if mine == other or (mine[0] != SUCCESS and mine[0] == other[0]):
        return True
    if other[0] == "trap":
        # wasmtime traps on bad pointers, flags and enumerations, and on unaligned pointers, which guardc takes.
        return mine[0] != SUCCESS or "not aligned" in other[1]
    if name in DIFFERENT:
        return DIFFERENT[name](arguments, mine[0], other[0])
    # wasmtime has one word for a stream where a file, directory or socket is wanted.
    return other[0] == BADF and 0 <= arguments[-3 if name == "path_symlink" else 0] <= 2 and mine[0] in NOT_THAT_KIND


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guardc", required=True)
    parser.add_argument("--batch", required=True)
    parser.add_argument("--python")
    arguments = parser.parse_args()
    find_wasmtime(arguments.python)
    import wasmtime

    types, table = signatures(), list(cases())
    wasm = wasmtime.wat2wasm(module(table, types))
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "wasi.wasm")
        pathlib.Path(path).write_bytes(wasm)
        ours_all = list(ours(arguments, path, work, len(table)))
    if len(ours_all) != len(table):
        sys.exit(f"wasi_batch ended after {len(ours_all)} of {len(table)} calls")
    theirs_all = list(theirs(wasm, len(table)))
    untouched = theirs_all[table.index(("sched_yield", ()))][1]
    same = wrong = 0
    for (name, values), mine, other in zip(table, ours_all, theirs_all):
        same += mine == other
        if not acceptable(name, values, mine, other, untouched):
            wrong += 1
            print(f"{name}{values}: guardc {mine}, wasmtime {other}")
    print(f"{len(table)} calls of {len(types)} functions: {same} the same, {len(table) - same - wrong} differ as they should, "
          f"{wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
