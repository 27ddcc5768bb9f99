"""What one decision costs in the core alone: processor time, no store, no engine."""

import time
from collections.abc import Iterator

from bench.rows import Plan, Row, make_row, median_of
from farthing.core.decide import decide
from farthing.engine.zones import find_zone
from farthing.values.amounts import Unit
from farthing.values.entries import Seal
from farthing.values.requests import Charge, Grant
from farthing.values.wallets import Account, AccountState, Wallet

NOW = 1_700_000_000_000_000
UNIT = Unit(1, "credits")
ACCOUNT = Account(1, 3, 1, "acme", AccountState.ACTIVE)
SEAL = Seal()


def fill_wallet(lots: int) -> Wallet:
    """A wallet whose lots are so small that a charge of 5 draws on all of them when there are three."""
    wallet = Wallet(ACCOUNT, UNIT, SEAL.begin(ACCOUNT, UNIT))
    amounts = [2] * (lots - 1) + [10**15]
    for place, amount in enumerate(amounts):
        request = Grant(key=f"grant {place}", account="acme", amounts=((1, amount),))
        wallet = decide(ACCOUNT, {1: wallet}, request, NOW, SEAL, find_zone).wallets[1]
    return wallet


def time_decisions(lots: int, count: int) -> float:
    """Microseconds of processor time for one charge."""
    wallet = fill_wallet(lots)
    requests = [Charge(key=str(number), account="acme", amounts=((1, 5),)) for number in range(count)]
    for request in requests:
        request.digests()
    wallets = {1: wallet}
    started = time.process_time()
    for request in requests:
        decide(ACCOUNT, wallets, request, NOW, SEAL, find_zone)
    return (time.process_time() - started) / count * 1e6


def bench_deciding(plan: Plan) -> Iterator[Row]:
    count = 5_000 if plan.quick else 20_000
    for lots, target in ((1, "<= 15 us"), (3, "<= 30 us")):
        cost = median_of(5, lambda lots=lots: time_decisions(lots, count))  # type: ignore[misc]
        name = f"decide, draws on {lots} lot{'s' if lots > 1 else ''}"
        yield make_row(name, "core", 1e6 / cost, target=target)
