"""The cases' operations on numbers alone: shares of a whole, rounding, conversions. A step in, the answer out."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import farthing
from farthing.values.amounts import Rounding, convert_quantity

Step = dict[str, Any]
ROUNDINGS: dict[str, Rounding] = {rounding.name.lower(): rounding for rounding in Rounding}


def share_out(step: Step) -> list[int]:
    """`allocate`."""
    return farthing.allocate(int(step["total"]), [read_portion(text) for text in step["portions"]])


def round_value(step: Step) -> Decimal:
    """`round`."""
    value, digits, rounding = Decimal(step["value"]), int(step["digits"]), read_rounding(step)
    if rounding == Rounding.HALF_UP:
        return farthing.round_amount(value, digits)
    return convert_quantity(value, Decimal(1), digits=digits, rounding=rounding)


def convert(step: Step) -> Decimal:
    """`convert`: by multiplying, unless the case says by dividing."""
    quantity, factor, by = Decimal(step["quantity"]), Decimal(step["factor"]), step["by"]
    if by not in ("multiply", "divide"):
        raise ValueError(f"no such conversion: {by}")
    digits = None if step.get("digits") is None else int(step["digits"])
    return convert_quantity(quantity, factor, is_divided=by == "divide", digits=digits, rounding=read_rounding(step))


def read_rounding(step: Step) -> Rounding:
    """Half up unless the case says otherwise."""
    name = step.get("round") or "half_up"
    if name not in ROUNDINGS:
        raise ValueError(f"no such rounding: {name}")
    return ROUNDINGS[name]


def read_portion(text: str) -> Fraction | None:
    """15%, 1/3, or the rest."""
    if text == "rest":
        return None
    return Fraction(text[:-1]) / 100 if text.endswith("%") else Fraction(text)


OPERATIONS: dict[str, Callable[[Step], Any]] = {"allocate": share_out, "round": round_value, "convert": convert}
