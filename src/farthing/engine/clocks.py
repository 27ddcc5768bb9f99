"""Where the engine gets its instants from: microseconds since 1970, UTC. Frozen clocks are in `testing/clocks.py`."""

import time
from collections.abc import Callable
from typing import Protocol

from farthing.core.bounds import MICROSECONDS
from farthing.store.faults import ClockDisagrees

MOST_DRIFT = 86_400 * MICROSECONDS
"""How far the two clocks of a process may part between two looks."""


class Clock(Protocol):
    """Says what time it is."""

    is_frozen: bool
    """Whether it stands still until told: for test books only."""

    def now(self) -> int:
        """This instant in microseconds. Raises `ClockDisagrees`."""
        ...


def read_steady_clock() -> int:
    """Nanoseconds of a clock that nobody sets; where there is one, of one that counts on while the machine sleeps."""
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        number = getattr(time, name, None)
        if number is not None:
            return time.clock_gettime_ns(number)
    return time.monotonic_ns()


class SystemClock:
    """The process's wall clock, held against its steady one: a jump of over a day would expire or revive everything.

    What counts is how far the two moved apart since the last look that was good, so neither an idle day nor a slow
    drift is a disagreement. While they disagree every look is refused, until the wall clock is set right.
    """

    is_frozen = False

    def __init__(self, wall: Callable[[], int] = time.time_ns, steady: Callable[[], int] = read_steady_clock) -> None:
        self.wall = wall
        self.steady = steady
        self.last = (wall() // 1000, steady() // 1000)

    def now(self) -> int:
        """This instant by the wall clock. Raises `ClockDisagrees`."""
        wall, steady = self.wall() // 1000, self.steady() // 1000
        last_wall, last_steady = self.last
        drift = (wall - last_wall) - (steady - last_steady)
        if abs(drift) > MOST_DRIFT:
            raise ClockDisagrees(
                clocks="this machine's wall clock and its steady clock", seconds=abs(drift) // MICROSECONDS
            )
        self.last = (wall, steady)
        return wall
