"""Amounts are whole numbers of a unit's smallest part. Here, and only here, they are read from and shown to people.

No float is ever read, made or passed through. Outside: decimals with at least the unit's digits. Inside: `int`.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import NamedTuple

from farthing.values.bounds import LARGEST_AMOUNT
from farthing.values.errors import AmountInvalid, AmountIsFloat, AmountTooLarge, show_given

WRITTEN = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?\Z", re.ASCII)
LARGEST_SCALE = 12


class Unit(NamedTuple):
    """What is counted. `scale` places are stored, for ever; at least `digits` places are shown."""

    unit_id: int
    name: str
    scale: int = 6
    digits: int = 2

    @property
    def per_whole(self) -> int:
        """How many smallest parts make one."""
        return int(10**self.scale)


def read_amount(value: object, unit: Unit, *, what: str = "amount", signed: bool = False) -> int:
    """Turn what a caller wrote (`int`, `str` or `Decimal`) into smallest parts of `unit`, exactly.

    Raises `AmountIsFloat` for a float and `AmountInvalid` for a bool, NaN, infinity, anything unreadable, a negative
    (unless `signed`), or more places than the unit stores, naming the nearest amount that would do;
    `AmountTooLarge` beyond 2**63 - 1 smallest parts.
    """
    if type(value) is int:
        if value.bit_length() > 200:
            raise AmountTooLarge(what=what, given=show_given(value), largest=to_decimal(LARGEST_AMOUNT, unit))
        parts = value * unit.per_whole
    elif isinstance(value, float):
        raise AmountIsFloat(what=what, given=repr(value), advice=f'write it as a string ("{value!r}") or a Decimal')
    elif isinstance(value, str) and WRITTEN.match(value):
        parts = scale_exactly(Decimal(value), unit, what)
    elif isinstance(value, Decimal):
        parts = scale_exactly(value, unit, what)
    else:
        advice = "write a whole number, a Decimal, or a string such as 12.50"
        raise AmountInvalid(what=what, given=show_given(value), problem="is not an amount", advice=advice)
    if parts < 0 and not signed:
        raise AmountInvalid(what=what, given=str(value), problem="is negative", advice="amounts are zero or more")
    if abs(parts) > LARGEST_AMOUNT:
        raise AmountTooLarge(what=what, given=str(value)[:60], largest=to_decimal(LARGEST_AMOUNT, unit))
    return parts


def scale_exactly(value: Decimal, unit: Unit, what: str) -> int:
    """Smallest parts in a decimal; refuses places that the unit does not store rather than rounding them away."""
    if not value.is_finite():
        raise AmountInvalid(what=what, given=str(value), problem="is not a number", advice="write a finite amount")
    if value and value.adjusted() > 40:
        raise AmountTooLarge(what=what, given=str(value)[:60], largest=to_decimal(LARGEST_AMOUNT, unit))
    is_tiny = value and value.adjusted() < -40
    exact = Fraction(0) if is_tiny else Fraction(value) * unit.per_whole
    parts = divide_half_up(exact.numerator, exact.denominator)
    if is_tiny or exact.denominator != 1:
        given = str(value) if is_tiny else f"{value:f}"[:60]
        nearest, problem = to_text(parts, unit), f"has more than {unit.scale} decimal places"
        raise AmountInvalid(what=what, given=given, problem=problem, advice=f"the nearest is {nearest}")
    return parts


def to_decimal(parts: int, unit: Unit) -> Decimal:
    """Smallest parts as a decimal with max(digits, needed) places, whatever the caller's decimal context is."""
    return Decimal(to_text(parts, unit))


def to_text(parts: int, unit: Unit) -> str:
    """Smallest parts as people and JSON see them: `97.50`, never an exponent, never a bare dot."""
    if not unit.scale:
        return str(parts) + ("." + "0" * unit.digits if unit.digits else "")
    sign = "-" if parts < 0 else ""
    whole, rest = divmod(abs(parts), 10**unit.scale)
    places = str(rest).rjust(unit.scale, "0").rstrip("0").ljust(unit.digits, "0")
    return f"{sign}{whole}.{places}" if places else f"{sign}{whole}"


