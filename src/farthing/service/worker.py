"""The worker: runs every job at its interval until it is told to stop. It has no thread of its own: whoever calls
`run` lends it one, and whoever wants an end to it rings the bell, from a handler of signals or another thread.
"""

import os
import select
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

from farthing.engine.engine import Engine
from farthing.service.jobs import JOBS, Summary, get_job, run_job
from farthing.values.errors import FarthingError, TermInvalid, Unavailable

EVERY_SECONDS: Final = 60
"""From the beginning of one round to that of the next, if nobody says."""

LONGEST_INTERVAL_SECONDS: Final = 7 * 86_400
FIRST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 60.0
"""While the database is away: the first wait, and what it grows to, twice as long each time."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A job ran."""

    summary: Summary


@dataclass(frozen=True, slots=True)
class Waits:
    """The database is away, or asks for patience: said once, however often it is tried."""

    job: str
    error: FarthingError


@dataclass(frozen=True, slots=True)
class Returned:
    """It is back."""

    seconds: float
    """How long it was away, as far as the worker saw."""


Event = Ran | Waits | Returned


class Bell:
    """Wakes a worker for good. Safe to ring from a handler of signals: nothing is locked, a byte is written."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        self.has_rung = False

    def ring(self) -> None:
        """Have the worker finish the batch in hand and go."""
        if not self.has_rung:
            self.has_rung = True
            with suppress(OSError):  # closed meanwhile: nobody sleeps there any more
                os.write(self.writer, b"!")

    def wait(self, seconds: float) -> None:
        """Sleep for so long, or until it rings."""
        if not self.has_rung and seconds > 0:
            select.select([self.reader], [], [], seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.has_rung = True
        os.close(self.reader)
        os.close(self.writer)


def work_on(
    engine: Engine,
    bell: Bell,
    tell: Callable[[Event], None],
    *,
    every_seconds: int = EVERY_SECONDS,
    jobs: Collection[str] = tuple(JOBS),
) -> None:
    """Run these jobs now, and again whenever so many seconds have passed since a round began, until the bell rings.

    A round that takes longer, or a machine that slept, makes one late round, never several at once. While the database
    is away (`Unavailable`) a job is tried again, ever more seldom. Raises `TermInvalid`, and whatever an operator must
    act on (`Misconfigured`).
    """
    refuse_interval(every_seconds)
    for name in jobs:
        get_job(name)
    began = time.monotonic()
    while not bell.has_rung:
        for name in jobs:
            run_patiently(engine, name, bell, tell)
        began = max(began + every_seconds, time.monotonic())
        bell.wait(began - time.monotonic())


def refuse_interval(seconds: int) -> None:
    """Raise `TermInvalid` for an interval that is none."""
    if type(seconds) is not int or not 1 <= seconds <= LONGEST_INTERVAL_SECONDS:
        advice = f"choose 1 to {LONGEST_INTERVAL_SECONDS} seconds"
        raise TermInvalid(what="interval", given=repr(seconds)[:60], problem="is out of bounds", advice=advice)


def run_patiently(engine: Engine, name: str, bell: Bell, tell: Callable[[Event], None]) -> None:
    """Run a job once; while the database is away wait, and run it again. The bell ends the waiting."""
    away_since: float | None = None
    wait = FIRST_WAIT_SECONDS
    while not bell.has_rung:
        try:
            summary = run_job(engine, name, must_stop=lambda: bell.has_rung)
        except Unavailable as error:
            if away_since is None:
                away_since = time.monotonic()
                tell(Waits(name, error))
            bell.wait(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)
            continue
        if away_since is not None:
            tell(Returned(time.monotonic() - away_since))
        tell(Ran(summary))
        return
