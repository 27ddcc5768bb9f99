"""What `verify` looks for in SQLite beside the wallets: what every dialect has (`oddities`), a schema that somebody has
changed, and the file itself. Each check is a function that yields (where, what is wrong)."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from farthing.store import oddities
from farthing.store import sqlite_statements as sql
from farthing.store.oddities import Oddity, compare_schema
from farthing.store.rollup_sql import LAST_POSITION
from farthing.store.sqlite_work import make_cursor
from farthing.store.versions import PREFIX as P
from farthing.store.versions import SCHEMAS, VERSION_TABLE
from farthing.store.wallet_rows import Row

MOST_FAULTS: Final = 10


class SqliteAsking:
    """See `oddities.Asking`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def ask(self, text: str, values: Sequence[Any] = ()) -> Iterable[Row]:
        """The answer to a question, on a cursor of its own."""
        return make_cursor(self.connection).execute(text, values)

    def find_named(self, numbers: Sequence[int]) -> set[int]:
        """Those of these numbers that have a text."""
        asked = [(number,) for number in numbers]
        return {row[0] for row in sql.ask(make_cursor(self.connection), sql.KNOWN_NAMES, asked)}

    def find_last_position(self) -> int:
        """The last position in the ledger."""
        return int(make_cursor(self.connection).execute(LAST_POSITION).fetchone()[0])


def find_oddities(cursor: sqlite3.Cursor, book: int) -> Iterator[Oddity]:
    """Everything, the cheapest first."""
    yield from check_schema(cursor)
    yield from oddities.find_oddities(SqliteAsking(cursor.connection), book)
    yield from check_pages(cursor)


def check_schema(cursor: sqlite3.Cursor) -> Iterator[Oddity]:
    """Tables, indexes and triggers are those that the migrations make; of a newer schema only its release can say."""
    if (cursor.execute(f"SELECT max(version_num) FROM {VERSION_TABLE}").fetchone()[0] or "") > SCHEMAS[-1]:
        return
    made = sqlite3.connect(":memory:", isolation_level=None)
    try:
        # Alembic is imported only here: opening a database that is up to date does without.
        from farthing.store.migrate import upgrade_sqlite

        upgrade_sqlite(made, lambda _: None)
        expected = read_schema(make_cursor(made))
    finally:
        made.close()
    yield from compare_schema(expected, read_schema(cursor))


def read_schema(cursor: sqlite3.Cursor) -> dict[str, str]:
    """What makes each table, index and trigger of ours, or on a table of ours, spaces apart."""
    listing = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND (name GLOB ? OR tbl_name GLOB ?)"
    rows = cursor.execute(listing, (f"{P}*", f"{P}*"))
    return {name: " ".join(text.split()) for name, text in rows}


def check_pages(cursor: sqlite3.Cursor) -> Iterator[Oddity]:
    """SQLite's own look at the file: pages, indexes, NOT NULL, types."""
    for (fault,) in cursor.execute(f"PRAGMA integrity_check({MOST_FAULTS})").fetchall():
        if fault != "ok":
            yield "the file", str(fault)[:200]
