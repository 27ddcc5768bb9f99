"""The kinds of value in a catalog document that are times: cadences, lengths by the calendar, pauses, instants."""

import re
from datetime import datetime
from typing import Any, Final

from farthing.documents.scalars import advise, make_choice, match_text, refuse
from farthing.documents.shapes import Around, Scalar
from farthing.tariff.catalog import Length
from farthing.values.amounts import Unit
from farthing.values.bounds import LONGEST_HOLD_TTL, MICROSECONDS, MOST_PERIODS
from farthing.values.calendars import read_instant, to_instant
from farthing.values.names import read_name
from farthing.values.periods import DAY, HOUR, Cadence

CADENCES: Final = {cadence.name.lower(): int(cadence) for cadence in Cadence}
WORDS: Final = {cadence: word for word, cadence in CADENCES.items()}
HALF_HOURS: Final = {1: 2, 2: 48, 3: 336, 4: 1_461, 5: 4_383, 6: 8_766, 7: 17_532}
"""How long cadences are on average, a year being 365.25 days."""
LENGTHS: Final = r"([0-9]{1,5}) (hour|day|week|month|quarter|half_year|year)s?"
PIECES: Final = {"second": MICROSECONDS, "minute": 60 * MICROSECONDS, "hour": HOUR, "day": DAY, "week": 7 * DAY}


def make_length(*, years: int = 100) -> Scalar:
    """A length of time by the calendar, so many years at most."""

    def read(value: object, around: Around) -> Length:
        found = match_text(value, LENGTHS, "is not a length of time", 'write it as "30 days" or "6 months"')
        length = Length(CADENCES[found[2]], int(found[1]))
        if not 1 <= length.count <= MOST_PERIODS:
            raise refuse(value, "is out of bounds", f"count from 1 to {MOST_PERIODS}")
        if length.count * HALF_HOURS[length.every] > years * HALF_HOURS[Cadence.YEAR] + HALF_HOURS[Cadence.DAY]:
            raise refuse(value, "is too long", f"the longest is {years} years")
        return length

    return Scalar(read, lambda length, unit: show_length(length), {"type": "string", "pattern": f"^{LENGTHS}$"})


def show_length(length: Length) -> str:
    return f"{length.count} {WORDS[length.every]}{'' if length.count == 1 else 's'}"


def make_every(*, has_count: bool, has_cycle: bool) -> Scalar:
    """A cadence; where it may be, so many of them ("2 weeks"), or the plan's own periods (`cycle`)."""
    words = [*CADENCES, *(["cycle"] if has_cycle else [])]

    def read(value: object, around: Around) -> dict[str, Any]:
        if isinstance(value, str) and value in words:
            return {"is_cycle": True} if value == "cycle" else {"every": CADENCES[value]}
        if has_count and isinstance(value, str) and re.fullmatch(LENGTHS, value, re.ASCII):
            return LENGTH.read(value, around)._asdict()  # type: ignore[no-any-return]
        raise refuse(value, "is no period", advise(value, words))

    def show(owner: Any, unit: Unit) -> str:
        if has_cycle and owner.is_cycle:
            return "cycle"
        count = owner.count if has_count else 1
        return WORDS.get(owner.every, "") if count == 1 else show_length(Length(owner.every, count))

    counted: dict[str, Any] = {"anyOf": [{"enum": words}, {"type": "string", "pattern": f"^{LENGTHS}$"}]}
    return Scalar(read, show, counted if has_count else {"enum": words})


def read_pause(value: object, around: Around) -> int:
    """A length of time that passes, in microseconds."""
    advice = 'write it as "15 minutes" or "30 days"'
    found = match_text(value, r"([0-9]{1,9}) (second|minute|hour|day|week)s?", "is not a length of time", advice)
    length = int(found[1]) * PIECES[found[2]]
    if length > LONGEST_HOLD_TTL:
        raise refuse(value, "is too long", f"the longest is {LONGEST_HOLD_TTL // DAY} days")
    return length


def show_pause(length: int, unit: Unit) -> str:
    """In the largest piece that goes into it."""
    word, size = next((each for each in reversed(PIECES.items()) if length % each[1] == 0), ("second", MICROSECONDS))
    return f"{length // size} {word}{'' if length == size else 's'}"


def read_moment(value: object, around: Around) -> int:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise refuse(value, "is not an instant", "write it with its offset, without quotes: 2026-03-01T00:00:00Z")
    return read_instant(value, what="value")


def read_zone(value: object, around: Around) -> str:
    name = read_name(value, what="zone")
    if around.zones is not None:
        around.zones(name)
    return name


LENGTH: Final = make_length()
CADENCE: Final = make_choice(CADENCES)
ZONE: Final = Scalar(read_zone, lambda value, unit: str(value), {"type": "string", "examples": ["UTC", "Africa/Accra"]})
PAUSE: Final = Scalar(read_pause, show_pause, {"type": "string", "pattern": "^[0-9]+ (second|minute|hour|day|week)s?$"})
INSTANT: Final = Scalar(
    read_moment, lambda value, unit: to_instant(value).isoformat(), {"type": "string", "format": "date-time"}
)
