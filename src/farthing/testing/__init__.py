"""What the tests of a program that uses Farthing import: a clock that obeys, and a ledger in memory that goes by it."""

from datetime import UTC, datetime

from farthing.face.ledger import Ledger
from farthing.face.opening import open_ledger
from farthing.face.units import Units
from farthing.testing.clocks import FrozenClock

MORNING = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
"""When tests happen unless they say otherwise."""


def memory_ledger(at: datetime = MORNING, *, clock: FrozenClock | None = None, units: Units | None = None) -> Ledger:
    """A ledger in memory, new and empty, whose time stands at `at` until its clock is told to move.

    Pass a `clock` to move it: `clock = FrozenClock(at); ledger = memory_ledger(clock=clock); clock.advance(…)`.
    """
    return open_ledger("memory:", book="test", test=True, clock=clock or FrozenClock(at), units=units)


__all__ = ["MORNING", "FrozenClock", "memory_ledger"]
