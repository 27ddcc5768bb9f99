"""Servers are replaced one after the other while they work: the database first, to a schema that both releases know."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

import farthing
from farthing.store.postgres import open_postgres
from tests.integration.deploying import ACCOUNTS, NEXT
from tests.postgres.databases import APP, OWNER, Database, open_prepared
from tests.postgres.server import Server

ROOT = Path(__file__).resolve().parents[2]
GRANTED = 100_000
OLD, NEW = NEXT[-2:]


class Process:
    """One server of an app, of this release or the next."""

    def __init__(self, release: str, word: str, url: str, *more: str) -> None:
        command = [sys.executable, "-m", "tests.integration.deploying", release, word, url, *more]
        self.process = subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def wait_until_running(self) -> "Process":
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "running\n", self.process.communicate()
        return self

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@pytest.fixture
def books(postgres: Server) -> Iterator[Database]:
    with open_prepared(postgres) as database, farthing.open(database.app_url, create=True) as ledger:
        for number in range(ACCOUNTS):
            ledger.grant(f"acme{number}", GRANTED)
        yield database


def find_version(database: Database) -> str:
    with psycopg.connect(database.superuser_url) as connection:
        row = connection.execute("SELECT version_num FROM farthing_version").fetchone()
        assert row is not None
        return str(row[0])


def is_migration_waiting(database: Database) -> bool:
    """Whether the owner's session waits for a table."""
    asked = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND usename = %s AND wait_event_type = 'Lock'"
        " AND query LIKE 'ALTER%%'"
    )
    with psycopg.connect(database.superuser_url) as connection:
        return connection.execute(asked, (database.name, OWNER)).fetchone() == (1,)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_two_releases_work_side_by_side_while_the_schema_changes(books: Database):
    old = [Process("this", "traffic", books.app_url).wait_until_running()]
    code, _, said = Process("next", "open", books.app_url).end()
    assert code != 0
    assert f"has schema {OLD} and this release needs {NEW}: run `farthing migrate`" in said

    # A proof under way keeps the tables, so the migration must wait, and must not make the traffic wait behind it.
    with psycopg.connect(books.app_url) as proof:
        proof.execute("SELECT count(*) FROM farthing_entry")
        migrating = Process("next", "migrate", books.owner_url, APP)
        for is_waiting in (True, False, True):
            wait_until(lambda: is_migration_waiting(books) is is_waiting)  # noqa: B023
        assert migrating.process.poll() is None
        assert find_version(books) == OLD
    assert migrating.end()[:2] == (0, f"{OLD} {NEW}\n")

    new = [Process("next", "traffic", books.app_url).wait_until_running()]
    # One of the release before that is started again, or late.
    old.append(Process("this", "traffic", books.app_url).wait_until_running())
    time.sleep(1)
    ended = [process.end() for process in old + new]
    figures = [json.loads(out.splitlines()[-1]) for _, out, _ in ended]

    assert [err for code, _, err in ended if code] == []
    assert [problem for figure in figures for problem in figure["problems"]] == []
    assert max(figure["longest"] for figure in figures) < 5
    assert min(figure["charges"] for figure in figures) > 20
    assert find_version(books) == NEW
    with farthing.open(books.app_url) as ledger:
        left = sum(ledger.balance(f"acme{number}").spendable for number in range(ACCOUNTS))
        assert ACCOUNTS * GRANTED - left == sum(figure["charges"] for figure in figures)
        report = ledger.verify()
        assert report.ok, str(report)


def test_two_deploys_that_migrate_at_once_take_turns(books: Database):
    first, second = (Process("next", "migrate", books.owner_url, APP) for _ in range(2))
    ended = [first.end(), second.end()]

    assert [code for code, _, _ in ended] == [0, 0], ended
    assert {out for _, out, _ in ended} <= {f"{OLD} {NEW}\n", f"{NEW} {NEW}\n"}
    assert find_version(books) == NEW
    assert Process("next", "open", books.app_url).end()[1] == "opened\n"
    with psycopg.connect(books.app_url) as connection:
        connection.execute("INSERT INTO farthing_region VALUES (1)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM farthing_region")


def test_a_migration_that_fails_leaves_the_schema_and_the_traffic_as_they_are(books: Database):
    with psycopg.connect(books.owner_url, autocommit=True) as owner:
        owner.execute("CREATE TABLE farthing_region (in_the_way int)")

    code, _, said = Process("next", "migrate", books.owner_url, APP).end()

    assert code != 0
    assert "DatabaseUnreadable" in said
    assert 'the server refuses (42P07: relation "farthing_region" already exists)' in said
    assert "psycopg" not in said
    assert "CREATE TABLE" not in said
    assert find_version(books) == OLD
    with closing(open_postgres(books.app_url)) as store, store.connections.writing() as connection:
        found = connection.execute("SELECT count(*) FROM pg_attribute WHERE attname = 'region'").fetchone()
    assert found == (0,)
