"""Very many steps: the core alone beside the naive model, without Hypothesis, until they part or it is enough.

    python -m tests.laws.long_run --steps 10000000 --seed 1 --processes 2

Says how fast it goes, what was drawn and what was refused. At the first difference it stops, shortens the walk to the
steps that matter and prints them; the same seed goes the same way again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from .paths import SIZE, shorten, take_walk, tell

CHUNK = 20
"""Walks between two reports of a process."""


class Report(NamedTuple):
    """What one process has to tell of a number of walks."""

    steps: int
    kinds: Counter[str]
    refusals: Counter[str]
    alerts: int
    entries: int
    parted: str
    """The shortened history, where the two parted."""


def run_walks(seed: int, first: int, most: int, *, shortens: bool = True) -> Report:
    """Walks `first`, `first` + 1 …"""
    kinds: Counter[str] = Counter()
    refusals: Counter[str] = Counter()
    alerts = entries = steps = 0
    for number in range(first, first + most):
        outcome = take_walk(seed, number, range(SIZE))
        steps += sum(outcome.kinds.values())
        kinds += outcome.kinds
        refusals.update(outcome.walk.refusals)
        alerts += outcome.walk.fired
        entries += outcome.entries
        if outcome.problem is not None:
            kept = list(range(outcome.at + 1))
            if shortens:
                kept = shorten(seed, number, kept)
            return Report(steps, kinds, refusals, alerts, entries, tell(seed, number, kept))
    return Report(steps, kinds, refusals, alerts, entries, "")


def run_chunk(asked: tuple[int, int, bool]) -> Report:
    seed, chunk, shortens = asked
    return run_walks(seed, chunk * CHUNK, CHUNK, shortens=shortens)


def list_reports(chunks: Iterable[tuple[int, int, bool]], processes: int) -> Iterator[Report]:
    """The chunks in this process, or in several."""
    if processes == 1:
        yield from map(run_chunk, chunks)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(run_chunk, chunks)


def run_long(steps: int, seed: int, processes: int, *, shortens: bool = True) -> Report:
    """The whole run, with a line every ten seconds."""
    began = told = time.perf_counter()
    whole = Report(0, Counter(), Counter(), 0, 0, "")
    chunks = ((seed, chunk, shortens) for chunk in range(-(-steps // (CHUNK * SIZE))))
    for report in list_reports(chunks, processes):
        whole = Report(
            whole.steps + report.steps, whole.kinds + report.kinds, whole.refusals + report.refusals,
            whole.alerts + report.alerts, whole.entries + report.entries, report.parted,
        )  # fmt: skip
        now = time.perf_counter()
        if now - told > 10:
            told = now
            print(f"{whole.steps:,} steps, {whole.steps / (now - began):,.0f}/s", file=sys.stderr, flush=True)
        if report.parted:
            break
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--as-it-is", action="store_true", help="do not shorten the walk in which they part")
    asked = parser.parse_args(arguments)
    began = time.perf_counter()
    report = run_long(asked.steps, asked.seed, asked.processes, shortens=not asked.as_it_is)
    seconds = time.perf_counter() - began
    print(f"{report.steps:,} steps in {seconds:,.0f} s: {report.steps / seconds:,.0f}/s")
    print(f"wrote:   {report.entries:,} entries, {report.alerts:,} alerts among them")
    print("drawn:   " + ", ".join(f"{kind} {count:,}" for kind, count in report.kinds.most_common()))
    refused = ", ".join(f"{why} {count:,}" for why, count in report.refusals.most_common())
    print(f"refused: {sum(report.refusals.values()):,}, of which {refused}")
    print(report.parted or "they never parted")
    return 1 if report.parted else 0


if __name__ == "__main__":
    sys.exit(main())
