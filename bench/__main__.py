"""`./dev bench [--quick] [--json] [--only PART] [--store STORE]`: every row beside what it is held against."""

import argparse
import json
import os
import platform
import sqlite3

from rich.console import Console
from rich.table import Table

from bench.baselines import bench_baselines
from bench.batches import bench_batches, bench_lots
from bench.callers import bench_callers
from bench.commits import bench_commits
from bench.deciding import bench_deciding
from bench.growth import bench_growth
from bench.processes import bench_processes
from bench.reports import bench_reports
from bench.rows import Plan, Row
from bench.standing import bench_standing, bench_tidying

PARTS = {
    "deciding": bench_deciding,
    "commits": bench_commits,
    "baselines": bench_baselines,
    "batches": bench_batches,
    "lots": bench_lots,
    "callers": bench_callers,
    "processes": bench_processes,
    "standing": bench_standing,
    "tidying": bench_tidying,
    "growth": bench_growth,
    "reports": bench_reports,
}
STORES = ("sqlite", "postgres", "memory")


def main() -> None:
    ask = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    ask.add_argument("--quick", action="store_true", help="fewer and smaller runs")
    ask.add_argument("--json", action="store_true", help="rows as JSON on standard output")
    ask.add_argument("--only", choices=list(PARTS), action="append", help="only these parts")
    ask.add_argument("--store", choices=STORES, action="append", help="only these stores; ratios need postgres")
    said = ask.parse_args()
    plan = Plan(said.quick, tuple(said.store or STORES))
    notes = Console(stderr=True)
    machine = describe_machine()
    notes.print(machine)
    rows: list[Row] = []
    for name, part in PARTS.items():
        if said.only and name not in said.only:
            continue
        with notes.status(f"measuring {name} …"):
            for row in part(plan):
                rows.append(row)
                ratio = "" if row.ratio is None else f", {row.ratio:.2f} x"
                asked = f"batch {row.batch} clients {row.clients}"
                notes.print(
                    f"  {row.name} {row.store} {row.pattern} {asked}: {row.per_second:,.0f}/s{ratio}", soft_wrap=True
                )
    if said.json:
        print(json.dumps({"machine": machine, "rows": [row.json() for row in rows]}, indent=1))
    else:
        Console(width=max(Console().width, 170)).print(draw_table(rows))


def describe_machine() -> str:
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return f"{os.cpu_count()} cores, load {load}, {versions}, {platform.system()}"


def draw_table(rows: list[Row]) -> Table:
    table = Table(title="Farthing, measured here", title_justify="left")
    for name in ("what", "store", "pattern"):
        table.add_column(name)
    for name in ("batch", "clients", "per second", "us each", "CPU us here", "in server", "WAL bytes", "MB"):
        table.add_column(name, justify="right")
    for name in ("against", "ratio", "aim"):
        table.add_column(name)
    for row in rows:
        figures = (row.client_us, row.server_us, row.wal_bytes, row.memory_mb)
        costs = ["" if figure is None else f"{figure:,.0f}" for figure in figures]
        against = "" if row.baseline is None else f"{row.against} {row.baseline:,.0f}/s"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f} x"
        speed = (str(row.batch), str(row.clients), f"{row.per_second:,.0f}", f"{row.microseconds:,.1f}")
        table.add_row(row.name, row.store, row.pattern, *speed, *costs, against, ratio, row.target)
    return table


if __name__ == "__main__":
    main()
