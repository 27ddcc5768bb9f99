"""The SQLite store: one file, one process or several, full durability. `contract.py` says what it keeps.

Where things are: opening and connections in `sqlite_files` and `sqlite_connections`, the queue of processes in
`sqlite_lock`, a batch in `sqlite_load`, `sqlite_save` and `sqlite_work`, reading in `sqlite_reads`.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Final

from farthing.store import sqlite_oddities, sqlite_reads
from farthing.store.budget_book import BudgetBook
from farthing.store.claiming import Ask
from farthing.store.cold_tables import ColdTables
from farthing.store.contract import CommitUnknown, Due, History, WalletKey, WalletRecord, Work
from farthing.store.joining import find_driver
from farthing.store.name_book import NameBook
from farthing.store.needs import OWN_NAMES
from farthing.store.reads import DUE_SPAN, DUE_WALLETS, list_due
from farthing.store.rollup_sqlite import SqliteRollup
from farthing.store.sqlite_connections import Connections
from farthing.store.sqlite_files import connect_writer, name_cause, name_problem, primary_code, refuse_other_file
from farthing.store.sqlite_load import Loader
from farthing.store.sqlite_opening import prepare_database
from farthing.store.sqlite_save import SqliteSaver
from farthing.store.sqlite_work import (
    EXPECTED,
    Sealed,
    SqliteWork,
    join_transaction,
    make_cursor,
    refuse_other_database,
)
from farthing.store.unit_book import ADD_UNIT, NEXT_UNIT, SET_DIGITS, UNITS, UnitBook, refuse_changed_scale, take_units
from farthing.store.versions import PREFIX
from farthing.store.wallet_rows import Row
from farthing.values.amounts import Unit
from farthing.values.entries import Seal
from farthing.values.wallets import Account, Wallet

NAME: Final = f"SELECT text FROM {PREFIX}name WHERE number = ?"
HASH: Final = f"SELECT hash FROM {PREFIX}entry WHERE account_id = ? AND unit_id = ? AND number = ?"


def open_sqlite(
    url: str,
    *,
    create: bool = False,
    book: str = "main",
    test: bool = False,
    seal: Seal | None = None,
) -> "SqliteStore":
    """Open one book of the database at `sqlite:///PATH`, brought to this release's schema if it has an older one.

    `create` makes what is missing: the file, our tables in it, the book. Nothing is written where this raises:
    `UrlInvalid`, `DatabaseMissing`, `DatabaseUnreadable`, `DatabaseForeign`, `BookMissing`, `UpgradeFirst`,
    `ChainKeyWrong`, `ClockIsFrozen`, `Busy`.
    """
    sealed = seal or Seal()
    path, number = prepare_database(url, create=create, book=book, test=test, seal=sealed)
    return SqliteStore(path, number, sealed, test=test)


class SqliteStore(ColdTables):
    """A SQLite database, opened for one book. See `contract.Store`."""

    lanes = 1
    clock = None

    def __init__(self, path: Path, book: int, seal: Seal, *, test: bool = False) -> None:
        self.path = path
        self.is_test = test
        self.book = book
        self.seal = seal
        self.url = f"sqlite:///{path}"
        self.connections = Connections(path)
        self.names = NameBook()
        for text in OWN_NAMES:
            self.names.intern(text)
        self.budgets = BudgetBook()
        self.known_units = UnitBook()
        self.units()

    def work(self, *, patient: bool = True) -> AbstractContextManager[Work]:
        """Begin a unit of work, in the queue of all processes that write this database: all wait. Raises `Busy`."""
        return self.lend_work()

    @contextmanager
    def lend_work(self) -> Iterator[Work]:
        """See `work`."""
        with self.connections.writing() as cursor:
            yield self.make_work(cursor, self.commit)

    def work_within(self, connection: object) -> AbstractContextManager[Work]:
        """A unit of work in the caller's transaction. Raises `ConnectionForeign`, and `Busy` after a bounded wait."""
        return self.lend_work_within(connection)

    @contextmanager
    def lend_work_within(self, connection: object) -> Iterator[Work]:
        """See `work_within`. No name counts as stored by it, since the caller may undo it all."""
        self.connections.refuse_closed()
        refuse_other_file(self.path, self.connections.file)
        driver = find_driver(connection, sqlite3.Connection, EXPECTED)
        refuse_other_database(driver, self.path)
        with join_transaction(driver, self.path) as (cursor, keep):
            yield self.make_work(cursor, lambda _: keep())

    def make_work(self, cursor: sqlite3.Cursor, finish: Callable[[SqliteWork], None]) -> SqliteWork:
        """A unit of work on this cursor, which `finish` commits."""
        loader = Loader(cursor, self.book, self.seal, self.find_unit, self.budgets, is_test=self.is_test)
        return SqliteWork(self.path, cursor, loader, SqliteSaver(cursor, loader.stored, self.names), finish)

    def commit(self, work: SqliteWork) -> None:
        """Commit. Where that fails and the transaction is gone, look on a fresh connection how it ended."""
        try:
            work.cursor.execute("COMMIT")
        except sqlite3.Error as error:
            if work.cursor.connection.in_transaction or work.last is None:
                raise
            self.connections.drop_writer()
            if not self.find_committed(work.last, error):
                raise name_problem(error, self.path) from None
        self.names.learn(work.saver.new_names, stored=True)
        work.loader.stored.teach_budgets(self.budgets)

    def find_committed(self, last: Sealed, error: sqlite3.Error) -> bool:
        """Whether an entry is there, for good: the log is worked into the database first, so that what a failed sync
        may have left in it is either durable or gone. Raises `CommitUnknown` where that cannot be done."""
        try:
            with closing(connect_writer(self.path)) as writer:
                cursor = make_cursor(writer)
                # What found no room lacks its end, which is written last: then there is nothing to work in, for which
                # there may be no room either.
                if primary_code(error) == sqlite3.SQLITE_FULL and not has_entry(cursor, last):
                    return False
                if cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    raise CommitUnknown(name_cause(error))
                return has_entry(cursor, last)
        except sqlite3.Error:
            raise CommitUnknown(name_cause(error)) from None

    @property
    def rollup(self) -> SqliteRollup:
        """Sums of entries, for reports."""
        return SqliteRollup(self)

    def units(self) -> dict[str, Unit]:
        """The units of this book by name, the default one first, no older than a second."""
        if not self.known_units.is_fresh:
            with self.connections.reading_at_once() as cursor:
                self.read_units(cursor)
        return self.known_units.by_name

    def read_units(self, cursor: sqlite3.Cursor) -> dict[str, Unit]:
        """Learn the units that there are."""
        return self.known_units.learn(cursor.execute(UNITS, (self.book,)).fetchall())

    def find_unit(self, cursor: sqlite3.Cursor, unit_id: int) -> Unit | None:
        """A unit of this book by its id; 0 is the account's own."""
        if unit_id not in self.known_units.by_id:
            self.read_units(cursor)
        return self.known_units.by_id.get(unit_id)

    def add_units(self, units: Sequence[Unit]) -> None:
        """Add units; a known name keeps its id and scale, and takes new digits. Raises `UnitChanged`."""
        with self.connections.reading_at_once() as cursor:
            self.read_units(cursor)
        if self.known_units.has_all(units):
            return
        with self.connections.writing() as cursor:
            known = take_units(cursor.execute(UNITS, (self.book,)).fetchall())
            refuse_changed_scale(units, known)
            for unit in units:
                if unit.name in known:
                    cursor.execute(SET_DIGITS, (unit.digits, known[unit.name].unit_id))
                else:
                    unit_id = cursor.execute(NEXT_UNIT).fetchone()[0]
                    cursor.execute(ADD_UNIT, (unit_id, self.book, unit.name, unit.scale, unit.digits))
                    known[unit.name] = unit._replace(unit_id=unit_id)
            cursor.execute("COMMIT")
            self.read_units(cursor)

    def intern_name(self, text: str) -> int:
        """The number of a name; its text is written with the first entry that uses it."""
        return self.names.intern(text)

    def name_text(self, number: int) -> str:
        """The text of a name's number; empty for 0 and for one that nobody knows."""
        text = self.names.find_text(number)
        if text is None:
            with self.connections.reading_at_once() as cursor:
                row = cursor.execute(NAME, (number,)).fetchone()
            if row is None:
                return ""
            text = str(row[0])
            self.names.learn([(number, text)], stored=True)
        return text

    def find_account(self, key: str) -> Account | None:
        """An account by its key, without a lock."""
        with self.connections.reading_at_once() as cursor:
            return sqlite_reads.find_account(cursor, self.book, key)

    def nearest_accounts(self, key: str, most: int = 3) -> list[str]:
        """Keys that look like this one."""
        with self.connections.reading_at_once() as cursor:
            return sqlite_reads.nearest_accounts(cursor, self.book, key, most)

    def read_wallet(self, account: Account, unit: Unit, unexpired_at: int | None = None) -> Wallet:
        """A wallet, whole, in one consistent read without a lock."""
        with self.connections.reading_at_once() as cursor:
            return sqlite_reads.read_wallet(cursor, account, unit, self.seal, unexpired_at)

    def read_wallets(self, account: Account) -> list[Wallet]:
        """Every wallet that this account has but that of unit 0, whole, in one consistent read, by unit id."""
        with self.connections.reading_at_once() as cursor:
            return sqlite_reads.read_wallets(cursor, account, self.seal, self.find_unit)

    def list_history(
        self,
        account: Account | None,
        unit_id: int | None,
        feature: int | None,
        before: int | None,
        most: int,
        kinds: tuple[int, ...] | None = None,
    ) -> list[tuple[int, History]]:
        """Entries newest first, each with its position in the ledger."""
        with self.connections.reading_at_once() as cursor:
            return sqlite_reads.list_history(cursor, self.book, account, unit_id, feature, before, most, kinds)

    def list_due(self, now: int, after: WalletKey | None, most: int) -> list[Due]:
        """Wallets in which something may be due, by account and unit."""

        def read_span(last: WalletKey) -> list[Row]:
            with self.connections.reading_at_once() as cursor:
                return cursor.execute(DUE_WALLETS, (*last, DUE_SPAN, self.book, now)).fetchall()

        self.units()
        return list_due(read_span, after, most, self.known_units.by_id.get)

    def ask(self, text: str, *values: Any) -> list[Row]:
        """The answer to a statement that only reads."""
        with self.connections.reading_at_once() as cursor:
            return cursor.execute(text, values).fetchall()

    @contextmanager
    def changing(self, locks: Sequence[int]) -> Iterator[Ask]:
        """A transaction that writes. There is one at a time, which is lock enough."""
        with self.connections.writing() as cursor:
            yield lambda text, *values: cursor.execute(text, values).fetchall()
            cursor.execute("COMMIT")

    def count_wallets(self) -> int:
        """Wallets in this book."""
        with self.connections.reading_at_once() as cursor:
            return sqlite_reads.count_rows(cursor, "wallet", self.book)

    def iter_records(self) -> Iterator[WalletRecord]:
        """Every wallet of the book with its entries, streamed, in one consistent read."""
        with self.connections.reading_at_once() as cursor:
            yield from sqlite_reads.iter_records(cursor, self.book, self.find_unit)

    def count_entries(self) -> int:
        """Entries in this book."""
        with self.connections.reading_at_once() as cursor:
            return sqlite_reads.count_rows(cursor, "entry", self.book)

    def find_oddities(self) -> Iterator[tuple[str, str]]:
        """What is wrong with tables that no wallet vouches for."""
        with self.connections.reading_at_once() as cursor:
            yield from sqlite_oddities.find_oddities(cursor, self.book)

    def after_fork(self) -> None:
        """Forget what belongs to the parent process. Forks that Python knows of are prepared for by themselves."""
        self.connections.notice_fork()

    def close(self) -> None:
        """Let go of connections and files; refuse everything from now on."""
        self.connections.close()


def has_entry(cursor: sqlite3.Cursor, sealed: Sealed) -> bool:
    """Whether this very entry can be read."""
    found = cursor.execute(HASH, sealed[:3]).fetchone()
    return found is not None and found[0] == sealed[3]
