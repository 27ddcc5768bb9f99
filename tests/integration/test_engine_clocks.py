"""The clocks of an engine, its settings and its figures."""

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from farthing.engine.clocks import SystemClock
from farthing.engine.engine import Engine
from farthing.engine.options import Settings
from farthing.engine.stats import Counters
from farthing.store.database_clock import DatabaseClock
from farthing.store.faults import ClockDisagrees
from farthing.store.memory import MemoryStore
from farthing.testing.clocks import FrozenClock
from farthing.values.errors import AccountNotFound, TermInvalid, TimeInvalid
from farthing.values.requests import Charge

DAY = 86_400 * 10**9


class Hands:
    """Two clocks that a test sets, in nanoseconds."""

    def __init__(self) -> None:
        self.wall = 1_800_000_000 * 10**9
        self.steady = 5 * 10**9

    def pass_by(self, wall: int, steady: int) -> None:
        self.wall += wall
        self.steady += steady


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def clock(hands: Hands) -> SystemClock:
    return SystemClock(wall=lambda: hands.wall, steady=lambda: hands.steady)


def test_the_system_clock_tells_the_wall_clock_in_microseconds(clock: SystemClock) -> None:
    assert clock.now() == 1_800_000_000 * 10**6


def test_an_idle_month_is_no_disagreement(clock: SystemClock, hands: Hands) -> None:
    hands.pass_by(30 * DAY, 30 * DAY)

    assert clock.now() == (hands.wall) // 1000


def test_a_slow_drift_is_no_disagreement_however_far_it_adds_up(clock: SystemClock, hands: Hands) -> None:
    for _ in range(10):
        hands.pass_by(DAY + DAY // 2, DAY)
        clock.now()


@pytest.mark.parametrize("jump", [DAY + 10**9, -DAY - 10**9])
def test_a_jump_of_over_a_day_is_refused_until_the_clock_is_set_right(
    clock: SystemClock, hands: Hands, jump: int
) -> None:
    hands.pass_by(jump, 0)

    for _ in range(2):
        with pytest.raises(ClockDisagrees) as disagreement:
            clock.now()
    assert disagreement.value.seconds == 86_401

    hands.pass_by(-jump, 0)
    assert clock.now() == hands.wall // 1000


def test_the_real_clock_of_this_machine_agrees_with_itself() -> None:
    clock = SystemClock()

    assert clock.now() <= clock.now()


def test_a_frozen_clock_stands_until_it_is_moved_and_never_goes_back() -> None:
    clock = FrozenClock(datetime(2026, 11, 21, tzinfo=UTC))
    start = clock.now()

    clock.advance(timedelta(hours=1))
    assert clock.now() - start == 3_600_000_000
    clock.move_to(datetime(2026, 11, 22, tzinfo=UTC))
    assert clock.at == datetime(2026, 11, 22, tzinfo=UTC)

    with pytest.raises(TimeInvalid, match="only moves forward"):
        clock.move_to(datetime(2026, 11, 21, tzinfo=UTC))
    with pytest.raises(TimeInvalid, match="only moves forward"):
        clock.advance(timedelta(seconds=-1))
    with pytest.raises(TimeInvalid, match="zone"):
        clock.move_to(datetime(2026, 11, 23))  # noqa: DTZ001
    assert clock.at == datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize("name", ["largest_batch", "largest_queue", "commit_tries", "decide_tries", "threads_aside"])
def test_a_bound_below_1_is_refused(name: str) -> None:
    with pytest.raises(TermInvalid, match=name):
        Settings(**{name: 0})


@pytest.mark.parametrize("lanes", [0, 65, 1.0, True])
def test_lanes_are_a_whole_number_that_the_shards_allow(lanes: object) -> None:
    with pytest.raises(TermInvalid, match="lanes"):
        Settings(lanes=lanes)  # type: ignore[arg-type]


def test_the_clock_that_was_given_counts_before_the_databases_and_that_before_the_machines() -> None:
    store: Any = MemoryStore()
    given, own = FrozenClock(datetime(2026, 11, 21, tzinfo=UTC)), DatabaseClock()

    assert isinstance(Engine(store).clock, SystemClock)
    store.clock = own
    assert Engine(store).clock is own
    assert Engine(store, given).clock is given


def test_lanes_are_as_many_as_the_store_says_unless_set() -> None:
    store: Any = MemoryStore()

    assert len(Engine(store).lanes) == 1
    store.lanes = 2
    assert len(Engine(store).lanes) == 2
    assert len(Engine(store, settings=Settings(lanes=3)).lanes) == 3


def test_figures_counted_by_several_threads_at_once_add_up() -> None:
    counters = Counters(100)
    request = Charge(key="c", account="acme", amounts=((1, 1),))

    def count(_: int) -> None:
        for _ in range(2000):
            counters.count_batch(2)
            counters.count_commit(0.1)
            counters.count_refusal(AccountNotFound(account="acme"), request)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(count, range(4)))
    finally:
        sys.setswitchinterval(before)

    stats = counters.read(0, str)
    assert (stats.batches, stats.requests, stats.commits) == (8000, 16000, 8000)
    assert stats.refusals == {("account_not_found", "0"): 8000}
