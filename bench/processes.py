"""Gunicorn's shape: processes that each open the ledger and charge one after the other; nothing batches across them."""

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Barrier
from typing import Any

import farthing
from bench.baselines import BEST, find_best
from bench.books import fund_accounts, make_charges, name_database, refuse_errors
from bench.patterns import draw_accounts
from bench.rows import Plan, Row, make_row
from farthing.values.bounds import LARGEST_BATCH

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["farthing", "bench.processes"])
LONGEST_SECONDS = 300
BULK = 2
Charging = Callable[[farthing.Ledger, list[str]], None]


def bench_processes(plan: Plan) -> Iterator[Row]:
    count = 1_280 if plan.quick else 6_400
    for store in plan.list_stores("sqlite", "postgres"):
        with name_database(store) as url:
            with farthing.open(url, create=True) as ledger:
                fund_accounts(ledger)
            for pattern in ("uniform", "zipf", "hot"):
                eight: float | None = None
                for clients in (8, 32):
                    times = 1 if plan.quick else 3
                    accounts = draw_accounts(pattern, count)
                    rate = statistics.median(
                        run_processes(url, accounts, clients, charge_one_by_one) for _ in range(times)
                    )
                    baseline = find_best(pattern, plan)
                    yield make_row(
                        "processes, charge()", store, rate, pattern=pattern, clients=clients,
                        baseline=baseline, against=BEST if baseline else "",
                        target=f">= 8 processes, {eight:,.0f}/s" if eight and pattern == "hot" else "",
                    )  # fmt: skip
                    eight = rate
            if store == "postgres":
                yield from bench_bulk(url, plan)


def bench_bulk(url: str, plan: Plan) -> Iterator[Row]:
    """Batches of 512 from a process for each core: what one interpreter leaves idle, another takes."""
    for pattern in ("uniform", "zipf", "hot"):
        accounts = draw_accounts(pattern, 20_480 if plan.quick else 81_920)
        rate = statistics.median(run_processes(url, accounts, BULK, charge_in_bulk) for _ in range(3))
        yield make_row(
            "processes, batches", "postgres", rate, pattern=pattern, batch=LARGEST_BATCH, clients=BULK,
            baseline=find_best(pattern, plan), against=BEST,
        )  # fmt: skip


def run_processes(url: str, accounts: list[str], clients: int, charge: Charging) -> float:
    """Charges a second from the moment that all are ready until the last has finished."""
    gate = CONTEXT.Barrier(clients)
    answers = CONTEXT.SimpleQueue()
    parts = [accounts[start::clients] for start in range(clients)]
    workers = [CONTEXT.Process(target=work, args=(url, part, gate, answers, charge), daemon=True) for part in parts]
    for worker in workers:
        worker.start()
    spans: list[tuple[float, float]] = []
    for _ in workers:
        answer = answers.get()
        if isinstance(answer, str):
            raise RuntimeError(answer)
        spans.append(answer)
    for worker in workers:
        worker.join(LONGEST_SECONDS)
    return len(accounts) / (max(end for _, end in spans) - min(start for start, _ in spans))


def charge_one_by_one(ledger: farthing.Ledger, accounts: list[str]) -> None:
    for account in accounts:
        ledger.charge(account, "0.000005")


def charge_in_bulk(ledger: farthing.Ledger, accounts: list[str]) -> None:
    requests = make_charges(accounts, f"bulk {os.getpid()} {time.monotonic_ns()}")
    for start in range(0, len(requests), LARGEST_BATCH):
        refuse_errors(ledger.engine.run_many(requests[start : start + LARGEST_BATCH]))


def work(url: str, accounts: list[str], gate: Barrier, answers: Any, charge: Charging) -> None:
    """One process: tells when it began and ended, on the clock that all processes share, or what went wrong."""
    try:
        with farthing.open(url) as ledger:
            ledger.balance(accounts[0])  # so that it is connected
            gate.wait(LONGEST_SECONDS)
            started = time.monotonic()
            charge(ledger, accounts)
            answers.put((started, time.monotonic()))
    except Exception as failure:
        gate.abort()
        answers.put(f"{type(failure).__name__}: {failure}")
