"""Databases of each schema before this one with something in them, as its release left them, on both dialects.

This release writes the rows, asked only for what that one knew; the revisions up to it alone make the tables, and the
columns that these have are copied there.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from farthing.store.contract import NewClaim
from farthing.store.migrate import upgrade_postgres, upgrade_sqlite
from farthing.store.postgres_connections import connect
from farthing.store.postgres_places import read_postgres_url
from farthing.store.versions import VERSION_TABLE
from farthing.values.names import name_number
from farthing.values.periods import Cadence
from farthing.values.requests import About, Charge, Configure, Freeze, Grant, Hold, Mode, Note, Unfreeze
from farthing.values.standing_requests import Allow, SetBudget
from farthing.values.wallets import Subject
from tests.contract.desk import START, Desk, open_desk
from tests.contract.standing import ACME, price, take_step
from tests.postgres.databases import Database

FIRST = "0001"
MONTH = 30 * 86_400 * 1_000_000
TABLES = ("meta", "book", "unit", "account", "wallet", "lot", "hold", "debt", "entry", "note", "name")
MORE_TABLES = {
    "0001": (),
    "0002": ("allowance", "budget", "tally"),
    "0003": ("allowance", "budget", "tally", "subscription", "catalog", "claim"),
}
"""What each schema that is not this release's has beside the tables of the first."""


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


def work_further(desk: Desk) -> None:
    """What stands and recurs, which the second schema has."""
    ana = desk.store.intern_name("ana")
    desk.do(Allow(key="allow", **ACME, name="monthly", amount=100, every=Cadence.MONTH))
    desk.do(SetBudget(key="budget", **ACME, name="each", most=70, per=Subject.MEMBER))
    desk.charge(20, about=About(member=ana))
    desk.hold(10, about=About(member=ana), ttl=MONTH)


def work_with_plans(desk: Desk) -> None:
    """What follows from a catalog, which the third schema has."""
    version = desk.store.publish_catalog(b"d" * 16, "document", desk.now)
    until = Allow(key="", account="acme", unit=1, name="basic", amount=9, every=Cadence.DAY, until=desk.now + MONTH)
    desk.do(take_step(desk, "basic", until, key="basic", catalog_version=version))
    desk.do(take_step(desk, "pro", key="pro", catalog_version=version))
    desk.do(Charge(key="metered", account="acme", amounts=((1, 0),), priced=price(17), catalog_version=version))
    desk.store.claim([NewClaim("spring", "own", "SPRING", "acme", None, 1, 1, 5, 0, (), "claimed")], desk.now)


def work_until(desk: Desk, schema: str) -> None:
    """All that a schema has room for."""
    work_once(desk)
    if schema > FIRST:
        work_further(desk)
    if schema > "0002":
        work_with_plans(desk)


def write_old_file(folder: Path, schema: str = FIRST) -> Path:
    """A SQLite file of an old schema."""
    (folder / "made").mkdir()
    with open_desk("sqlite", folder / "made") as desk:
        work_until(desk, schema)
    path = folder / "old.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.execute("PRAGMA journal_mode=WAL")
        upgrade_sqlite(old, lambda _: None, to=schema)
        old.execute("ATTACH ? AS made", (str(folder / "made" / "credits.db"),))
        for table in (*TABLES, *MORE_TABLES[schema]):
            columns = ", ".join(f'"{row[1]}"' for row in old.execute(f"PRAGMA main.table_info(farthing_{table})"))
            old.execute(f"INSERT INTO main.farthing_{table} ({columns}) SELECT {columns} FROM made.farthing_{table}")
    return path


def fill_old_server(database: Database, path: Path, schema: str = FIRST) -> None:
    """The same rows in a PostgreSQL database of that schema."""
    with closing(connect(read_postgres_url(database.owner_url))) as migrating:
        upgrade_postgres(migrating, lambda _: None, to=schema)
    with closing(sqlite3.connect(path)) as old, psycopg.connect(database.owner_url) as owner, owner.cursor() as cursor:
        for table in (*TABLES, *MORE_TABLES[schema]):
            columns = [row[1] for row in old.execute(f"PRAGMA table_info(farthing_{table})")]
            rows = old.execute(f"SELECT {', '.join(columns)} FROM farthing_{table}").fetchall()
            places = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO farthing_{table} ({', '.join(columns)}) VALUES ({places})", rows)
        numbered = [("account", "account_id"), ("entry", "position")]
        for table, column in [*numbered, ("claim", "claim_id")] if "claim" in MORE_TABLES[schema] else numbered:
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('farthing_{table}', '{column}'), max({column}))"
                f" FROM farthing_{table}"
            )


@contextmanager
def at_old_desk(store: Any) -> Iterator[Desk]:
    """A desk that goes on where an old release left off."""
    desk = Desk(store)
    desk.now, desk.asked = START + 1, 1000
    yield desk


def read_version(connection: Any) -> str:
    """The schema of a database."""
    return str(connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()[0])
