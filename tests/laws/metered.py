"""Prices with a memory for the walks, drawn by dice: the model's words for one, and the price itself for the core."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

from farthing.values.periods import Cadence
from farthing.values.requests import Meter, Metering, Priced

from .prices import Carry, Graduated, Package
from .real import UNITS
from .walk import number, pick

CADENCES = (None, None, "hour", "day", "week", "month", "quarter", "year")
PRICES = {
    "p": (("graduated", ((10, 3), (25, 1), (None, 2))), ("graduated", ((5, 0), (None, 1)))),
    "q": (("package", 10, 7), ("package", 4, 1)),
    "r": (("carry", 1, 3),),
    "s": (("carry", 5, 7),),
}
"""By the name under which each remembers. A price may become another of its form, as a catalog changes; what is carried
is so many parts of a whole, so there the whole stays."""


FORMS: dict[str, Any] = {"graduated": Graduated, "package": Package, "carry": Carry}


def draw_meters(dice: Random, units: Iterable[str], now: int) -> dict[str, dict[str, Any]] | None:
    """For some of the units of a request, now and then."""
    if dice.random() < 0.75:
        return None
    meters = {}
    for unit in units:
        name, every = pick(dice, tuple(PRICES)), pick(dice, CADENCES)
        anchor = None if dice.random() < 0.7 else now - int(dice.random() * 400) * 86_400_000_000
        meters[unit] = {
            "name": name, "price": pick(dice, PRICES[name]), "quantity": pick(dice, (0, 1, 1, 2, 5, 12, 30)),
            "every": every, "number": pick(dice, (1, 1, 2)), "anchor": anchor if every else None,
            "zone": pick(dice, (None, None, "Europe/Berlin")),
        }  # fmt: skip
    return meters


def make_priced(meters: dict[str, dict[str, Any]] | None) -> Priced | None:
    """The core's words; what the caller said are the quantities."""
    if meters is None:
        return None
    made = tuple([(UNITS[unit].unit_id, make_meter(meter)) for unit, meter in meters.items()])
    return Priced(say(meters), made)


def say(meters: dict[str, dict[str, Any]]) -> tuple[object, ...]:
    return tuple([(meter["name"], meter["quantity"]) for meter in meters.values()])


def make_meter(meter: dict[str, Any]) -> Meter:
    form, *terms = meter["price"]
    price: Metering = FORMS[form](*terms)
    every = Cadence[meter["every"].upper()] if meter["every"] else 0
    anchor, zone = meter["anchor"] or 0, meter["zone"] or ""
    return Meter(number(meter["name"]), every, meter["number"], anchor, zone, meter["quantity"], price)
