"""What each form of price makes of a use: lines of working, exact, not rounded yet. `pricing.py` adds and rounds them.

A form is a function from a price and a use to its lines. Those of tokens are in `tokens.py`.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, floor
from typing import Final, NamedTuple

from farthing.tariff.errors import QuantityInvalid, UnknownPrice
from farthing.tariff.prices import (
    CostPlus,
    PerBlock,
    Percent,
    PerQuantity,
    PerRequest,
    Steps,
    Tier,
    Tiered,
    TokensPerCredit,
    Use,
)
from farthing.tariff.wording import show_count, show_fraction

NAMELESS: Final = "this feature"


class Line(NamedTuple):
    """One line of working; lines add up to the amount. All of it in whole units of what is charged."""

    text: str
    quantity: Fraction
    rate: Fraction
    subtotal: Fraction


def multiply(text: str, quantity: Fraction | int, rate: Fraction) -> Line:
    """A line that is a quantity times a rate."""
    return Line(text, Fraction(quantity), rate, quantity * rate)


def read_measured(use: Use) -> Fraction:
    """The quantity, which is never negative (rule 26)."""
    if use.quantity < 0:
        given = show_fraction(use.quantity)
        raise QuantityInvalid(what="quantity", given=given, problem="is negative", advice="write 0 or more")
    return use.quantity


def name_unpriced(what: str, advice: str) -> UnknownPrice:
    """What has no price. A form does not know whose price it is; `quotes.py` puts the name in."""
    return UnknownPrice(what=what, feature=NAMELESS, advice=advice)


def refuse_above(use: Use, last: Fraction) -> UnknownPrice:
    """Nothing is said of what lies above the last step or tier."""
    advice = f"its prices end at {show_count(last, use.measure)}; ask for less, or add an open step to the catalog"
    return name_unpriced(show_count(use.quantity, use.measure), advice)


def price_request(price: PerRequest, use: Use) -> list[Line]:
    """The same for each, however much it is."""
    return [multiply("a request", 1, price.amount)]


def price_quantity(price: PerQuantity, use: Use) -> list[Line]:
    """In proportion."""
    quantity = read_measured(use)
    per = "each" if price.size == 1 else f"per {show_count(price.size, use.measure)}"
    text = f"{show_count(quantity, use.measure)} at {show_fraction(price.amount)} {per}"
    return [multiply(text, quantity / price.size, price.amount)]


def price_blocks(price: PerBlock, use: Use) -> list[Line]:
    """By blocks, of which the last counts as a whole (or not at all)."""
    quantity = read_measured(use)
    free = min(quantity, price.free)
    lines = [multiply(f"{show_count(free, use.measure)} free", free, Fraction(0))] if free else []
    blocks = (ceil if price.block_rounding == "up" else floor)((quantity - free) / price.size)
    kind = "started" if price.block_rounding == "up" else "full"
    noun = "block" if blocks == 1 else "blocks"
    text = f"{blocks} {kind} {noun} of {show_count(price.size, use.measure)} at {show_fraction(price.amount)}"
    return [*lines, multiply(text, blocks, price.amount)]


def price_steps(price: Steps, use: Use) -> list[Line]:
    """By the first step that is large enough."""
    quantity = read_measured(use)
    for step in price.steps:
        if step.up_to is None:
            return [multiply(f"{show_count(quantity, use.measure)}: the last step", 1, step.amount)]
        if quantity <= step.up_to:
            text = f"{show_count(quantity, use.measure)}: up to {show_count(step.up_to, use.measure)}"
            return [multiply(text, 1, step.amount)]
    raise refuse_above(use, max(step.up_to or Fraction(0) for step in price.steps))


def price_tiers(price: Tiered, use: Use) -> list[Line]:
    """Each part of the quantity by its own tier, or all of it by the tier that it reaches; upper bounds inclusive."""
    quantity = read_measured(use)
    if price.size:
        quantity = ceil(quantity / price.size) * price.size
    if not quantity and not price.flat_at_zero:
        return [multiply(show_count(quantity, use.measure), 0, Fraction(0))]
    lines: list[Line] = []
    last = Fraction(0)
    for start, end, tier in iter_bounds(price.tiers):
        is_reached = end is None or quantity <= end
        if price.mode == "graduated":
            lines += price_tier(tier, (quantity if end is None else min(quantity, end)) - start, price.size, use)
        elif is_reached:
            lines = price_tier(tier, quantity, price.size, use)
        if is_reached:
            return lines
        last = end or last
    raise refuse_above(use, last)


def iter_bounds(tiers: tuple[Tier, ...]) -> Iterator[tuple[Fraction, Fraction | None, Tier]]:
    """Each tier with where it starts (exclusive) and ends (inclusive; None is open)."""
    start = Fraction(0)
    for tier in tiers:
        end = tier.up_to
        if end is None and tier.blocks is not None:
            end = start + tier.blocks * (tier.size or 1)
        yield start, end, tier
        if end is not None:
            start = end


def price_tier(tier: Tier, part: Fraction, size: Fraction | None, use: Use) -> list[Line]:
    """A part of the quantity in one tier: its flat fee, its percentage, its units or blocks."""
    counted = Fraction(ceil(part / tier.size)) if tier.size else part / (size or 1)
    amount, lines = show_count(part, use.measure), []
    if tier.flat:
        lines.append(multiply("a flat fee", 1, tier.flat))
    if tier.percent:
        lines.append(multiply(f"{show_fraction(tier.percent)} % of {amount}", part, tier.percent / 100))
    if tier.unit:
        sized = tier.size or size
        per = f" per {show_count(sized, use.measure)}" if sized else ""
        lines.append(multiply(f"{amount} at {show_fraction(tier.unit)}{per}", counted, tier.unit))
    return lines or [multiply(f"{amount} free", part, Fraction(0))]


def price_share(price: Percent, use: Use) -> list[Line]:
    """A percentage of each event. Free is what comes first, until the free events or the free units are used up,
    whichever is sooner; an event that is wholly free costs nothing, not even the fixed fee."""
    events = (read_measured(use),) if use.events is None else use.events
    units, lines = price.free_units, []
    for place, event in enumerate(events):
        if event < 0:
            given = show_fraction(event)
            raise QuantityInvalid(what="event", given=given, problem="is negative", advice="write 0 or more")
        is_early = place < price.free_events if price.free_events else units > 0
        free = min(event, units) if price.free_units else event
        free = free if is_early else Fraction(0)
        units -= free if price.free_units else 0
        lines.append(price_event(price, event, free, is_free=is_early and free == event))
    whole = sum(events, Fraction(0))
    return [*lines, multiply(show_fraction(whole), whole, Fraction(1))] if price.adds else lines


def price_event(price: Percent, event: Fraction, free: Fraction, *, is_free: bool) -> Line:
    """What one event costs, of which a part is free."""
    if is_free:
        return multiply(f"{show_fraction(event)} free", event, Fraction(0))
    exact = (event - free) * price.rate / 100 + price.fixed
    bounded = exact if price.least is None else max(exact, price.least)
    bounded = bounded if price.most is None else min(bounded, price.most)
    text = f"{show_fraction(price.rate)} % of {show_fraction(event - free)}"
    text += f" and {show_fraction(price.fixed)}" if price.fixed else ""
    text += ", at least the minimum" if bounded > exact else ", at most the maximum" if bounded < exact else ""
    return Line(text, event - free, price.rate / 100, bounded)


def price_tokens_together(price: TokensPerCredit, use: Use) -> list[Line]:
    """Tokens in and out count alike; their parts are contained in them."""
    if not use.tokens:
        raise name_unpriced("an unknown number of tokens", "say how many went in and came out (usage=)")
    tokens = Fraction(use.tokens.get("input", 0)) + Fraction(use.tokens.get("output", 0))
    text = f"{show_count(tokens, 'tokens')}, {price.tokens:,} for one"
    return [multiply(text, tokens, Fraction(1, price.tokens))]


def price_cost(price: CostPlus, use: Use) -> list[Line]:
    """What the provider takes, with a markup, in credits."""
    if use.cost is None:
        advice = "say what it cost (provider_cost=), or give the model a price in the catalog"
        raise name_unpriced("an unknown provider's cost", advice)
    if use.cost < 0:
        given = show_fraction(use.cost)
        raise QuantityInvalid(what="provider_cost", given=given, problem="is negative", advice="write 0 or more")
    text = f"the provider's {show_fraction(use.cost)} × {show_fraction(price.factor)}"
    text += "" if price.credits_per == 1 else f" × {show_fraction(price.credits_per)}"
    return [multiply(text, use.cost, price.factor * price.credits_per)]
