"""Recurring time: the boundaries of periods as people in a zone count them, and days between instants (rule 2).

Instants are whole microseconds since 1970, UTC; zones come through a port. A wall is what a clock in a zone shows,
counted in the same way as if that were UTC. Boundaries lie from EARLIEST_INSTANT to LATEST_INSTANT: one before that
is EARLIEST_INSTANT, one after it is NEVER. To add a cadence: a line in `Cadence` and one in `DAYS` or `MONTHS`.
"""

from bisect import bisect_left
from calendar import monthrange
from datetime import date, tzinfo
from enum import IntEnum
from typing import Final, NamedTuple, Protocol

from farthing.values.bounds import EARLIEST_INSTANT, LATEST_INSTANT, MICROSECONDS, NEVER
from farthing.values.calendars import EPOCH, ONE

HOUR: Final = 3_600 * MICROSECONDS
DAY: Final = 24 * HOUR
FIRST_DAY: Final = EPOCH.toordinal()
ERA_YEARS, ERA_DAYS = 400, 146_097
"""The calendar repeats after this, so that a year that `date` cannot hold is counted as a like one that it can."""


class Cadence(IntEnum):
    """What a period is counted in."""

    HOUR = 1
    DAY = 2
    WEEK = 3
    MONTH = 4
    QUARTER = 5
    HALF_YEAR = 6
    YEAR = 7


DAYS = {Cadence.DAY: 1, Cadence.WEEK: 7}
MONTHS = {Cadence.MONTH: 1, Cadence.QUARTER: 3, Cadence.HALF_YEAR: 6, Cadence.YEAR: 12}


class Zones(Protocol):
    """Where named zones come from; core never looks them up itself."""

    def __call__(self, name: str) -> tzinfo: ...


class Rhythm(NamedTuple):
    """How a period recurs. The anchor's wall-clock time in the zone is what comes back; its microseconds are kept."""

    every: int
    """A `Cadence`."""
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody asks a rhythm
    """So many of them make one period: 1 or more."""
    anchor: int
    zone: str


FOUND: dict[Rhythm, tuple[int, int, Zones, tuple[int, int, int]]] = {}
"""The period that was found last for a rhythm. By the calendar thousands of wallets share it, and finding one takes as
long as a whole charge; it says nothing that reckoning it anew would not."""

MOST_FOUND: Final = 4_096


def find_boundary(rhythm: Rhythm, n: int, zones: Zones) -> int:
    """The n-th boundary: anchor + n periods, never the one before + 1, so a day that was clamped comes back.

    `n` may be negative, and 0 is the anchor itself, even when its wall-clock time came twice and it is the second.
    An hour is 3,600 seconds that pass, whatever the clock on the wall shows: counted by the wall, one period a year
    would have no length and another two hours.
    """
    steps = n * rhythm.count
    if rhythm.every == Cadence.HOUR or not n:
        instant = rhythm.anchor + steps * HOUR
    else:
        zone = zones(rhythm.zone)
        instant = find_first_instant(move_wall(read_wall(rhythm.anchor, zone), rhythm.every, steps), zone)
    return NEVER if instant > LATEST_INSTANT else max(instant, EARLIEST_INSTANT)


def find_index(rhythm: Rhythm, moment: int, zones: Zones) -> int:
    """The largest n whose boundary is at or before the moment: of periods without length, which a day that a zone
    left out makes, the last."""
    return find_period(rhythm, moment, zones)[0]


def find_period(rhythm: Rhythm, moment: int, zones: Zones) -> tuple[int, int, int]:
    """(n, start, end) of the period with `start <= moment < end`; of a moment out of bounds, the nearest within."""
    known = FOUND.get(rhythm)
    if known is not None and known[0] <= moment < known[1] and known[2] is zones:
        return known[3]
    moment = min(max(moment, EARLIEST_INSTANT), LATEST_INSTANT)
    n = estimate_index(rhythm, moment, zones)
    start = find_boundary(rhythm, n, zones)
    while start > moment:
        n -= 1
        start = find_boundary(rhythm, n, zones)
    end = find_boundary(rhythm, n + 1, zones)
    while end <= moment:
        n, start = n + 1, end
        end = find_boundary(rhythm, n + 1, zones)
    if len(FOUND) >= MOST_FOUND:
        FOUND.clear()
    FOUND[rhythm] = (start, end, zones, (n, start, end))
    return n, start, end


