"""The engine on PostgreSQL with an account that somebody keeps locked, or that two servers want all the time."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from farthing.audit.verify import verify
from farthing.engine.engine import Engine
from farthing.engine.lanes import find_lane
from farthing.engine.options import Settings
from farthing.engine.tickets import Outcome
from farthing.store.faults import Busy
from tests.races.asking import charge, grant
from tests.races.books import CREDITS, make_url, open_book
from tests.races.gates import wait_until


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with make_url("postgres", tmp_path) as made:
        yield made


@contextmanager
def open_engine(url: str) -> Iterator[Engine]:
    engine = Engine(open_book(url), settings=Settings(lanes=2))
    try:
        yield engine
        assert verify(engine.store).summary == "ok"
    finally:
        engine.close()


@contextmanager
def keep_locked(url: str, account: str) -> Iterator[psycopg.Connection]:
    """A transaction of somebody else's that has the account and does nothing."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT FROM farthing_account WHERE key = %s FOR NO KEY UPDATE", (account,))
        yield connection
        connection.rollback()


def test_neighbours_of_an_account_in_an_idle_transaction_lose_no_speed(url: str) -> None:
    with open_engine(url) as engine:
        engine.run(grant("g", 1000, "stuck"))
        stuck = find_lane(engine.lanes, charge("c", 1, "stuck"))
        neighbours = [f"n{turn}" for turn in range(40) if find_lane(engine.lanes, charge("c", 1, f"n{turn}")) is stuck]
        engine.run_many([grant("g", 1000, account) for account in neighbours])
        with ThreadPoolExecutor(3) as pool, keep_locked(url, "stuck") as keeper:
            waiting = [pool.submit(engine.run, charge(f"c{turn}", 1, "stuck")) for turn in range(3)]
            wait_until(lambda: stuck.aside.count() == 3)
            slowest = 0.0
            for turn in range(60):
                began = time.monotonic()
                engine.run(charge(f"c{turn}", 1, neighbours[turn % len(neighbours)]))
                slowest = max(slowest, time.monotonic() - began)
            assert not any(one.done() for one in waiting)
            keeper.rollback()
            assert not any(one.result(timeout=10).replayed for one in waiting)

        assert slowest < 1, "a bound of 2 seconds was nobody's but theirs"
        assert engine.read_wallet("stuck", CREDITS).spent == 3


def test_an_account_that_stays_locked_is_busy_after_the_bound_and_free_afterwards(url: str) -> None:
    with open_engine(url) as engine:
        engine.run_many([grant("g", 1000, "stuck"), grant("g", 1000, "acme")])
        with keep_locked(url, "stuck"):
            began = time.monotonic()
            refused, done = engine.run_many([charge("c", 1, "stuck"), charge("c", 1)])
            took = time.monotonic() - began

        assert isinstance(refused, Busy)
        assert isinstance(done, Outcome)
        assert 2 <= took < 4
        assert not engine.run(charge("c", 1, "stuck")).replayed


def test_two_servers_on_one_hot_account_both_get_their_turns(url: str) -> None:
    with open_engine(url) as first, open_engine(url) as second:
        first.run(grant("g", 100_000))
        until = time.monotonic() + 1.5

        def spend(engine: Engine, thread: int) -> int:
            turn = 0
            while time.monotonic() < until:
                engine.run(charge(f"{id(engine)}-{thread}-{turn}", 1))
                turn += 1
            return turn

        with ThreadPoolExecutor(8) as pool:
            spending = [pool.submit(spend, engine, thread) for thread in range(4) for engine in (first, second)]
            turns = [one.result(timeout=20) for one in spending]

        assert first.read_wallet("acme", CREDITS).spent == sum(turns)
        mine, theirs = sum(turns[::2]), sum(turns[1::2])
        assert min(mine, theirs) > 20
        assert max(mine, theirs) < 10 * min(mine, theirs), f"{mine} and {theirs}"
