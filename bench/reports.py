"""Reports over a year of entries: how fast the rollup is made, and how long every report takes once it is there.

The year is written by COPY, as no ledger would write it: entries are not sealed and wallets' sums are not kept, so it
is for reports alone. One account in ten thousand has a fifth of all entries, with members; the others share the rest.
"""

import random
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import farthing
from bench.books import FUNDS, open_book
from bench.patterns import ACCOUNTS, name_account
from bench.rows import Plan, Row, make_row, time_each
from farthing.service.rollups import run_rollup
from farthing.store.postgres import PostgresStore
from farthing.store.postgres_packing import COPY_END, COPY_HEAD, pack_entry
from farthing.store.postgres_statements import COPY_ENTRIES
from farthing.store.versions import PREFIX
from farthing.values.bounds import NEVER
from farthing.values.calendars import to_instant
from farthing.values.entries import Effect, Entry, Kind, pack_effects
from farthing.values.names import name_number
from farthing.values.wallets import Account

ENTRIES = 10_000_000
QUICK = 200_000
HOT = name_account(0)
HOT_SHARE = 5
YEAR = 365 * 86_400 * 1_000_000
FEATURES = {"chat": 4, "image": 3, "video": 2, "audio": 2, "code": 4}
"""Features, and how many models do each."""
MEMBERS = 12
PLANS = ("free", "basic", "premium")
BLOCK = 20_000
SEALED = bytes(16)
HEAD = bytes(32)


def bench_reports(plan: Plan) -> Iterator[Row]:
    """Seconds are what matters here: a report that takes 50 ms is 20 a second."""
    for _ in plan.list_stores("postgres"):
        count = QUICK if plan.quick else ENTRIES
        with open_book("postgres") as ledger:
            write_year(ledger, count)
            began = time.perf_counter()
            done = sum(run_rollup(ledger.engine.store, None, lambda: False))
            rate = done / (time.perf_counter() - began)
            yield make_row(f"rollup of {count:,} entries", "postgres", rate)
            for name, ask in list_reports(ledger):
                began = time.perf_counter()
                ask()
                first = time.perf_counter() - began
                took = time_each(5, lambda _, ask=ask: ask())  # type: ignore[misc]
                yield make_row(
                    f"report: {name}", "postgres", 1 / took, pattern=f"{count:,} entries", baseline=1 / first,
                    against="the first time", target=">= 5/s (200 ms)",
                )  # fmt: skip


def list_reports(ledger: farthing.Ledger) -> Iterator[tuple[str, Callable[[], object]]]:
    """Every kind of report, over all accounts, over the largest and over a usual one."""
    reports = ledger.reports
    year: dict[str, Any] = {"since": to_instant(ledger.engine.clock.now() - YEAR + 1)}
    usual = name_account(4_711)
    yield "a year by month", lambda: reports.usage(**year)
    yield "a year by month and feature", lambda: reports.usage(split="feature", **year)
    yield "a year by month, feature and model", lambda: reports.usage(split=("feature", "model"), **year)
    yield "a year by free and paid models", lambda: reports.usage(split="free", **year)
    yield "a year by plan", lambda: reports.usage(split="plan", **year)
    yield "a year by week", lambda: reports.usage(every="week", **year)
    yield "a year by day", lambda: reports.usage(every="day", **year)
    yield "a year by day, Berlin", lambda: reports.usage(every="day", zone="Europe/Berlin", **year)
    yield "a year by day, Kolkata", lambda: reports.usage(every="day", zone="Asia/Kolkata", **year)
    yield "a year by hour of the day", lambda: reports.usage(every="hour_of_day", **year)
    yield "a year by hour", lambda: reports.usage(every="hour", **year)
    yield "a year by success", lambda: reports.usage(every="all", split="success", **year)
    yield "lifetime by feature", lambda: reports.usage(every="all", split="feature")
    yield "credits by month", lambda: reports.credits(**year)
    for who, account in (("largest account", HOT), ("usual account", usual)):
        yield f"{who}, a year by day", lambda a=account: reports.usage(a, every="day", **year)  # type: ignore[misc]
        yield f"{who}, by member", lambda a=account: reports.usage(a, split="member", **year)  # type: ignore[misc]
        yield f"{who}, by plan and model", lambda a=account: reports.usage(a, split=("plan", "model"), **year)  # type: ignore[misc]
        yield f"{who}, this cycle", lambda a=account: reports.usage(a, every="cycle")  # type: ignore[misc]
        yield f"{who}, credits by month", lambda a=account: reports.credits(a, **year)  # type: ignore[misc]
        yield f"{who}, spent this month", lambda a=account: reports.spent_this_month(a)  # type: ignore[misc]
        yield f"{who}, last purchase", lambda a=account: reports.last_purchase(a)  # type: ignore[misc]
        at = to_instant(ledger.engine.clock.now()) - timedelta(days=100)
        yield f"{who}, balance then", lambda a=account, at=at: reports.balance_at(a, at)  # type: ignore[misc]


