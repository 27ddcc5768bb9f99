"""Requests inside the caller's own transaction on SQLite: theirs to commit or undo, whatever the connection."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from farthing.engine.tickets import Outcome
from farthing.store import sqlite_work
from farthing.store.faults import Busy, ConnectionForeign
from farthing.store.sqlite import SqliteStore
from farthing.values.requests import Request
from tests.integration.sqlite_books import answer, ask, charge, grant, open_store, read_wallet, run_sql


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    path = tmp_path / "host.db"
    run_sql(path, "CREATE TABLE photo (title TEXT)")
    with open_store(path) as opened:
        ask(opened, grant("g1"))
        yield opened


def ask_within(store: SqliteStore, connection: Any, *requests: Request) -> list[Outcome | Exception]:
    with store.work_within(connection) as work:
        answers = answer(work, store, *requests)
        work.commit()
    return answers


def fail_within(store: SqliteStore, connection: Any) -> None:
    with store.work_within(connection) as work:
        answer(work, store, charge("c1", 30))
        raise ZeroDivisionError


def count_photos(store: SqliteStore) -> int:
    count: int = run_sql(store.path, "SELECT count(*) FROM photo")[0][0]
    return count


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("settings", [{}, {"isolation_level": None}, {"isolation_level": "IMMEDIATE"}])
def test_a_charge_goes_the_way_of_the_callers_rows(store: SqliteStore, settings: dict[str, Any], keeps: bool):
    with closing(sqlite3.connect(store.path, **settings)) as connection:
        if settings.get("isolation_level", "") is None:
            connection.execute("BEGIN")
        ask_within(store, connection, charge("c1", 30))
        connection.execute("INSERT INTO photo VALUES ('sea')")
        ask_within(store, connection, charge("c2", 5), grant("g2", 1, account="new"))

        assert read_wallet(store).balance == 100
        connection.commit() if keeps else connection.rollback()

    assert (read_wallet(store).balance, count_photos(store)) == ((65, 1) if keeps else (100, 0))
    assert (store.find_account("new") is not None) == keeps
    assert len(ask(store, charge("c3"))) == 1
    assert list(store.find_oddities()) == []


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("kind", ["connection", "begun connection", "session"])
def test_sqlalchemys_connections_and_sessions_can_be_joined(store: SqliteStore, kind: str, keeps: bool):
    engine = create_engine(f"sqlite:///{store.path}", poolclass=NullPool)
    with Session(engine) if kind == "session" else engine.connect() as connection:
        if kind != "connection":
            connection.execute(text("INSERT INTO photo VALUES ('sea')"))
        ask_within(store, connection, charge("c1", 30))
        connection.commit() if keeps else connection.rollback()
    engine.dispose()

    assert read_wallet(store).balance == (70 if keeps else 100)
    assert count_photos(store) == (keeps and kind != "connection")


def test_an_error_undoes_what_was_asked_and_nothing_else(store: SqliteStore):
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("INSERT INTO photo VALUES ('sea')")
        with pytest.raises(ZeroDivisionError):
            fail_within(store, connection)
        assert connection.in_transaction
        ask_within(store, connection, charge("c2", 1))
        connection.commit()

    assert (read_wallet(store).balance, count_photos(store)) == (99, 1)


def test_work_that_is_not_committed_leaves_no_transaction_behind(store: SqliteStore):
    with closing(sqlite3.connect(store.path)) as connection:
        with store.work_within(connection) as work:
            answer(work, store, charge("c1", 30))

        assert not connection.in_transaction
    assert read_wallet(store).balance == 100


def test_the_callers_settings_are_as_they_were(store: SqliteStore):
    with closing(sqlite3.connect(store.path, timeout=7)) as connection:
        connection.row_factory = sqlite3.Row
        connection.text_factory = bytes
        ask_within(store, connection, charge("c1", 30, feature=store.intern_name("chat")))
        connection.commit()

        assert connection.execute("PRAGMA busy_timeout").fetchone()["timeout"] == 7000
        assert connection.execute("SELECT text AS said FROM farthing_name").fetchone()["said"] == b"chat"
    assert read_wallet(store).balance == 70


def test_a_name_that_the_caller_undid_is_written_again(store: SqliteStore):
    feature = store.intern_name("chat")
    with closing(sqlite3.connect(store.path)) as connection:
        ask_within(store, connection, charge("c1", 30, feature=feature))
        connection.rollback()

    ask(store, charge("c2", feature=feature))

    assert run_sql(store.path, "SELECT text FROM farthing_name WHERE text = 'chat'") == [("chat",)]


def test_another_database_is_refused(store: SqliteStore, tmp_path: Path):
    for other in (tmp_path / "other.db", ":memory:"):
        with (
            closing(sqlite3.connect(other)) as connection,
            pytest.raises(ConnectionForeign, match="this ledger is in"),
            store.work_within(connection),
        ):
            pass


def test_a_closed_connection_is_refused(store: SqliteStore):
    engine = create_engine(f"sqlite:///{store.path}", poolclass=NullPool)
    mine, theirs = sqlite3.connect(store.path), engine.connect()
    mine.close()
    theirs.close()

    for connection in (mine, theirs):
        with pytest.raises(ConnectionForeign, match="is closed"), store.work_within(connection):
            pass


def test_a_connection_of_another_thread_is_refused(store: SqliteStore):
    with ThreadPoolExecutor(1) as thread:
        connection = thread.submit(sqlite3.connect, store.path).result()
        with pytest.raises(ConnectionForeign, match="made in another thread"), store.work_within(connection):
            pass
        thread.submit(connection.close).result()


@pytest.mark.parametrize("given", [None, "connection", object()])
def test_what_is_no_connection_is_refused(store: SqliteStore, given: object):
    with pytest.raises(ConnectionForeign, match="none that can be joined"), store.work_within(given):
        pass


def test_a_connection_without_a_transaction_is_refused(store: SqliteStore):
    with (
        closing(sqlite3.connect(store.path, isolation_level=None)) as connection,
        pytest.raises(ConnectionForeign, match="begin one first"),
        store.work_within(connection),
    ):
        pass


def test_a_lock_that_others_keep_is_waited_for_with_a_bound(store: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sqlite_work, "LONGEST_WAIT_SECONDS", 0)
    with (
        closing(sqlite3.connect(store.path, isolation_level=None)) as other,
        closing(sqlite3.connect(store.path)) as connection,
    ):
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(Busy), store.work_within(connection):
            pass
        other.execute("ROLLBACK")

        ask_within(store, connection, charge("c1", 30))
        connection.commit()
    assert read_wallet(store).balance == 70


def test_a_transaction_that_has_read_what_changed_since_is_refused(store: SqliteStore):
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM photo").fetchall()
        ask(store, charge("c1", 30))

        with pytest.raises(Busy, match="BEGIN IMMEDIATE"), store.work_within(connection):
            pass
        connection.execute("ROLLBACK")

    assert read_wallet(store).balance == 70
