"""Samples of several contestants on several rows, as Markdown, JSON and SVG."""

import html
import json
import math
import os
import pathlib
import platform
import statistics

LOWEST = os.environ.get("GUARDC_BENCH_LOWEST") == "1"
COLOURS = ["#1b6ca8", "#d1495b", "#66a182", "#edae49", "#8d6a9f", "#3a506b", "#9b9b9b", "#c97b63", "#5f7470", "#b0a1ba"]


def percentile(samples, share):
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(value) for value in values))


def in_unit(value, unit):
    """Three significant digits, in a unit that fits. Times are nanoseconds."""
    if unit != "ns":
        return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
    for factor, name in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if value >= factor:
            return f"{value / factor:.3g} {name}" if value < 1000 * factor else f"{value / factor:.0f} {name}"
    return f"{value:.0f} ns"


class Report:
    """`reference` is the contestant that ratios are told to; `ours` those that are guardc, all others are peers."""

    def __init__(self, name, title, unit="ns", reference="native", ours=("guardc",), note=""):
        self.name, self.title, self.unit, self.reference, self.ours = name, title, unit, reference, set(ours)
        self.note = note
        self.rows = {}  # row -> contestant -> samples

    def add(self, row, contestant, sample):
        self.rows.setdefault(row, {}).setdefault(contestant, []).append(sample)

    def contestants(self):
        return list(dict.fromkeys(name for row in self.rows.values() for name in row))

    def median(self, row, contestant):
        """The median, or with GUARDC_BENCH_LOWEST=1 the lowest sample, which a busy machine falsifies least."""
        samples = self.rows[row].get(contestant)
        if not samples:
            return None
        return min(samples) if LOWEST else statistics.median(samples)

    def ratio(self, row, contestant):
        mine, other = self.median(row, contestant), self.median(row, self.reference) if self.reference else None
        return mine / other if mine is not None and other else None

    def mean_ratio(self, contestant):
        ratios = [self.ratio(row, contestant) for row in self.rows]
        return geometric_mean(ratios) if ratios and all(ratios) else None

    def best_peer(self, row):
        peers = {name: self.median(row, name) for name in self.rows[row] if name not in self.ours | {self.reference}}
        return min(peers.items(), key=lambda item: item[1]) if peers else None

    def cell(self, row, contestant):
        median = self.median(row, contestant)
        if median is None:
            return ""
        samples = self.rows[row][contestant]
        spread = (percentile(samples, 0.9) - percentile(samples, 0.1)) / 2 / median if median else 0
        text = in_unit(median, self.unit) + (f" ±{100 * spread:.0f} %" if len(samples) > 1 else "")
        ratio = self.ratio(row, contestant)
        return text if ratio is None or contestant == self.reference else f"{text} ({ratio:.2f})"

    def markdown(self):
        names = self.contestants()
        lines = [f"### {self.title}", "", f"{platform.machine()}, {os.cpu_count()} cores. {'Lowest samples' if LOWEST else 'Medians'}; ± is half the distance "
                 "of the 10th and the 90th percentile" + (f"; in brackets the ratio to {self.reference}" if self.reference
                                                            else "") + "." + (f" {self.note}" if self.note else ""), ""]
        has_peers = any(self.best_peer(row) for row in self.rows)
        lines.append("| | " + " | ".join(names) + (" | to the best peer |" if has_peers else " |"))
        lines.append("|---|" + "---:|" * (len(names) + has_peers))
        for row in self.rows:
            cells = [self.cell(row, name) for name in names]
            if has_peers:
                best, mine = self.best_peer(row), [self.median(row, name) for name in names if name in self.ours]
                mine = [value for value in mine if value is not None]
                cells.append(f"{mine[0] / best[1]:.2f} ({best[0]})" if best and mine else "")
            lines.append(f"| {row} | " + " | ".join(cells) + " |")
        means = [self.mean_ratio(name) for name in names] if self.reference else []
        if len(self.rows) > 1 and any(means):
            cells = [f"{mean:.3f}" if mean else "" for mean in means] + ([""] if has_peers else [])
            lines.append("| geometric mean of the ratios | " + " | ".join(cells) + " |")
        return "\n".join(lines) + "\n"

    def as_json(self):
        rows = {}
        for row, contestants in self.rows.items():
            rows[row] = {name: {"median": statistics.median(samples), "p10": percentile(samples, 0.1),
                                "p90": percentile(samples, 0.9), "lowest": min(samples), "samples": len(samples),
                                "to_reference": self.ratio(row, name)}
                         for name, samples in contestants.items()}
        means = {name: self.mean_ratio(name) for name in self.contestants()} if self.reference else {}
        return {"name": self.name, "title": self.title, "unit": self.unit, "reference": self.reference, "rows": rows,
                "geometric_mean": means}

    def svg(self):
        """Bars on a logarithmic scale: ratios to the reference, or the values where there is none."""
        value = self.ratio if self.reference else self.median
        names = [name for name in self.contestants() if name != self.reference]
        shown = [(row, [(name, value(row, name)) for name in names if value(row, name)]) for row in self.rows]
        values = [v for _, bars in shown for _, v in bars]
        if not values:
            return ""
        low, high = min([1.0] + values if self.reference else values) * 0.9, max(values) * 1.1
        left, width, bar = 170, 560, 11
        scale = width / math.log(high / low)
        place = lambda v: left + scale * math.log(v / low)
        out, y = [], 50
        for row, bars in shown:
            out.append(f'<text x="{left - 8}" y="{y + bar * len(bars) / 2 + 4:.0f}" text-anchor="end">{html.escape(row)}</text>')
            for name, v in bars:
                colour = COLOURS[names.index(name) % len(COLOURS)]
                out.append(f'<rect x="{left}" y="{y}" width="{max(1.0, place(v) - left):.1f}" height="{bar - 2}" fill="{colour}"/>')
                label = f"{v:.2f}" if self.reference else in_unit(v, self.unit)
                out.append(f'<text x="{place(v) + 4:.1f}" y="{y + bar - 3}" class="small">{label}</text>')
                y += bar
            y += 8
        if self.reference:
            out.append(f'<line x1="{place(1):.1f}" y1="44" x2="{place(1):.1f}" y2="{y}" stroke="#333" stroke-dasharray="3 3"/>')
        x = left
        for index, name in enumerate(names):
            out.append(f'<rect x="{x}" y="{y + 6}" width="10" height="10" fill="{COLOURS[index % len(COLOURS)]}"/>')
            out.append(f'<text x="{x + 14}" y="{y + 15}" class="small">{html.escape(name)}</text>')
            x += 26 + 6 * len(name)
            if x > left + width:
                x, y = left, y + 16
        unit = f"ratio to {self.reference}" if self.reference else "value"
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="820" height="{y + 30}" font-family="sans-serif" font-size="12">'
                '<style>.small{font-size:10px}</style><rect width="100%" height="100%" fill="white"/>'
                f'<text x="12" y="20" font-size="15">{html.escape(self.title)}</text>'
                f'<text x="12" y="36" class="small">{unit}, logarithmic; shorter is better</text>' + "".join(out) + "</svg>\n")

    def write(self, directory):
        """NAME.md, NAME.json and NAME.svg; the table goes to stdout as well."""
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        table = self.markdown()
        (directory / f"{self.name}.md").write_text(table, encoding="utf-8")
        (directory / f"{self.name}.json").write_text(json.dumps(self.as_json(), indent=2) + "\n", encoding="utf-8")
        (directory / f"{self.name}.svg").write_text(self.svg(), encoding="utf-8")
        print(table, flush=True)
