"""`farthing.open`: an address becomes a ledger. One database and book has one engine in a process."""

import os
import re
import secrets
import threading
import weakref
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Final

from farthing.documents.reading import read_catalog
from farthing.engine.clocks import Clock
from farthing.engine.engine import Engine
from farthing.engine.options import Settings
from farthing.engine.zones import find_zone
from farthing.face.catalogs import Source, read_document, use_document
from farthing.face.desk import Dice
from farthing.face.ledger import Ledger
from farthing.face.units import DEFAULT_UNITS, Units, read_units
from farthing.service.catalogs import list_units
from farthing.store.contract import Store
from farthing.store.faults import ChainKeyWrong, ClockIsFrozen, DatabaseUnreadable, UrlInvalid
from farthing.values.amounts import Unit
from farthing.values.bounds import LONGEST_NAME
from farthing.values.entries import Seal
from farthing.values.errors import TermInvalid, show_given
from farthing.values.names import read_name

CHAIN_KEY: Final = "FARTHING_CHAIN_KEY"
"""The environment variable with the key that seals the entries, where none is given."""

EXPECTED: Final = "sqlite:///credits.db, postgresql://USER@HOST/DATABASE, or memory:"
MEMORY: Final = ("memory:", "memory://")
SERVERS: Final = ("postgres", "postgresql")
LATER: Final = ("http", "https")
NO_FILE: Final = (0, 0)


