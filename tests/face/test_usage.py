"""Usage: inclusive counts, checked in one place, and turned there into what prices reckon with (rule 23)."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from farthing.face.usage import KEPT, PARTS, UNKEPT, Usage, read_tokens, read_use
from farthing.tariff.prices import KINDS, Use
from farthing.tariff.tokens import WHOLES
from farthing.values.errors import AmountInvalid, AmountIsFloat, AmountTooLarge, TermInvalid


def test_every_kind_of_token_that_can_have_a_price_can_be_said():
    assert set(KINDS) <= {*KEPT, *UNKEPT}
    assert {part: whole for whole, parts in PARTS.items() for part in parts} == dict(WHOLES)


def test_a_use_has_what_was_said_and_nothing_else():
    usage = Usage(model="m", input=100, cache_read=40, audio_in=10, output=20, reasoning=0, items=2, seconds=3)

    assert read_use(usage) == Use(
        tokens={"input": 100, "cache_read": 40, "audio_in": 10, "output": 20, "reasoning": 0}, items=2
    )
    assert read_use(Usage(), quantity=Fraction(7), cost=Fraction(1, 3)) == Use(
        quantity=Fraction(7), cost=Fraction(1, 3)
    )


@pytest.mark.parametrize("seconds", ["7.5", Decimal("7.5")])
def test_seconds_are_the_quantity_of_what_is_measured_in_them(seconds):
    usage = Usage(seconds=seconds)

    assert read_use(usage, measure="seconds").quantity == Fraction(15, 2)
    assert read_use(usage, measure="seconds", quantity=Fraction(8)).quantity == 8
    assert read_use(usage, measure="images").quantity == 1
    assert read_use(Usage(), measure="seconds").quantity == 1


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"input": 9, "cache_read": 6, "cache_write": 5}, "usage.cache_read and cache_write 11 is more than the input"),
        ({"input": 10, "cache_read": 6, "audio_in": 5}, "usage.cache_read and audio_in 11 is more than the input"),
        ({"input": 10, "cache_write": 3, "cache_write_1h": 4}, "usage.cache_write_1h 4 is more than the cache_write"),
        ({"output": 10, "reasoning": 6, "citation": 5}, "usage.reasoning and citation 11 is more than the output"),
        ({"output": 10, "audio_out": 4, "image_out": 4, "video_out": 4}, "is more than the output"),
        ({"output": 10, "reasoning": 11}, "more than the output, which contains it (10): count it into output too"),
    ],
)  # fmt: skip
def test_rule_23_parts_together_are_never_larger_than_their_whole(said, message):
    for read in (read_tokens, read_use):
        with pytest.raises(AmountInvalid) as refused:
            read(Usage(**said))
        assert message in str(refused.value)


def test_parts_as_large_as_their_whole_are_all_of_it():
    usage = Usage(input=10, cache_read=5, audio_in=5, cache_write=0, output=6, reasoning=2, citation=1, image_out=3)

    assert read_tokens(usage) == (10, 5, 0, 6, 2)


@pytest.mark.parametrize(
    ("said", "whole"), [({"cache_read": 1}, "input"), ({"input": 5, "cache_write_1h": 1}, "cache_write"),
                        ({"input": 5, "reasoning": 1}, "output")],
)  # fmt: skip
def test_rule_23_a_part_without_its_whole_is_kept_but_has_no_price(said, whole):
    unused: dict[str, Any] = dict.fromkeys(said, 0)
    read_tokens(Usage(**said))

    with pytest.raises(AmountInvalid, match=f"is a part of the {whole}, which was not said: say usage.{whole} too"):
        read_use(Usage(**said))
    assert read_use(Usage(**unused)).tokens == unused


@pytest.mark.parametrize("name", [*KINDS, "items"])
@pytest.mark.parametrize(
    ("count", "error"),
    [(-1, AmountInvalid), (1.0, AmountIsFloat), (True, AmountInvalid), ("1", AmountInvalid), (2**63, AmountTooLarge)],
)
def test_a_count_is_a_whole_number_from_zero(name, count, error):
    with pytest.raises(error, match=f"usage.{name}"):
        read_tokens(Usage(**{name: count}))


@pytest.mark.parametrize(
    ("seconds", "error"), [(1.5, AmountIsFloat), ("-1", AmountInvalid), ("0.0000001", AmountInvalid)]
)
def test_seconds_are_exact(seconds, error):
    with pytest.raises(error, match=r"usage\.seconds"):
        read_tokens(Usage(seconds=seconds))


def test_what_is_no_usage_is_refused():
    nothing: Any = {"input": 1}

    with pytest.raises(TermInvalid, match=r"farthing\.Usage"):
        read_use(nothing)
