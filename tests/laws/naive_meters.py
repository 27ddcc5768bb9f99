"""The naive model's prices with a memory (rules 24 and 25): what came before is counted anew each time."""

from __future__ import annotations

from typing import Any

from .naive_books import Record
from .naive_decisions import NaiveDecisions
from .naive_periods import Recurrence, boundary, calendar_start, find_number
from .naive_rows import Row


def count_price(price: tuple[Any, ...], quantity: int) -> int:
    """What so many come to from the first on. Prices: ("graduated", ((last of the step or None, each), ...)),
    ("package", how many are in one, what one costs), ("carry", so much, for so many)."""
    form, *terms = price
    if form == "graduated":
        return sum(
            int(next(each for last, each in terms[0] if last is None or n <= last)) for n in range(1, quantity + 1)
        )
    if form == "package":
        return sum(int(terms[1]) for n in range(1, quantity + 1) if (n - 1) % terms[0] == 0)
    return int(quantity * terms[0] // terms[1])


def count_memory(row: Record) -> int:
    """What is to be remembered: how many there were, or the part of a whole that nobody has paid yet."""
    form, *terms = row["price"]
    return int(row["quantity"] * terms[0] % terms[1] if form == "carry" else row["quantity"])


class NaiveMeters(NaiveDecisions):
    def _reckon(self, unit: str, meters: Record | None, amount: int, t: int, *, is_kept: bool = True) -> int:
        """`meters`: unit -> name, quantity, price, every, number, anchor, zone. A hold only asks."""
        meter = (meters or {}).get(unit)
        if meter is None:
            return amount
        row = self.meters.get((unit, meter["name"]))
        if row is None or (row["ends"] is not None and row["ends"] <= t):
            starts, ends = self._find_span(meter, t)
            row = Row(starts=starts, ends=ends, quantity=0)
        before = row["quantity"]
        cost = count_price(meter["price"], before + meter["quantity"]) - count_price(meter["price"], before)
        if is_kept:
            row.update(quantity=before + meter["quantity"], price=meter["price"])
            self.meters[unit, meter["name"]] = row
        return cost

    def _find_span(self, meter: Record, t: int) -> tuple[int, int | None]:
        if meter["every"] is None:
            return 0, None
        zone, anchor = meter["zone"] or self.account["zone"], meter["anchor"]
        anchor = calendar_start(meter["every"], zone) if anchor is None else anchor
        recurrence = Recurrence(meter["every"], meter["number"], anchor, zone)
        n = find_number(recurrence, t)
        return boundary(recurrence, n), boundary(recurrence, n + 1)
