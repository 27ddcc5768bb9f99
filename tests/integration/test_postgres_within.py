"""Requests inside the caller's own transaction on PostgreSQL: theirs to commit or undo, whatever the connection."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from typing import Any

import django  # type: ignore[import-untyped]
import psycopg
import pytest
from django.conf import settings  # type: ignore[import-untyped]
from django.db import ConnectionHandler, connections, transaction  # type: ignore[import-untyped]
from psycopg.rows import dict_row
from psycopg.types.numeric import IntLoader
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

import farthing
from farthing.store import postgres_work
from farthing.store.postgres import open_postgres
from farthing.store.postgres_save import JoinedSaver
from farthing.store.postgres_statements import KEPT
from farthing.values.amounts import Unit
from tests.integration.postgres_books import open_host, run_sql
from tests.postgres.databases import Database


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with open_host() as made:
        yield made


@pytest.fixture
def book(request: pytest.FixtureRequest) -> str:
    """Each test has a book of its own in the one database."""
    return str(request.node.name)[-60:].replace("[", " ").replace("]", "")


@pytest.fixture
def ledger(database: Database, book: str) -> Iterator[farthing.Ledger]:
    run_sql(database, "DELETE FROM photo")
    with farthing.open(database.app_url, create=True, book=book) as opened:
        opened.grant("acme", 100)
        yield opened
        assert opened.verify().ok


def join_psycopg(url: str) -> AbstractContextManager[Any]:
    return closing(psycopg.connect(url))


def join_autocommit(url: str) -> AbstractContextManager[Any]:
    connection = psycopg.connect(url, autocommit=True)
    connection.execute("BEGIN")
    return closing(connection)


@contextmanager
def join_sqlalchemy(url: str) -> Iterator[Any]:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@contextmanager
def join_session(url: str) -> Iterator[Any]:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
    with Session(engine) as session:
        yield session
    engine.dispose()


class Undo(Exception):
    """Leaves a Django block so that it rolls back."""


@contextmanager
def open_django(url: str) -> Iterator[Any]:
    """Django's default connection, to this database."""
    if not settings.configured:
        settings.configure(USE_TZ=True)
        django.setup()
    asked = psycopg.conninfo.conninfo_to_dict(url)
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    alias = {"ENGINE": "django.db.backends.postgresql"} | {name: asked[key] for name, key in names.items()}
    connections["default"] = ConnectionHandler({"default": alias}).create_connection("default")
    try:
        yield connections["default"]
    finally:
        connections["default"].close()
        del connections["default"]


@contextmanager
def join_django(url: str) -> Iterator[Any]:
    """A connection inside of `atomic`, with the words that others have for its end."""
    with open_django(url) as connection:
        block = transaction.atomic()
        block.__enter__()
        connection.end = lambda keeps: block.__exit__(*((None,) * 3 if keeps else (Undo, Undo(), None)))
        yield connection


KINDS: dict[str, Callable[[str], AbstractContextManager[Any]]] = {
    "psycopg": join_psycopg,
    "psycopg, autocommit": join_autocommit,
    "SQLAlchemy": join_sqlalchemy,
    "session": join_session,
    "Django": join_django,
}


def end(connection: Any, *, keeps: bool) -> None:
    """Commit or undo, in whichever words this kind of connection has."""
    if hasattr(connection, "end"):
        connection.end(keeps)
    else:
        connection.commit() if keeps else connection.rollback()


def say(connection: Any, statement: str) -> None:
    """Run a statement of the caller's own."""
    if hasattr(connection, "end"):
        with connection.cursor() as cursor:
            cursor.execute(statement)
    else:
        is_sqlalchemy = type(connection).__module__.startswith("sqlalchemy")
        connection.execute(text(statement) if is_sqlalchemy else statement)


def count_photos(database: Database) -> int:
    return int(run_sql(database, "SELECT count(*) FROM photo")[0][0])


