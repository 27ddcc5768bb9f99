"""What `verify` looks for in SQLite beside the wallets: rows that belong to nobody, names and notes that are not what
they say, a schema that somebody has changed. Each check is a function that yields (where, what is wrong)."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Final

from farthing.core.names import name_number
from farthing.core.requests import digest_note
from farthing.store import sqlite_statements as sql
from farthing.store.needs import hash_shard
from farthing.store.sqlite_save import find_named
from farthing.store.sqlite_work import make_cursor
from farthing.store.versions import PREFIX as P
from farthing.store.versions import VERSION_TABLE

Oddity = tuple[str, str]
PLACED: Final = ("wallet", "lot", "hold", "debt", "entry", "note")
"""The tables of which every row belongs to a wallet."""

NAMES_AT_ONCE: Final = 50_000
MOST_FAULTS: Final = 10


def find_oddities(cursor: sqlite3.Cursor, book: int) -> Iterator[Oddity]:
    """Everything, the cheapest first."""
    for check in CHECKS:
        yield from check(cursor, book)


def describe_row(table: str, account_id: int, unit_id: int, *number: int) -> str:
    """How a row is named to people."""
    said = f"{table} of account {account_id}, unit {unit_id}"
    return f"{said}, number {number[0]}" if number else said


def check_schema(cursor: sqlite3.Cursor, book: int) -> Iterator[Oddity]:
    """Tables, indexes and triggers are those that the migrations make."""
    made = sqlite3.connect(":memory:", isolation_level=None)
    try:
        # Alembic is imported only here: opening a database that is up to date does without.
        from farthing.store.migrate import upgrade_sqlite

        upgrade_sqlite(made, lambda _: None)
        expected = read_schema(make_cursor(made))
    finally:
        made.close()
    found = read_schema(cursor)
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            yield f"schema, {name}", "is missing"
        elif name not in expected:
            yield f"schema, {name}", "is none of Farthing's"
        elif expected[name] != found[name]:
            yield f"schema, {name}", "is not as Farthing made it"


def read_schema(cursor: sqlite3.Cursor) -> dict[str, str]:
    """What makes each table, index and trigger of ours, or on a table of ours, spaces apart."""
    listing = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND (name GLOB ? OR tbl_name GLOB ?)"
    rows = cursor.execute(listing, (f"{P}*", f"{P}*"))
    return {name: " ".join(text.split()) for name, text in rows}


def check_pages(cursor: sqlite3.Cursor, book: int) -> Iterator[Oddity]:
    """SQLite's own look at the file: pages, indexes, NOT NULL, types."""
    for (fault,) in cursor.execute(f"PRAGMA integrity_check({MOST_FAULTS})").fetchall():
        if fault != "ok":
            yield "the file", str(fault)[:200]


def check_books(cursor: sqlite3.Cursor, book: int) -> Iterator[Oddity]:
    """One row says how the ledger is written; accounts, units and aliases are in books that there are."""
    metas = cursor.execute(f"SELECT count(*) FROM {P}meta").fetchone()[0]
    versions = cursor.execute(f"SELECT count(*) FROM {VERSION_TABLE}").fetchone()[0]
    if (metas, versions) != (1, 1):
        yield "meta", f"has {metas} rows, and the schema's version {versions}, where each has one"
    for name, mode in cursor.execute(f"SELECT name, mode FROM {P}book WHERE mode NOT IN ('live', 'test')").fetchall():
        yield f"book {name}", f"is neither live nor test but {mode!r}"
    for table, key in (("account", "key"), ("unit", "name"), ("account_alias", "key")):
        listing = f"SELECT {key}, book FROM {P}{table} WHERE book NOT IN (SELECT book FROM {P}book)"
        for named, number in cursor.execute(listing).fetchall():
            yield f"{table} {named}", f"is in book {number}, which is not there"
    listing = (
        f"SELECT key, account_id FROM {P}account_alias WHERE account_id NOT IN (SELECT account_id FROM {P}account)"
    )
    for key, account_id in cursor.execute(listing).fetchall():
        yield f"account_alias {key}", f"is for account {account_id}, which is not there"


def check_accounts(cursor: sqlite3.Cursor, book: int) -> Iterator[Oddity]:
    """Every account has the entry that opened it, and the shard that its key gives it."""
    listing = (
        f"SELECT a.key, a.shard, (SELECT count(*) FROM {P}wallet AS w"
        " WHERE w.account_id = a.account_id AND w.unit_id = 0)"
        f" FROM {P}account AS a WHERE a.book = ? ORDER BY a.account_id"
    )
    for key, shard, is_opened in make_cursor(cursor.connection).execute(listing, (book,)):
        if not is_opened:
            yield f"account {key}", "has no entry that opened it"
        if shard != hash_shard(key):
            yield f"account {key}", f"is in shard {shard}, and belongs in {hash_shard(key)}"