def write_year(ledger: farthing.Ledger, count: int) -> None:
    """So many charges, spread over the year before now, and a plan for every account."""
    store = ledger.engine.store
    assert isinstance(store, PostgresStore)
    end = ledger.engine.clock.now()
    with store.connections.writing() as connection:
        connection.execute(f"INSERT INTO {PREFIX}name VALUES " + ", ".join(list_names()))
        rows = connection.execute(f"SELECT account_id, shard, key FROM {PREFIX}account").fetchall()
        ids = {key: (account_id, shard) for account_id, shard, key in rows}
        accounts = [Account(*ids[name_account(n)], 1, "", None) for n in range(ACCOUNTS)]  # type: ignore[arg-type]
        write_plans(connection, accounts, end)
        for block in list_blocks(accounts, count, end - YEAR):
            with connection.cursor().copy(COPY_ENTRIES) as copying:
                copying.write(b"".join((COPY_HEAD, *block, COPY_END)))
        connection.execute(f"ANALYZE {PREFIX}entry")


def list_names() -> list[str]:
    texts = [*FEATURES, *(f"{f}-{n}" for f, most in FEATURES.items() for n in range(most)),
             *(f"member {n}" for n in range(MEMBERS))]  # fmt: skip
    return [f"({name_number(text)}, '{text}')" for text in texts]


def write_plans(connection: object, accounts: list[Account], end: int) -> None:
    columns = "shard, account_id, number, step, plan, every, count, anchor, zone, starts_at, trial_ends_at," \
        " period_starts_at, period_ends_at, ends_at, is_renewing, next_plan, next_every, fallback, catalog_version," \
        " paid_minor, currency, acts_at, recorded_at, ended_at"  # fmt: skip
    started = end - YEAR
    for place, plan in enumerate(PLANS):
        ids = [account.account_id for account in accounts[place :: len(PLANS)]]
        connection.execute(  # type: ignore[attr-defined]
            f"INSERT INTO {PREFIX}subscription ({columns}) SELECT 0, a, 2, 1, '{plan}', 4, 1, {started}, 'UTC',"
            f" {started}, 0, {started}, {end}, {NEVER}, 1, '', 0, 'free', 0, 0, 0, {NEVER}, {started}, 0"
            " FROM unnest(%s::int8[]) AS a",
            (ids,),
        )


def list_blocks(accounts: list[Account], count: int, start: int) -> Iterator[list[bytes]]:
    """Rows for COPY: charges with tokens, costs, durations and what they drew on."""
    dice = random.Random(11)
    work = [(name_number(f), name_number(f"{f}-{n}")) for f, most in FEATURES.items() for n in range(most)]
    members = [name_number(f"member {n}") for n in range(MEMBERS)]
    numbers = [1] * len(accounts)
    effects = {amount: pack_effects([(int(Effect.LOT_MOVED), 1, 0, -amount)]) for amount in range(1, 200)}
    block: list[bytes] = []
    for i in range(count):
        who = 0 if i % HOT_SHARE == 0 else dice.randrange(1, len(accounts))
        numbers[who] += 1
        number, amount, at = numbers[who], dice.randrange(1, 200), start + i * (YEAR // count)
        feature, model = work[dice.randrange(len(work))]
        member = members[dice.randrange(MEMBERS)] if who == 0 else None
        left = FUNDS - amount
        block.append(pack_entry(accounts[who], Entry(
            1, number, int(Kind.CHARGED), 1, number, amount, 0, 0, 0, 0, amount, 0, -amount, 0, 0, 0, left, 0, 0, left,
            0, feature, 0, at, at, model, member, None, None, None, 900, None, None, 300, None, 1_500_000, 840,
            int(amount > 3), None, SEALED, None, effects[amount], HEAD,
        )))  # fmt: skip
        if len(block) == BLOCK:
            yield block
            block = []
    if block:
        yield block
