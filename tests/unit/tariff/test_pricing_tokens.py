"""Tokens by kind: inclusive counts, thresholds, items; worked by hand."""

from fractions import Fraction

import pytest

from farthing.tariff.errors import QuantityInvalid, UnknownPrice
from farthing.tariff.prices import KINDS, Rate, Tokens, Use
from farthing.tariff.pricing import reckon
from farthing.tariff.tokens import WHOLES
from farthing.values.amounts import Unit

CREDITS = Unit(1, "credits", 9, 0)


def rates(**said):
    return {kind: Rate(Fraction(rate)) for kind, rate in said.items()}


def cost(price, **counts):
    found = reckon(price, Use(tokens=counts), CREDITS)
    assert sum(line.subtotal for line in found.lines) == Fraction(found.parts, CREDITS.per_whole)
    return Fraction(found.parts, CREDITS.per_whole)


def test_tokens_in_and_out_have_rates_of_their_own():
    price = Tokens(rates=rates(input="3", output="15"))

    assert cost(price, input=1200, output=420) == Fraction("0.0099")


def test_rule_23_what_is_contained_is_charged_once():
    price = Tokens(rates=rates(input="3", cache_write="3.75", cache_read="0.3", output="15"))

    assert cost(price, input=1000, cache_write=20, cache_read=30, output=100) == Fraction("0.004434")


def test_rule_23_a_kind_without_a_rate_takes_that_of_its_whole():
    price = Tokens(rates=rates(output="8", citation="2"))

    assert cost(price, output=100, reasoning=25, citation=10) == Fraction("0.00074")
    assert cost(Tokens(rates=rates(input="1"), per=Fraction(1)), input=10, cache_write=5, cache_write_1h=5) == 10


def test_rule_23_what_is_written_for_an_hour_is_part_of_what_is_written():
    price = Tokens(rates=rates(input="5", cache_write="6.25", cache_write_1h="10"))

    assert cost(price, input=1_000_000, cache_write=1_000_000, cache_write_1h=400_000) == Fraction("7.75")


def test_rule_23_an_explicit_zero_is_free():
    assert cost(Tokens(rates=rates(input="1", cache_read="0")), input=10_000, cache_read=10_000) == 0


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"input": 100, "cache_read": 200}, "cache_read 200 is more than the input, which contains it"),
        ({"input": 100, "cache_read": 60, "audio_in": 41}, "cache_read and audio_in 101"),
        ({"input": 9, "cache_write": 5, "cache_write_1h": 6}, "cache_write_1h 6 is more than the cache_write"),
        ({"output": 5, "reasoning": 6}, "reasoning 6"),
        ({"reasoning": 6}, r"more than the output, which contains it \(0\)"),
    ],
)
def test_rule_23_a_part_larger_than_its_whole_is_refused(counts, said):
    with pytest.raises(QuantityInvalid, match=said):
        cost(Tokens(rates=rates(input="3", output="4")), **counts)


LONG = Tokens(
    rates={
        "input": Rate(Fraction("2.5"), ((272_000, Fraction(5)), (500_000, Fraction(9)))),
        "output": Rate(Fraction(15), ((272_000, Fraction("22.5")),)),
        "cache_read": Rate(Fraction("0.25")),
    }
)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"input": 272_000}, "0.68"),
        ({"input": 272_001}, "1.360005"),
        ({"input": 600_000}, "5.4"),
        ({"input": 300_000, "output": 100_000}, "3.75"),
        ({"input": 200_000, "output": 300_000}, "5"),
        ({"input": 300_000, "cache_read": 300_000}, "0.075"),
    ],
)
def test_rule_23_strictly_above_a_threshold_of_input_another_rate_prices_the_whole_kind(counts, expected):
    assert cost(LONG, **counts) == Fraction(expected)


def test_a_rate_that_nobody_gave_is_refused_and_named():
    with pytest.raises(UnknownPrice, match="no price for 7 tokens of output of this feature: give the price a rate"):
        cost(Tokens(rates=rates(input="3")), input=5, output=7)
    assert cost(Tokens(rates=rates(input="3"), per=Fraction(1)), input=5, output=0) == 15


def test_a_whole_without_a_rate_needs_none_where_its_parts_are_all_of_it():
    price = Tokens(rates=rates(cache_read="2"), per=Fraction(1))

    assert cost(price, input=3, cache_read=3) == 6
    with pytest.raises(UnknownPrice, match="tokens of input"):
        cost(price, input=4, cache_read=3)


@pytest.mark.parametrize(
    ("counts", "said"),
    [({"input": -1}, "usage.input -1 is negative"), ({"inptu": 1}, "usage inptu is no kind of token")],
)
def test_counts_that_cannot_be_are_refused(counts, said):
    with pytest.raises(QuantityInvalid, match=said):
        cost(Tokens(rates=rates(input="3")), **counts)


def test_tokens_that_nobody_counted_have_no_price():
    with pytest.raises(UnknownPrice, match="unknown number of tokens"):
        cost(Tokens(rates=rates(input="3")))


@pytest.mark.parametrize(("items", "expected"), [(None, "0.08"), (0, "0"), (3, "0.12")])
def test_items_are_charged_each_and_a_request_that_says_none_has_the_usual_number(items, expected):
    price = Tokens(rates={}, per_item=Fraction("0.04"), default_items=2)
    found = reckon(price, Use(items=items), CREDITS)

    assert Fraction(found.parts, CREDITS.per_whole) == Fraction(expected)


def test_items_come_on_top_of_tokens():
    price = Tokens(rates=rates(input="1"), per=Fraction(1), per_item=Fraction("0.5"))
    found = reckon(price, Use(items=2, tokens={"input": 3}), CREDITS)

    assert Fraction(found.parts, CREDITS.per_whole) == 4
    assert [line.text for line in found.lines] == ["3 tokens of input at 1 each", "2 items at 0.5"]
    with pytest.raises(QuantityInvalid, match="items -1 is negative"):
        reckon(price, Use(items=-1), CREDITS)


def test_every_kind_but_the_two_wholes_is_contained_in_one():
    assert {*WHOLES, "input", "output"} == set(KINDS)
    assert set(WHOLES.values()) <= set(KINDS)


@pytest.mark.parametrize(
    "price", [Tokens(rates=rates(input="3"), per_item=Fraction(1)), Tokens(rates=rates(input="3"))]
)
def test_items_alone_will_do_only_where_they_have_a_price(price):
    use = Use(items=2)

    if price.per_item:
        assert reckon(price, use, CREDITS).exact == 2
    else:
        with pytest.raises(UnknownPrice):
            reckon(price, use, CREDITS)
