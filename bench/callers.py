"""Many callers of the public face in one process: threads, tasks, and one alone beside one bare commit."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import farthing
from bench.baselines import BEST, find_best
from bench.books import open_book
from bench.commits import time_bare_commit
from bench.meters import Meter
from bench.patterns import draw_accounts
from bench.rows import Plan, Row, make_row, median_of, time_each, time_rate

CREDITS = "0.000005"
AIMS = {("postgres", "threads, charge()"): ">= 5000/s"}

Measure = Callable[[farthing.Ledger, list[str], int], float]
"""How many of these accounts were charged a second by so many callers."""


def bench_callers(plan: Plan) -> Iterator[Row]:
    count = 3_200 if plan.quick else 12_800
    ways: tuple[tuple[str, int, int, Measure], ...] = (
        ("threads, charge()", 32, count, run_threads),
        ("tasks, acharge()", 256, count, run_tasks),
        ("threads, hold() + settle() pairs", 32, count // 2, run_pairs),
    )
    for store in plan.list_stores("sqlite", "postgres"):
        bare = time_bare_commit(store)
        for pattern in ("uniform", "zipf", "hot"):
            baseline = find_best(pattern, plan)
            with open_book(store) as ledger:
                lone = time_lone(ledger, pattern)
                yield make_row(
                    "lone charge()", store, 1 / lone, pattern=pattern,
                    baseline=1 / bare, against="bare commit", target=f"<= {bare * 1e6 + 1000:,.0f} us",
                )  # fmt: skip
                for name, clients, charges, run in ways:
                    meter = Meter(store)
                    rate = measure_callers(run, ledger, draw_accounts(pattern, charges), clients, meter)
                    yield make_row(
                        name, store, rate, pattern=pattern, clients=clients, baseline=baseline,
                        against=BEST if baseline else "", target=AIMS.get((store, name), ""), **meter.columns(),
                    )  # fmt: skip


def measure_callers(run: Measure, ledger: farthing.Ledger, accounts: list[str], clients: int, meter: Meter) -> float:
    """The median of three."""

    def measure() -> float:
        with meter.measure(len(accounts)):
            return run(ledger, accounts, clients)

    return median_of(3, measure)


def time_lone(ledger: farthing.Ledger, pattern: str) -> float:
    """Seconds for one charge of one caller: the median of many."""
    accounts = draw_accounts(pattern, 300)
    return time_each(len(accounts), lambda number: ledger.charge(accounts[number], CREDITS))


def run_threads(ledger: farthing.Ledger, accounts: list[str], clients: int) -> float:
    """From threads that each make one charge after the other."""

    def work(part: list[str]) -> None:
        for account in part:
            ledger.charge(account, CREDITS)

    return time_threads(accounts, clients, work)


def run_pairs(ledger: farthing.Ledger, accounts: list[str], clients: int) -> float:
    """Pairs of hold and settle."""

    def work(part: list[str]) -> None:
        for account in part:
            ledger.hold(account, "0.000010").settle(CREDITS)

    return time_threads(accounts, clients, work)


def time_threads(accounts: list[str], clients: int, work: Callable[[list[str]], None]) -> float:
    failures: list[Exception] = []

    def guard(part: list[str]) -> None:
        try:
            work(part)
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=guard, args=(accounts[start::clients],)) for start in range(clients)]

    def run() -> None:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    rate = time_rate(len(accounts), run)
    if failures:
        raise failures[0]
    return rate


def run_tasks(ledger: farthing.Ledger, accounts: list[str], clients: int) -> float:
    """From tasks of one event loop that each make one charge after the other."""

    async def work(part: list[str]) -> None:
        for account in part:
            await ledger.acharge(account, CREDITS)

    async def run() -> None:
        await asyncio.gather(*(work(accounts[start::clients]) for start in range(clients)))

    return time_rate(len(accounts), lambda: asyncio.run(run()))
