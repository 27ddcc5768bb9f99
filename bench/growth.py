"""The same charges, uniform over 10,000 accounts, while the ledger grows."""

import itertools
import statistics
from collections.abc import Iterator

import farthing
from bench.books import make_charges, open_book, refuse_errors
from bench.meters import Meter
from bench.patterns import draw_accounts
from bench.rows import Plan, Row, make_row, time_rate

SIZES = {"sqlite": (10_000, 100_000, 1_000_000), "postgres": (10_000, 1_000_000, 10_000_000)}
STEP = 10_240


def bench_growth(plan: Plan) -> Iterator[Row]:
    for store in plan.list_stores("sqlite", "postgres"):
        first: float | None = None
        written = 10_000  # the grants
        steps = itertools.count()
        with open_book(store) as ledger:
            for size in SIZES[store][: 2 if plan.quick else 3]:
                while written < size:
                    count = min(STEP, size - written)
                    charge_more(ledger, count, next(steps), Meter(store))
                    written += count
                meter = Meter(store)
                rate = statistics.median(charge_more(ledger, STEP, next(steps), meter) for _ in range(3))
                written += 3 * STEP
                yield make_row(
                    f"charge at {size:,} entries", store, rate, pattern="uniform", batch=512,
                    baseline=first, against="at 10,000" if first else "", target=">= 0.77 x" if first else "",
                    **meter.columns(),
                )  # fmt: skip
                first = first or rate


def charge_more(ledger: farthing.Ledger, count: int, step: int, meter: Meter) -> float:
    """Charges a second."""
    requests = make_charges(draw_accounts("uniform", count, step), f"step {step}")
    with meter.measure(count):
        return time_rate(count, lambda: refuse_errors(ledger.engine.run_many(requests)))
