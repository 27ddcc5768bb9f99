"""A clock that stands still until it is told to move: for tests, and for books that are marked as test books."""

from datetime import datetime, timedelta

from farthing.values.calendars import ONE, read_instant, to_instant
from farthing.values.errors import TimeInvalid


class FrozenClock:
    """Stands at `at`. It only ever moves forward: a wallet's time does not run backwards."""

    is_frozen = True

    def __init__(self, at: datetime) -> None:
        self.instant = read_instant(at, what="time")

    def now(self) -> int:
        """This instant in microseconds."""
        return self.instant

    @property
    def at(self) -> datetime:
        """This instant, aware, UTC."""
        return to_instant(self.instant)

    def advance(self, by: timedelta) -> None:
        """Let time pass. Raises `TimeInvalid` for a negative duration."""
        if by < timedelta(0):
            raise TimeInvalid(
                what="duration", given=str(by), problem="is negative", advice="a frozen clock only moves forward"
            )
        self.instant += by // ONE

    def move_to(self, at: datetime) -> None:
        """Let time pass until `at`. Raises `TimeInvalid` if that has gone by."""
        instant = read_instant(at, what="time")
        if instant < self.instant:
            raise TimeInvalid(
                what="time",
                given=at.isoformat(),
                problem=f"is before {self.at.isoformat()}, where the clock stands",
                advice="a frozen clock only moves forward",
            )
        self.instant = instant
