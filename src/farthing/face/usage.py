"""What a model call used, as integrations report it: counts are inclusive (rule 23)."""

from dataclasses import dataclass

from farthing.values.bounds import LARGEST_AMOUNT
from farthing.values.errors import AmountInvalid, AmountIsFloat, AmountTooLarge, TermInvalid, show_given


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call. `input` contains those read from and written to the cache, `output` those of reasoning."""

    model: str | None = None
    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None


def read_tokens(usage: object) -> tuple[int | None, int | None, int | None, int | None, int | None]:
    """Tokens in the order in which an entry keeps them: in, cached read, cached write, out, reasoning.

    Raises `TermInvalid` for something that is no `Usage`, `AmountInvalid` for counts that are not whole numbers from
    zero, or for a part that is larger than its whole.
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
    cached = (tokens[1] or 0) + (tokens[2] or 0)
    refuse_larger_part("usage.cache_read and cache_write", cached, "input", tokens[0])
    refuse_larger_part("usage.reasoning", tokens[4] or 0, "output", tokens[3])
    return tokens


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


def refuse_larger_part(what: str, part: int, whole_name: str, whole: int | None) -> None:
    """A part of a count is never larger than the whole; what is not said is not compared."""
    if whole is not None and part > whole:
        problem = f"is more than the {whole_name}, which contains it ({whole})"
        raise AmountInvalid(what=what, given=str(part), problem=problem, advice=f"count it into {whole_name} too")
