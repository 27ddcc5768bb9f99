"""The cases' operations on the calendar alone: boundaries, the period of a moment, days. A step in, words out."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from farthing.engine.zones import find_zone
from farthing.values.periods import (
    Cadence,
    Rhythm,
    count_days,
    find_boundary,
    find_calendar_anchor,
    find_local_date,
    find_period,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
CADENCES: dict[str, Cadence] = {cadence.name.lower(): cadence for cadence in Cadence}

Step = dict[str, Any]


def list_boundaries(step: Step) -> dict[str, Any]:
    """`schedule`: the boundaries from one number to another, both counted."""
    rhythm = read_rhythm(step)
    numbers = range(int(step["from"]), int(step["to"]) + 1)
    return {"times": [show_instant(find_boundary(rhythm, n, find_zone)) for n in numbers]}


def find_period_at(step: Step) -> dict[str, Any]:
    """`period_at`: a first, short period begins where the case says that nothing was before."""
    _, start, end = find_period(read_rhythm(step), read_instant(step["moment"]), find_zone)
    if step.get("not_before") is not None:
        start = max(start, read_instant(step["not_before"]))
    first, last = show_instant(start), show_instant(end)
    return {"period": [first, last], "period_start": first, "period_end": last}


def count_local_days(step: Step) -> dict[str, Any]:
    """`days`."""
    start, end = read_instant(step["start"]), read_instant(step["end"])
    return {"days": str(count_days(start, end, step.get("tz", "UTC"), find_zone))}


def find_local_day(step: Step) -> dict[str, Any]:
    """`local_day`."""
    return {"day": find_local_date(read_instant(step["moment"]), step.get("tz", "UTC"), find_zone).isoformat()}


def read_rhythm(step: Step) -> Rhythm:
    """`every` is a cadence's name or, in days, such as 30_days; without an anchor periods are the calendar's."""
    every, count, zone = step["every"], int(step.get("count", 1)), step.get("tz", "UTC")
    if every in CADENCES:
        cadence = CADENCES[every]
    elif every.endswith("_days"):
        cadence, count = Cadence.DAY, count * int(every.removesuffix("_days"))
    else:
        raise ValueError(f"no such cadence: {every}")
    anchor = step["anchor"]
    found = find_calendar_anchor(cadence, zone, find_zone) if anchor is None else read_instant(anchor)
    return Rhythm(cadence, count, found, zone)


def read_instant(text: str) -> int:
    """Microseconds from ISO 8601 with an offset."""
    return (datetime.fromisoformat(text) - EPOCH) // MICROSECOND


def show_instant(instant: int) -> str:
    """An instant as the cases write it."""
    return (EPOCH + instant * MICROSECOND).isoformat().replace("+00:00", "Z")


OPERATIONS: dict[str, Callable[[Step], dict[str, Any]]] = {
    "schedule": list_boundaries,
    "period_at": find_period_at,
    "days": count_local_days,
    "local_day": find_local_day,
}
WORDS = ("times", "period", "period_start", "period_end", "days", "day")
"""What a case may assert of them."""
