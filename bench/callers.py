"""Many callers of the public face: threads, tasks, one alone; and what one bare commit of SQLite costs here."""

import asyncio
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import farthing
from bench.books import open_book
from bench.patterns import draw_accounts
from bench.rows import Row, median_of


def bench_callers(quick: bool) -> Iterator[Row]:
    count = 3_200 if quick else 12_800
    bare, guarded = time_bare_commit(), time_guarded_update()
    yield Row("bare commit of one row", "sqlite3", per_second=1 / bare, microseconds=bare * 1e6)
    yield Row("guarded update + insert, own commit", "sqlite3", per_second=1 / guarded, microseconds=guarded * 1e6)
    for pattern in ("uniform", "hot"):
        with open_book("sqlite") as ledger:
            lone = median_of(5, lambda ledger=ledger, pattern=pattern: time_lone(ledger, pattern))  # type: ignore[misc]
            yield Row(
                "lone charge()", "sqlite", pattern, per_second=1 / lone, microseconds=lone * 1e6,
                baseline=f"bare commit {bare * 1e6:,.0f} us", ratio=bare / lone, target="<= commit + 1 ms",
            )  # fmt: skip
            for name, clients, measure in (
                ("threads, charge()", 32, run_threads),
                ("tasks, acharge()", 256, run_tasks),
            ):
                rate = median_of(3, lambda m=measure, n=clients: m(ledger, pattern, n, count))  # type: ignore[misc]  # noqa: B023
                yield Row(
                    name, "sqlite", pattern, clients=clients, per_second=rate, microseconds=1e6 / rate,
                    baseline="guarded update", ratio=rate * guarded,
                )  # fmt: skip
            rate = median_of(3, lambda: run_pairs(ledger, pattern, 32, count // 2))  # noqa: B023
            yield Row(
                "threads, hold() + settle() pairs",
                "sqlite",
                pattern,
                clients=32,
                per_second=rate,
                microseconds=1e6 / rate,
            )


def time_lone(ledger: farthing.Ledger, pattern: str) -> float:
    """Seconds for one charge of one caller: the median of many."""
    took = []
    for account in draw_accounts(pattern, 150):
        started = time.perf_counter()
        ledger.charge(account, "0.000005")
        took.append(time.perf_counter() - started)
    return sorted(took)[len(took) // 2]


def run_threads(ledger: farthing.Ledger, pattern: str, clients: int, count: int) -> float:
    """Charges a second from threads that each make one after the other."""

    def work(part: list[str]) -> None:
        for account in part:
            ledger.charge(account, "0.000005")

    return time_threads(draw_accounts(pattern, count), clients, work)


def run_pairs(ledger: farthing.Ledger, pattern: str, clients: int, count: int) -> float:
    """Pairs of hold and settle a second."""

    def work(part: list[str]) -> None:
        for account in part:
            hold = ledger.hold(account, "0.000010")
            hold.settle("0.000005")

    return time_threads(draw_accounts(pattern, count), clients, work)


def time_threads(accounts: list[str], clients: int, work: object) -> float:
    parts = [accounts[start::clients] for start in range(clients)]
    threads = [threading.Thread(target=work, args=(part,)) for part in parts]  # type: ignore[arg-type]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(accounts) / (time.perf_counter() - started)


def run_tasks(ledger: farthing.Ledger, pattern: str, clients: int, count: int) -> float:
    """Charges a second from tasks of one event loop that each make one after the other."""
    accounts = draw_accounts(pattern, count)

    async def work(part: list[str]) -> None:
        for account in part:
            await ledger.acharge(account, "0.000005")

    async def run() -> float:
        started = time.perf_counter()
        await asyncio.gather(*(work(accounts[start::clients]) for start in range(clients)))
        return count / (time.perf_counter() - started)

    return asyncio.run(run())


def open_bare(folder: str) -> sqlite3.Connection:
    """Plain SQLite with the same durability, an account table and a ledger table."""
    bare = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
    bare.executescript(
        "pragma journal_mode = wal; pragma synchronous = full;"
        "create table account (id integer primary key, balance integer not null);"
        "create table line (id integer primary key, account integer, amount integer, key text unique);"
    )
    bare.executemany("insert into account values (?, 1000000000)", [(number,) for number in range(10_000)])
    return bare


def time_bare_commit() -> float:
    """Seconds for one durable commit that changes one row: the median of many."""
    with tempfile.TemporaryDirectory(prefix="farthing-bench-") as folder:
        bare = open_bare(folder)
        return time_each(
            lambda number: bare.execute("update account set balance = balance - 5 where id = ?", (number,))
        )


def time_guarded_update() -> float:
    """Seconds for what people write by hand: a guarded update and a ledger line with its key, in one commit."""
    with tempfile.TemporaryDirectory(prefix="farthing-bench-") as folder:
        bare = open_bare(folder)

        def charge(number: int) -> None:
            bare.execute("begin immediate")
            bare.execute("update account set balance = balance - 5 where id = ? and balance >= 5", (number,))
            bare.execute("insert into line (account, amount, key) values (?, 5, ?)", (number, f"key {number}"))
            bare.execute("commit")

        return time_each(charge)


def time_each(work: object) -> float:
    took = []
    for number in range(300):
        started = time.perf_counter()
        work(number)  # type: ignore[operator]
        took.append(time.perf_counter() - started)
    return sorted(took)[len(took) // 2]
