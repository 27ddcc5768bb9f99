"""Connections to PostgreSQL: lent and given back, lost and made anew, cut off in a fork, never waited for for long."""

import os
import select
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from types import FrameType
from typing import Any

import psycopg
import pytest
from psycopg import pq

import farthing
from farthing.store import postgres_connections
from farthing.store.contract import DecideAgain
from farthing.store.faults import Busy, DatabaseAway, DatabaseUnreadable, DiskFailed
from farthing.store.postgres import PostgresStore, open_postgres
from farthing.store.postgres_asking import ask_alone
from farthing.store.postgres_connections import MOST_IDLE, MOST_READING, MOST_WRITING, Connections, connect
from farthing.store.postgres_errors import name_problem, naming_faults
from farthing.store.postgres_places import read_postgres_url
from tests.postgres.databases import Database, open_prepared, prepare_tables
from tests.postgres.server import Server, run_server


@pytest.fixture
def books(postgres: Server) -> Iterator[Database]:
    with open_prepared(postgres) as database, farthing.open(database.app_url, create=True) as ledger:
        ledger.grant("acme", 10)
        yield database


@pytest.fixture
def store(books: Database) -> Iterator[PostgresStore]:
    with closing(open_postgres(books.app_url)) as opened:
        yield opened


def run(database: Database, statement: str) -> None:
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute(statement)


def end_sessions(database: Database) -> None:
    """As an operator, or a server that is shut down, ends them."""
    run(database, f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{database.name}'"
                  " AND pid <> pg_backend_pid()")  # fmt: skip


def find_pid(store: PostgresStore) -> int:
    with store.connections.writing() as connection:
        return connection.info.backend_pid


class Proxy:
    """Between a client and a server: passes on what they say, until it is told to keep silent."""

    def __init__(self, port: int) -> None:
        self.upstream = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.is_silent = threading.Event()
        self.sockets: list[socket.socket] = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.upstream))
                self.sockets += [client, server]
                threading.Thread(target=self.pass_on, args=(client, server), daemon=True).start()

    def pass_on(self, client: socket.socket, server: socket.socket) -> None:
        # A socket that the other thread has closed meanwhile has no number: then select says ValueError.
        with suppress(OSError, ValueError):
            while True:
                for one, other in ((client, server), (server, client)):
                    if select.select([one], [], [], 0.01)[0] and not self.is_silent.is_set():
                        said = one.recv(65536)
                        if not said:
                            client.close()
                            server.close()
                            return
                        other.sendall(said)

    def close(self) -> None:
        for one in (self.listener, *self.sockets):
            one.close()


@contextmanager
def open_proxy(database: Database) -> Iterator[tuple[Proxy, str]]:
    proxy = Proxy(database.server.port)
    try:
        yield proxy, database.app_url.replace(f":{database.server.port}/", f":{proxy.port}/")
    finally:
        proxy.close()


def test_a_connection_is_lent_again_and_what_was_left_open_is_undone(store: PostgresStore):
    with store.connections.writing() as first:
        first.execute("BEGIN")
        first.execute("INSERT INTO farthing_name (number, text) VALUES (1, 'one')")
    with store.connections.writing() as second:
        assert second is first
        assert second.pgconn.transaction_status == pq.TransactionStatus.IDLE
        assert second.execute("SELECT count(*) FROM farthing_name WHERE number = 1").fetchone() == (0,)


def test_every_connection_commits_by_itself_in_utf8_under_our_name(store: PostgresStore):
    with store.connections.writing() as connection:
        assert connection.autocommit
        assert connection.info.encoding == "utf-8"
        assert connection.execute("SELECT current_setting('application_name')").fetchone() == ("farthing",)
        assert connection.execute("SELECT 'naïve'").fetchone() == ("naïve",)


def test_the_address_may_say_otherwise(books: Database):
    place = read_postgres_url(books.app_url + "?application_name=mine&connect_timeout=3")

    with closing(connect(place)) as connection:
        assert connection.execute("SELECT current_setting('application_name')").fetchone() == ("mine",)
        assert connection.info.get_parameters()["connect_timeout"] == "3"


