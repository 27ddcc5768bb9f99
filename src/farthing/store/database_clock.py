"""The clock of a database that has one, told without asking it each time: its distance from this process's steady clock
is measured with every exchange, so that all servers of one database agree on the time."""

import time
from collections.abc import Callable
from typing import Final

from farthing.store.faults import ClockDisagrees
from farthing.values.bounds import MICROSECONDS

MOST_DRIFT: Final = 86_400 * MICROSECONDS
"""How far two clocks may part before nothing is decided any more: it would expire or revive things by mistake."""

QUICK: Final = 2_000
"""Microseconds up to which the middle of an exchange is near enough."""


def read_steady_clock() -> int:
    """Nanoseconds of a clock that nobody sets; where there is one, of one that counts on while the machine sleeps."""
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        number = getattr(time, name, None)
        if number is not None:
            return time.clock_gettime_ns(number)
    return time.monotonic_ns()


class DatabaseClock:
    """What time it is by the database. Unknown, and never asked for, before the first `learn`."""

    is_frozen = False

    def __init__(self, wall: Callable[[], int] = time.time_ns, steady: Callable[[], int] = read_steady_clock) -> None:
        self.wall = wall
        self.steady = steady
        self.offset = 0
        self.is_known = False

    def begin(self) -> int:
        """What to give to `learn` afterwards: the steady clock, in microseconds, before the database is asked."""
        return self.steady() // 1000

    def learn(self, instant: int, begun: int) -> None:
        """Take in what the database's clock said, some time between `begun` and now: in the middle, as far as is known.

        An exchange that took long, waiting for a lock, says little: it moves the offset only as far as it must.
        """
        now = self.steady() // 1000
        earliest, latest = instant - now, instant - begun
        if latest - earliest < QUICK or not self.is_known:
            self.offset = (earliest + latest) // 2
            self.is_known = True
        else:
            self.offset = min(max(self.offset, earliest), latest)

    def now(self) -> int:
        """This instant by the database's clock. Raises `ClockDisagrees` if this machine's is a day off."""
        instant = self.steady() // 1000 + self.offset
        apart = abs(instant - self.wall() // 1000)
        if apart > MOST_DRIFT:
            raise ClockDisagrees(clocks="the database's clock and this machine's", seconds=apart // MICROSECONDS)
        return instant
