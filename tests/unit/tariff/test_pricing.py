"""Every form of price, by examples worked by hand. Each asks for amounts in a unit of six places."""

from fractions import Fraction
from typing import Any

import pytest

from farthing.tariff import prices
from farthing.tariff.errors import QuantityInvalid, UnknownPrice
from farthing.tariff.prices import (
    CostPlus,
    PerBlock,
    Percent,
    PerQuantity,
    PerRequest,
    Price,
    Rate,
    Steps,
    StepUp,
    Tier,
    Tiered,
    Tokens,
    TokensPerCredit,
    Use,
)
from farthing.tariff.pricing import FORMS, reckon
from farthing.values.amounts import Rounding, Unit

CREDITS = Unit(1, "credits", 6, 0)


def cost(price, quantity="1", **said):
    """Whole credits as text, and the working adds up to them."""
    found = reckon(price, Use(quantity=Fraction(quantity), **said), CREDITS)
    assert sum(line.subtotal for line in found.lines) == Fraction(found.parts, CREDITS.per_whole)
    return Fraction(found.parts, CREDITS.per_whole)


def fraction(text):
    return None if text is None else Fraction(text)


def tiered(mode, *tiers, **more):
    return Tiered(mode=mode, tiers=tuple(Tier(fraction(up_to), *map(Fraction, rest)) for up_to, *rest in tiers), **more)


def test_every_form_of_price_has_its_lines():
    kinds = {each for each in vars(prices).values() if isinstance(each, type) and issubclass(each, Price)}

    assert set(FORMS) == kinds - {Price}


@pytest.mark.parametrize("quantity", ["0", "1", "12.5"])
def test_a_price_per_request_is_the_same_however_much_it_is(quantity):
    assert cost(PerRequest(amount=Fraction(5)), quantity) == 5


@pytest.mark.parametrize(
    ("amount", "size", "quantity", "expected"),
    [("2", "1", "8", "16"), ("2", "1", "2.5", "5"), ("3", "100", "250", "7.5"), ("1.33333", "1", "120", "159.9996")],
)
def test_a_price_per_quantity_is_in_proportion(amount, size, quantity, expected):
    assert cost(PerQuantity(amount=Fraction(amount), size=Fraction(size)), quantity) == Fraction(expected)


@pytest.mark.parametrize(
    ("quantity", "expected"), [("0", 0), ("0.001", 1), ("15", 1), ("15.001", 2), ("30", 2), ("300", 20)]
)
def test_audio_costs_one_per_started_15_seconds(quantity, expected):
    assert cost(PerBlock(amount=Fraction(1), size=Fraction(15)), quantity) == expected


@pytest.mark.parametrize(("quantity", "expected"), [("1", 20), ("10", 20), ("11", 40)])
def test_lip_sync_costs_twenty_per_started_10_seconds(quantity, expected):
    assert cost(PerBlock(amount=Fraction(20), size=Fraction(10)), quantity) == expected


@pytest.mark.parametrize(
    ("free", "way", "quantity", "expected"),
    [("10", "up", "121", 1200), ("200", "up", "121", 0), ("0", "down", "19", 100), ("0", "down", "9.99", 0)],
)
def test_blocks_may_begin_after_a_free_part_and_count_only_when_they_are_full(free, way, quantity, expected):
    price = PerBlock(amount=Fraction(100), size=Fraction(10), free=Fraction(free), block_rounding=way)

    assert cost(price, quantity) == expected


VIDEO = Steps(steps=(StepUp(Fraction(5), Fraction(25)), StepUp(Fraction(10), Fraction(50))))


@pytest.mark.parametrize(("quantity", "expected"), [("1", 25), ("5", 25), ("5.001", 50), ("8", 50), ("10", 50)])
def test_video_costs_25_up_to_5_seconds_and_50_up_to_10(quantity, expected):
    assert cost(VIDEO, quantity) == expected


