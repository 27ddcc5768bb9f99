"""Books for the races: how a test or a process opens one by its address, and what it reads behind the engine's back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from farthing.engine.tickets import Outcome
from farthing.store.contract import Store
from farthing.store.memory import MemoryStore
from farthing.values.amounts import Unit
from farthing.values.entries import Kind
from tests.postgres.databases import open_prepared

CREDITS, GENERATIONS = Unit(1, "credits", 6, 2), Unit(2, "generations", 0, 0)
SHARED = ("sqlite", "postgres")
"""Kinds of books that several processes have open at once."""


def open_book(url: str) -> Store:
    """The book at an address, made when it is not there."""
    from farthing.store.postgres import open_postgres
    from farthing.store.sqlite import open_sqlite

    store: Store = (open_sqlite if url.startswith("sqlite:") else open_postgres)(url, create=True)
    store.add_units([CREDITS, GENERATIONS])
    return store


def open_sqlite(path: Path) -> Store:
    """A SQLite file of its own for a test, made when it is not there."""
    return open_book(f"sqlite:///{path}")


@contextmanager
def make_url(kind: str, folder: Path) -> Iterator[str]:
    """The address of a fresh book of a kind that processes can share; on PostgreSQL as the app's role has it."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/shared.db"
    else:
        with open_prepared() as database:
            yield database.app_url


@contextmanager
def make_store(kind: str, folder: Path) -> Iterator[Store]:
    """A fresh, open book of any kind."""
    if kind == "memory":
        store: Store = MemoryStore()
        store.add_units([CREDITS, GENERATIONS])
        yield store
        return
    with make_url(kind, folder) as url:
        store = open_book(url)
        try:
            yield store
        finally:
            store.close()


def list_kinds(store: Store, held: Outcome) -> list[Kind]:
    """The kinds of all entries of a hold, in order."""
    first = held.entries[0]
    listed = store.list_history(held.account, first.unit_id, None, None, 10_000)
    entries = [history.entry for _, history in reversed(listed)]
    return [Kind(entry.kind) for entry in entries if first.number in (entry.number, entry.of_number)]
