"""Whoever owns the database can change anything in it, and `verify` names what: table, row, column, law.

The columns come from the real schema: a new one without an answer here fails. The triggers are dropped before each
change and put back after it, so that nothing but the change itself is there to be found.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from farthing.core.entries import Kind, Seal
from farthing.core.errors import FarthingError
from farthing.core.requests import Configure, Freeze, Grant, Hold, Mode, Note, Open
from farthing.engine.verify import Report, verify
from farthing.store.schema import metadata
from farthing.store.sqlite import open_sqlite
from tests.contract.desk import START, open_desk

P = "farthing_"
KEY = Seal(b"the operator's own key, kept elsewhere")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed database with something in every table."""
    folder = tmp_path_factory.mktemp("sound")
    with open_desk("sqlite", folder) as desk:
        for name in ("chat", "gpt-9", "bonus", "EUR", "draft"):
            desk.store.intern_name(name)
        chat, bonus = desk.store.intern_name("chat"), desk.store.intern_name("bonus")
        desk.do(Open(key="open", account="acme", zone="Europe/Rome"))
        desk.do(Configure(key="terms", account="acme", unit=1, terms=((1, 40),)))
        desk.do(Grant(key="g1", account="acme", amounts=((1, 100),), note=Note(b"s" * 16, b'{"why":"paid"}')))
        desk.grant(30, features=(chat,), source=bonus, cost_minor=4900, currency=desk.store.intern_name("EUR"))
        desk.grant(9, starts_at=START + 500, expires_at=START + 9000)
        charged = desk.charge(20)
        desk.refund(charged, (1, 5))
        desk.settle(desk.hold(25, feature=chat, ttl=700), (1, 10))
        desk.charge(120, mode=Mode.RECORD)
        desk.grant(10)
        desk.charge(5, mode=Mode.RECORD)
        desk.hold(3, feature=chat, ttl=900, name=desk.store.intern_name("draft"), name_text="draft")
        desk.grant(50, unit=2, account="other")
        desk.grant(7, unit=2)
        desk.do(Hold(key="both", account="acme", amounts=((2, 2), (1, 1)), feature=chat))
        desk.now += 1
        desk.charge(1, feature=chat)
        desk.do(Freeze(key="freeze", account="other"))
        assert verify(desk.store).summary == "ok"
    with closing(sqlite3.connect(folder / "credits.db")) as owner, owner:
        owner.execute(
            f"INSERT INTO {P}account_alias SELECT book, 'acme corp', account_id FROM {P}account WHERE key = 'acme'"
        )
    return folder / "credits.db"


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    """The same database, to be spoilt by one test."""
    return Path(shutil.copy(sound, tmp_path / "credits.db"))


def change(path: Path, *statements: str, values: tuple[Any, ...] = ()) -> None:
    """Run statements as the owner would, past the triggers. Each must change something."""
    with closing(sqlite3.connect(path)) as owner, owner:
        triggers = owner.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        assert triggers
        for name, _ in triggers:
            owner.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert owner.execute(statement, values).rowcount > 0, statement
        for _, sql in triggers:
            owner.execute(sql)


def check(path: Path, seal: Seal | None = None) -> Report:
    """Open what is left of a database and verify it."""
    store = open_sqlite(f"sqlite:///{path}", seal=seal)
    try:
        return verify(store)
    finally:
        store.close()


def find_fault(path: Path) -> str:
    """What people are told: the report, or the error with which the database is not even opened."""
    try:
        report = check(path)
    except FarthingError as error:
        return f"{type(error).__name__}: {error}"
    assert report.ok == (report.summary == "ok") == (not report.findings)
    return str(report)


ACME = f"account_id = (SELECT account_id FROM {P}account WHERE key = 'acme')"
LAST_OPEN_HOLD = f"{ACME} AND unit_id = 1 AND ended_at = 0 AND name <> 0"
ROWS = {
    "meta": "id = 1",
    "version": "TRUE",
    "book": "TRUE",
    "unit": "name = 'credits'",
    "account": "key = 'acme'",
    "account_alias": "key = 'acme corp'",
    "wallet": f"{ACME} AND unit_id = 1",
    "lot": f"{ACME} AND unit_id = 1 AND length(features) > 0",
    "hold": LAST_OPEN_HOLD,
    "debt": f"{ACME} AND unit_id = 1 AND length(payers) > 0 ORDER BY number LIMIT 1",
    "entry": f"{ACME} AND unit_id = 1 AND kind = {int(Kind.SETTLED)}",
    "note": ACME,
    "name": "text = 'chat'",
}
"""One row of each table, one with something in as many columns as there can be."""

IN_ORDER = {
    ("unit", "digits"): "how many places are shown, at least, may change at any time",
    ("book", "name"): "what a book is called is its operator's to say, and in nothing that is sealed",
    ("wallet", "next_due"): "may be early: an earlier instant at which something was to fall due makes work, no error",
}
"""Changes that are no fault, and why; each is shown to be none below."""

FAULTS = {
    ("meta", "id"): None,
    ("meta", "encoding_version"): "UpgradeFirst",
    ("meta", "chain_check"): "ChainKeyWrong",
    ("version", "version_num"): "UpgradeFirst",
    ("book", "book"): "book",
    ("book", "mode"): "neither live nor test",
    ("unit", "unit_id"): "unit",
    ("unit", "book"): "unit",
    ("unit", "name"): "chain_unbroken: entry 1 of wallet acme creditsx, hash",
    ("unit", "scale"): "chain_unbroken: entry 1 of wallet acme credits, hash",
    ("account", "account_id"): "belongs to an account that is not there",
    ("account", "shard"): "account acme: expected in order, found is in shard",
    ("account", "book"): "account acme",
    ("account", "key"): "chain_unbroken: entry 1 of wallet acmex credits, hash",
    ("account", "state"): "rows_equal_the_fold: account acme, state",
    ("account", "zone"): "rows_equal_the_fold: account acme, zone",
    ("account_alias", "book"): "account_alias acme corp",
    ("account_alias", "account_id"): "account_alias acme corp",
    ("name", "number"): "is used in entries, and has no text",
    ("name", "text"): "is not the number of 'chatx'",
}
"""What is said of columns outside the rows of wallets."""


def list_columns() -> list[tuple[str, str]]:
    """Every column of every table, as the migrations make them on SQLite."""
    return [(table.name.removeprefix(P), column.name) for table in metadata.sorted_tables for column in table.columns]


def test_every_table_of_the_real_database_is_looked_at(sound: Path):
    with closing(sqlite3.connect(sound)) as owner:
        names = [name for (name,) in owner.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        found = {
            (name.removeprefix(P), column)
            for name in names
            if not name.startswith("sqlite_")
            for _, column, *_ in owner.execute(f"PRAGMA table_info({name})")
        }
        assert found == {*list_columns(), ("version", "version_num")}
        for table, condition in ROWS.items():
            assert len(owner.execute(f"SELECT * FROM {P}{table} WHERE {condition}").fetchall()) == 1, table
