"""One account is kept locked by an idle transaction: its neighbours do not feel it, and its own callers are told."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from farthing.audit.verify import verify
from farthing.engine.engine import Engine
from farthing.engine.lanes import find_lane
from farthing.engine.options import Settings
from farthing.store.faults import Busy
from farthing.values.bounds import LONGEST_WAIT_SECONDS
from tests.postgres.databases import Database
from tests.races.asking import charge, grant, hold, settle
from tests.races.books import CREDITS, open_book

NEIGHBOURS = [f"neighbour-{place}" for place in range(8)]
LET_GO_SECONDS = 1.0
"""When a lock that is let go in time is let go."""


@pytest.fixture
def engine(books: Database) -> Iterator[Engine]:
    engine = Engine(open_book(books.app_url), settings=Settings(lanes=2))
    for account in ("stuck", *NEIGHBOURS):
        engine.run(grant("g", 1000, account))
    yield engine
    assert verify(engine.store).summary == "ok"
    engine.close()


@pytest.fixture
def locker(books: Database) -> Iterator[psycopg.Connection]:
    """A transaction that has the account's row and does nothing."""
    with psycopg.connect(books.superuser_url) as connection:
        connection.execute("SELECT 1 FROM farthing_account WHERE key = 'stuck' FOR UPDATE")
        yield connection


def time_neighbours(engine: Engine, threads: int, seconds: float) -> list[float]:
    """How long each charge of theirs took."""
    until = time.monotonic() + seconds

    def spend(thread: int) -> list[float]:
        took = []
        for turn in range(1_000_000):
            began = time.monotonic()
            if began > until:
                break
            engine.run(charge(f"{until} {thread}-{turn}", 1, NEIGHBOURS[(thread + turn) % len(NEIGHBOURS)]))
            took.append(time.monotonic() - began)
        return took

    with ThreadPoolExecutor(threads) as pool:
        return [each for took in pool.map(spend, range(threads)) for each in took]


def test_neighbours_of_a_locked_account_never_wait_for_it_and_its_callers_are_told_in_time(
    engine: Engine, locker: psycopg.Connection
) -> None:
    assert len({find_lane(engine.lanes, charge("c", 1, account)) for account in NEIGHBOURS}) == len(engine.lanes) > 1
    with ThreadPoolExecutor(2) as pool:
        began = time.monotonic()
        stuck = pool.submit(engine.run, charge("c", 1, "stuck"))
        took = time_neighbours(engine, 4, LONGEST_WAIT_SECONDS)
        with pytest.raises(Busy):
            stuck.result(timeout=10)
        waited = time.monotonic() - began

    assert LONGEST_WAIT_SECONDS <= waited < LONGEST_WAIT_SECONDS + 1
    assert max(took) < LONGEST_WAIT_SECONDS / 2
    locker.rollback()
    assert not engine.run(charge("c", 1, "stuck")).replayed


def test_an_account_let_go_in_time_is_charged_as_if_nothing_had_been(
    engine: Engine, locker: psycopg.Connection
) -> None:
    held = engine.run(hold("h", 5, NEIGHBOURS[0]))
    letting_go = threading.Timer(LET_GO_SECONDS, locker.rollback)
    letting_go.start()
    began = time.monotonic()

    outcomes = engine.run_many([charge("c", 1, "stuck"), settle("s", held, 5), charge("d", 1, "stuck")])

    letting_go.join()
    assert not any(isinstance(outcome, Exception) for outcome in outcomes)
    assert LET_GO_SECONDS - 0.1 <= time.monotonic() - began < LONGEST_WAIT_SECONDS
    assert engine.read_wallet("stuck", CREDITS).spent == 2


def test_requests_of_a_locked_account_are_answered_in_the_order_in_which_they_came(
    engine: Engine, locker: psycopg.Connection
) -> None:
    tickets = []
    for turn in range(20):
        tickets.append(engine.submit(charge(f"c{turn}", 1, "stuck")))
        find_lane(engine.lanes, tickets[-1].request).start(tickets[-1])
        engine.run(charge(f"c{turn}", 1, NEIGHBOURS[turn % len(NEIGHBOURS)]))
    locker.rollback()

    numbers = [ticket.wait().entries[0].number for ticket in tickets]

    assert numbers == list(range(2, 22))