def test_above_the_last_closed_step_nothing_has_a_price():
    with pytest.raises(UnknownPrice, match=r"no price for 10\.5 seconds .* end at 10 seconds; ask for less"):
        reckon(VIDEO, Use(quantity=Fraction("10.5"), measure="seconds"), CREDITS)


def test_an_open_step_has_no_end():
    price = Steps(steps=(StepUp(Fraction(5), Fraction(25)), StepUp(None, Fraction(60))))

    assert cost(price, "1000000") == 60


GRADUATED = tiered("graduated", ("100", "0.1"), ("500", "0.05"), (None, "0.02"))


@pytest.mark.parametrize(
    ("quantity", "expected"), [("0", "0"), ("100", "10"), ("250", "17.5"), ("500", "30"), ("1000", "40")]
)
def test_graduated_tiers_price_each_part_by_its_own(quantity, expected):
    assert cost(GRADUATED, quantity) == Fraction(expected)


@pytest.mark.parametrize(("quantity", "expected"), [("0", "0"), ("100", "10"), ("101", "5.05"), ("1000", "20")])
def test_volume_tiers_price_all_of_it_by_the_one_reached(quantity, expected):
    volume = tiered("volume", ("100", "0.1"), ("500", "0.05"), (None, "0.02"))

    assert cost(volume, quantity) == Fraction(expected)


@pytest.mark.parametrize(
    ("quantity", "graduated", "volume"),
    [("10", "200.1", "200.1"), ("12", "500.14", "300.24"), ("21", "900.33", "400.63")],
)
def test_tiers_may_have_a_flat_fee_and_a_percentage(quantity, graduated, volume):
    tiers = (("10", "0", "200", "1"), ("20", "0", "300", "2"), (None, "0", "400", "3"))

    assert cost(tiered("graduated", *tiers), quantity) == Fraction(graduated)
    assert cost(tiered("volume", *tiers), quantity) == Fraction(volume)


@pytest.mark.parametrize(("quantity", "expected"), [("1", 1), ("1500", 2), ("99500", 100), ("150000", 75)])
def test_tiers_with_a_size_round_the_quantity_up_to_whole_sizes_first(quantity, expected):
    price = tiered("volume", ("100000", "1"), (None, "0.5"), size=Fraction(1000))

    assert cost(price, quantity) == expected


def test_tiers_may_sell_blocks_of_their_own_size():
    first = Tier(None, Fraction(1), blocks=Fraction(10), size=Fraction(100))
    rest = Tier(None, Fraction(1), size=Fraction(1000))

    assert cost(Tiered(mode="graduated", tiers=(first, rest)), "5325") == 15
    assert cost(Tiered(mode="graduated", tiers=(first, rest)), "950") == 10
    assert cost(Tiered(mode="volume", tiers=(first, rest)), "5325") == 6


@pytest.mark.parametrize("mode", ["graduated", "volume"])
def test_above_a_bounded_last_tier_nothing_has_a_price(mode):
    price = tiered(mode, ("10", "500"))

    assert cost(price, "10") == 5000
    with pytest.raises(UnknownPrice, match="end at 10"):
        cost(price, "10.5")


@pytest.mark.parametrize(("rate", "fixed", "expected"), [("2.5", "0", "5"), ("2.5", "0.3", "5.3"), ("0", "1", "1")])
def test_a_percentage_of_a_sum(rate, fixed, expected):
    assert cost(Percent(rate=Fraction(rate), fixed=Fraction(fixed)), "200") == Fraction(expected)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({}, "301.691"),
        ({"least": "1.75", "most": "12"}, "16.142"),
        ({"least": "1.75", "most": "12", "fixed": "2"}, "18.691"),
        ({"free_events": 2, "fixed": "2"}, "301"),
        ({"free_events": 5, "fixed": "2"}, "0"),
        ({"free_units": "90", "fixed": "2"}, "301"),
        ({"free_units": "50", "fixed": "2"}, "304.196"),
        ({"free_units": "50", "free_events": 1, "fixed": "2"}, "305.392"),
        ({"free_units": "50", "free_events": 9, "fixed": "2"}, "304.196"),
    ],
)
def test_a_percentage_of_events_with_bounds_and_free_beginnings(terms, expected):
    said: dict[str, Any] = {name: Fraction(term) if isinstance(term, str) else term for name, term in terms.items()}
    events = (Fraction(10), Fraction(80), Fraction(10000))

    assert cost(Percent(rate=Fraction("2.99"), **said), events=events) == Fraction(expected)