def test_reading_is_as_of_one_moment_and_cannot_write(store: PostgresStore, books: Database):
    with store.connections.reading() as connection:
        before = connection.execute("SELECT count(*) FROM farthing_name").fetchone()
        run(books, "INSERT INTO farthing_name (number, text) VALUES (7, 'seven')")
        assert connection.execute("SELECT count(*) FROM farthing_name").fetchone() == before
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("INSERT INTO farthing_name (number, text) VALUES (8, 'eight')")


def test_the_clock_is_learned_with_each_connection(store: PostgresStore):
    with store.connections.writing() as connection:
        row = connection.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").fetchone()

    assert row is not None
    assert abs(store.clock.now() - row[0]) < 50_000


def test_behind_a_pooler_no_statement_is_prepared(books: Database, monkeypatch: pytest.MonkeyPatch):
    place = read_postgres_url(books.app_url)
    with closing(connect(place)) as direct:
        assert direct.prepared == set()

    # A pooler makes up the process that it names to its clients.
    monkeypatch.setattr(psycopg.ConnectionInfo, "backend_pid", property(lambda info: 12345))
    with closing(connect(place)) as pooled:
        assert pooled.prepared is None
        for _ in range(8):
            pooled.execute("SELECT 1")
            ask_alone(pooled, "SELECT %s", 1)
        assert pooled.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)


def test_reading_goes_on_after_every_session_was_ended(store: PostgresStore, books: Database):
    with store.connections.writing(), store.connections.writing(), store.connections.writing():
        pass
    assert len(store.connections.idle) == 3

    end_sessions(books)

    for _ in range(4):
        assert store.find_account("acme") is not None


def test_a_session_that_ends_while_it_is_used_is_asked_for_anew(store: PostgresStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres_connections, "has_something_to_say", lambda connection: False)
    with store.connections.writing() as connection:
        connection.pgconn.finish()
    with store.connections.writing(), store.connections.writing():
        pass
    for idle in store.connections.idle:
        os.dup2(os.open(os.devnull, os.O_RDWR), idle.pgconn.socket)

    assert store.find_account("acme") is not None


def test_a_connection_lost_in_a_unit_of_work_asks_to_decide_again(store: PostgresStore, books: Database):
    with store.connections.writing() as connection:
        connection.execute("BEGIN")
        end_sessions(books)
        with pytest.raises(DecideAgain) as again, naming_faults(store.place):
            connection.execute("SELECT 1")
        assert isinstance(again.value.instead, DatabaseAway)
    with store.connections.writing() as fresh:
        assert fresh.execute("SELECT 1").fetchone() == (1,)


def test_what_the_server_says_becomes_what_people_read(store: PostgresStore):
    said = {
        psycopg.errors.DiskFull: DiskFailed,
        psycopg.errors.LockNotAvailable: Busy,
        psycopg.errors.QueryCanceled: Busy,
        psycopg.errors.DeadlockDetected: Busy,
        psycopg.errors.AdminShutdown: DatabaseAway,
        psycopg.errors.TooManyConnections: DatabaseAway,
        psycopg.errors.ReadOnlySqlTransaction: DatabaseAway,
        psycopg.errors.InsufficientPrivilege: DatabaseUnreadable,
        psycopg.errors.SyntaxError: DatabaseUnreadable,
        psycopg.InterfaceError: DatabaseUnreadable,
    }
    for raised, told in said.items():
        assert type(name_problem(raised("no"), store.place)) is told, raised
    for raised in (
        psycopg.errors.SerializationFailure,
        psycopg.errors.DeadlockDetected,
        psycopg.errors.UniqueViolation,
    ):
        with pytest.raises(DecideAgain), naming_faults(store.place):
            raise raised("no")


def test_a_server_that_starts_again_is_waited_for():
    with run_server() as server, open_prepared(server) as database:
        with farthing.open(database.app_url, create=True) as ledger:
            ledger.grant("acme", 10)
            server.stop()
            starting = threading.Timer(0.5, server.start)
            starting.start()

            assert ledger.engine.store.find_account("acme") is not None
            starting.join()
            assert ledger.charge("acme", 1).balance == 9
            ledger.close()
        server.stop()
        (server.data / "standby.signal").touch()
        server.start()
        with pytest.raises(DatabaseAway, match="a standby"):
            open_postgres(database.app_url)
        server.stop()
        (server.data / "standby.signal").unlink()
        server.start()


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"postgresql://app@127.0.0.1:{listener.getsockname()[1]}/credits?connect_timeout=2"
        began = time.monotonic()
        with pytest.raises(DatabaseAway, match="timeout"):
            open_postgres(url)

        assert time.monotonic() - began < 6


