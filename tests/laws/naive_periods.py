"""Periods, told with `datetime` and `zoneinfo` and nothing of ours: boundaries are anchor + n periods, found by trying.

Instants are microseconds since 1970, cadences are words. What takes long is remembered between calls.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}
USUAL = {"hour": 3600, "day": 86_400, "week": 604_800, "month": 2_629_746, "quarter": 7_889_238,
         "half_year": 15_778_476, "year": 31_556_952}  # fmt: skip
"""The seconds that one of them lasts, more or less: where to begin to look."""


class Recurrence(NamedTuple):
    every: str
    number: int
    anchor: int
    zone: str


def to_instant(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def to_local(instant: int, zone: str) -> datetime:
    return (EPOCH + MICROSECOND * instant).astimezone(ZoneInfo(zone))


def first_instant(wall: datetime, zone: str) -> int:
    """When clocks in the zone first show this time; if they skip it, the first instant after the skip."""
    there = ZoneInfo(zone)
    early, late = (to_instant(wall.replace(tzinfo=there, fold=fold).astimezone(UTC)) for fold in (0, 1))
    if to_local(early, zone).replace(tzinfo=None) == wall:
        return early
    # Skipped: reading it by the offset after the skip lies before the skip, by the offset before it lies after.
    low, high = min(early, late), max(early, late)
    while high - low > 1:
        middle = (low + high) // 2
        if to_local(middle, zone).replace(tzinfo=None) < wall:
            low = middle
        else:
            high = middle
    return high


@lru_cache(maxsize=50_000)
def boundary(recurrence: Recurrence, n: int) -> int:
    """anchor + n periods."""
    every, number, anchor, zone = recurrence
    if every == "hour":
        return anchor + n * number * 3_600_000_000
    if n == 0:
        return anchor
    start = to_local(anchor, zone).replace(tzinfo=None)
    if every in MONTHS:
        months = start.year * 12 + start.month - 1 + n * number * MONTHS[every]
        year, month = months // 12, months % 12 + 1
        wall = start.replace(year=year, month=month, day=min(start.day, monthrange(year, month)[1]))
    else:
        wall = start + timedelta(days=n * number * (7 if every == "week" else 1))
    return first_instant(wall.replace(fold=0), zone)


def find_number(recurrence: Recurrence, moment: int) -> int:
    """The n of the period in which a moment lies."""
    every, number, anchor, _ = recurrence
    n = (moment - anchor) // (number * USUAL[every] * 1_000_000)
    while boundary(recurrence, n) > moment:
        n -= 1
    while boundary(recurrence, n + 1) <= moment:
        n += 1
    return n


@lru_cache(maxsize=20_000)
def calendar_start(every: str, zone: str) -> int:
    """From where the calendar's own periods are counted."""
    return first_instant(datetime(1970, 1, 5 if every == "week" else 1, tzinfo=UTC).replace(tzinfo=None), zone)


def local_date(instant: int, zone: str) -> tuple[int, int, int]:
    local = to_local(instant, zone)
    return local.year, local.month, local.day
