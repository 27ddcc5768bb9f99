"""Charges a second through the engine, many in one commit: full rows, chain, laws; SQLite with full durability."""

from collections.abc import Iterator

from bench.books import make_charges, open_book, refuse_errors
from bench.patterns import draw_accounts
from bench.rows import Row, median_of, time_rate

TARGETS = {"hot": ">= 30000/s", "zipf": ">= 30000/s", "uniform": ">= 20000/s"}


def bench_batches(quick: bool) -> Iterator[Row]:
    sizes = (1, 512) if quick else (1, 64, 512)
    for store in ("sqlite", "memory"):
        for pattern in ("uniform", "zipf", "hot"):
            with open_book(store) as ledger:
                for batch in sizes:
                    count = (200 if batch == 1 else 5_120) * (1 if quick else 4)
                    turns = iter(range(1000))

                    def measure(pattern=pattern, batch=batch, count=count, ledger=ledger, turns=turns):  # type: ignore[no-untyped-def]
                        turn = next(turns)
                        requests = make_charges(draw_accounts(pattern, count, turn), f"{pattern} {batch} {turn}")

                        def run() -> None:
                            for start in range(0, count, batch):
                                refuse_errors(ledger.engine.run_many(requests[start : start + batch]))

                        return time_rate(count, run)

                    rate = median_of(3 if quick else 5, measure)
                    target = TARGETS[pattern] if store == "sqlite" and batch == 512 else ""
                    yield Row("charge", store, pattern, batch, per_second=rate, microseconds=1e6 / rate, target=target)


def bench_lots(quick: bool) -> Iterator[Row]:
    """A wallet with a thousand live lots beside one with a single lot."""
    rates = {}
    for lots in (1, 1000):
        with open_book("sqlite", accounts=1, lots=lots) as ledger:
            turns = iter(range(1000))

            def measure(ledger=ledger, turns=turns) -> float:  # type: ignore[no-untyped-def]
                requests = make_charges(draw_accounts("hot", 5_120), f"lots {next(turns)}")
                return time_rate(5_120, lambda: refuse_errors(ledger.engine.run_many(requests)))

            rates[lots] = median_of(3, measure)
    ratio = rates[1000] / rates[1]
    yield Row(
        "charge, 1,000 live lots", "sqlite", "hot", 512, per_second=rates[1000], microseconds=1e6 / rates[1000],
        baseline=f"one lot {rates[1]:,.0f}/s", ratio=ratio, target=">= 0.5 x",
    )  # fmt: skip


def bench_growth(quick: bool) -> Iterator[Row]:
    """The same charges, uniform over 10,000 accounts, while the ledger grows."""
    first = 0.0
    with open_book("sqlite") as ledger:
        written = 10_000
        for size in (10_000, 100_000) if quick else (10_000, 100_000, 1_000_000):
            while written < size:
                count = min(10_240, size - written)
                refuse_errors(
                    ledger.engine.run_many(make_charges(draw_accounts("uniform", count, written), f"grow {written}"))
                )
                written += count
            requests = make_charges(draw_accounts("uniform", 10_240, size), f"at {size}")
            rate = time_rate(10_240, lambda requests=requests: refuse_errors(ledger.engine.run_many(requests)))  # type: ignore[misc]
            written += 10_240
            first = first or rate
            name = f"charge at {size:,} entries"
            yield Row(
                name, "sqlite", "uniform", 512, per_second=rate, microseconds=1e6 / rate,
                baseline=f"at 10,000 {first:,.0f}/s", ratio=rate / first,
            )  # fmt: skip
