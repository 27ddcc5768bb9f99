"""The clocks of the engine: one that distrusts jumps, one that obeys."""

from datetime import UTC, datetime, timedelta

import pytest

from farthing.core.errors import TermInvalid, TimeInvalid
from farthing.engine.clocks import SystemClock
from farthing.engine.options import Settings
from farthing.store.faults import ClockDisagrees
from farthing.testing.clocks import FrozenClock

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


@pytest.mark.parametrize("name", ["largest_batch", "largest_queue", "commit_tries"])
def test_a_bound_below_1_is_refused(name: str) -> None:
    with pytest.raises(TermInvalid, match=name):
        Settings(**{name: 0})