def test_a_markup_charges_the_sum_itself_too():
    assert cost(Percent(rate=Fraction(50), adds=True), "2") == 3


@pytest.mark.parametrize(
    ("tokens_in", "tokens_out", "expected"), [(2000, 0, "1"), (1500, 1500, "1.5"), (0, 1, "0.0005")]
)
def test_one_credit_is_2000_tokens_in_and_out_together(tokens_in, tokens_out, expected):
    tokens = {"input": tokens_in, "output": tokens_out}

    assert cost(TokensPerCredit(tokens=2000), tokens=tokens) == Fraction(expected)


def test_tokens_that_nobody_counted_have_no_price():
    with pytest.raises(UnknownPrice, match="say how many"):
        cost(TokensPerCredit(tokens=2000))


def test_the_providers_cost_with_a_markup_in_credits():
    price = CostPlus(factor=Fraction("1.3"), credits_per=Fraction(100))

    assert cost(price, cost=Fraction("0.0421")) == Fraction("5.473")


def test_a_providers_cost_that_nobody_knows_is_no_zero():
    with pytest.raises(UnknownPrice, match=r"provider_cost="):
        cost(CostPlus())


@pytest.mark.parametrize(("least", "most", "quantity", "expected"), [("3", None, "1", 3), (None, "10", "99", 10)])
def test_a_charge_is_kept_between_its_minimum_and_maximum(least, most, quantity, expected):
    assert cost(PerQuantity(amount=Fraction(1), minimum=fraction(least), maximum=fraction(most)), quantity) == expected


def test_rounding_does_not_carry_a_charge_past_its_bounds():
    assert cost(PerQuantity(amount=Fraction(1), maximum=Fraction("1.5"), places=0), "2") == Fraction("1.5")
    assert cost(PerQuantity(amount=Fraction(1), minimum=Fraction("1.4"), places=0), "1") == Fraction("1.4")


@pytest.mark.parametrize(
    ("rounding", "amount", "expected"),
    [
        (Rounding.HALF_UP, "0.5", 1),
        (Rounding.HALF_EVEN, "0.5", Fraction(1, 10**6)),
        (Rounding.HALF_EVEN, "1.5", 2),
        (Rounding.CEILING, "1.01", 2),
        (Rounding.FLOOR, "1.99", 1),
    ],
)
def test_one_named_rounding_at_the_end(rounding, amount, expected):
    assert cost(PerQuantity(amount=Fraction(amount), places=0, rounding=rounding)) == expected


NEGATIVE = [
    (PerQuantity(amount=Fraction(1)), Use(quantity=Fraction(-1))),
    (PerBlock(amount=Fraction(1), size=Fraction(10)), Use(quantity=Fraction(-1))),
    (VIDEO, Use(quantity=Fraction(-1))),
    (GRADUATED, Use(quantity=Fraction(-1))),
    (Percent(rate=Fraction(1)), Use(quantity=Fraction(-1))),
    (Percent(rate=Fraction(1)), Use(events=(Fraction(5), Fraction(-1)))),
    (CostPlus(), Use(cost=Fraction(-1))),
]


@pytest.mark.parametrize(("price", "use"), NEGATIVE)
def test_less_than_nothing_is_refused(price, use):
    with pytest.raises(QuantityInvalid, match="-1 is negative"):
        reckon(price, use, CREDITS)


