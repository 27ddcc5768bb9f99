"""Prices per token: credits as decimals, reckoned exactly in whole numbers; what a row holds and what it costs."""

from decimal import Decimal
from typing import Final

from farthing.cli.trace import TOKENS_IN, TOKENS_OUT, Row
from farthing.store.faults import TraceInvalid
from farthing.values.amounts import WRITTEN, Unit, to_text
from farthing.values.bounds import LARGEST_AMOUNT
from farthing.values.errors import AmountInvalid

LONGEST_PRICE: Final = 30


class Prices:
    """What a row costs, reckoned in whole numbers: prices and amounts in parts so small that both are exact."""

    def __init__(self, price_in: str, price_out: str, unit: Unit, max_out: int) -> None:
        self.price_in, self.price_out = read_price(price_in, "--price-in"), read_price(price_out, "--price-out")
        self.written = (price_in, price_out)
        self.unit = unit
        self.max_out = max_out
        places = max(-int(price.as_tuple().exponent) for price in (self.price_in, self.price_out))
        self.places = places = max(places, unit.scale)
        self.parts_in, self.parts_out = [int(price.scaleb(places)) for price in (self.price_in, self.price_out)]
        self.step = int(10 ** (places - unit.scale))
        """How many of the parts reckoned in make one part of the unit."""

    def reckon_hold(self, row: Row) -> int:
        """What is set aside for a row, in parts of the unit."""
        tokens_out = max(self.max_out, row.tokens_out)
        return (row.tokens_in * self.parts_in + tokens_out * self.parts_out) // self.step

    def reckon_cost(self, row: Row) -> int:
        """What a row really costs, in parts of the unit."""
        return (row.tokens_in * self.parts_in + row.tokens_out * self.parts_out) // self.step

    def check_row(self, row: Row, file: str) -> None:
        """Raise `AmountInvalid` if the unit cannot keep a row's price exactly, `TraceInvalid` if it is too large."""
        for tokens_out in {row.tokens_out, max(self.max_out, row.tokens_out)}:
            cost_in, cost_out = row.tokens_in * self.parts_in, tokens_out * self.parts_out
            if (cost_in + cost_out) % self.step:
                raise self.refuse_places(row, cost_in + cost_out)
            if (cost_in + cost_out) // self.step > LARGEST_AMOUNT:
                column, tokens = (TOKENS_IN, row.tokens_in) if cost_in > cost_out else (TOKENS_OUT, tokens_out)
                problem = f"tokens cost more than the largest amount, {to_text(LARGEST_AMOUNT, self.unit)}"
                raise TraceInvalid(
                    file=file, row=row.number, line=row.line, column=column, given=str(tokens), problem=problem
                )

    def refuse_places(self, row: Row, parts: int) -> AmountInvalid:
        """The error for a row whose price has more decimal places than the unit keeps."""
        cost = to_text(parts, Unit(0, "", self.places, 0))
        scale = self.unit.scale
        problem = (
            f"make row {row.number} (line {row.line}) cost {cost}, and {self.unit.name} keep {scale} decimal places"
        )
        advice = f"write prices with at most {scale} places, or choose a unit that keeps more"
        return AmountInvalid(what="prices", given=" and ".join(self.written), problem=problem, advice=advice)


def read_price(text: str, what: str) -> Decimal:
    """Credits per token. Raises `AmountInvalid`."""
    if len(text) > LONGEST_PRICE or not WRITTEN.match(text) or text.startswith("-"):
        advice = "write credits per token as a decimal, such as 0.0025"
        raise AmountInvalid(what=what, given=repr(text)[:60], problem="is not a price", advice=advice)
    return Decimal(text)
