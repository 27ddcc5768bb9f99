"""Opening a PostgreSQL database: what stands against it has an error of its own, and nothing was written then."""

import re
import subprocess
import sys
import threading
import time
import traceback
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

import farthing
from farthing.face import schemas
from farthing.store.database_clock import DatabaseClock
from farthing.store.faults import (
    BookMissing,
    ChainKeyWrong,
    ClockDisagrees,
    ClockIsFrozen,
    DatabaseAway,
    DatabaseForeign,
    DatabaseUnreadable,
    LedgerClosed,
    SchemaOld,
    UpgradeFirst,
    UrlInvalid,
)
from farthing.store.postgres import open_postgres
from farthing.store.postgres_places import read_postgres_url
from farthing.store.schema import metadata
from farthing.store.versions import SCHEMAS, Standing, judge_schema
from farthing.values.amounts import Unit
from farthing.values.entries import Seal
from tests.integration.sqlite_books import ask, charge, grant, make_url, open_store, run_sql
from tests.postgres.databases import APP, Database, command, open_prepared
from tests.postgres.server import Server

NEXT = f"{int(SCHEMAS[-1]) + 1:04}"
TABLES = "SELECT count(*) FROM pg_class WHERE relname LIKE 'farthing%' AND relkind = 'r'"


@pytest.fixture
def books(postgres: Server):
    with open_prepared(postgres) as database:
        open_postgres(database.app_url, create=True).close()
        yield database


def run(database: Database, statement: str, *values: Any) -> list[Any]:
    """Run a statement as the superuser, behind Farthing's back."""
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        cursor = connection.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://app:secret@db/credits", "postgresql://app@db/credits"),
        ("postgres://app:secret@db:5433/credits", "postgresql://app@db:5433/credits"),
        ("postgresql+psycopg://app@db/credits?password=secret", "postgresql://app@db/credits"),
        ("postgresql://app:secret@a,b:5433/credits", "postgresql://app@a,b:5433/credits"),
        ("postgresql://app:secret@[::1]:5432/credits", "postgresql://app@[::1]/credits"),
        ("postgresql://app:secret@/credits?host=/run/pg", "postgresql://app@/credits?host=/run/pg"),
        ("postgresql://app:s%2Fecret@db/cre%20dits", "postgresql://app@db/cre%20dits"),
    ],
)
def test_addresses_are_shown_without_what_is_secret(url: str, shown: str):
    place = read_postgres_url(url)

    assert place.shown == shown
    assert "ecret" not in repr(place) + str(place.identity)
    assert place.settings["password"].endswith("secret") or place.settings["password"] == "s/ecret"


@pytest.mark.parametrize("url", ["postgresql://app:sec%ret@db/x", "postgresql+asyncpg://a:secret@db/x",
                                 "postgresql://a:secret@db/x?pgbouncer=true"])  # fmt: skip
def test_an_address_that_cannot_be_read_is_not_repeated(url: str):
    with pytest.raises(UrlInvalid) as refused:
        read_postgres_url(url)

    assert "sec" not in "".join(traceback.format_exception(refused.value))
    assert "postgresql://USER@HOST" in str(refused.value)


@pytest.mark.parametrize(
    "place",
    [
        "app:secret/cret@db:5432/x",
        "app:12/cret@db/x",
        "app:12/3?cret=x@db/x",
        "app:1:se/cret@db/x",
        "app:se@cret@db/x",
        "app:@@cret@db/x",
        "app:secret",
        "app:secret/x",
        "db?user=app&password=secret@x",
    ],
)
def test_a_password_that_was_not_encoded_is_told_of_and_not_shown(place: str):
    with pytest.raises(UrlInvalid) as refused:
        read_postgres_url(f"postgresql://{place}")

    assert "cret" not in "".join(traceback.format_exception(refused.value)) + repr(refused.value.facts)
    assert "percent-encoded" in str(refused.value) or "%2F" in str(refused.value)


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1", "99999999999", "\N{SUPERSCRIPT TWO}"])
def test_a_port_that_is_none_is_told_of(port: str, monkeypatch: pytest.MonkeyPatch):
    for url in (f"postgresql://a,b:{port}/x", f"postgresql://db/x?port={port}"):
        with pytest.raises(UrlInvalid, match="port"):
            read_postgres_url(url)
    monkeypatch.setenv("PGPORT", port)
    with pytest.raises(UrlInvalid, match="port"):
        read_postgres_url("postgresql://db/x")


