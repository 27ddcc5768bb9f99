"""How often, from when and in which zone: what allowances and budgets say of time, read from what callers write."""

from datetime import date, datetime, timedelta
from difflib import get_close_matches
from typing import Final

from farthing.engine.zones import find_zone
from farthing.face.desk import Desk
from farthing.values.bounds import MOST_PERIODS
from farthing.values.calendars import read_instant
from farthing.values.errors import TermInvalid, TimeInvalid, show_given
from farthing.values.periods import Cadence

Every = str | timedelta
"""hour, day, week, month, quarter, half_year, year; or a timedelta of whole days."""

CADENCES: Final = {cadence.name.lower(): cadence for cadence in Cadence}
WORDS: Final = {int(cadence): word for word, cadence in CADENCES.items()}
CHOICES: Final = ", ".join(CADENCES)
CALENDAR: Final = "calendar"
DAY: Final = timedelta(days=1)


def read_cadence(every: object, count: object) -> tuple[int, int]:
    """A cadence, and how many of them make one period. Raises `TermInvalid`, which names the nearest word."""
    if type(count) is not int or not 1 <= count <= MOST_PERIODS:
        advice = f"write a whole number from 1 to {MOST_PERIODS}"
        raise TermInvalid(what="count", given=show_given(count), problem="is no number of periods", advice=advice)
    if isinstance(every, timedelta):
        return Cadence.DAY, read_days(every, count)
    cadence = CADENCES.get(every) if isinstance(every, str) else None
    if cadence is None:
        near = get_close_matches(every.lower(), CADENCES, n=1) if isinstance(every, str) else []
        advice = f"did you mean {near[0]}? choose {CHOICES}" if near else f"choose {CHOICES}, or a timedelta of days"
        raise TermInvalid(what="every", given=show_given(every), problem="is no cadence", advice=advice)
    return cadence, count


def read_days(length: timedelta, count: int) -> int:
    """The days of a period that a timedelta names, `count` times over."""
    days, rest = divmod(length, DAY)
    if rest or days < 1:
        advice = 'write timedelta(days=…), or every="hour" with a count'
        raise TermInvalid(what="every", given=show_given(length), problem="is not whole days", advice=advice)
    if days * count > MOST_PERIODS:
        advice = f"make it at most {MOST_PERIODS} days"
        raise TermInvalid(what="every", given=show_given(length), problem="is too long", advice=advice)
    return days * count


def read_anchor(anchor: object) -> tuple[int | None, bool]:
    """The instant from which periods are counted, if one is named, and whether it is the calendar that they follow."""
    if anchor is None or anchor == CALENDAR:
        return None, anchor == CALENDAR
    if isinstance(anchor, str):
        advice = 'write "calendar", or an aware datetime'
        raise TermInvalid(what="anchor", given=show_given(anchor), problem="is no anchor", advice=advice)
    return read_moment(anchor, "anchor"), False


def read_moment(moment: object, what: str) -> int:
    """An instant, where nothing but an aware datetime will do. Raises `TimeInvalid`."""
    if isinstance(moment, date) and not isinstance(moment, datetime):
        advice = "write an aware datetime: datetime(…, tzinfo=UTC)"
        raise TimeInvalid(what=what, given=str(moment), problem="is a date, not an instant", advice=advice)
    return read_instant(moment, what=what)


def keep_zone(desk: Desk, account: str, zone: object) -> str:
    """The name of a zone, remembered; empty for the account's own, which is remembered too. Raises `TimeInvalid`."""
    if zone is None:
        known = desk.store.find_account(account)
        desk.intern_name("UTC" if known is None else known.zone, "zone")
        return ""
    name = find_zone(zone).key
    desk.intern_name(name, "zone")
    return name
