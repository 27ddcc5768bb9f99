"""Instants: whole microseconds since 1970 inside, aware UTC datetimes outside."""

from datetime import UTC, datetime, timedelta

from farthing.values.bounds import EARLIEST_INSTANT, LATEST_INSTANT, MICROSECONDS, NEVER
from farthing.values.errors import TimeInvalid, show_given

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ONE = timedelta(microseconds=1)


def read_instant(moment: object, *, what: str) -> int:
    """Microseconds from an aware datetime. Raises `TimeInvalid` for a bare date or a datetime without a zone."""
    if not isinstance(moment, datetime):
        advice = "write an aware datetime, or use through=date for the end of that day"
        raise TimeInvalid(what=what, given=show_given(moment), problem="is not an instant", advice=advice)
    if moment.tzinfo is None:
        raise TimeInvalid(
            what=what, given=str(moment), problem="names no zone", advice="add one: datetime(…, tzinfo=UTC)"
        )
    micros = (moment - EPOCH) // ONE
    if not EARLIEST_INSTANT <= micros <= LATEST_INSTANT:
        advice = "write one of the years 1 to 9999, UTC"
        raise TimeInvalid(what=what, given=str(moment), problem="is out of bounds", advice=advice)
    return micros


def read_duration(length: object, *, what: str, longest: int = LATEST_INSTANT) -> int:
    """Microseconds from a timedelta above zero. Raises `TimeInvalid`."""
    if not isinstance(length, timedelta) or length <= timedelta(0):
        raise TimeInvalid(
            what=what, given=show_given(length), problem="is not a duration", advice="write a timedelta above zero"
        )
    micros = length // ONE
    if micros > longest:
        advice = f"the longest is {longest // MICROSECONDS // 86_400} days"
        raise TimeInvalid(what=what, given=show_given(length), problem="is too long", advice=advice)
    return micros


def to_instant(micros: int) -> datetime:
    """The aware UTC datetime of an instant."""
    return EPOCH + ONE * micros


def to_instant_or_none(micros: int | None) -> datetime | None:
    """The same, with None for "none" and "never"."""
    return None if micros is None or micros == NEVER else to_instant(micros)
