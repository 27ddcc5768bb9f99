"""The race of locks taken in another order (F16): a deadlock is undone and decided again; of our own there is none."""

import itertools
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest

from farthing.audit.verify import verify
from farthing.engine.engine import Engine
from farthing.engine.options import Settings
from farthing.engine.tickets import Outcome
from farthing.store.contract import CommitUnknown
from farthing.store.faults import Busy
from tests.postgres.databases import Database
from tests.races.asking import charge, grant
from tests.races.books import CREDITS, open_book
from tests.races.faults import WatchedStore
from tests.races.rivals import count_deadlocks

LOCK = "SELECT 1 FROM farthing_account WHERE key = %s FOR UPDATE"
ACCOUNTS = [f"account-{place}" for place in range(12)]


@pytest.fixture
def hasty(books: Database) -> Database:
    """The server looks for deadlocks soon."""
    with psycopg.connect(books.superuser_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {books.name} SET deadlock_timeout = '40ms'")
    return books


@pytest.fixture
def engine(hasty: Database) -> Iterator[Engine]:
    engine = Engine(open_book(hasty.app_url))
    for account in ("acme", "bolt"):
        engine.run(grant("g", 1000, account))
    yield engine
    assert verify(engine.store).summary == "ok"
    engine.close()


def test_two_callers_transactions_that_charge_in_opposite_orders_both_end_and_charge_once(
    hasty: Database, engine: Engine
) -> None:
    begin = threading.Barrier(2)
    orders = ("acme", "bolt"), ("bolt", "acme")

    def buy(caller: int, turn: int) -> int:
        for attempt in itertools.count():
            with closing(psycopg.connect(hasty.app_url)) as connection:
                try:
                    with engine.within(connection) as tx:
                        tx.run(charge(f"c{caller}-{turn}", 1, orders[caller][0]))
                        if not attempt:
                            begin.wait(10)
                        tx.run(charge(f"c{caller}-{turn}", 1, orders[caller][1]))
                    connection.commit()
                    return attempt
                except Busy:
                    # Rolled back with the connection: it had the other's account.
                    continue
        return -1

    undone = 0
    with ThreadPoolExecutor(2) as pool:
        for turn in range(5):
            undone += sum(pool.map(buy, (0, 1), (turn, turn)))

    assert undone >= 5, "each turn was a deadlock"
    assert [engine.read_wallet(account, CREDITS).spent for account in ("acme", "bolt")] == [10, 10]


class Rival:
    """A transaction in plain SQL that has bolt's row, and asks for acme's after a while, as none of ours would."""

    def __init__(self, database: Database, *, is_undone: bool) -> None:
        self.connection = psycopg.connect(database.superuser_url)
        # Who looks for a deadlock first undoes himself. A tenth of a second is for the other to come and wait.
        self.connection.execute("SELECT set_config('deadlock_timeout', %s, false)", ("20ms" if is_undone else "10s",))
        self.connection.commit()
        self.thread = threading.Thread(target=self.lock_other)
        self.was_undone = False

    def lock_first(self) -> None:
        self.connection.execute(LOCK, ("bolt",))
        self.thread.start()

    def lock_other(self) -> None:
        time.sleep(0.1)
        try:
            self.connection.execute(LOCK, ("acme",))
        except psycopg.errors.DeadlockDetected:
            self.was_undone = True
        self.connection.rollback()


@pytest.mark.parametrize("is_rival_undone", [True, False])
def test_a_rival_that_locks_in_the_other_order_is_waited_out_whoever_is_undone(
    hasty: Database, is_rival_undone: bool
) -> None:
    with psycopg.connect(hasty.superuser_url, autocommit=True) as connection:
        ours = "10s" if is_rival_undone else "300ms"
        connection.execute(f"ALTER DATABASE {hasty.name} SET deadlock_timeout = '{ours}'")
    rival = Rival(hasty, is_undone=is_rival_undone)
    plan: list[str] = []

    def act(step: str) -> None:
        if plan and plan[0] == step:
            plan.pop(0)
            if step == "before commit":
                # A batch whose commit is in doubt is looked up with patience, with all of its accounts at once.
                raise CommitUnknown
            rival.lock_first()

    watched: Any = WatchedStore(open_book(hasty.app_url), act)
    engine = Engine(watched, settings=Settings(lanes=1))
    for account in ("acme", "bolt"):
        engine.run(grant("g", 1000, account))
    plan += ["before commit", "before load"]

    answers = engine.run_many([charge("c", 1, "acme"), charge("c", 1, "bolt")])
    rival.thread.join(10)
    rival.connection.close()

    assert [isinstance(answer, Outcome) for answer in answers] == [True, True]
    assert plan == []
    assert rival.was_undone == is_rival_undone
    assert [engine.read_wallet(account, CREDITS).spent for account in ("acme", "bolt")] == [1, 1]
    assert verify(watched.store).summary == "ok"
    engine.close()
    assert count_deadlocks(hasty) == 1


def test_our_own_batches_never_deadlock_with_each_other_nor_with_who_locks_one_row_at_a_time(hasty: Database) -> None:
    doubts = itertools.count()

    def doubt(step: str) -> None:
        if step == "before commit" and next(doubts) % 7 == 3:
            raise CommitUnknown

    stores: list[Any] = [WatchedStore(open_book(hasty.app_url), doubt) for _ in range(2)]
    servers = [Engine(store, settings=Settings(commit_tries=100)) for store in stores]
    is_over = threading.Event()

    def work(thread: int) -> int:
        dice, server = random.Random(thread), servers[thread % 2]
        for turn in range(25):
            accounts = dice.sample(ACCOUNTS, 8)
            requests = [charge(f"c{thread}-{turn}", 1, account) for account in accounts]
            for answer in server.run_many(requests):
                assert isinstance(answer, Outcome), answer
        return 25 * 8

    def keep_locking(thread: int) -> None:
        dice = random.Random(thread)
        with closing(psycopg.connect(hasty.superuser_url)) as connection:
            while not is_over.is_set():
                connection.execute(LOCK, (dice.choice(ACCOUNTS),))
                time.sleep(0.002)
                connection.commit()

    for account in ACCOUNTS:
        servers[0].run(grant("g", 1000, account))
    with ThreadPoolExecutor(8) as pool:
        rivals = [pool.submit(keep_locking, thread) for thread in range(2)]
        spent = sum(pool.map(work, range(6)))
        is_over.set()
        for rival in rivals:
            rival.result(timeout=10)

    assert sum(servers[0].read_wallet(account, CREDITS).spent for account in ACCOUNTS) == spent
    assert verify(stores[0].store).summary == "ok"
    for server in servers:
        server.close()
    assert next(doubts) > 50
    assert count_deadlocks(hasty) == 0
