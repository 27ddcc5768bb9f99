"""The real thing in full, for the property tests: engine and store under each account, and a clock that obeys."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from farthing.audit.verify import verify
from farthing.engine.engine import Engine
from farthing.store.contract import Store
from farthing.store.memory import MemoryStore
from farthing.store.postgres import open_postgres
from farthing.store.sqlite import open_sqlite
from farthing.values.amounts import Unit
from farthing.values.entries import Entry
from farthing.values.requests import Place, Request
from farthing.values.subscriptions import Subscription
from farthing.values.wallets import Wallet
from tests.laws.real import UNITS
from tests.postgres.databases import open_prepared

NAMES = ("chat", "video", "plan", "bonus", "purchase", "a", "ann", "ben", "small", "large", "k1",
         "p", "q", "r", "s", "USD")  # fmt: skip


class ObedientClock:
    """Any instant, also an earlier one: clocks of servers do go back."""

    is_frozen = False

    def __init__(self) -> None:
        self.at = 0

    def now(self) -> int:
        return self.at


class Shelf:
    """One database, which all accounts share."""

    def __init__(self, kind: str, *, is_test: bool = True) -> None:
        self.putting_away = ExitStack()
        self.store = self.open_store(kind, is_test)
        self.store.add_units(list(UNITS.values()))
        for name in NAMES:
            self.store.intern_name(name)
        for version in (1, 2):  # requests say the second one
            assert self.store.publish_catalog(bytes([version]) * 16, "", 0) == version
        self.clock = ObedientClock()
        self.engine = Engine(self.store, self.clock)

    def open_store(self, kind: str, is_test: bool) -> Store:
        """A fresh one: `memory`, `sqlite` or `postgres`."""
        if kind == "memory":
            return MemoryStore(test=is_test)
        if kind == "postgres":
            database = self.putting_away.enter_context(open_prepared())
            return open_postgres(database.app_url, create=True, book="laws", test=is_test)
        folder = self.putting_away.enter_context(TemporaryDirectory(prefix="farthing-laws-"))
        return open_sqlite(f"sqlite:///{Path(folder) / 'laws.db'}", create=True, book="laws", test=is_test)

    def open_account(self, key: str) -> StoredAccount:
        return StoredAccount(self, key)

    def close(self) -> None:
        """Hold every law over everything, then put it away."""
        report = verify(self.store)
        self.engine.close()
        self.putting_away.close()
        assert report.ok, report.summary


class StoredAccount:
    def __init__(self, shelf: Shelf, key: str) -> None:
        self.shelf = shelf
        self.key = key

    def ask(self, request: Request, now: int) -> tuple[list[Entry], bool]:
        self.shelf.clock.at = now
        outcome = self.shelf.engine.run(request)
        return list(outcome.entries), outcome.replayed

    def look(self, unit: str, now: int) -> Wallet:
        return self.shelf.engine.read_wallet(self.key, self.find_unit(unit), now)

    def place(self, unit: str, number: int) -> Place:
        account = self.shelf.store.find_account(self.key)
        assert account is not None
        return Place(account.shard, account.account_id, self.find_unit(unit).unit_id, number)

    def subscription(self) -> Subscription | None:
        """The step that holds, as it is stored."""
        account = self.shelf.store.find_account(self.key)
        return None if account is None else self.shelf.store.read_subscription(account)

    def find_unit(self, unit: str) -> Unit:
        found = self.shelf.store.units()[unit]
        assert found == UNITS[unit]
        return found
