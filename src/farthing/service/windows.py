"""The stretches of time that a report tells apart: hours, days, weeks, months … of a zone, billing cycles, or all time.

Weeks begin on Monday. What begins before `since` or ends after `until` is cut there.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from farthing.tariff.plans import is_next_in_force
from farthing.values.bounds import EARLIEST_INSTANT, LATEST_INSTANT, MICROSECONDS, NEVER
from farthing.values.errors import TermInvalid, TimeInvalid
from farthing.values.periods import (
    DAY,
    HOUR,
    Cadence,
    Rhythm,
    Zones,
    find_boundary,
    find_calendar_anchor,
    find_index,
    read_wall,
)
from farthing.values.subscriptions import Step, Subscription
from farthing.values.wallets import Allowance

MOST_WINDOWS: Final = 20_000
"""Buckets of one report."""

FIRST: Final = EARLIEST_INSTANT
LAST: Final = LATEST_INSTANT + MICROSECONDS
"""All time: from before every entry until after every entry."""

CADENCES: Final = {cadence.name.lower(): cadence for cadence in Cadence}
BEFORE: Final = {"hour": 24, "day": 30, "week": 12, "month": 12, "quarter": 8, "half_year": 4, "year": 5}
"""How many periods a report shows when nobody says since when, with the one in hand."""


class Window(NamedTuple):
    """A stretch of time, and the bucket that it belongs to."""

    bucket: int
    start: int
    end: int


def list_periods(
    every: str, since: int | None, until: int | None, now: int, zone: str, zones: Zones
) -> list[tuple[int, int]]:
    """(start, end) of the calendar's periods in a zone, by default the last few, up to and with the one in hand."""
    cadence = CADENCES[every]
    rhythm = Rhythm(cadence, 1, find_calendar_anchor(cadence, zone, zones), zone)
    if cadence == Cadence.HOUR:
        # Hours of the wall: their minutes are the zone's.
        rhythm = rhythm._replace(anchor=-(read_wall(now, zones(zone)) - now) % HOUR)
    end = until
    if until is None:
        end = find_boundary(rhythm, find_index(rhythm, now, zones) + 1, zones)
    if since is None:
        index = find_index(rhythm, min(now, end - 1 if end is not None else now), zones)
        since = find_boundary(rhythm, index + 1 - BEFORE[every], zones)
    return list_rhythm(rhythm, since, end if end is not None else LAST, zones)


def list_rhythm(rhythm: Rhythm, since: int, until: int, zones: Zones) -> list[tuple[int, int]]:
    """(start, end) of the periods of a rhythm between two instants. Raises `TermInvalid` for too many."""
    if since >= until:
        raise TimeInvalid(what="until", given="it", problem="is not after since", advice="choose a later one")
    first, last = find_index(rhythm, since, zones), find_index(rhythm, until - 1, zones)
    if last - first >= MOST_WINDOWS:
        advice = f"choose longer periods, or at most {MOST_WINDOWS} of them"
        raise TermInvalid(what="periods", given=str(last - first + 1), problem="are too many", advice=advice)
    edges = [find_boundary(rhythm, n, zones) for n in range(first, last + 2)]
    spans = [(max(start, since), min(end, until)) for start, end in pairwise(edges)]
    return [(start, end) for start, end in spans if start < end]


def list_cycles(
    steps: Sequence[Subscription],
    allowance: Allowance | None,
    since: int | None,
    until: int | None,
    now: int,
    zone: str,
    zones: Zones,
) -> list[tuple[int, int]]:
    """The billing cycles of an account: of its subscription while one is active, else of the calendar's months (M8); of
    an account that never subscribed, of its allowance. By default the one in hand."""
    month = Rhythm(Cadence.MONTH, 1, find_calendar_anchor(Cadence.MONTH, zone, zones), zone)
    rhythms: list[tuple[int, Rhythm]] = [(FIRST, month)]
    if not steps and allowance is not None:
        rhythms = [(FIRST, Rhythm(allowance.every, allowance.count, allowance.anchor, allowance.zone))]
    for step in steps:
        # What time alone brought about holds since then, however late a job wrote it.
        begins_at = step.starts_at if step.step in (Step.DOWNGRADED, Step.EXPIRED) else step.recorded_at
        rhythms = [each for each in rhythms if each[0] < begins_at]
        has_period = step.every and step.plan
        rhythm = Rhythm(step.every, step.count, step.anchor, step.zone) if has_period else month
        following = [(begins_at, rhythm)]
        if is_next_in_force(step):
            anchor = step.anchor if step.next_every == step.every else step.period_ends_at
            chosen = Rhythm(step.next_every, 1, anchor, step.zone) if step.next_every else month
            following.append((max(step.period_ends_at, begins_at), chosen))
        if step.ends_at < NEVER:
            following.append((max(step.ends_at, begins_at), month))
        # A step that keeps the rhythm cuts no cycle.
        rhythms += following[1:] if rhythms and rhythms[-1][1] == rhythm else following
    cycles: list[tuple[int, int]] = []
    low, high = (now if since is None else since), (now + 1 if until is None else until)
    for place, (starts_at, rhythm) in enumerate(rhythms):
        ends_at = rhythms[place + 1][0] if place + 1 < len(rhythms) else LAST
        if ends_at <= low or starts_at >= high or starts_at >= ends_at:
            continue
        for start, end in list_whole(rhythm, max(low, starts_at), min(high, ends_at), zones):
            cycles.append((max(start, starts_at), min(end, ends_at)))
    first, last = FIRST if since is None else since, LAST if until is None else until
    return [(max(start, first), min(end, last)) for start, end in cycles if max(start, first) < min(end, last)]


def list_whole(rhythm: Rhythm, since: int, until: int, zones: Zones) -> list[tuple[int, int]]:
    """The periods of a rhythm that reach between two instants, whole."""
    first, last = find_index(rhythm, since, zones), find_index(rhythm, until - 1, zones)
    if last - first >= MOST_WINDOWS:
        raise TermInvalid(what="cycles", given=str(last - first), problem="are too many", advice="begin later")
    edges = [find_boundary(rhythm, n, zones) for n in range(first, last + 2)]
    return list(pairwise(edges))


def list_hours_of_day(since: int, until: int, zone: str, zones: Zones) -> list[Window]:
    """Every hour between two instants, the bucket being the hour that a clock in the zone shows."""
    tz = zones(zone)
    if until - since > 800 * DAY:
        advice = "choose a span of at most 800 days"
        raise TimeInvalid(what="since", given="it", problem="is too long ago for this", advice=advice)
    windows: list[Window] = []
    start = since
    while start < until:
        wall = read_wall(start, tz)
        end = min(start + HOUR - wall % HOUR, until)
        windows.append(Window(wall % DAY // HOUR, start, end))
        start = end
    return windows
