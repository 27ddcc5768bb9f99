"""Databases to measure on, with full durability, their accounts funded. PostgreSQL is opened as the app's role."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import farthing
from bench.patterns import ACCOUNTS, name_account
from bench.servers import get_server
from farthing.engine.options import Settings
from farthing.values.requests import Charge, Grant
from tests.postgres.databases import open_prepared

FUNDS = 10**15


@contextmanager
def name_database(store: str) -> Iterator[str]:
    """The address of a database with nothing in it, gone afterwards."""
    if store == "postgres":
        with open_prepared(get_server()) as database:
            yield database.app_url
    elif store == "sqlite":
        with tempfile.TemporaryDirectory(prefix="farthing-bench-") as folder:
            yield f"sqlite:///{Path(folder) / 'bench.db'}"
    else:
        yield "memory:"


@contextmanager
def open_book(store: str, accounts: int = ACCOUNTS, lots: int = 1, lanes: int = 1) -> Iterator[farthing.Ledger]:
    """A ledger with `accounts` funded accounts, each with `lots` grants."""
    settings = Settings(lanes=lanes)
    with name_database(store) as url, farthing.open(url, create=True, settings=settings) as ledger:
        fund_accounts(ledger, accounts, lots)
        yield ledger


def fund_accounts(ledger: farthing.Ledger, accounts: int = ACCOUNTS, lots: int = 1) -> None:
    grants = [
        Grant(key=f"fund {number} {lot}", account=name_account(number), amounts=((1, FUNDS),))
        for number in range(accounts)
        for lot in range(lots)
    ]
    refuse_errors(ledger.engine.run_many(grants))


def refuse_errors(outcomes: Sequence[object]) -> None:
    """A bench that measures refusals measures nothing."""
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


def make_charges(accounts: list[str], tag: str) -> list[Charge]:
    return [
        Charge(key=f"{tag} {number}", account=account, amounts=((1, 5),)) for number, account in enumerate(accounts)
    ]