def divide_half_up(numerator: int, denominator: int) -> int:
    """The quotient rounded to the nearest whole number, halves away from zero (rule 26)."""
    quotient, rest = divmod(abs(numerator), abs(denominator))
    quotient += 2 * rest >= abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient


class Rounding(IntEnum):
    """Where a quantity goes that has too many digits."""

    HALF_UP = 0
    """To the nearest, halves away from zero."""
    HALF_EVEN = 1
    """To the nearest, halves to the even one."""
    CEILING = 2
    FLOOR = 3


def divide_rounded(numerator: int, denominator: int, rounding: Rounding) -> int:
    """The quotient as a whole number."""
    if rounding == Rounding.CEILING:
        return -(-numerator // denominator)
    if rounding == Rounding.FLOOR:
        return numerator // denominator
    if rounding == Rounding.HALF_EVEN:
        return round(Fraction(numerator, denominator))
    return divide_half_up(numerator, denominator)


def convert_quantity(
    quantity: Decimal,
    factor: Decimal,
    *,
    is_divided: bool = False,
    digits: int | None = None,
    rounding: Rounding = Rounding.HALF_UP,
) -> Decimal:
    """A quantity in another measure, exactly: times the factor, or divided by it; at `digits` places, rounded once.

    Raises `AmountInvalid` for what is not finite, a factor of zero, and, where no digits are named, a result without an
    end (1 divided by 3).
    """
    for what, value in (("quantity", quantity), ("factor", factor)):
        if not value.is_finite():
            raise AmountInvalid(what=what, given=str(value), problem="is not a number", advice="write a finite one")
    if is_divided and not factor:
        raise AmountInvalid(what="factor", given="0", problem="divides nothing", advice="write one above zero")
    ratio = Fraction(factor)
    exact = Fraction(quantity) * (Fraction(ratio.denominator, ratio.numerator) if is_divided else ratio)
    if digits is None:
        digits = count_digits(exact.denominator)
    scaled = exact * 10**digits
    parts = divide_rounded(scaled.numerator, scaled.denominator, rounding)
    return to_decimal(parts, Unit(0, "", digits, 0))


def count_digits(denominator: int) -> int:
    """How many places a fraction in lowest terms needs."""
    rest, counts = denominator, []
    for prime in (2, 5):
        count = 0
        while rest % prime == 0:
            rest, count = rest // prime, count + 1
        counts.append(count)
    if rest != 1:
        problem, advice = f"divided by {denominator} has no end", "name the digits to round to"
        raise AmountInvalid(what="quantity", given="a whole", problem=problem, advice=advice)
    return max(counts)


def round_amount(value: Decimal, digits: int) -> Decimal:
    """A computed amount at `digits` places, rounded once, halves away from zero (rule 26)."""
    exact = Fraction(value) * 10**digits
    parts = divide_half_up(exact.numerator, exact.denominator)
    return to_decimal(parts, Unit(0, "", digits, digits))


def allocate(total: int, portions: Sequence[Fraction | None]) -> list[int]:
    """Split a whole among many: floors first, then one smallest part each from the first (rule 26).

    `None` takes what the others leave; more than one, or portions that do not make a whole, raise `AmountInvalid`.
    """
    named = sum((portion for portion in portions if portion is not None), Fraction(0))
    rest = 1 - named
    if rest < 0 or portions.count(None) > 1 or (rest and None not in portions):
        problem = "do not add up to a whole"
        raise AmountInvalid(
            what="portions", given=str([str(p) for p in portions]), problem=problem, advice="name one as the rest"
        )
    shares = [rest if portion is None else portion for portion in portions]
    parts = [total * share.numerator // share.denominator for share in shares]
    for place in range(total - sum(parts)):
        parts[place % len(parts)] += 1
    return parts