def check_places(cursor: sqlite3.Cursor, book: int) -> Iterator[Oddity]:
    """Every row belongs to a wallet of an account that is there, and has its shard."""
    for table in PLACED:
        number = "" if table == "wallet" else ", r.number"
        columns = f"r.account_id, r.unit_id{number}"
        orphans = (
            f"SELECT {columns} FROM {P}{table} AS r"
            f" WHERE NOT EXISTS (SELECT 1 FROM {P}account AS a WHERE a.account_id = r.account_id)"
        )
        for place in cursor.execute(orphans).fetchall():
            yield describe_row(table, *place), "belongs to an account that is not there"
        if table != "wallet":
            strays = (
                f"SELECT {columns} FROM {P}{table} AS r WHERE NOT EXISTS"
                f" (SELECT 1 FROM {P}wallet AS w WHERE w.account_id = r.account_id AND w.unit_id = r.unit_id)"
            )
            for place in cursor.execute(strays).fetchall():
                yield describe_row(table, *place), "belongs to a wallet that is not there"
        misplaced = (
            f"SELECT {columns} FROM {P}{table} AS r CROSS JOIN {P}account AS a ON a.account_id = r.account_id"
            " WHERE r.shard <> a.shard AND a.book = ?"
        )
        for place in cursor.execute(misplaced, (book,)).fetchall():
            yield describe_row(table, *place), "has another shard than its account"
    unknown = (
        f"SELECT r.account_id, r.unit_id FROM {P}wallet AS r CROSS JOIN {P}account AS a ON a.account_id = r.account_id"
        f" WHERE a.book = ? AND r.unit_id <> 0"
        f" AND NOT EXISTS (SELECT 1 FROM {P}unit AS u WHERE u.unit_id = r.unit_id AND u.book = a.book)"
    )
    for place in cursor.execute(unknown, (book,)).fetchall():
        yield describe_row("wallet", *place), "is of a unit that this book does not have"


def check_order(cursor: sqlite3.Cursor, book: int) -> Iterator[Oddity]:
    """Within a wallet, entries stand in the ledger in the order of their numbers, from position 1."""
    listing = (
        "SELECT account_id, unit_id, number FROM (SELECT account_id, unit_id, number, position, lag(position, 1, 0)"
        f" OVER (PARTITION BY account_id, unit_id ORDER BY number) AS previous FROM {P}entry)"
        " WHERE position <= previous"
    )
    for place in make_cursor(cursor.connection).execute(listing):
        yield describe_row("entry", *place), "has a position before that of the entry before it"


def check_notes(cursor: sqlite3.Cursor, book: int) -> Iterator[Oddity]:
    """Every note is the one that its entry has sealed, or was erased; no sealed note is missing."""
    listing = (
        "SELECT n.account_id, n.unit_id, n.number, n.salt, n.body, r.note_digest"
        f" FROM {P}note AS n LEFT JOIN {P}entry AS r USING (account_id, unit_id, number)"
    )
    for account_id, unit_id, number, salt, body, digest in make_cursor(cursor.connection).execute(listing):
        is_erased = salt is None and body is None
        is_whole = salt is not None and body is not None and len(salt) <= 64 and digest_note(salt, body) == digest
        if digest is None or not (is_erased or is_whole):
            yield describe_row("note", account_id, unit_id, number), "is not the one that was sealed"
    listing = (
        f"SELECT r.account_id, r.unit_id, r.number FROM {P}entry AS r WHERE r.note_digest IS NOT NULL AND NOT EXISTS"
        f" (SELECT 1 FROM {P}note AS n WHERE n.account_id = r.account_id AND n.unit_id = r.unit_id"
        " AND n.number = r.number)"
    )
    for place in make_cursor(cursor.connection).execute(listing):
        yield describe_row("note", *place), "is missing: an erased one leaves its row"


def check_names(cursor: sqlite3.Cursor, book: int) -> Iterator[Oddity]:
    """Every name's number is that of its text, and every number that entries use has a text."""
    for number, text in make_cursor(cursor.connection).execute(f"SELECT number, text FROM {P}name"):
        if number != name_number(text):
            yield f"name {number}", f"is not the number of {text!r}"
    checked: set[int] = set()
    waiting: set[int] = set()
    listing = f"SELECT feature, model, member, actor, api_key, effects FROM {P}entry"
    for *used, effects in make_cursor(cursor.connection).execute(listing):
        fresh = find_named(used, effects) - checked
        if fresh:
            checked |= fresh
            waiting |= fresh
            if len(waiting) >= NAMES_AT_ONCE:
                yield from list_nameless(cursor, waiting)
                waiting.clear()
    yield from list_nameless(cursor, waiting)


def list_nameless(cursor: sqlite3.Cursor, numbers: set[int]) -> Iterator[Oddity]:
    """Those of these numbers that have no text."""
    rows = sql.ask(cursor, sql.KNOWN_NAMES, [(number,) for number in sorted(numbers)])
    for number in sorted(numbers - {row[0] for row in rows}):
        yield f"name {number}", "is used in entries, and has no text"


CHECKS: Final[tuple[Callable[[sqlite3.Cursor, int], Iterator[Oddity]], ...]] = (
    check_schema,
    check_books,
    check_accounts,
    check_places,
    check_order,
    check_notes,
    check_names,
    check_pages,
)
