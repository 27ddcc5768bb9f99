"""What a model call used, as integrations report it: counts are inclusive (rule 23). The one place that checks them,
and that turns them into what a price reckons with.
"""

from dataclasses import dataclass, fields
from decimal import Decimal
from fractions import Fraction
from operator import attrgetter
from typing import Final

from farthing.tariff.prices import KINDS, Use
from farthing.tariff.tokens import WHOLES
from farthing.values.amounts import Unit, read_amount
from farthing.values.bounds import LARGEST_AMOUNT
from farthing.values.errors import AmountInvalid, AmountIsFloat, AmountTooLarge, TermInvalid, show_given


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call. `input` contains those read from and written to the cache and those of sound, `output` those
    of reasoning, citations, images, sound and video; `cache_write` contains `cache_write_1h`.

    A token is counted into one part only: `audio_in` is sound that did not come from the cache.
    """

    model: str | None = None
    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    cache_write_1h: int | None = None
    """Written to be kept for an hour, where that costs more than a few minutes."""
    audio_in: int | None = None
    audio_out: int | None = None
    image_out: int | None = None
    video_out: int | None = None
    citation: int | None = None
    items: int | None = None
    """What is not counted in tokens: images made, searches."""
    seconds: int | str | Decimal | None = None
    """Of sound or video; what a price of seconds goes by."""


PARTS: Final = {
    whole: tuple(part for part in KINDS if WHOLES.get(part) == whole) for whole in KINDS if whole in WHOLES.values()
}
"""What contains what. A token that is in two parts of a whole would be subtracted from it twice."""

KEPT: Final = ("input", "cache_read", "cache_write", "output", "reasoning")
"""The counts that an entry has columns for, in their order."""
UNKEPT: Final = tuple(field.name for field in fields(Usage) if field.name not in ("model", *KEPT))
get_unkept = attrgetter(*UNKEPT)
NOTHING_MORE: Final = (None,) * len(UNKEPT)
SECONDS: Final = Unit(0, "usage.seconds", 6, 0)


def read_tokens(usage: object) -> tuple[int | None, int | None, int | None, int | None, int | None]:
    """Tokens in the order in which an entry keeps them: in, cached read, cached write, out, reasoning.

    Raises `TermInvalid` for something that is no `Usage`, `AmountInvalid` for counts that are not whole numbers from
    zero, or for parts that together are larger than their whole.
    """
    if not isinstance(usage, Usage):
        raise TermInvalid(
            what="usage",
            given=show_given(usage),
            problem="is no usage",
            advice="write farthing.Usage(model=…, input=…)",
        )
    tokens = (
        read_count(usage.input, "usage.input"),
        read_count(usage.cache_read, "usage.cache_read"),
        read_count(usage.cache_write, "usage.cache_write"),
        read_count(usage.output, "usage.output"),
        read_count(usage.reasoning, "usage.reasoning"),
    )
    if get_unkept(usage) == NOTHING_MORE:
        cached = (tokens[1] or 0) + (tokens[2] or 0)
        refuse_larger_part("usage.cache_read and cache_write", cached, "input", tokens[0])
        refuse_larger_part("usage.reasoning", tokens[4] or 0, "output", tokens[3])
    else:
        read_count(usage.items, "usage.items")
        read_seconds(usage)
        refuse_larger_parts({kind: read_count(getattr(usage, kind), f"usage.{kind}") for kind in KINDS})
    return tokens


def read_use(usage: Usage, *, measure: str = "", quantity: Fraction | None = None, cost: Fraction | None = None) -> Use:
    """What a price reckons with: every count that was said, and as quantity what was said beside the usage; else, of a
    feature whose measure is seconds, the usage's own.

    Raises what `read_tokens` does, and `AmountInvalid` for a part whose whole was not said: a price would take that
    for none.
    """
    read_tokens(usage)
    tokens = {kind: count for kind in KINDS if (count := getattr(usage, kind)) is not None}
    for whole, parts in PARTS.items():
        lost = [part for part in parts if tokens.get(part) and whole not in tokens]
        if lost:
            problem, advice = f"is a part of the {whole}, which was not said", f"say usage.{whole} too"
            raise AmountInvalid(what=f"usage.{lost[0]}", given=str(tokens[lost[0]]), problem=problem, advice=advice)
    if quantity is None and measure == "seconds":
        quantity = read_seconds(usage)
    return Use(quantity=Fraction(1) if quantity is None else quantity, tokens=tokens, items=usage.items, cost=cost)


def read_seconds(usage: Usage) -> Fraction | None:
    """How long it was, exactly."""
    if usage.seconds is None:
        return None
    return Fraction(read_amount(usage.seconds, SECONDS, what=SECONDS.name), SECONDS.per_whole)


def read_count(value: object, what: str) -> int | None:
    """A whole number from zero, or None where nothing was said."""
    if value is None:
        return None
    if isinstance(value, float):
        raise AmountIsFloat(what=what, given=repr(value), advice="write a whole number")
    if type(value) is not int:
        raise AmountInvalid(
            what=what, given=show_given(value), problem="is not a whole number", advice="write one from 0"
        )
    if value < 0:
        raise AmountInvalid(what=what, given=show_given(value), problem="is negative", advice="write 0 or more")
    if value > LARGEST_AMOUNT:
        raise AmountTooLarge(what=what, given=show_given(value), largest=LARGEST_AMOUNT)
    return value


def refuse_larger_parts(counts: dict[str, int | None]) -> None:
    """The parts of each whole together are never larger than it."""
    for whole, parts in PARTS.items():
        said = [part for part in parts if counts[part]]
        total = sum(counts[part] or 0 for part in said)
        refuse_larger_part("usage." + " and ".join(said), total, whole, counts[whole])


def refuse_larger_part(what: str, part: int, whole_name: str, whole: int | None) -> None:
    """A part of a count is never larger than the whole; what is not said is not compared."""
    if whole is not None and part > whole:
        problem = f"is more than the {whole_name}, which contains it ({whole})"
        raise AmountInvalid(what=what, given=str(part), problem=problem, advice=f"count it into {whole_name} too")
