"""The stores on which cases run, each as a fresh test book with a frozen clock. A new store is a line in `STORES`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import farthing
from farthing.testing import FrozenClock
from tests.postgres.databases import open_prepared


@contextmanager
def name_memory() -> Iterator[str]:
    """A database that is nowhere."""
    yield "memory://"


@contextmanager
def name_sqlite() -> Iterator[str]:
    """A file that goes away afterwards."""
    with TemporaryDirectory(prefix="farthing-case-") as folder:
        yield f"sqlite:///{Path(folder) / 'case.db'}"


@contextmanager
def name_postgres() -> Iterator[str]:
    """A database on a server of our own, reached as the app's role."""
    with open_prepared() as database:
        yield database.app_url


STORES: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "memory": name_memory,
    "sqlite": name_sqlite,
    "postgres": name_postgres,
}
"""Each store with what names a fresh database on it."""


@contextmanager
def open_book(store: str, clock: FrozenClock, unit: str, scale: int) -> Iterator[farthing.Ledger]:
    """A ledger with nothing in it, closed and gone afterwards."""
    with (
        STORES[store]() as url,
        farthing.open(url, create=True, test=True, clock=clock, units={unit: scale}) as ledger,
    ):
        yield ledger
