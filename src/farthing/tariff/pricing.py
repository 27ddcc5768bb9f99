"""What a use costs: exact fractions, line by line, rounded once at the end (rules 23 to 26). Pure.

To add a form of price: its class in `prices.py`, its lines in `forms.py`, a row in `FORMS`, its sentence in
`describing.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor
from types import MappingProxyType
from typing import Any, Final

from farthing.tariff import forms, prices
from farthing.tariff.forms import Line, multiply
from farthing.tariff.prices import Price, Tiered, Use
from farthing.tariff.tokens import price_tokens
from farthing.tariff.wording import show_count, show_fraction
from farthing.values.amounts import Rounding, Unit, divide_rounded, to_decimal
from farthing.values.bounds import LARGEST_AMOUNT
from farthing.values.errors import AmountTooLarge, TermInvalid

FORMS: Final[Mapping[type[Price], Callable[[Any, Use], list[Line]]]] = MappingProxyType(
    {
        prices.PerRequest: forms.price_request,
        prices.PerQuantity: forms.price_quantity,
        prices.PerBlock: forms.price_blocks,
        prices.Steps: forms.price_steps,
        prices.Tiered: forms.price_tiers,
        prices.Percent: forms.price_share,
        prices.Tokens: price_tokens,
        prices.TokensPerCredit: forms.price_tokens_together,
        prices.CostPlus: forms.price_cost,
    }
)

MILLIONTHS: Final = 1_000_000
"""Of a measure: in these whole numbers a counter keeps what came before in a period."""

ROUNDINGS: Final = MappingProxyType(
    {
        Rounding.HALF_UP: "half up",
        Rounding.HALF_EVEN: "half to even",
        Rounding.CEILING: "up",
        Rounding.FLOOR: "down",
    }
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one price makes of a use."""

    parts: int
    """Smallest parts, rounded: what is charged."""
    exact: Fraction
    """Whole units before rounding; minimum and maximum count."""
    lines: tuple[Line, ...]
    """The working. Its subtotals add up to the amount; the last may be what rounding adds or takes."""


def reckon(price: Price, use: Use, unit: Unit, *, before: Fraction | int = 0, billed: int | None = None) -> Cost:
    """What a use costs in `unit`.

    `before` is what was used before it in the same period: then it costs what both cost together, less what came before
    costs alone, each rounded, so that the parts add up to the whole (rule 24); a price that is over a period charges
    nothing for nothing. `billed` is what was charged for what came before, in smallest parts, where that is known to be
    another sum.

    Raises `UnknownPrice` where nothing is said of what it costs, `QuantityInvalid` for counts that cannot be,
    `AmountTooLarge`.
    """
    if billed is not None:
        whole = total_up(price, replace(use, quantity=before + use.quantity), unit)
        taken = min(billed, whole.parts)
        return subtract(whole, Cost(taken, Fraction(taken, unit.per_whole), ()), "less what was charged already", unit)
    if not before and getattr(price, "over", "request") == "request":
        return total_up(price, use, unit)
    if isinstance(price, Tiered) and price.mode == "volume":
        advice = "use graduated tiers, or volume over a request"
        raise TermInvalid(what="price", given="volume", problem="would be negative over a period", advice=advice)
    if not use.quantity:
        return Cost(0, Fraction(0), (multiply(show_count(0, use.measure), 0, Fraction(0)),))
    whole = total_up(price, replace(use, quantity=before + use.quantity), unit)
    if not before:
        return whole
    sooner = total_up(price, replace(use, quantity=Fraction(before)), unit)
    return subtract(whole, sooner, f"less the first {show_count(before, use.measure)} of the period", unit)


