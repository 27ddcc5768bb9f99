"""The database's clock as a process tells it: right after any exchange, whatever the network and the machine did."""

import pytest
from hypothesis import given, strategies

from farthing.store.database_clock import MOST_DRIFT, DatabaseClock, read_steady_clock
from farthing.store.faults import ClockDisagrees

SECOND = 1_000_000
DAY = 86_400 * SECOND
EPOCH = 1_750_000_000 * SECOND


class World:
    """Three clocks that the tests set: the database's, this machine's wall clock, and its steady one."""

    def __init__(self, *, wall_ahead: int = 0) -> None:
        self.elapsed = 0
        self.wall_ahead = wall_ahead
        self.steady_lost = 0
        self.parts_per_million = 0
        self.clock = DatabaseClock(
            wall=lambda: (EPOCH + self.elapsed + self.wall_ahead) * 1000, steady=self.read_steady
        )

    def read_steady(self) -> int:
        return (777 * SECOND + self.elapsed - self.steady_lost) * 1000

    @property
    def true(self) -> int:
        return EPOCH + self.elapsed + self.elapsed * self.parts_per_million // 1_000_000

    def exchange(self, before: int, after: int) -> None:
        """Ask, be answered this much later by the database, and read it this much later again."""
        begun = self.clock.begin()
        self.elapsed += before
        said = self.true
        self.elapsed += after
        self.clock.learn(said, begun)

    @property
    def error(self) -> int:
        return self.clock.now() - self.true


def test_after_a_quick_exchange_the_error_is_less_than_half_of_it() -> None:
    world = World()

    for before, after in ((100, 100), (0, 1800), (1800, 0), (300, 500)):
        world.exchange(before, after)

        assert abs(world.error) <= (before + after) / 2


def test_between_exchanges_it_goes_on_by_the_steady_clock() -> None:
    world = World()
    world.exchange(100, 100)

    world.elapsed += 3600 * SECOND

    assert abs(world.error) <= 100


def test_a_slow_exchange_that_contradicts_nothing_changes_nothing() -> None:
    world = World()
    world.exchange(100, 100)
    offset = world.clock.offset

    world.exchange(10, 2 * SECOND)
    world.exchange(2 * SECOND, 10)

    assert world.clock.offset == offset


@pytest.mark.parametrize(("before", "after"), [(10, 2 * SECOND), (2 * SECOND, 10)], ids=["after", "before"])
@pytest.mark.parametrize("drift", [-500, 500])
def test_a_slow_exchange_moves_it_no_further_than_it_must(before: int, after: int, drift: int) -> None:
    world = World()
    world.exchange(100, 100)
    world.parts_per_million = drift
    world.elapsed += 20 * SECOND

    world.exchange(before, after)

    # The drift of 22 seconds is 11 ms, and the middle of that exchange was a second away.
    assert abs(world.error) <= 22 * SECOND * abs(drift) // 1_000_000 + 200


def test_the_first_exchange_may_be_slow() -> None:
    world = World()

    world.exchange(2 * SECOND, 2 * SECOND)

    assert world.error == 0


def test_a_clock_that_drifts_is_followed() -> None:
    world = World()
    world.parts_per_million = 300

    for _ in range(1000):
        world.elapsed += SECOND
        world.exchange(150, 250)

        assert abs(world.error) <= 1000


def test_a_failover_to_a_server_with_another_clock_is_followed() -> None:
    world = World()
    world.exchange(100, 100)
    world.wall_ahead = -600 * SECOND

    world.exchange(0, 0)
    said = world.true + 600 * SECOND
    world.clock.learn(said, world.clock.begin())

    assert world.clock.now() == said


@pytest.mark.parametrize("sign", [-1, 1], ids=["behind", "ahead"])
def test_a_machine_that_is_more_than_a_day_off_is_refused(sign: int) -> None:
    world = World(wall_ahead=sign * DAY)
    world.exchange(0, 0)
    assert world.clock.now() == world.true

    world.wall_ahead += sign * SECOND

    with pytest.raises(ClockDisagrees, match="the database's clock and this machine's differ by 86401 seconds"):
        world.clock.now()
    world.wall_ahead = 0
    assert world.clock.now() == world.true
    assert MOST_DRIFT == DAY


def test_an_idle_week_is_no_disagreement() -> None:
    world = World()
    world.exchange(100, 100)

    world.elapsed += 7 * DAY

    assert abs(world.error) <= 100


def test_a_process_that_was_suspended_is_right_again() -> None:
    """Where the steady clock stands still meanwhile, as soon as it hears of the database; else at once."""
    world = World()
    world.exchange(100, 100)
    world.elapsed += 3600 * SECOND
    assert abs(world.error) <= 100

    world.elapsed += 3600 * SECOND
    world.steady_lost = 3600 * SECOND
    world.exchange(100, 100)

    assert abs(world.error) <= 100


def test_a_process_that_was_suspended_in_the_midst_of_an_exchange_is_right() -> None:
    world = World()
    world.exchange(100, 100)

    world.exchange(50, 7200 * SECOND)

    assert abs(world.error) <= 100


@given(strategies.lists(strategies.tuples(*[strategies.integers(0, 3 * SECOND)] * 2), min_size=1, max_size=20))
def test_it_never_contradicts_what_was_heard_last(exchanges: list[tuple[int, int]]) -> None:
    world = World()

    for before, after in exchanges:
        begun = world.clock.begin()
        world.elapsed += before
        said = world.true
        world.elapsed += after
        world.clock.learn(said, begun)

        assert said <= world.clock.now() <= said + before + after


def test_the_steady_clock_goes_forward_only() -> None:
    readings = [read_steady_clock() for _ in range(1000)]

    assert readings == sorted(readings)
    assert readings[-1] > readings[0]
