"""PostgreSQL itself dies, restarts, fails over, or ends our sessions, under load (F2, F24): each key counts once."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

import farthing
from farthing.values.entries import Seal
from tests.crash.load import Load
from tests.postgres.binaries import make_folder, run_program
from tests.postgres.databases import Database, create_database, open_prepared, prepare_tables
from tests.postgres.proxy import open_proxy
from tests.postgres.server import DURABLE, Server, run_server
from tests.races.books import open_book
from tests.races.gates import wait_until

UNAVAILABLE = {"database_away", "outcome_unknown", "busy"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with run_server(DURABLE) as running:
        yield running


@pytest.fixture
def durable(server: Server) -> Iterator[Database]:
    """A database of a server that keeps what it has said; the app's role uses it."""
    if server.process is None or server.process.poll() is not None:
        server.start()
    with open_prepared(server) as made:
        yield made


def list_sessions(database: Database, more: str = "") -> list[int]:
    """The server's processes that serve this library."""
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        text = f"SELECT pid FROM pg_stat_activity WHERE datname = %s AND application_name = 'farthing' {more}"
        return [row[0] for row in connection.execute(text, (database.name,))]


@pytest.mark.parametrize("end", ["immediate", "fast"])
def test_a_server_that_stops_under_load_and_comes_back_loses_and_doubles_nothing(durable: Database, end) -> None:
    with Load(durable.app_url) as load:
        for _ in range(2):
            load.go_on(40)
            durable.server.restart(end)
        load.go_on(40)

    load.check(durable.app_url)
    assert load.errors.keys() <= UNAVAILABLE


def test_callers_learn_that_a_killed_server_is_away_and_go_on_when_it_is_back(durable: Database) -> None:
    with Load(durable.app_url) as load:
        load.go_on(40)
        durable.server.kill9()
        wait_until(lambda: "database_away" in load.errors)
        durable.server.start()
        load.go_on(40)

    load.check(durable.app_url)
    assert load.errors.keys() <= UNAVAILABLE


def test_what_was_acknowledged_outlives_a_server_that_was_told_that_commits_may_wait(durable: Database) -> None:
    with psycopg.connect(durable.superuser_url, autocommit=True) as operator:
        operator.execute(f"ALTER DATABASE {durable.name} SET synchronous_commit = off")
        operator.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        operator.execute("SELECT pg_reload_conf()")

    with Load(durable.app_url) as load:
        for _ in range(2):
            load.go_on(40)
            durable.server.kill9()
            durable.server.start()
        load.go_on(40)

    load.check(durable.app_url)


def test_one_killed_backend_ends_every_session_and_loses_nothing(durable: Database) -> None:
    with Load(durable.app_url) as load:
        load.go_on(40)
        os.kill(list_sessions(durable)[0], signal.SIGKILL)
        load.go_on(40)

    load.check(durable.app_url)
    assert load.errors.keys() <= UNAVAILABLE


def test_sessions_that_an_operator_ends_under_load_cost_nobody_an_answer(durable: Database) -> None:
    with Load(durable.app_url) as load, closing(psycopg.connect(durable.superuser_url, autocommit=True)) as operator:
        for _ in range(10):
            load.go_on(15)
            operator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'farthing'"
            )
        load.go_on(15)

    load.check(durable.app_url)
    assert load.errors.keys() <= UNAVAILABLE


def test_a_session_that_ends_while_it_is_idle_is_not_noticed_by_the_next_caller(durable: Database) -> None:
    open_book(durable.app_url).close()
    with farthing.open(durable.app_url) as ledger:
        ledger.grant("acme", 10, key="g")
        sessions = list_sessions(durable, "AND state = 'idle'")
        assert sessions
        with psycopg.connect(durable.superuser_url, autocommit=True) as operator:
            for pid in sessions:
                operator.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))

        assert ledger.balance("acme").available == 10
        assert not ledger.charge("acme", 1, key="c").replayed
        assert not set(sessions) & set(list_sessions(durable))


def copy_server(primary: Server) -> Server:
    """A standby that streams from a running server."""
    standby = Server(DURABLE)
    standby.folder = make_folder("farthing-pg-", in_memory=False)
    standby.password, standby.role_password = primary.password, primary.role_password
    run_program(
        "pg_basebackup", "-D", str(standby.data), "-d", primary.superuser_url(), "--write-recovery-conf",
        "--checkpoint", "fast", "--no-sync",
    )  # fmt: skip
    standby.start()
    return standby


def wait_for_standby(primary: Server) -> None:
    """From when this returns, no commit is acknowledged that the standby does not have."""
    with psycopg.connect(primary.superuser_url(), autocommit=True) as operator:
        operator.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        operator.execute("SELECT pg_reload_conf()")
        synchronous = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
        wait_until(lambda: operator.execute(synchronous).fetchone() is not None)


def test_a_promoted_standby_has_everything_that_a_synchronous_primary_acknowledged() -> None:
    with run_server(DURABLE) as primary, open_proxy(primary.port) as proxy:
        database = create_database(primary)
        prepare_tables(database, Seal())
        with closing(copy_server(primary)) as standby:
            wait_for_standby(primary)

            with Load(proxy.lead(database.app_url)) as load:
                load.go_on(60)
                primary.kill9()
                proxy.target = standby.port
                with psycopg.connect(standby.superuser_url(), autocommit=True) as operator:
                    operator.execute("SELECT pg_promote()")
                load.go_on(60)

            load.check(Database(standby, database.name).app_url)
            assert load.errors.keys() <= UNAVAILABLE