def total_up(price: Price, use: Use, unit: Unit) -> Cost:
    """The lines of a form, added up, kept between minimum and maximum, and rounded."""
    lines = FORMS[type(price)](price, use)
    exact = sum((line.subtotal for line in lines), Fraction(0))
    if price.minimum is not None and exact < price.minimum:
        lines.append(multiply(f"to at least {show_fraction(price.minimum)}", 1, price.minimum - exact))
        exact = price.minimum
    if price.maximum is not None and exact > price.maximum:
        lines.append(multiply(f"to at most {show_fraction(price.maximum)}", 1, price.maximum - exact))
        exact = price.maximum
    parts, places = round_price(price, exact, unit)
    lost = Fraction(parts, unit.per_whole) - exact
    if lost:
        noun = "place" if places == 1 else "places"
        how = f"rounded {ROUNDINGS[price.rounding]} to {places} {noun}"
        lines.append(multiply(how, 1, lost))
    return Cost(parts, exact, tuple(lines))


def round_price(price: Price, exact: Fraction, unit: Unit) -> tuple[int, int]:
    """Smallest parts of an exact price, and to how many places it was rounded. Above zero never becomes zero: at least
    one smallest part (rule 25). Rounding does not pass a minimum or maximum.
    """
    places = find_places(price, unit)
    scaled = exact * 10**places
    parts = divide_rounded(scaled.numerator, scaled.denominator, price.rounding) * 10 ** (unit.scale - places)
    if price.minimum is not None:
        parts = max(parts, ceil(price.minimum * unit.per_whole))
    if price.maximum is not None:
        parts = min(parts, floor(price.maximum * unit.per_whole))
    if exact > 0 and parts < 1:
        parts = 1
    if parts > LARGEST_AMOUNT:
        largest = to_decimal(LARGEST_AMOUNT, unit)
        raise AmountTooLarge(what="price", given=show_fraction(round(exact))[:60], largest=largest)
    return parts, places


def find_places(price: Price, unit: Unit) -> int:
    """To how many places a price is rounded: its own, or all that the unit stores."""
    return unit.scale if price.places is None else min(price.places, unit.scale)


def subtract(whole: Cost, sooner: Cost, text: str, unit: Unit) -> Cost:
    """What is left of a cost after another."""
    line = multiply(text, 1, Fraction(-sooner.parts, unit.per_whole))
    return Cost(whole.parts - sooner.parts, whole.exact - sooner.exact, (*whole.lines, line))


@dataclass(frozen=True, slots=True)
class PeriodPrice:
    """A price whose quantity is counted over a period: priced inside the decision, from a counter of millionths."""

    price: Price
    unit: Unit

    def advance(self, before: int, quantity: int) -> tuple[int, int]:
        """What `quantity` more costs after `before`, and what has come before from then on."""
        use = Use(quantity=Fraction(quantity, MILLIONTHS))
        return reckon(self.price, use, self.unit, before=Fraction(before, MILLIONTHS)).parts, before + quantity


@dataclass(frozen=True, slots=True)
class Remainder:
    """A price whose rounded-off rest is kept for the next charge (`carry = true`, rule 25): the quantity is an exact
    price, counted in parts of a smallest part; what is charged is rounded down to `places`."""

    unit: Unit
    places: int

    @property
    def finest(self) -> int:
        """How many make a smallest part: 10^12, fewer in a unit of so many places that a rest would not fit."""
        return int(10 ** min(12, 18 - self.unit.scale))

    def advance(self, before: int, quantity: int) -> tuple[int, int]:
        """What is charged now, and the rest that stays."""
        step = int(10 ** (self.unit.scale - self.places))
        charged, rest = divmod(before + quantity, self.finest * step)
        return charged * step, rest


def carry_price(price: Price, unit: Unit, cost: Cost) -> tuple[Remainder, int]:
    """The meter of a price whose rest is carried, and the quantity with which it is advanced. Less than the 10^12th
    of a smallest part is lost where decimals have no end."""
    meter = Remainder(unit, find_places(price, unit))
    return meter, floor(cost.exact * unit.per_whole * meter.finest)
