"""Between an address and an open book on PostgreSQL: is it there, is it ours, of our time, sealed with our key.

Nothing is written where any of these is answered by an error. Opening never migrates: servers of the release before may
be at work. `create` makes tables where there are none of ours, which takes an owner's rights, and a missing book.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from farthing.store.admission import (
    ADD_BOOK,
    ADD_META,
    BOOK,
    LIVE,
    META,
    NEXT_BOOK,
    TEST,
    give_meta,
    refuse_meta,
    take_book,
)
from farthing.store.cold_tables import FEW
from farthing.store.faults import BookMissing, DatabaseForeign, DatabaseUnreadable, SchemaOld, UpgradeFirst
from farthing.store.postgres_connections import LONGEST_QUERY_SECONDS, BoundedConnection, Connections
from farthing.store.postgres_errors import saying_plainly
from farthing.store.postgres_places import Place
from farthing.store.versions import PREFIX, SCHEMAS, VERSION_TABLE, Standing, judge_schema
from farthing.values.bounds import LONGEST_WAIT_SECONDS
from farthing.values.entries import Seal

FEW_LOCK: Final = FEW
"""The advisory lock under which rows are added of which there are few, numbered without gaps."""

HAS_TABLE: Final = "SELECT to_regclass(%s) IS NOT NULL"
IN_EARNEST: Final = (
    f"SELECT set_config('lock_timeout', '{LONGEST_WAIT_SECONDS}s', true),"
    " set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'"
    " ELSE current_setting('synchronous_commit') END, true)"
)
"""A transaction that waits for locks no longer than it may, and is on disk when it is over."""


def translate(text: str) -> str:
    """A statement for any dialect as psycopg takes it."""
    return text.replace("?", "%s")


def translate_joins(text: str) -> str:
    """The same for one that tells SQLite in which order to join."""
    return translate(text.replace("CROSS JOIN", "JOIN"))


def prepare_database(connections: Connections, *, create: bool, book: str, test: bool, seal: Seal) -> int:
    """The number of a book that is ready to be used. See `open_postgres`."""
    place = connections.place
    with connections.writing() as connection, saying_plainly(place):
        schema = find_schema(connection, place)
        if schema is None:
            if not create:
                raise DatabaseForeign(path=place.shown)
            make_tables(connection, place, seal)
        else:
            refuse_schema(schema, place)
        check_seal(connection, place, seal)
        number = find_book(connection, book, test=test)
        if number is None:
            if not create:
                raise BookMissing(path=place.shown, book=book)
            number = add_book(connection, book, test=test)
    return number


def find_schema(connection: psycopg.Connection[Any], place: Place) -> str | None:
    """The schema of a database, or None if it has none of our tables. Raises `DatabaseUnreadable` if it lost it."""
    if not fetch_value(connection, HAS_TABLE, VERSION_TABLE):
        return None
    found = fetch_value(connection, f"SELECT max(version_num) FROM {VERSION_TABLE}")
    if found is None:
        problem = f"it is damaged (the row of {VERSION_TABLE} is gone): restore it from a backup"
        raise DatabaseUnreadable(path=place.shown, problem=problem)
    return str(found)


def fetch_value(connection: psycopg.Connection[Any], text: str, *values: object) -> Any:
    """The first column of the first row."""
    row = connection.execute(text, values or None).fetchone()
    return None if row is None else row[0]


def refuse_schema(schema: str, place: Place) -> None:
    """Raises `SchemaOld` or `UpgradeFirst` for a schema on which this release does not run."""
    standing = judge_schema(schema)
    if standing is Standing.OLD:
        raise SchemaOld(path=place.shown, found=schema, needed=SCHEMAS[-1])
    if standing is Standing.UNKNOWN:
        raise UpgradeFirst(path=place.shown, found=f"schema {schema}")


def check_seal(connection: psycopg.Connection[Any], place: Place, seal: Seal) -> None:
    """Raises `UpgradeFirst` for entries in a form that is not known yet, and `ChainKeyWrong` for another key."""
    refuse_meta(connection.execute(META).fetchone(), place.shown, seal)


def find_book(connection: psycopg.Connection[Any], name: str, *, test: bool) -> int | None:
    """The number of a book, or None. Raises `ClockIsFrozen` for a live book asked for as a test book, or reverse."""
    return take_book(connection.execute(translate(BOOK), (name,)).fetchone(), name, test=test)


def add_book(connection: BoundedConnection, name: str, *, test: bool) -> int:
    """Add a book, unless somebody else does meanwhile; its number."""
    with adding_few(connection):
        number = find_book(connection, name, test=test)
        if number is None:
            number = int(fetch_value(connection, NEXT_BOOK))
            connection.execute(translate(ADD_BOOK), (number, name, TEST if test else LIVE))
    return number


@contextmanager
def adding_few(connection: BoundedConnection, locks: Sequence[int] = (FEW_LOCK,)) -> Iterator[None]:
    """A transaction in which rows are added that depend on what is there, one at a time of all servers: those that are
    numbered by it, or what these locks are for."""
    connection.execute("BEGIN")
    connection.execute(IN_EARNEST)
    for lock in locks:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (lock,))
    yield
    connection.execute("COMMIT")


def make_tables(connection: BoundedConnection, place: Place, seal: Seal) -> None:
    """Make our tables in the first schema of the search path, unless somebody else does meanwhile."""
    from farthing.store.migrate import upgrade_postgres

    def add_rows(joined: psycopg.Connection[Any]) -> None:
        if not fetch_value(joined, f"SELECT count(*) FROM {PREFIX}meta"):
            joined.execute(translate(ADD_META), give_meta(seal))

    may_make = "SELECT has_schema_privilege(current_schema(), 'CREATE')"
    if not fetch_value(connection, may_make):
        problem = "this role may make no tables there: run `farthing init` as the owner, --app-role naming the app's"
        raise DatabaseUnreadable(path=place.shown, problem=problem)
    connection.longest_silence = LONGEST_QUERY_SECONDS
    try:
        upgrade_postgres(connection, add_rows)
    finally:
        connection.longest_silence = BoundedConnection.longest_silence
