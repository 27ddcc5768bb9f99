"""Where the engine gets its instants from: microseconds since 1970, UTC: from a database that has a clock of its own
(`store/database_clock.py`), else from this process. Frozen clocks are in `testing/clocks.py`."""

import time
from collections.abc import Callable

from farthing.store.contract import Clock, Store
from farthing.store.database_clock import MOST_DRIFT, read_steady_clock
from farthing.store.faults import ClockDisagrees
from farthing.values.bounds import MICROSECONDS

__all__ = ["Clock", "SystemClock", "choose_clock"]


class SystemClock:
    """The process's wall clock, held against its steady one: a jump of over a day would expire or revive everything.

    What counts is how far the two moved apart since the last look that was good, so neither an idle day nor a slow
    drift is a disagreement. While they disagree every look is refused, until the wall clock is set right.
    Threads may look at once: each takes both clocks' word in one pair, and it does not matter whose pair is kept.
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


def choose_clock(given: Clock | None, store: Store) -> Clock:
    """The clock that was asked for, else the database's, by which all its servers agree, else this process's."""
    if given is not None:
        return given
    return SystemClock() if store.clock is None else store.clock
