"""Compiles a module in a process of its own and tells what that took."""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import tempfile


@dataclasses.dataclass
class Compiled:
    ok: bool
    kind: str  # of the error
    message: str
    cpu: float  # seconds
    peak: float  # MB
    instructions: int = 0


def _command(compiler, work, wasm, prefix=()):
    path = pathlib.Path(work, "module.wasm")
    path.write_bytes(wasm)
    return [*prefix, compiler, "compile", "--profile", "wasi", "--no-reuse", "--jobs", "1", "--cache-dir", f"{work}/cache",
            str(path)]


def compile_module(compiler, wasm, seconds):
    with tempfile.TemporaryDirectory() as work, open(f"{work}/errors", "w+b") as errors:
        command = [*_command(compiler, work, wasm), "--timeout", f"{seconds}s"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        text = errors.read().decode(errors="replace")
    message = text.partition("error: ")[2].partition("\n")[0]
    return Compiled(process.returncode == 0, "" if process.returncode == 0 else "refused", message,
                    usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)


def _perf(compiler, wasm):
    with tempfile.TemporaryDirectory() as work:
        prefix = ["perf", "stat", "-x,", "-e", "instructions:u", "-o", f"{work}/count"]
        done = subprocess.run(_command(compiler, work, wasm, prefix), capture_output=True, check=False)
        counted = re.search(r"^(\d+),", pathlib.Path(work, "count").read_text("utf-8"), re.MULTILINE)
    return int(counted.group(1)) if counted and done.returncode == 0 else None


def _cachegrind(compiler, wasm):
    with tempfile.TemporaryDirectory() as work:
        prefix = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
        done = subprocess.run(_command(compiler, work, wasm, prefix), capture_output=True, text=True, check=False)
    counted = re.search(r"I +refs: +([\d,]+)", done.stderr)
    return int(counted.group(1).replace(",", "")) if counted and done.returncode == 0 else None


def counter(compiler):
    """count(wasm) -> instructions, or None where that fails; None where nothing counts."""
    empty = b"\0asm\1\0\0\0"
    for tool, function in (("perf", _perf), ("valgrind", _cachegrind)):
        try:
            if shutil.which(tool) and function(compiler, empty):
                return lambda wasm, function=function: function(compiler, wasm)
        except OSError:
            pass
    return None
