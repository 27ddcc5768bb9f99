"""The race of callers' own transactions with everybody's batches: theirs to commit or undo, and nothing comes apart."""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from farthing.audit.verify import verify
from farthing.engine.engine import Engine
from farthing.store.faults import Busy, ConnectionForeign
from farthing.values.bounds import LONGEST_WAIT_SECONDS
from farthing.values.errors import InsufficientCredits
from farthing.values.names import digest_key
from tests.crash.proof import read_written
from tests.postgres.databases import Database
from tests.races.asking import charge, grant
from tests.races.books import CREDITS, open_book


@pytest.fixture
def engine(books: Database) -> Iterator[Engine]:
    """acme has 200, and there is a table of the host's."""
    with psycopg.connect(books.superuser_url) as connection:
        connection.execute("CREATE TABLE photo (key text PRIMARY KEY)")
        connection.execute("GRANT SELECT, INSERT ON photo TO farthing_app")
    engine = Engine(open_book(books.app_url))
    engine.run(grant("g", 200))
    yield engine
    assert verify(engine.store).summary == "ok"
    engine.close()


def list_photos(books: Database) -> set[str]:
    with psycopg.connect(books.app_url) as connection:
        return {row[0] for row in connection.execute("SELECT key FROM photo")}


def test_charges_in_transactions_that_are_committed_or_undone_go_with_the_rows_beside_them(
    books: Database, engine: Engine
) -> None:
    def buy(caller: int) -> set[str]:
        dice, bought = random.Random(caller), set()
        with psycopg.connect(books.app_url) as connection:
            for turn in range(15):
                key = f"c{caller}-{turn}"
                connection.execute("INSERT INTO photo VALUES (%s)", (key,))
                with engine.within(connection) as tx:
                    tx.run(charge(key, 1))
                if dice.random() < 0.5:
                    connection.commit()
                    bought.add(key)
                else:
                    connection.rollback()
        return bought

    def spend(caller: int) -> int:
        return sum(bool(engine.run(charge(f"plain{caller}-{turn}", 1)).entries) for turn in range(15))

    with ThreadPoolExecutor(6) as pool:
        buying = [pool.submit(buy, caller) for caller in range(3)]
        spent = sum(pool.map(spend, range(3)))
        bought = {key for done in buying for key in done.result(timeout=30)}

    assert list_photos(books) == bought
    assert engine.read_wallet("acme", CREDITS).spent == spent + len(bought)
    taken = {digest for account, digest in read_written(engine.store).keys if account == "acme"}
    assert {key for key in (f"c{caller}-{turn}" for caller in range(3) for turn in range(15))
            if digest_key(key) in taken} == bought  # fmt: skip


def test_the_last_credits_are_spent_once_by_transactions_and_batches_together(books: Database, engine: Engine) -> None:
    begin = threading.Barrier(6)

    def buy(caller: int) -> int:
        begin.wait(10)
        bought = 0
        with psycopg.connect(books.app_url) as connection:
            for turn in range(20):
                try:
                    with engine.within(connection) as tx:
                        tx.run(charge(f"c{caller}-{turn}", 5))
                    bought += 1
                except InsufficientCredits:
                    pass
                connection.commit()
        return bought

    def spend(caller: int) -> int:
        begin.wait(10)
        passed = 0
        for turn in range(20):
            try:
                passed += bool(engine.run(charge(f"plain{caller}-{turn}", 5)).entries)
            except InsufficientCredits:
                continue
        return passed

    with ThreadPoolExecutor(6) as pool:
        buying = [pool.submit(buy, caller) for caller in range(3)]
        spent = sum(pool.map(spend, range(3))) + sum(done.result(timeout=30) for done in buying)

    assert spent == 40
    assert engine.read_wallet("acme", CREDITS).free == 0


def test_a_transaction_that_waits_for_too_long_is_told_busy_and_can_be_committed(
    books: Database, engine: Engine
) -> None:
    engine.run(grant("g", 10, "bolt"))
    with psycopg.connect(books.superuser_url) as locker, psycopg.connect(books.app_url) as connection:
        locker.execute("SELECT 1 FROM farthing_account WHERE key = 'acme' FOR UPDATE")
        connection.execute("INSERT INTO photo VALUES ('sea')")
        began = time.monotonic()
        with engine.within(connection) as tx:
            with pytest.raises(Busy):
                tx.run(charge("c", 1))
            assert LONGEST_WAIT_SECONDS <= time.monotonic() - began < LONGEST_WAIT_SECONDS + 1
            tx.run(charge("c", 1, "bolt"))
            locker.rollback()
            assert not tx.run(charge("c", 1)).replayed

    assert list_photos(books) == {"sea"}
    assert [engine.read_wallet(account, CREDITS).spent for account in ("acme", "bolt")] == [1, 1]


def test_what_a_transaction_holds_is_waited_for_by_batches_and_then_seen(books: Database, engine: Engine) -> None:
    with psycopg.connect(books.app_url) as connection, ThreadPoolExecutor(1) as pool:
        with engine.within(connection) as tx:
            tx.run(charge("c", 150))
        waiting = pool.submit(engine.run, charge("plain", 100))
        time.sleep(0.3)
        assert not waiting.done()
        connection.commit()
        with pytest.raises(InsufficientCredits):
            waiting.result(timeout=10)

        with engine.within(connection) as tx:
            tx.run(charge("d", 50))
        waiting = pool.submit(engine.run, charge("plain", 50))
        connection.rollback()
        assert not waiting.result(timeout=10).replayed


def test_a_serializable_transaction_is_refused_before_it_has_locked_anything(books: Database, engine: Engine) -> None:
    with psycopg.connect(books.app_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        with engine.within(connection) as tx, pytest.raises(ConnectionForeign, match="READ COMMITTED"):
            tx.run(charge("c", 1))

        began = time.monotonic()
        assert not engine.run(charge("c", 1)).replayed
        assert time.monotonic() - began < LONGEST_WAIT_SECONDS