class Register:
    """The engines of this process by what they stand on, and how many ledgers are open on each."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.engines: weakref.WeakValueDictionary[tuple[Hashable, str], Engine] = weakref.WeakValueDictionary()
        self.counts: weakref.WeakKeyDictionary[Engine, int] = weakref.WeakKeyDictionary()

    def begin_in_child(self) -> None:
        """After a fork: a thread of the parent may have had the lock. The engines begin anew by themselves."""
        self.lock = threading.RLock()

    def join(self, engine: Engine, dice: Dice) -> Ledger:
        """One more ledger on an engine. The last that is closed, or forgotten, closes it."""
        self.counts[engine] = self.counts.get(engine, 0) + 1
        ledger = Ledger(engine, dice=dice)
        ledger.let_go = weakref.finalize(ledger, self.leave, engine)
        return ledger

    def leave(self, engine: Engine) -> None:
        """One ledger fewer."""
        with self.lock:
            self.counts[engine] -= 1
            is_last = not self.counts[engine]
            if is_last:
                for key in [key for key, known in self.engines.items() if known is engine]:
                    del self.engines[key]
        if is_last:
            engine.close()


REGISTER: Final = Register()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=REGISTER.begin_in_child)


def open_ledger(
    url: str,
    *,
    create: bool = False,
    book: str = "main",
    test: bool = False,
    clock: Clock | None = None,
    units: Units | None = None,
    chain_key: str | bytes | None = None,
    settings: Settings | None = None,
    catalog: Source | None = None,
    dice: Dice = secrets.token_bytes,
) -> Ledger:
    """Open the ledger at `url`: `sqlite:///credits.db` (four slashes for a full path), `postgresql://USER@HOST/NAME`,
    or `memory:` for one that ends with the process. `create=True` makes what is missing: a file, our tables, the book.

    `book` is a ledger of its own inside the database; `test=True` says that it is one for tests, for ever: each account
    in it has a clock that stands still from its opening, and is moved by `advance`; or all of them go by one that this
    process moves (`clock=farthing.testing.FrozenClock(at)`). `units` says what the book counts, the default one first:
    {"credits": 6, "generations": 0} (with how many places); one named `credits` unless said. `chain_key` (or the
    environment's FARTHING_CHAIN_KEY) keys the seal of the entries, so that only its holder can forge them. Opened
    twice in a process, one database and book has the same engine. Close it with `close()`, or use it as a context.
    `catalog` is the TOML file with units, prices and plans: on SQLite and in memory it is published, on PostgreSQL it
    must have been (`farthing catalog apply`), so that two deployments never fight over prices.
    Raises `UrlInvalid`, `DatabaseMissing`, `DatabaseUnreadable`, `DatabaseAway`, `DatabaseForeign`, `BookMissing`,
    `SchemaOld`, `UpgradeFirst`, `ChainKeyWrong`, `ClockIsFrozen`, `ClockDisagrees`, `UnitChanged`, `TermInvalid`,
    `CatalogInvalid`, `CatalogUnknown`.
    """
    document = None if catalog is None else read_document(catalog)
    name = read_name(book, what="book", longest=LONGEST_NAME)
    key = read_chain_key(chain_key)
    if clock is not None and clock.is_frozen and not test:
        raise ClockIsFrozen(problem="a frozen clock was given for a live book")
    wanted = [] if units is None else read_units(units)
    identity = identify_database(url)
    with REGISTER.lock:
        engine = None if identity is None else REGISTER.engines.get((identity, name))
        if engine is None or engine.is_closed:
            store = make_store(url, create=create, book=name, test=test, seal=Seal(key))
            if clock is not None:
                # Then this process says what time it is, for all accounts: none is given a clock of its own.
                store.is_test = False
            try:
                engine = Engine(store, clock, settings=settings)
                add_units(store, wanted or list_catalog_units(document))
            except BaseException:
                store.close()
                raise
            if identity is not None:
                # Asked again: a file that was made only now had none.
                REGISTER.engines[identify_database(url), name] = engine
        else:
            refuse_differing(engine, clock, settings, key)
            add_units(engine.store, wanted)
        ledger = REGISTER.join(engine, dice)
    if document is not None:
        try:
            use_document(engine, ledger.desk.catalogs, document, publishes=not is_on_server(url))
        except BaseException:
            ledger.close()
            raise
        ledger.desk.refresh_units()
    return ledger


def list_catalog_units(document: str | None) -> list[Unit]:
    """The units that a book begins with if it has none: those of the catalog that it is opened with."""
    return [] if document is None else list_units(read_catalog(document, find_zone).units)


def read_chain_key(given: str | bytes | None) -> bytes | None:
    """The key that seals, as bytes: what was given, or what the environment has."""
    key = os.environ.get(CHAIN_KEY) if given is None else given
    if key is not None and not isinstance(key, str | bytes):
        raise TermInvalid(what="chain_key", given="", problem="is neither text nor bytes", advice="write either")
    return (key.encode() if isinstance(key, str) else key) or None


def identify_database(url: object) -> Hashable:
    """What the database at an address is known by in this process; None for memory, of which each is its own.

    A file is known by what it is, rather than by what it is called: one that was deleted, or put in another's place, is
    not the one that was opened. Raises `UrlInvalid`.
    """
    if isinstance(url, str) and url in MEMORY:
        return None
    if isinstance(url, str) and url.startswith("sqlite:"):
        from farthing.store.sqlite_files import identify_file, read_sqlite_url

        return identify_file(read_sqlite_url(url)) or NO_FILE
    if isinstance(url, str) and is_on_server(url):
        with needing_driver():
            from farthing.store.postgres_places import read_postgres_url

        return read_postgres_url(url).identity
    given = re.sub(r"//[^/@]*@", "//…@", url)[:80] if isinstance(url, str) else show_given(url)
    if isinstance(url, str) and split_scheme(url) in LATER:
        raise UrlInvalid(given=given, problem="is not available in this release", expected=EXPECTED)
    raise UrlInvalid(given=given, problem="is not the address of a database", expected=EXPECTED)


def split_scheme(url: str) -> str:
    """The scheme of an address, without the driver that may be named with it."""
    return re.split(r"[:+]", url)[0]


def is_on_server(url: str) -> bool:
    """Whether an address is of a PostgreSQL database."""
    return split_scheme(url) in SERVERS


@contextmanager
def needing_driver() -> Iterator[None]:
    """What is imported inside needs psycopg, which SQLite does without. Raises `DatabaseUnreadable`."""
    try:
        yield
    except ImportError as error:
        if not (error.name or "psycopg").startswith("psycopg"):
            raise
        problem = "its driver is not installed: run `pip install 'farthing[postgres]'`"
        raise DatabaseUnreadable(path="postgresql://…", problem=problem) from None


def make_store(url: str, *, create: bool, book: str, test: bool, seal: Seal) -> Store:
    """The store at an address. What it needs is imported only now, so that `import farthing` stays light."""
    if url in MEMORY:
        from farthing.store.memory import MemoryStore

        return MemoryStore(seal, test=test)
    if is_on_server(url):
        from farthing.store.postgres import open_postgres

        return open_postgres(url, create=create, book=book, test=test, seal=seal)
    from farthing.store.sqlite import open_sqlite

    return open_sqlite(url, create=create, book=book, test=test, seal=seal)


def add_units(store: Store, wanted: list[Unit]) -> None:
    """Add the units that were asked for; a book that has none yet gets the default ones."""
    if not wanted and not store.units():
        wanted = read_units(DEFAULT_UNITS)
    known = store.units()
    if any(known.get(unit.name, unit)._replace(unit_id=0) != unit or unit.name not in known for unit in wanted):
        store.add_units(wanted)


def refuse_differing(engine: Engine, clock: Clock | None, settings: Settings | None, key: bytes | None) -> None:
    """A database is open in this process already, and was opened in another way."""
    if engine.store.seal.key != key:
        raise ChainKeyWrong(sealed="with another key", advice="as it is open in this process already")
    advice = "open it in the same way, or close that ledger first"
    for what, given, known in (("clock", clock, engine.clock), ("settings", settings, engine.settings)):
        if given is not None and given is not known and given != known:
            problem = "is not what this database is open with in this process"
            raise TermInvalid(what=what, given=show_given(given), problem=problem, advice=advice)
