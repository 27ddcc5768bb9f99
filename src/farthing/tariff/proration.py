"""What part of a period costs (rule 22): exact shares, each line rounded once, half up. Sums of money are minor units.

To add a basis: a function here that measures a stretch of time, and its line in `BASES`.
"""

from collections.abc import Callable
from datetime import date
from fractions import Fraction
from typing import Final, NamedTuple

from farthing.tariff.catalog import Money
from farthing.values.amounts import divide_half_up
from farthing.values.bounds import NEVER
from farthing.values.errors import TermInvalid
from farthing.values.periods import Zones, count_days, find_local_date

MONTH_DAYS: Final = 30
"""Days that every month has where months are taken as equal and nobody says how long."""


class Stretch(NamedTuple):
    """From when to when, counted in a zone, in months of so many days where months are taken as equal."""

    start: int
    end: int
    zone: str
    zones: Zones
    month_days: int


Measure = Callable[[Stretch], int]


class MoneyLine(NamedTuple):
    """What is owed (above zero) or owed back (below), and for what."""

    kind: str
    """`charge` or `credit`."""
    plan: str
    starts_at: int
    ends_at: int
    """What it is for; `NEVER` where it has no end."""
    minor: int
    currency: str


def count_fixed(stretch: Stretch) -> int:
    """Days as if every month had the same number of them: later ones count as the last."""

    def place(day: date) -> int:
        return (12 * day.year + day.month) * stretch.month_days + min(day.day, stretch.month_days)

    first, last = (find_local_date(each, stretch.zone, stretch.zones) for each in (stretch.start, stretch.end))
    return place(last) - place(first)


BASES: Final[dict[str, Measure]] = {
    "second": lambda stretch: stretch.end - stretch.start,
    "day": lambda stretch: count_days(stretch.start, stretch.end, stretch.zone, stretch.zones),
    "day_inclusive": lambda stretch: count_days(stretch.start, stretch.end, stretch.zone, stretch.zones) + 1,
    "fixed_30": count_fixed,
    "fixed_n": count_fixed,
}


def prorate(
    amount: Fraction,
    *,
    start: int,
    end: int,
    at: int,
    zones: Zones,
    until: int | None = None,
    basis: str = "second",
    digits: int = 0,
    times: Fraction = Fraction(1),
    days_in_month: int = MONTH_DAYS,
    zone: str = "UTC",
) -> Fraction:
    """The part of `amount`, which is for start to end, that falls to the time from `at` until `until` (the end).

    Rounded to `digits`. Nothing of a time that is over; more than all of it for a time that is longer. `times` comes
    before the rounding: a tax, a number of seats. Raises `TermInvalid` for a basis that is none.
    """
    measure = BASES.get(basis)
    if measure is None:
        raise TermInvalid(
            what="basis", given=repr(basis), problem="is not one", advice=f"choose one of {', '.join(BASES)}"
        )
    month_days = days_in_month if basis == "fixed_n" else MONTH_DAYS
    part = measure(Stretch(at, end if until is None else until, zone, zones, month_days))
    whole = measure(Stretch(start, end, zone, zones, month_days))
    if part <= 0 or whole <= 0:
        return Fraction(0)
    exact = amount * times * part / whole * 10**digits
    return Fraction(divide_half_up(exact.numerator, exact.denominator), 10**digits)


def prorate_change(
    old: tuple[str, Money],
    new: tuple[str, Money],
    *,
    start: int,
    end: int,
    at: int,
    basis: str,
    zone: str,
    zones: Zones,
) -> tuple[MoneyLine, ...]:
    """The two lines of a change within a paid period: the unused rest of the old plan back, and the new one for as
    long. Each is rounded once, so what is to be paid is their sum. With basis `none` nothing is."""
    return tuple(
        line
        for (plan, price), sign in ((old, -1), (new, 1))
        for line in write_part(plan, price, sign, start=start, end=end, at=at, basis=basis, zone=zone, zones=zones)
    )


def write_part(
    plan: str, price: Money, sign: int, *, start: int, end: int, at: int, basis: str, zone: str, zones: Zones
) -> tuple[MoneyLine, ...]:
    """One line for the rest of a period, or none if nothing is to be prorated."""
    if basis == "none":
        return ()
    part = prorate(Fraction(price.minor), start=start, end=end, at=at, basis=basis, zone=zone, zones=zones)
    kind = "credit" if sign < 0 else "charge"
    return (MoneyLine(kind, plan, at, end, sign * int(part), price.currency),)


def write_charge(plan: str, price: Money, *, start: int, end: int = NEVER) -> MoneyLine:
    """The line of a whole period."""
    return MoneyLine("charge", plan, start, end, price.minor, price.currency)
