"""Figures that have a goal each, as Markdown and JSON."""

import json
import os
import pathlib
import platform
import statistics

from report import in_unit


class Goals:
    """Rows of samples. `goal` is the most that a figure may be, in its unit; None for one that is told to compare with."""

    def __init__(self, name, title, note=""):
        self.name, self.title, self.note = name, title, note
        self.rows = {}  # what -> (unit, goal, samples)

    def add(self, what, sample, unit, goal=None):
        self.rows.setdefault(what, (unit, goal, []))[2].append(sample)

    @staticmethod
    def _in_unit(value, unit):
        return in_unit(value, "ns") if unit == "ns" else f"{value:.3g}" if unit == "x" else f"{value:,.1f} {unit}"

    def markdown(self):
        lines = [f"### {self.title}", "", f"{platform.machine()}, {os.cpu_count()} cores. Medians and lowest samples."
                 f"{' ' + self.note if self.note else ''}", "", "| | median | lowest | goal | |", "|---|---:|---:|---:|---|"]
        for what, (unit, goal, samples) in self.rows.items():
            median, lowest = statistics.median(samples), min(samples)
            verdict = "" if goal is None else "met" if median <= goal else "met by the lowest" if lowest <= goal else "missed"
            lines.append(f"| {what} | {self._in_unit(median, unit)} | {self._in_unit(lowest, unit)} | "
                         f"{'' if goal is None else self._in_unit(goal, unit)} | {verdict} |")
        return "\n".join(lines) + "\n"

    def write(self, directory):
        """NAME.md and NAME.json; the table goes to stdout as well."""
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        rows = {what: {"unit": unit, "goal": goal, "median": statistics.median(samples), "lowest": min(samples),
                       "samples": len(samples)} for what, (unit, goal, samples) in self.rows.items()}
        (directory / f"{self.name}.md").write_text(self.markdown(), encoding="utf-8")
        (directory / f"{self.name}.json").write_text(
            json.dumps({"name": self.name, "title": self.title, "rows": rows}, indent=2) + "\n", encoding="utf-8")
        print(self.markdown(), flush=True)