@pytest.mark.parametrize("keeps", [True, False], ids=["commit", "rollback"])
@pytest.mark.parametrize("kind", KINDS)
def test_charges_go_the_way_of_the_callers_rows(database, ledger, kind, keeps):
    with KINDS[kind](database.app_url) as connection:
        with ledger.within(connection) as tx:
            first = tx.charge("acme", 30, feature=f"chat {kind} {keeps}", key="c1")
        say(connection, "INSERT INTO photo VALUES ('sea')")
        with ledger.within(connection) as tx:
            held = tx.hold("acme", 20)
            held.settle(5)
            tx.grant("newcomer", 7)
            tx.charge("newcomer", 1)
        assert first.provisional
        assert ledger.balance("acme").spendable == 100
        end(connection, keeps=keeps)

    assert (ledger.balance("acme").spendable, count_photos(database)) == ((65, 1) if keeps else (100, 0))
    again = ledger.charge("acme", 30, feature=f"chat {kind} {keeps}", key="c1")
    assert again.replayed == keeps
    if keeps:
        assert ledger.balance("newcomer").spendable == 6
    else:
        with pytest.raises(farthing.AccountNotFound):
            ledger.charge("newcomer", 1)
    ledger.grant("newcomer", 1)
    assert ledger.balance("newcomer").spendable == (7 if keeps else 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_leaves_the_transaction_usable(database, ledger, kind):
    with KINDS[kind](database.app_url) as connection:
        with ledger.within(connection) as tx:
            with pytest.raises(farthing.InsufficientCredits):
                tx.charge("acme", 500)
            say(connection, "INSERT INTO photo VALUES ('dog')")
            tx.charge("acme", 1)
        end(connection, keeps=True)

    assert (ledger.balance("acme").spendable, count_photos(database)) == (99, 1)


def test_a_savepoint_of_the_callers_takes_back_what_came_after_it(database, ledger):
    with psycopg.connect(database.app_url) as connection, ledger.within(connection) as tx:
        tx.charge("acme", 1)
        with suppress(Undo), connection.transaction():
            tx.charge("acme", 10)
            tx.grant("newcomer", 3, source="a source that is undone")
            raise Undo
        tx.charge("acme", 2)
        tx.grant("newcomer", 5, source="a source that is undone")

    assert (ledger.balance("acme").spendable, ledger.balance("newcomer").spendable) == (97, 5)


def test_a_savepoint_of_djangos_takes_back_what_came_after_it(database, ledger):
    with open_django(database.app_url) as connection, transaction.atomic(), ledger.within(connection) as tx:
        tx.charge("acme", 1)
        with suppress(Undo), transaction.atomic():
            tx.charge("acme", 10)
            raise Undo
        tx.charge("acme", 2)

    assert ledger.balance("acme").spendable == 97


def test_an_error_of_the_databases_undoes_ours_alone(database, ledger, monkeypatch):
    monkeypatch.setattr(JoinedSaver, "save", break_statement)
    with psycopg.connect(database.app_url) as connection:
        connection.execute("INSERT INTO photo VALUES ('sea')")
        with ledger.within(connection) as tx, pytest.raises(farthing.Misconfigured):
            tx.charge("acme", 1)
        monkeypatch.undo()
        with ledger.within(connection) as tx:
            tx.charge("acme", 2)

    assert (ledger.balance("acme").spendable, count_photos(database)) == (98, 1)


def break_statement(saver: Any, changes: Any) -> None:
    """A statement that fails in the midst of a save."""
    saver.connection.execute("SELECT nothing_that_is_there")


MINE = {"lock_timeout": "7s", "enable_seqscan": "on", "enable_hashjoin": "off", "jit": "off", "statement_timeout": "9s"}


@pytest.mark.parametrize("scope", ["", "LOCAL "], ids=["for the session", "for the transaction"])
def test_the_callers_settings_are_as_they_were(database, ledger, scope):
    with psycopg.connect(database.app_url) as connection:
        for name, value in MINE.items():
            connection.execute(f"SET {scope}{name} = '{value}'")
        before = read_settings(connection)
        with ledger.within(connection) as tx:
            tx.charge("acme", 1)
            assert read_settings(connection) == before
            with pytest.raises(farthing.InsufficientCredits):
                tx.charge("acme", 500)
            assert read_settings(connection) == before
        connection.commit()
        after = read_settings(connection)

    assert before["lock_timeout"] == "7s"
    assert after == before if not scope else after["lock_timeout"] == "0"


def read_settings(connection: psycopg.Connection[Any]) -> dict[str, str]:
    names = sorted({*KEPT, *MINE, "synchronous_commit", "idle_in_transaction_session_timeout", "search_path"})
    found = {name: connection.execute(f"SHOW {name}").fetchone() for name in names}
    return {name: row[0] for name, row in found.items() if row}


class Hex(IntLoader):
    """Reads integers as nobody else does."""

    def load(self, data: Any) -> Any:
        return hex(super().load(data))


def test_the_callers_rows_and_adapters_are_as_they_were_and_not_ours(database, ledger):
    with psycopg.connect(database.app_url, row_factory=dict_row, cursor_factory=psycopg.ClientCursor) as connection:
        for name in ("int8", "int4", "int2"):
            connection.adapters.register_loader(name, Hex)
        with ledger.within(connection) as tx:
            tx.grant("newcomer", 4)
            hold = tx.hold("acme", 10, feature="chat")
            hold.settle(3)
        found = connection.execute("SELECT 17::int8 AS seventeen").fetchone()
        assert type(connection.cursor()) is psycopg.ClientCursor

    assert found == {"seventeen": "0x11"}
    assert (ledger.balance("acme").spendable, ledger.balance("newcomer").spendable) == (97, 4)


def test_a_unit_that_another_server_has_added_is_read_through_any_connection(database, ledger, book):
    other = open_postgres(database.app_url, book=book)
    units = ledger.engine.store.units()
    with closing(other), psycopg.connect(database.app_url, row_factory=dict_row) as connection:
        other.add_units([Unit(0, "tokens", 0, 0)])
        added = other.units()["tokens"]
        assert "tokens" not in units

        assert ledger.engine.store.find_unit(connection, added.unit_id) == added


@pytest.mark.parametrize("is_known", [True, False], ids=["an account", "an account that is being opened"])
def test_a_lock_that_others_keep_is_waited_for_with_a_bound(database, ledger, monkeypatch, is_known):
    monkeypatch.setattr(postgres_work, "LOCK_TIMEOUT", "100ms")
    account = "acme" if is_known else "newcomer"
    with psycopg.connect(database.app_url) as other, psycopg.connect(database.app_url) as connection:
        with ledger.within(other) as tx:
            tx.grant(account, 1)
        connection.execute("INSERT INTO photo VALUES ('sea')")
        with ledger.within(connection) as tx, pytest.raises(farthing.Busy):
            tx.grant(account, 10)
        other.rollback()
        with ledger.within(connection) as tx:
            tx.grant(account, 10)

    assert ledger.balance(account).spendable == (110 if is_known else 10)
    assert count_photos(database) == 1


def test_two_transactions_that_open_one_account_take_turns(database, ledger):
    with psycopg.connect(database.app_url) as other, psycopg.connect(database.app_url) as connection:
        with ledger.within(other) as tx:
            tx.grant("newcomer", 1, key="k")
        timer = threading.Timer(0.3, other.commit)
        timer.start()
        with ledger.within(connection) as tx:
            second = tx.grant("newcomer", 10)
            replay = tx.grant("newcomer", 1, key="k")
        timer.join()

    assert (second.replayed, replay.replayed) == (False, True)
    assert ledger.balance("newcomer").spendable == 11


def test_an_account_that_is_being_opened_and_a_new_name_hold_up_nobody_else(database, ledger):
    ledger.grant("globex", 100)
    with psycopg.connect(database.app_url) as connection:
        with ledger.within(connection) as tx:
            tx.grant("newcomer", 1, source="a name that nobody has used")
            tx.charge("newcomer", 1, feature="a feature that nobody has used")

        answers = ledger.batch(
            [
                farthing.Charge("acme", 1, feature="a feature that nobody has used"),
                farthing.Grant("newcomer", 5, source="a name that nobody has used"),
                farthing.Charge("globex", 1, feature="a feature that nobody has used"),
            ]
        )

    assert [type(answer) for answer in answers] == [farthing.Receipt, farthing.Busy, farthing.Receipt]


def test_a_deadlock_of_two_callers_ends_and_both_go_on(database, ledger):
    ledger.grant("globex", 100)
    came: list[str] = []
    meet = threading.Barrier(2)

    def charge(first: str, second: str) -> None:
        with psycopg.connect(database.app_url) as connection:
            connection.execute("INSERT INTO photo VALUES ('sea')")
            with ledger.within(connection) as tx:
                tx.charge(first, 1)
                meet.wait(10)
                try:
                    tx.charge(second, 1)
                    came.append("charged")
                except farthing.Busy:
                    came.append("busy")

    threads = [threading.Thread(target=charge, args=order) for order in (("acme", "globex"), ("globex", "acme"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(came) in (["busy", "charged"], ["busy", "busy"])
    spent = 200 - ledger.balance("acme").spendable - ledger.balance("globex").spendable
    assert spent == 2 + came.count("charged")
    assert count_photos(database) == 2


STRICTER = {
    "REPEATABLE READ": psycopg.IsolationLevel.REPEATABLE_READ,
    "SERIALIZABLE": psycopg.IsolationLevel.SERIALIZABLE,
}


@pytest.mark.parametrize("way", ["SET TRANSACTION", "the connection's attribute"])
@pytest.mark.parametrize("level", STRICTER)
def test_a_stricter_isolation_is_refused_with_the_reason(database, ledger, level, way):
    with psycopg.connect(database.app_url) as connection:
        if way == "SET TRANSACTION":
            connection.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        else:
            connection.isolation_level = STRICTER[level]
        with ledger.within(connection) as tx, pytest.raises(farthing.ConnectionForeign, match=level) as caught:
            tx.charge("acme", 1)
        connection.execute("INSERT INTO photo VALUES ('sea')")

    assert "run it at READ COMMITTED" in str(caught.value)
    assert (ledger.balance("acme").spendable, count_photos(database)) == (100, 1)


def refuse(ledger: farthing.Ledger, connection: Any, said: str) -> None:
    with ledger.within(connection) as tx, pytest.raises(farthing.ConnectionForeign, match=said):
        tx.charge("acme", 1)


def test_a_connection_that_cannot_be_joined_now_says_why(database, ledger):
    with psycopg.connect(database.app_url, autocommit=True) as connection:
        refuse(ledger, connection, "has no transaction open: begin one first")
        connection.execute("BEGIN")
        with pytest.raises(psycopg.errors.UndefinedColumn):
            connection.execute("SELECT nothing_that_is_there")
        refuse(ledger, connection, "has a transaction that failed: roll it back first")
        connection.execute("ROLLBACK")
        with connection.pipeline():
            refuse(ledger, connection, "is in pipeline mode: make the call outside of the pipeline")
        connection.execute("BEGIN")
        with connection.cursor().copy("COPY photo FROM STDIN"):
            refuse(ledger, connection, "is busy with another statement")
    refuse(ledger, connection, "is closed: pass one that is open")
    assert ledger.balance("acme").spendable == 100


def test_connections_of_sqlalchemy_and_django_that_cannot_be_joined_say_why(database, ledger):
    with join_sqlalchemy(database.app_url) as connection:
        pass
    refuse(ledger, connection, "is closed")
    with open_django(database.app_url) as connection:
        refuse(ledger, connection, "has no transaction open|begin one first")
        connection.ensure_connection()
        refuse(ledger, connection, "has no transaction open: begin one first")


def test_a_connection_that_the_server_has_ended_is_told_as_it_is(database, ledger):
    with psycopg.connect(database.app_url) as connection:
        pid = connection.info.backend_pid
        with psycopg.connect(database.superuser_url, autocommit=True) as superuser:
            superuser.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        with ledger.within(connection) as tx, pytest.raises(farthing.Unavailable):
            tx.charge("acme", 1)
        refuse(ledger, connection, "is closed")
    assert ledger.balance("acme").spendable == 100


@pytest.mark.parametrize("given", [None, "postgresql://somewhere", object()])
def test_what_is_no_connection_is_refused(ledger, given):
    refuse(ledger, given, "none that can be joined: pass an open psycopg 3 connection")


class AsyncSession:
    """As SQLAlchemy's asyncio module, which needs more than we install, has it."""

    async def execute(self, statement: str) -> None: ...

    async def connection(self) -> None: ...


def test_connections_that_are_awaited_are_refused(database, ledger):
    async def ask() -> None:
        async with await psycopg.AsyncConnection.connect(database.app_url) as connection:
            refuse(ledger, connection, "is a AsyncConnection, whose calls are awaited.*: pass an open psycopg 3")

    asyncio.run(ask())
    refuse(ledger, AsyncSession(), "is a AsyncSession, whose calls are awaited")


def test_another_database_is_refused_and_a_restart_is_no_other(database, ledger):
    with open_host() as other, psycopg.connect(other.app_url) as connection:
        refuse(ledger, connection, "is to another database, or finds other tables there")
    with psycopg.connect(database.app_url, options="-c search_path=pg_temp") as connection:
        refuse(ledger, connection, "is to another database, or finds other tables there")

    store = ledger.engine.store
    store.identity = (*store.find_identity()[:-1], 1)
    with psycopg.connect(database.app_url) as connection, ledger.within(connection) as tx:
        tx.charge("acme", 1)
    assert ledger.balance("acme").spendable == 99


def test_a_plain_call_inside_says_how_to_join(database, ledger):
    with psycopg.connect(database.app_url) as connection, ledger.within(connection) as tx:
        tx.charge("acme", 1)
        with pytest.raises(farthing.UseTheOpenTransaction, match=r"tx\.charge"):
            ledger.charge("acme", 1)

    assert ledger.balance("acme").spendable == 99


def test_the_same_key_twice_in_one_transaction_is_a_replay(database, ledger):
    with psycopg.connect(database.app_url) as connection, ledger.within(connection) as tx:
        first = tx.charge("acme", 5, key="once")
        again = tx.charge("acme", 5, key="once")

    assert (first.replayed, again.replayed, first.id) == (False, True, again.id)
    assert ledger.balance("acme").spendable == 95
