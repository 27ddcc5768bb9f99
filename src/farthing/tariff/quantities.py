"""Quantities as people say them ("8s", "2 min", "300 characters", 300), exactly, in the measure of a feature."""

import re
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from farthing.tariff.catalog import Feature
from farthing.tariff.errors import QuantityInvalid
from farthing.tariff.prices import PerBlock, Percent, PerQuantity, Price, Steps, Tiered
from farthing.tariff.pricing import MILLIONTHS
from farthing.values.bounds import LARGEST_AMOUNT
from farthing.values.errors import AmountIsFloat, show_given

SAID: Final = re.compile(r"(-?[0-9]{1,30}(?:\.[0-9]{1,30})?)\s*([^\W\d][\w -]*)?", re.ASCII)

LONGEST: Final = 200
"""Bits of what a fraction is divided by: more than anybody measures, and few enough to be shown."""

SECONDS: Final = MappingProxyType(
    {
        name: seconds
        for names, seconds in (
            ("s sec secs second seconds", Fraction(1)),
            ("ms millisecond milliseconds", Fraction(1, 1000)),
            ("min mins minute minutes", Fraction(60)),
            ("h hr hrs hour hours", Fraction(3600)),
        )
        for name in names.split()
    }
)
"""How many seconds a word is. A feature whose measure is one of them understands them all."""

MEASURED: Final = (PerQuantity, PerBlock, Steps, Tiered, Percent)
"""The forms that go by the quantity."""


def read_quantity(feature: Feature, said: object) -> Fraction:
    """A quantity in the feature's measure; None is one request.

    A number alone is in that measure already; a word behind it is the measure, a length of time where that is one, or
    what the feature `converts`. A `timedelta` is a length of time. Raises `AmountIsFloat` for a float, and
    `QuantityInvalid`, saying what is known, for all else that is no quantity and for None where the price goes by it.
    """
    if said is None:
        if feature.measure and is_measured(feature):
            problem = "is not said, and the price goes by it"
            raise QuantityInvalid(what="quantity", given="", problem=problem, advice=advise(feature))
        return Fraction(1)
    if isinstance(said, float):
        raise AmountIsFloat(what="quantity", given=repr(said), advice=f'write it as a string ("{said!r}") or a Decimal')
    number, word = split_said(feature, said)
    factor = Fraction(1) if not word else list_factors(feature).get(fold_word(word))
    if factor is None:
        where = f"of {feature.name}" if feature.name else "here"
        problem = f"is in {word[:40]}, which nobody knows {where}"
        raise QuantityInvalid(what="quantity", given=show_given(said), problem=problem, advice=advise(feature))
    quantity = number * factor
    if quantity < 0:
        raise QuantityInvalid(what="quantity", given=show_given(said), problem="is negative", advice="write 0 or more")
    if quantity * MILLIONTHS > LARGEST_AMOUNT:
        advice = f"the largest is {LARGEST_AMOUNT // MILLIONTHS:,}"
        raise QuantityInvalid(what="quantity", given=show_given(said), problem="is too large", advice=advice)
    return quantity


def split_said(feature: Feature, said: object) -> tuple[Fraction, str]:
    """The number and the word behind it, if there is one."""
    if isinstance(said, timedelta):
        return Fraction(said // timedelta(microseconds=1), 1_000_000), "seconds"
    if type(said) is int or (isinstance(said, Fraction) and said.denominator.bit_length() <= LONGEST):
        return Fraction(said), ""
    if isinstance(said, Decimal) and said.is_finite() and abs(said.adjusted()) <= 60 and len(said.as_tuple()[1]) <= 60:
        return Fraction(said), ""
    if isinstance(said, str):
        found = SAID.fullmatch(said.strip())
        if found:
            return Fraction(found[1]), (found[2] or "").strip()
    raise QuantityInvalid(what="quantity", given=show_given(said), problem="is not a quantity", advice=advise(feature))


def fold_word(word: str) -> str:
    """Case does not matter, and `free_images` are free images."""
    return word.casefold().replace("_", " ")


def list_factors(feature: Feature) -> dict[str, Fraction]:
    """How much of the measure each word is; singular and plural are the same."""
    factors: dict[str, Fraction] = {}
    for name, ratio in {feature.measure: Fraction(1), **feature.converts}.items():
        if name:
            singular = fold_word(name).removesuffix("s")
            for word in (fold_word(name), singular, singular + "s"):
                factors.setdefault(word, ratio)
        if name in SECONDS:
            for word, seconds in SECONDS.items():
                factors.setdefault(word, ratio * seconds / SECONDS[name])
    return factors


def advise(feature: Feature) -> str:
    """What would be understood."""
    if not feature.measure:
        return "write a whole number, or leave it out: each request is one"
    known = [feature.measure, *feature.converts]
    known += ["ms", "s", "min", "h"] if any(name in SECONDS for name in known) else []
    others = [name.replace("_", " ") for name in dict.fromkeys(known[1:])]
    more = f", or with a word behind it: {', '.join(others)}" if others else ""
    return f'write a number of {known[0]} (8 or "8 {known[0]}"){more}'


def is_measured(feature: Feature) -> bool:
    """Whether any of its prices goes by the quantity."""
    return any(isinstance(price, MEASURED) for price in list_prices(feature))


def list_prices(feature: Feature) -> list[Price]:
    """All its prices, those of its models too."""
    return [*feature.prices, *(price for model in feature.models for price in model.prices)]
