"""Tokens by kind. Counts are inclusive: input contains what was read from and written to the cache, output contains
reasoning (rule 23), so each kind is charged for what its parts leave.
"""

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from farthing.tariff.errors import QuantityInvalid
from farthing.tariff.forms import Line, multiply, name_unpriced
from farthing.tariff.prices import KINDS, Rate, Tokens, Use
from farthing.tariff.wording import bend_noun, show_count, show_fraction

WHOLES: Final = MappingProxyType(
    {
        "cache_read": "input",
        "cache_write": "input",
        "cache_write_1h": "cache_write",
        "audio_in": "input",
        "reasoning": "output",
        "citation": "output",
        "image_out": "output",
        "audio_out": "output",
        "video_out": "output",
    }
)
"""Which kind contains which."""

Counts = Mapping[str, Fraction]


def price_tokens(price: Tokens, use: Use) -> list[Line]:
    """Each kind of token by its own rate, and so much for each item."""
    counts = read_counts(use.tokens)
    items = price.default_items if use.items is None else use.items
    if items < 0:
        raise QuantityInvalid(what="items", given=str(items), problem="is negative", advice="write 0 or more")
    if price.rates and not counts and not (price.per_item and items):
        raise name_unpriced("an unknown number of tokens", "say how many went in and came out (usage=)")
    if price.per_item and not counts and not items and use.items is None:
        raise name_unpriced("an unknown number of items", "say how many there were (usage=Usage(items=…))")
    lines = [price_kind(price, kind, count, counts) for kind, count in subtract_parts(counts).items() if count]
    if items and price.per_item:
        noun = bend_noun("items", items)
        lines.append(multiply(f"{items} {noun} at {show_fraction(price.per_item)}", items, price.per_item))
    return lines or [multiply("no tokens", 0, Fraction(0))]


def price_kind(price: Tokens, kind: str, count: Fraction, counts: Counts) -> Line:
    """The tokens of one kind that belong to none of its parts."""
    rate = find_rate(price, kind)
    if rate is None:
        advice = f"give the price a rate for {kind} (an explicit 0 is free)"
        raise name_unpriced(f"{show_fraction(count)} tokens of {kind}", advice)
    each = pick_rate(rate, counts.get("input", Fraction(0)))
    per = "each" if price.per == 1 else f"per {show_fraction(price.per)}"
    text = f"{show_count(count, 'tokens')} of {kind} at {show_fraction(each)} {per}"
    return Line(text, count, each / price.per, count * each / price.per)


def find_rate(price: Tokens, kind: str) -> Rate | None:
    """Its own rate, or that of the kind that contains it; None if nothing is said."""
    rate = price.rates.get(kind)
    return find_rate(price, WHOLES[kind]) if rate is None and kind in WHOLES else rate


def pick_rate(rate: Rate, tokens_in: Fraction) -> Fraction:
    """The rate of the highest threshold that the input is strictly above, for all tokens of the kind."""
    crossed = [each for each in rate.above if tokens_in > each[0]]
    return max(crossed)[1] if crossed else rate.base


def read_counts(tokens: Mapping[str, int | Fraction]) -> Counts:
    """Counts by kind, none negative, none of a kind that nobody knows, no part larger than its whole."""
    counts = {kind: Fraction(count) for kind, count in tokens.items()}
    for kind, count in counts.items():
        what = f"usage.{kind}"
        if kind not in KINDS:
            advice = f"write one of {', '.join(KINDS)}"
            raise QuantityInvalid(what="usage", given=kind, problem="is no kind of token", advice=advice)
        if count < 0:
            given = show_fraction(count)
            raise QuantityInvalid(what=what, given=given, problem="is negative", advice="write 0 or more")
    for whole in ("input", "cache_write", "output"):
        parts = [kind for kind in counts if WHOLES.get(kind) == whole]
        inside = sum((counts[kind] for kind in parts), Fraction(0))
        if inside > counts.get(whole, 0):
            contained = f"is more than the {whole}, which contains it ({show_fraction(counts.get(whole, 0))})"
            given, advice = show_fraction(inside), f"count it into {whole} too"
            raise QuantityInvalid(what=f"usage.{' and '.join(parts)}", given=given, problem=contained, advice=advice)
    return counts


def subtract_parts(counts: Counts) -> Counts:
    """What of each kind belongs to none of its parts: together they are all tokens, each once."""
    rest = dict(counts)
    for kind, count in counts.items():
        if kind in WHOLES:
            rest[WHOLES[kind]] -= count
    return {kind: rest[kind] for kind in KINDS if kind in rest}
