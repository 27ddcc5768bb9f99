"""The PostgreSQL store: a database on a server, any number of processes and machines. `contract.py` says what it keeps.

Where things are: addresses in `postgres_places`, opening in `postgres_opening`, connections in `postgres_connections`,
a batch in `postgres_load`, `postgres_save` and `postgres_work`, reading in `postgres_reads`.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import psycopg

from farthing.store import postgres_oddities, postgres_reads
from farthing.store.account_book import AccountBook
from farthing.store.budget_book import BudgetBook
from farthing.store.claiming import Ask
from farthing.store.cold_tables import ColdTables
from farthing.store.contract import Due, History, WalletKey, WalletRecord, Work
from farthing.store.database_clock import DatabaseClock
from farthing.store.joining import find_driver
from farthing.store.name_book import NameBook
from farthing.store.needs import OWN_NAMES
from farthing.store.postgres_asking import Connection, ask_alone
from farthing.store.postgres_connections import Connections
from farthing.store.postgres_errors import saying_plainly
from farthing.store.postgres_opening import adding_few, fetch_value, prepare_database, translate, translate_joins
from farthing.store.postgres_places import Place, read_postgres_url
from farthing.store.postgres_work import EXPECTED, IDENTITY, PostgresWork, join_transaction
from farthing.store.reads import DUE_SPAN, DUE_WALLETS, list_due
from farthing.store.rollup_postgres import PostgresRollup
from farthing.store.unit_book import ADD_UNIT, NEXT_UNIT, SET_DIGITS, UNITS, UnitBook, refuse_changed_scale, take_units
from farthing.store.versions import PREFIX
from farthing.store.wallet_rows import Row
from farthing.values.amounts import Unit
from farthing.values.entries import Seal
from farthing.values.wallets import Account, Wallet

LANES: Final = 1
"""Units of work at once. Two would overlap, but threads of one process share one interpreter: for callers with one
charge at a time one full batch beats two half ones. `Settings(lanes=2)` is for bulk, and servers that are far away."""


def open_postgres(
    url: str,
    *,
    create: bool = False,
    book: str = "main",
    test: bool = False,
    seal: Seal | None = None,
) -> "PostgresStore":
    """Open one book of the database at `postgresql://USER@HOST:PORT/DATABASE`.

    `create` makes what is missing: our tables, where there are none, and the book. An older schema is refused: see
    `migrate_postgres`. Nothing is written where this raises: `UrlInvalid`, `DatabaseAway`, `DatabaseUnreadable`,
    `DatabaseForeign`, `BookMissing`, `SchemaOld`, `UpgradeFirst`, `ChainKeyWrong`, `ClockIsFrozen`, `ClockDisagrees`,
    `Busy`.
    """
    sealed, clock = seal or Seal(), DatabaseClock()
    connections = Connections(read_postgres_url(url), clock)
    try:
        number = prepare_database(connections, create=create, book=book, test=test, seal=sealed)
        clock.now()
        return PostgresStore(connections, number, sealed, clock, test=test)
    except BaseException:
        connections.close()
        raise


class PostgresStore(ColdTables):
    """A PostgreSQL database, opened for one book. See `contract.Store`."""

    lanes = LANES

    def __init__(
        self, connections: Connections, book: int, seal: Seal, clock: DatabaseClock, *, test: bool = False
    ) -> None:
        self.connections = connections
        self.place: Place = connections.place
        self.book = book
        self.is_test = test
        self.seal = seal
        self.clock = clock
        self.url = self.place.shown
        self.names = NameBook()
        for text in OWN_NAMES:
            self.names.intern(text)
        self.known_units = UnitBook()
        self.identity: Row | None = None
        self.account_ids = AccountBook()
        self.budgets = BudgetBook()
        self.units()

    def work(self, *, patient: bool = True) -> AbstractContextManager[Work]:
        """Begin a unit of work. Raises `Busy`, `DatabaseAway`."""
        return self.lend_work(patient=patient)

    @contextmanager
    def lend_work(self, *, patient: bool) -> Iterator[Work]:
        """See `work`."""
        with self.connections.writing() as connection:
            work = PostgresWork(self, connection, patient=patient)
            try:
                yield work
            finally:
                work.leave()

    def work_within(self, connection: object) -> AbstractContextManager[Work]:
        """A unit of work in the caller's transaction. Raises `ConnectionForeign`, and `Busy` after a bounded wait."""
        self.connections.refuse_closed()
        driver: Connection = find_driver(connection, psycopg.Connection, EXPECTED)
        return join_transaction(self, driver, self.find_identity)

    def find_identity(self, *, afresh: bool = False) -> Row:
        """What tells a connection to these tables from every other, until the server starts anew."""
        if afresh or self.identity is None:
            self.identity = self.connections.ask((IDENTITY, ()))[0][0][1:]
        return self.identity

    @property
    def rollup(self) -> PostgresRollup:
        """Sums of entries, for reports."""
        return PostgresRollup(self)

    def units(self) -> dict[str, Unit]:
        """The units of this book by name, the default one first, no older than a second."""
        if not self.known_units.is_fresh:
            self.known_units.learn(self.connections.ask((translate(UNITS), (self.book,)))[0])
        return self.known_units.by_name

    def find_unit(self, connection: psycopg.Connection[Any], unit_id: int) -> Unit | None:
        """A unit of this book by its id; 0 is the account's own. An unknown one is looked for on `connection`."""
        if unit_id not in self.known_units.by_id:
            self.known_units.learn(ask_alone(connection, translate(UNITS), self.book).fetchall())
        return self.known_units.by_id.get(unit_id)

    def add_units(self, units: Sequence[Unit]) -> None:
        """Add units; a known name keeps its id and scale, and takes new digits. Raises `UnitChanged`."""
        self.known_units.learn(self.connections.ask((translate(UNITS), (self.book,)))[0])
        if self.known_units.has_all(units):
            return
        with self.connections.writing() as connection, saying_plainly(self.place):
            with adding_few(connection):
                known = take_units(connection.execute(translate(UNITS), (self.book,)).fetchall())
                refuse_changed_scale(units, known)
                for unit in units:
                    if unit.name in known:
                        connection.execute(translate(SET_DIGITS), (unit.digits, known[unit.name].unit_id))
                    else:
                        unit_id = int(fetch_value(connection, NEXT_UNIT))
                        connection.execute(
                            translate(ADD_UNIT), (unit_id, self.book, unit.name, unit.scale, unit.digits)
                        )
                        known[unit.name] = unit._replace(unit_id=unit_id)
            self.known_units.learn(connection.execute(translate(UNITS), (self.book,)).fetchall())

    def intern_name(self, text: str) -> int:
        """The number of a name; its text is written with the first entry that uses it."""
        return self.names.intern(text)

    def name_text(self, number: int) -> str:
        """The text of a name's number; empty for 0 and for one that nobody knows."""
        text = self.names.find_text(number)
        if text is None:
            rows = self.connections.ask((f"SELECT text FROM {PREFIX}name WHERE number = %s", (number,)))[0]
            if not rows:
                return ""
            text = str(rows[0][0])
            self.names.learn([(number, text)], stored=True)
        return text

    def find_account(self, key: str) -> Account | None:
        """An account by its key, without a lock."""
        return postgres_reads.find_account(self.connections, self.book, key)

    def nearest_accounts(self, key: str, most: int = 3) -> list[str]:
        """Keys that look like this one."""
        return postgres_reads.nearest_accounts(self.connections, self.book, key, most)

    def read_wallet(self, account: Account, unit: Unit, unexpired_at: int | None = None) -> Wallet:
        """A wallet, whole, in one consistent read without a lock."""
        return postgres_reads.read_wallet(self.connections, account, unit, self.seal, unexpired_at)

    def read_wallets(self, account: Account) -> list[Wallet]:
        """Every wallet that this account has but that of unit 0, whole, in one consistent read, by unit id."""
        return postgres_reads.read_wallets(self.connections, account, self.units_by_id)

    def units_by_id(self, unit_ids: set[int]) -> dict[int, Unit]:
        """The units of this book by id, read anew if one of these is not known."""
        if not unit_ids <= self.known_units.by_id.keys():
            self.known_units.learn(self.connections.ask((translate(UNITS), (self.book,)))[0])
        return self.known_units.by_id

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
        return postgres_reads.list_history(self.connections, self.book, account, unit_id, feature, before, most, kinds)

    def list_due(self, now: int, after: WalletKey | None, most: int) -> list[Due]:
        """Wallets in which something may be due, by account and unit."""

        def read_span(last: WalletKey) -> list[Row]:
            return self.connections.ask((translate(DUE_WALLETS), (*last, DUE_SPAN, self.book, now)))[0]

        self.units()
        return list_due(read_span, after, most, self.known_units.by_id.get)

    def ask(self, text: str, *values: Any) -> list[Row]:
        """The answer to a statement that only reads."""
        return self.connections.ask((translate_joins(text), values))[0]

    @contextmanager
    def changing(self, locks: Sequence[int]) -> Iterator[Ask]:
        """A transaction that writes, under advisory locks."""
        with self.connections.writing() as connection, saying_plainly(self.place), adding_few(connection, locks):

            def ask(text: str, *values: Any) -> list[Row]:
                cursor = connection.execute(translate_joins(text), values)
                return cursor.fetchall() if cursor.description else []

            yield ask

    def count_wallets(self) -> int:
        """Wallets in this book."""
        with saying_plainly(self.place), self.connections.reading(at_length=True) as connection:
            return postgres_reads.count_rows(connection, "wallet", self.book)

    def iter_records(self) -> Iterator[WalletRecord]:
        """Every wallet of the book with its entries, streamed, in one consistent read."""
        with saying_plainly(self.place), self.connections.reading(at_length=True) as connection:
            yield from postgres_reads.iter_records(connection, self.book, self.find_unit)

    def count_entries(self) -> int:
        """Entries in this book."""
        with saying_plainly(self.place), self.connections.reading(at_length=True) as connection:
            return postgres_reads.count_rows(connection, "entry", self.book)

    def find_oddities(self) -> Iterator[tuple[str, str]]:
        """What is wrong with tables that no wallet vouches for."""
        with saying_plainly(self.place), self.connections.reading(at_length=True) as connection:
            yield from postgres_oddities.find_oddities(connection, self.book)

    def after_fork(self) -> None:
        """Forget what belongs to the parent process. Forks that Python knows of are noticed by themselves."""
        self.connections.notice_fork()

    def close(self) -> None:
        """Let go of connections; refuse everything from now on."""
        self.connections.close()
