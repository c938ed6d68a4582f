#!/usr/bin/env python3
"""What a call costs beside the guest's own work: interruption, logs, clones, and how a pool grows with cores.

usage: runtime.py --bin DIR --out DIR [--rounds N]

The figures of runtime_bench, whose repetitions are interleaved. An interruption cannot come sooner than the scheduler
lets a sleeping thread wake: the first row of latencies is a bare timer's, beside the same spinning thread.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

from goals import Goals

# name in runtime_bench, counter (times are in nanoseconds), what it is, factor to the unit, unit, goal
FIGURES = [
    ("ArmAndDisarm", "cpu_time", "arming and disarming a deadline", 1, "ns", 300),
    ("LabelCall/bounds:0", "cpu_time", "a call that does nothing", 1, "ns", None),
    ("LabelCall/bounds:1", "cpu_time", "the same with a deadline", 1, "ns", None),
    ("LabelCall/bounds:2", "cpu_time", "the same with a deadline and a stop token", 1, "ns", None),
    ("TimerLatency", "p99_us", "a bare timer, 99th percentile", 1e3, "ns", None),
    ("InterruptLatency/stop:0/host:0", "p99_us", "deadline, endless loop, 99th percentile", 1e3, "ns", 1e6),
    ("InterruptLatency/stop:0/host:1", "p99_us", "deadline, loop of host calls, 99th percentile", 1e3, "ns", 1e6),
    ("InterruptLatency/stop:1/host:0", "p99_us", "stop, endless loop, 99th percentile", 1e3, "ns", 1e6),
    ("InterruptLatency/stop:1/host:1", "p99_us", "stop, loop of host calls, 99th percentile", 1e3, "ns", 1e6),
    ("HostLog/on:0", "line", "a host_log at a level that is off", 1e9, "ns", 20),
    ("HostLog/on:1", "line", "a host_log that is written", 1e9, "ns", None),
    ("CloneOnly", "cpu_time", "a clone of a prepared guard", 1, "ns", 30e3),
    ("CallAndReset/reset:0", "cpu_time", "label_resource in a clone", 1, "ns", None),
    ("CallAndReset/reset:1", "cpu_time", "the same and a reset", 1, "ns", None),
]
# Time on a processor that a call through a pool takes: on one thread, on two threads, and in two processes of one thread
# each, which share nothing. Virtual processors may be halves of one core: what two processes reach is what there is to
# be had, and where two threads of one pool reach it, nothing in the pool is in their way.
POOLS = {"PoolCall": "a call that does nothing", "PoolLabels/reset:0": "label_response of 30 issues",
         "PoolLabels/reset:1": "label_response of 30 issues and a reset"}


def start(arguments, names, *options):
    command = [str(pathlib.Path(arguments.bin) / "runtime_bench"), "--benchmark_format=json", "--benchmark_min_time=0.2",
               *options, "--benchmark_filter=^(" + "|".join(names) + ")"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def runs_of(process):
    output = process.communicate()[0]
    if process.returncode != 0:
        sys.exit(f"runtime_bench ended with status {process.returncode}")
    return [run for run in json.loads(output)["benchmarks"] if run["run_type"] == "iteration"]


def samples(runs, name, counter):
    return [run[counter] for run in runs if (run["name"] + "/").startswith(name + "/")]


def measure_pools(arguments, goals):
    row = lambda name, threads: f"{name}/real_time/threads:{threads}"
    alone = [f"{row(name, 1)}$" for name in POOLS]
    for _ in range(arguments.rounds):
        both = runs_of(start(arguments, POOLS))
        apart = [runs_of(process) for process in [start(arguments, alone), start(arguments, alone)]]
        for name, what in POOLS.items():
            one, two = (samples(both, row(name, threads), "cpu_time")[0] for threads in (1, 2))
            processes = statistics.fmean(samples(runs, row(name, 1), "cpu_time")[0] for runs in apart)
            goals.add(f"pool, {what}: 1 thread", one, "ns")
            goals.add(f"pool, {what}: 2 threads", two, "ns")
            goals.add(f"pool, {what}: 2 processes of 1 thread", processes, "ns")
            goals.add(f"pool, {what}: 2 threads to 2 processes", two / processes, "x", 1.1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    goals = Goals("runtime", "What a call costs beside the guest's own work")
    runs = runs_of(start(arguments, sorted({name for name, *_ in FIGURES}), "--benchmark_enable_random_interleaving=true",
                         f"--benchmark_repetitions={arguments.rounds}"))
    for name, counter, what, factor, unit, goal in FIGURES:
        for sample in samples(runs, name, counter):
            goals.add(what, sample * factor, unit, goal)
    measure_pools(arguments, goals)
    goals.write(arguments.out)


if __name__ == "__main__":
    main()
