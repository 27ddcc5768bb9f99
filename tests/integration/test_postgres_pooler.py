"""Behind PgBouncer in transaction mode: what is set, prepared or locked outlives no transaction, and all adds up."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

import farthing
from farthing.engine.engine import Engine
from farthing.face.ledger import Ledger
from farthing.store.postgres import open_postgres
from farthing.store.postgres_statements import KEPT
from farthing.values.amounts import Unit
from tests.integration.postgres_books import open_host, run_sql
from tests.postgres.binaries import find_user, make_folder, run_as_user
from tests.postgres.databases import APP, Database
from tests.postgres.server import find_port

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="PgBouncer is not installed here (Debian: apt install pgbouncer)"
)

SERVER_CONNECTIONS, CLIENTS, CALLS = 2, 6, 15
SETTINGS = """
[databases]
{name} = host=127.0.0.1 port={server_port} dbname={name}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
log_connections = 0
log_disconnections = 0
"""


@contextmanager
def run_pooler(database: Database) -> Iterator[str]:
    """The address of the same database through a pooler with few connections of its own."""
    folder, port = make_folder("farthing-pool-", in_memory=False), find_port()
    asked = psycopg.conninfo.conninfo_to_dict(database.app_url)
    written = SETTINGS.format(
        name=database.name, server_port=asked["port"], port=port, folder=folder, size=SERVER_CONNECTIONS
    )
    (folder / "ini").write_text(written)
    (folder / "users").write_text(f'"{APP}" "{asked["password"]}"\n')
    if user := find_user():
        for file in (folder / "ini", folder / "users"):
            os.chown(file, user.pw_uid, user.pw_gid)
    command = [str(PROGRAM), "-q", str(folder / "ini")]
    url = database.server.url(APP, str(asked["password"]), database.name).replace(f":{asked['port']}/", f":{port}/")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **run_as_user())
    try:
        wait_until_it_answers(process, url, folder / "log")
        yield url
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder)


def wait_until_it_answers(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    last = time.monotonic() + 20
    while time.monotonic() < last and process.poll() is None:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.02)
    raise RuntimeError(f"PgBouncer did not start:\n{log.read_text()}")


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with open_host() as made:
        yield made


@pytest.fixture(scope="module")
def pooled(database: Database) -> Iterator[str]:
    with run_pooler(database) as url:
        yield url


@contextmanager
def open_server(url: str, book: str) -> Iterator[Ledger]:
    """A ledger with an engine of its own, as another server would have it."""
    with closing(open_postgres(url, create=True, book=book)) as store:
        store.add_units([Unit(0, "credits")])
        engine = Engine(store)
        yield Ledger(engine, dice=os.urandom)
        engine.close()


def find_store(ledger: Ledger) -> Any:
    return ledger.engine.store


def test_several_servers_share_two_connections_and_nothing_is_lost(database: Database, pooled: str) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(open_server(pooled, "shared")) for _ in range(3)]
        accounts = [f"account {number}" for number in range(4)]
        for account in accounts:
            servers[0].grant(account, 1000)
        failed: list[BaseException] = []

        def call(number: int) -> None:
            try:
                for turn in range(CALLS):
                    ledger, account = servers[(number + turn) % 3], accounts[(number * turn) % 4]
                    ledger.charge(account, 1, feature=f"feature {turn}")
                    hold = ledger.hold(account, 5)
                    hold.settle(2)
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=call, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        left = sum(servers[1].balance(account).spendable for account in accounts)
        pids = run_sql(database, f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{APP}'")[0][0]
        assert servers[2].verify().ok

    assert left == 4000 - CLIENTS * CALLS * 3
    assert pids <= SERVER_CONNECTIONS


def test_nothing_is_prepared_there_and_on_a_direct_connection_it_is(database: Database, pooled: str) -> None:
    thresholds = {}
    for url in (pooled, database.app_url):
        with open_server(url, "prepared") as ledger:
            ledger.grant("acme", 1)
            with find_store(ledger).connections.writing() as connection:
                asked = "SELECT count(*) FROM pg_prepared_statements"
                thresholds[url] = (connection.prepared is None, connection.execute(asked).fetchone()[0] > 0)

    assert thresholds == {pooled: (True, False), database.app_url: (False, True)}


def test_no_setting_and_no_lock_outlives_its_transaction(pooled: str) -> None:
    names = (*KEPT, "statement_timeout", "idle_in_transaction_session_timeout", "synchronous_commit")
    with psycopg.connect(pooled, autocommit=True, prepare_threshold=None) as other:

        def read() -> set[tuple[Any, ...]]:
            shown = ", ".join(f"current_setting('{name}')" for name in names)
            locks = "(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')"
            return {other.execute(f"SELECT {shown}, {locks}").fetchone() or () for _ in range(8)}

        before = read()
        with open_server(pooled, "settings") as ledger:
            for number in range(4):
                ledger.grant(f"acme {number}", 10)
                ledger.charge(f"acme {number}", 1)
            ledger.balance("acme 1")

        assert len(before) == 1
        assert read() == before


@pytest.mark.parametrize("keeps", [True, False], ids=["commit", "rollback"])
@pytest.mark.parametrize("way", ["through the pooler", "directly"])
def test_a_transaction_through_the_pooler_or_beside_it_can_be_joined(
    database: Database, pooled: str, way: str, keeps: bool
) -> None:
    url = pooled if way == "through the pooler" else database.app_url
    with open_server(pooled, f"within {way} {keeps}") as ledger:
        ledger.grant("acme", 100)
        with psycopg.connect(url, prepare_threshold=None) as connection:
            for turn in range(3):
                with ledger.within(connection) as tx:
                    tx.charge("acme", 10, feature=f"{way} {turn}")
                    tx.grant(f"new {turn}", 3)
                with pytest.raises(farthing.InsufficientCredits), ledger.within(connection) as tx:
                    tx.charge("acme", 500)
                connection.commit() if keeps else connection.rollback()

        assert ledger.balance("acme").spendable == (70 if keeps else 100)
        assert ledger.charge("acme", 1).charged == 1
        assert ledger.verify().ok
