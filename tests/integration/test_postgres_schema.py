"""The schema on PostgreSQL: the migrations make what the metadata says; what the app's role may not do, it cannot."""

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

import farthing
from farthing.store import postgres_reads, schema
from farthing.store.faults import DatabaseUnreadable
from farthing.store.migrate import upgrade_postgres
from farthing.store.postgres import PostgresStore, open_postgres
from farthing.store.postgres_catalog import expect_catalog, read_catalog
from farthing.store.postgres_connections import connect
from farthing.store.postgres_migration import CHANGED, grant_app_role, migrate_postgres
from farthing.store.postgres_places import read_postgres_url
from farthing.store.versions import PREFIX, SCHEMAS, VERSION_TABLE
from farthing.values.entries import Kind
from farthing.values.errors import TermInvalid
from tests.postgres.databases import APP, OWNER, Database, open_prepared
from tests.postgres.server import Server

TABLES = [name.removeprefix(PREFIX) for name in schema.metadata.tables]
EMPTIED = ("rollup_mark", "rollup_usage", "rollup_flow", "rollup_basis", "rollup_followed")
CHANGED_BY_HAND = "is not as Farthing made it"
OPTIONS = f"SELECT relname, reloptions FROM pg_class WHERE relname LIKE '{PREFIX}%' AND relkind = 'r' ORDER BY relname"


@pytest.fixture
def books(postgres: Server) -> Iterator[Database]:
    """A database with something in it."""
    with open_prepared(postgres) as database, farthing.open(database.app_url, create=True) as ledger:
        ledger.grant("acme", 10, description="a note")
        ledger.charge("acme", 1, feature="chat")
        ledger.hold("acme", 1)
        yield database


def run(url: str, statement: str, *values: Any) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


def test_the_migrations_make_what_the_metadata_says(database: Database, postgres: Server):
    with (
        open_prepared(postgres) as prepared,
        closing(connect(read_postgres_url(database.owner_url))) as made,
        closing(connect(read_postgres_url(prepared.owner_url))) as migrated,
    ):
        made.execute(f"CREATE TABLE {VERSION_TABLE} (version_num TEXT)")
        engine = create_engine("postgresql+psycopg://", creator=lambda: made, poolclass=StaticPool)
        schema.metadata.create_all(engine)

        found = read_catalog(migrated)
        assert found == read_catalog(made)
        assert found == expect_catalog()
        options = [row for row in migrated.execute(OPTIONS).fetchall() if row[0] != VERSION_TABLE]
        assert options == [row for row in made.execute(OPTIONS).fetchall() if row[0] != VERSION_TABLE]
        assert {name for name, said in options if said == ["fillfactor=80"]} == {
            f"{PREFIX}{table}" for table in ("wallet", "lot", "hold", "debt", "allowance", "budget", "tally")
        }


def test_a_migration_that_is_cut_off_leaves_nothing(database: Database):
    def fail(_: object) -> None:
        raise KeyboardInterrupt

    with closing(connect(read_postgres_url(database.owner_url))) as connection:
        with pytest.raises(KeyboardInterrupt):
            upgrade_postgres(connection, fail)
        assert connection.execute(OPTIONS).fetchall() == []
        connection.rollback()

        upgrade_postgres(connection, lambda _: None)
        assert connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall() == [(SCHEMAS[-1],)]
        upgrade_postgres(connection, lambda _: None)


