"""Between an address and an open book: is it there, is it ours, is it of our time, is it sealed with our key.

Nothing is written, and no file made, where any of these is answered by an error.
"""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

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
from farthing.store.faults import BookMissing, DatabaseForeign, DatabaseUnreadable, UpgradeFirst
from farthing.store.sqlite_connections import refuse_torn_path
from farthing.store.sqlite_files import check_file, connect, make_file, read_sqlite_url, saying_plainly
from farthing.store.sqlite_lock import WriteQueue
from farthing.store.sqlite_work import make_cursor
from farthing.store.versions import PREFIX, VERSION_TABLE, Standing, judge_schema
from farthing.values.entries import Seal

MIGRATING: Final = threading.Lock()
"""Alembic keeps its context in module-level state: one migration at a time in a process."""


def prepare_database(url: str, *, create: bool, book: str, test: bool, seal: Seal) -> tuple[Path, int]:
    """The path of a database that is ready to be used, and the number of the book. See `open_sqlite`."""
    path = read_sqlite_url(url)
    refuse_torn_path(path)
    is_new = check_file(path, create=create)
    if is_new:
        write_alone(path, lambda connection: fill_book(connection, path, book, test=test, seal=seal), is_new=True)
    with saying_plainly(path), closing(connect(path)) as connection:
        cursor = make_cursor(connection)
        number = None
        schema = find_schema(cursor, path)
        if schema is None and not create:
            raise DatabaseForeign(path=str(path))
        standing = None if schema is None else judge_schema(schema)
        if standing is Standing.UNKNOWN:
            raise UpgradeFirst(path=str(path), found=f"schema {schema}")
        if standing is Standing.FITS:
            check_seal(cursor, path, seal)
            number = find_book(cursor, book, test=test)
            if number is None and not create:
                raise BookMissing(path=str(path), book=book)
        elif schema is not None:
            check_seal(cursor, path, seal)
    if number is None:
        number = write_alone(
            path, lambda connection: fill_book(connection, path, book, test=test, seal=seal, create=create)
        )
    return path, number


def find_schema(cursor: sqlite3.Cursor, path: Path) -> str | None:
    """The schema of a database, or None if it has none of our tables. Raises `DatabaseUnreadable` if it lost it."""
    named = cursor.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?", (VERSION_TABLE,))
    if not named.fetchone()[0]:
        return None
    row = cursor.execute(f"SELECT max(version_num) FROM {VERSION_TABLE}").fetchone()
    if row[0] is None:
        problem = f"it is damaged (the row of {VERSION_TABLE} is gone): restore it from a backup"
        raise DatabaseUnreadable(path=str(path), problem=problem)
    return str(row[0])


def check_seal(cursor: sqlite3.Cursor, path: Path, seal: Seal) -> None:
    """Raises `UpgradeFirst` for entries in a form that is not known yet, and `ChainKeyWrong` for another key."""
    refuse_meta(cursor.execute(META).fetchone(), str(path), seal)


def find_book(cursor: sqlite3.Cursor, name: str, *, test: bool) -> int | None:
    """The number of a book, or None. Raises `ClockIsFrozen` for a live book asked for as a test book, or reverse."""
    return take_book(cursor.execute(BOOK, (name,)).fetchone(), name, test=test)


def write_alone(path: Path, work: Callable[[sqlite3.Connection], int], *, is_new: bool = False) -> int:
    """Run `work` on a connection of its own, in the queue of all processes that write this database."""
    queue = WriteQueue(path)
    try:
        with MIGRATING:
            queue.enter()
            with saying_plainly(path), closing(make_file(path) if is_new else connect(path)) as connection:
                connection.execute("PRAGMA synchronous=FULL")
                return work(connection)
    finally:
        queue.leave()
        queue.close()


def fill_book(
    connection: sqlite3.Connection, path: Path, name: str, *, test: bool, seal: Seal, create: bool = True
) -> int:
    """Bring the database to this schema, see that it has this book; its number. Others may have, meanwhile."""
    numbers: list[int] = []

    def add_rows(joined: sqlite3.Connection) -> None:
        cursor = make_cursor(joined)
        if not cursor.execute(f"SELECT count(*) FROM {PREFIX}meta").fetchone()[0]:
            cursor.execute(ADD_META, give_meta(seal))
        check_seal(cursor, path, seal)
        number = find_book(cursor, name, test=test)
        if number is None and not create:
            raise BookMissing(path=str(path), book=name)
        if number is None:
            number = cursor.execute(NEXT_BOOK).fetchone()[0]
            cursor.execute(ADD_BOOK, (number, name, TEST if test else LIVE))
        numbers.append(number)

    connection.execute("PRAGMA journal_mode=WAL")
    schema = find_schema(make_cursor(connection), path)
    if schema is not None and judge_schema(schema) is Standing.FITS:
        connection.execute("BEGIN IMMEDIATE")
        try:
            add_rows(connection)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    else:
        from farthing.store.migrate import upgrade_sqlite

        upgrade_sqlite(connection, add_rows)
    return numbers[0]