def test_an_answer_that_does_not_come_is_given_up_and_never_read(books: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres_connections.BoundedConnection, "longest_silence", 0.6)
    monkeypatch.setattr(postgres_connections, "LONGEST_SILENCE_SECONDS", 0.6)
    with open_proxy(books) as (proxy, url), closing(open_postgres(url + "?connect_timeout=2")) as store:
        with store.connections.writing() as connection:
            proxy.is_silent.set()
            began = time.monotonic()
            with pytest.raises(psycopg.OperationalError, match=r"no answer for 0\.6 seconds"):
                connection.execute("SELECT 1")
            assert 0.5 < time.monotonic() - began < 2
            assert connection.closed
            assert isinstance(name_problem(psycopg.OperationalError("no answer"), store.place), DatabaseAway)

        proxy.is_silent.clear()
        assert store.find_account("acme") is not None
        with store.connections.writing() as fresh:
            assert fresh is not connection


def test_a_slow_answer_is_waited_for_when_that_was_asked(store: PostgresStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres_connections, "LONGEST_SILENCE_SECONDS", 0.3)

    with store.connections.reading(at_length=True) as connection:
        assert connection.execute("SELECT pg_sleep(0.6)").fetchone() == ("",)
        assert connection.execute("SELECT current_setting('statement_timeout')").fetchone() == ("1h",)
    with pytest.raises(psycopg.OperationalError), store.connections.reading() as connection:
        connection.execute("SELECT pg_sleep(0.6)")


def test_connections_are_bounded_and_waited_for(store: PostgresStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres_connections, "LONGEST_WAIT_SECONDS", 0.2)
    connections = store.connections
    for lend, kind in ((connections.writing, "writes to"), (connections.reading, "reads from")):
        with ExitStack() as lent:
            for _ in range(MOST_WRITING if lend == connections.writing else MOST_READING):
                lent.enter_context(lend())
            with pytest.raises(Busy, match=f"every connection that {kind} .* was busy for more than 0.2 sec"), lend():
                pass
        with lend():
            pass
    assert len(connections.idle) <= MOST_IDLE
    assert count_taken(store) == 0


def count_taken(store: PostgresStore) -> int:
    """What somebody uses now, or keeps from others."""
    connections = store.connections
    return len(connections.lent) + connections.writers.count_taken() + connections.readers.count_taken()


def test_who_writes_waits_for_no_reader_and_may_read_meanwhile(store: PostgresStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres_connections, "LONGEST_WAIT_SECONDS", 0.2)

    with ExitStack() as lent:
        for _ in range(MOST_READING):
            lent.enter_context(store.connections.reading())
        with store.connections.writing() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    with ExitStack() as lent:
        for _ in range(MOST_WRITING):
            lent.enter_context(store.connections.writing())
        assert store.find_account("acme") is not None


def test_many_readers_leave_charging_alone(books: Database):
    failed: list[BaseException] = []
    over = threading.Event()
    with farthing.open(books.app_url) as ledger:

        def read() -> None:
            try:
                while not over.is_set():
                    ledger.balance("acme")
            except BaseException as error:
                failed.append(error)

        readers = [threading.Thread(target=read) for _ in range(24)]
        for reader in readers:
            reader.start()
        try:
            began = time.monotonic()
            for _ in range(20):
                ledger.charge("acme", "0.01")
            took = time.monotonic() - began
        finally:
            over.set()
            for reader in readers:
                reader.join()
    assert failed == []
    assert took < 4


class Struck(BaseException):
    """As a signal's handler raises it."""


def count_steps(at: int) -> Any:
    """A trace that raises at the so-manieth line that is run in what lends connections."""
    left = [at]

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        if not frame.f_code.co_filename.endswith(("postgres_connections.py", "turns.py")):
            return None
        if event == "line":
            left[0] -= 1
            if left[0] == 0:
                raise Struck
        return trace

    return trace


