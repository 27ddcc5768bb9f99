"""The schema on SQLite: the migrations make what the metadata says, and what is written once cannot be changed."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateIndex, CreateTable

from farthing.store import schema
from farthing.store.contract import Claim, StoredCatalog
from farthing.store.migrate import upgrade_sqlite
from farthing.store.versions import PREFIX, SCHEMAS, VERSION_TABLE
from farthing.values.entries import Entry
from farthing.values.subscriptions import Subscription
from farthing.values.wallets import Account, Allowance, Budget, Debt, Hold, Lot, Terms, Wallet
from tests.integration.sqlite_books import ask, charge, grant, make_url, open_store, run_sql

LISTING = "SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL AND type IN ('table', 'index')"
OPTIONS = "SELECT wr, strict FROM pragma_table_list WHERE name = ?"
COLUMNS_OF = 'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?) ORDER BY name'
UNIQUE_OF = "SELECT i.name FROM pragma_index_list(?) AS l, pragma_index_info(l.name) AS i WHERE l.origin = 'u'"


def list_made(connection: sqlite3.Connection) -> dict[str, Any]:
    """What there is. Where a column stands in its table says nothing: a later one stands last."""
    made: dict[str, Any] = {}
    for name, kind, text in connection.execute(LISTING).fetchall():
        made[name] = text
        if kind == "table":
            made[name] = [connection.execute(said, (name,)).fetchall() for said in (OPTIONS, COLUMNS_OF, UNIQUE_OF)]
    return made


@pytest.fixture
def books(tmp_path: Path) -> Path:
    path = tmp_path / "credits.db"
    with open_store(path) as store:
        feature = store.intern_name("chat")
        ask(store, grant("g1"), charge("c1", feature=feature), charge("c2"))
    return path


def test_the_migrations_make_the_tables_that_the_metadata_says():
    with (
        closing(sqlite3.connect(":memory:", isolation_level=None)) as migrated,
        closing(sqlite3.connect(":memory:")) as made,
    ):
        upgrade_sqlite(migrated, lambda _: None)
        schema.metadata.create_all(create_engine("sqlite://", creator=lambda: made, poolclass=StaticPool))

        found = list_made(migrated)
        assert found.pop(VERSION_TABLE)
        assert found == list_made(made)


def test_a_migration_that_is_cut_off_leaves_nothing(tmp_path: Path):
    path = tmp_path / "cut.db"

    def fail(_: sqlite3.Connection) -> None:
        raise KeyboardInterrupt

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with pytest.raises(KeyboardInterrupt):
            upgrade_sqlite(connection, fail)

        assert not connection.in_transaction
        assert list_made(connection) == {}
        upgrade_sqlite(connection, lambda _: None)
        assert connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall() == [(SCHEMAS[-1],)]


def test_columns_are_the_fields_of_the_values_they_keep():
    def columns(table: str) -> list[str]:
        return [column.name for column in schema.metadata.tables[PREFIX + table].columns]

    place = ["shard", "account_id", "unit_id"]
    unloaded = {"account", "unit", "terms", "lots", "holds", "debts", "whole", "unloaded", "horizon",
                "allowances", "budgets", "counters", "subscription"}  # fmt: skip
    totals = [name for name in Wallet.__slots__ if name not in unloaded]
    assert columns("account") == list(Account._fields)
    assert sorted(columns("wallet")) == sorted(place + totals + list(Terms._fields))
    assert columns("lot") == place + list(Lot._fields)
    assert columns("hold") == place + list(Hold._fields)
    assert columns("debt") == place + list(Debt._fields)
    assert columns("allowance") == place + list(Allowance._fields)
    assert columns("budget") == place + list(Budget._fields)
    assert columns("subscription") == ["shard", "account_id", *Subscription._fields]
    assert columns("claim") == ["claim_id", "book", *Claim._fields[1:]]
    assert columns("catalog") == ["book", *StoredCatalog._fields]
    assert columns("tally") == [*place, "subject", "counters"]
    assert columns("entry") == ["position", "shard", "account_id", *Entry._fields]


def test_every_table_is_strict_and_integers_have_eight_bytes(books: Path):
    tables = {name: strict for _, name, kind, _, _, strict in run_sql(books, "PRAGMA table_list") if PREFIX in name}

    assert len(tables) == len(schema.metadata.tables) + 1
    assert set(tables.values()) == {1}
    with pytest.raises(sqlite3.IntegrityError):
        run_sql(books, "UPDATE farthing_lot SET remaining = 'much'")
    run_sql(books, "UPDATE farthing_lot SET remaining = ?", (2**63 - 1,))
    assert run_sql(books, "SELECT remaining FROM farthing_lot") == [(2**63 - 1,)]


def test_the_same_schema_compiles_for_postgresql():
    dialect: Any = postgresql.dialect()

    made = {name: str(CreateTable(table).compile(dialect=dialect)) for name, table in schema.metadata.tables.items()}
    indexes = [str(CreateIndex(index).compile(dialect=dialect)) for index in schema.entry.indexes]

    assert "remaining BIGINT NOT NULL" in made["farthing_lot"]
    assert "shard SMALLINT NOT NULL" in made["farthing_lot"]
    assert "key_digest BYTEA," in made["farthing_entry"]
    assert "GENERATED BY DEFAULT AS IDENTITY" in made["farthing_entry"]
    assert not [text for text in made.values() if "STRICT" in text or "ROWID" in text]
    assert any("UNIQUE" in text and "WHERE key_digest IS NOT NULL" in text for text in indexes)


COLUMNS = "shard, account_id, " + ", ".join(Entry._fields)
THIRD = "FROM farthing_entry WHERE position = 3"
COPY = f"INSERT OR REPLACE INTO farthing_entry (position, {COLUMNS}) SELECT"
REPLACEMENTS = {
    "the same position": f"{COPY} position, {COLUMNS.replace(' number', ' 99', 1)} {THIRD}",
    "the same place": f"{COPY} 99, {COLUMNS} {THIRD}",
    "the same place, no position": f"{COPY} NULL, {COLUMNS} {THIRD}",
    "the same key": f"{COPY} 99, {COLUMNS.replace(' number', ' 99', 1)} {THIRD}",
}


@pytest.mark.parametrize("recursive", ["ON", "OFF"])
@pytest.mark.parametrize("statement", [
    "UPDATE farthing_entry SET amount = amount + 1",
    "UPDATE OR REPLACE farthing_entry SET number = 1 WHERE number = 2",
    "DELETE FROM farthing_entry WHERE position = 1",
    "UPDATE farthing_name SET text = 'talk'",
    "DELETE FROM farthing_name",
    "INSERT OR REPLACE INTO farthing_name SELECT number, 'talk' FROM farthing_name",
    *REPLACEMENTS.values(),
])  # fmt: skip
def test_entries_and_names_are_written_once(books: Path, recursive: str, statement: str):
    before = run_sql(books, "SELECT * FROM farthing_entry"), run_sql(books, "SELECT * FROM farthing_name")
    assert [len(rows) for rows in before] == [4, 1]

    with closing(sqlite3.connect(books)) as connection:
        connection.execute(f"PRAGMA recursive_triggers = {recursive}")
        with pytest.raises(sqlite3.IntegrityError, match=r"are never (changed|deleted|replaced)"):
            connection.execute(statement)
        connection.commit()

    assert (run_sql(books, "SELECT * FROM farthing_entry"), run_sql(books, "SELECT * FROM farthing_name")) == before


def test_a_schema_that_somebody_changed_is_an_oddity(books: Path):
    with open_store(books) as store:
        assert list(store.find_oddities()) == []

        run_sql(books, "DROP TRIGGER farthing_entry_kept")
        run_sql(books, "DROP INDEX farthing_entry_about")
        run_sql(books, "CREATE TRIGGER mine AFTER INSERT ON farthing_wallet BEGIN SELECT 1; END")

        odd = dict(store.find_oddities())
    assert odd == {
        "schema, farthing_entry_kept": "is missing",
        "schema, farthing_entry_about": "is missing",
        "schema, mine": "is none of Farthing's",
    }


def test_the_hosts_own_tables_are_left_alone(tmp_path: Path):
    path = tmp_path / "host.db"
    run_sql(path, "CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT)")
    run_sql(path, "INSERT INTO account (name) VALUES ('Ann')")

    with open_store(path) as store:
        ask(store, grant("g1"))
        assert list(store.find_oddities()) == []

    assert run_sql(path, "SELECT * FROM account") == [(1, "Ann")]
    assert make_url(path).startswith("sqlite:////")
