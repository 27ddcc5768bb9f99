"""The servers that other tests rely on: they come back after every kind of end, and nothing of them stays behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.postgres import binaries
from tests.postgres.databases import APP, OWNER, Database, open_database
from tests.postgres.server import DURABLE, Server, run_server

ROOT = Path(__file__).resolve().parents[2]
ORPHAN = """
import sys, time
from tests.postgres.server import Server
server = Server()
server.start()
print(server.pid, server.place, flush=True)
time.sleep(600)
"""


def count_rows(server: Server) -> int:
    with psycopg.connect(server.superuser_url()) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def test_what_was_committed_outlives_every_kind_of_end() -> None:
    with run_server(DURABLE) as server:
        with psycopg.connect(server.superuser_url(), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (number int)")
        pids = [server.pid]

        for rows, end in enumerate((server.stop, lambda: server.stop("immediate"), server.kill9), 1):
            with psycopg.connect(server.superuser_url(), autocommit=True) as connection:
                connection.execute("INSERT INTO kept VALUES (1)")
            end()
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(server.superuser_url())
            server.start()
            pids.append(server.pid)

            assert count_rows(server) == rows

        assert len(set(pids)) == 4


def test_settings_change_at_a_restart_and_the_port_stays() -> None:
    with run_server() as server:
        port = server.port
        server.restart(max_connections="37")

        with psycopg.connect(server.superuser_url()) as connection:
            assert connection.execute("SHOW max_connections").fetchone() == ("37",)
            assert connection.execute("SHOW fsync").fetchone() == ("off",)
        assert server.port == port


def test_the_unix_socket_answers(postgres: Server) -> None:
    with psycopg.connect(
        host=str(postgres.place), port=postgres.port, user="postgres", password=postgres.password, dbname="postgres"
    ) as connection:
        assert connection.execute("SELECT inet_client_addr()").fetchone() == (None,)


def test_a_server_does_not_outlive_whoever_was_killed() -> None:
    orphan = subprocess.Popen([sys.executable, "-c", ORPHAN], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert orphan.stdout is not None
    pid, folder = orphan.stdout.readline().split()
    assert psutil.pid_exists(int(pid))
    assert Path(folder).is_dir()

    os.kill(orphan.pid, signal.SIGKILL)
    orphan.wait()
    orphan.stdout.close()

    last = time.monotonic() + 20
    while Path(folder).exists() and time.monotonic() < last:
        time.sleep(0.05)
    assert not Path(folder).exists()
    assert not psutil.pid_exists(int(pid)) or psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE


def test_a_closed_server_leaves_nothing() -> None:
    with run_server() as server:
        pid, folder = server.pid, server.place

    assert not folder.exists()
    assert not psutil.pid_exists(pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_binaries_that_others_cannot_read_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    package = hidden / binaries.PACKAGE
    (package / "pginstall" / "bin").mkdir(parents=True)
    (package / "pginstall" / "bin" / "postgres").touch(mode=0o700)
    monkeypatch.setattr(binaries, "SPARE", tmp_path)

    copied = binaries.copy_package(package) / "pginstall" / "bin" / "postgres"

    assert copied.stat().st_mode & 0o777 == 0o755
    assert copied.is_relative_to(tmp_path)
    assert not copied.is_relative_to(hidden)
    assert hidden.stat().st_mode & 0o777 == 0o700
    assert binaries.copy_package(package).stat().st_ino == copied.parents[2].stat().st_ino


def test_the_app_owns_nothing(database: Database) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE books (number int)")
        assert connection.execute("SELECT current_user").fetchone() == (OWNER,)

    with psycopg.connect(database.app_url, autocommit=True) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (APP,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM books")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (number int)")


def test_databases_are_fresh_each(database: Database) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE books (number int)")

    with open_database(database.server) as other, psycopg.connect(other.owner_url) as connection:
        assert connection.execute("SELECT to_regclass('books')").fetchone() == (None,)