@pytest.mark.parametrize(
    ("place", "password"),
    [("app:se?cret@db:1/x", "se?cret"), ("app:se:cret@[::1]:1,c/x?user=a@b", "se:cret"), ("app:a%40%2Fb@/x", "a@/b")],
)
def test_a_password_that_can_be_read_as_it_is_is_left_alone(place: str, password: str):
    assert read_postgres_url(f"postgresql://{place}").settings["password"] == password


@pytest.mark.parametrize(
    ("setting", "error", "says"),
    [
        ("sslmode=wrong", UrlInvalid, "sslmode"),
        ("target_session_attrs=wrong", UrlInvalid, "target_session_attrs"),
        ("connect_timeout=wrong", UrlInvalid, "connect_timeout"),
        ("keepalives_idle=wrong", UrlInvalid, "keepalives_idle"),
        ("options=-c%20foo%3Dbar", DatabaseUnreadable, 'unrecognized configuration parameter "foo"'),
        ("options=-c%20lock_timeout%3Dbar", DatabaseUnreadable, "invalid value for parameter"),
    ],
)
def test_a_setting_that_will_not_do_is_told_of_at_once(books: Database, setting: str, error: Any, says: str):
    began = time.monotonic()
    with pytest.raises(error, match=says) as refused:
        open_postgres(f"{books.app_url}?{setting}")

    assert time.monotonic() - began < 1
    assert "wrong" not in str(refused.value)
    assert books.server.role_password not in "".join(traceback.format_exception(refused.value))


def test_verifying_what_we_may_not_read_finds_no_fault_with_it(books: Database):
    with farthing.open(books.app_url) as ledger:
        ledger.grant("acme", 1)
        for table in ("farthing_wallet", "farthing_debt", "farthing_name"):
            run(books, f"REVOKE SELECT ON {table} FROM {APP}")
            with pytest.raises(DatabaseUnreadable, match="--app-role"):
                ledger.verify()
            run(books, f"GRANT SELECT ON {table} TO {APP}")
        assert ledger.verify().ok
        run(books, f"REVOKE SELECT ON farthing_name FROM {APP}")
        run(books, "UPDATE farthing_wallet SET granted = granted + 1 WHERE unit_id = 1")
        assert ledger.verify().count > 1
    run(books, f"REVOKE SELECT ON farthing_wallet FROM {APP}")
    code, said = command_line("verify", "--db", books.app_url)
    assert (code, "findings" in said, "--app-role" in said) == (6, False, True), said


def test_a_database_without_our_tables_is_left_as_it_is(database: Database):
    with pytest.raises(DatabaseForeign) as refused:
        open_postgres(database.owner_url)

    assert refused.value.path == database.owner_url.replace(f":{database.server.role_password}", "")
    assert run(database, TABLES) == [(0,)]


def test_only_an_owner_makes_tables(database: Database):
    with pytest.raises(DatabaseUnreadable, match="may make no tables"):
        open_postgres(database.app_url, create=True)
    assert run(database, TABLES) == [(0,)]

    open_postgres(database.owner_url, create=True).close()

    assert run(database, TABLES) == [(len(metadata.tables) + 1,)]
    with pytest.raises(DatabaseUnreadable, match="--app-role"):
        open_postgres(database.app_url)


