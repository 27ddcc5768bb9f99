"""Requests inside the caller's own transaction: theirs to commit or undo, and nothing waits for itself."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from farthing.audit.verify import verify
from farthing.engine.engine import Engine
from farthing.engine.tickets import Outcome
from farthing.engine.within import INNERMOST, name_call
from farthing.store.faults import UseTheOpenTransaction
from farthing.values.errors import InsufficientCredits
from farthing.values.requests import SetUsed
from tests.races.asking import charge, grant
from tests.races.books import CREDITS, open_sqlite


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "within.db"


@pytest.fixture
def engine(database: Path) -> Iterator[Engine]:
    engine = Engine(open_sqlite(database))
    engine.run(grant("g", 100))
    yield engine
    assert verify(engine.store).summary == "ok"
    engine.close()


@pytest.fixture
def connection(engine: Engine, database: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("create table job (name text)")
    yield connection
    connection.close()


def count_jobs(connection: sqlite3.Connection) -> int:
    return int(connection.execute("select count(*) from job").fetchone()[0])


def test_a_charge_commits_with_the_callers_rows(engine: Engine, connection: sqlite3.Connection) -> None:
    connection.execute("begin immediate")
    with engine.within(connection) as tx:
        connection.execute("insert into job values ('one')")
        outcome = tx.run(charge("c", 7))
    assert outcome.provisional
    assert engine.read_wallet("acme", CREDITS).spent == 0, "nobody sees it before they commit"
    connection.execute("commit")

    assert engine.read_wallet("acme", CREDITS).spent == 7
    assert engine.run(charge("c", 7)).entries == outcome.entries


def test_a_charge_vanishes_with_the_callers_rows(engine: Engine, connection: sqlite3.Connection) -> None:
    connection.execute("begin immediate")
    with engine.within(connection) as tx:
        connection.execute("insert into job values ('one')")
        tx.run(charge("c", 7))
    connection.execute("rollback")

    assert engine.read_wallet("acme", CREDITS).spent == 0
    assert count_jobs(connection) == 0
    assert not engine.run(charge("c", 7)).replayed


def test_an_error_leaves_the_callers_transaction_usable(engine: Engine, connection: sqlite3.Connection) -> None:
    connection.execute("begin immediate")
    with engine.within(connection) as tx:
        connection.execute("insert into job values ('before')")
        with pytest.raises(InsufficientCredits):
            tx.run(charge("much", 1000))
        connection.execute("insert into job values ('after')")
        tx.run(charge("c", 7))
    connection.execute("commit")

    assert count_jobs(connection) == 2
    assert engine.read_wallet("acme", CREDITS).spent == 7


def test_two_requests_in_one_block_see_each_other_and_one_key_replays(
    engine: Engine, connection: sqlite3.Connection
) -> None:
    connection.execute("begin immediate")
    with engine.within(connection) as tx:
        first = tx.run(charge("c", 60))
        again = tx.run(charge("c", 60))
        with pytest.raises(InsufficientCredits):
            tx.run(charge("d", 60))
    connection.execute("commit")

    assert again.replayed
    assert again.entries == first.entries


def test_a_plain_call_inside_a_block_is_refused_at_once_and_says_how_to_join(
    engine: Engine, connection: sqlite3.Connection
) -> None:
    connection.execute("begin immediate")
    with engine.within(connection) as tx:
        tx.run(charge("c", 1))
        for call in (engine.run, engine.submit, lambda request: engine.run_many([request])):
            with pytest.raises(UseTheOpenTransaction, match=r"tx\.charge"):
                call(charge("d", 1))
        with pytest.raises(UseTheOpenTransaction):
            asyncio.run(engine.arun(charge("d", 1)))
    connection.execute("commit")

    assert engine.run(charge("d", 1)).replayed is False


def test_other_threads_and_other_engines_are_not_refused(
    engine: Engine, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    other = Engine(open_sqlite(tmp_path / "other.db"))
    other.run(grant("g", 5))

    with engine.within(connection):
        other.run(charge("c", 1))
        with ThreadPoolExecutor(1) as pool:
            assert isinstance(pool.submit(engine.run, charge("c", 1)).result(timeout=10), Outcome)

    other.close()


def test_a_task_started_in_a_block_may_call_plainly_once_the_block_is_over(
    engine: Engine, connection: sqlite3.Connection
) -> None:
    async def outlive() -> Outcome:
        over = asyncio.Event()

        async def wait_and_charge() -> Outcome:
            with pytest.raises(UseTheOpenTransaction):
                await engine.arun(charge("c", 1))
            await over.wait()
            return await engine.arun(charge("c", 1))

        with engine.within(connection):
            task = asyncio.create_task(wait_and_charge())
            await asyncio.sleep(0)
        over.set()
        return await task

    assert asyncio.run(outlive()).entries[0].amount == 1


def test_a_block_that_is_over_takes_no_more_requests(engine: Engine, connection: sqlite3.Connection) -> None:
    with engine.within(connection) as tx:
        pass

    with pytest.raises(RuntimeError, match="over"):
        tx.run(charge("c", 1))
    assert INNERMOST.get() is None, "or blocks would pile up behind each other"
    assert engine.run(charge("c", 1)).replayed is False


def test_a_block_that_was_never_entered_says_how(engine: Engine, connection: sqlite3.Connection) -> None:
    with pytest.raises(RuntimeError, match=r"never entered.*with ledger\.within\(connection\) as tx"):
        engine.within(connection).run(charge("c", 1))


def test_a_block_in_one_thread_keeps_no_other_thread_from_its_turn_after_it(
    engine: Engine, connection: sqlite3.Connection
) -> None:
    connection.execute("begin immediate")
    with engine.within(connection) as tx:
        tx.run(charge("c", 1))
        waiting = threading.Thread(target=engine.run, args=(charge("d", 1),))
        waiting.start()
    connection.execute("commit")
    waiting.join(10)

    assert engine.read_wallet("acme", CREDITS).spent == 2


def test_the_call_behind_each_kind_of_request_is_named() -> None:
    assert name_call(charge("c", 1)) == "charge"
    assert name_call(SetUsed(key="s", account="acme", amounts=((1, 1),))) == "set_used"
