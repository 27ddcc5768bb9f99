"""`./dev bench [--quick] [--json] [--only WORD]`: every row with its baseline; the machine's load stands above."""

import argparse
import json
import os
import platform
import sqlite3

from rich.console import Console
from rich.table import Table

from bench.batches import bench_batches, bench_growth, bench_lots
from bench.callers import bench_callers
from bench.deciding import bench_deciding
from bench.rows import Row

PARTS = {
    "deciding": bench_deciding,
    "batches": bench_batches,
    "lots": bench_lots,
    "callers": bench_callers,
    "growth": bench_growth,
}


def main() -> None:
    ask = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    ask.add_argument("--quick", action="store_true", help="fewer and smaller runs")
    ask.add_argument("--json", action="store_true", help="rows as JSON on standard output")
    ask.add_argument("--only", choices=list(PARTS), action="append", help="only these parts")
    said = ask.parse_args()
    notes = Console(stderr=True)
    notes.print(describe_machine())
    rows: list[Row] = []
    for name, part in PARTS.items():
        if said.only and name not in said.only:
            continue
        with notes.status(f"measuring {name} …"):
            for row in part(said.quick):
                rows.append(row)
                notes.print(f"  {row.name} {row.store} {row.pattern} {row.batch}: {row.per_second:,.0f}/s")
    if said.json:
        machine = {"machine": describe_machine(), "rows": [row.json() for row in rows]}
        print(json.dumps(machine, indent=1))
    else:
        Console(width=max(Console().width, 130)).print(draw_table(rows))


def describe_machine() -> str:
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return f"{os.cpu_count()} cores, load {load}, {versions}, {platform.system()}"


def draw_table(rows: list[Row]) -> Table:
    table = Table(title="Farthing, measured here", title_justify="left")
    for name in ("what", "store", "pattern"):
        table.add_column(name)
    for name in ("batch", "callers", "per second", "us each"):
        table.add_column(name, justify="right")
    for name in ("against", "ratio", "aim"):
        table.add_column(name)
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f} x"
        figures = (f"{row.per_second:,.0f}", f"{row.microseconds:,.1f}", row.baseline, ratio, row.target)
        table.add_row(row.name, row.store, row.pattern, str(row.batch), str(row.clients), *figures)
    return table


if __name__ == "__main__":
    main()