@pytest.mark.parametrize("table", ["entry", "name"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {} SET number = number", "DELETE FROM {}", "DELETE FROM {} WHERE false", "TRUNCATE {} CASCADE"],
)
def test_nobody_changes_what_is_written_once(books: Database, table: str, statement: str):
    for url in (books.owner_url, books.superuser_url):
        with pytest.raises(psycopg.errors.RestrictViolation, match="never changed"):
            run(url, statement.format(PREFIX + table))
    with psycopg.connect(books.superuser_url) as connection:
        connection.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute(statement.format(PREFIX + table))


@pytest.mark.parametrize("table", [*TABLES, "version"])
def test_the_apps_role_deletes_and_remakes_nothing(books: Database, table: str):
    named = PREFIX + table
    for statement in (
        *([] if table in EMPTIED else ["DELETE FROM {}"]), "TRUNCATE {}", "DROP TABLE {}",
        "ALTER TABLE {} ADD COLUMN more int", "ALTER TABLE {} DISABLE TRIGGER ALL", "CREATE INDEX ON {} ((1))",
        "CREATE TRIGGER t BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    ):  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(books.app_url, statement.format(named))


@pytest.mark.parametrize("table", EMPTIED)
def test_the_apps_role_may_empty_what_can_be_made_again(books: Database, table: str):
    run(books.app_url, f"DELETE FROM {PREFIX}{table}")


@pytest.mark.parametrize("table", [*TABLES, "version"])
def test_the_apps_role_changes_only_what_changes(books: Database, table: str):
    columns = [
        name for name, in run(books.superuser_url, "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass"
                              " AND attnum > 0", PREFIX + table)
    ]  # fmt: skip
    may = CHANGED.get(table)
    for column in columns:
        statement = f"UPDATE {PREFIX}{table} SET {column} = {column} WHERE false"
        if table in EMPTIED or (may is not None and (not may or column in may)):
            run(books.app_url, statement)
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                run(books.app_url, statement)


@pytest.mark.parametrize("table", ["meta", "version", "account_alias"])
def test_the_apps_role_adds_no_row_to_what_operators_write(books: Database, table: str):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(books.app_url, f"INSERT INTO {PREFIX}{table} SELECT * FROM {PREFIX}{table}")


def test_the_apps_role_makes_nothing_and_sets_no_sequence(books: Database):
    for statement in (
        "CREATE TABLE mine (x int)",
        f"SELECT setval('{PREFIX}entry_position_seq', 1)",
        f"ALTER SEQUENCE {PREFIX}entry_position_seq RESTART",
        f"DROP FUNCTION {PREFIX}refuse CASCADE",
        f"CREATE OR REPLACE FUNCTION {PREFIX}refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(books.app_url, statement)


def test_rights_beyond_what_an_app_needs_are_taken_back(books: Database):
    run(books.owner_url, f"GRANT ALL ON {PREFIX}entry, {PREFIX}meta TO {APP}")

    migrate_postgres(books.owner_url, farthing.values.entries.Seal(), APP)

    for table in ("entry", "meta"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(books.app_url, f"DELETE FROM {PREFIX}{table}")


@pytest.mark.parametrize(
    ("role", "says"), [("nobody", "is not there"), ("postgres", "is a superuser"), (OWNER, "owns the tables")]
)
def test_a_role_that_rights_do_not_bind_is_no_role_for_an_app(books: Database, role: str, says: str):
    with pytest.raises(TermInvalid, match=says):
        grant_app_role(books.owner_url, role)


def test_only_the_owner_gives_rights(books: Database):
    run(books.superuser_url, "DROP ROLE IF EXISTS bystander")
    run(books.superuser_url, "CREATE ROLE bystander")
    with pytest.raises(DatabaseUnreadable, match="does not own the tables"):
        grant_app_role(books.app_url, "bystander")


@pytest.mark.parametrize(
    ("statement", "where", "what"),
    [
        ("DROP INDEX farthing_lot_burndown", "schema, farthing_lot_burndown", "is missing"),
        ("ALTER TABLE farthing_entry DISABLE TRIGGER ALL", "schema, farthing_entry_unchanged", CHANGED_BY_HAND),
        ("ALTER TABLE farthing_entry ENABLE TRIGGER ALL", "schema, farthing_entry_unchanged", CHANGED_BY_HAND),
        ("CREATE TABLE farthing_more (x int)", "schema, farthing_more.x", "is none of Farthing's"),
        ("ALTER TABLE farthing_lot ALTER amount DROP NOT NULL", "schema, farthing_lot.amount", CHANGED_BY_HAND),
        ("ALTER TABLE farthing_lot ALTER amount TYPE int", "schema, farthing_lot.amount", CHANGED_BY_HAND),
        ("DROP INDEX farthing_entry_key", "schema, farthing_entry_key", "is missing"),
        ("CREATE OR REPLACE FUNCTION farthing_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
         "schema, farthing_refuse", CHANGED_BY_HAND),
        ("SELECT setval('farthing_entry_position_seq', 1)", "table entry", "has position 4, and its sequence"),
        ("UPDATE farthing_account SET shard = 1 - shard % 2 WHERE true", "account acme", "is in shard"),
        ("DELETE FROM farthing_note", "note of account 1, unit 1, number 1", "is missing: an erased one"),
        ("INSERT INTO farthing_rollup_mark VALUES (1, 5)", "table farthing_rollup_mark", "goes up to position 5, and"),
        ("INSERT INTO farthing_rollup_mark VALUES (2, 4)", "table farthing_rollup_mark", "has 1 rows, and needs the"),
        ("INSERT INTO farthing_rollup_followed VALUES (1, 1, 2)", "table farthing_rollup_mark", "goes up to nothing"),
    ],
)  # fmt: skip
def test_what_somebody_has_changed_is_found(books: Database, statement: str, where: str, what: str):
    with closing(open_postgres(books.app_url)) as store:
        assert list(store.find_oddities()) == []
        run(books.owner_url, statement)

        found = list(store.find_oddities())

    assert any(place == where and said.startswith(what) for place, said in found), found


class Watch:
    """Every question that a store asks, explained."""

    def __init__(self, store: PostgresStore) -> None:
        self.plans: list[str] = []
        self.ask, self.connections = store.connections.ask, store.connections

    def __call__(self, *questions: Any) -> list[list[Any]]:
        for rows in self.ask(*[(f"EXPLAIN {text}", values) for text, values in questions]):
            self.plans.append("\n".join(line for (line,) in rows))
        return self.ask(*questions)


def test_no_question_about_an_account_walks_a_table(books: Database, monkeypatch: pytest.MonkeyPatch):
    run(books.superuser_url, "ANALYZE")
    with closing(open_postgres(books.app_url)) as store:
        watch = Watch(store)
        monkeypatch.setattr(store.connections, "ask", watch)
        account = store.find_account("acme")
        assert account is not None
        store.read_wallet(account, store.units()["credits"], 0)
        store.read_wallets(account)
        for unit_id in (None, 1):
            for feature in (None, 5):
                assert store.list_history(account, unit_id, feature, None, 10) or feature
        store.list_history(None, None, None, 100, 10)
        store.list_history(account, None, None, None, 10, (int(Kind.ALERTED), int(Kind.TOP_UP_WANTED)))
        assert "farthing_entry_alert" in watch.plans[-1]
        store.list_history(None, None, None, None, 10, (int(Kind.ALERTED),))
        assert "farthing_entry_alert" in watch.plans[-1]
        store.list_due(0, None, 10)
        assert "farthing_wallet_pkey" in watch.plans[-1]
        store.nearest_accounts("acne")
        store.name_text(123)

    assert len(watch.plans) > 20
    assert [plan for plan in watch.plans if "Seq Scan" in plan] == []
    assert all("Index" in plan or "Bitmap" in plan for plan in watch.plans)


def test_books_longer_than_a_page_are_read_whole(books: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres_reads, "PAGE", 2)
    with farthing.open(books.app_url) as ledger:
        for number in range(7):
            ledger.grant(f"other{number}", 1, source=f"source {number}", description="a note")
            ledger.charge("acme", 1, feature=f"feature {number}")
        store = ledger.engine.store

        read = {record.wallet.account.key: list(record.entries) for record in store.iter_records()
                if record.wallet.unit.unit_id}  # fmt: skip
        assert [entry.number for entry in read["acme"]] == list(range(1, 11))
        assert len(read) == 8
        report = ledger.verify()
        assert report.ok, str(report)
        assert report.entries == store.count_entries() == 10 + 7 + 8
        records = store.iter_records()
        assert isinstance(records, Generator)
        half_read = next(next(records).entries)
        records.close()
        assert half_read.number == 1
        assert ledger.charge("acme", 1)


def test_history_is_listed_by_wallet_and_by_account(books: Database):
    with farthing.open(books.app_url, units={"generations": 0}) as ledger:
        ledger.grant("acme", 7, unit="generations")
        kinds = [line.kind for line in ledger.history("acme")]
        store = ledger.engine.store
        account = store.find_account("acme")
        everything = store.list_history(account, None, None, None, 100)

        assert kinds == ["granted", "held", "charged", "granted", "opened"]
        assert [position for position, _ in everything] == [5, 4, 3, 2, 1]
        assert [position for position, _ in store.list_history(account, None, None, 4, 2)] == [3, 2]
        assert [position for position, _ in store.list_history(account, 1, None, None, 10)] == [4, 3, 2]
        chat = store.intern_name("chat")
        assert [position for position, _ in store.list_history(account, None, chat, None, 10)] == [3]
        assert [position for position, _ in store.list_history(None, 1, None, None, 10)] == [4, 3, 2]
        assert everything[3][1].note is not None
        assert ledger.verify().ok