def estimate_index(rhythm: Rhythm, moment: int, zones: Zones) -> int:
    """The number of the period that holds a moment, or one close by: where clocks were put back, or days clamped."""
    if rhythm.every == Cadence.HOUR:
        return (moment - rhythm.anchor) // (rhythm.count * HOUR)
    zone = zones(rhythm.zone)
    first, last = read_wall(rhythm.anchor, zone), read_wall(moment, zone)
    if rhythm.every in DAYS:
        return (last - first) // (rhythm.count * DAYS[Cadence(rhythm.every)] * DAY)
    months = [12 * year + month for year, month, _ in (split_day(wall // DAY) for wall in (first, last))]
    return (months[1] - months[0]) // (rhythm.count * MONTHS[Cadence(rhythm.every)])


def find_calendar_anchor(every: int, zone: str, zones: Zones) -> int:
    """The midnight in a zone from which calendar periods are counted: 1 January 1970, for weeks Monday the 5th.

    Hours pass evenly from there: where the offset changed by part of an hour since, they begin at part of one.
    """
    return find_first_instant(4 * DAY if every == Cadence.WEEK else 0, zones(zone))


def find_local_date(moment: int, zone: str, zones: Zones) -> date:
    """The date in a zone at a moment; the last day of 9999 where the zone is in the year 10000 already."""
    return date.fromordinal(min(FIRST_DAY + read_wall(moment, zones(zone)) // DAY, date.max.toordinal()))


def count_days(start: int, end: int, zone: str, zones: Zones) -> int:
    """The difference of the local dates of two instants, whatever the time of day and however long those days are."""
    first, last = (read_wall(instant, zones(zone)) // DAY for instant in (start, end))
    return last - first


def move_wall(wall: int, every: int, steps: int) -> int:
    """A wall so many cadences later: the same time of day, and in months the same day or else the month's last."""
    if every in DAYS:
        return wall + steps * DAYS[Cadence(every)] * DAY
    day, time = divmod(wall, DAY)
    year, month, day = split_day(day)
    year, month = divmod(12 * year + month - 1 + steps * MONTHS[Cadence(every)], 12)
    era, year = divmod(year, ERA_YEARS)
    like = date(2000 + year, month + 1, min(day, monthrange(2000 + year, month + 1)[1]))
    return (like.toordinal() - FIRST_DAY + (era - 2000 // ERA_YEARS) * ERA_DAYS) * DAY + time


def split_day(day: int) -> tuple[int, int, int]:
    """Year, month and day of the month of a day counted from 1970, in any year at all."""
    era, rest = divmod(day, ERA_DAYS)
    like = date.fromordinal(FIRST_DAY + rest)
    return like.year + ERA_YEARS * era, like.month, like.day


def read_wall(instant: int, zone: tzinfo) -> int:
    """What the clock on the wall shows at an instant."""
    near = find_near(instant)
    shown = (EPOCH + ONE * near).astimezone(zone)
    return instant - near + (shown.replace(tzinfo=EPOCH.tzinfo) - EPOCH) // ONE


def find_first_instant(wall: int, zone: tzinfo) -> int:
    """The first instant at which a wall is reached: of two the first; where clocks skip it, the instant of the skip."""
    near = find_near(wall)
    shown = EPOCH + ONE * near
    # In a skip the offset from before it (fold 0) gives the later of the two instants, and the skip lies between.
    instant, other = ((shown.replace(tzinfo=zone, fold=fold) - EPOCH) // ONE for fold in (0, 1))
    if other < instant:
        instant = other + bisect_left(range(other, instant), near, key=lambda passed: read_wall(passed, zone))
    return instant + wall - near


def find_near(time: int) -> int:
    """An instant or wall itself, or the nearest with a day to spare to what datetime holds: to look its offset up."""
    return min(max(time, EARLIEST_INSTANT), LATEST_INSTANT - DAY)