def test_tables_made_by_several_at_once_are_made_once(database: Database):
    failed: list[BaseException] = []

    def make(book: str) -> None:
        try:
            open_postgres(database.owner_url, create=True, book=book).close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=make, args=(book,)) for book in ("main", "tenant", "main", "other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert run(database, "SELECT count(*) FROM farthing_meta") == [(1,)]
    books = run(database, "SELECT book, name FROM farthing_book")
    assert sorted(name for _, name in books) == ["main", "other", "tenant"]
    assert sorted(number for number, _ in books) == [1, 2, 3]


def test_the_rule_for_schemas_is_one():
    known = ("0001", "0002", "0003")

    assert [judge_schema(found, known).name for found in known] == ["OLD", "OLD", "FITS"]
    assert judge_schema("0004", known) is Standing.FITS
    for found in ("0005", "0000", "", "later"):
        assert judge_schema(found, known) is Standing.UNKNOWN


def test_the_next_schema_is_run_on_and_left_as_it_is(books: Database, tmp_path: Path):
    run(books, f"UPDATE farthing_version SET version_num = '{NEXT}'")
    with farthing.open(books.app_url) as ledger:
        assert ledger.grant("acme", 1).balance == 1
        assert ledger.verify().ok
    open_postgres(books.app_url, create=True, book="another").close()
    assert run(books, "SELECT version_num FROM farthing_version") == [(NEXT,)]

    path = tmp_path / "next.db"
    with open_store(path) as store:
        ask(store, grant("g1"))
    run_sql(path, f"UPDATE farthing_version SET version_num = '{NEXT}'")
    with open_store(path) as store:
        assert len(ask(store, charge("c1"))) == 1
        assert list(store.find_oddities()) == []
    assert run_sql(path, "SELECT version_num FROM farthing_version") == [(NEXT,)]
    assert schemas.migrate(make_url(path))[1:] == (NEXT, NEXT)


def test_a_schema_from_further_ahead_asks_for_an_upgrade(books: Database):
    run(books, "UPDATE farthing_meta SET encoding_version = 9")
    with pytest.raises(UpgradeFirst, match="encoding 9"):
        open_postgres(books.app_url)

    run(books, "UPDATE farthing_version SET version_num = '9999'")
    for create in (False, True):
        with pytest.raises(UpgradeFirst, match="schema 9999"):
            open_postgres(books.owner_url, create=create)

    assert run(books, "SELECT version_num FROM farthing_version") == [("9999",)]


def test_an_older_schema_is_refused_and_never_migrated_by_opening(books: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(judge_schema, "__defaults__", ((*SCHEMAS, NEXT),))

    for create in (False, True):
        with pytest.raises(SchemaOld, match="run `farthing migrate`"):
            open_postgres(books.owner_url, create=create)

    assert run(books, "SELECT version_num FROM farthing_version") == [(SCHEMAS[-1],)]


def test_a_lost_version_is_damage(books: Database):
    run(books, "DELETE FROM farthing_version")

    with pytest.raises(DatabaseUnreadable, match="farthing_version is gone"):
        open_postgres(books.owner_url, create=True)


@pytest.mark.parametrize(
    ("sealed", "opened", "said"),
    [(None, b"a key", "without a key"), (b"a key", None, "with a key"), (b"a key", b"other", "with another key")],
)
def test_the_wrong_chain_key_is_refused(database: Database, sealed: bytes | None, opened: bytes | None, said: str):
    open_postgres(database.owner_url, create=True, seal=Seal(sealed)).close()

    for create in (False, True):
        with pytest.raises(ChainKeyWrong) as refused:
            open_postgres(database.owner_url, create=create, book="another", seal=Seal(opened))
        assert refused.value.sealed == said

    assert run(database, "SELECT name FROM farthing_book") == [("main",)]


def test_books_are_made_when_asked_and_keep_to_themselves(books: Database):
    with pytest.raises(BookMissing) as refused:
        open_postgres(books.app_url, book="tenant")
    assert refused.value.book == "tenant"

    with (
        farthing.open(books.app_url, book="tenant", create=True) as tenant,
        farthing.open(books.app_url, units={"credits": 6}) as main,
    ):
        main.grant("acme", 5)

        assert (main.engine.store.book, tenant.engine.store.book) == (1, 2)
        assert tenant.engine.store.find_account("acme") is None
        assert (tenant.engine.store.count_entries(), main.engine.store.count_entries()) == (0, 2)
        assert list(tenant.history()) == []
        assert [line.kind for line in main.history()] == ["granted", "opened"]


def test_live_and_test_books_are_not_mistaken_for_each_other(books: Database):
    open_postgres(books.app_url, create=True, book="trial", test=True).close()

    with pytest.raises(ClockIsFrozen, match="main is live"):
        open_postgres(books.app_url, test=True)
    with pytest.raises(ClockIsFrozen, match="trial is a test book"):
        open_postgres(books.app_url, book="trial", create=True)


def test_units_added_by_several_at_once_have_numbers_of_their_own(books: Database):
    def add(name: str) -> None:
        with closing(open_postgres(books.app_url)) as store:
            store.add_units([Unit(0, name, 2, 2)])

    threads = [threading.Thread(target=add, args=(f"unit{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with closing(open_postgres(books.app_url)) as store:
        assert sorted(unit.unit_id for unit in store.units().values()) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda url: re.sub(r":[^:@]*@", ":a-wrong-secret@", url), "password authentication failed"),
        (lambda url: url + "_not_there", "does not exist"),
        (lambda url: re.sub(r"//[^:]*:", "//nobody:", url), "authentication failed"),
    ],
)
def test_who_is_not_let_in_hears_it_at_once(books: Database, change: Any, says: str):
    began = time.monotonic()
    with pytest.raises(DatabaseUnreadable, match=says) as refused:
        open_postgres(change(books.app_url))

    assert time.monotonic() - began < 1.5
    shown = "".join(traceback.format_exception(refused.value)) + repr(refused.value.facts)
    assert "a-wrong-secret" not in shown
    assert books.server.role_password not in shown


def test_a_server_that_is_not_there_is_tried_for_a_while():
    secret = "do-not-tell"
    url = f"postgresql://app:{secret}@127.0.0.1:1/credits"
    began = time.monotonic()
    with pytest.raises(DatabaseAway, match="refused") as refused:
        open_postgres(url)

    assert 1.5 < time.monotonic() - began < 4
    assert secret not in "".join(traceback.format_exception(refused.value))


def test_a_database_that_cannot_keep_every_name_is_refused(postgres: Server, database: Database):
    name = f"{database.name}_latin"
    making = sql.SQL("CREATE DATABASE {} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    command(postgres, making.format(sql.Identifier(name)))
    try:
        with pytest.raises(DatabaseUnreadable, match="LATIN1: make one with ENCODING 'UTF8'"):
            open_postgres(Database(postgres, name).superuser_url, create=True)
    finally:
        command(postgres, sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def test_a_clock_that_is_a_day_off_is_refused(books: Database, monkeypatch: pytest.MonkeyPatch):
    ahead = DatabaseClock(wall=lambda: time.time_ns() + 90_000 * 10**9)
    monkeypatch.setattr("farthing.store.postgres.DatabaseClock", lambda: ahead)

    with pytest.raises(ClockDisagrees):
        open_postgres(books.app_url)


def test_a_database_set_to_read_only_says_so(books: Database):
    run(books, f'ALTER ROLE {APP} IN DATABASE "{books.name}" SET default_transaction_read_only = on')

    with closing(open_postgres(books.app_url)) as store, pytest.raises(DatabaseAway, match="takes no writes now"):
        store.add_units([Unit(0, "credits")])


def test_one_database_and_book_has_one_engine_in_a_process(books: Database):
    other = books.app_url.replace("postgresql://", "postgresql+psycopg://") + "?application_name=other"
    with farthing.open(books.app_url) as first, farthing.open(other) as second:
        assert first.engine is second.engine
        assert books.server.role_password not in first.url
        with farthing.open(books.owner_url) as third:
            assert third.engine is not first.engine


def test_a_closed_store_refuses_everything(books: Database):
    store = open_postgres(books.app_url)
    store.close()
    store.close()

    for call in (lambda: store.find_account("acme"), lambda: list(store.iter_records()), store.count_entries):
        with pytest.raises(LedgerClosed):
            call()
    with pytest.raises(LedgerClosed), store.work():
        pass


def test_without_its_driver_the_error_says_what_to_install():
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "import farthing\n"
        "try: farthing.open('postgresql://app:secret@db/credits')\n"
        "except farthing.Misconfigured as no: print(no)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "pip install 'farthing[postgres]'" in done.stdout
    assert "secret" not in done.stdout


def command_line(*words: str) -> tuple[int, str]:
    code = "import sys; from farthing.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_the_command_line_prepares_a_database_for_an_app(database: Database, tmp_path: Path):
    code, said = command_line("init", "--db", database.owner_url, "--app-role", "nobody_at_all")
    assert (code, "is not there: make it first" in said) == (2, True)
    assert run(database, TABLES) == [(0,)]

    code, said = command_line("init", "--db", database.owner_url, "--app-role", APP)
    assert code == 0, said
    assert "made postgresql://farthing_owner@" in said
    assert database.server.role_password not in said
    assert command_line("grant", "acme", "5", "--db", database.app_url)[0] == 0
    code, said = command_line("migrate", "--db", database.owner_url, "--app-role", APP)
    assert (code, "nothing to do" in said) == (0, True)

    sqlite = tmp_path / "credits.db"
    code, said = command_line("init", "--db", make_url(sqlite), "--app-role", APP)
    assert (code, "is for PostgreSQL" in said, sqlite.exists()) == (2, True, False)


def test_sqlite_needs_neither_psycopg_nor_sqlalchemy(tmp_path: Path):
    path = tmp_path / "credits.db"
    open_store_once(path)
    code = (
        "import sys, farthing\n"
        f"with farthing.open({make_url(path)!r}) as ledger: ledger.grant('acme', 1)\n"
        "print({'psycopg', 'sqlalchemy', 'alembic'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


def open_store_once(path: Path) -> None:
    with open_store(path):
        pass
