"""What the tests of the SQLite store share: a database of their own, requests to it, and SQL behind its back."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from farthing.engine.batch import Batch
from farthing.engine.tickets import Outcome
from farthing.store.contract import Work
from farthing.store.sqlite import SqliteStore, open_sqlite
from farthing.values.amounts import Unit
from farthing.values.entries import Seal
from farthing.values.requests import Charge, Grant, Request
from farthing.values.wallets import Wallet

CREDITS = Unit(1, "credits")
START = 1_750_000_000_000_000
"""Some instant in 2025."""


def make_url(path: Path) -> str:
    return f"sqlite:///{path}"


@contextmanager
def open_store(path: Path, *, create: bool = True, seal: Seal | None = None) -> Iterator[SqliteStore]:
    """The store in this file, with the unit `credits`."""
    store = open_sqlite(make_url(path), create=create, seal=seal)
    try:
        store.add_units([CREDITS])
        yield store
    finally:
        store.close()


def answer(work: Work, store: SqliteStore, *requests: Request) -> list[Outcome | Exception]:
    """Decide and save requests in a unit of work, without a commit."""
    batch = Batch(work, requests, START, store.seal, provisional=False)
    answers = batch.answer_all()
    work.save(batch.changes)
    return answers


def ask(store: SqliteStore, *requests: Request) -> list[Outcome | Exception]:
    """Decide, save and commit requests as one batch."""
    with store.work() as work:
        answers = answer(work, store, *requests)
        work.commit()
    return answers


def grant(key: str, amount: int = 100, account: str = "acme", **terms: Any) -> Grant:
    return Grant(key=key, account=account, amounts=((1, amount),), **terms)


def charge(key: str, amount: int = 1, account: str = "acme", **terms: Any) -> Charge:
    return Charge(key=key, account=account, amounts=((1, amount),), **terms)


def read_wallet(store: SqliteStore, key: str = "acme") -> Wallet:
    account = store.find_account(key)
    assert account is not None
    return store.read_wallet(account, CREDITS)


def run_sql(path: Path, statement: str, values: tuple[Any, ...] = ()) -> list[Any]:
    """Run a statement on a connection that knows nothing of Farthing, and commit."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement, values).fetchall()
