"""Charges a second through the engine, many in one commit: full rows, chain, laws; full durability."""

import itertools
from collections.abc import Iterator

import farthing
from bench.baselines import BEST, find_best
from bench.books import make_charges, open_book, refuse_errors
from bench.meters import Meter
from bench.patterns import draw_accounts
from bench.rows import Plan, Row, make_row, median_of, time_rate

AIMS = {
    ("sqlite", "uniform"): ">= 20000/s",
    ("sqlite", "zipf"): ">= 30000/s",
    ("sqlite", "hot"): ">= 30000/s",
    ("postgres", "uniform"): ">= 1.5 x",
    ("postgres", "hot"): ">= 12 x",
}
"""Of batches of 512."""
LANES = {"sqlite": (1,), "memory": (1,), "postgres": (1, 2)}
"""On PostgreSQL more than one batch may be in flight."""


def bench_batches(plan: Plan) -> Iterator[Row]:
    for store in plan.list_stores("sqlite", "postgres", "memory"):
        for pattern in ("uniform", "zipf", "hot"):
            baseline = find_best(pattern, plan)
            for lanes in LANES[store]:
                turns = itertools.count()
                with open_book(store, lanes=lanes) as ledger:
                    for batch in (512,) if lanes > 1 else (1, 512) if plan.quick else (1, 64, 512):
                        meter = Meter(store)
                        rate = measure_batches(ledger, pattern, batch, turns, meter, plan)
                        yield make_row(
                            "charge" if lanes == 1 else f"charge, {lanes} lanes", store, rate, pattern=pattern,
                            batch=batch, baseline=baseline, against=BEST if baseline else "",
                            target=AIMS.get((store, pattern), "") if batch == 512 else "", **meter.columns(),
                        )  # fmt: skip


def measure_batches(
    ledger: farthing.Ledger, pattern: str, batch: int, turns: Iterator[int], meter: Meter, plan: Plan
) -> float:
    """The median of several turns, each of whole batches, as many at once as there are lanes."""
    lanes = len(ledger.engine.lanes)
    count = (200 if batch == 1 else 5_120 * lanes) * (1 if plan.quick else 4)

    def measure() -> float:
        turn = next(turns)
        requests = make_charges(draw_accounts(pattern, count, turn), f"turn {turn}")
        parts = [requests[start : start + batch * lanes] for start in range(0, count, batch * lanes)]

        def run() -> None:
            for part in parts:
                refuse_errors(ledger.engine.run_many(part))

        with meter.measure(count):
            return time_rate(count, run)

    return median_of(3 if plan.quick else 5, measure)


def bench_lots(plan: Plan) -> Iterator[Row]:
    """A wallet with a thousand live lots beside one with a single lot."""
    for store in plan.list_stores("sqlite", "postgres"):
        rates = {lots: time_lots(store, lots) for lots in (1, 1000)}
        yield make_row(
            "charge, 1,000 live lots", store, rates[1000], pattern="hot", batch=512,
            baseline=rates[1], against="one lot", target=">= 0.5 x",
        )  # fmt: skip


def time_lots(store: str, lots: int) -> float:
    turns = itertools.count()
    with open_book(store, accounts=1, lots=lots) as ledger:

        def measure() -> float:
            requests = make_charges(draw_accounts("hot", 5_120), f"lots {next(turns)}")
            return time_rate(5_120, lambda: refuse_errors(ledger.engine.run_many(requests)))

        return median_of(3, measure)
