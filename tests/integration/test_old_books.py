"""Books of each schema before this one are read right by this release, and go on: chains, rows, and what is new."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from farthing.audit.verify import verify
from farthing.store.contract import Store
from farthing.store.faults import SchemaOld
from farthing.store.postgres import open_postgres
from farthing.store.postgres_migration import migrate_postgres
from farthing.store.sqlite import open_sqlite
from farthing.store.versions import SCHEMAS
from farthing.values.entries import Seal
from farthing.values.names import name_number
from farthing.values.periods import DAY, Cadence
from farthing.values.requests import About, Charge, Mode
from farthing.values.standing_requests import Allow, ChangeAllowance, Reschedule, SetBudget
from farthing.values.wallets import USUAL_TERMS, Subject
from tests.contract.desk import GENERATIONS, Desk, open_desk
from tests.contract.standing import price, take_step
from tests.integration.old_books import (
    MONTH,
    MORE_TABLES,
    at_old_desk,
    fill_old_server,
    read_version,
    work_once,
    work_until,
    write_old_file,
)
from tests.postgres.databases import APP, Database, open_database


@contextmanager
def open_file(path: Path, schema: str = "0001") -> Iterator[Store]:
    """SQLite is brought to this schema by opening it."""
    with closing(sqlite3.connect(path)) as connection:
        assert read_version(connection) == schema
    with closing(open_sqlite(f"sqlite:///{path}")) as store:
        with closing(sqlite3.connect(path)) as connection:
            assert read_version(connection) == SCHEMAS[-1]
        yield store


@contextmanager
def open_server(path: Path, schema: str = "0001") -> Iterator[Store]:
    """PostgreSQL is refused until it was migrated."""
    with open_database() as database:
        fill_old_server(database, path, schema)
        with pytest.raises(SchemaOld, match=f"has schema {schema} and this release needs {SCHEMAS[-1]}: run `farthing"):
            open_postgres(database.owner_url, create=True)
        assert migrate_postgres(database.owner_url, Seal(), APP)[1:] == (schema, SCHEMAS[-1])
        with psycopg.connect(database.owner_url) as connection:
            assert read_version(connection) == SCHEMAS[-1]
        with closing(open_postgres(database.app_url)) as store:
            yield store


def is_building(database: Database) -> bool:
    """Whether somebody is about to build an index, and waits for others."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND query LIKE 'CREATE INDEX CONCURRENTLY%%'"
    with psycopg.connect(database.superuser_url) as connection:
        return connection.execute(asked, (database.name,)).fetchone() == (1,)


def test_a_long_ledger_is_written_to_while_its_index_is_built(tmp_path: Path):
    with open_database() as database:
        fill_old_server(database, write_old_file(tmp_path))
        with psycopg.connect(database.owner_url) as writer:
            writer.execute("LOCK TABLE farthing_entry IN ROW EXCLUSIVE MODE")
            migration = threading.Thread(target=migrate_postgres, args=(database.owner_url, Seal(), APP))
            migration.start()
            deadline = time.monotonic() + 20
            while not is_building(database):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            with psycopg.connect(database.owner_url, options="-c lock_timeout=500") as other:
                other.execute("LOCK TABLE farthing_entry IN ROW EXCLUSIVE MODE")
                other.rollback()
            assert migration.is_alive()
        migration.join(timeout=30)

        with closing(open_postgres(database.app_url)) as store:
            assert verify(store).summary == "ok"


def test_an_index_whose_building_was_broken_off_is_built_anew(tmp_path: Path):
    with open_database() as database:
        fill_old_server(database, write_old_file(tmp_path))
        with psycopg.connect(database.owner_url) as owner:
            owner.execute("CREATE INDEX farthing_entry_alert ON farthing_entry (kind)")
        with psycopg.connect(database.superuser_url) as superuser:
            superuser.execute(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'farthing_entry_alert'::regclass"
            )

        migrate_postgres(database.owner_url, Seal(), APP)

        with closing(open_postgres(database.app_url)) as store:
            assert list(store.find_oddities()) == []


OPENINGS: dict[str, Callable[..., AbstractContextManager[Store]]] = {"sqlite": open_file, "postgres": open_server}


