"""Databases to measure on: a temporary SQLite file with full durability, its accounts funded."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import farthing
from bench.patterns import ACCOUNTS, name_account
from farthing.core.requests import Charge, Grant

FUNDS = 10**15


@contextmanager
def open_book(store: str, accounts: int = ACCOUNTS, lots: int = 1) -> Iterator[farthing.Ledger]:
    """A ledger with `accounts` funded accounts, each with `lots` grants."""
    with tempfile.TemporaryDirectory(prefix="farthing-bench-") as folder:
        url = "memory:" if store == "memory" else f"sqlite:///{Path(folder) / 'bench.db'}"
        with farthing.open(url, create=True) as ledger:
            grants = [
                Grant(key=f"fund {number} {lot}", account=name_account(number), amounts=((1, FUNDS),))
                for number in range(accounts)
                for lot in range(lots)
            ]
            refuse_errors(ledger.engine.run_many(grants))
            yield ledger


def refuse_errors(outcomes: Sequence[object]) -> None:
    """A bench that measures refusals measures nothing."""
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


def make_charges(accounts: list[str], tag: str) -> list[Charge]:
    return [
        Charge(key=f"{tag} {number}", account=account, amounts=((1, 5),)) for number, account in enumerate(accounts)
    ]
