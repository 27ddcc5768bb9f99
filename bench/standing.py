"""What budgets and allowances cost a charge, and how fast idle wallets are tidied."""

import itertools
import statistics
from collections.abc import Iterator

import farthing
from bench.books import FUNDS, make_charges, open_book, refuse_errors
from bench.meters import Meter
from bench.patterns import ACCOUNTS, draw_accounts, name_account
from bench.rows import Plan, Row, make_row, time_rate
from farthing.service.jobs import run_job
from farthing.values.bounds import LARGEST_BATCH
from farthing.values.periods import Cadence
from farthing.values.requests import Grant
from farthing.values.standing_requests import Allow, SetBudget

BUDGETS = {"hourly": Cadence.HOUR, "daily": Cadence.DAY, "monthly": Cadence.MONTH}
ALLOWANCES = {"plan": Cadence.MONTH, "gift": Cadence.YEAR}
COUNT = 10_240


def bench_standing(plan: Plan) -> Iterator[Row]:
    """Charges under three budgets and two allowances, beside plain ones: both ledgers in turn, so that they share
    whatever else the machine does."""
    for store in plan.list_stores("sqlite", "postgres", "memory"):
        with open_book(store) as plain, open_book(store) as standing:
            add_rules(standing)
            turns = itertools.count()
            for pattern in ("uniform", "hot"):
                times = [
                    (charge(plain, pattern, next(turns)), charge(standing, pattern, next(turns)))
                    for _ in range(3 if plan.quick else 7)
                ]
                yield make_row(
                    "charge, 3 budgets and 2 allowances", store, statistics.median(new for _, new in times),
                    pattern=pattern, batch=LARGEST_BATCH, baseline=statistics.median(old for old, _ in times),
                    against="a plain one", target=">= 0.67 x",
                )  # fmt: skip


def add_rules(ledger: farthing.Ledger) -> None:
    """Give every account its budgets and allowances."""
    accounts = [name_account(number) for number in range(ACCOUNTS)]
    engine = ledger.engine
    for name, every in BUDGETS.items():
        asked = [
            SetBudget(key=f"{name} {a}", account=a, unit=1, name=name, most=FUNDS, every=int(every)) for a in accounts
        ]
        refuse_errors(engine.run_many(asked))
    for name, every in ALLOWANCES.items():
        given = [
            Allow(key=f"{name} {a}", account=a, unit=1, name=name, amount=1_000_000, every=int(every)) for a in accounts
        ]
        refuse_errors(engine.run_many(given))


def charge(ledger: farthing.Ledger, pattern: str, turn: int) -> float:
    """Charges a second, in whole batches."""
    requests = make_charges(draw_accounts(pattern, COUNT, turn), f"standing {turn}")
    return time_rate(COUNT, lambda: refuse_errors(ledger.engine.run_many(requests)))


def bench_tidying(plan: Plan) -> Iterator[Row]:
    """Idle wallets in which credits have expired: all of them, and one in a hundred, as a worker finds them."""
    wallets = 20_000 if plan.quick else 1_000_000
    for store in plan.list_stores("sqlite", "postgres"):
        for name, share in (("tidy, all due", 1), ("tidy, 1 in 100 due", 100)):
            with open_book(store, accounts=0) as ledger:
                fill_idle(ledger, wallets, share)
                meter = Meter(store)
                with meter.measure(wallets):
                    rate = time_rate(wallets, lambda ledger=ledger: run_job(ledger.engine, "tidy"))  # type: ignore[misc]
                yield make_row(name, store, rate, batch=LARGEST_BATCH, target=">= 20000/s", **meter.columns())


def fill_idle(ledger: farthing.Ledger, wallets: int, share: int) -> None:
    """Wallets with credits, of which every so many end in the blink of an eye."""
    for start in range(0, wallets, COUNT):
        numbers = range(start, min(wallets, start + COUNT))
        grants = [
            Grant(
                key="idle", account=name_account(number), amounts=((1, 1_000_000),),
                expires_in=1 if number % share == 0 else None,
            )
            for number in numbers
        ]  # fmt: skip
        refuse_errors(ledger.engine.run_many(grants))
