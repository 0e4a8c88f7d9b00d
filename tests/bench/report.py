# SPDX-License-Identifier: LGPL-2.1-or-later
"""The results of tools/bench for readers: tables, the targets that were missed, and plots by gnuplot."""

import re
import subprocess


def number(value):
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def show(found):
    """The table of one benchmark."""
    if found["error"]:
        print(found["error"])
        return
    if any(row.endswith(FLOODED) for row in found["rows"]):
        show_floods(found)
        return
    width = max([len(name) for name in (*found["rows"], *found["ratios"])] + [4])
    print(f"{'':<{width}}{'median':>10}{'min':>10}{'p95':>10}{'n':>7}")
    for name, row in found["rows"].items():
        if "/" in name and not name.endswith("/calls"):
            continue
        print(f"{name:<{width}}{number(row['median']):>10}{number(row['min']):>10}{number(row['p95']):>10}"
              f"{row['n']:>7}  {row['unit']}")
    show_steps(found["rows"])
    print()
    for name, ratio in found["ratios"].items():
        print(f"{name:<{width}}{number(ratio['value']):>10} {ratio['unit']:<4}{verdict(ratio)}")
    for note in found["notes"]:
        print(note)
    print(f"({found['seconds']} s)", flush=True)


# A flood has rows "FLOOD: WHAT"; this one tells which floods there are.
FLOODED = ": CreateTap over a new connection"


def floods(found):
    """The figures for each flood: its name, medians and p99 in ms, their ratio, whether that meets the
    target."""
    for name in [row.removesuffix(FLOODED) for row in found["rows"] if row.endswith(FLOODED)]:
        row = {what: found["rows"][f"{name}: {what}"] for what in ("CreateTap", "CreateTap by polkit", "an empty call")}
        ratio = found["ratios"][f"{name}: p99 of CreateTap"]
        failed = found["ratios"].get(f"{name}: calls of CreateTap that fail", {"value": 0})["value"]
        yield (name, row["CreateTap"]["n"], *(number(row[what][which]) for which in ("median", "p99") for what in row),
               number(ratio["value"] / row["an empty call"]["p99"]), number(ratio["target"]),
               "met" if ratio["met"] and not failed else "missed", f"{failed} failed" if failed else "")


def show_floods(found):
    print(f"{'beside':<48}{'n':>5}{'median: create':>15}{'polkit':>8}{'empty':>8}{'p99: create':>13}{'polkit':>8}"
          f"{'empty':>8}{'ratio':>7}{'target':>8}")
    for name, n, *values, verdict_, failed in floods(found):
        cells = "".join(f"{value:>{width}}" for value, width in zip(values, (15, 8, 8, 13, 8, 8, 7, 8)))
        print(f"{name:<48}{n:>5}{cells}  {verdict_} {failed}")
    for name, row in found["rows"].items():
        if name.endswith(": messages"):
            flood = name.removesuffix(": messages")
            shares = (f"{server} {number(found['rows'][f'{flood}: processor time of the {server}']['median'])} %"
                      for server in ("service", "bus", "polkit"))
            print(f"{flood}: {number(row['median'])} messages a second; processor time: {', '.join(shares)}")
    for note in found["notes"]:
        print(note)
    print(f"({found['seconds']} s)", flush=True)


def show_steps(rows):
    """The bare calls, one line each."""
    steps = {}
    for name, row in rows.items():
        whole, slash, step = name.partition("/")
        if slash and step != "calls":
            steps.setdefault(whole, {})[step] = row["median"]
    if steps:
        names = list(next(iter(steps.values())))
        print("\n" + f"{'by step, medians in µs':<24}" + "".join(f"{name:>11}" for name in names))
    for whole, values in steps.items():
        print(f"{whole:<24}" + "".join(f"{number(value):>11}" for value in values.values()))


def verdict(ratio):
    if ratio["target"] is None:
        return ""
    return f"{'at most' if ratio['at_most'] else 'at least'} {ratio['target']:g}: {'met' if ratio['met'] else 'MISSED'}"


def check(result):
    """Sentences about the targets that were missed."""
    return [f"{name}: {what} is {number(ratio['value'])} {ratio['unit']}, {verdict(ratio).partition(':')[0]}"
            for name, found in result["benchmarks"].items() for what, ratio in found["ratios"].items()
            if ratio["met"] is False]


# In docs/performance.md and docs/performance-notes.md the lines between <!-- TABLE NAME --> and <!-- end --> are
# generated from the JSON.
TABLE = re.compile(r"(<!-- (targets|rows|ratios|steps|floods) ?([a-z-]*) -->\n).*?(<!-- end -->)", re.DOTALL)


def targets_table(result, _):
    yield "| what | measured | target | |"
    yield "|---|---|---|---|"
    for name, found in result["benchmarks"].items():
        for what, ratio in found["ratios"].items():
            # Floods have a table of their own.
            if ratio["target"] is not None and not name.startswith("floods"):
                bound = f"{'≤' if ratio['at_most'] else '≥'} {ratio['target']:g}"
                yield f"| {what} | {number(ratio['value'])} {ratio['unit']} | {bound} | {'met' if ratio['met'] else '**missed**'} |"


