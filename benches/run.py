"""Measures P1 to P7, P9, P10, R8 and R14, ours and the peer side by side; see README.md beside this file.

    run.py [--binary PATH] [--runs N] [--spans N] MEASURE ...

Prints a table for each measure and appends a line of JSON for each to results.jsonl.
"""

import argparse
import json
import os
import platform
import subprocess
import time
from pathlib import Path

import isolation
import measures
import objectives
import queries

HERE = Path(__file__).resolve().parent
MEASURES = {
    "P1": measures.acknowledged,
    "P2": measures.queryable,
    "P3": measures.queryable,
    "P4": measures.latency,
    "P5": queries.measure,
    "P6": measures.visible,
    "P7": objectives.passes,
    "P9": measures.memory,
    "P10": measures.replay,
    "R8": objectives.breaches,
    "R14": isolation.isolation,
}


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=HERE, capture_output=True, text=True, check=True).stdout.strip()


def machine():
    model = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} x {model.partition(':')[2].strip()}, {memory:.0f} GiB, Linux {platform.release()}"


def show(name, rows):
    print(f"\n== {name}")
    if not rows:
        return
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = [[cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *text)]
    for line in [columns, *text]:
        print("  ".join(value.ljust(width) for value, width in zip(line, widths)).rstrip())


def cell(value):
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measures", nargs="+", choices=MEASURES, metavar="MEASURE", help=" ".join(MEASURES))
    default = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target")) / "release/plimsoll"
    parser.add_argument("--binary", type=Path, default=default, help="the Plimsoll to measure")
    parser.add_argument("--generator", type=Path, help="the Plimsoll whose `load` sends [default: --binary]")
    parser.add_argument("--runs", type=int, help="runs of each side, the median counts [default: 5, or 3 where long]")
    parser.add_argument("--spans", type=int, help="spans in one run [default: as the measure says]")
    parser.add_argument("--note", default="", help="a word to keep with the results")
    options = parser.parse_args()
    options.generator = options.generator or options.binary

    done = set()
    for name in options.measures:
        measure = MEASURES[name]
        if measure in done:
            continue
        done.add(measure)
        load_before = os.getloadavg()[0]
        rows = measure(options)
        show(name, rows)
        # The load that others made, as far as it can be told: ours is in it too at the end.
        result = {
            "measure": name,
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "commit": git("rev-parse", "--short", "HEAD"),
            "machine": machine(),
            "load_before": round(load_before, 1),
            "note": options.note,
            "rows": rows,
        }
        with (HERE / "results.jsonl").open("a") as results:
            results.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