def test_wherever_a_signal_strikes_in_lending_nothing_stays_lent(store: PostgresStore):
    struck = 0
    for at in range(1, 1000):
        assert store.find_account("acme") is not None
        sys.settrace(count_steps(at))
        try:
            store.find_account("acme")
        except Struck:
            struck += 1
        else:
            break
        finally:
            sys.settrace(None)
        assert count_taken(store) == 0, f"after {at} steps"

    assert 30 < struck < 999
    assert store.find_account("acme") is not None


@pytest.mark.parametrize("meddling", ["DISCARD ALL", "DEALLOCATE ALL"])
def test_reading_goes_on_where_somebody_discards_what_was_prepared(
    store: PostgresStore, meddling: str, caplog: pytest.LogCaptureFixture
):
    for _ in range(7):
        assert store.find_account("acme") is not None
        assert len(list(store.iter_records())) == 2
    with store.connections.writing() as connection:
        assert connection.execute("SELECT count(*) > 0 FROM pg_prepared_statements").fetchone() == (True,)
        connection.execute(meddling)

    for _ in range(7):
        assert store.find_account("acme") is not None
        assert len(list(store.iter_records())) == 2
    assert caplog.records == []


def test_a_connection_that_cannot_be_made_leaves_its_place_to_others(store: PostgresStore):
    gone = Connections(read_postgres_url("postgresql://app@127.0.0.1:1/none"))
    for _ in range(2):
        with pytest.raises(DatabaseAway), gone.writing():
            pass
    assert len(gone.lent) == gone.writers.count_taken() == 0
    gone.close()


def test_closing_while_a_connection_is_lent_closes_it_when_it_comes_back(store: PostgresStore):
    with store.connections.writing() as connection:
        store.close()
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert connection.closed


def test_a_child_leaves_its_parents_sessions_alone(store: PostgresStore):
    pid = find_pid(store)
    with store.connections.writing() as lent, store.connections.writing():
        lent.execute("BEGIN")
        lent.execute("INSERT INTO farthing_name (number, text) VALUES (9, 'nine')")
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                # What the parent has lent is of no use here, and closing it says nothing to the server.
                assert lent.closed
                assert find_pid(store) != pid
                assert store.find_account("acme") is not None
                store.close()
                os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        lent.execute("COMMIT")
        assert lent.execute("SELECT count(*) FROM farthing_name WHERE number = 9").fetchone() == (1,)
    assert find_pid(store) == pid


def test_a_fork_inside_a_unit_of_work_ends_well_in_both(books: Database):
    with farthing.open(books.app_url) as ledger:
        with ledger.engine.store.work():
            child = os.fork()
            if child == 0:
                code = 1
        if child == 0:
            with suppress(BaseException):
                ledger.charge("acme", 2, key="in the child")
                code = 0
            os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert ledger.charge("acme", 1, key="in the parent").balance == 7


def test_nothing_of_a_password_is_shown(books: Database):
    secret = books.server.role_password
    place = read_postgres_url(books.app_url)
    with closing(open_postgres(books.app_url)) as store, store.connections.writing() as connection:
        shown = [repr(place), repr(store.place), store.url, repr(connection), repr(store.connections), str(vars(store))]
        with pytest.raises(psycopg.Error) as failed:
            connection.execute("SELECT wrong")
        shown.append(str(name_problem(failed.value, place)))
    assert [text for text in shown if secret in text] == []


def test_tables_are_found_in_whatever_schema_comes_first(database: Database, postgres: Server):
    run(database, f"CREATE SCHEMA farthing AUTHORIZATION farthing_owner; ALTER DATABASE {database.name}"
                  " SET search_path = farthing, public")  # fmt: skip
    prepare_tables(database, farthing.values.entries.Seal())

    with farthing.open(database.app_url, create=True) as ledger:
        ledger.grant("acme", 3)
        assert ledger.verify().ok
    with psycopg.connect(database.superuser_url) as connection:
        assert connection.execute("SELECT count(*) FROM farthing.farthing_entry").fetchone() == (2,)
