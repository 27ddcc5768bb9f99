"""The cases' `prorate`: what a part of a period costs. A step in, the amount out."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from farthing.engine.zones import find_zone
from farthing.tariff.proration import MONTH_DAYS, prorate
from farthing.values.amounts import Unit, to_decimal
from tests.peers.calendar import read_instant

Step = dict[str, Any]


def prorate_terms(step: Step) -> Decimal:
    """`prorate`: by the second unless the terms say otherwise."""
    terms = step["terms"]
    digits, until = int(terms.get("digits") or 0), terms.get("until")
    share = prorate(
        Fraction(terms["amount"]),
        start=read_instant(terms["start"]),
        end=read_instant(terms["end"]),
        at=read_instant(terms["at"]),
        until=None if until is None else read_instant(until),
        basis=terms.get("basis", "second"),
        digits=digits,
        times=Fraction(terms.get("times", 1)),
        days_in_month=int(terms.get("days_in_month", MONTH_DAYS)),
        zone=terms.get("tz", step.get("tz", "UTC")),
        zones=find_zone,
    )
    return to_decimal(int(share * 10**digits), Unit(0, "", digits, digits))


OPERATIONS: dict[str, Callable[[Step], Any]] = {"prorate": prorate_terms}
