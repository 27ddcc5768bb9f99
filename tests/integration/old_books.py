"""Databases of the first schema with something in them, as the first release left them, on both dialects.

This release writes the rows, asked only for what the first one knew; revision 0001 alone makes the tables, and the
columns that it has are copied there.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from farthing.store.migrate import upgrade_postgres, upgrade_sqlite
from farthing.store.postgres_connections import connect
from farthing.store.postgres_places import read_postgres_url
from farthing.store.versions import VERSION_TABLE
from farthing.values.names import name_number
from farthing.values.requests import About, Charge, Configure, Freeze, Grant, Hold, Mode, Note, Unfreeze
from tests.contract.desk import START, Desk, open_desk
from tests.postgres.databases import Database

FIRST = "0001"
MONTH = 30 * 86_400 * 1_000_000
TABLES = ("meta", "book", "unit", "account", "wallet", "lot", "hold", "debt", "entry", "note", "name")


def work_once(desk: Desk) -> None:
    """Lots of every kind, open and ended holds, debt, a refund, notes, terms of its own, another account."""
    for name in ("chat", "plan", "ana", "draft"):
        desk.store.intern_name(name)
    chat, plan = name_number("chat"), name_number("plan")
    note = Note(b"0123456789abcdef", b'{"why":"a test"}')
    desk.grant(1000, source=plan, note=note)
    desk.grant(50, features=(chat,), expires_in=MONTH, promotional=True)
    desk.grant(70, starts_at=desk.now + MONTH, cost_minor=4900)
    desk.grant(500, unit=2)
    charged = desk.charge(30, feature=chat, about=About(member=name_number("ana"), tokens_in=7))
    desk.refund(charged, (1, 10))
    desk.settle(desk.hold(40, ttl=MONTH), (1, 25))
    desk.hold(60, feature=chat, ttl=MONTH, name=name_number("draft"), name_text="draft")
    desk.do(Hold(key="two", account="acme", amounts=((1, 5), (2, 6)), ttl=MONTH))
    desk.do(Configure(key="own", account="acme", unit=2, terms=((1, 900), (3, 1))))
    desk.do(Charge(key="debt", account="acme", amounts=((2, 800),), mode=Mode.RECORD))
    desk.do(Grant(key="one", account="other", amounts=((1, 5),)))
    desk.do(Freeze(key="freeze", account="other"))
    desk.do(Unfreeze(key="thaw", account="other"))


def write_old_file(folder: Path) -> Path:
    """A SQLite file of the first schema."""
    (folder / "made").mkdir()
    with open_desk("sqlite", folder / "made") as desk:
        work_once(desk)
    path = folder / "old.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.execute("PRAGMA journal_mode=WAL")
        upgrade_sqlite(old, lambda _: None, to=FIRST)
        old.execute("ATTACH ? AS made", (str(folder / "made" / "credits.db"),))
        for table in TABLES:
            columns = ", ".join(f'"{row[1]}"' for row in old.execute(f"PRAGMA main.table_info(farthing_{table})"))
            old.execute(f"INSERT INTO main.farthing_{table} ({columns}) SELECT {columns} FROM made.farthing_{table}")
    return path


def fill_old_server(database: Database, path: Path) -> None:
    """The same rows in a PostgreSQL database of the first schema."""
    with closing(connect(read_postgres_url(database.owner_url))) as migrating:
        upgrade_postgres(migrating, lambda _: None, to=FIRST)
    with closing(sqlite3.connect(path)) as old, psycopg.connect(database.owner_url) as owner, owner.cursor() as cursor:
        for table in TABLES:
            columns = [row[1] for row in old.execute(f"PRAGMA table_info(farthing_{table})")]
            rows = old.execute(f"SELECT {', '.join(columns)} FROM farthing_{table}").fetchall()
            places = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO farthing_{table} ({', '.join(columns)}) VALUES ({places})", rows)
        for table, column in (("account", "account_id"), ("entry", "position")):
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('farthing_{table}', '{column}'), max({column}))"
                f" FROM farthing_{table}"
            )


@contextmanager
def at_old_desk(store: Any) -> Iterator[Desk]:
    """A desk that goes on where the first release left off."""
    desk = Desk(store)
    desk.now, desk.asked = START + 1, 1000
    yield desk


def read_version(connection: Any) -> str:
    """The schema of a database."""
    return str(connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()[0])