def test_the_working_says_line_by_line_what_was_reckoned():
    price = PerBlock(amount=Fraction(1, 3), size=Fraction(15), free=Fraction(5))
    found = reckon(price, Use(quantity=Fraction(50), measure="seconds"), CREDITS)

    assert [line.text for line in found.lines] == [
        "5 seconds free",
        "3 started blocks of 15 seconds at 1/3",
    ]
    assert [line.quantity for line in found.lines] == [5, 3]
    assert [line.rate for line in found.lines] == [0, Fraction(1, 3)]
    assert [line.subtotal for line in found.lines] == [0, 1]


def test_what_rounding_adds_is_a_line_of_its_own():
    found = reckon(PerRequest(amount=Fraction(2, 3)), Use(), CREDITS)

    assert found.exact == Fraction(2, 3)
    assert found.lines[-1].text == "rounded half up to 6 places"
    assert found.lines[-1].subtotal == Fraction("0.666667") - Fraction(2, 3)


WORKINGS = [
    (PerRequest(amount=Fraction(5)), Use(), [("a request", 1, 5)]),
    (PerQuantity(amount=Fraction(2)), Use(quantity=Fraction(8), measure="seconds"), [("8 seconds at 2 each", 8, 2)]),
    (
        PerQuantity(amount=Fraction(3), size=Fraction(100)),
        Use(quantity=Fraction(250)),
        [("250 at 3 per 100", Fraction(5, 2), 3)],
    ),
    (
        Tiered(mode="graduated", tiers=(Tier(Fraction(10), Fraction(1)), Tier(None, Fraction(2))), size=Fraction(5)),
        Use(quantity=Fraction(12)),
        [("10 at 1 per 5", 2, 1), ("5 at 2 per 5", 1, 2)],
    ),
    (
        Tiered(mode="graduated", tiers=(Tier(None, Fraction(1), Fraction(9), Fraction(2), size=Fraction(100)),)),
        Use(quantity=Fraction(150)),
        [("a flat fee", 1, 9), ("2 % of 150", 150, Fraction("0.02")), ("150 at 1 per 100", 2, 1)],
    ),
    (
        Percent(rate=Fraction(10), free_units=Fraction(5), least=Fraction(1), most=Fraction(2)),
        Use(events=(Fraction(5), Fraction(0), Fraction(10), Fraction(15), Fraction(20), Fraction(90))),
        [
            ("5 free", 5, 0),
            ("10 % of 0, at least the minimum", 0, Fraction(1, 10)),
            ("10 % of 10", 10, Fraction(1, 10)),
            ("10 % of 15", 15, Fraction(1, 10)),
            ("10 % of 20", 20, Fraction(1, 10)),
            ("10 % of 90, at most the maximum", 90, Fraction(1, 10)),
        ],
    ),
    (
        Percent(rate=Fraction(10), fixed=Fraction(1), free_units=Fraction(5)),
        Use(events=(Fraction(15),)),
        [("10 % of 10 and 1", 10, Fraction(1, 10))],
    ),
    (
        Tokens(rates={"input": Rate(Fraction(3))}, per=Fraction(1000)),
        Use(tokens={"input": 500}),
        [("500 tokens of input at 3 per 1,000", 500, Fraction(3, 1000))],
    ),
    (TokensPerCredit(tokens=2000), Use(tokens={"input": 1}), [("1 token, 2,000 for one", 1, Fraction(1, 2000))]),
    (CostPlus(factor=Fraction(2)), Use(cost=Fraction(0)), [("the provider's 0 × 2", 0, 2)]),
    (
        CostPlus(factor=Fraction(2), credits_per=Fraction(100)),
        Use(cost=Fraction(1, 4)),
        [("the provider's 0.25 × 2 × 100", Fraction(1, 4), 200)],
    ),
]


@pytest.mark.parametrize(("price", "use", "lines"), WORKINGS)
def test_every_line_of_the_working_says_quantity_and_rate(price, use, lines):
    found = reckon(price, use, CREDITS).lines

    assert [(line.text, line.quantity, line.rate) for line in found] == lines