def ratios_table(result, name):
    yield "| what | |"
    yield "|---|---|"
    for what, ratio in result["benchmarks"][name]["ratios"].items():
        yield f"| {what} | {number(ratio['value'])} {ratio['unit']} |"


def rows_table(result, name):
    yield "| | median | min | p95 | p99 | |"
    yield "|---|---|---|---|---|---|"
    for what, row in result["benchmarks"][name]["rows"].items():
        if "/" not in what or what.endswith("/calls"):
            yield (f"| {what} | {number(row['median'])} | {number(row['min'])} | {number(row['p95'])} | "
                   f"{number(row['p99'])} | {row['unit']} |")


def steps_table(result, name):
    steps = {}
    for what, row in result["benchmarks"][name]["rows"].items():
        whole, slash, step = what.partition("/")
        if slash:
            steps.setdefault(whole, {})[step] = number(row["median"])
    names = list(next(iter(steps.values()), ()))
    yield "| µs | " + " | ".join(names) + " |"
    yield "|---|" + "---|" * len(names)
    for whole, values in steps.items():
        yield f"| {whole} | " + " | ".join(values.values()) + " |"


def floods_table(result, name):
    yield "| beside | CreateTap: median | by polkit | empty call | CreateTap: p99 | by polkit | empty call | ratio | at most | |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for flood, _, *values, verdict_, failed in floods(result["benchmarks"][name]):
        words = " ".join(filter(None, ("**missed**" if verdict_ == "missed" else "met", failed)))
        yield f"| {flood} | " + " | ".join(values) + f" | {words} |"


def write_tables(result, file):
    """Write the tables of a Markdown file from the results; those of benchmarks that were not run stay."""
    makers = {"targets": targets_table, "rows": rows_table, "ratios": ratios_table, "steps": steps_table,
              "floods": floods_table}

    def fill(match):
        if match[3] and match[3] not in result["benchmarks"]:
            return match[0]
        return match[1] + "\n".join(makers[match[2]](result, match[3])) + "\n" + match[4]
    file.write_text(TABLE.sub(fill, file.read_text(encoding="utf-8")), encoding="utf-8")


# Mid-tones that are readable on white and on black; no background.
COLORS = ("#3b82c4", "#d9822b", "#3f9b5a", "#c8524a", "#8b6cc1", "#8f7a3d", "#c766a8", "#7a8793", "#2fa0a0", "#a35d3a",
          "#6f9a3a", "#5a6fd0")
PLOTS = {"ports": ("The k-th port of a bridge", "ports of the bridge", "µs", ""),
         "taps": ("The k-th tap of a host, 20 bridges", "taps of the host", "µs", "set logscale x\n"),
         "enumeration": ("Enumeration, 20 bridges", "endpoints", "ms", "set logscale xy\n"),
         "restart": ("Restart, 20 bridges", "endpoints", "ms", "set logscale xy\n"),
         "throughput": ("Create and close, each client one call at a time", "clients", "cycles a second",
                        "set logscale x 2\n"),
         "throughput latency": ("CreateTap among other clients", "clients", "µs", "set logscale x 2\nset logscale y\n"),
         "memory": ("Resident memory over cycles of create and close", "cycles", "KiB", "set yrange [0:]\n")}


def plot(result, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for found in result["benchmarks"].values():
        for curve, series in found["curves"].items():
            draw(curve, series, folder / f"{curve.replace(' ', '-')}.svg")


def draw(curve, series, file):
    title, x, y, more = PLOTS[curve]
    lines = ["set terminal svg size 760,420 font 'sans-serif,12' dynamic",
             f"set output '{file}'", f"set title '{title}' textcolor rgb '#808080'",
             f"set xlabel '{x}' textcolor rgb '#808080'", f"set ylabel '{y}' textcolor rgb '#808080'",
             "set border 3 linecolor rgb '#808080'", "set tics nomirror textcolor rgb '#808080'",
             "set grid linecolor rgb '#808080' dashtype 3", "set encoding utf8",
             "set key below maxcols 3 textcolor rgb '#808080'", "set yrange [0:*]" if "y" not in more.partition("\n")[0]
             and "logscale y" not in more else "", more]
    data, parts = [], []
    for i, (name, points) in enumerate(series.items()):
        data.append(f"$d{i} << EOD\n" + "".join(f"{a} {b:.3f}\n" for a, b in points) + "EOD")
        parts.append(f"$d{i} using 1:2 with linespoints linewidth 2 pointtype 7 pointsize 0.5 "
                     f"linecolor rgb '{COLORS[i % len(COLORS)]}' title '{name}'")
    script = "\n".join([*lines, *data, "plot " + ", ".join(parts)])
    subprocess.run(["gnuplot"], input=script, text=True, check=True, timeout=60)