@pytest.fixture(params=[open_file, open_server], ids=["sqlite", "postgres"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    path = write_old_file(tmp_path)
    with request.param(path) as store, at_old_desk(store) as opened:
        yield opened


def insist(desk: Desk) -> None:
    report = verify(desk.store)
    assert report.summary == "ok", str(report)
    assert list(desk.store.find_oddities()) == []


def describe(desk: Desk) -> list[object]:
    """Every row and hash of a book."""
    return [
        (record.wallet.account, record.wallet.unit.name, record.wallet.terms, record.wallet.head, record.wallet.free,
         [entry.hash for entry in record.entries], *record[2:])
        for record in desk.store.iter_records()
    ]  # fmt: skip


def test_what_the_first_release_wrote_is_what_this_one_would_have_written(desk: Desk, tmp_path: Path):
    (tmp_path / "fresh").mkdir()
    with open_desk("memory", tmp_path / "fresh") as fresh:
        work_once(fresh)
        assert describe(desk) == describe(fresh)

    assert desk.wallet().terms is USUAL_TERMS
    assert desk.wallet(unit=GENERATIONS).terms.overdraft == 900
    assert (desk.account().clock, desk.wallet().recurring, desk.wallet().budgeted) == (0, 0, 0)
    insist(desk)


def test_books_of_the_first_schema_go_on_with_all_that_is_new(desk: Desk):
    desk.store.intern_name("ben")
    ben = name_number("ben")
    again = desk.do(Charge(key="debt", account="acme", amounts=((2, 800),), mode=Mode.RECORD))
    assert again.replayed

    desk.do(Reschedule(key="all", account="acme", unit=1, expires_at=desk.now + 400 * DAY))
    desk.do(Allow(key="allow", account="acme", unit=1, name="monthly", amount=100, every=Cadence.MONTH))
    desk.do(SetBudget(key="budget", account="acme", unit=1, name="each", most=50, per=Subject.MEMBER))
    desk.charge(40, about=About(member=ben))
    held = desk.hold(10, about=About(member=ben))
    desk.settle(held, (1, 10))
    assert [each.spent for each in desk.wallet().counters.values()] == [50]
    desk.now += 3 * MONTH
    desk.charge(1)

    wallet = desk.wallet()
    assert wallet.granted == 1000 + 50 + 70 + 300
    assert (wallet.recurring, wallet.budgeted) == (1, 1)
    insist(desk)


def test_what_was_held_and_owed_before_is_settled_and_paid_after(desk: Desk):
    held = [hold for hold in desk.wallet().holds.values() if hold.name]
    assert [hold.reserves for hold in held] == [()]
    owed = desk.wallet(unit=GENERATIONS).debt
    assert owed > 0

    desk.grant(owed, unit=2)
    desk.now += MONTH
    desk.charge(1)

    assert desk.wallet(unit=GENERATIONS).debt == 0
    assert desk.wallet().holds == {}
    assert desk.wallet().expired > 0
    insist(desk)


LATER = [schema for schema in SCHEMAS[1:-1] if schema in MORE_TABLES]


def test_every_schema_before_this_one_is_tried_here():
    assert set(MORE_TABLES) >= set(SCHEMAS[:-1])


@pytest.mark.parametrize("kind", OPENINGS)
@pytest.mark.parametrize("schema", LATER)
def test_what_later_releases_wrote_is_read_and_goes_on(kind: str, schema: str, tmp_path: Path):
    path = write_old_file(tmp_path, schema)
    (tmp_path / "fresh").mkdir()
    with OPENINGS[kind](path, schema) as store, at_old_desk(store) as desk:
        with open_desk("memory", tmp_path / "fresh") as fresh:
            work_until(fresh, schema)
            assert describe(desk) == describe(fresh)
            assert desk.store.list_catalogs() == fresh.store.list_catalogs()
            assert desk.store.list_claims("acme") == fresh.store.list_claims("acme")
        (monthly,) = [each for each in desk.wallet().allowances.values() if each.name == "monthly"]
        assert (monthly.until, monthly.amount) == (0, 100)

        ending = ChangeAllowance(key="", account="acme", unit=1, name="monthly", until=desk.now + MONTH // 3)
        desk.do(take_step(desk, "max", ending))
        desk.do(Charge(key="priced", account="acme", amounts=((1, 0),), priced=price(23)))
        assert desk.charge(1, about=About(member=name_number("ana"))).entries
        desk.now += MONTH
        desk.charge(1)

        (step,) = [step for step in desk.store.list_subscriptions(desk.account()) if not step.ended_at]
        assert step.plan == "max"
        assert desk.wallet().recurring == 0
        assert desk.store.publish_catalog(b"e" * 16, "more", desk.now) == 1 + (schema > "0002")
        insist(desk)
