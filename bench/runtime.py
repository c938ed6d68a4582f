#!/usr/bin/env python3
"""What a call costs beside the guest's own work: interruption, logs, clones, and how a pool grows with cores.

usage: runtime.py --bin DIR --out DIR [--rounds N]

The figures of runtime_bench, whose repetitions are interleaved. An interruption cannot come sooner than the scheduler
lets a sleeping thread wake: the first row of latencies is a bare timer's, beside the same spinning thread.
"""

import argparse
import json
import pathlib
import subprocess

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
# A pool on two threads beside one: time on a processor for a call (all there is to see on a busy machine), and the time
# that passes per call on all threads together, which halves where the second core is free.
POOLS = {"PoolCall": "a call that does nothing", "PoolLabels/reset:0": "label_response of 30 issues",
         "PoolLabels/reset:1": "the same with a reset after each call"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    names = sorted({name for name, *_ in FIGURES} | set(POOLS))
    command = [str(pathlib.Path(arguments.bin) / "runtime_bench"), "--benchmark_format=json", "--benchmark_min_time=0.2",
               "--benchmark_enable_random_interleaving=true", f"--benchmark_repetitions={arguments.rounds}",
               "--benchmark_filter=^(" + "|".join(names) + ")"]
    output = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
    runs = [run for run in output["benchmarks"] if run["run_type"] == "iteration"]
    samples = lambda name, counter: [run[counter] for run in runs if (run["name"] + "/").startswith(name + "/")]
    goals = Goals("runtime", "What a call costs beside the guest's own work")
    for name, counter, what, factor, unit, goal in FIGURES:
        for sample in samples(name, counter):
            goals.add(what, sample * factor, unit, goal)
    for name, what in POOLS.items():
        one, two = ((samples(f"{name}/real_time/threads:{threads}", "cpu_time"),
                     samples(f"{name}/real_time/threads:{threads}", "items_per_second")) for threads in (1, 2))
        for cpu_one, cpu_two, rate_one, rate_two in zip(one[0], two[0], one[1], two[1]):
            goals.add(f"pool, {what}: processor time, 1 thread", cpu_one, "ns")
            goals.add(f"pool, {what}: processor time, 2 threads to 1", cpu_two / cpu_one, "x", 1.1)
            goals.add(f"pool, {what}: throughput, 1 thread to 2", rate_one / rate_two, "x", 0.6)
    goals.write(arguments.out)


if __name__ == "__main__":
    main()
